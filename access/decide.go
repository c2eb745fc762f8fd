package access

import (
	"math"
	"slices"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Subject is what a decision needs to know of one principal.
type Subject struct {
	// Orgs has an entry for each organization the user is a member of and not shut out of, or the one organization of a
	// service account; the roles are those granted in the whole organization, to it and to its user groups. The set may be empty.
	Orgs map[ref.OrgID]RoleSet
	// Projects has the roles granted in single projects of those organizations.
	Projects map[ref.ProjectID]RoleSet
	// Groups has the user groups it is in, of organizations where it is an active member: what access policies speak of.
	Groups map[ref.UserGroupID]bool
	// Sessions has those that are live: refresh tokens and browsers' sessions of a user, clients of a service account.
	Sessions map[ref.TokenID]Session
}

// Session is one way in that a principal has opened.
type Session struct {
	Ends time.Time // zero: it has no end
	Only ref.OrgID // see Caller.Only
}

// Live reports whether the session has not ended at now.
func (s Session) Live(now time.Time) bool { return s.Ends.IsZero() || now.Before(s.Ends) }

// Organization is what a decision needs to know of one organization.
type Organization struct {
	ID     ref.OrgID
	Parent ref.OrgID // 0 for a root

	brief brief // what nearly every decision looks at, side by side

	Capabilities []InForce
	Projects     []ref.ProjectID
	// External is what the access policies of the direct parent give here, while the parent's own msp is in force.
	External []ExternalGrant
	// ParentMSP is that; without a name it is not held.
	ParentMSP InForce
}

// InForce is a capability an organization holds, with the instant it ends along the path to the root.
type InForce struct {
	Name string
	Ends time.Time // zero: it has no end
}

// ExternalGrant is what one access policy of the parent gives one user group of the parent in a customer.
type ExternalGrant struct {
	Policy     ref.AccessPolicyID
	Group      ref.UserGroupID
	Roles      RoleSet
	Privileges []Privilege // single ones, beside those of the roles
}

// Ask is what a decision is about.
type Ask struct {
	Privilege Privilege
	Project   ref.ProjectID // 0: the organization as a whole
	Only      ref.OrgID     // see Caller.Only
}

// capability finds a capability the organization holds, ended or not.
func (o *Organization) capability(name string) (InForce, bool) {
	for i := range o.Capabilities {
		if o.Capabilities[i].Name == name {
			return o.Capabilities[i], true
		}
	}
	return InForce{}, false
}

// Active reports whether the capability is held and has not ended at now.
func (c InForce) Active(now time.Time) bool { return c.Ends.IsZero() || now.Before(c.Ends) }

// brief is an organization in the few words that nearly every decision looks at. Among many organizations a decision costs the
// lines of memory it has to fetch, more than anything it computes.
type brief struct {
	settled bool
	ends    [maxGates]int64 // by gate: the end of its capability in µs since 1970; 0: it is not held
	policy  int64           // until when access policies count, likewise
	lets    []let
}

// let is an ExternalGrant without names.
type let struct {
	group  ref.UserGroupID
	roles  RoleSet
	single bool // gives privileges by themselves too: see External at the same place
}

// settled returns the organization with its brief, itself if it has one.
func (o *Organization) settled() *Organization {
	if o.brief.settled {
		return o
	}
	c := *o
	c.brief = brief{settled: true}
	for i, g := range gates {
		if held, ok := o.capability(g.capability); ok {
			c.brief.ends[i] = held.until()
		}
	}
	if o.Parent != 0 && o.ParentMSP.Name != "" {
		c.brief.policy = o.ParentMSP.until()
	}
	for _, e := range o.External {
		c.brief.lets = append(c.brief.lets, let{e.Group, e.Roles &^ ownersOnly, len(e.Privileges) > 0})
	}
	return &c
}

// until is the end in µs since 1970.
func (c InForce) until() int64 {
	if c.Ends.IsZero() {
		return math.MaxInt64
	}
	return c.Ends.UnixMicro()
}

// unlocks reports whether the capabilities in force give one of the roles a meaning at an instant, in µs.
func (o *Organization) unlocks(roles RoleSet, at int64) bool {
	for i := range gates {
		if roles&gates[i].roles != 0 && at < o.brief.ends[i] {
			return true
		}
	}
	return false
}

// external is what access policies give the subject here at an instant, in µs: let in by any of them, which roles, and whether
// the privilege by itself.
func (o *Organization) external(s *Subject, p Privilege, at int64) (in bool, roles RoleSet, itself bool) {
	if len(o.brief.lets) == 0 || len(s.Groups) == 0 || at >= o.brief.policy {
		return false, 0, false
	}
	for i, l := range o.brief.lets {
		if s.Groups[l.group] {
			in, roles = true, roles|l.roles
			itself = itself || l.single && slices.Contains(o.External[i].Privileges, p) && p.Grantable()
		}
	}
	return in, roles, itself
}

// Decide answers whether the subject has the privilege in the organization, or in one of its projects, now: nil if so. It is
// NotFound for an organization the subject has no tie to: as a member, by an access policy, or as a member of the direct
// parent; and for a project that is not the organization's. Else it is Forbidden, saying what is missing: first the capability
// the operation belongs to, which owners need too, then the role.
func Decide(s *Subject, o *Organization, a Ask, now time.Time) error {
	o = o.settled()
	at := now.UnixMicro()
	roles, member := s.Orgs[o.ID]
	if a.Only != 0 && a.Only != o.ID {
		return decideElsewhere(s, o, a.Only)
	}
	// A session that opens this organization alone was vouched for by its provider, which speaks for members and not for the
	// parent's people.
	let, given, itself := false, RoleSet(0), false
	if a.Only == 0 {
		let, given, itself = o.external(s, a.Privilege, at)
	}
	if _, ofParent := s.Orgs[o.Parent]; !member && !let && (!ofParent || o.Parent == 0 || a.Only != 0) {
		return orgNotFound(o.ID)
	}
	if a.Project != 0 {
		if !slices.Contains(o.Projects, a.Project) {
			return noProject(o.ID, a.Project)
		}
		if member {
			roles |= s.Projects[a.Project] &^ orgOnly
		}
	}
	r, known := rules[a.Privilege]
	if !known {
		return errs.Forbiddenf("privilege %s is given by no role", a.Privilege)
	}
	if at >= o.brief.ends[r.gate] {
		return o.lacks(gates[r.gate].capability)
	}
	if (member || let) && (r.affiliated || itself || o.unlocks((roles|given)&r.holders, at)) {
		return nil
	}
	return errs.Forbiddenf("this takes the privilege %s in organization %d, which these roles give: %s", a.Privilege, o.ID, roleNames(r.holders))
}

// decideElsewhere refuses a session that opens another organization only. Of a customer of that one it may know.
func decideElsewhere(s *Subject, o *Organization, only ref.OrgID) error {
	if _, member := s.Orgs[only]; !member || o.Parent != only {
		return orgNotFound(o.ID)
	}
	return errs.Forbiddenf("this session was opened through the identity provider of organization %d and opens that organization only", only)
}

// lacks says why a capability does not count.
func (o *Organization) lacks(name string) error {
	c, held := o.capability(name)
	if !held {
		return errs.Forbiddenf("organization %d does not hold the capability %s, which this operation needs", o.ID, name)
	}
	return errs.Forbiddenf("the capability %s of organization %d ended on %s; renewing it brings everything back",
		name, o.ID, c.Ends.UTC().Format(time.RFC3339))
}

func orgNotFound(id ref.OrgID) error { return errs.NotFoundf("organization %d not found", id) }

func noProject(id ref.OrgID, project ref.ProjectID) error {
	return errs.NotFoundf("organization %d has no project %d", id, project)
}

func roleNames(s RoleSet) string {
	var names []string
	for _, r := range s.List() {
		names = append(names, r.DisplayName)
	}
	return strings.Join(names, ", ")
}
