package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/scim"
	"espalier.dev/store/iamdb"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// domains is what organizations have verified.
type domains map[ref.OrgID][]string

func (d domains) VerifiedDomain(_ context.Context, org ref.OrgID, domain string) (bool, error) {
	return slices.Contains(d[org], domain), nil
}

// staff is a practice with services that know its domain, somebody who administers the customer's people without owning it, and
// a member without a role.
type staff struct {
	practice
	people      *iam.Service
	pat         access.Caller // owner of the customer
	adam, moira access.Caller
}

func newStaff(t *testing.T, db *sqldb.DB) staff {
	t.Helper()
	s := staff{practice: newPractice(t, db)}
	var err error
	s.people, err = iam.New(iam.Config{Store: s.DB.IAM(), Guard: s.Guard, Now: time.Now, Domains: domains{s.customer: {"patient.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.pat.User = ref.UserID(s.Count(t, `SELECT id FROM app_user WHERE email = 'pat@patient.example'`))
	s.adam.User, s.moira.User = s.hire("adam@patient.example", "Adam", "Éclair"), s.hire("moira@patient.example", "moira", "Zweig")
	s.give(s.adam.User, 0, access.IAMAdmin)
	return s
}

func (s staff) hire(email, first, last string) ref.UserID {
	s.t.Helper()
	id, err := s.people.CreateUser(s.t.Context(), s.pat, s.customer, iam.NewUser{Email: email, FirstName: first, LastName: last})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// give grants a role as the owner.
func (s staff) give(u ref.UserID, project ref.ProjectID, role ref.RoleID) {
	s.t.Helper()
	s.succeeds("grant", s.people.GrantRole(s.t.Context(), s.pat, s.customer, iam.Grant{Of: iam.Grantee{User: u}, In: iam.Scope{Project: project}, Role: role}))
}

func (s staff) succeeds(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Errorf("%s: %v", what, err)
	}
}

// refused wants an error of a kind that says something.
func (s staff) refused(what string, err error, kind errs.Kind, says string) {
	s.t.Helper()
	if errs.KindOf(err) != kind || err == nil || !strings.Contains(errs.Message(err), says) {
		s.t.Errorf("%s: got %v, want %v saying %q", what, err, kind, says)
	}
}

func (s staff) group(name string, users ...ref.UserID) ref.UserGroupID {
	s.t.Helper()
	g, err := s.people.CreateGroup(s.t.Context(), s.pat, s.customer, iam.NewGroup{Name: name})
	s.succeeds("group", err)
	_, err = s.people.AddGroupUsers(s.t.Context(), s.pat, s.customer, g.ID, users)
	s.succeeds("memberships", err)
	return g.ID
}

func (s staff) mainProject(o ref.OrgID) ref.ProjectID {
	return ref.ProjectID(s.Count(s.t, `SELECT id FROM project WHERE org_id = $1 AND name = 'main'`, o))
}

func (s staff) list(q iam.UserQuery) (emails []string, last iam.UserPage) {
	s.t.Helper()
	for {
		page, err := s.people.Users(s.t.Context(), s.pat, s.customer, q)
		s.succeeds("list", err)
		for _, u := range page.Users {
			name, _, _ := strings.Cut(u.Email, "@")
			emails = append(emails, name)
		}
		if page.Next == nil {
			return emails, page
		}
		q.After = page.Next
	}
}

func TestUserColumns(t *testing.T) {
	t.Parallel()
	if err := iam.UserFilter.CheckColumns(iamdb.UserColumns); err != nil {
		t.Error(err)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s := newStaff(t, db)
		s.create(s.draft("In", s.customer)) // lets tess in
		s.Exec(t, `INSERT INTO refresh_token (id, user_id, hash, created_at, expires_at, last_used_at) VALUES ('t1', $1, 'h', 1, $2, 5000000)`, s.adam.User, sqldb.Micros(time.Now().Add(time.Hour)))
		s.Exec(t, `INSERT INTO refresh_token (id, user_id, hash, created_at, expires_at, revoked_at) VALUES ('t2', $1, 'h', 1, $2, 2)`, s.moira.User, sqldb.Micros(time.Now().Add(time.Hour)))
		s.Exec(t, `UPDATE app_user SET last_ui_login_at = 7000000 WHERE id = $1`, s.moira.User)
		for _, tt := range []struct {
			filter string
			source iam.Source
			order  iam.UserOrder
			desc   bool
			want   string
		}{
			{"", "", iam.ByEmail, false, "adam moira pat tess"},
			{"", iam.OfMember, iam.ByEmail, true, "pat moira adam"},
			{"", iam.OfPolicy, iam.ByEmail, false, "tess"},
			{"", iam.OfMember, iam.ByFirstName, true, "moira adam pat"},
			{"", iam.OfMember, iam.ByLastName, false, "pat moira adam"}, // bytes of the folded names: é is beyond z
			{"", iam.OfMember, iam.ByLastUILogin, true, "moira adam pat"},
			{"", iam.OfMember, iam.ByLastAPIUse, true, "adam moira pat"},
			{"lastName co 'É'", "", iam.ByEmail, false, "adam"},
			{"firstName eq 'moira' or email co 'TESS'", "", iam.ByEmail, false, "moira tess"},
			{"email ne 'ADAM@patient.example' and firstName ne ''", "", iam.ByEmail, false, "moira"},
			{"hasActiveRefreshToken eq true", "", iam.ByEmail, false, "adam"},
			{"hasActiveRefreshToken eq false", iam.OfMember, iam.ByEmail, false, "moira pat"},
			{"lastUILogin ge '1970-01-01T00:00:07Z'", "", iam.ByEmail, false, "moira"},
			{`lastAPILogin lt "1970-01-01T00:00:06Z"`, "", iam.ByEmail, false, "adam"},
		} {
			match, err := filter.Parse(tt.filter, iam.UserFilter)
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []int{1, 2, 100} {
				got, page := s.list(iam.UserQuery{Match: match, Source: tt.source, Order: tt.order, Desc: tt.desc, Limit: limit, Count: true})
				wanted := strings.Fields(tt.want)
				if tt.order == iam.ByFirstName || tt.order == iam.ByLastName || tt.order == iam.ByLastUILogin || tt.order == iam.ByLastAPIUse {
					got, wanted = firstOf(got), firstOf(wanted) // ties go by id, which the order of making decides
				}
				if !slices.Equal(got, wanted) || page.Total != int64(len(strings.Fields(tt.want))) {
					t.Errorf("%q %s %s, %d a page: got %v of %d, want %s", tt.filter, tt.source, tt.order, limit, got, page.Total, tt.want)
				}
			}
		}
		u, err := s.people.User(t.Context(), s.pat, s.customer, s.tess.User)
		if err != nil || u.Source != iam.OfPolicy || u.State != iam.Active {
			t.Errorf("one let in: %+v (%v)", u, err)
		}
		_, err = s.people.User(t.Context(), s.pat, s.customer, s.owner.User)
		s.refused("somebody of the parent", err, errs.NotFound, "has no user")
		_, err = s.people.Users(t.Context(), s.moira, s.customer, iam.UserQuery{Order: iam.ByEmail, Limit: 1})
		s.refused("a member without a role", err, errs.Forbidden, "iam:org_user:index")
	})
}

func firstOf(list []string) []string { return list[:min(1, len(list))] }

func TestCreateUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		for _, tt := range []struct {
			what string
			by   access.Caller
			n    iam.NewUser
			kind errs.Kind
			says string
		}{
			{"a domain that is not verified", s.pat, iam.NewUser{Email: "x@elsewhere.example", FirstName: "X", LastName: "Y"}, errs.Invalid, "elsewhere.example is no domain"},
			{"one below a verified domain", s.pat, iam.NewUser{Email: "x@sub.patient.example", FirstName: "X", LastName: "Y"}, errs.Invalid, "sub.patient.example"},
			{"the domain in the wrong place", s.pat, iam.NewUser{Email: "patient.example@x.example", FirstName: "X", LastName: "Y"}, errs.Invalid, "x.example"},
			{"two signs", s.pat, iam.NewUser{Email: "a@patient.example@evil.example", FirstName: "X", LastName: "Y"}, errs.Invalid, "evil.example"},
			{"no names", s.pat, iam.NewUser{Email: "new@patient.example", FirstName: "X"}, errs.Invalid, "both are needed"},
			{"without the right", s.moira, iam.NewUser{Email: "new@patient.example", FirstName: "X", LastName: "Y"}, errs.Forbidden, "iam:org_user:create"},
			{"a stranger", s.tess, iam.NewUser{Email: "new@patient.example", FirstName: "X", LastName: "Y"}, errs.Forbidden, ""},
		} {
			_, err := s.people.CreateUser(ctx, tt.by, s.customer, tt.n)
			s.refused(tt.what, err, tt.kind, tt.says)
		}
		again, err := s.people.CreateUser(ctx, s.adam, s.customer, iam.NewUser{Email: "ADAM@Patient.example"})
		if err != nil || again != s.adam.User {
			t.Errorf("a member again: got %d (%v), want %d", again, err, s.adam.User)
		}
		known := s.user("known@patient.example")
		if id, err := s.people.CreateUser(ctx, s.adam, s.customer, iam.NewUser{Email: "known@Patient.Example"}); err != nil || id != known {
			t.Errorf("who is a user already: got %d (%v), want %d", id, err, known)
		}
		s.succeeds("deactivate", s.people.DeactivateUser(ctx, s.adam, s.customer, known))
		_, err = s.people.CreateUser(ctx, s.pat, s.customer, iam.NewUser{Email: "known@patient.example"})
		s.refused("who was shut out", err, errs.Invalid, "reactivate")
	})
}

