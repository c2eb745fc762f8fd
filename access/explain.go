package access

import (
	"context"
	"slices"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Grant is one way that a role, or a single privilege, reaches a principal in an organization: granted to it directly, to a
// user group of the organization, or by an access policy of the parent to a user group there.
type Grant struct {
	Role       ref.RoleID    // 0: a privilege by itself
	Privilege  Privilege     // "": a role
	Project    ref.ProjectID // 0: the whole organization
	Group      ref.UserGroupID
	GroupName  string // "": granted directly
	Policy     ref.AccessPolicyID
	PolicyName string // "": granted in the organization itself
}

// Holding is everything that ties a principal to an organization, whether it counts at present or not.
type Holding struct {
	Principal Principal
	Name      string // a user's e-mail, a service account's name
	Member    string // invited, active or inactive; "": no member
	Grants    []Grant
}

// Reason is a grant that gives the privilege in question.
type Reason struct {
	Grant
	Rests string // why it does not count at present; "": it does
}

// Explanation is an answer of [Guard.Require] with what it rests on.
type Explanation struct {
	Holding
	Org     ref.OrgID
	Ask     Ask
	At      time.Time
	Allowed bool
	Refusal string // what Require says; "": allowed

	Capability InForce  // that the privilege belongs to
	Held       bool     // the organization holds the capability
	Everybody  bool     // members, and who is let in by an access policy, have the privilege whatever their roles
	Reasons    []Reason // of the grants, those that give the privilege; first those that count
}

// Explain tells whether a principal has a privilege in an organization, or in one of its projects, and why. It reads anew, so
// that it tells what is so and not what is remembered. Who may see the access rules of the organization may ask, and everybody
// may about itself.
func (g *Guard) Explain(ctx context.Context, by Caller, of Principal, org ref.OrgID, ask Ask) (Explanation, error) {
	if err := ask.check(); err != nil {
		return Explanation{}, err
	}
	if by.Principal() != of || by.Only != 0 && by.Only != org {
		if err := g.Require(ctx, by, RuleIndex, org); err != nil {
			return Explanation{}, err
		}
	}
	o, err := g.cfg.Loader.Organization(ctx, org)
	if errs.KindOf(err) == errs.NotFound {
		err = orgNotFound(org)
	}
	if err != nil {
		return Explanation{}, err
	}
	if ask.Project != 0 && !slices.Contains(o.Projects, ask.Project) {
		return Explanation{}, noProject(org, ask.Project)
	}
	s, err := g.cfg.Loader.Subject(ctx, of)
	if err != nil {
		return Explanation{}, err
	}
	now := g.cfg.Now()
	if err := Decide(s, o, ask, now); by.Principal() == of && errs.KindOf(err) == errs.NotFound {
		return Explanation{}, err // of an organization without a tie nobody learns anything
	}
	list, err := g.cfg.Loader.Holdings(ctx, org, of)
	if err != nil {
		return Explanation{}, err
	}
	h := Holding{Principal: of}
	if len(list) > 0 {
		h = list[0]
	}
	return explain(h, s, o, ask, now), nil
}

// Who lists everybody who has a privilege in an organization at present, in the order of [Principal.Compare], with the reasons.
func (g *Guard) Who(ctx context.Context, by Caller, org ref.OrgID, ask Ask) ([]Explanation, error) {
	if err := ask.check(); err != nil {
		return nil, err
	}
	if err := g.Require(ctx, by, RuleIndex, org); err != nil {
		return nil, err
	}
	o, err := g.cfg.Loader.Organization(ctx, org)
	if err != nil {
		return nil, err
	}
	if ask.Project != 0 && !slices.Contains(o.Projects, ask.Project) {
		return nil, noProject(org, ask.Project)
	}
	all, err := g.cfg.Loader.Holdings(ctx, org, Principal{})
	if err != nil {
		return nil, err
	}
	var list []Explanation
	for _, h := range all {
		if e := explain(h, h.subject(o), o, ask, g.cfg.Now()); e.Allowed {
			list = append(list, e)
		}
	}
	return list, nil
}

// check refuses a privilege that nothing asks for, most likely misspelt.
func (a Ask) check() error {
	if _, known := rules[a.Privilege]; !known || a.Privilege == Self {
		return errs.Invalidf("privilege: %.128q is none that an operation asks for; want one like %s", string(a.Privilege), CustomerIndex)
	}
	return nil
}

// subject is the principal as a decision about this organization sees it.
func (h Holding) subject(o *Organization) *Subject {
	s := &Subject{Orgs: map[ref.OrgID]RoleSet{}, Projects: map[ref.ProjectID]RoleSet{}, Groups: map[ref.UserGroupID]bool{}}
	member := h.Member != "" && h.Member != inactive
	if member {
		s.Orgs[o.ID] = 0
	}
	for _, g := range h.Grants {
		switch {
		case g.Policy != "":
			s.Groups[g.Group] = true
		case member && g.Project != 0:
			s.Projects[g.Project] = s.Projects[g.Project].Add(g.Role)
		case member:
			s.Orgs[o.ID] = s.Orgs[o.ID].Add(g.Role)
		}
	}
	return s
}

// inactive is the state of a member who is shut out.
const inactive = "inactive"

func explain(h Holding, s *Subject, o *Organization, ask Ask, now time.Time) Explanation {
	e := Explanation{Holding: h, Org: o.ID, Ask: ask, At: now, Everybody: rules[ask.Privilege].affiliated}
	o = o.settled()
	e.Capability, e.Held = o.capability(ask.Privilege.Capability())
	e.Capability.Name = ask.Privilege.Capability()
	if err := Decide(s, o, ask, now); err != nil {
		e.Refusal = errs.Message(err)
	} else {
		e.Allowed = true
	}
	var resting []Reason
	for _, g := range h.Grants {
		if !g.gives(ask) {
			continue
		}
		if why := o.rests(h, g, now); why != "" {
			resting = append(resting, Reason{g, why})
		} else {
			e.Reasons = append(e.Reasons, Reason{Grant: g})
		}
	}
	e.Reasons = append(e.Reasons, resting...)
	return e
}

// gives reports whether the grant gives what is asked for, where it counts.
func (g Grant) gives(ask Ask) bool {
	switch {
	case g.Project != 0 && (g.Project != ask.Project || orgOnly.Has(g.Role)), g.Policy != "" && ownersOnly.Has(g.Role):
		return false
	case g.Privilege != "":
		return g.Privilege == ask.Privilege && g.Privilege.Grantable()
	}
	return rules[ask.Privilege].holders.Has(g.Role)
}

// rests says why a grant does not count at present, "" if it does.
func (o *Organization) rests(h Holding, g Grant, now time.Time) string {
	if g.Policy != "" && now.UnixMicro() >= o.brief.policy {
		return "the capability msp of the parent, organization " + o.Parent.String() + ", is not in force"
	}
	if g.Policy == "" && (h.Member == "" || h.Member == inactive) {
		return "no active member of the organization"
	}
	if g.Role != 0 {
		if !o.unlocks(Set(g.Role), now.UnixMicro()) {
			return "the capability " + Roles[g.Role-1].Capability + ", which unlocks the role, is not in force"
		}
	}
	return ""
}
