package signin_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"espalier.dev/errs"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// withApp gives ann an authenticator app, and returns its secret and the recovery codes. The next code is of a later step.
func (w *world) withApp() (secret string, codes []string) {
	w.t.Helper()
	at := w.enter()
	app, err := w.BeginApp(w.t.Context(), at.Session)
	if err != nil {
		w.t.Fatal(err)
	}
	codes, err = w.ConfirmApp(w.t.Context(), at.Session, here, w.code(app.Secret))
	if err != nil || len(codes) != 10 {
		w.t.Fatalf("ConfirmApp = %v, %v", codes, err)
	}
	w.clock.advance(30 * time.Second)
	return app.Secret, codes
}

func (w *world) code(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// pending gives the password and returns what is to be given with the code.
func (w *world) pending() string {
	w.t.Helper()
	step, err := w.SignIn(w.t.Context(), here, ann, good)
	if err != nil || step.Pending == "" || step.Secret != "" {
		w.t.Fatalf("SignIn = %+v, %v, want a code to be asked for", step, err)
	}
	return step.Pending
}

func TestSignInByCode(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		secret, _ := w.withApp()
		pending := w.pending()
		_, err := w.SignInCode(t.Context(), here, pending, "000000")
		wantKind(t, "a wrong code", err, errs.Unauthenticated)
		o, err := w.SignInCode(t.Context(), here, pending, " "+w.code(secret)[:3]+" "+w.code(secret)[3:])
		if err != nil || o.User != annID || len(o.Proofs) != 2 || o.Proofs[1].Method != signin.TOTP {
			t.Fatalf("SignInCode = %+v, %v", o, err)
		}
		w.audited("signin.totp_add", "authentication.totp", "authentication.totp_failed")
	})
}

func TestCodesAreNotReplayed(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		secret, _ := w.withApp()
		before := w.code(secret)
		w.clock.advance(30 * time.Second)
		code := w.code(secret)
		if _, err := w.SignInCode(t.Context(), here, w.pending(), code); err != nil {
			t.Fatal(err)
		}
		_, err := w.SignInCode(t.Context(), here, w.pending(), code)
		wantKind(t, "the same code again", err, errs.Unauthenticated)
		_, err = w.SignInCode(t.Context(), here, w.pending(), before)
		wantKind(t, "an earlier code that the clock would still allow", err, errs.Unauthenticated)
		w.clock.advance(30 * time.Second)
		if _, err := w.SignInCode(t.Context(), here, w.pending(), w.code(secret)); err != nil {
			t.Errorf("the next code: %v", err)
		}
		w.clock.advance(10 * time.Minute)
		stale := w.code(secret)
		w.clock.advance(2 * time.Minute)
		_, err = w.SignInCode(t.Context(), here, w.pending(), stale)
		wantKind(t, "a code of two minutes ago", err, errs.Unauthenticated)
	})
}

