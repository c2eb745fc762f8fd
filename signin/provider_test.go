package signin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// Whom an identity provider may sign in, and how far that sign-in reaches.
func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		p := f.saml(acme, "Acme SSO", nil)
		f.own(p, "acme.example")
		for _, tt := range []struct {
			email string
			jit   bool
			want  string // of the refusal; "" is let in
			only  ref.OrgID
		}{
			{"amy@acme.example", false, "", 0},
			{"AMY@ACME.example", false, "", 0},
			{"ivo@acme.example", false, "", 0}, // invited: this is how it accepts
			{"ina@acme.example", false, "deactivated", 0},
			{"ina@acme.example", true, "deactivated", 0},
			{"new@acme.example", false, "no account", 0},
			{"new@acme.example", true, "", 0},
			{"gus@guest.example", true, "not verified", 0}, // a member, with an address of a domain that is nobody's
			{"olga@northwind.example", true, "not verified", 0},
			{"xeno@other.example", true, "not verified", 0},
			{"new@sub.acme.example", true, "not verified", 0},
			{"new@acme.example.evil.example", true, "not verified", 0},
			{"new@acme.example@evil.example", true, "no e-mail address", 0},
			{"new@acme.example ", true, "", 0}, // blanks around it are none of it
			{"", true, "no e-mail address", 0},
			{"otto@acme.example", true, "owner of an organization that manages", 0}, // owns the parent
			{"tom@acme.example", false, "no account", 0},
			{"tom@acme.example", true, "", acme}, // belongs to the parent: not there, by the word of its customer
		} {
			set := func(n *signin.Provider) { n.JIT = tt.jit }
			if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolSAML, set, nil); err != nil {
				t.Fatal(err)
			}
			opened, err := f.enterThrough(p, tt.email, nil)
			what := fmt.Sprintf("%q, JIT %v", tt.email, tt.jit)
			switch {
			case tt.want != "":
				wantErr(t, what, err, errs.Forbidden, tt.want)
			case err != nil:
				t.Errorf("%s: %v", what, err)
			case opened.Only != tt.only || opened.Proofs[0].Method != signin.SAML:
				t.Errorf("%s: good in %d alone, by %v, want %d", what, opened.Only, opened.Proofs, tt.only)
			case f.standing(acme, opened.User) != signin.Active:
				t.Errorf("%s: is %s", what, f.standing(acme, opened.User))
			}
		}
		if f.standing(acme, ina) != signin.Inactive || f.standing(acme, otto) != signin.Stranger {
			t.Error("a refusal changed a membership")
		}
		f.audited("authentication.saml", "authentication.saml_failed", "user.admit")
	})
}

// A domain that the parent has verified is its own; a customer that has it on the parent's word signs its people in, and into
// itself alone.
func TestASessionThroughAnotherThanTheHome(t *testing.T) {
	t.Parallel()
	f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
	ctx := t.Context()
	parents := f.saml(northwind, "Northwind SSO", nil)
	f.own(parents, "acme.example")
	p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.JIT = true })
	if _, err := f.RegisterDomain(ctx, operator, acme, p.ID, "acme.example"); err != nil {
		t.Fatal(err)
	}
	_, err := f.enterThrough(p, "amy@acme.example", nil)
	wantErr(t, "registered only", err, errs.Forbidden, "not verified")
	if _, err := f.VouchForDomain(ctx, operator, northwind, acme, p.ID, "acme.example"); err != nil {
		t.Fatal(err)
	}
	opened, err := f.enterThrough(p, "amy@acme.example", nil)
	if err != nil || opened.Only != acme {
		t.Errorf("got %+v, %v, want a session good in %d alone", opened.Session, err, acme)
	}
	if err := f.ChangePassword(ctx, opened.Session, here, "", good); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("such a session sets a password: %v", err)
	}
	_, err = f.enterThrough(p, "otto@acme.example", nil)
	wantErr(t, "an owner of the parent", err, errs.Forbidden, "owner of an organization that manages")
	home, err := f.enterThrough(parents, "tom@acme.example", nil)
	if err != nil || home.Only != 0 {
		t.Errorf("at home: got %+v, %v, want a session good everywhere", home.Session, err)
	}
	// What was vouched for goes with the word.
	if err := f.DeleteDomain(ctx, operator, northwind, parents.ID, "acme.example"); err != nil {
		t.Fatal(err)
	}
	_, err = f.enterThrough(p, "amy@acme.example", nil)
	wantErr(t, "the parent gave the domain up", err, errs.Forbidden, "not verified")
}

