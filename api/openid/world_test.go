package openid_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"espalier.dev/access"
	"espalier.dev/api/oidc"
	apiopenid "espalier.dev/api/openid"
	pages "espalier.dev/api/signin"
	"espalier.dev/iam"
	"espalier.dev/openid"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/treetest"
	"espalier.dev/token"
)

// People of the tree: ada owns the root and a customer of it, grace the customer alone, and kay another customer.
const (
	ada      = "Ada@northwind.example"
	grace    = "grace@fabrikam.example"
	kay      = "kay@contoso.example"
	password = "orbit lemon anvil tundra"
	callback = "https://app.example/callback?tenant=a%20b"
)

// idp is the provider served over a tree of organizations.
type idp struct {
	*treetest.World
	server  *httptest.Server
	tokens  *token.Service
	signin  *signin.Service
	service *openid.Service
	ahead   atomic.Int64 // how far its clock is before the real one
}

func (p *idp) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

func (p *idp) sleep(d time.Duration) { p.ahead.Add(int64(d)) }

func newIDP(t *testing.T, db *sqldb.DB) *idp {
	t.Helper()
	p := &idp{World: treetest.Grow(t, db), server: httptest.NewUnstartedServer(nil)}
	issuer := "http://" + p.server.Listener.Addr().String()
	log := slog.New(slog.DiscardHandler)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	p.Guard, err = access.NewGuard(access.Config{Loader: p.DB.Access(), Now: p.now})
	check(err)
	p.DB.Tell(p.Guard)
	p.tokens, err = token.New(t.Context(), token.Config{Store: p.DB.Token(), Box: p.Keys, Sessions: p.Guard, Issuer: issuer, Audience: "espalier", Now: p.now, Log: log})
	check(err)
	p.signin, err = signin.New(signin.Config{Store: p.DB.SignIn(), Box: p.Keys, Now: p.now, Log: log, PublicURL: issuer,
		Hash: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	check(err)
	p.service, err = openid.New(openid.Config{Store: p.DB.OpenID(), Guard: p.Guard, Tokens: p.tokens, SignIn: p.signin, Issuer: issuer, Audience: "espalier", Now: p.now})
	check(err)
	address := func(*http.Request) netip.Addr { return netip.MustParseAddr("198.51.100.7") }
	members, err := iam.New(iam.Config{Store: p.DB.IAM(), Guard: p.Guard, Now: p.now})
	check(err)
	people, err := pages.New(pages.Config{Service: p.signin, Invitations: members, Log: log, Address: address})
	check(err)
	provider, err := apiopenid.New(apiopenid.Config{Service: p.service, SignIn: p.signin, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Assets: people.Assets(), Address: address})
	check(err)
	mux := http.NewServeMux()
	plain := func(_ string, h http.Handler) http.Handler { return h }
	people.Mount(mux, plain)
	provider.Mount(mux, plain)
	mux.Handle("GET /.well-known/jwks.json", oidc.Keys(p.tokens))
	mux.HandleFunc("GET /api", func(w http.ResponseWriter, r *http.Request) { // stands for any operation of the API
		caller, err := oidc.Authenticate(p.tokens)(r.Context(), r)
		if err == nil {
			err = p.Guard.Require(r.Context(), caller, access.OrgShow, ref.OrgID(number(r.FormValue("org"))))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	})
	p.server.Config.Handler = mux
	p.server.Start()
	t.Cleanup(func() {
		p.server.Close()
		_ = p.tokens.Close(context.WithoutCancel(t.Context()))
		_ = p.signin.Close(context.WithoutCancel(t.Context()))
	})
	for _, email := range []string{ada, grace, kay} {
		check(p.signin.OverridePassword(t.Context(), access.Operator("test"), p.user(t, email), password))
	}
	return p
}

func number(text string) (n int64) {
	_ = json.Unmarshal([]byte(text), &n) // 0 for what is none
	return n
}

func (p *idp) user(t *testing.T, email string) ref.UserID {
	t.Helper()
	return ref.UserID(p.Count(t, `SELECT id FROM app_user WHERE email_folded = $1`, strings.ToLower(email)))
}

// app is an application and its secret.
type app struct {
	openid.Application
	secret string
}

func (p *idp) register(t *testing.T, org ref.OrgID, public bool, change ...func(*openid.Draft)) app {
	t.Helper()
	d := openid.Draft{Name: "Time sheets", RedirectURIs: []string{callback}, LogoutURIs: []string{"https://app.example/bye"}}
	for _, c := range change {
		c(&d)
	}
	a, secret, err := p.service.CreateApplication(t.Context(), access.Operator("test"), org, d, public)
	if err != nil {
		t.Fatal(err)
	}
	return app{a, secret}
}

// person is somebody at a browser, who signs in and allows what is asked.
type person struct {
	t     *testing.T
	idp   *idp
	email string
	http.Client
	signIns, consents int
	denies            bool
}

func (p *idp) person(t *testing.T, email string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, idp: p, email: email, Client: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer with its body read.
type page struct {
	*http.Response
	text string
}

func (b *person) do(method, path string, form url.Values) page {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.idp.server.URL + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res, string(body)}
}

var (
	refresh = regexp.MustCompile(`http-equiv="refresh" content="0; url=([^"]*)"`)
	action  = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	field   = regexp.MustCompile(`name="([a-z_]+)"[^>]* value="([^"]*)"`)
)

// enter signs in.
func (b *person) enter() *person {
	b.t.Helper()
	if got := b.do("POST", "/signin/password", url.Values{"email": {b.email}, "password": {password}}); got.StatusCode >= 400 {
		b.t.Fatalf("sign in %s: %d %s", b.email, got.StatusCode, got.text)
	}
	return b
}

// walk does what a person does from a page on, until the browser is sent to another site, or to a page that asks nothing.
func (b *person) walk(at page) (out string, last page) {
	b.t.Helper()
	for range 20 {
		next := at.Header.Get("Location")
		if m := refresh.FindStringSubmatch(at.text); next == "" && m != nil {
			next = html.UnescapeString(m[1])
		}
		switch {
		case strings.HasPrefix(next, "/"):
			at = b.do("GET", next, nil)
		case next != "":
			return next, at
		default:
			form := action.FindStringSubmatch(at.text)
			if form == nil {
				return "", at
			}
			values := url.Values{}
			for _, f := range field.FindAllStringSubmatch(at.text, -1) {
				values.Set(f[1], html.UnescapeString(f[2]))
			}
			switch {
			case strings.Contains(form[1], "/signin"):
				values.Set("email", b.email)
				values.Set("password", password)
				if form[1] == "/signin/password" {
					b.signIns++
				}
			case strings.HasPrefix(form[1], "/oauth2/authorize/"):
				b.consents++
				values.Set("answer", map[bool]string{false: "allow", true: "deny"}[b.denies])
			}
			at = b.do("POST", form[1], values)
		}
	}
	b.t.Fatal("the way has no end")
	return "", at
}

// ask is an authorization request, less what more replaces; "" removes.
func ask(a app, more ...string) url.Values {
	v := url.Values{"client_id": {string(a.ID)}, "redirect_uri": {a.RedirectURIs[0]}, "response_type": {"code"}, "scope": {"openid"}, "state": {"st<a>te &"}, "nonce": {"n-1"}}
	for i := 0; i < len(more); i += 2 {
		v.Del(more[i])
		if more[i+1] != "" {
			v.Set(more[i], more[i+1])
		}
	}
	return v
}

// authorize goes to the provider and returns what the application is told.
func (b *person) authorize(v url.Values) url.Values {
	b.t.Helper()
	out, last := b.walk(b.do("GET", "/oauth2/authorize?"+v.Encode(), nil))
	return b.told(v, out, last)
}

// told is what the application is told by an address that a browser was sent to.
func (b *person) told(v url.Values, out string, last page) url.Values {
	b.t.Helper()
	uri := v.Get("redirect_uri")
	sep := map[bool]string{true: "&", false: "?"}[strings.Contains(uri, "?")]
	rest, ok := strings.CutPrefix(out, uri+sep)
	if !ok {
		b.t.Fatalf("the browser is at %q, %d %s; want %s", out, last.StatusCode, last.text, uri)
	}
	got, err := url.ParseQuery(rest)
	if err != nil {
		b.t.Fatal(err)
	}
	if got.Get("state") != v.Get("state") || got.Get("iss") != b.idp.server.URL {
		b.t.Errorf("state %q and iss %q, want %q and %q", got.Get("state"), got.Get("iss"), v.Get("state"), b.idp.server.URL)
	}
	return got
}

// code is authorize where all goes well.
func (b *person) code(v url.Values) string {
	b.t.Helper()
	got := b.authorize(v)
	if got.Get("code") == "" {
		b.t.Fatalf("no code: %v", got)
	}
	return got.Get("code")
}

// answer is what an endpoint says.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (a answer) str(name string) string { s, _ := a.body[name].(string); return s }

// want fails the test unless the answer has a status and an error.
func (a answer) want(t *testing.T, status int, code string) answer {
	t.Helper()
	if a.status != status || a.str("error") != code {
		t.Fatalf("got %d %s, want %d %s", a.status, a.text, status, code)
	}
	return a
}

// call posts a form to an endpoint, by default with the client in Basic.
func (p *idp) call(t *testing.T, a app, path string, v url.Values) answer {
	t.Helper()
	return p.send(t, "POST", path, v, func(r *http.Request) {
		if a.secret != "" {
			r.SetBasicAuth(url.QueryEscape(string(a.ID)), url.QueryEscape(a.secret))
		}
	})
}

func (p *idp) send(t *testing.T, method, path string, v url.Values, change func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.server.URL+path, strings.NewReader(v.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	change(r)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &out.body) // not every answer has one
	return out
}

// redeem exchanges a code.
func (p *idp) redeem(t *testing.T, a app, code string, more ...string) answer {
	t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.RedirectURIs[0]}}
	if a.secret == "" {
		v.Set("client_id", string(a.ID))
	}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return p.call(t, a, "/oauth2/token", v)
}

// renew exchanges a refresh token.
func (p *idp) renew(t *testing.T, a app, text string, more ...string) answer {
	t.Helper()
	v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text}}
	if a.secret == "" {
		v.Set("client_id", string(a.ID))
	}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return p.call(t, a, "/oauth2/token", v)
}

// tokens signs in and exchanges the code.
func (b *person) tokens(a app, more ...string) answer {
	b.t.Helper()
	return b.idp.redeem(b.t, a, b.code(ask(a, more...))).want(b.t, 200, "")
}

// claims reads the payload of a JWT.
func claims(t *testing.T, jwt string) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", jwt)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// userInfo asks with an access token.
func (p *idp) userInfo(t *testing.T, access string) answer {
	t.Helper()
	return p.send(t, "GET", "/oauth2/userinfo", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+access) })
}
