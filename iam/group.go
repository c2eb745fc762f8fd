package iam

import (
	"context"
	"fmt"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Manager is who says who is in a user group.
type Manager string

// The managers of a user group.
const (
	ByPeople   Manager = ""     // whoever may in the organization
	ByProvider Manager = "idp"  // an identity provider, at each sign-in
	BySCIM     Manager = "scim" // a directory that provisions by SCIM
)

// Group is a user group: a set of users of one organization.
type Group struct {
	ID          ref.UserGroupID
	Org         ref.OrgID
	Name        string
	Description string
	ManagedBy   Manager
	Users       int64 // how many are in it; -1: not counted
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// managed is the refusal to change by hand what another system keeps in step with itself; nil where none does.
func (g Group) managed() error {
	switch g.ManagedBy {
	case ByProvider:
		return errs.Conflictf("", "user group %d is managed by an identity provider: change who is in it and its name there", g.ID)
	case BySCIM:
		return errs.Conflictf("", "user group %d is managed by SCIM: change who is in it and its name in the directory", g.ID)
	}
	return nil
}

// NewGroup names a user group.
type NewGroup struct {
	Name        string
	Description string
}

func (n NewGroup) check() error {
	var wrong []string
	if strings.TrimSpace(n.Name) == "" {
		wrong = append(wrong, "name: is empty")
	}
	wrong = checkText(wrong, "name", n.Name, 512)
	wrong = checkText(wrong, "description", n.Description, 4096)
	if len(wrong) > 0 {
		return errs.Invalidf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

// GroupChange is what of a user group is to be another; nil keeps.
type GroupChange struct {
	Name        *string
	Description *string
}

// GroupQuery asks for user groups of an organization.
type GroupQuery struct {
	Of    ref.UserID // only those that this user is in; 0: all
	Count bool       // how many users are in each
}

// groupTx is what the use cases of user groups ask of a transaction.
type groupTx interface {
	// Groups lists user groups by name.
	Groups(ctx context.Context, org ref.OrgID, q GroupQuery) ([]Group, error)
	Group(ctx context.Context, org ref.OrgID, id ref.UserGroupID, count bool) (Group, error)
	// InsertGroup and UpdateGroup are errs.Conflict where the name is taken, letter case aside.
	InsertGroup(ctx context.Context, g Group) (Group, error)
	UpdateGroup(ctx context.Context, g Group) error
	// DeleteGroup removes one with its memberships and what it was granted; from the commit on that counts for nothing.
	DeleteGroup(ctx context.Context, g Group) error

	// GroupUsers lists who is in a user group, by id; of those named alone, unless none is.
	GroupUsers(ctx context.Context, g Group, only []ref.UserID) ([]User, error)
	// NotMembers lists which of the users do not belong to the organization.
	NotMembers(ctx context.Context, org ref.OrgID, users []ref.UserID) ([]ref.UserID, error)
	// JoinGroup puts users of the organization into a group, LeaveGroup takes them out. Both return who was not yet, or was.
	JoinGroup(ctx context.Context, g Group, users []ref.UserID) ([]ref.UserID, error)
	LeaveGroup(ctx context.Context, g Group, users []ref.UserID) ([]ref.UserID, error)
	// OpensCustomers reports whether an access policy names the group.
	OpensCustomers(ctx context.Context, id ref.UserGroupID) (bool, error)
}

// Groups lists the user groups of an organization by name.
func (s *Service) Groups(ctx context.Context, by access.Caller, org ref.OrgID, q GroupQuery) (list []Group, err error) {
	if err := s.guard.Require(ctx, by, access.GroupIndex, org); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.Groups(ctx, org, q)
		return err
	})
	return list, err
}

// Group returns one; count says whether to count its users.
func (s *Service) Group(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, count bool) (g Group, err error) {
	if err := s.guard.Require(ctx, by, access.GroupShow, org); err != nil {
		return Group{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		g, err = tx.Group(ctx, org, id, count)
		return err
	})
	return g, err
}

// CreateGroup makes a user group that nobody is in. A name that is taken, letter case aside, is Conflict.
func (s *Service) CreateGroup(ctx context.Context, by access.Caller, org ref.OrgID, n NewGroup) (g Group, err error) {
	if err := s.guard.Require(ctx, by, access.GroupCreate, org); err != nil {
		return Group{}, err
	}
	if err := n.check(); err != nil {
		return Group{}, err
	}
	err = s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		g, err = tx.InsertGroup(ctx, Group{Org: org, Name: n.Name, Description: n.Description, Users: -1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
		if err != nil {
			return err
		}
		return recordGroup(ctx, tx, by, "user_group.create", g, nil, g.told())
	})
	return g, err
}

// UpdateGroup changes what is given. The name of a group that another system manages is that system's; see [Manager].
func (s *Service) UpdateGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, c GroupChange) (g Group, err error) {
	err = s.withGroup(ctx, by, access.GroupUpdate, org, id, func(tx Tx, present Group) error {
		g = present
		if c.Name != nil {
			g.Name = *c.Name
		}
		if c.Description != nil {
			g.Description = *c.Description
		}
		if err := (NewGroup{g.Name, g.Description}).check(); err != nil {
			return err
		}
		if g == present {
			return nil
		}
		if g.Name != present.Name {
			if err := g.managed(); err != nil {
				return err
			}
		}
		g.UpdatedAt = tx.Now()
		if err := tx.UpdateGroup(ctx, g); err != nil {
			return err
		}
		return recordGroup(ctx, tx, by, "user_group.update", g, present.told(), g.told())
	})
	return g, err
}

// DeleteGroup removes a user group; what its users had through it alone they lose at once.
func (s *Service) DeleteGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID) error {
	return s.withGroup(ctx, by, access.GroupDelete, org, id, func(tx Tx, g Group) error { return dropGroup(ctx, tx, by, g) })
}

func dropGroup(ctx context.Context, tx Tx, by access.Caller, g Group) error {
	if err := tx.DeleteGroup(ctx, g); err != nil {
		return err
	}
	return recordGroup(ctx, tx, by, "user_group.delete", g, g.told(), nil)
}

// withGroup is a use case that changes one user group, whose organization is held.
func (s *Service) withGroup(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.UserGroupID, change func(Tx, Group) error) error {
	if err := s.guard.Require(ctx, by, p, org); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		g, err := tx.Group(ctx, org, id, false)
		if err != nil {
			return err
		}
		return change(tx, g)
	})
}

// told is a user group as its audit entries tell it.
func (g Group) told() map[string]any {
	return map[string]any{"name": g.Name, "description": g.Description}
}

func groupTexts(groups []Group) []string {
	list := make([]string, len(groups))
	for i, g := range groups {
		list[i] = fmt.Sprintf("%d %s", g.ID, g.Name)
	}
	return list
}

func recordGroup(ctx context.Context, tx Tx, by access.Caller, action string, g Group, before, after any) error {
	return record(ctx, tx, by, audit.Entry{Org: g.Org, Action: action, TargetKind: "user_group", TargetID: g.ID.String()}, before, after)
}