func TestNamesOfNewPeople(t *testing.T) {
	t.Parallel()
	f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
	p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.JIT = true })
	f.own(p, "acme.example")
	named := func(s *saying) {
		s.Attributes = map[string][]string{"firstName": {"An\u00a0na\u200b"}, "lastName": {strings.Repeat("x", 300)}}
	}
	opened, err := f.enterThrough(p, "new@acme.example", named)
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Account(t.Context(), opened.Session)
	if err != nil || !strings.HasPrefix(a.FirstName, "An") || len(a.LastName) != 256 {
		t.Errorf("got %q %q, %v", a.FirstName, a.LastName, err)
	}
	// A name is changed by its user, or by its home: not by each sign-in.
	if _, err := f.enterThrough(p, "new@acme.example", func(s *saying) { s.Attributes = map[string][]string{"firstName": {"Other"}} }); err != nil {
		t.Fatal(err)
	}
	if again, err := f.Account(t.Context(), opened.Session); err == nil && again.FirstName != a.FirstName {
		t.Errorf("the name became %q", again.FirstName)
	}
}

func TestUserGroupsFollowTheProvider(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.JIT = true })
		f.own(p, "acme.example")
		for _, tt := range []struct {
			sync  signin.GroupSync
			attrs map[string][]string
			want  []ref.UserGroupID
		}{
			{signin.SyncNone, map[string][]string{"groups": {"Ops"}}, []ref.UserGroupID{52}},
			{signin.SyncAppend, map[string][]string{"groups": {"OPS", " ops ", "nobody's", "' OR 1=1"}}, []ref.UserGroupID{50, 52}},
			{signin.SyncAppend, nil, []ref.UserGroupID{50, 52}},
			{signin.SyncWhole, map[string][]string{"http://schemas.microsoft.com/claims/groups.link": {"x"}}, []ref.UserGroupID{50, 52}}, // too many to tell
			{signin.SyncWhole, map[string][]string{"groups": {"Ops", "Sales"}}, []ref.UserGroupID{50, 51}},
			{signin.SyncWhole, nil, nil},
		} {
			set := func(n *signin.Provider) { n.GroupSync = tt.sync }
			if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolSAML, set, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := f.enterThrough(p, "amy@acme.example", func(s *saying) { s.Attributes = tt.attrs }); err != nil {
				t.Fatal(err)
			}
			if got := f.groups(acme, amy); !slices.Equal(got, tt.want) {
				t.Errorf("%s with %v: in %v, want %v", tt.sync, tt.attrs, got, tt.want)
			}
		}
		// Groups of another organization that the user is in are not the provider's, and the last owner stays one.
		if _, err := f.enterThrough(p, "tom@acme.example", func(s *saying) { s.Attributes = map[string][]string{"groups": {"Ops"}} }); err != nil {
			t.Fatal(err)
		}
		if got := append(f.groups(acme, tom), f.groups(northwind, tom)...); !slices.Equal(got, []ref.UserGroupID{50, 53}) {
			t.Errorf("groups of tom: %v, want 50 of acme and 53 of northwind", got)
		}
		if owner := f.owner(acme, amy); !owner {
			t.Error("the sync took the last owner away")
		}
		f.audited("user.group_sync")
	})
}

