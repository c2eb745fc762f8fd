package signin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		idle, used := w.enter(), w.enter()
		for range 14 { // 7 days, in steps that keep it alive
			w.clock.advance(signin.SessionIdle - time.Minute)
			if _, err := w.Resume(ctx, used.Secret); err != nil {
				t.Fatalf("a session in use: %v", err)
			}
			if err := signin.Flush(w.Service, ctx); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.Resume(ctx, idle.Secret)
		wantKind(t, "without use", err, errs.Unauthenticated)
		w.clock.advance(time.Hour)
		_, err = w.Resume(ctx, used.Secret)
		wantKind(t, "after seven days of use", err, errs.Unauthenticated)
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		var left int
		err = db.Read(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, `SELECT count(*) FROM session`, nil, &left) })
		if err != nil || left != 0 {
			t.Errorf("%d sessions are left, %v", left, err)
		}
	})
}

// What was known before a sign-in is worth nothing after it: a cookie planted by somebody else, or kept from before.
func TestSignInRotatesTheSession(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		for _, planted := range []string{"", "x", ".", "abcdefghijklmnop." + strings.Repeat("a", 52), strings.Repeat("a", 5000)} {
			_, err := w.Resume(ctx, planted)
			wantKind(t, "a planted cookie", err, errs.Unauthenticated)
		}
		old := w.enter()
		v := here
		v.Session = old.ID
		step, err := w.SignIn(ctx, v, ann, good)
		if err != nil || step.ID == old.ID || step.Secret == old.Secret {
			t.Fatalf("SignIn = %+v, %v", step, err)
		}
		_, err = w.Resume(ctx, old.Secret)
		wantKind(t, "the session before", err, errs.Unauthenticated)
		// Half of one and half of the other.
		id, _, _ := strings.Cut(step.Secret, ".")
		_, secret, _ := strings.Cut(w.enter().Secret, ".")
		_, err = w.Resume(ctx, id+"."+secret)
		wantKind(t, "the id of one and the secret of another", err, errs.Unauthenticated)
	})
}

func TestSessionsAreEndedByTheirUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		a, b, c := w.enter(), w.enter(), w.enter()
		strange, err := w.Open(ctx, signin.OpenSession{User: boID, Methods: []signin.Method{signin.SAML}, Visitor: here})
		if err != nil {
			t.Fatal(err)
		}
		list, err := w.Sessions(ctx, a.Session)
		if err != nil || len(list) != 3 {
			t.Fatalf("Sessions = %d, %v", len(list), err)
		}
		wantKind(t, "the session of another user", w.End(ctx, a.Session, here, strange.ID), errs.NotFound)
		if err := w.End(ctx, a.Session, here, b.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Resume(ctx, b.Secret)
		wantKind(t, "an ended session", err, errs.Unauthenticated)
		if err := w.EndOthers(ctx, a.Session, here); err != nil {
			t.Fatal(err)
		}
		_, err = w.Resume(ctx, c.Secret)
		wantKind(t, "another session", err, errs.Unauthenticated)
		for _, still := range []signin.Opened{a, strange} {
			if _, err := w.Resume(ctx, still.Secret); err != nil {
				t.Error(err)
			}
		}
		w.audited("signin.session_end", "authentication.saml")
	})
}

