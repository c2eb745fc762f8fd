package store_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/treetest"
)

// practice is an MSP with a technician, who is in a user group of it, and a customer that is a parent itself.
type practice struct {
	t *testing.T
	*treetest.World
	msp, customer, grandchild ref.OrgID
	group                     ref.UserGroupID
	owner, tess               access.Caller
}

func newPractice(t *testing.T, db *sqldb.DB) practice {
	t.Helper()
	p := practice{t: t, World: treetest.Grow(t, db)}
	root, err := p.Orgs.CreateRoot(t.Context(), p.By, org.NewRoot{Name: "Practice", Owner: org.Owner{Email: "olga@practice.example"}, Capabilities: []string{org.MSP, "policy"}})
	if err != nil {
		t.Fatal(err)
	}
	p.msp, p.owner = root.Org, access.Caller{User: root.User, RequestID: "r"}
	p.customer = p.Create(t, p.msp, org.NewCustomer{Name: "Patient", Capabilities: []org.Wish{{Name: org.MSP}, {Name: "policy"}}, Owners: owner("pat@patient.example")})
	p.grandchild = p.Create(t, p.customer, org.NewCustomer{Name: "Child", Owners: owner("pat@patient.example")})
	p.tess.User = p.user("tess@practice.example")
	p.join(p.msp, p.tess.User, "active")
	p.group = p.newGroup(p.msp, "Technicians", p.tess.User)
	return p
}

// user, join, newGroup and leave write rows as the services of people do, and tell the guard as they do.
func (p practice) user(email string) ref.UserID {
	p.Exec(p.t, `INSERT INTO app_user (email, email_folded, created_at, updated_at) VALUES ($1, $1, 1, 1)`, email)
	return ref.UserID(p.Count(p.t, `SELECT id FROM app_user WHERE email = $1`, email))
}

func (p practice) join(o ref.OrgID, u ref.UserID, state string) {
	p.Exec(p.t, `INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, $3, 1, 1)
		ON CONFLICT (org_id, user_id) DO UPDATE SET state = excluded.state`, o, u, state)
	p.Guard.ForgetUsers(u)
}

func (p practice) newGroup(o ref.OrgID, name string, members ...ref.UserID) ref.UserGroupID {
	p.Exec(p.t, `INSERT INTO user_group (org_id, name, name_folded, created_at, updated_at) VALUES ($1, $2, $2, 1, 1)`, o, name)
	id := ref.UserGroupID(p.Count(p.t, `SELECT id FROM user_group WHERE org_id = $1 AND name = $2`, o, name))
	for _, u := range members {
		p.Exec(p.t, `INSERT INTO user_group_member (group_id, user_id, created_at) VALUES ($1, $2, 1)`, id, u)
		p.Guard.ForgetUsers(u)
	}
	return id
}

func (p practice) leave(g ref.UserGroupID, u ref.UserID) {
	p.Exec(p.t, `DELETE FROM user_group_member WHERE group_id = $1 AND user_id = $2`, g, u)
	p.Guard.ForgetUsers(u)
}

func (p practice) grant(o ref.OrgID, u ref.UserID, role ref.RoleID) {
	p.Exec(p.t, `INSERT INTO access_rule (org_id, role_id, user_id, created_at) VALUES ($1, $2, $3, 1)`, o, role, u)
	p.Guard.ForgetUsers(u)
}

// draft lets the group into customers as msp_admin.
func (p practice) draft(name string, customers ...ref.OrgID) iam.PolicyDraft {
	return iam.PolicyDraft{Name: name, Groups: []ref.UserGroupID{p.group}, Customers: customers,
		Roles: []iam.RoleDraft{{Permissions: []iam.PermissionDraft{{RoleNames: []string{"msp_admin"}, Permissions: []string{string(access.UserIndex)}}}}}}
}