// leaveNone is every way to take an owner away from the customer, by somebody who may.
func (s staff) leaveNone() map[string]func(by access.Caller, u ref.UserID) error {
	ctx, keep := s.t.Context(), func(u ref.UserID) iam.Grantee { return iam.Grantee{User: u} }
	return map[string]func(access.Caller, ref.UserID) error{
		"removal":         func(by access.Caller, u ref.UserID) error { return s.people.RemoveUser(ctx, by, s.customer, u) },
		"deactivation":    func(by access.Caller, u ref.UserID) error { return s.people.DeactivateUser(ctx, by, s.customer, u) },
		"removal by SCIM": func(by access.Caller, u ref.UserID) error { return s.directory().DeleteUser(ctx, by, s.customer, u) },
		"deactivation by SCIM": func(by access.Caller, u ref.UserID) error {
			_, err := s.directory().PatchUser(ctx, by, s.customer, u, patch(`{"op":"replace","path":"active","value":"False"}`))
			return err
		},
		"replacement by SCIM": func(by access.Caller, u ref.UserID) error {
			_, err := s.directory().ReplaceUser(ctx, by, s.customer, u, func(p scim.Person) (scim.Person, error) {
				p.Active = false
				return p, nil
			})
			return err
		},
		"revocation": func(by access.Caller, u ref.UserID) error {
			return s.people.RevokeRole(ctx, by, s.customer, iam.Revocation{Of: keep(u), Role: access.OrgOwner})
		},
		"all revoked": func(by access.Caller, u ref.UserID) error {
			return s.people.RevokeRole(ctx, by, s.customer, iam.Revocation{Of: keep(u)})
		},
		"the parent's list": func(by access.Caller, u ref.UserID) error {
			var owners []org.Owner
			present, err := s.Orgs.Customer(ctx, s.owner, s.msp, s.customer)
			if err != nil {
				return err
			}
			for _, o := range present.Owners {
				if o.ID != u {
					owners = append(owners, org.Owner{Email: o.Email})
				}
			}
			return s.Orgs.UpdateCustomer(ctx, s.owner, s.msp, s.customer, org.Patch{Owners: &owners})
		},
	}
}

