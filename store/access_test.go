package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/store"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// Every decision, its explanation and the list of who has a privilege are compared with a model that fits on a screen, over
// random trees, people, user groups, access rules and access policies. The rows are written past the services, so they hold what
// no service lets in too: projects and groups of other organizations, policies for grandchildren and strangers.

// asOf is the instant of all decisions.
var asOf = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

type (
	tenant struct {
		id, parent ref.OrgID
		holds      map[string]time.Time // zero: no end
		project    ref.ProjectID
	}
	member struct {
		org   ref.OrgID
		user  ref.UserID
		state string
	}
	group struct {
		id      ref.UserGroupID
		org     ref.OrgID
		members []ref.UserID
	}
	rule struct {
		org     ref.OrgID
		project ref.ProjectID // of any organization
		role    ref.RoleID
		of      access.Principal // nobody: of the group
		group   ref.UserGroupID
	}
	policy struct {
		id         ref.AccessPolicyID
		org        ref.OrgID
		groups     []ref.UserGroupID
		customers  []ref.OrgID
		roles      access.RoleSet
		privileges []string
		nodes      []string // nil: no scope
	}
	landscape struct {
		tenants  []tenant
		users    []ref.UserID
		accounts map[ref.ServiceAccountID]ref.OrgID
		members  []member
		groups   []group
		rules    []rule
		policies []policy
	}
)

// The model. A way in is a role, or a privilege by itself, that reaches a principal in an organization.

type way struct {
	role      ref.RoleID
	privilege string
}

func (l *landscape) allowed(p access.Principal, t tenant, ask access.Ask) bool {
	ways, tied := l.ways(p, t, ask.Project)
	holds := slices.ContainsFunc(ways, func(w way) bool {
		return w.privilege == string(ask.Privilege) || w.role != 0 && access.Roles[w.role-1].Holds(ask.Privilege) && l.inForce(t, access.Roles[w.role-1].Capability)
	})
	return l.inForce(t, ask.Privilege.Capability()) && (holds || tied && ask.Privilege == access.OrgShow)
}

func (l *landscape) ways(p access.Principal, t tenant, project ref.ProjectID) (ways []way, tied bool) {
	tied = l.state(p, t.id) != "" && l.state(p, t.id) != "inactive"
	for _, r := range l.rules {
		reaches := r.of == p && p != access.Principal{} || l.in(p, r.group, t.id)
		if tied && reaches && r.org == t.id && (r.project == 0 || r.project == project && project == t.project && !access.Roles[r.role-1].OrgOnly) {
			ways = append(ways, way{role: r.role})
		}
	}
	msp := t.parent != 0 && l.inForce(l.tenant(t.parent), "msp") && l.state(p, t.parent) == "active"
	for _, pol := range l.policies {
		reaches := slices.ContainsFunc(pol.groups, func(g ref.UserGroupID) bool { return l.in(p, g, t.parent) })
		if msp && reaches && pol.org == t.parent && slices.Contains(pol.customers, t.id) && (pol.nodes == nil || slices.Contains(pol.nodes, t.id.String())) {
			for _, r := range pol.roles.List() {
				ways, tied = append(ways, way{role: r.ID}), true
			}
			for _, single := range pol.privileges {
				if single != string(access.OrgOwn) && single != "fcm:cost:read" {
					ways, tied = append(ways, way{privilege: single}), true
				}
			}
		}
	}
	return ways, tied
}

func (l *landscape) inForce(t tenant, capability string) bool {
	ends, held := t.holds[capability]
	return held && (ends.IsZero() || asOf.Before(ends)) && (capability == "iam" || t.parent == 0 || l.inForce(l.tenant(t.parent), capability))
}

func (l *landscape) state(p access.Principal, org ref.OrgID) string {
	if p.ServiceAccount != 0 && l.accounts[p.ServiceAccount] == org {
		return "active"
	}
	for _, m := range l.members {
		if m.org == org && m.user == p.User && p.User != 0 {
			return m.state
		}
	}
	return ""
}

