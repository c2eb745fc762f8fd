package org

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Owner is a person named as owner by a request. The names are used only if the address is not yet a user's: a user's name
// is changed by the user or its home organization.
type Owner struct {
	Email     string
	FirstName string
	LastName  string
}

// State is where a membership stands.
type State string

// The states of a membership.
const (
	Invited  State = "invited"  // named, has not signed in yet; may be an owner already
	Active   State = "active"   // a member
	Inactive State = "inactive" // shut out of this organization, not of others
)

// User is a person as an organization shows it.
type User struct {
	ID        ref.UserID
	Email     string
	FirstName string
	LastName  string
	State     State
	CreatedAt time.Time
	UpdatedAt time.Time
}

// OwnerChange is what has become of the owners of an organization.
type OwnerChange struct {
	Org     Organization
	Before  []User // none where the organization is new
	Added   []User
	Removed []User
}

// tellOwners passes a change on.
func (s *Service) tellOwners(ctx context.Context, tx Tx, by access.Caller, c OwnerChange) error {
	if s.tell == nil {
		return nil
	}
	return s.tell(ctx, tx, by, c)
}

// usersOf picks users by id.
func usersOf(list []User, ids []ref.UserID) []User {
	return slices.DeleteFunc(slices.Clone(list), func(u User) bool { return !slices.Contains(ids, u.ID) })
}

// compareOwners says who of the full new list is no owner yet, and which owners it leaves out. Addresses are compared
// without regard to case.
func compareOwners(present []User, wishes []Owner) (added []Owner, removed []ref.UserID) {
	for _, w := range wishes {
		if !slices.ContainsFunc(present, func(u User) bool { return filter.Fold(u.Email) == filter.Fold(w.Email) }) {
			added = append(added, w)
		}
	}
	for _, u := range present {
		if !slices.ContainsFunc(wishes, func(w Owner) bool { return filter.Fold(u.Email) == filter.Fold(w.Email) }) {
			removed = append(removed, u.ID)
		}
	}
	return added, removed
}

// noneCounts reports whether the owners that stay are all shut out of the organization, so that nobody could let them in again.
func noneCounts(present []User, removed []ref.UserID) bool {
	return !slices.ContainsFunc(present, func(u User) bool { return u.State != Inactive && !slices.Contains(removed, u.ID) })
}

func userEmails(users []User) []string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.Email
	}
	return list
}

func ownerEmails(owners []Owner) []string {
	list := make([]string, len(owners))
	for i, o := range owners {
		list[i] = o.Email
	}
	return list
}

func joinIDs(ids []ref.OrgID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ", ")
}