// owners counts those who count, by a query of its own.
func (s staff) owners(o ref.OrgID) int64 {
	return s.Count(s.t, `SELECT COUNT(*) FROM access_rule r JOIN membership m ON m.org_id = r.org_id AND m.user_id = r.user_id
		WHERE r.org_id = $1 AND r.role_id = 1 AND r.project_id IS NULL AND m.state <> 'inactive'`, o)
}

func TestLastOwner(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		quinn := s.hire("quinn@patient.example", "Quinn", "Q")
		s.give(quinn, 0, access.OrgOwner)
		s.succeeds("deactivate the second owner", s.people.DeactivateUser(ctx, s.pat, s.customer, quinn))
		for name, remove := range s.leaveNone() {
			err := remove(s.pat, s.pat.User)
			if errs.Code(err) != "owner_required" || !strings.Contains(errs.Message(err), s.customer.String()) {
				t.Errorf("%s of the last owner who counts: got %v, want owner_required naming the organization", name, err)
			}
			if s.owners(s.customer) != 1 {
				t.Fatalf("%s: %d owners are left", name, s.owners(s.customer))
			}
		}
		s.succeeds("reactivate", s.people.ReactivateUser(ctx, s.pat, s.customer, quinn))
		for name, remove := range s.leaveNone() {
			if name != "the parent's list" {
				s.refused(name+" of an owner by who is none", remove(s.adam, quinn), errs.Forbidden, "only an owner")
			}
		}
		g := s.group("Chiefs", s.pat.User, quinn)
		s.refused("a group of owners", s.people.GrantRole(ctx, s.pat, s.customer, iam.Grant{Of: iam.Grantee{Group: g}, Role: access.OrgOwner}), errs.Invalid, "user group")
		s.succeeds("the group goes", s.people.DeleteGroup(ctx, s.pat, s.customer, g))
		if s.owners(s.customer) != 2 {
			t.Errorf("%d owners, want 2", s.owners(s.customer))
		}
		s.succeeds("one of two owners leaves", s.people.RemoveUser(ctx, s.pat, s.customer, s.pat.User))
		s.is("who left", s.pat, access.OrgShow, s.customer, errs.NotFound)
	})
}

