package access

import (
	"context"
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// organization 7 is a customer of 3 and holds iam, msp until the given end, and no policy.
func organization(mspEnds time.Time) *Organization {
	return &Organization{ID: 7, Parent: 3, Capabilities: []InForce{{Name: "iam"}, {Name: "msp", Ends: mspEnds}}}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	never, ended := time.Time{}, now
	in := func(org ref.OrgID, roles ...ref.RoleID) *Subject {
		return &Subject{Orgs: map[ref.OrgID]RoleSet{org: Set(roles...)}}
	}
	tests := []struct {
		name    string
		subject *Subject
		org     *Organization
		ask     Privilege
		kind    errs.Kind // 0 = allowed
		says    string
	}{
		{"an owner", in(7, OrgOwner), organization(never), CustomerCreate, 0, ""},
		{"msp_admin", in(7, MSPAdmin), organization(never), CustomerDelete, 0, ""},
		{"msp_viewer reads", in(7, MSPViewer), organization(never), CustomerIndex, 0, ""},
		{"msp_viewer writes", in(7, MSPViewer), organization(never), CustomerCreate, errs.Forbidden, "msp:customer:create"},
		{"iam_admin has no msp", in(7, IAMAdmin), organization(never), CustomerIndex, errs.Forbidden, "Manage MSP Customer"},
		{"a member without a role sees the organization", in(7), organization(never), OrgShow, 0, ""},
		{"a member without a role sees no customers", in(7), organization(never), CustomerIndex, errs.Forbidden, ""},
		{"ended: the owner too", in(7, OrgOwner), organization(ended), CustomerIndex, errs.Forbidden, "msp of organization 7 ended on 2026-11-25T12:00:00Z"},
		{"not held", in(7, OrgOwner), &Organization{ID: 7, Capabilities: []InForce{{Name: "iam"}}}, CustomerIndex, errs.Forbidden, "does not hold the capability msp"},
		{"no tie", in(9, OrgOwner), organization(never), CustomerIndex, errs.NotFound, "organization 7 not found"},
		{"nobody", &Subject{}, organization(never), OrgShow, errs.NotFound, ""},
		{"the direct parent's owner may know it exists", in(3, OrgOwner), organization(never), CustomerIndex, errs.Forbidden, ""},
		{"and is told no more than that it lacks a role", in(3, OrgOwner), organization(never), OrgShow, errs.Forbidden, "roles"},
		{"a root has no parent to be a member of", in(0, OrgOwner), &Organization{ID: 8, Capabilities: []InForce{{Name: "iam"}}}, OrgShow, errs.NotFound, ""},
		{"an unknown privilege", in(7, OrgOwner), organization(never), "msp:customer:sell", errs.Forbidden, "given by no role"},
	}
	for _, tt := range tests {
		err := Decide(tt.subject, tt.org, Ask{Privilege: tt.ask}, now)
		if tt.kind == 0 {
			if err != nil {
				t.Errorf("%s: got %v, want nil", tt.name, err)
			}
			continue
		}
		if errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.says) {
			t.Errorf("%s: got %v %q, want %v saying %q", tt.name, errs.KindOf(err), errs.Message(err), tt.kind, tt.says)
		}
	}
}

