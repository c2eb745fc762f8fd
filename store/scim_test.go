package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/ref"
	"espalier.dev/scim"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// directory provisions the customer, who is the first to have verified patient.example, as the parent is practice.example.
func (s staff) directory() *scim.Service {
	s.t.Helper()
	d, err := scim.New(scim.Config{Store: s.DB.SCIM(), Guard: s.Guard, People: s.people, Home: func(_ context.Context, _ scim.Tx, email string) (ref.OrgID, error) {
		_, domain, _ := strings.Cut(email, "@")
		return map[string]ref.OrgID{"patient.example": s.customer, "practice.example": s.msp}[domain], nil
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// patch reads operations as they travel, between commas.
func patch(text string) []scim.Operation {
	var ops []scim.Operation
	if err := json.Unmarshal([]byte("["+text+"]"), &ops); err != nil {
		panic(err) // written in the test
	}
	return ops
}

func renaming(userName, family string) []scim.Operation {
	return patch(fmt.Sprintf(`{"op":"replace","path":"userName","value":"%s"},{"op":"replace","path":"name.familyName","value":"%s"}`, userName, family))
}

// account is the address and the last name of a user, across all organizations.
func (s staff) account(u ref.UserID) string {
	s.t.Helper()
	return s.text(`SELECT email || ' ' || last_name FROM app_user WHERE id = $1`, u)
}

// text is the single text that a query gives.
func (s staff) text(query string, args ...any) (text string) {
	s.t.Helper()
	err := s.DB.Read(s.t.Context(), func(q *sqldb.Tx) error { return q.Row(s.t.Context(), query, args, &text) })
	s.succeeds(query, err)
	return text
}

// A directory writes in its own book what it likes, and accounts follow where the organization may change them.
func TestAccountsFollowTheirHome(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		d := s.directory()
		made := func(email string) ref.UserID {
			u, err := d.CreateUser(ctx, s.adam, s.customer, scim.Person{UserName: email, GivenName: "A", FamilyName: "B", Active: true})
			s.succeeds("create "+email, err)
			return u.ID
		}
		home, guest, free := made("home@patient.example"), made("guest@practice.example"), made("free@other.example")
		shared := made("shared@other.example")
		s.join(s.msp, shared, "invited")
		s.give(s.moira.User, 0, access.OrgOwner)
		made("taken@patient.example")
		for _, tt := range []struct {
			what     string
			by       access.Caller
			user     ref.UserID
			userName string
			want     string
		}{
			{"at home, another address of the home", s.adam, home, "married@patient.example", "married@patient.example Z"},
			{"at home, an address that is not the home's", s.adam, home, "home@practice.example", "married@patient.example Z"},
			{"at home, no address", s.adam, home, "home", "married@patient.example Z"},
			{"at home elsewhere", s.adam, guest, "guest@patient.example", "guest@practice.example B"},
			{"at home nowhere", s.adam, free, "free2@patient.example", "free@other.example Z"},
			{"at home nowhere, and in two organizations", s.adam, shared, "shared2@patient.example", "shared@other.example B"},
			{"an owner, by who is none", s.adam, s.moira.User, "moira2@patient.example", "moira@patient.example Z"},
			{"an owner, by an owner", s.pat, s.moira.User, "moira3@patient.example", "moira3@patient.example Z"},
		} {
			u, err := d.PatchUser(ctx, tt.by, s.customer, tt.user, renaming(tt.userName, "Z"))
			s.succeeds(tt.what, err)
			if got := s.account(tt.user); got != tt.want || u.UserName != tt.userName || u.FamilyName != "Z" {
				t.Errorf("%s: the account is %q and the directory's user %q %q, want %q and %q Z", tt.what, got, u.UserName, u.FamilyName, tt.want, tt.userName)
			}
		}
		_, err := d.PatchUser(ctx, s.adam, s.customer, home, renaming("TAKEN@patient.example", "Z"))
		s.refused("another's user name", err, errs.Conflict, "already")
		s.Exec(t, `INSERT INTO app_user (email, email_folded, created_at, updated_at) VALUES ('x@patient.example', 'x@patient.example', 1, 1)`)
		_, err = d.PatchUser(ctx, s.adam, s.customer, home, renaming("x@patient.example", "Z"))
		s.refused("another's address", err, errs.Conflict, "another account")
	})
}

// What is found by an index is what a walk through everybody finds.
func TestSCIMKeys(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		d := s.directory()
		for i, p := range []scim.Person{
			{UserName: "one@patient.example", ExternalID: "E", Emails: []scim.Contact{{Value: "ONE@patient.example"}, {Value: "Éva@patient.example", Type: "work"}}},
			{UserName: "two", ExternalID: "E", Emails: []scim.Contact{{Value: "two@patient.example"}}},
			{UserName: "three@patient.example", ExternalID: "e", Active: true},
		} {
			_, err := d.CreateUser(ctx, s.adam, s.customer, p)
			s.succeeds(fmt.Sprint("create ", i), err)
		}
		list := func(text string) (names []string) {
			f, err := scim.UserFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			total, err := d.Users(ctx, s.adam, s.customer, scim.Page{Match: f, From: 1, Count: -1}, func(u scim.User) error {
				names = append(names, u.UserName)
				return nil
			})
			if err != nil || total != len(names) {
				t.Errorf("%s: %d in all, %d given (%v)", text, total, len(names), err)
			}
			return names
		}
		for _, text := range []string{`userName eq "MOIRA@patient.example"`, `userName eq "two"`, `externalId eq "E"`, `externalId eq "E" or userName eq "three@patient.example"`,
			`emails eq "éva@patient.example"`, `emails eq "two@PATIENT.example"`, `emails eq "one@patient.example"`, `emails eq "pat@patient.example"`, `emails eq "nobody"`,
			`id eq "` + s.moira.User.String() + `"`} {
			want := list(`not (not (` + text + `))`) // names no key
			if got := list(text); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, and a walk through all says %v", text, got, want)
			}
		}
		s.succeeds("removal", d.DeleteUser(ctx, s.adam, s.customer, ref.UserID(s.Count(t, `SELECT user_id FROM scim_user WHERE user_name = 'two'`))))
		if n := s.Count(t, `SELECT COUNT(*) FROM scim_address WHERE address_folded = 'two@patient.example'`); n != 0 {
			t.Errorf("%d addresses of a user who left are kept", n)
		}
	})
}