// Two owners take each other's ownership away at the same time, each in its own way, by every pair of ways: one is left.
func TestRaceOfOwnersByEveryPath(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s := newStaff(t, db)
		ways := s.leaveNone()
		quinn := access.Caller{User: s.hire("quinn@patient.example", "Quinn", "Q")}
		both := []access.Caller{s.pat, quinn}
		for first, one := range ways {
			for second, other := range ways {
				for _, o := range both { // as they were before the round
					s.join(s.customer, o.User, "active")
					s.Exec(t, `INSERT INTO access_rule (org_id, role_id, user_id, created_at) VALUES ($1, 1, $2, 1) ON CONFLICT DO NOTHING`, s.customer, o.User)
					s.Guard.ForgetUsers(o.User)
				}
				said := at(4, func(i int) error {
					if i%2 == 0 {
						return one(both[0], both[1].User)
					}
					return other(both[1], both[0].User)
				})
				count(t, said, errs.Unprocessable, errs.Forbidden, errs.NotFound)
				if n := s.owners(s.customer); n < 1 {
					t.Fatalf("%s against %s: no owner is left", first, second)
				}
			}
		}
	})
}

func TestShutOut(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		invited := s.Count(t, `SELECT COUNT(*) FROM membership WHERE org_id = $1 AND user_id = $2 AND state = 'invited'`, s.customer, s.adam.User)
		if invited != 1 {
			t.Error("who is new does not begin as invited")
		}
		s.is("before", s.adam, access.UserIndex, s.customer, allowed)
		for range 2 {
			s.succeeds("deactivate", s.people.DeactivateUser(ctx, s.pat, s.customer, s.adam.User))
		}
		s.is("shut out, at once", s.adam, access.UserIndex, s.customer, errs.NotFound)
		if u, err := s.people.User(ctx, s.pat, s.customer, s.adam.User); err != nil || u.State != iam.Inactive {
			t.Errorf("shown as %+v (%v)", u, err)
		}
		for range 2 {
			s.succeeds("reactivate", s.people.ReactivateUser(ctx, s.pat, s.customer, s.adam.User))
		}
		s.is("in again, at once", s.adam, access.UserIndex, s.customer, allowed)
		if u, err := s.people.User(ctx, s.pat, s.customer, s.adam.User); err != nil || u.State != iam.Invited {
			t.Errorf("comes back as %+v (%v), want what it was", u, err)
		}
		told := s.Count(t, `SELECT COUNT(*) FROM audit_entry WHERE action IN ('user.deactivate', 'user.reactivate') AND target_id = $1`, s.adam.User.String())
		if told != 2 {
			t.Errorf("%d entries, want 2: what changes nothing is not told", told)
		}
		s.refused("nobody", s.people.DeactivateUser(ctx, s.pat, s.customer, 999_999), errs.NotFound, "has no user")
		s.refused("one let in is no member", s.people.DeactivateUser(ctx, s.pat, s.customer, s.tess.User), errs.NotFound, "has no user")
	})
}

// What a member had in the organization does not come back with it.
func TestRemoveUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		project := s.mainProject(s.customer)
		s.give(s.moira.User, project, access.PolicyManager)
		g := s.group("Auditors", s.moira.User)
		s.succeeds("grant", s.people.GrantRole(ctx, s.pat, s.customer, iam.Grant{Of: iam.Grantee{Group: g}, Role: access.OrgViewer}))
		s.join(s.grandchild, s.moira.User, "active")
		elsewhere := s.newGroup(s.grandchild, "Elsewhere", s.moira.User)
		s.is("by her group", s.moira, access.UserIndex, s.customer, allowed)
		s.succeeds("remove", s.people.RemoveUser(ctx, s.adam, s.customer, s.moira.User))
		s.is("at once", s.moira, access.OrgShow, s.customer, errs.NotFound)
		s.refused("again", s.people.RemoveUser(ctx, s.adam, s.customer, s.moira.User), errs.NotFound, "has no user")
		s.hire("moira@patient.example", "", "")
		s.is("back, without what she had", s.moira, access.UserIndex, s.customer, errs.Forbidden)
		if n := s.Count(t, `SELECT COUNT(*) FROM access_rule WHERE user_id = $1`, s.moira.User); n != 0 {
			t.Errorf("%d rules are left", n)
		}
		s.is("elsewhere nothing changed", s.moira, access.OrgShow, s.grandchild, allowed)
		if n := s.Count(t, `SELECT COUNT(*) FROM user_group_member WHERE user_id = $1 AND group_id = $2`, s.moira.User, elsewhere); n != 1 {
			t.Error("a user group of another organization was left")
		}
	})
}

