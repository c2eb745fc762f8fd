package access

import (
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Subject is what a decision needs to know of one user: the organizations it belongs to and the roles it holds there.
type Subject struct {
	// Orgs has an entry for each organization the user is a member of and not shut out of; the set may be empty.
	Orgs map[ref.OrgID]RoleSet
	// Sessions has the refresh tokens that are live, with the instant each ends.
	Sessions map[ref.TokenID]time.Time
}

// Organization is what a decision needs to know of one organization.
type Organization struct {
	ID           ref.OrgID
	Parent       ref.OrgID // 0 for a root
	Capabilities []InForce
}

// InForce is a capability an organization holds, with the instant it ends along the path to the root.
type InForce struct {
	Name string
	Ends time.Time // zero: it has no end
}

// capability finds a capability the organization holds, ended or not.
func (o *Organization) capability(name string) (InForce, bool) {
	for _, c := range o.Capabilities {
		if c.Name == name {
			return c, true
		}
	}
	return InForce{}, false
}

// Active reports whether the capability is held and has not ended at now.
func (c InForce) Active(now time.Time) bool { return c.Ends.IsZero() || now.Before(c.Ends) }

// unlocked is the set of roles that the capabilities in force give a meaning.
func (o *Organization) unlocked(now time.Time) RoleSet {
	var s RoleSet
	for _, r := range Roles {
		if c, held := o.capability(r.Capability); held && c.Active(now) {
			s = s.Add(r.ID)
		}
	}
	return s
}

// Decide answers whether the subject has p in the organization now: nil if so. It is NotFound for an organization the
// subject has no tie to, its own or as a member of the direct parent; else Forbidden, saying what is missing: first the
// capability the operation belongs to, which owners need too, then the role.
func Decide(s *Subject, o *Organization, p Privilege, now time.Time) error {
	roles, member := s.Orgs[o.ID]
	if !member {
		if _, ofParent := s.Orgs[o.Parent]; !ofParent || o.Parent == 0 {
			return orgNotFound(o.ID)
		}
	}
	r, known := rules[p]
	if !known {
		return errs.Forbiddenf("privilege %s is given by no role", p)
	}
	c, held := o.capability(r.capability)
	if !held {
		return errs.Forbiddenf("organization %d does not hold the capability %s, which this operation needs", o.ID, r.capability)
	}
	if !c.Active(now) {
		return errs.Forbiddenf("the capability %s of organization %d ended on %s; renewing it brings everything back",
			r.capability, o.ID, c.Ends.UTC().Format(time.RFC3339))
	}
	if member && (r.affiliated || roles&r.holders&o.unlocked(now) != 0) {
		return nil
	}
	return errs.Forbiddenf("this takes the privilege %s in organization %d, which these roles give: %s", p, o.ID, roleNames(r.holders))
}

func orgNotFound(id ref.OrgID) error { return errs.NotFoundf("organization %d not found", id) }

func roleNames(s RoleSet) string {
	var names []string
	for _, r := range s.List() {
		names = append(names, r.DisplayName)
	}
	return strings.Join(names, ", ")
}