func (f *federation) owner(org ref.OrgID, user ref.UserID) (is bool) {
	f.t.Helper()
	err := f.db.SignIn().Read(f.t.Context(), func(tx signin.Tx) (err error) {
		is, err = tx.IsOwnerOf(f.t.Context(), user, []ref.OrgID{org})
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return is
}

func TestDomains(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		ctx := t.Context()
		p, foreign := f.saml(acme, "Acme SSO", nil), f.saml(other, "Other SSO", nil)
		prove := func(of signin.Provider, name string) error {
			_, err := f.ProveDomain(ctx, operator, of.Org, of.ID, name)
			return err
		}
		wantErr(t, "not registered", prove(p, "acme.example"), errs.NotFound, "no domain")
		d, err := f.RegisterDomain(ctx, operator, acme, p.ID, "ACME.Example")
		if err != nil || d.Name != "acme.example" {
			t.Fatalf("RegisterDomain = %+v, %v", d, err)
		}
		_, err = f.RegisterDomain(ctx, operator, acme, p.ID, "acme.example")
		wantErr(t, "registered again", err, errs.Conflict, "registered with")
		theirs, err := f.RegisterDomain(ctx, operator, other, foreign.ID, "acme.example") // registering is free
		if err != nil || theirs.Code == d.Code {
			t.Fatalf("RegisterDomain by another = %+v, %v", theirs, err)
		}

		wantErr(t, "no such name", prove(p, "acme.example"), errs.Unprocessable, "none of the 0")
		f.dns.put("acme.example", "v=spf1 -all", theirs.Code, d.Code+"x", d.Code[:len(d.Code)-1])
		wantErr(t, "another's code", prove(p, "acme.example"), errs.Unprocessable, "none of the 4")
		f.dns.put("www.acme.example", d.Code)
		wantErr(t, "the code at another name", prove(p, "acme.example"), errs.Unprocessable, "none of the 4")
		f.dns.err = errors.New("no answer")
		wantErr(t, "no answer", prove(p, "acme.example"), errs.Unprocessable, "no answer")
		f.dns.err = nil
		f.dns.put("acme.example", " "+d.Code+" ")
		for range 2 { // what is verified stays so, and may be asked for again
			if err := prove(p, "Acme.example"); err != nil {
				t.Fatal(err)
			}
		}

		f.dns.put("acme.example", d.Code, theirs.Code)
		wantErr(t, "verified by another", prove(foreign, "acme.example"), errs.Conflict, "another organization")
		wantErr(t, "through another's provider", prove(signin.Provider{ID: p.ID, Org: other}, "acme.example"), errs.NotFound, "")
		wantErr(t, "the id of one in the path of another", prove(signin.Provider{ID: foreign.ID, Org: acme}, "acme.example"), errs.NotFound, "")
		_, err = f.RegisterDomain(ctx, operator, acme, foreign.ID, "x.example")
		wantErr(t, "registered with another's provider", err, errs.NotFound, "no identity provider")

		for domain, want := range map[string]bool{"acme.example": true, "ACME.EXAMPLE": true, "sub.acme.example": false, "": false} {
			if ok, err := f.VerifiedDomain(ctx, acme, domain); err != nil || ok != want {
				t.Errorf("VerifiedDomain(%q) = %v, %v, want %v", domain, ok, err, want)
			}
		}
		if ok, _ := f.VerifiedDomain(ctx, other, "acme.example"); ok {
			t.Error("registering alone counts for verified")
		}

		if err := f.DeleteDomain(ctx, operator, acme, p.ID, "acme.example"); err != nil {
			t.Fatal(err)
		}
		fresh, err := f.RegisterDomain(ctx, operator, acme, p.ID, "acme.example")
		if err != nil || fresh.Code == d.Code || !fresh.VerifiedAt.IsZero() {
			t.Errorf("registered anew: %+v, %v, want another code", fresh, err)
		}
		wantErr(t, "the code of before", prove(p, "acme.example"), errs.Unprocessable, "none of the 2")
		if err := prove(foreign, "acme.example"); err != nil {
			t.Errorf("what was given up is free: %v", err)
		}
		f.audited("domain.register", "domain.verify", "domain.delete")
	})
}

