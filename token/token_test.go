package token

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

var alice = access.Caller{User: 12, Session: "console", RequestID: "r1"}

// made is a service with a refresh token of alice.
func made(t testing.TB) (*Service, *memory, *clock, string) {
	t.Helper()
	c := newClock()
	m := newMemory(c.now)
	s := newService(t, config(m, newKeyring(t), c.now))
	_, text, err := s.Create(t.Context(), alice, "laptop")
	if err != nil {
		t.Fatal(err)
	}
	return s, m, c, text
}

func issue(t testing.TB, s *Service, refresh string) string {
	t.Helper()
	text, err := s.Issue(t.Context(), refresh)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestIssueAuthenticate(t *testing.T) {
	t.Parallel()
	s, m, c, refresh := made(t)
	text := issue(t, s, refresh)
	for range 2 { // verified, then known
		by, err := s.Authenticate(t.Context(), text)
		if err != nil || by.User != 12 || !strings.HasPrefix(refresh, "esp_"+string(by.Session)+"_") || by.Operator || by.ServiceAccount != 0 {
			t.Fatalf("Authenticate = %+v, %v", by, err)
		}
	}
	parts := strings.Split(text, ".")
	var head, body map[string]any
	for i, dst := range []*map[string]any{&head, &body} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, dst); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]any{"alg": "EdDSA", "kid": m.keys[0].ID, "typ": "at+jwt"}, head); diff != "" {
		t.Error(diff)
	}
	now := float64(c.now().Unix())
	want := map[string]any{"iss": "https://espalier.example", "aud": "espalier", "sub": "user:12", "sid": strings.Split(refresh, "_")[1],
		"iat": now, "exp": now + 3600, "jti": body["jti"]}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	if again := issue(t, s, refresh); again == text {
		t.Error("two access tokens are the same")
	}
}

func TestExpiryHasNoLeeway(t *testing.T) {
	t.Parallel()
	s, _, c, refresh := made(t)
	text := issue(t, s, refresh)
	c.move(AccessLife - time.Microsecond)
	if _, err := s.Authenticate(t.Context(), text); err != nil {
		t.Errorf("1 µs before the end: %v", err)
	}
	c.move(time.Microsecond)
	if _, err := s.Authenticate(t.Context(), text); errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(errs.Message(err), "expired at 2026-03-01T13:00:00Z") {
		t.Errorf("at the end: %v", err)
	}
}

func TestRevocationCountsAtOnce(t *testing.T) {
	t.Parallel()
	s, _, _, refresh := made(t)
	text := issue(t, s, refresh)
	by, err := s.Authenticate(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(t.Context(), alice, by.Session); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(t.Context(), text); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("Authenticate after revocation: %v, want Unauthenticated", err)
	}
	if _, err := s.Issue(t.Context(), refresh); errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(errs.Message(err), "revoked") {
		t.Errorf("Issue after revocation: %v, want Unauthenticated", err)
	}
	if err := s.Revoke(t.Context(), alice, by.Session); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Revoke again: %v, want NotFound", err)
	}
}