// Many say the same at once: each is heard, and there is one.
func TestRaceOfSCIM(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		d := s.directory()
		ids := make([]ref.UserID, 16)
		said := at(16, func(i int) error {
			u, err := d.CreateUser(ctx, s.adam, s.customer, scim.Person{UserName: []string{"ray@patient.example", "RAY@patient.example"}[i%2], Active: true})
			ids[i] = u.ID
			return err
		})
		if count(t, said) != 16 || len(slices.Compact(slices.Clone(ids))) != 1 {
			t.Errorf("creates of one user: %v, %v", ids, said)
		}
		// Two organizations make a member of one new account.
		said = at(16, func(i int) error {
			org, by := s.customer, s.pat
			if i%2 == 1 {
				org, by = s.msp, s.owner
			}
			_, err := d.CreateUser(ctx, by, org, scim.Person{UserName: fmt.Sprintf("both-%d@other.example", i/2), Active: true})
			return err
		})
		if count(t, said) != 16 || s.Count(t, `SELECT COUNT(*) FROM app_user WHERE email LIKE 'both-%'`) != 8 {
			t.Errorf("creates in two organizations: %v", said)
		}

		g, err := d.CreateGroup(ctx, s.adam, s.customer, scim.NewGroup{Name: "Rays"})
		s.succeeds("group", err)
		said = at(16, func(i int) error {
			var err error
			switch {
			case i%4 == 3:
				_, err = d.PatchGroup(ctx, s.adam, s.customer, g.ID, patch(fmt.Sprintf(`{"op":"add","path":"members","value":{"value":"%d"}}`, ids[0])))
			case i%4 == 2:
				_, err = d.CreateGroup(ctx, s.adam, s.customer, scim.NewGroup{Name: "RAYS"})
			default:
				_, err = d.PatchUser(ctx, s.adam, s.customer, ids[0], patch(fmt.Sprintf(`{"op":"replace","path":"active","value":%t}`, i%4 == 0)))
			}
			return err
		})
		if count(t, said) != 16 {
			t.Errorf("changes of one user and one group: %v", said)
		}
		if n := s.Count(t, `SELECT COUNT(*) FROM user_group_member WHERE group_id = $1`, g.ID); n != 1 {
			t.Errorf("%d are in the group, want 1", n)
		}
	})
}