// A technician of the parent, organization 3, is let into organization 7 by its user group 30; project 70 is of organization 7.
func TestDecideBeyondTheOrganization(t *testing.T) {
	t.Parallel()
	o := organization(time.Time{})
	o.Projects, o.ParentMSP = []ref.ProjectID{70}, InForce{Name: "msp", Ends: now.Add(time.Hour)}
	o.External = []ExternalGrant{{Policy: "p", Group: 30, Roles: Set(MSPViewer, OrgOwner), Privileges: []Privilege{UserIndex, OrgOwn}}}
	technician := &Subject{Orgs: map[ref.OrgID]RoleSet{3: 0}, Groups: map[ref.UserGroupID]bool{30: true}}
	member := &Subject{Orgs: map[ref.OrgID]RoleSet{7: 0}, Projects: map[ref.ProjectID]RoleSet{70: Set(MSPAdmin, PolicyViewer), 71: Set(MSPAdmin)}}
	owner := &Subject{Orgs: map[ref.OrgID]RoleSet{7: Set(OrgOwner)}}
	for name, tt := range map[string]struct {
		subject *Subject
		ask     Ask
		at      time.Time
		kind    errs.Kind // 0 = allowed
	}{
		"a role by policy":                     {technician, Ask{Privilege: CustomerIndex}, now, 0},
		"a privilege by itself":                {technician, Ask{Privilege: UserIndex}, now, 0},
		"what members may":                     {technician, Ask{Privilege: OrgShow}, now, 0},
		"a role that it does not give":         {technician, Ask{Privilege: CustomerCreate}, now, errs.Forbidden},
		"no policy makes owners":               {technician, Ask{Privilege: UserCreate}, now, errs.Forbidden},
		"nor gives what they alone have":       {technician, Ask{Privilege: OrgOwn}, now, errs.Forbidden},
		"the parent's msp ended":               {technician, Ask{Privilege: UserIndex}, now.Add(time.Hour), errs.Forbidden},
		"a project of the organization":        {technician, Ask{Privilege: CustomerIndex, Project: 70}, now, 0},
		"a project of another":                 {technician, Ask{Privilege: CustomerIndex, Project: 71}, now, errs.NotFound},
		"a session of the parent alone":        {technician, Ask{Privilege: CustomerIndex, Only: 3}, now, errs.Forbidden},
		"a session of this one alone":          {technician, Ask{Privilege: CustomerIndex, Only: 7}, now, errs.NotFound},
		"a session of a third":                 {technician, Ask{Privilege: CustomerIndex, Only: 8}, now, errs.NotFound},
		"an owner by a session of this one":    {owner, Ask{Privilege: OrgOwn, Only: 7}, now, 0},
		"an owner by a session of another":     {owner, Ask{Privilege: OrgOwn, Only: 8}, now, errs.NotFound},
		"an organization's role in a project":  {member, Ask{Privilege: CustomerIndex, Project: 70}, now, errs.Forbidden},
		"a member of one, a project of others": {member, Ask{Privilege: CustomerIndex, Project: 71}, now, errs.NotFound},
		"an owner in its project":              {owner, Ask{Privilege: CustomerIndex, Project: 70}, now, 0},
	} {
		err := Decide(tt.subject, o, tt.ask, tt.at)
		if tt.kind == 0 && err != nil || tt.kind != 0 && errs.KindOf(err) != tt.kind {
			t.Errorf("%s: got %v, want %v", name, err, tt.kind)
		}
	}
}

func TestRolesHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*:*:*", "msp:customer:create", true},
		{"msp:*:*", "msp:customer:create", true},
		{"msp:*:index", "msp:customer:create", false},
		{"msp:*:index", "msp:customer_tag:index", true},
		{"msp:*", "msp:customer:create", false},
		{"iam:*:*", "msp:customer:create", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("matches(%q, %q): got %v", tt.pattern, tt.name, got)
		}
	}
	if len(gates) > maxGates {
		t.Errorf("%d capabilities unlock roles: raise maxGates", len(gates))
	}
	for _, r := range Roles {
		if int(r.ID) > len(Roles) || Roles[r.ID-1].ID != r.ID {
			t.Errorf("role %s: id %d is not its place in Roles", r.Name, r.ID)
		}
	}
}

var ann = Principal{User: 1}

// rows is a small working loader.
type rows struct {
	subjects map[Principal]*Subject
	loads    int // of subjects
	orgLoads int
	during   func() // runs while a subject is being loaded
}

func (l *rows) Subject(_ context.Context, p Principal) (*Subject, error) {
	l.loads++
	s, ok := l.subjects[p]
	if l.during != nil {
		l.during()
	}
	if !ok {
		return nil, errs.NotFoundf("no %s", p)
	}
	return s, nil
}

func (l *rows) Organization(_ context.Context, id ref.OrgID) (*Organization, error) {
	l.orgLoads++
	if id != 7 {
		return nil, errs.NotFoundf("none")
	}
	return organization(time.Time{}), nil
}

func (l *rows) Holdings(context.Context, ref.OrgID, Principal) ([]Holding, error) { return nil, nil }