func TestGroups(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		g := s.group("Élan", s.adam.User)
		_, err := s.people.CreateGroup(ctx, s.adam, s.customer, iam.NewGroup{Name: "éLAN"})
		s.refused("the name in other letters", err, errs.Conflict, "already")
		_, err = s.people.CreateGroup(ctx, s.adam, s.customer, iam.NewGroup{Name: " "})
		s.refused("no name", err, errs.Invalid, "name")
		other := s.group("Other")
		taken, same := "ÉLAN", "élan"
		_, err = s.people.UpdateGroup(ctx, s.adam, s.customer, other, iam.GroupChange{Name: &taken})
		s.refused("renamed to a name that is taken", err, errs.Conflict, "already")
		if u, err := s.people.UpdateGroup(ctx, s.adam, s.customer, g, iam.GroupChange{Name: &same}); err != nil || u.Name != same {
			t.Errorf("renamed to its own name in other letters: %+v (%v)", u, err)
		}
		list, err := s.people.Groups(ctx, s.moira, s.customer, iam.GroupQuery{Count: true})
		if err != nil || len(list) != 2 || list[0].Users+list[1].Users != 1 {
			t.Errorf("every member sees them: %+v (%v)", list, err)
		}

		foreign := s.newGroup(s.msp, "Foreign")
		for what, id := range map[string]ref.UserGroupID{"of another organization": foreign, "of none": 999_999} {
			_, err := s.people.Group(ctx, s.pat, s.customer, id, false)
			s.refused("show one "+what, err, errs.NotFound, "no user group")
			_, err = s.people.AddGroupUsers(ctx, s.pat, s.customer, id, []ref.UserID{s.adam.User})
			s.refused("join one "+what, err, errs.NotFound, "no user group")
			s.refused("empty one "+what, s.people.ReplaceGroupUsers(ctx, s.pat, s.customer, id, nil), errs.NotFound, "no user group")
			s.refused("delete one "+what, s.people.DeleteGroup(ctx, s.pat, s.customer, id), errs.NotFound, "no user group")
		}
		_, err = s.people.AddGroupUsers(ctx, s.pat, s.customer, g, []ref.UserID{s.moira.User, s.owner.User, 999_999})
		s.refused("who is no member", err, errs.Invalid, fmt.Sprintf("%d, 999999", s.owner.User))
		if in, err := s.people.GroupUsers(ctx, s.pat, s.customer, g); err != nil || len(in) != 1 {
			t.Errorf("nobody joined: %+v (%v)", in, err)
		}
		in, err := s.people.AddGroupUsers(ctx, s.pat, s.customer, g, []ref.UserID{s.moira.User, s.adam.User, s.moira.User})
		if err != nil || len(in) != 2 {
			t.Errorf("joined: %+v (%v)", in, err)
		}
		s.succeeds("replace", s.people.ReplaceGroupUsers(ctx, s.pat, s.customer, g, []ref.UserID{s.moira.User, s.pat.User}))
		in, err = s.people.GroupUsers(ctx, s.pat, s.customer, g)
		if err != nil || len(in) != 2 || in[0].ID != s.pat.User || in[1].ID != s.moira.User {
			t.Errorf("replaced: %+v (%v)", in, err)
		}
		s.refused("who is not in it", s.people.RemoveGroupUser(ctx, s.pat, s.customer, g, s.adam.User), errs.NotFound, "is not in")
		s.succeeds("leave", s.people.RemoveGroupUser(ctx, s.pat, s.customer, g, s.pat.User))
		s.managed(g)
	})
}

// managed shows that what another system keeps in step is not changed by hand.
func (s staff) managed(g ref.UserGroupID) {
	ctx, name, text := s.t.Context(), "New name", "text"
	for _, manager := range []iam.Manager{iam.ByProvider, iam.BySCIM} {
		s.Exec(s.t, `UPDATE user_group SET managed_by = $2 WHERE id = $1`, g, string(manager))
		_, err := s.people.AddGroupUsers(ctx, s.pat, s.customer, g, []ref.UserID{s.adam.User})
		s.refused("join", err, errs.Conflict, "is managed by")
		s.refused("replace", s.people.ReplaceGroupUsers(ctx, s.pat, s.customer, g, nil), errs.Conflict, "is managed by")
		s.refused("leave", s.people.RemoveGroupUser(ctx, s.pat, s.customer, g, s.moira.User), errs.Conflict, "is managed by")
		_, err = s.people.UpdateGroup(ctx, s.pat, s.customer, g, iam.GroupChange{Name: &name})
		s.refused("rename", err, errs.Conflict, "is managed by")
		_, err = s.people.UpdateGroup(ctx, s.pat, s.customer, g, iam.GroupChange{Description: &text})
		s.succeeds("describe", err)
	}
	s.succeeds("delete", s.people.DeleteGroup(ctx, s.pat, s.customer, g))
}