// Two organizations that prove the same domain at once: one has it.
func TestADomainIsOneOrganizations(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		ctx := t.Context()
		for round := range 5 {
			name := fmt.Sprintf("d%d.example", round)
			var list []signin.Domain
			var codes []string
			for _, org := range []ref.OrgID{northwind, acme, other} {
				p := f.saml(org, name, nil)
				d, err := f.RegisterDomain(ctx, operator, org, p.ID, name)
				if err != nil {
					t.Fatal(err)
				}
				list, codes = append(list, d), append(codes, d.Code)
			}
			f.dns.put(name, codes...)
			results := make(chan error, len(list))
			for _, d := range list {
				go func() {
					_, err := f.ProveDomain(ctx, operator, d.Org, d.Provider, name)
					results <- err
				}()
			}
			won := 0
			for range list {
				if err := <-results; err == nil {
					won++
				} else if errs.KindOf(err) != errs.Conflict {
					t.Error(err)
				}
			}
			if won != 1 {
				t.Errorf("%d organizations have verified %s, want 1", won, name)
			}
		}
	})
}

func TestVouching(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		ctx := t.Context()
		parents, p, foreign := f.saml(northwind, "N", nil), f.saml(acme, "A", nil), f.saml(other, "O", nil)
		vouch := func(parent ref.OrgID, of signin.Provider, name string) (signin.Domain, error) {
			return f.VouchForDomain(ctx, operator, parent, of.Org, of.ID, name)
		}
		_, err := vouch(northwind, p, "acme.example")
		wantErr(t, "not registered", err, errs.NotFound, "no domain")
		for _, of := range []signin.Provider{p, foreign} {
			if _, err := f.RegisterDomain(ctx, operator, of.Org, of.ID, "acme.example"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = vouch(northwind, p, "acme.example")
		wantErr(t, "the parent has it not", err, errs.Unprocessable, "has not verified")
		if _, err := f.RegisterDomain(ctx, operator, northwind, parents.ID, "acme.example"); err != nil {
			t.Fatal(err)
		}
		_, err = vouch(northwind, p, "acme.example")
		wantErr(t, "the parent has registered it only", err, errs.Unprocessable, "has not verified")
		if err := f.DeleteDomain(ctx, operator, northwind, parents.ID, "acme.example"); err != nil {
			t.Fatal(err)
		}
		f.own(parents, "acme.example")
		_, err = vouch(northwind, foreign, "acme.example")
		wantErr(t, "no customer", err, errs.NotFound, "no customer")
		_, err = vouch(other, p, "acme.example")
		wantErr(t, "of another parent", err, errs.NotFound, "no customer")
		d, err := vouch(northwind, p, "acme.example")
		if err != nil || d.VerifiedAt.IsZero() || d.Via != northwind {
			t.Fatalf("vouch = %+v, %v", d, err)
		}
		if again, err := vouch(northwind, p, "acme.example"); err != nil || !again.VerifiedAt.Equal(d.VerifiedAt) {
			t.Errorf("again: %+v, %v", again, err)
		}
		_, err = f.VouchForDomain(ctx, by(amy), northwind, acme, p.ID, "acme.example")
		wantErr(t, "by an owner of the customer", err, errs.NotFound, "")
		if err := f.DeleteProvider(ctx, operator, northwind, parents.ID, signin.ProtocolSAML); err != nil {
			t.Fatal(err)
		}
		if list, err := f.Domains(ctx, operator, acme, p.ID); err != nil || len(list) != 0 {
			t.Errorf("with the parent's provider gone: %v, %v, want no domain", list, err)
		}
	})
}