func TestGuard(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	clock := now
	l := &rows{subjects: map[Principal]*Subject{ann: {Orgs: map[ref.OrgID]RoleSet{7: Set(OrgOwner)}, Sessions: map[ref.TokenID]Session{"a": {Ends: now.Add(time.Hour)}}}}}
	g, err := NewGuard(Config{Loader: l, Now: func() time.Time { return clock }, TTL: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	allowed := func() bool { return g.Require(ctx, Caller{User: 1}, CustomerIndex, 7) == nil }

	for range 2 {
		if !allowed() {
			t.Error("an owner was refused")
		}
	}
	if l.loads != 1 {
		t.Errorf("two questions: %d loads, want 1", l.loads)
	}
	l.subjects[ann] = &Subject{}
	if !allowed() {
		t.Error("changed elsewhere: forgotten before the TTL")
	}
	clock = clock.Add(4 * time.Second)
	if allowed() {
		t.Error("changed elsewhere: still allowed after the TTL")
	}
	l.subjects[ann] = &Subject{Orgs: map[ref.OrgID]RoleSet{7: Set(MSPAdmin)}}
	if !allowed() {
		t.Error("granted elsewhere: refused by memory alone")
	}
	g.ForgetAll()
	l.during = func() { // a revocation commits while what was before it is being read
		l.during = nil
		l.subjects[ann] = &Subject{}
		g.ForgetUsers(1)
	}
	allowed()
	if allowed() {
		t.Error("what was read before a change was kept after it")
	}
	if err := g.Require(ctx, Caller{User: 1}, CustomerIndex, 8); errs.KindOf(err) != errs.NotFound {
		t.Errorf("an absent organization: got %v", err)
	}
	if err := g.Require(ctx, Caller{User: 2}, CustomerIndex, 7); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("a user who is gone: got %v", err)
	}
	if err := g.Require(ctx, Caller{}, CustomerIndex, 7); err == nil {
		t.Error("nobody was allowed")
	}
}

// What is hidden from a stranger and what is absent are answered with the same words. They also cost the same questions to the
// database, whatever is in memory, since those are what takes time.
func TestRefusalsCostTheSame(t *testing.T) {
	t.Parallel()
	for _, ttl := range []time.Duration{0, 3 * time.Second} {
		l := &rows{subjects: map[Principal]*Subject{ann: {Groups: map[ref.UserGroupID]bool{1: true}}, {User: 2}: {Orgs: map[ref.OrgID]RoleSet{7: Set(OrgOwner)}}}}
		g, err := NewGuard(Config{Loader: l, Now: func() time.Time { return now }, TTL: ttl})
		if err != nil {
			t.Fatal(err)
		}
		cost := func(org ref.OrgID) [2]int {
			l.loads, l.orgLoads = 0, 0
			if _, in, err := g.Visit(t.Context(), Caller{User: 1}, org); in || err != nil { // as the door asks before each operation
				t.Errorf("a stranger visits organization %d: got %v, %v", org, in, err)
			}
			if err := g.Require(t.Context(), Caller{User: 1}, CustomerIndex, org); errs.KindOf(err) != errs.NotFound {
				t.Errorf("a stranger in organization %d: got %v", org, err)
			}
			return [2]int{l.loads, l.orgLoads}
		}
		for what, prepare := range map[string]func(){
			"nothing is remembered":            func() { g.ForgetAll() },
			"the stranger is":                  func() { g.ForgetAll(); cost(9) },
			"the organization is":              func() { g.ForgetAll(); g.Require(t.Context(), Caller{User: 2}, CustomerIndex, 7) },
			"both are, it was asked before":    func() { g.ForgetAll(); cost(7) },
			"both are, by somebody else there": func() { g.ForgetAll(); cost(9); g.Require(t.Context(), Caller{User: 2}, CustomerIndex, 7) },
		} {
			prepare()
			hidden := cost(7)
			prepare()
			if absent := cost(9); hidden != absent {
				t.Errorf("TTL %v, %s: a hidden organization takes %v loads of subject and organization, an absent one %v", ttl, what, hidden, absent)
			}
		}
	}
}

func TestGuardLive(t *testing.T) {
	t.Parallel()
	clock := now
	l := &rows{subjects: map[Principal]*Subject{ann: {Sessions: map[ref.TokenID]Session{"a": {Ends: now.Add(time.Hour)}}}}}
	g, err := NewGuard(Config{Loader: l, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	live := func(session ref.TokenID, user ref.UserID) bool {
		_, ok, err := g.Live(t.Context(), session, Principal{User: user})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !live("a", 1) || live("b", 1) || live("a", 2) {
		t.Error("live: want session a of user 1 only")
	}
	g.cfg.TTL = time.Second
	l.subjects[ann] = &Subject{Sessions: map[ref.TokenID]Session{"b": {Ends: now.Add(time.Hour)}}}
	if !live("b", 1) {
		t.Error("made elsewhere: refused by memory alone")
	}
	l.subjects[ann] = &Subject{Sessions: map[ref.TokenID]Session{"a": {Ends: now.Add(time.Hour)}}}
	g.ForgetAll()
	clock = clock.Add(time.Hour)
	if live("a", 1) {
		t.Error("live past its end")
	}
}