func TestGrantAndRevoke(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		project, theirs := s.mainProject(s.customer), s.mainProject(s.grandchild)
		a, err := s.people.CreateAccount(ctx, s.pat, s.customer, iam.NewAccount{Name: "robot"})
		s.succeeds("account", err)
		foreign := s.newGroup(s.msp, "Foreign")
		user := iam.Grantee{User: s.moira.User}
		for _, tt := range []struct {
			what string
			g    iam.Grant
			says string
		}{
			{"no such role", iam.Grant{Of: user, Role: 99}, "no role 99"},
			{"a role of the organization in a project", iam.Grant{Of: user, In: iam.Scope{Project: project}, Role: access.MSPAdmin}, "never in a project"},
			{"an owner of a project", iam.Grant{Of: user, In: iam.Scope{Project: project}, Role: access.OrgOwner}, "never in a project"},
			{"a machine as owner", iam.Grant{Of: iam.Grantee{Account: a.ID}, Role: access.OrgOwner}, "service account"},
			{"a project of another organization", iam.Grant{Of: user, In: iam.Scope{Project: theirs}, Role: access.PolicyManager}, "no project"},
			{"who is no member", iam.Grant{Of: iam.Grantee{User: s.owner.User}, Role: access.OrgViewer}, "has no user"},
			{"who is let in, and no member", iam.Grant{Of: iam.Grantee{User: s.tess.User}, Role: access.OrgViewer}, "has no user"},
			{"a user group of another organization", iam.Grant{Of: iam.Grantee{Group: foreign}, Role: access.OrgViewer}, "has no user group"},
			{"what was named with another organization", iam.Grant{Of: iam.Grantee{User: s.moira.User, Org: s.msp}, Role: access.OrgViewer}, "is said to be of organization"},
			{"another organization as scope", iam.Grant{Of: user, In: iam.Scope{Org: s.msp}, Role: access.OrgViewer}, "scope"},
			{"a machine of nobody", iam.Grant{Of: iam.Grantee{Account: a.ID + 1}, Role: access.OrgViewer}, "has no service account"},
		} {
			s.refused(tt.what, s.people.GrantRole(ctx, s.pat, s.customer, tt.g), errs.Invalid, tt.says)
		}
		s.refused("a role that nothing unlocks", s.people.GrantRole(ctx, access.Caller{User: s.pat.User}, s.grandchild,
			iam.Grant{Of: iam.Grantee{User: s.pat.User}, Role: access.PolicyManager}), errs.Invalid, "capability policy")
		s.refused("an owner by who is none", s.people.GrantRole(ctx, s.adam, s.customer, iam.Grant{Of: user, Role: access.OrgOwner}), errs.Forbidden, "only an owner")

		for range 2 {
			s.give(s.moira.User, project, access.PolicyManager)
			s.give(s.moira.User, 0, access.OrgViewer)
		}
		s.is("at once", s.moira, access.UserIndex, s.customer, allowed)
		if n := s.Count(t, `SELECT COUNT(*) FROM audit_entry WHERE action = 'access_rule.grant' AND target_id = $1`, s.moira.User.String()); n != 2 {
			t.Errorf("%d entries, want 2: what is granted already is not told", n)
		}
		s.rules("of the organization", iam.RuleQuery{Of: &user}, "org_viewer")
		s.rules("of the project", iam.RuleQuery{Of: &user, In: iam.Scope{Project: project}}, "policy_manager")
		s.rules("everywhere", iam.RuleQuery{Of: &user, Everywhere: true}, "policy_manager org_viewer")
		s.rules("of a role", iam.RuleQuery{Role: access.IAMAdmin}, "iam_admin")

		s.succeeds("what is not granted", s.people.RevokeRole(ctx, s.adam, s.customer, iam.Revocation{Of: user, Role: access.MSPAdmin}))
		s.succeeds("who is no member", s.people.RevokeRole(ctx, s.adam, s.customer, iam.Revocation{Of: iam.Grantee{User: 999_999}}))
		s.succeeds("one", s.people.RevokeRole(ctx, s.adam, s.customer, iam.Revocation{Of: user, Role: access.OrgViewer}))
		s.is("at once", s.moira, access.UserIndex, s.customer, errs.Forbidden)
		s.rules("what is left", iam.RuleQuery{Of: &user, Everywhere: true}, "policy_manager")
		s.give(s.moira.User, 0, access.OrgViewer)
		s.succeeds("all", s.people.RevokeRole(ctx, s.adam, s.customer, iam.Revocation{Of: user}))
		s.rules("nothing is left", iam.RuleQuery{Of: &user, Everywhere: true}, "")
		s.refused("a project of another organization", s.people.RevokeRole(ctx, s.pat, s.customer, iam.Revocation{Of: user, In: iam.Scope{Project: theirs}}), errs.Invalid, "no project")
	})
}

func (s staff) rules(what string, q iam.RuleQuery, want string) {
	s.t.Helper()
	list, err := s.people.Rules(s.t.Context(), s.pat, s.customer, q)
	var got []string
	for _, r := range list {
		got = append(got, access.Roles[r.Role-1].Name)
	}
	if err != nil || strings.Join(got, " ") != want {
		s.t.Errorf("rules %s: got %v (%v), want %s", what, got, err, want)
	}
}