// SSO that is enforced: who is sent away, and who is not.
func TestEnforcedSSO(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		ctx := t.Context()
		yes, no := true, false
		enforce := func(who access.Caller) error {
			return f.UpdateLoginPolicy(ctx, who, acme, signin.LoginPolicyChange{EnforceSSO: &yes})
		}
		p := f.saml(acme, "Acme SSO", nil)
		wantErr(t, "without a verified domain", enforce(operator), errs.Invalid, "no identity provider with a verified domain")
		f.own(p, "acme.example")
		wantErr(t, "without a way in for the day it fails", enforce(operator), errs.Invalid, "break-glass")
		for _, stranger := range []ref.UserID{gus, ivo, olga, 999} {
			wantErr(t, fmt.Sprintf("user %d as break-glass", stranger), f.BreakGlass(ctx, operator, acme, stranger), errs.Invalid, "no owner")
		}
		if err := f.BreakGlass(ctx, operator, acme, amy); err != nil {
			t.Fatal(err)
		}
		if err := enforce(operator); err != nil {
			t.Fatal(err)
		}
		wantErr(t, "nobody, while enforced", f.BreakGlass(ctx, operator, acme, 0), errs.Invalid, "needs an owner")
		wantErr(t, "the last domain", f.DeleteDomain(ctx, operator, acme, p.ID, "acme.example"), errs.Invalid, "enforces SSO")
		wantErr(t, "the last provider", f.DeleteProvider(ctx, operator, acme, p.ID, signin.ProtocolSAML), errs.Invalid, "enforces SSO")

		for user, want := range map[ref.UserID]string{
			amy: "second factor, told in [2]", ivo: "refused", gus: "free", ina: "free", tom: "free", olga: "free", annID: "free",
		} {
			terms, err := f.Local(ctx, user)
			got := "free"
			switch {
			case terms.Refused != "":
				got = "refused"
			case terms.SecondFactor:
				got = fmt.Sprintf("second factor, told in %v", terms.BreakGlass)
			}
			if err != nil || got != want {
				t.Errorf("user %d: %s, %v, want %s", user, got, err, want)
			}
		}
		// Who was named and is an owner no more is a member like another.
		exec(t, db, `DELETE FROM access_rule WHERE user_id = 23`)
		if terms, err := f.Local(ctx, amy); err != nil || terms.Refused == "" {
			t.Errorf("a break-glass owner that is no owner: %+v, %v", terms, err)
		}
		if err := f.UpdateLoginPolicy(ctx, operator, acme, signin.LoginPolicyChange{EnforceSSO: &no}); err != nil {
			t.Fatal(err)
		}
		if err := f.DeleteProvider(ctx, operator, acme, p.ID, signin.ProtocolSAML); err != nil {
			t.Fatal(err)
		}
		f.audited("login_policy.update", "login_policy.break_glass", "identity_provider.delete")
	})
}