func (l *landscape) in(p access.Principal, id ref.UserGroupID, org ref.OrgID) bool {
	return slices.ContainsFunc(l.groups, func(g group) bool { return g.id == id && g.org == org && slices.Contains(g.members, p.User) })
}

func (l *landscape) tenant(id ref.OrgID) tenant {
	return l.tenants[slices.IndexFunc(l.tenants, func(t tenant) bool { return t.id == id })]
}

// draw makes a landscape; ids start after base.
func draw(r *rapid.T, base int64) *landscape {
	l := &landscape{accounts: make(map[ref.ServiceAccountID]ref.OrgID)}
	some := func(n int, label string) int { return rapid.IntRange(0, n).Draw(r, label) }
	ends := []time.Time{{}, asOf.Add(-time.Hour), asOf, asOf.Add(time.Hour)}
	for i := range 2 + some(3, "organizations") {
		t := tenant{id: ref.OrgID(base + int64(i) + 1), project: ref.ProjectID(base + int64(i) + 1), holds: map[string]time.Time{"iam": {}}}
		if i > 0 && some(4, "root") > 0 {
			t.parent = l.tenants[some(i-1, "parent")].id
		}
		for _, c := range []string{"msp", "policy"} {
			if some(4, "holds") > 0 {
				t.holds[c] = ends[some(3, "ends")]
			}
		}
		l.tenants = append(l.tenants, t)
	}
	org := func() ref.OrgID { return rapid.SampledFrom(l.tenants).Draw(r, "organization").id }
	for i := range 1 + some(2, "users") {
		u := ref.UserID(base + int64(i) + 1)
		l.users = append(l.users, u)
		for _, t := range l.tenants {
			if state := rapid.SampledFrom([]string{"", "active", "active", "invited", "inactive"}).Draw(r, "state"); state != "" {
				l.members = append(l.members, member{t.id, u, state})
			}
		}
	}
	for i := range some(2, "accounts") {
		l.accounts[ref.ServiceAccountID(base+int64(i)+1)] = org() // of the same numbers as users
	}
	for i := range 1 + some(3, "groups") {
		g := group{id: ref.UserGroupID(base + int64(i) + 1), org: org()}
		for _, u := range l.users {
			if some(2, "in") > 0 {
				g.members = append(g.members, u)
			}
		}
		l.groups = append(l.groups, g)
	}
	l.drawRules(r, some, org)
	l.drawPolicies(r, some, org)
	return l
}

func (l *landscape) drawRules(r *rapid.T, some func(int, string) int, org func() ref.OrgID) {
	seen := make(map[rule]bool)
	for range some(8, "rules") {
		n := rule{org: org(), role: rapid.SampledFrom(access.Roles).Draw(r, "role").ID}
		if n.role != access.OrgOwner && some(1, "in a project") > 0 {
			n.project = rapid.SampledFrom(l.tenants).Draw(r, "project").project
		}
		switch kind := some(2, "subject"); {
		case kind == 0 || n.role == access.OrgOwner:
			n.of.User = rapid.SampledFrom(l.users).Draw(r, "user")
		case kind == 1 && len(l.accounts) > 0:
			n.of.ServiceAccount = rapid.SampledFrom(sortedKeys(l.accounts)).Draw(r, "account")
		default:
			n.group = rapid.SampledFrom(l.groups).Draw(r, "group").id
		}
		if !seen[n] {
			seen[n] = true
			l.rules = append(l.rules, n)
		}
	}
}

func sortedKeys[K ~int64, V any](m map[K]V) (keys []K) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (l *landscape) drawPolicies(r *rapid.T, some func(int, string) int, org func() ref.OrgID) {
	for i := range some(3, "policies") {
		p := policy{id: ref.AccessPolicyID(fmt.Sprintf("%d-%d", l.tenants[0].id, i)), org: org()}
		for _, g := range l.groups {
			if some(1, "named") > 0 {
				p.groups = append(p.groups, g.id)
			}
		}
		for _, t := range l.tenants {
			if some(2, "opened") > 0 {
				p.customers = append(p.customers, t.id)
			}
		}
		for range some(2, "roles") {
			p.roles = p.roles.Add(rapid.SampledFrom(access.Roles[1:]).Draw(r, "policy role").ID)
		}
		p.privileges = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{string(access.CustomerIndex), string(access.OrgOwn), string(access.UserIndex), "fcm:cost:read"}),
			0, 2, rapid.ID).Draw(r, "privileges")
		if some(2, "scoped") == 0 {
			p.nodes = []string{org().String(), "node"}
		}
		l.policies = append(l.policies, p)
	}
}