func (p practice) create(d iam.PolicyDraft) iam.AccessPolicy {
	p.t.Helper()
	made, err := p.People.CreateAccessPolicy(p.t.Context(), p.owner, p.msp, d)
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

// is compares an answer of the guard.
func (p practice) is(what string, by access.Caller, privilege access.Privilege, o ref.OrgID, want errs.Kind) {
	p.t.Helper()
	err := p.Guard.Require(p.t.Context(), by, privilege, o)
	if want == 0 && err != nil || want != 0 && errs.KindOf(err) != want {
		p.t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

const allowed errs.Kind = 0

func TestAccessPolicy(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newPractice(t, db)
		ctx := t.Context()
		p.is("before", p.tess, access.CustomerIndex, p.customer, errs.Forbidden)
		made := p.create(p.draft("In", p.customer))
		p.is("let in, at once", p.tess, access.CustomerIndex, p.customer, allowed)
		p.is("a privilege by itself", p.tess, access.UserIndex, p.customer, allowed)
		p.is("what members may", p.tess, access.OrgShow, p.customer, allowed)
		p.is("no more than given", p.tess, access.UserCreate, p.customer, errs.Forbidden)
		p.is("no owner", p.tess, access.OrgOwn, p.customer, errs.Forbidden)
		p.is("nothing in the parent itself", p.tess, access.CustomerIndex, p.msp, errs.Forbidden)
		p.is("nothing below", p.tess, access.OrgShow, p.grandchild, errs.NotFound)
		only := p.tess
		only.Only = p.customer
		p.is("a session that the customer's provider vouched for", only, access.OrgShow, p.customer, errs.NotFound)
		only.Only = p.msp
		p.is("a session that opens the parent alone", only, access.OrgShow, p.customer, errs.Forbidden)

		if users := p.external(p.customer); len(users) != 1 || users[0].User != p.tess.User || users[0].PolicyName != "In" || !users[0].Roles.Has(access.MSPAdmin) {
			t.Errorf("who is let in: %+v", users)
		}
		e, err := p.Guard.Explain(ctx, p.tess, access.Principal{User: p.tess.User}, p.customer, access.Ask{Privilege: access.CustomerIndex})
		if err != nil || !e.Allowed || len(e.Reasons) != 1 || e.Reasons[0].PolicyName != "In" || e.Reasons[0].GroupName != "Technicians" {
			t.Errorf("explained as %+v (%v)", e, err)
		}
		told := p.Count(t, `SELECT COUNT(*) FROM audit_entry WHERE action = 'access_policy.create' AND target_id = $1 AND (org_id = $2 OR org_id = $3 AND via_org_id = $2)`, string(made.ID), p.msp, p.customer)
		if told != 2 {
			t.Errorf("%d entries, want one in the parent and one in the customer", told)
		}

		p.join(p.msp, p.tess.User, "inactive")
		p.is("shut out of the parent", p.tess, access.CustomerIndex, p.customer, errs.NotFound)
		p.join(p.msp, p.tess.User, "active")
		p.leave(p.group, p.tess.User)
		p.is("removed from the group", p.tess, access.CustomerIndex, p.customer, errs.Forbidden)
		p.newGroup(p.customer, "Technicians", p.tess.User)
		p.is("a group of the customer's by the same name", p.tess, access.CustomerIndex, p.customer, errs.Forbidden)
		p.Exec(t, `INSERT INTO user_group_member (group_id, user_id, created_at) VALUES ($1, $2, 1)`, p.group, p.tess.User)
		p.Guard.ForgetUsers(p.tess.User)
		p.is("in the group again", p.tess, access.CustomerIndex, p.customer, allowed)

		empty := p.draft("In")
		if err := p.People.UpdateAccessPolicy(ctx, p.owner, p.msp, made.ID, empty); err != nil {
			t.Fatal(err)
		}
		p.is("named no more", p.tess, access.CustomerIndex, p.customer, errs.Forbidden)
		if err := p.People.UpdateAccessPolicy(ctx, p.owner, p.msp, made.ID, p.draft("In", p.customer)); err != nil {
			t.Fatal(err)
		}
		p.is("named again", p.tess, access.CustomerIndex, p.customer, allowed)
		if err := p.People.DeleteAccessPolicy(ctx, p.owner, p.msp, made.ID); err != nil {
			t.Fatal(err)
		}
		p.is("deleted", p.tess, access.CustomerIndex, p.customer, errs.Forbidden)
		for _, table := range []string{"granular_role", "granular_permission", "granular_scope", "granular_role_permission", "access_policy_customer"} {
			if n := p.Count(t, `SELECT COUNT(*) FROM `+table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	})
}

func (p practice) external(o ref.OrgID) (list []iam.ExternalUser) {
	p.t.Helper()
	err := p.DB.IAM().Read(p.t.Context(), func(tx iam.Tx) (err error) {
		list, err = tx.ExternalUsers(p.t.Context(), o)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// When msp of the parent ends, its policies rest; renewal brings them back.
func TestAccessPolicyRestsWithMSP(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newPractice(t, db)
		p.create(p.draft("In", p.customer))
		p.is("in force", p.tess, access.UserIndex, p.customer, allowed)
		set := func(ends time.Time) {
			t.Helper()
			if _, err := p.Orgs.SetCapability(t.Context(), p.By, org.SetCapability{Org: p.msp, Name: org.MSP, ExpiresAt: &ends}); err != nil {
				t.Fatal(err)
			}
		}
		set(time.Now().Add(-time.Hour))
		p.is("ended", p.tess, access.UserIndex, p.customer, errs.Forbidden)
		p.is("ended: what members may", p.tess, access.OrgShow, p.customer, errs.Forbidden)
		e, err := p.Guard.Explain(t.Context(), p.By, access.Principal{User: p.tess.User}, p.customer, access.Ask{Privilege: access.UserIndex})
		if err != nil || e.Allowed || len(e.Reasons) == 0 || !strings.Contains(e.Reasons[0].Rests, "msp") {
			t.Errorf("explained as %+v (%v)", e, err)
		}
		set(time.Time{})
		p.is("renewed", p.tess, access.UserIndex, p.customer, allowed)
	})
}

func TestAccessPolicyRefused(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newPractice(t, db)
		foreign := p.newGroup(p.customer, "Foreign")
		owns := func(d iam.PolicyDraft, names ...string) iam.PolicyDraft {
			d.Roles[0].Permissions[0].RoleNames = names
			return d
		}
		grouped := p.draft("x", p.customer)
		grouped.Groups = []ref.UserGroupID{p.group, foreign}
		for name, tt := range map[string]struct {
			draft iam.PolicyDraft
			says  []string
		}{
			"all that are no customers": {p.draft("x", p.grandchild, p.customer, p.Root, p.msp, p.Deleted),
				[]string{p.grandchild.String(), p.Root.String(), p.msp.String(), p.Deleted.String()}},
			"an owner":           {owns(p.draft("x", p.customer), "org_owner"), []string{"org_owner", "directly"}},
			"an unknown role":    {owns(p.draft("x", p.customer), "policy_viewer", "king"), []string{"king"}},
			"a group of another": {grouped, []string{"groupIds", foreign.String()}},
		} {
			_, err := p.People.CreateAccessPolicy(t.Context(), p.owner, p.msp, tt.draft)
			if errs.KindOf(err) != errs.Invalid || slices.ContainsFunc(tt.says, func(s string) bool { return !strings.Contains(errs.Message(err), s) }) {
				t.Errorf("%s: got %v, want Invalid saying %q", name, err, tt.says)
			}
		}
		if n := p.Count(t, `SELECT COUNT(*) FROM access_policy`); n != 0 {
			t.Errorf("%d policies were made", n)
		}

		admin, manager := access.Caller{User: p.user("ida@practice.example")}, access.Caller{User: p.user("mia@practice.example")}
		for c, role := range map[access.Caller]ref.RoleID{admin: access.IAMAdmin, manager: access.MSPAdmin} {
			p.join(p.msp, c.User, "active")
			p.grant(p.msp, c.User, role)
		}
		if _, err := p.People.CreateAccessPolicy(t.Context(), admin, p.msp, p.draft("Mine", p.customer)); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("iam_admin, who manages no customers, opens one: %v", err)
		}
		if _, err := p.People.CreateAccessPolicy(t.Context(), manager, p.msp, p.draft("Hers", p.customer)); err != nil {
			t.Errorf("msp_admin: %v", err)
		}
	})
}

// A user and a service account of one number are two principals, in memory and in the rules; and no machine is an owner.
func TestServiceAccountIsNoUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newPractice(t, db)
		id := int64(p.owner.User)
		p.Exec(t, `INSERT INTO service_account (id, org_id, name, created_at, updated_at) VALUES ($1, $2, 'robot', 1, 1)`, id, p.customer)
		robot := access.Caller{ServiceAccount: ref.ServiceAccountID(id)}
		p.is("the owner", p.owner, access.CustomerCreate, p.msp, allowed)
		p.is("the robot of the owner's number", robot, access.CustomerCreate, p.msp, errs.NotFound)
		p.is("the robot at home", robot, access.OrgShow, p.customer, allowed)
		p.is("the owner there", p.owner, access.OrgShow, p.customer, errs.Forbidden)
		p.is("the robot is no owner", robot, access.OrgOwn, p.customer, errs.Forbidden)
		err := p.DB.Write(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO access_rule (org_id, role_id, service_account_id, created_at) VALUES ($1, 1, $2, 1)`, p.customer, id)
			return err
		})
		if err == nil {
			t.Error("the schema takes a robot that is an owner")
		}

		client, _, err := p.client(robot.ServiceAccount)
		if err != nil {
			t.Fatal(err)
		}
		for who, want := range map[access.Principal]bool{robot.Principal(): true, p.owner.Principal(): false} {
			if _, live, err := p.Guard.Live(t.Context(), client.ID, who); err != nil || live != want {
				t.Errorf("the client of the robot, for %s: live %v (%v), want %v", who, live, err, want)
			}
		}
		by := access.Operator("test")
		if err := p.People.DeleteAccountClient(t.Context(), by, p.customer, robot.ServiceAccount, client.ID); err != nil {
			t.Fatal(err)
		}
		if _, live, _ := p.Guard.Live(t.Context(), client.ID, robot.Principal()); live {
			t.Error("a client is live after its end")
		}
		if err := p.People.DeleteAccount(t.Context(), by, p.customer, robot.ServiceAccount); err != nil {
			t.Fatal(err)
		}
		p.is("a robot that is gone", robot, access.OrgShow, p.customer, errs.NotFound)
	})
}

func (p practice) client(account ref.ServiceAccountID) (c iam.AccountClient, secret string, err error) {
	c, err = p.People.CreateAccountClient(p.t.Context(), access.Operator("test"), p.customer, account, func(s string) error {
		secret = s
		return nil
	})
	return c, secret, err
}

// A former member, and somebody whose rule outlived the membership, are strangers.
func TestFormerMember(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newPractice(t, db)
		p.join(p.customer, p.tess.User, "active")
		p.grant(p.customer, p.tess.User, access.MSPAdmin)
		p.is("a member", p.tess, access.CustomerIndex, p.customer, allowed)
		p.Exec(t, `DELETE FROM membership WHERE user_id = $1`, p.tess.User)
		p.Guard.ForgetUsers(p.tess.User)
		p.is("a former member", p.tess, access.CustomerIndex, p.customer, errs.NotFound)
		p.create(p.draft("In", p.customer))
		p.is("a former member of the parent, still in its group", p.tess, access.CustomerIndex, p.customer, errs.NotFound)
	})
}

// TestEveryChangeCountsAtOnce changes policies while others ask: after a change was answered, no question asked later on the same
// server sees what was before; on another server none does after the TTL.
func TestEveryChangeCountsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newPractice(t, db)
		ctx := t.Context()
		const ttl = time.Minute
		var passed atomic.Int64 // on the clock of the other server
		other, err := access.NewGuard(access.Config{Loader: p.DB.Access(), TTL: ttl,
			Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }})
		if err != nil {
			t.Fatal(err)
		}
		made := p.create(p.draft("In", p.customer))
		at(5, func(i int) error {
			for round := range 40 {
				if i > 0 { // those who keep both memories warm
					_ = p.Guard.Require(ctx, p.tess, access.CustomerIndex, p.customer)
					_ = other.Require(ctx, p.tess, access.CustomerIndex, p.customer)
					continue
				}
				open := round%2 == 1
				d := p.draft("In")
				if open {
					d = p.draft("In", p.customer)
				}
				if err := p.People.UpdateAccessPolicy(ctx, p.owner, p.msp, made.ID, d); err != nil {
					t.Error(err)
					return nil
				}
				if got := p.Guard.Require(ctx, p.tess, access.CustomerIndex, p.customer) == nil; got != open {
					t.Errorf("round %d: let in %v, want %v", round, got, open)
				}
				if open { // what was given elsewhere counts at once
					if err := other.Require(ctx, p.tess, access.CustomerIndex, p.customer); err != nil {
						t.Errorf("round %d, the other server: %v", round, err)
					}
					continue
				}
				passed.Add(int64(ttl))
				if other.Require(ctx, p.tess, access.CustomerIndex, p.customer) == nil {
					t.Errorf("round %d: the other server lets in after its TTL", round)
				}
			}
			return nil
		})
	})
}