// Who administers people without owning the organization hands itself nothing, by no way around.
func TestNobodyRaisesItself(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		project := s.mainProject(s.customer)
		grant := func(of iam.Grantee, project ref.ProjectID, role ref.RoleID) error {
			return s.people.GrantRole(ctx, s.adam, s.customer, iam.Grant{Of: of, In: iam.Scope{Project: project}, Role: role})
		}
		a, err := s.people.CreateAccount(ctx, s.adam, s.customer, iam.NewAccount{Name: "robot"})
		s.succeeds("account", err)
		mine, others, strong := s.group("Mine", s.adam.User), s.group("Others"), s.group("Strong")
		s.refused("itself", grant(iam.Grantee{User: s.adam.User}, 0, access.MSPAdmin), errs.Forbidden, "raises itself")
		s.refused("itself, in a project", grant(iam.Grantee{User: s.adam.User}, project, access.PolicyManager), errs.Forbidden, "raises itself")
		s.refused("its group", grant(iam.Grantee{Group: mine}, 0, access.MSPAdmin), errs.Forbidden, "raises itself")
		s.refused("a machine whose secret it can make", grant(iam.Grantee{Account: a.ID}, 0, access.MSPAdmin), errs.Forbidden, "raises itself")
		s.succeeds("what it holds itself", grant(iam.Grantee{Account: a.ID}, 0, access.IAMAdmin))
		s.succeeds("another", grant(iam.Grantee{User: s.moira.User}, 0, access.MSPAdmin))
		s.succeeds("a group it is not in", grant(iam.Grantee{Group: strong}, 0, access.MSPAdmin))
		_, err = s.people.AddGroupUsers(ctx, s.adam, s.customer, strong, []ref.UserID{s.moira.User, s.adam.User})
		s.refused("then joins it", err, errs.Forbidden, "raises itself")
		s.refused("or replaces who is in it", s.people.ReplaceGroupUsers(ctx, s.adam, s.customer, strong, []ref.UserID{s.adam.User}), errs.Forbidden, "raises itself")
		if n := s.Count(t, `SELECT COUNT(*) FROM user_group_member WHERE group_id = $1`, strong); n != 0 {
			t.Errorf("%d joined", n)
		}
		_, err = s.people.AddGroupUsers(ctx, s.adam, s.customer, others, []ref.UserID{s.adam.User})
		s.succeeds("a group that gives nothing", err)

		// A group that an access policy names opens customers of the organization.
		opens := s.group("Field")
		_, err = s.people.CreateAccessPolicy(ctx, s.pat, s.customer, iam.PolicyDraft{Name: "Field", Groups: []ref.UserGroupID{opens}, Customers: []ref.OrgID{s.grandchild},
			Roles: []iam.RoleDraft{{Permissions: []iam.PermissionDraft{{RoleNames: []string{"org_viewer"}}}}}})
		s.succeeds("access policy", err)
		_, err = s.people.AddGroupUsers(ctx, s.adam, s.customer, opens, []ref.UserID{s.adam.User})
		s.refused("a group that opens customers", err, errs.Forbidden, "iam:access_policy:update")
		s.give(s.adam.User, 0, access.MSPAdmin)
		_, err = s.people.AddGroupUsers(ctx, s.adam, s.customer, opens, []ref.UserID{s.adam.User})
		s.succeeds("who may write such policies", err)
		s.succeeds("now it holds the role", grant(iam.Grantee{Group: mine}, 0, access.MSPAdmin))
		s.refused("a service account is itself a machine", s.people.GrantRole(ctx, access.Caller{ServiceAccount: a.ID}, s.customer, iam.Grant{Of: iam.Grantee{Account: a.ID}, Role: access.PolicyManager}), errs.Forbidden, "raises itself")

		s.succeeds("deactivate", s.people.DeactivateUser(ctx, s.pat, s.customer, s.adam.User))
		s.refused("who is shut out lets itself in", s.people.ReactivateUser(ctx, s.adam, s.customer, s.adam.User), errs.NotFound, "")
	})
}