func exec(t *testing.T, db *sqldb.DB, statement string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The whole way by password: a member is sent to the provider, the break-glass owner is let in with a second factor and told of
// loudly.
func TestTheBreakGlassWayByPassword(t *testing.T) {
	t.Parallel()
	f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
	ctx := t.Context()
	f.own(f.saml(acme, "Acme SSO", nil), "acme.example")
	if err := f.BreakGlass(ctx, operator, acme, amy); err != nil {
		t.Fatal(err)
	}
	yes := true
	if err := f.UpdateLoginPolicy(ctx, operator, acme, signin.LoginPolicyChange{EnforceSSO: &yes}); err != nil {
		t.Fatal(err)
	}
	f.local.by = f.Providers
	for _, user := range []ref.UserID{amy, ivo} {
		if err := f.SetFirstPassword(ctx, by(user), user, good); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.SignIn(ctx, here, "ivo@acme.example", good)
	wantErr(t, "a member", err, errs.Forbidden, "identity provider")
	_, err = f.SignIn(ctx, here, "ivo@acme.example", "wrong")
	wantErr(t, "a member with a wrong password learns nothing", err, errs.Unauthenticated, "do not match")
	_, err = f.SignIn(ctx, here, "amy@acme.example", good)
	wantErr(t, "the owner, without a second factor", err, errs.Forbidden, "second factor")
}

func TestWhereAnAddressLeads(t *testing.T) {
	t.Parallel()
	f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
	ctx := t.Context()
	p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.Hint = "Acme (all)" })
	second := f.saml(acme, "Second", nil)
	if to, ok, err := f.Providers.Discover(ctx, "amy@acme.example", ""); ok || err != nil {
		t.Errorf("before the domain is verified: %q, %v", to, err)
	}
	f.own(p, "acme.example")
	for email, want := range map[string]string{
		"amy@acme.example": string(p.ID), "NoBody@ACME.example": string(p.ID), "x@sub.acme.example": "", "acme.example": string(p.ID), "x@other.example": "", "": "",
	} {
		to, ok, err := f.Providers.Discover(ctx, email, "/a b")
		if err != nil || ok != (want != "") || ok && to != "/signin/provider/"+want+"?next=%2Fa+b" {
			t.Errorf("Discover(%q) = %q, %v, %v, want %q", email, to, ok, err, want)
		}
	}
	if err := f.UpdateLoginPolicy(ctx, operator, acme, signin.LoginPolicyChange{Default: &second.ID}); err != nil {
		t.Fatal(err)
	}
	if to, _, _ := f.Providers.Discover(ctx, "amy@acme.example", ""); to != "/signin/provider/"+string(second.ID) {
		t.Errorf("with a default: %q", to)
	}
	if to, err := f.ByHint(ctx, "ACME (ALL)", ""); err != nil || to != "/signin/provider/"+string(p.ID) {
		t.Errorf("ByHint = %q, %v", to, err)
	}
	_, err := f.ByHint(ctx, "nobody", "")
	wantErr(t, "a hint of nobody", err, errs.NotFound, "")
	foreign := f.saml(other, "Other", nil)
	wantErr(t, "another's provider as default", f.UpdateLoginPolicy(ctx, operator, acme, signin.LoginPolicyChange{Default: &foreign.ID}), errs.Invalid, "defaultIdpId")

	id, err := f.SingleProvider(ctx, acme)
	if err != nil || id != p.ID {
		t.Errorf("SingleProvider = %s, %v", id, err)
	}
	f.own(second, "acme2.example")
	_, err = f.SingleProvider(ctx, acme)
	wantErr(t, "two", err, errs.Unprocessable, "several")
	_, err = f.SingleProvider(ctx, 999)
	wantErr(t, "an organization that is not there", err, errs.NotFound, "")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		ctx := t.Context()
		p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.Hint = "acme" })
		for what, tt := range map[string]struct {
			kind   errs.Kind
			part   string
			change func(*signin.Provider)
		}{
			"no name":                    {errs.Invalid, "name", func(n *signin.Provider) { n.Name = " " }},
			"the name of another":        {errs.Conflict, "Acme SSO", func(n *signin.Provider) { n.Name = "ACME sso" }},
			"the hint of another":        {errs.Conflict, "discoveryHint", func(n *signin.Provider) { n.Hint = "ACME" }},
			"no certificate":             {errs.Invalid, "one certificate", func(n *signin.Provider) { n.SAML.Certificate = "x" }},
			"two certificates":           {errs.Invalid, "one certificate", func(n *signin.Provider) { n.SAML.Certificate += n.SAML.Certificate }},
			"groups without JIT":         {errs.Invalid, "groupSyncPolicy", func(n *signin.Provider) { n.GroupSync = signin.SyncWhole }},
			"script as an address":       {errs.Invalid, "ssoUrl", func(n *signin.Provider) { n.SAML.SSOURL = "javascript:alert(1)" }},
			"a policy's end in it":       {errs.Invalid, "ssoUrl", func(n *signin.Provider) { n.SAML.SSOURL = "https://x.example/;script-src *" }},
			"a password in an address":   {errs.Invalid, "ssoUrl", func(n *signin.Provider) { n.SAML.SSOURL = "https://a:b@x.example/" }},
			"a way out that is no page":  {errs.Invalid, "logoutRedirectUrl", func(n *signin.Provider) { n.SAML.LogoutURL = "data:text/html,x" }},
			"OpenID without https":       {errs.Invalid, "issuer", func(n *signin.Provider) { oidcOf(n); n.Issuer = "http://x.example" }},
			"OpenID without a client id": {errs.Invalid, "clientId", func(n *signin.Provider) { oidcOf(n); n.Upstream.ClientID = "" }},
			"a scope with a blank":       {errs.Invalid, "scopes[0]", func(n *signin.Provider) { oidcOf(n); n.Upstream.Scopes = []string{"a b"} }},
		} {
			n := p
			n.Name, n.Hint = "Second", ""
			tt.change(&n)
			_, err := f.CreateProvider(ctx, operator, acme, n, "")
			wantErr(t, what, err, tt.kind, tt.part)
		}
		f.saml(other, "Acme SSO", nil) // names are of an organization
		foreign := f.saml(acme, "Foreign", nil)
		f.chooseKey(foreign)
		steal := func(n *signin.Provider) { n.SAML.SigningKey = f.keyOf(foreign).ID }
		wantErr(t, "another's key", f.UpdateProvider(ctx, operator, acme, p.ID, signin.ProtocolSAML, steal, nil), errs.Invalid, "no key")
		wantErr(t, "of another organization", f.UpdateProvider(ctx, operator, other, p.ID, signin.ProtocolSAML, steal, nil), errs.NotFound, "")
		wantErr(t, "by another protocol", f.DeleteProvider(ctx, operator, acme, p.ID, signin.ProtocolOIDC), errs.NotFound, "")
		for _, years := range []int{-1, 0, 1, 11} {
			_, err := f.GenerateKey(ctx, operator, acme, p.ID, years)
			wantErr(t, fmt.Sprint(years, " years"), err, errs.Invalid, "validityYears")
		}
		k, err := f.GenerateKey(ctx, operator, acme, p.ID, 10)
		if err != nil || k.ExpiresAt.Before(f.clock.Now().AddDate(9, 11, 0)) {
			t.Fatalf("GenerateKey = %+v, %v", k, err)
		}
		f.clock.advance(11 * 365 * 24 * time.Hour)
		old := func(n *signin.Provider) { n.SAML.SigningKey = k.ID }
		wantErr(t, "a key that has ended", f.UpdateProvider(ctx, operator, acme, p.ID, signin.ProtocolSAML, old, nil), errs.Invalid, "ended on")
	})
}