// one runs do many times at once and counts how often it succeeded.
func one(t *testing.T, times int, do func(context.Context) error) int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range times {
		wg.Go(func() {
			err := do(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if k := errs.KindOf(err); k == errs.Internal {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return done
}

func TestOneTimeValuesAreGoodOnce(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		secret, codes := w.withApp()

		code, pending := w.code(secret), w.pending()
		if n := one(t, 4, func(ctx context.Context) error { _, err := w.SignInCode(ctx, here, pending, code); return err }); n != 1 {
			t.Errorf("one code and one sign-in, at once: %d succeeded", n)
		}
		w.clock.advance(time.Hour)
		all := []string{w.pending(), w.pending(), w.pending(), w.pending()}
		code = w.code(secret)
		i, mu := 0, sync.Mutex{}
		next := func() string { mu.Lock(); defer mu.Unlock(); i++; return all[i-1] }
		if n := one(t, 4, func(ctx context.Context) error { _, err := w.SignInCode(ctx, here, next(), code); return err }); n != 1 {
			t.Errorf("one code in four sign-ins, at once: %d succeeded", n)
		}
		w.clock.advance(time.Hour)
		all, i = []string{w.pending(), w.pending(), w.pending(), w.pending()}, 0
		if n := one(t, 4, func(ctx context.Context) error {
			_, err := w.SignInCode(ctx, here, next(), strings.ToUpper(codes[0]))
			return err
		}); n != 1 {
			t.Errorf("one recovery code in four sign-ins, at once: %d succeeded", n)
		}
		w.clock.advance(time.Hour)
		_, err := w.SignInCode(t.Context(), here, w.pending(), codes[0])
		wantKind(t, "a recovery code again", err, errs.Unauthenticated)
		o, err := w.SignInCode(t.Context(), here, w.pending(), codes[1])
		if err != nil || o.Proofs[1].Method != signin.RecoveryCode {
			t.Fatalf("the next recovery code: %+v, %v", o, err)
		}
		if a, err := w.Account(t.Context(), o.Session); err != nil || a.RecoveryCodes != 8 {
			t.Errorf("Account = %+v, %v, want 8 recovery codes", a, err)
		}
	})
}

// A value of one purpose is unknown to every other, and one user's to another.
func TestOneTimeValuesOfAnotherKind(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		at := w.enter()
		secret, codes := w.withApp()
		_, passkey, err := w.BeginPasskeySignIn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, adding, err := w.BeginPasskey(ctx, at.Session)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.AskReset(ctx, here, ann); err != nil {
			t.Fatal(err)
		}
		reset := w.resetToken()
		pending := w.pending()
		for _, v := range []string{"", passkey, adding, reset, at.Secret, codes[0]} {
			_, err := w.SignInCode(ctx, here, v, w.code(secret))
			wantKind(t, "SignInCode", err, errs.NotFound)
		}
		for _, v := range []string{"", pending, adding, reset} {
			_, err := w.SignInPasskey(ctx, here, v, nil)
			wantKind(t, "SignInPasskey", err, errs.NotFound)
		}
		for _, v := range []string{"", pending, passkey, reset} {
			wantKind(t, "FinishPasskey", w.FinishPasskey(ctx, at.Session, here, v, "", nil), errs.NotFound)
		}
		for _, v := range []string{"", pending, passkey, adding, at.Secret} {
			wantKind(t, "Reset", w.Reset(ctx, here, v, another), errs.NotFound)
		}
		// Another user's challenge.
		strange, err := w.Open(ctx, signin.OpenSession{User: boID, Methods: []signin.Method{signin.SAML}, Visitor: here})
		if err != nil {
			t.Fatal(err)
		}
		wantKind(t, "another user's challenge", w.FinishPasskey(ctx, strange.Session, here, adding, "", nil), errs.NotFound)
		// Over.
		w.clock.advance(11 * time.Minute)
		_, err = w.SignInCode(ctx, here, pending, w.code(secret))
		wantKind(t, "after ten minutes", err, errs.NotFound)
	})
}

func TestGuessingCodesIsPaused(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		secret, _ := w.withApp()
		pending := w.pending()
		for range 6 {
			_, err := w.SignInCode(t.Context(), here, pending, "000000")
			wantKind(t, "a wrong code", err, errs.Unauthenticated)
		}
		_, err := w.SignInCode(t.Context(), here, w.pending(), w.code(secret))
		wantKind(t, "the right code in the pause, with the password given anew", err, errs.TooMany)
	})
}

func TestAppIsSealedForItsUser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		secret, _ := w.withApp()
		var row string
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			if err := tx.Row(t.Context(), `SELECT secret_sealed FROM totp WHERE user_id = 12`, nil, &row); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO totp (user_id, secret_sealed, last_step, created_at, confirmed_at) VALUES (13, $1, 0, 0, 0)`, row)
			return err
		})
		if err != nil || strings.Contains(row, secret) {
			t.Fatalf("stored %s, %v", row, err)
		}
		if err := w.SetFirstPassword(t.Context(), callerOf(boID), boID, another); err != nil {
			t.Fatal(err)
		}
		step, err := w.SignIn(t.Context(), here, bo, another)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.SignInCode(t.Context(), here, step.Pending, w.code(secret)); err == nil {
			t.Error("a secret that was moved to another user's row was opened")
		}
	})
}

func TestRemoveApp(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		at := w.enter()
		_, codes := w.withApp()
		_, err := w.BeginApp(ctx, at.Session)
		wantKind(t, "a second app", err, errs.Conflict)
		fresh, err := w.RenewRecoveryCodes(ctx, at.Session, here)
		if err != nil || fresh[0] == codes[0] {
			t.Fatalf("RenewRecoveryCodes = %v, %v", fresh, err)
		}
		_, err = w.SignInCode(ctx, here, w.pending(), codes[0])
		wantKind(t, "a code from before", err, errs.Unauthenticated)
		if err := w.RemoveApp(ctx, at.Session, here); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "RemoveApp again", w.RemoveApp(ctx, at.Session, here), errs.NotFound)
		_, err = w.RenewRecoveryCodes(ctx, at.Session, here)
		wantKind(t, "recovery codes without an app", err, errs.Conflict)
		w.enter()
		if n := len(w.mails.take()); n != 3 {
			t.Errorf("%d mails, want one for each of three changes", n)
		}
	})
}