// A customer's identity provider says who a user is, and so whoever runs it could sign in as anybody: such a session is good in
// that organization alone and gives no hold on the user.
func TestSessionOfAnOrganizationGivesNoHoldOnTheUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO organization (id, name, name_folded, created_at, updated_at) VALUES (7, 'Acme', 'acme', 0, 0)`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		own := w.enter()
		o, err := w.Open(ctx, signin.OpenSession{User: annID, Methods: []signin.Method{signin.SAML}, Only: 7, Visitor: here})
		if err != nil {
			t.Fatal(err)
		}
		at, err := w.Resume(ctx, o.Secret)
		if err != nil || at.Caller("r").Only != 7 {
			t.Fatalf("Resume = %+v, %v", at, err)
		}
		refused := func(what string, err error) { t.Helper(); wantKind(t, what, err, errs.Forbidden) }
		refused("ChangePassword", w.ChangePassword(ctx, at, here, good, another))
		_, err = w.BeginApp(ctx, at)
		refused("BeginApp", err)
		_, err = w.ConfirmApp(ctx, at, here, "123456")
		refused("ConfirmApp", err)
		_, err = w.RenewRecoveryCodes(ctx, at, here)
		refused("RenewRecoveryCodes", err)
		refused("RemoveApp", w.RemoveApp(ctx, at, here))
		_, _, err = w.BeginPasskey(ctx, at)
		refused("BeginPasskey", err)
		refused("RemovePasskey", w.RemovePasskey(ctx, at, here, "x"))
		refused("EndOthers", w.EndOthers(ctx, at, here))
		refused("End", w.End(ctx, at, here, own.ID))
		if a, err := w.Account(ctx, at); err != nil || a.Manages || len(a.Sessions) != 1 {
			t.Errorf("Account = %+v, %v", a, err)
		}
		if err := w.End(ctx, at, here, at.ID); err != nil {
			t.Errorf("End of itself: %v", err)
		}
		_, err = w.Open(ctx, signin.OpenSession{User: annID, Methods: []signin.Method{signin.SAML}, Only: 99, Visitor: here})
		wantKind(t, "an absent organization", err, errs.NotFound)
	})
}

func TestChangesAskForAFreshSignIn(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		at := w.enter()
		w.clock.advance(signin.FreshFor + time.Second)
		_, err := w.BeginApp(t.Context(), at.Session)
		if wantKind(t, "BeginApp", err, errs.Forbidden); errs.Code(err) != signin.CodeSignInAgain {
			t.Errorf("BeginApp: code %q", errs.Code(err))
		}
	})
}

func TestCookies(t *testing.T) {
	t.Parallel()
	opened := signin.Opened{Secret: "id.secret", Session: signin.Session{EndsAt: time.Unix(3600, 0), CreatedAt: time.Unix(0, 0)}}
	for publicURL, want := range map[string]string{
		"https://espalier.example":      "__Host-espalier_session=id.secret; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
		"https://espalier.example/path": "__Host-espalier_session=id.secret; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
		"http://localhost:8080":         "espalier_session=id.secret; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
		"":                              "espalier_session=id.secret; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
	} {
		s := bare(t, publicURL)
		rec := httptest.NewRecorder()
		s.SetSession(rec, opened)
		if got := rec.Header().Get("Set-Cookie"); got != want {
			t.Errorf("at %q: cookie %s, want %s", publicURL, got, want)
		}
	}
	// Of the two names only the server's own counts: a subdomain could plant the other.
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "espalier_session", Value: "id.secret"})
	_, err := bare(t, "https://espalier.example").Visit(r)
	wantKind(t, "a cookie without __Host-", err, errs.Unauthenticated)
}

// bare is a service without a store, for what asks none.
func bare(t *testing.T, publicURL string) *signin.Service {
	t.Helper()
	w := &world{t: t, clock: &clock{}}
	s, err := signin.New(signin.Config{Store: noStore{}, Box: &keyring.Keyring{}, Now: w.clock.Now, Log: discard, PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	return s
}

func TestPasskeysNeedANameByHTTPS(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]bool{
		"": false, "https://espalier.example": true, "http://espalier.example": false, "http://localhost:8080": true,
		"https://192.0.2.1": false, "http://127.0.0.1:8080": false, "https://[2001:db8::1]": false,
	} {
		if got := bare(t, publicURL).HasPasskeys(); got != want {
			t.Errorf("HasPasskeys at %q = %v, want %v", publicURL, got, want)
		}
	}
}
