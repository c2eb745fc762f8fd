package signin_test

import (
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

func callerOf(user ref.UserID) access.Caller { return access.Caller{User: user, RequestID: "r1"} }

func TestSignInByPassword(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		step, err := w.SignIn(t.Context(), here, "ANN@Northwind.example", good)
		if err != nil || step.Pending != "" || step.User != annID || step.Secret == "" {
			t.Fatalf("SignIn = %+v, %v", step, err)
		}
		found, err := w.Resume(t.Context(), step.Secret)
		if err != nil || found.ID != step.ID || found.User != annID || found.Proofs[0].Method != signin.Password || !found.AuthenticatedAt().Equal(w.clock.Now()) {
			t.Errorf("Resume = %+v, %v", found, err)
		}
		w.audited("signin.password_set", "authentication.password")
	})
}

// Who exists is told neither by the answer nor by the work: every wrong try is hashed once.
func TestNobodyLearnsWhoExists(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		var said []string
		for _, email := range []string{ann, bo, nobody, "", "x\x00@example.org", "x\xff@example.org"} {
			before := w.Hashed()
			_, err := w.SignIn(t.Context(), here, email, "not the password")
			wantKind(t, "SignIn of "+email, err, errs.Unauthenticated)
			said = append(said, errs.Message(err))
			if n := w.Hashed() - before; n != 1 {
				t.Errorf("SignIn of %q hashed %d passwords, want 1", email, n)
			}
		}
		for _, s := range said {
			if s != said[0] {
				t.Errorf("answers differ: %q and %q", s, said[0])
			}
		}
		for i := range 12 { // and so with the pauses
			_, known := w.SignIn(t.Context(), signin.Visitor{Address: "203.0.113.1"}, ann, "wrong")
			_, stranger := w.SignIn(t.Context(), signin.Visitor{Address: "203.0.113.2"}, "stranger@northwind.example", "wrong")
			if i > 0 && (errs.KindOf(known) != errs.KindOf(stranger)) && i != 4 && i != 5 { // ann has one try more from above
				t.Errorf("try %d: %v and %v", i, known, stranger)
			}
		}
		w.audited("authentication.password_failed")
	})
}

func TestPausesGrowAndAreShared(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		// Every server of the database counts, and so do tries from everywhere.
		servers := []*signin.Service{w.Service, w.server(signin.Config{Box: &keyring.Keyring{}})}
		from := []signin.Visitor{{Address: "198.51.100.1"}, {Address: "2001:db8::1"}, {Address: "198.51.100.3"}}
		for i := range 6 {
			_, err := servers[i%2].SignIn(t.Context(), from[i%3], ann, "wrong")
			wantKind(t, "a wrong try", err, errs.Unauthenticated)
		}
		_, err := servers[0].SignIn(t.Context(), here, ann, good)
		wantKind(t, "the right password in the pause", err, errs.TooMany)
		w.clock.advance(2 * time.Second)
		_, err = servers[1].SignIn(t.Context(), here, ann, "wrong")
		wantKind(t, "after the first pause", err, errs.Unauthenticated)
		w.clock.advance(time.Second)
		_, err = servers[0].SignIn(t.Context(), here, ann, good)
		wantKind(t, "the second pause is longer", err, errs.TooMany)
		w.clock.advance(2 * time.Second)
		w.enter()
		for range 5 { // all is forgotten by a success
			_, err := w.SignIn(t.Context(), here, ann, "wrong")
			wantKind(t, "after a success", err, errs.Unauthenticated)
		}
		w.enter()
	})
}