func oidcOf(n *signin.Provider) {
	n.Protocol, n.Issuer, n.Upstream = signin.ProtocolOIDC, "https://op.example", signin.UpstreamSettings{ClientID: "c"}
}

// Whoever runs an identity provider says who the owners are: administering the organization is not enough.
func TestOwnersRunTheProviders(t *testing.T) {
	t.Parallel()
	f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
	ctx := t.Context()
	exec(t, f.db.DB, `INSERT INTO access_rule (org_id, role_id, user_id, created_at) VALUES (2, 2, 26, 0)`)
	exec(t, f.db.DB, `INSERT INTO capability (org_id, name, created_at, updated_at) VALUES (2, 'iam', 0, 0)`)
	p := f.saml(acme, "Acme SSO", nil)
	yes := true
	for what, err := range map[string]error{
		"create": second(f.CreateProvider(ctx, by(gus), acme, p, "")),
		"update": f.UpdateProvider(ctx, by(gus), acme, p.ID, signin.ProtocolSAML, func(n *signin.Provider) { n.SAML.Certificate = rogueKey().pem }, nil),
		"delete": f.DeleteProvider(ctx, by(gus), acme, p.ID, signin.ProtocolSAML),
		"policy": f.UpdateLoginPolicy(ctx, by(gus), acme, signin.LoginPolicyChange{EnforceSSO: &yes}),
		"glass":  f.BreakGlass(ctx, by(gus), acme, amy),
	} {
		wantErr(t, what+" by an administrator", err, errs.Forbidden, "Manage organization")
	}
	if _, err := f.RegisterDomain(ctx, by(gus), acme, p.ID, "acme.example"); err != nil {
		t.Errorf("register by an administrator: %v", err)
	}
	if err := f.BreakGlass(ctx, by(amy), acme, amy); err != nil {
		t.Errorf("break-glass by an owner: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
