package signin_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// resetToken takes the token out of the one mail that was sent.
func (w *world) resetToken() string {
	w.t.Helper()
	for _, m := range w.mails.take() {
		if m.Kind != signin.MailReset {
			continue
		}
		u, err := url.Parse(m.Data["link"])
		if err != nil || !strings.HasPrefix(m.Data["link"], public+"/signin/reset/new?token=") {
			w.t.Fatalf("link %s, %v", m.Data["link"], err)
		}
		return u.Query().Get("token")
	}
	w.t.Fatal("no mail with a link")
	return ""
}

func TestReset(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		session := w.enter()
		secret, _ := w.withApp()
		pending := w.pending()
		w.mails.take()
		if err := w.AskReset(ctx, here, "ANN@northwind.example"); err != nil {
			t.Fatal(err)
		}
		token := w.resetToken()
		wantKind(t, "a weak password", w.Reset(ctx, here, token, "password1234"), errs.Invalid)
		if n := one(t, 4, func(ctx context.Context) error { return w.Reset(ctx, here, token, another) }); n != 1 {
			t.Errorf("one link, at once: %d succeeded", n)
		}
		wantKind(t, "the link again", w.Reset(ctx, here, token, good), errs.NotFound)
		_, err := w.Resume(ctx, session.Secret)
		wantKind(t, "a session from before", err, errs.Unauthenticated)
		_, err = w.SignInCode(ctx, here, pending, w.code(secret))
		wantKind(t, "a sign-in begun with the old password", err, errs.NotFound)
		step, err := w.SignIn(ctx, here, ann, another)
		if err != nil || step.Pending == "" {
			t.Errorf("SignIn = %+v, %v, want the second factor to be asked for still", step, err)
		}
		w.audited("signin.reset_ask", "signin.password_set")
	})
}

// Two links: the use of one ends the other.
func TestResetEndsOtherLinks(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		var tokens []string
		for range 2 {
			if err := w.AskReset(ctx, here, ann); err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, w.resetToken())
		}
		if err := w.Reset(ctx, here, tokens[0], another); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "the other link", w.Reset(ctx, here, tokens[1], good), errs.NotFound)
		if err := w.AskReset(ctx, here, ann); err != nil {
			t.Fatal(err)
		}
		late := w.resetToken()
		w.clock.advance(signin.ResetLife)
		wantKind(t, "after half an hour", w.Reset(ctx, here, late, good), errs.NotFound)
	})
}

// Asking says nothing, does the same work, and sends no flood of mail.
func TestAskResetTellsNothing(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		values := func() (n int) {
			err := db.Read(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, `SELECT count(*) FROM one_time`, nil, &n) })
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, email := range []string{ann, nobody, "ann@northwind.example.evil.example", "ann@northwind.example\x00"} {
			before := values()
			if err := w.AskReset(ctx, here, email); err != nil {
				t.Errorf("AskReset of %q: %v", email, err)
			}
			if n := values() - before; n != 1 {
				t.Errorf("AskReset of %q wrote %d values, want 1", email, n)
			}
		}
		if sent := w.mails.take(); len(sent) != 1 || sent[0].To.Email != "Ann@northwind.example" {
			t.Errorf("sent %+v, want one mail, to the address that is kept", sent)
		}
		for range 10 {
			if err := w.AskReset(ctx, here, ann); err != nil {
				t.Error(err)
			}
		}
		if n := len(w.mails.take()); n != 3 {
			t.Errorf("%d more mails within the pauses, want 3", n)
		}
	})
}

func TestResetLinkOfTheOperator(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		_, _, err := w.ResetLink(ctx, callerOf(annID), ann)
		wantKind(t, "by a user", err, errs.Forbidden)
		_, _, err = w.ResetLink(ctx, access.Operator("r1"), nobody)
		wantKind(t, "of nobody", err, errs.NotFound)
		link, ends, err := w.ResetLink(ctx, access.Operator("r1"), ann)
		if err != nil || !ends.Equal(w.clock.Now().Add(30*time.Minute)) {
			t.Fatalf("ResetLink = %s, %v, %v", link, ends, err)
		}
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Reset(ctx, here, u.Query().Get("token"), another); err != nil {
			t.Error(err)
		}
		s, err := signin.New(signin.Config{Store: w.db.SignIn(), Box: &keyring.Keyring{}, Now: w.clock.Now, Log: discard})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(ctx)
		_, _, err = s.ResetLink(ctx, access.Operator("r1"), ann)
		wantKind(t, "without a public address", err, errs.Conflict)
		if err := s.AskReset(ctx, here, ann); err != nil {
			t.Errorf("AskReset without a public address: %v", err)
		}
	})
}
