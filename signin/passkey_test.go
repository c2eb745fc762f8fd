package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

var relyingParty = virtualwebauthn.RelyingParty{ID: "espalier.example", Name: "Espalier", Origin: public}

// device is an authenticator with one passkey.
type device struct {
	virtualwebauthn.Authenticator
	key virtualwebauthn.Credential
}

// withPasskey adds a passkey of a new device to the user of a session.
func (w *world) withPasskey(at signin.Session) *device {
	w.t.Helper()
	d := &device{key: virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, wholeKey(w.t))}
	options, pending, err := w.BeginPasskey(w.t.Context(), at)
	if err != nil {
		w.t.Fatal(err)
	}
	asked, err := virtualwebauthn.ParseAttestationOptions(text(w.t, options))
	if err != nil {
		w.t.Fatal(err)
	}
	d.Authenticator = virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(userHandle(at.User))})
	answer := virtualwebauthn.CreateAttestationResponse(relyingParty, d.Authenticator, d.key, *asked)
	if err := w.FinishPasskey(w.t.Context(), at, here, pending, "  Laptop\x07 ", []byte(answer)); err != nil {
		w.t.Fatal(err)
	}
	d.AddCredential(d.key)
	return d
}

// wholeKey draws a key whose coordinates begin with no zero byte: the virtual device leaves those out, which no real one does.
func wholeKey(t *testing.T) []byte {
	t.Helper()
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes() // 4, x, y
		if err != nil {
			t.Fatal(err)
		}
		if point[1] == 0 || point[33] == 0 {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
}

func userHandle(user ref.UserID) string { return "\x00\x00\x00\x00\x00\x00\x00" + string(rune(user)) }

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// answer answers the challenge of a new sign-in.
func (w *world) answer(d *device, rp virtualwebauthn.RelyingParty) (pending, answer string) {
	w.t.Helper()
	options, pending, err := w.BeginPasskeySignIn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	asked, err := virtualwebauthn.ParseAssertionOptions(text(w.t, options))
	if err != nil {
		w.t.Fatal(err)
	}
	d.key.Counter++
	return pending, virtualwebauthn.CreateAssertionResponse(rp, d.Authenticator, d.key, *asked)
}

func TestSignInByPasskey(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		at := w.enter()
		d := w.withPasskey(at.Session)
		for range 20 { // strangers guess: the owner's passkey is not stopped by what they do
			_, _ = w.SignIn(ctx, signin.Visitor{Address: "203.0.113.9"}, ann, "wrong")
		}
		_, err := w.SignIn(ctx, here, ann, good)
		wantKind(t, "the password meanwhile", err, errs.TooMany)
		for range 2 {
			pending, answer := w.answer(d, relyingParty)
			o, err := w.SignInPasskey(ctx, here, pending, []byte(answer))
			if err != nil || o.User != annID || o.Proofs[0].Method != signin.Passkey {
				t.Fatalf("SignInPasskey = %+v, %v", o, err)
			}
			_, err = w.SignInPasskey(ctx, here, pending, []byte(answer))
			wantKind(t, "the answer again", err, errs.NotFound)
		}
		a, err := w.Account(ctx, at.Session)
		if err != nil || len(a.Passkeys) != 1 || a.Passkeys[0].Name != "Laptop" || a.Passkeys[0].LastUsedAt.IsZero() {
			t.Fatalf("Account = %+v, %v", a, err)
		}
		wantKind(t, "another user removes it", w.RemovePasskey(ctx, signin.Session{User: boID, Proofs: at.Proofs}, here, a.Passkeys[0].ID), errs.NotFound)
		if err := w.RemovePasskey(ctx, at.Session, here, a.Passkeys[0].ID); err != nil {
			t.Fatal(err)
		}
		pending, answer := w.answer(d, relyingParty)
		_, err = w.SignInPasskey(ctx, here, pending, []byte(answer))
		wantKind(t, "a removed passkey", err, errs.Unauthenticated)
		w.audited("signin.passkey_add", "authentication.passkey", "signin.passkey_remove")
	})
}

func TestPasskeyAnswersThatDoNotHold(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		d := w.withPasskey(w.enter().Session)
		refused := func(what, pending, answer string) {
			t.Helper()
			_, err := w.SignInPasskey(ctx, here, pending, []byte(answer))
			wantKind(t, what, err, errs.Unauthenticated)
		}
		evil := relyingParty
		evil.Origin = "https://espalier.example.evil.example"
		pending, answer := w.answer(d, evil)
		refused("made for another site's origin", pending, answer)
		evil = relyingParty
		evil.ID = "evil.example"
		pending, answer = w.answer(d, evil)
		refused("made for another site", pending, answer)
		_, answer = w.answer(d, relyingParty)
		pending, _ = w.answer(d, relyingParty)
		refused("an answer to another challenge", pending, answer)
		pending, answer = w.answer(d, relyingParty)
		refused("no answer at all", pending, strings.ReplaceAll(answer, `"`, ""))

		unverified := *d
		unverified.Options.UserNotVerified = true
		pending, answer = w.answer(&unverified, relyingParty)
		refused("whoever holds the device", pending, answer)
		as := *d
		as.Options.UserHandle = []byte(userHandle(boID))
		pending, answer = w.answer(&as, relyingParty)
		refused("as another user", pending, answer)
		d.key.Counter = 1
		pending, answer = w.answer(d, relyingParty)
		if _, err := w.SignInPasskey(ctx, here, pending, []byte(answer)); err != nil {
			t.Fatal(err)
		}
		d.key.Counter = 0
		pending, answer = w.answer(d, relyingParty)
		_, err := w.SignInPasskey(ctx, here, pending, []byte(answer))
		wantKind(t, "a copy of the device", err, errs.Forbidden)
	})
}

func TestPasskeyAsksThePolicy(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		d := w.withPasskey(w.enter().Session)
		w.local.terms = signin.LocalTerms{Refused: "Sign in at idp.example."}
		pending, answer := w.answer(d, relyingParty)
		_, err := w.SignInPasskey(t.Context(), here, pending, []byte(answer))
		wantKind(t, "refused by the policy", err, errs.Forbidden)
		w.local.terms = signin.LocalTerms{SecondFactor: true, BreakGlass: []ref.OrgID{7}}
		pending, answer = w.answer(d, relyingParty)
		if _, err := w.SignInPasskey(t.Context(), here, pending, []byte(answer)); err != nil {
			t.Errorf("a passkey is a second factor by itself: %v", err)
		}
	})
}