// A group that an identity provider keeps is not SCIM's, and the audit log tells what was done and nothing that was not.
func TestSCIMGroupsAndAudit(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, ctx := newStaff(t, db), t.Context()
		d := s.directory()
		g := s.group("Synced")
		s.Exec(t, `UPDATE user_group SET managed_by = 'idp' WHERE id = $1`, g)
		_, err := d.PatchGroup(ctx, s.adam, s.customer, g, patch(`{"op":"replace","path":"displayName","value":"Mine"}`))
		s.refused("a provider's group", err, errs.Conflict, "identity provider")
		s.refused("a provider's group goes", d.DeleteGroup(ctx, s.adam, s.customer, g), errs.Conflict, "identity provider")
		_, err = d.CreateGroup(ctx, s.adam, s.customer, scim.NewGroup{Name: "Synced"})
		s.refused("a provider's name", err, errs.Conflict, "not made by SCIM")

		p := scim.Person{UserName: "kim@patient.example", ExternalID: "K", Active: true}
		before := s.Count(t, `SELECT COUNT(*) FROM audit_entry`)
		u, err := d.CreateUser(ctx, s.adam, s.customer, p)
		s.succeeds("create", err)
		for range 2 { // the same again is no change
			_, err = d.CreateUser(ctx, s.adam, s.customer, p)
			s.succeeds("again", err)
			_, err = d.PatchUser(ctx, s.adam, s.customer, u.ID, patch(`{"op":"replace","path":"active","value":true}`))
			s.succeeds("no change", err)
		}
		made, err := d.CreateGroup(ctx, s.adam, s.customer, scim.NewGroup{Name: "Kims", ExternalID: "G", Members: []ref.UserID{u.ID}})
		s.succeeds("group", err)
		_, err = d.CreateGroup(ctx, s.adam, s.customer, scim.NewGroup{Name: "Kims", ExternalID: "G"})
		s.succeeds("group again", err)
		_, err = d.CreateGroup(ctx, s.adam, s.customer, scim.NewGroup{Name: "Kims", ExternalID: "H"})
		s.refused("another key", err, errs.Conflict, "externalId")
		if n := s.Count(t, `SELECT COUNT(*) FROM audit_entry`) - before; n != 3 {
			t.Errorf("%d audit entries, want 3: user.create, user_group.create, user_group.add_users", n)
		}
		again, err := d.Group(ctx, s.adam, s.customer, made.ID, true)
		if err != nil || len(again.Members) != 1 || again.ExternalID != "G" {
			t.Errorf("after the same again: %+v (%v)", again, err)
		}
		s.refused("by hand", s.people.RemoveGroupUser(ctx, s.adam, s.customer, made.ID, u.ID), errs.Conflict, "managed by SCIM")
		s.is("a member", access.Caller{User: u.ID}, access.OrgShow, s.customer, allowed)
		_, err = d.PatchUser(ctx, s.adam, s.customer, u.ID, patch(`{"op":"replace","path":"active","value":false}`))
		s.succeeds("shut out", err)
		s.is("a member who is shut out", access.Caller{User: u.ID}, access.OrgShow, s.customer, errs.NotFound)
		if got := s.text(`SELECT state_before FROM membership WHERE user_id = $1`, u.ID); got != string(iam.Active) {
			t.Errorf("it comes back as %s", got)
		}
	})
}