// forge signs claims with a header of the test's making.
func forge(t *testing.T, alg jose.SignatureAlgorithm, key any, kid, typ string, c any) string {
	t.Helper()
	opt := &jose.SignerOptions{}
	if typ != "" {
		opt = opt.WithType(jose.ContentType(typ))
	}
	if kid != "" {
		opt = opt.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opt)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func part(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestAuthenticateRefuses(t *testing.T) {
	t.Parallel()
	s, m, c, refresh := made(t)
	own := m.keys[0]
	seed, err := s.cfg.Box.Open(own.Sealed, own.row())
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	_, foreign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	type set = map[string]any
	good := func(change set) set {
		now := c.now().Unix()
		g := set{"iss": s.cfg.Issuer, "aud": "espalier", "sub": "user:12", "sid": strings.Split(refresh, "_")[1], "iat": now, "exp": now + 60, "jti": "j"}
		for k, v := range change {
			if g[k] = v; v == nil {
				delete(g, k)
			}
		}
		return g
	}
	mine := func(change set) string { return forge(t, jose.EdDSA, private, own.ID, "at+jwt", good(change)) }
	now := c.now().Unix()
	body, err := json.Marshal(good(nil))
	if err != nil {
		t.Fatal(err)
	}
	right := mine(nil)
	parts := strings.Split(right, ".")
	for _, tt := range []struct{ name, text, want string }{
		{"right", right, ""},
		{"without typ", forge(t, jose.EdDSA, private, own.ID, "", good(nil)), ""},
		{"long typ in capitals", forge(t, jose.EdDSA, private, own.ID, "application/AT+JWT", good(nil)), ""},
		{"one of several audiences", mine(set{"aud": []string{"x", "espalier"}}), ""},
		{"clock 30 s ahead", mine(set{"iat": now + 30, "nbf": now + 30}), ""},

		{"nothing", "", "not a JWT"},
		{"not a JWT", "esp_a_b", "not a JWT"},
		{"three points", right + ".x", "not a JWT"},
		{"very long", strings.Repeat("a", maxBearer+1), "longer"},
		{"alg none", part(`{"alg":"none","kid":"`+own.ID+`"}`) + "." + part(string(body)) + ".", "not a JWT signed with EdDSA"},
		{"alg none, signature kept", part(`{"alg":"none","kid":"`+own.ID+`"}`) + "." + parts[1] + "." + parts[2], "not a JWT signed with EdDSA"},
		{"HS256 with the public key", forge(t, jose.HS256, []byte(public), own.ID, "at+jwt", good(nil)), "not a JWT signed with EdDSA"},
		{"HS256 with the JWK's text", forge(t, jose.HS256, own.Public, own.ID, "at+jwt", good(nil)), "not a JWT signed with EdDSA"},
		{"signature of a foreign key", forge(t, jose.EdDSA, foreign, own.ID, "at+jwt", good(nil)), "signature is wrong"},
		{"foreign kid", forge(t, jose.EdDSA, foreign, "foreign", "at+jwt", good(nil)), "key that is unknown"},
		{"no kid", forge(t, jose.EdDSA, private, "", "at+jwt", good(nil)), "key that is unknown"},
		{"key in the header", embedded(t, foreign, good(nil)), "key that is unknown"},
		{"claims changed", parts[0] + "." + part(strings.Replace(string(body), "user:12", "user:13", 1)) + "." + parts[2], "signature is wrong"},
		{"signature cut", right[:len(right)-4], "signature is wrong"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signature is wrong"},
		{"an ID token", forge(t, jose.EdDSA, private, own.ID, "JWT", good(nil)), "typ is not at+jwt"},
		{"other issuer", mine(set{"iss": "https://evil.example"}), "another issuer"},
		{"no issuer", mine(set{"iss": nil}), "another issuer"},
		{"other audience", mine(set{"aud": "else"}), "another audience"},
		{"no audience", mine(set{"aud": nil}), "another audience"},
		{"expired now", mine(set{"exp": now}), "expired"},
		{"no expiry", mine(set{"exp": nil}), "lacks"},
		{"no iat", mine(set{"iat": nil}), "lacks"},
		{"no jti", mine(set{"jti": nil}), "lacks"},
		{"no session", mine(set{"sid": nil}), "lacks"},
		{"a session that is no id", mine(set{"sid": "a b"}), "lacks"},
		{"from the future", mine(set{"iat": now + 31}), "not good yet"},
		{"not before", mine(set{"nbf": now + 31}), "not good yet"},
		{"expiry as text", mine(set{"exp": "never"}), "signature is wrong"},
		{"no user", mine(set{"sub": nil}), "names neither a user nor a service account"},
		{"user 0", mine(set{"sub": "user:0"}), "names neither a user nor a service account"},
		{"a padded user", mine(set{"sub": "user:012"}), "names neither a user nor a service account"},
		{"a user without kind", mine(set{"sub": "12"}), "names neither a user nor a service account"},
		{"a user beyond int64", mine(set{"sub": "user:9223372036854775808"}), "names neither a user nor a service account"},
		{"another user's session", mine(set{"sub": "user:13"}), "revoked or has ended"},
		{"an unknown session", mine(set{"sid": "abc"}), "revoked or has ended"},
	} {
		by, err := s.Authenticate(t.Context(), tt.text)
		if tt.want == "" {
			if err != nil || by.User != 12 {
				t.Errorf("%s: %+v, %v", tt.name, by, err)
			}
			continue
		}
		if errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(errs.Message(err), tt.want) || by != (access.Caller{}) {
			t.Errorf("%s: %+v, %v (%v), want Unauthenticated: %s", tt.name, by, err, errs.KindOf(err), tt.want)
		}
	}
}

// embedded signs with a key that it brings along in its header.
func embedded(t *testing.T, key ed25519.PrivateKey, c any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestExchange(t *testing.T) {
	t.Parallel()
	s, _, c, refresh := made(t)
	g, err := s.Exchange(t.Context(), Request{GrantType: "refresh_token", RefreshToken: refresh})
	if err != nil || g.ExpiresIn != time.Hour || g.RefreshToken != refresh {
		t.Fatalf("Exchange = %+v, %v", g, err)
	}
	if _, err := s.Authenticate(t.Context(), g.AccessToken); err != nil {
		t.Error(err)
	}
	id := strings.Split(refresh, "_")[1]
	swap := func(r rune) string { // another first letter of the secret
		if strings.HasPrefix(strings.Split(refresh, "_")[2], string(r)) {
			return "b" + strings.Split(refresh, "_")[2][1:]
		}
		return string(r) + strings.Split(refresh, "_")[2][1:]
	}
	unknown := "the refresh token is unknown: make a new one"
	for _, tt := range []struct {
		name string
		r    Request
		kind errs.Kind
		want string
	}{
		{"no grant", Request{}, errs.Invalid, `grant_type is missing: give "refresh_token"`},
		{"unknown grant", Request{GrantType: "password"}, errs.Invalid, `use "refresh_token"`},
		{"client credentials", Request{GrantType: "client_credentials"}, errs.Invalid, "client_id and client_secret are needed"},
		{"code", Request{GrantType: "authorization_code"}, errs.Invalid, "applications redeem codes at the token endpoint that discovery names"},
		{"no token", Request{GrantType: "refresh_token"}, errs.Invalid, "refresh_token is missing"},
		{"wrong secret", Request{GrantType: "refresh_token", RefreshToken: "esp_" + id + "_" + swap('a')}, errs.Unauthenticated, unknown},
		{"id alone", Request{GrantType: "refresh_token", RefreshToken: id}, errs.Unauthenticated, unknown},
		{"no secret", Request{GrantType: "refresh_token", RefreshToken: "esp_" + id + "_"}, errs.Unauthenticated, unknown},
		{"unknown id", Request{GrantType: "refresh_token", RefreshToken: "esp_aaaa_" + swap('a')}, errs.Unauthenticated, unknown},
		{"capitals", Request{GrantType: "refresh_token", RefreshToken: strings.ToUpper(refresh)}, errs.Unauthenticated, unknown},
		{"more behind it", Request{GrantType: "refresh_token", RefreshToken: refresh + "a"}, errs.Unauthenticated, unknown},
		{"very long", Request{GrantType: "refresh_token", RefreshToken: "esp_" + id + "_" + strings.Repeat("a", 10_000_000)}, errs.Unauthenticated, unknown},
		{"NUL", Request{GrantType: "refresh_token", RefreshToken: "esp_\x00_a"}, errs.Unauthenticated, unknown},
	} {
		_, err := s.Exchange(t.Context(), tt.r)
		if errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.want) {
			t.Errorf("%s: %v, want %v: %s", tt.name, err, tt.kind, tt.want)
		}
	}
	c.move(RefreshLife - time.Microsecond)
	if _, err := s.Issue(t.Context(), refresh); err != nil {
		t.Errorf("1 µs before its end: %v", err)
	}
	c.move(time.Microsecond)
	if _, err := s.Issue(t.Context(), refresh); errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(errs.Message(err), "expired on 2027-03-01") {
		t.Errorf("at its end: %v", err)
	}
}

func TestCreateListRevoke(t *testing.T) {
	t.Parallel()
	s, m, c, refresh := made(t)
	if !regexp.MustCompile(`^esp_[a-z2-7]{16}_[a-z2-7]{52}$`).MatchString(refresh) {
		t.Errorf("refresh token %q", refresh)
	}
	c.move(time.Minute)
	second, _, err := s.Create(t.Context(), alice, "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context(), alice)
	if err != nil || len(list) != 2 || list[0].ID != second.ID || list[1].Name != "laptop" {
		t.Fatalf("List = %+v, %v", list, err)
	}
	if strings.Contains(fmt.Sprintf("%+v", m.tokens)+fmt.Sprintf("%+v", m.entries), strings.Split(refresh, "_")[2]) {
		t.Error("the secret is stored")
	}
	bob := access.Caller{User: 13}
	if list, err := s.List(t.Context(), bob); err != nil || len(list) != 0 {
		t.Errorf("List of another user = %+v, %v", list, err)
	}
	for _, by := range []access.Caller{bob, {}, {ServiceAccount: 12}} {
		if err := s.Revoke(t.Context(), by, second.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Revoke by %+v: %v, want NotFound", by, err)
		}
	}
	if err := s.Revoke(t.Context(), access.Operator("r2"), second.ID); err != nil {
		t.Errorf("Revoke by the operator: %v", err)
	}
	if err := s.Revoke(t.Context(), alice, "absent"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Revoke of an absent token: %v, want NotFound", err)
	}
	var told []string
	for _, e := range m.entries {
		told = append(told, e.Actor.String()+" "+e.Action+" "+string(e.Before)+">"+string(e.After))
	}
	want := []string{
		`user 12 refresh_token.create >{"user":12,"name":"laptop","expiresAt":"2027-03-01T12:00:00Z"}`,
		`user 12 refresh_token.create >{"user":12,"name":"","expiresAt":"2027-03-01T12:01:00Z"}`,
		`operator refresh_token.revoke {"user":12,"name":"","expiresAt":"2027-03-01T12:01:00Z"}>`,
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	s, _, _, _ := made(t)
	for _, name := range []string{"a\x00b", "a\nb", "\xff", strings.Repeat("ä", 257)} {
		if _, _, err := s.Create(t.Context(), alice, name); errs.KindOf(err) != errs.Invalid || !strings.HasPrefix(errs.Message(err), "name: ") {
			t.Errorf("Create(%.10q): %v, want Invalid", name, err)
		}
	}
	if _, _, err := s.Create(t.Context(), access.Operator(""), "x"); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("Create by nobody's user: %v, want Forbidden", err)
	}
	if _, _, err := s.CreateFor(t.Context(), alice, 13, "x"); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("CreateFor another user: %v, want Forbidden", err)
	}
	if tok, _, err := s.CreateFor(t.Context(), access.Operator(""), 13, "x"); err != nil || tok.User != 13 {
		t.Errorf("CreateFor by the operator: %+v, %v", tok, err)
	}
}

// A session that opens one organization only, as one of an application there, gets no hold on what opens all.
func TestASessionOfOneOrganizationHasNoRefreshTokens(t *testing.T) {
	t.Parallel()
	s, m, _, _ := made(t)
	var id ref.TokenID
	for id = range m.tokens {
		break
	}
	before, by := len(m.entries), alice
	by.Only = 7
	for what, do := range map[string]func() error{
		"Create": func() error { _, _, err := s.Create(t.Context(), by, "reaches further"); return err },
		"List":   func() error { _, err := s.List(t.Context(), by); return err },
		"ListOf": func() error { _, err := s.ListOf(t.Context(), by, Member{}); return err },
		"ListOf itself by an organization": func() error {
			_, err := s.ListOf(t.Context(), by, Member{Org: 7, User: by.User})
			return err
		},
		"Show":      func() error { _, err := s.Show(t.Context(), by, id); return err },
		"Revoke":    func() error { return s.Revoke(t.Context(), by, id) },
		"RevokeOf":  func() error { return s.RevokeOf(t.Context(), by, Member{}, id) },
		"RevokeAll": func() error { return s.RevokeOf(t.Context(), by, Member{}, "") },
		"RevokeAll of itself by an organization": func() error {
			return s.RevokeOf(t.Context(), by, Member{Org: 7, User: by.User}, "")
		},
	} {
		if err := do(); errs.KindOf(err) != errs.Forbidden || !strings.Contains(errs.Message(err), "organization 7 only") {
			t.Errorf("%s: got %v, want Forbidden", what, err)
		}
	}
	if len(m.entries) != before {
		t.Error("something was changed")
	}
}

// Over 100 days a token can be had at any time, is good for its hour on every server, and its key was published a day before
// it first signed.
func TestRotationWithoutGap(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := newMemory(c.now)
	box := newKeyring(t)
	a, b := newService(t, config(m, box, c.now)), newService(t, config(m, box, c.now))
	_, refresh, err := a.Create(t.Context(), alice, "")
	if err != nil {
		t.Fatal(err)
	}
	published := make(map[string]time.Time)
	signed := make(map[string]bool)
	var old []string // tokens of the last hour
	for range 100 * 24 * 2 {
		text := issue(t, a, refresh)
		kid := kidOf(t, text)
		if at, ok := published[kid]; !signed[kid] && len(signed) > 0 && (!ok || c.now().Sub(at) < keyPublish-time.Hour) {
			t.Fatalf("key %s signs at %v, published at %v", kid, c.now(), at)
		}
		signed[kid] = true
		for _, jwk := range b.JWKS().Keys {
			if _, ok := published[jwk.KeyID]; !ok {
				published[jwk.KeyID] = c.now()
			}
		}
		if old = append(old, text); len(old) > 2 {
			old = old[1:]
		}
		for _, text := range old {
			if _, err := b.Authenticate(t.Context(), text); err != nil {
				t.Fatalf("at %v: %v", c.now(), err)
			}
		}
		if n := len(b.JWKS().Keys); n < 1 || n > 3 {
			t.Fatalf("%d keys are published", n)
		}
		c.move(29*time.Minute + 59*time.Second)
		for _, s := range []*Service{a, b} {
			if err := s.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.look(func() {
		if len(signed) != 4 || len(m.keys) > 2 {
			t.Errorf("%d keys signed in 100 days and %d are stored, want 4 and at most 2", len(signed), len(m.keys))
		}
	})
}

func drawn(t *testing.T) []byte {
	t.Helper()
	private, err := forAccess.draw(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func kidOf(t *testing.T, text string) string {
	t.Helper()
	p, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return p.Headers[0].KeyID
}

// A server that slept through its key's end makes a new one when it is asked for a token.
func TestRotationAfterALongStop(t *testing.T) {
	t.Parallel()
	s, m, c, refresh := made(t)
	before := issue(t, s, refresh)
	c.move(60 * 24 * time.Hour)
	after := issue(t, s, refresh)
	if kidOf(t, before) == kidOf(t, after) || len(m.keys) != 1 {
		t.Errorf("%d keys are stored; the old key still signs: %v", len(m.keys), kidOf(t, before) == kidOf(t, after))
	}
	if _, err := s.Authenticate(t.Context(), after); err != nil {
		t.Error(err)
	}
}

// Servers that start together on an empty database agree on one key and take one another's tokens.
func TestServersThatStartTogether(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := newMemory(c.now)
	box := newKeyring(t)
	services := make([]*Service, 8)
	var wg sync.WaitGroup
	for i := range services {
		wg.Go(func() {
			var err error
			if services[i], err = New(t.Context(), config(m, box, c.now)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if len(m.keys) != 1 {
		t.Fatalf("%d keys, want 1", len(m.keys))
	}
	_, refresh, err := services[0].Create(t.Context(), alice, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		defer s.Close(context.Background())
		text := issue(t, s, refresh)
		for _, other := range services {
			if _, err := other.Authenticate(t.Context(), text); err != nil {
				t.Error(err)
			}
		}
	}
}

// A key that another server made is found when a token first names it; strangers' keys do not make the store be read often.
func TestUnknownKeyIsLookedUp(t *testing.T) {
	t.Parallel()
	s, m, c, refresh := made(t)
	k, err := newSigningKey(rand.Reader, s.cfg.Box, forAccess, drawn(t), c.now(), c.now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	m.keys = append(m.keys, k)
	other := newService(t, config(m, s.cfg.Box, c.now))
	c.move(time.Second)
	text := issue(t, other, refresh)
	if kidOf(t, text) != k.ID || s.keys.Load().byID[k.ID] != nil {
		t.Fatal("the new key is not in use, or known already")
	}
	if _, err := s.Authenticate(t.Context(), text); err != nil {
		t.Error(err)
	}
	if v, err := s.verifier(t.Context(), "stranger"); v != nil || err != nil {
		t.Errorf("a stranger's key: %v, %v", v, err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, m, c, _ := made(t)
	if _, err := New(t.Context(), Config{}); err == nil {
		t.Error("New without anything")
	}
	cfg := config(m, newKeyring(t), c.now)
	cfg.Issuer = ""
	if _, err := New(t.Context(), cfg); err == nil {
		t.Error("New without an issuer")
	}
	if _, err := New(t.Context(), config(m, newKeyring(t), c.now)); err == nil || !strings.Contains(err.Error(), "sealed with another key file") {
		t.Errorf("New with another key file: %v", err)
	}
	moved := newMemory(c.now)
	k, err := newSigningKey(rand.Reader, newKeyring(t), forAccess, drawn(t), c.now(), c.now())
	if err != nil {
		t.Fatal(err)
	}
	k.Sealed = m.keys[0].Sealed
	moved.keys = []SigningKey{k}
	if _, err := New(t.Context(), config(moved, newKeyring(t), c.now)); err == nil {
		t.Error("New with a private key of another row")
	}
}

func TestStampsComeInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Now)
		s, err := New(t.Context(), config(m, newKeyring(t), time.Now))
		if err != nil {
			t.Fatal(err)
		}
		tok, refresh, err := s.Create(t.Context(), alice, "")
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			issue(t, s, refresh)
		}
		m.look(func() {
			if m.stamps != 0 {
				t.Error("issuing writes")
			}
			m.fail = errors.New("full")
		})
		time.Sleep(stampEvery + time.Second) // this turn fails, the next writes
		time.Sleep(stampEvery)
		synctest.Wait()
		m.look(func() {
			if got := m.tokens[tok.ID].LastUsedAt; m.stamps != 1 || got.IsZero() {
				t.Errorf("%d writes, last used %v; want one", m.stamps, got)
			}
		})
		time.Sleep(time.Minute)
		issue(t, s, refresh)
		at := time.Now()
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := m.tokens[tok.ID].LastUsedAt; !got.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("after Close: last used %v, want %v", got, at)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	now := newClock().now()
	var c cache
	for i := range 3 * shardMax {
		c.put([32]byte{0, byte(i), byte(i >> 8)}, verified{who: access.Principal{User: 1}, until: now.Add(time.Hour)}, now)
		if n := len(c.shards[0].seen); n > shardMax {
			t.Fatalf("%d tokens in a shard, at most %d", n, shardMax)
		}
	}
	if _, ok := c.get([32]byte{0, 255, 23}, now); !ok {
		t.Error("the newest token is forgotten")
	}
	if _, ok := c.get([32]byte{0, 255, 23}, now.Add(time.Hour)); ok {
		t.Error("an expired token is known")
	}
}

func FuzzParseRefresh(f *testing.F) {
	for _, s := range []string{"", "esp_", "esp_a_b", "esp_a_b_c", "esp__", "esp_ä_b", "ESP_a_b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := parseRefresh(s)
		if ok && (!regexp.MustCompile(`^[a-zA-Z0-9]+$`).MatchString(string(id)) || !strings.HasPrefix(s, prefix+string(id)+"_")) {
			t.Errorf("parseRefresh(%q) = %q", s, id)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	s, _, _, refresh := made(b)
	text := issue(b, s, refresh)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := s.Authenticate(b.Context(), text); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