func TestReports(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		project := s.mainProject(s.customer)
		s.give(s.moira.User, project, access.PolicyManager)
		s.join(s.grandchild, s.moira.User, "active")
		orgs := func(by access.Caller, u ref.UserID) (list []ref.OrgID, err error) {
			ties, err := s.people.UserOrgs(ctx, by, u)
			for _, o := range ties {
				list = append(list, o.ID)
			}
			return list, err
		}
		only := s.moira
		only.Only = s.customer
		for _, tt := range []struct {
			what string
			by   access.Caller
			want []ref.OrgID
		}{
			{"itself", s.moira, []ref.OrgID{s.customer, s.grandchild}},
			{"a session that opens one organization", only, []ref.OrgID{s.customer}},
			{"an owner of both", s.pat, []ref.OrgID{s.customer, s.grandchild}},
			{"an administrator of one", s.adam, []ref.OrgID{s.customer}},
		} {
			if got, err := orgs(tt.by, s.moira.User); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: got %v (%v), want %v", tt.what, got, err, tt.want)
			}
		}
		_, err := orgs(s.moira, s.adam.User)
		s.refused("a member without a role", err, errs.NotFound, "not found")
		_, err = orgs(s.owner, s.moira.User)
		s.refused("the parent's owner", err, errs.NotFound, "not found")
		_, err = orgs(s.pat, 999_999)
		s.refused("nobody", err, errs.NotFound, "not found")

		if list, err := s.people.UserProjects(ctx, s.adam, s.moira.User); err != nil || len(list) != 1 || list[0].ID != project || list[0].Org.ID != s.customer {
			t.Errorf("projects: %+v (%v)", list, err)
		}
		if list, err := s.people.UserProjects(ctx, s.pat, s.pat.User); err != nil || len(list) != 2 {
			t.Errorf("projects of an owner of two organizations: %+v (%v)", list, err)
		}

		scopes := []iam.Scope{{Org: s.customer}, {Org: s.customer, Project: project}}
		s.give(s.moira.User, 0, access.OrgViewer)
		report, err := s.people.PrivilegesReport(ctx, s.adam, s.moira.User, scopes, "iam:org_user:")
		if err != nil || len(report) != 2 || report[0].Privilege != access.UserIndex || report[1].Privilege != access.UserShow {
			t.Fatalf("report: %+v (%v)", report, err)
		}
		for _, p := range report { // a role in the organization covers its projects
			for i, in := range p.In {
				if len(p.In) != 2 || in.Scope != i || !slices.Equal(in.Roles, []ref.RoleID{access.OrgViewer}) {
					t.Errorf("%s: got %+v, want both scopes by org_viewer", p.Privilege, p.In)
				}
			}
		}
		for what, of := range map[string]struct {
			by    access.Caller
			scope iam.Scope
			kind  errs.Kind
		}{
			"an organization that the caller has no tie to": {s.adam, iam.Scope{Org: s.grandchild}, errs.Forbidden}, // adam is of its parent
			"a project of another organization":             {s.adam, iam.Scope{Org: s.customer, Project: s.mainProject(s.grandchild)}, errs.NotFound},
			"a stranger's organization":                     {s.moira, iam.Scope{Org: s.Root}, errs.NotFound},
			"without the right":                             {s.tess, iam.Scope{Org: s.customer}, errs.Forbidden},
		} {
			_, err := s.people.PrivilegesReport(ctx, of.by, s.moira.User, []iam.Scope{of.scope}, "")
			s.refused(what, err, of.kind, "")
		}
		_, err = s.people.PrivilegesReport(ctx, s.adam, s.owner.User, scopes, "")
		s.refused("who is not of the organization", err, errs.NotFound, "has no user")
	})
}

func TestMSPOrganization(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		for _, tt := range []struct {
			what         string
			by           access.Caller
			from, target ref.OrgID
			found        bool
		}{
			{"the parent", s.moira, s.customer, s.msp, true},
			{"itself", s.moira, s.customer, s.customer, true},
			{"a customer that is an MSP", s.owner, s.msp, s.customer, true},
			{"a customer, by who may not see customers", s.tess, s.msp, s.customer, false},
			{"a customer that is none", s.pat, s.customer, s.grandchild, false},
			{"the parent's parent", s.pat, s.grandchild, s.msp, false},
			{"a stranger", s.pat, s.customer, s.Root, false},
			{"nothing", s.pat, s.customer, 999_999, false},
		} {
			o, err := s.Orgs.MSPOrganization(ctx, tt.by, tt.from, tt.target)
			if tt.found && (err != nil || o.ID != tt.target) || !tt.found && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s: got %d (%v)", tt.what, o.ID, err)
			}
		}
		_, err := s.Orgs.MSPOrganization(ctx, s.moira, s.msp, s.msp)
		s.refused("who has no tie", err, errs.NotFound, "not found")
	})
}

func TestProjects(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		p, err := s.Orgs.CreateProject(ctx, s.adam, s.customer, "Cloud")
		s.succeeds("create", err)
		s.give(s.moira.User, p.ID, access.PolicyManager) // the guard knows it at once
		if err := s.Guard.RequireProject(ctx, s.moira, "policy:applied_policy:create", s.customer, p.ID); errs.KindOf(err) == errs.NotFound {
			t.Errorf("the new project: %v", err)
		}
		_, err = s.Orgs.CreateProject(ctx, s.adam, s.customer, "Cloud")
		s.refused("the name again", err, errs.Conflict, "already")
		_, err = s.Orgs.CreateProject(ctx, s.adam, s.customer, "\t")
		s.refused("no name", err, errs.Invalid, "name")
		_, err = s.Orgs.CreateProject(ctx, s.moira, s.customer, "X")
		s.refused("without the right", err, errs.Forbidden, "iam:project:create")
		said := at(8, func(int) error { _, err := s.Orgs.CreateProject(ctx, s.pat, s.customer, "Raced"); return err })
		if n := count(t, said, errs.Conflict); n != 1 {
			t.Errorf("%d were made, want 1", n)
		}
	})
}