// write puts the landscape into the database.
func (l *landscape) write(tx *sqldb.Tx, ctx context.Context) (err error) {
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.Exec(ctx, query, args...)
		}
	}
	orNull := func(id int64) any {
		if id == 0 {
			return nil
		}
		return id
	}
	list := func(texts []string) string {
		b, _ := json.Marshal(append([]string{}, texts...))
		return string(b)
	}
	for _, t := range l.tenants {
		exec(`INSERT INTO organization (id, parent_id, name, name_folded, created_at, updated_at) VALUES ($1, $2, 'o', 'o', 1, 1)`, t.id, orNull(int64(t.parent)))
		exec(`INSERT INTO project (id, org_id, name, created_at, updated_at) VALUES ($1, $2, 'main', 1, 1)`, t.project, t.id)
		for name, ends := range t.holds {
			exec(`INSERT INTO capability (org_id, name, expires_at, created_at, updated_at) VALUES ($1, $2, $3, 1, 1)`, t.id, name, sqldb.NullTimeOf(ends))
		}
	}
	for _, u := range l.users {
		exec(`INSERT INTO app_user (id, email, email_folded, created_at, updated_at) VALUES ($1, $2, $2, 1, 1)`, u, fmt.Sprintf("u%d@example.com", u))
	}
	for a, org := range l.accounts {
		exec(`INSERT INTO service_account (id, org_id, name, created_at, updated_at) VALUES ($1, $2, 'robot', 1, 1)`, a, org)
	}
	for _, m := range l.members {
		exec(`INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, $3, 1, 1)`, m.org, m.user, m.state)
	}
	for _, g := range l.groups {
		exec(`INSERT INTO user_group (id, org_id, name, name_folded, created_at, updated_at) VALUES ($1, $2, $3, $3, 1, 1)`, g.id, g.org, g.id.String())
		for _, u := range g.members {
			exec(`INSERT INTO user_group_member (group_id, user_id, created_at) VALUES ($1, $2, 1)`, g.id, u)
		}
	}
	for _, r := range l.rules {
		exec(`INSERT INTO access_rule (org_id, project_id, role_id, user_id, group_id, service_account_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, 1)`,
			r.org, orNull(int64(r.project)), r.role, orNull(int64(r.of.User)), orNull(int64(r.group)), orNull(int64(r.of.ServiceAccount)))
	}
	for _, p := range l.policies {
		exec(`INSERT INTO access_policy (id, org_id, name, name_folded, created_by, created_at, updated_at) VALUES ($1, $2, $3, $3, 1, 1, 1)`, string(p.id), p.org, string(p.id))
		exec(`INSERT INTO granular_role (id, org_id, created_by, created_at) VALUES ($1, $2, 1, 1)`, string(p.id), p.org)
		var scope any
		if p.nodes != nil {
			scope = string(p.id)
			exec(`INSERT INTO granular_scope (id, org_id, node_ids_json, node_paths_json, created_by, created_at) VALUES ($1, $2, $3, '[]', 1, 1)`, scope, p.org, list(p.nodes))
		}
		exec(`INSERT INTO granular_permission (id, org_id, roles, permissions_json, scope_id, created_by, created_at) VALUES ($1, $2, $3, $4, $5, 1, 1)`,
			string(p.id), p.org, int64(p.roles), list(p.privileges), scope)
		exec(`INSERT INTO granular_role_permission (role_id, position, permission_id) VALUES ($1, 0, $1)`, string(p.id))
		exec(`INSERT INTO access_policy_role (policy_id, position, role_id) VALUES ($1, 0, $1)`, string(p.id))
		for _, g := range p.groups {
			exec(`INSERT INTO access_policy_group (policy_id, group_id) VALUES ($1, $2)`, string(p.id), g)
		}
		for _, c := range p.customers {
			exec(`INSERT INTO access_policy_customer (policy_id, customer_id) VALUES ($1, $2)`, string(p.id), c)
		}
	}
	return err
}

