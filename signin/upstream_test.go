package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"espalier.dev/errs"
	"espalier.dev/signin"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// op is an OpenID provider of few words: one client, the codes it is told to give.
type op struct {
	*httptest.Server
	t   *testing.T
	key *ecdsa.PrivateKey

	mu       sync.Mutex
	tokens   map[string]string // ID tokens by code
	verifier map[string]string // challenges by code
	secrets  []string          // as they came
	says     map[string]any    // more of its discovery
	userinfo map[string]any
	refuse   string // error of the token endpoint
}

const clientID, clientSecret = "espalier-client", "s3cret of the client, long enough for a MAC"

func newOP(t *testing.T) *op {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &op{t: t, key: key, tokens: map[string]string{}, verifier: map[string]string{}, says: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", o.discovery)
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", o.token)
	mux.HandleFunc("/me", func(w http.ResponseWriter, _ *http.Request) { reply(w, o.userinfo) })
	o.Server = httptest.NewTLSServer(mux)
	t.Cleanup(o.Close)
	return o
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (o *op) discovery(w http.ResponseWriter, _ *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	says := map[string]any{"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token", "jwks_uri": o.URL + "/keys",
		"userinfo_endpoint": o.URL + "/me", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256", "RS256", "HS256", "none"}}
	for k, v := range o.says {
		says[k] = v
	}
	reply(w, says)
}

func (o *op) token(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, secret, _ := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret)
	o.secrets = append(o.secrets, secret)
	code := r.FormValue("code")
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	token, ok := o.tokens[code]
	if o.refuse != "" || !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != o.verifier[code] {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	delete(o.tokens, code)
	answer := map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 300}
	if token != "" {
		answer["id_token"] = token
	}
	reply(w, answer)
}

// sign makes an ID token.
func (o *op) sign(alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	o.t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", kid))
	if err != nil {
		o.t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		o.t.Fatal(err)
	}
	signed, err := s.Sign(text)
	if err != nil {
		o.t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		o.t.Fatal(err)
	}
	return compact
}

// upstreamFederation is acme with an OpenID provider that speaks for acme.example.
func upstreamFederation(t *testing.T, db *sqldb.DB) (*federation, *op, signin.Provider) {
	t.Helper()
	o := newOP(t)
	f := newFederation(t, db, o.Client())
	f.clock.advance(time.Since(f.clock.Now()))
	p, err := f.CreateProvider(t.Context(), operator, acme, signin.Provider{Protocol: signin.ProtocolOIDC, Name: "OpenID", Issuer: o.URL, JIT: true,
		GroupSync: signin.SyncWhole, Upstream: signin.UpstreamSettings{ClientID: clientID}}, clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	f.own(p, "acme.example")
	return f, o, p
}

// trip is one sign-in at an OpenID provider, in the making.
type trip struct {
	claims map[string]any
	query  url.Values
	cookie string
	token  func() string // instead of the signed claims

	unknown bool // the provider gave no such code
}

// travel goes to the provider and comes back.
func (f *federation) travel(o *op, p signin.Provider, change func(*trip)) (signin.Asserted, error) {
	f.t.Helper()
	d, err := f.Begin(f.t.Context(), p.ID, "/customers")
	if err != nil {
		f.t.Fatal(err)
	}
	u, err := url.Parse(d.To)
	if err != nil {
		f.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != f.RedirectURL(p.ID) || q.Get("nonce") == "" || q.Get("response_type") != "code" {
		f.t.Fatalf("the browser is sent to %s", d.To)
	}
	now := f.clock.Now()
	tr := &trip{cookie: d.Started, query: url.Values{"state": {q.Get("state")}, "code": {rand.Text()}}, claims: map[string]any{
		"iss": o.URL, "aud": clientID, "sub": "248289", "nonce": q.Get("nonce"), "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"email": "new@acme.example", "email_verified": true, "given_name": "Ann", "family_name": "Lee", "groups": []string{"Ops"},
	}}
	if change != nil {
		change(tr)
	}
	if tr.token == nil {
		tr.token = func() string { return o.sign(jose.ES256, o.key, "k1", tr.claims) }
	}
	code := tr.query.Get("code")
	o.mu.Lock()
	if !tr.unknown {
		o.tokens[code], o.verifier[code] = tr.token(), q.Get("code_challenge")
	}
	o.mu.Unlock()
	return f.TakeUpstream(f.t.Context(), p.ID, tr.query, tr.cookie)
}

func claim(name string, value any) func(*trip) {
	return func(t *trip) {
		if value == nil {
			delete(t.claims, name)
			return
		}
		t.claims[name] = value
	}
}

// believed is no reason not to be.
const believed = "believed"

func TestWhatIsNotBelievedOfOpenID(t *testing.T) {
	t.Parallel()
	f, o, p := upstreamFederation(t, storetest.SQLite(t, migrations.Files()))
	rogue, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: o.key.Public(), KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	others, _ := f.begin(f.saml(acme, "Acme SSO", nil))
	param := func(name string, values ...string) func(*trip) {
		return func(t *trip) {
			t.query.Del(name)
			for _, v := range values {
				t.query.Add(name, v)
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(*trip)
		want   string // part of the reason; believed is that it is
	}{
		"all is well":                 {nil, believed},
		"verified, as text":           {claim("email_verified", "true"), believed},
		"two audiences and the party": {func(t *trip) { t.claims["aud"], t.claims["azp"] = []string{clientID, "x"}, clientID }, believed},
		"it says who answers":         {param("iss", o.URL), believed},

		"another browser's cookie": {func(t *trip) { d, _ := f.Begin(f.t.Context(), p.ID, ""); t.cookie = d.Started }, "another request"},
		"no cookie":                {func(t *trip) { t.cookie = "" }, "did not begin"},
		"a cookie of another":      {func(t *trip) { t.cookie = others }, "did not begin"},
		"no state":                 {param("state"), "another request"},
		"another state":            {param("state", "x"), "another request"},
		"no code":                  {param("code"), "no code"},
		"two codes":                {param("code", "a", "b"), "no code"},
		"an unknown code":          {func(t *trip) { t.unknown = true }, "refused there"},
		"declined":                 {param("error", "access_denied"), "declined"},
		"an error":                 {param("error", "server_error"), "server_error"},
		"another issuer answers":   {param("iss", "https://evil.example"), "another issuer"},
		"two issuers answer":       {param("iss", o.URL, o.URL), "another issuer"},

		"another nonce":             {claim("nonce", "x"), "another sign-in"},
		"no nonce":                  {claim("nonce", nil), "another sign-in"},
		"another issuer":            {claim("iss", "https://evil.example"), "issued by"},
		"another audience":          {claim("aud", "x"), "audience"},
		"another party":             {claim("azp", "x"), "somebody else"},
		"two audiences, no party":   {claim("aud", []string{clientID, "x"}), "somebody else"},
		"over":                      {claim("exp", time.Now().Add(-time.Hour).Unix()), "expired"},
		"about nobody":              {claim("sub", ""), "nobody"},
		"an unverified address":     {claim("email_verified", false), "the person's own"},
		"an address of no standing": {claim("email_verified", nil), "the person's own"},
		"no ID token":               {func(t *trip) { t.token = func() string { return "" } }, "without an ID token"},

		"algorithm none": {func(t *trip) {
			t.token = func() string {
				text, _ := json.Marshal(t.claims)
				e := base64.RawURLEncoding.EncodeToString
				return e([]byte(`{"alg":"none"}`)) + "." + e(text) + "."
			}
		}, ""},
		"signed with the client's secret": {func(t *trip) {
			t.token = func() string { return o.sign(jose.HS256, []byte(clientSecret), "k1", t.claims) }
		}, ""},
		"signed with the public key as a secret": {func(t *trip) { t.token = func() string { return o.sign(jose.HS256, public, "k1", t.claims) } }, ""},
		"another key of the same name":           {func(t *trip) { t.token = func() string { return o.sign(jose.ES256, rogue, "k1", t.claims) } }, "signature"},
		"another key of another name":            {func(t *trip) { t.token = func() string { return o.sign(jose.ES256, rogue, "k2", t.claims) } }, "signature"},
	} {
		a, err := f.travel(o, p, tt.change)
		switch {
		case tt.want != believed:
			wantErr(t, name, err, errs.Unauthenticated, tt.want)
		case err != nil || a.Email != "new@acme.example" || a.LastName != "Lee" || a.Next != "/customers" || fmt.Sprint(a.Groups) != "[Ops]":
			t.Errorf("%s: got %+v, %v, want it believed", name, a, err)
		}
	}
}

func TestOpenIDSignIn(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f, o, p := upstreamFederation(t, db)
		ctx := t.Context()
		a, err := f.travel(o, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := f.SignInThrough(ctx, here, a)
		if err != nil || opened.Only != 0 || opened.Proofs[0].Method != signin.OIDC || fmt.Sprint(f.groups(acme, opened.User)) != "[50]" {
			t.Errorf("got %+v, %v", opened.Session, err)
		}
		_, err = f.SignInThrough(ctx, here, a)
		wantErr(t, "the same answer again", err, errs.Unauthenticated, "used before")
		if got := o.secrets[len(o.secrets)-1]; got != clientSecret {
			t.Errorf("the provider was given the secret %q", got)
		}
		for email, want := range map[string]string{"xeno@other.example": "not verified", "otto@acme.example": "owner of an organization", "ina@acme.example": "deactivated"} {
			if a, err = f.travel(o, p, claim("email", email)); err != nil {
				t.Fatal(err)
			}
			_, err = f.SignInThrough(ctx, here, a)
			wantErr(t, email, err, errs.Forbidden, want)
		}
		f.audited("authentication.oidc", "authentication.oidc_failed")
	})
}

// Where the token has no address, the provider is asked, and has to tell of the same person.
func TestOpenIDAsksWhoItIs(t *testing.T) {
	t.Parallel()
	f, o, p := upstreamFederation(t, storetest.SQLite(t, migrations.Files()))
	o.userinfo = map[string]any{"sub": "248289", "email": "amy@acme.example", "email_verified": true, "groups": []string{"Sales"}}
	if a, err := f.travel(o, p, claim("email", nil)); err != nil || a.Email != "amy@acme.example" || fmt.Sprint(a.Groups) != "[Sales]" {
		t.Errorf("got %+v, %v", a, err)
	}
	o.userinfo["sub"] = "another"
	_, err := f.travel(o, p, claim("email", nil))
	wantErr(t, "it tells of another", err, errs.Unauthenticated, "another person")
	o.userinfo["sub"], o.userinfo["email_verified"] = "248289", false
	_, err = f.travel(o, p, func(t *trip) { delete(t.claims, "email"); delete(t.claims, "email_verified") })
	wantErr(t, "unverified", err, errs.Unauthenticated, "the person's own")
	trust := func(n *signin.Provider) { n.Upstream.TrustEmail = true }
	if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolOIDC, trust, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.travel(o, p, func(t *trip) { delete(t.claims, "email"); delete(t.claims, "email_verified") }); err != nil {
		t.Errorf("trusted: %v", err)
	}
	// Groups that are too many to be told leave everything as it is.
	a, err := f.travel(o, p, func(t *trip) {
		delete(t.claims, "groups")
		t.claims["_claim_names"] = map[string]string{"groups": "src1"}
		t.claims["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.example"}}
	})
	if err != nil || !a.NoGroups {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWhatAProviderSaysOfItself(t *testing.T) {
	t.Parallel()
	f, o, p := upstreamFederation(t, storetest.SQLite(t, migrations.Files()))
	for what, says := range map[string]map[string]any{
		"another issuer":      {"issuer": "https://evil.example"},
		"a script to go to":   {"authorization_endpoint": "javascript:alert(1)"},
		"nowhere to go":       {"authorization_endpoint": ""},
		"a secret's thief":    {"token_endpoint": "ftp://evil.example"},
		"more than is read":   {"filler": strings.Repeat("x", 2<<20)},
		"something else than": {"authorization_endpoint": 5},
	} {
		o.mu.Lock()
		o.says = says
		o.mu.Unlock()
		_, err := f.Begin(t.Context(), p.ID, "")
		wantErr(t, what, err, errs.Unprocessable, "does not answer as it should")
	}
	o.mu.Lock()
	o.says = map[string]any{"authorization_response_iss_parameter_supported": true}
	o.mu.Unlock()
	_, err := f.travel(o, p, nil)
	wantErr(t, "it says that it says who answers, and does not", err, errs.Unauthenticated, "another issuer")
	if _, err := f.travel(o, p, func(tr *trip) { tr.query.Set("iss", o.URL) }); err != nil {
		t.Error(err)
	}
}

// A provider that is pointed at another server is given no secret that was the first one's.
func TestTheSecretStaysWithItsIssuer(t *testing.T) {
	t.Parallel()
	f, _, p := upstreamFederation(t, storetest.SQLite(t, migrations.Files()))
	thief := newOP(t)
	point := func(n *signin.Provider) { n.Issuer = thief.URL }
	err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolOIDC, point, nil)
	wantErr(t, "another issuer, the old secret", err, errs.Invalid, "clientSecret")
	other := "another secret"
	if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolOIDC, point, &other); err != nil {
		t.Fatal(err)
	}
	d, err := f.Provider(t.Context(), operator, acme, p.ID, signin.ProtocolOIDC)
	if err != nil || d.Secret == "" || strings.Contains(d.Secret, other) {
		t.Errorf("the secret is kept as %q, %v", d.Secret, err)
	}
}

// An answer that was asked for under one issuer does not count after the provider was pointed at another: mix-up.
func TestAProviderThatIsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	f, o, p := upstreamFederation(t, storetest.SQLite(t, migrations.Files()))
	secret := "x"
	_, err := f.travel(o, p, func(*trip) {
		point := func(n *signin.Provider) { n.Issuer = "https://elsewhere.example" }
		if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolOIDC, point, &secret); err != nil {
			t.Fatal(err)
		}
	})
	wantErr(t, "changed meanwhile", err, errs.Unauthenticated, "changed meanwhile")
}