// Many tries at once are counted before they are made: no more pass than one after the other would.
func TestTriesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		var wg sync.WaitGroup
		var mu sync.Mutex
		tried := 0
		for range 20 {
			wg.Go(func() {
				if _, err := w.SignIn(t.Context(), here, ann, "wrong"); errs.KindOf(err) == errs.Unauthenticated {
					mu.Lock()
					tried++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if tried != 6 { // the sixth earns the first pause
			t.Errorf("%d tries were made at once, want 6", tried)
		}
	})
}

func TestAddressIsPaused(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		for i := range 31 {
			_, err := w.SignIn(t.Context(), signin.Visitor{Address: "2001:db8::1:1"}, string(rune('a'+i))+"@example.org", "wrong")
			wantKind(t, "a wrong try", err, errs.Unauthenticated)
		}
		_, err := w.SignIn(t.Context(), signin.Visitor{Address: "2001:db8::2:2"}, ann, good)
		wantKind(t, "another address of the same /64", err, errs.TooMany)
		w.enter()
	})
}

func TestHashIsRenewed(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		stronger := argon2id.Params{Memory: 128, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
		s := w.server(signin.Config{Box: &keyring.Keyring{}, Hash: &stronger})
		for range 2 {
			if _, err := s.SignIn(t.Context(), here, ann, good); err != nil {
				t.Fatal(err)
			}
		}
		var stored signin.StoredPassword
		err := w.db.SignIn().Read(t.Context(), func(tx signin.Tx) (err error) {
			stored, err = tx.Password(t.Context(), annID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		params, _, _, err := argon2id.DecodeHash(stored.Hash)
		if err != nil || params.Memory != stronger.Memory || params.Iterations != stronger.Iterations {
			t.Errorf("the hash has %+v, %v, want those of today", params, err)
		}
		if n := s.Hashed(); n != 3 {
			t.Errorf("hashed %d times, want 3: once more at the first sign-in alone", n)
		}
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		other, at := w.enter(), w.enter()
		ctx := t.Context()
		wantKind(t, "a wrong old one", w.ChangePassword(ctx, at.Session, here, "wrong", another), errs.Invalid)
		wantKind(t, "a weak new one", w.ChangePassword(ctx, at.Session, here, good, "password1234"), errs.Invalid)
		if err := w.ChangePassword(ctx, at.Session, here, good, another); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Resume(ctx, at.Secret); err != nil {
			t.Errorf("the session that changed it: %v", err)
		}
		_, err := w.Resume(ctx, other.Secret)
		wantKind(t, "another session", err, errs.Unauthenticated)
		_, err = w.SignIn(ctx, here, ann, good)
		wantKind(t, "the old password", err, errs.Unauthenticated)
		if _, err := w.SignIn(ctx, here, ann, another); err != nil {
			t.Errorf("the new password: %v", err)
		}
		if sent := w.mails.take(); len(sent) != 1 || sent[0].Kind != signin.MailChanged || sent[0].To.ID != annID {
			t.Errorf("told: %+v", sent)
		}
		wantKind(t, "a second first password", w.SetFirstPassword(ctx, callerOf(annID), annID, good), errs.Conflict)
		wantKind(t, "not the operator", w.OverridePassword(ctx, callerOf(boID), annID, good), errs.Forbidden)
		if err := w.OverridePassword(ctx, access.Operator("r1"), annID, good); err != nil {
			t.Error(err)
		}
		_, err = w.Resume(ctx, at.Secret)
		wantKind(t, "a session after the operator's change", err, errs.Unauthenticated)
	})
}

func TestPolicyDecides(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		w.local.terms = signin.LocalTerms{Refused: "Sign in at idp.example."}
		_, err := w.SignIn(ctx, here, ann, good)
		if wantKind(t, "refused", err, errs.Forbidden); errs.Message(err) != "Sign in at idp.example." {
			t.Errorf("refused by %v", err)
		}
		_, err = w.SignIn(ctx, here, ann, "wrong")
		wantKind(t, "a wrong password learns nothing of the policy", err, errs.Unauthenticated)
		w.local.terms = signin.LocalTerms{SecondFactor: true}
		_, err = w.SignIn(ctx, here, ann, good)
		wantKind(t, "without a second factor", err, errs.Forbidden)
		w.local.terms = signin.LocalTerms{BreakGlass: []ref.OrgID{7}}
		w.enter()
		w.audited("authentication.break_glass")
	})
}