func (l *landscape) principals() (list []access.Principal) {
	for _, u := range l.users {
		list = append(list, access.Principal{User: u})
	}
	for _, a := range sortedKeys(l.accounts) {
		list = append(list, access.Principal{ServiceAccount: a})
	}
	return list
}

func TestDecisionsAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, raw *sqldb.DB) {
		db, base := store.New(raw), int64(0)
		rapid.Check(t, func(r *rapid.T) {
			base += 1000
			l := draw(r, base)
			if err := raw.Write(t.Context(), func(tx *sqldb.Tx) error { return l.write(tx, t.Context()) }); err != nil {
				r.Fatal(err)
			}
			guard, err := access.NewGuard(access.Config{Loader: db.Access(), Now: func() time.Time { return asOf }})
			if err != nil {
				r.Fatal(err)
			}
			for _, p := range []access.Privilege{access.OrgShow, access.OrgOwn, access.CustomerIndex, access.CustomerCreate, access.UserIndex, access.PolicyCreate, access.ClientCreate} {
				for _, t := range l.tenants {
					l.compare(r, guard, t, access.Ask{Privilege: p})
					l.compare(r, guard, t, access.Ask{Privilege: p, Project: t.project})
				}
			}
		})
	})
}

// compare asks everybody about one organization.
func (l *landscape) compare(r *rapid.T, guard *access.Guard, t tenant, ask access.Ask) {
	ctx := context.Background()
	for _, p := range l.principals() {
		by := access.Caller{User: p.User, ServiceAccount: p.ServiceAccount}
		err := guard.Require(ctx, by, ask.Privilege, t.id)
		if ask.Project != 0 {
			err = guard.RequireProject(ctx, by, ask.Privilege, t.id, ask.Project)
		}
		want := l.allowed(p, t, ask)
		_, tied := l.ways(p, t, ask.Project)
		ofParent := t.parent != 0 && l.state(p, t.parent) != "" && l.state(p, t.parent) != "inactive"
		switch {
		case want && err == nil:
		case !want && (tied || ofParent) && errs.KindOf(err) == errs.Forbidden:
		case !want && !tied && !ofParent && errs.KindOf(err) == errs.NotFound:
		default:
			r.Errorf("%s, %+v in %d: got %v, want allowed %v, tied %v, of the parent %v", p, ask, t.id, err, want, tied, ofParent)
		}
		if ask.Project == 0 == (ask.Privilege != access.UserIndex) { // an explanation costs six statements
			l.compareReasons(r, guard, p, t, ask)
		}
	}
	if ask.Project != 0 {
		return
	}
	who, err := guard.Who(ctx, access.Operator("test"), t.id, ask)
	if err != nil {
		r.Fatal(err)
	}
	for _, p := range l.principals() {
		listed := slices.ContainsFunc(who, func(e access.Explanation) bool { return e.Principal == p })
		if want := l.allowed(p, t, ask); listed != want {
			r.Errorf("who has %+v in %d: %s is listed %v, want %v", ask, t.id, p, listed, want)
		}
	}
}

func (l *landscape) compareReasons(r *rapid.T, guard *access.Guard, p access.Principal, t tenant, ask access.Ask) {
	want := l.allowed(p, t, ask)
	e, err := guard.Explain(context.Background(), access.Operator("test"), p, t.id, ask)
	if err != nil || e.Allowed != want || (e.Refusal == "") != want {
		r.Errorf("%s, %+v in %d: explained as %+v (%v), want %v", p, ask, t.id, e, err, want)
	}
	if counts := len(e.Reasons) > 0 && e.Reasons[0].Rests == ""; counts != want && l.inForce(t, ask.Privilege.Capability()) && !(want && e.Everybody) {
		r.Errorf("%s, %+v in %d: the reasons are %+v, the answer %v", p, ask, t.id, e.Reasons, want)
	}
}
