package signin_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/pquerna/otp/totp"

	"espalier.dev/access"
	pages "espalier.dev/api/signin"
	"espalier.dev/iam"
	"espalier.dev/keyring"
	"espalier.dev/signin"
	"espalier.dev/store"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

const (
	ann  = "ann@northwind.example"
	good = "orbit lemon anvil tundra"
)

// site is the pages served over a database with one user, ann.
type site struct {
	t      *testing.T
	server *httptest.Server
	mails  []signin.Mail
}

func (s *site) Notify(_ context.Context, _ signin.Tx, m signin.Mail) error {
	s.mails = append(s.mails, m)
	return nil
}

// Discover sends one domain to a provider.
func (s *site) Discover(_ context.Context, email, next string) (string, bool, error) {
	return "https://idp.acme.example/start?back=" + next, strings.HasSuffix(email, "@acme.example"), nil
}

func newSite(t *testing.T, publicURL string) *site {
	t.Helper()
	db := storetest.SQLite(t, migrations.Files())
	path := filepath.Join(t.TempDir(), "key")
	if err := keyring.Create(path); err != nil {
		t.Fatal(err)
	}
	box, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t}
	log := slog.New(slog.DiscardHandler)
	service, err := signin.New(signin.Config{
		Store: store.New(db).SignIn(), Box: box, Now: time.Now, Log: log, PublicURL: publicURL, Mailer: s, Discover: s,
		Hash: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close(context.WithoutCancel(t.Context())) })
	err = db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO app_user (id, email, email_folded, first_name, last_name, created_at, updated_at)
			VALUES (12, $1, $1, '<b>Ann</b>', '', 0, 0)`, ann)
		return err
	})
	if err == nil {
		err = service.SetFirstPassword(t.Context(), access.Caller{User: 12}, 12, good)
	}
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.NewGuard(access.Config{Loader: store.New(db).Access(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	people, err := iam.New(iam.Config{Store: store.New(db).IAM(), Guard: guard, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	p, err := pages.New(pages.Config{Service: service, Invitations: people, Log: log, Address: func(*http.Request) netip.Addr { return netip.MustParseAddr("198.51.100.7") }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	p.Mount(mux, func(_ string, h http.Handler) http.Handler { return h })
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// browser keeps cookies and follows no redirect by itself.
type browser struct {
	*site
	http.Client
	headers map[string]string
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{site: s, Client: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer with its body read.
type page struct {
	*http.Response
	text string
}

func (b *browser) send(method, path string, form url.Values) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range b.headers {
		if req.Header.Set(k, v); k == "Host" {
			req.Host = v
		}
	}
	res, err := b.Do(req)
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

func (b *browser) get(path string) page { b.t.Helper(); return b.send("GET", path, nil) }
func (b *browser) post(path string, pairs ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.send("POST", path, form)
}

func (b *browser) enter() *browser {
	b.t.Helper()
	b.post("/signin/password", "email", ann, "password", good).want(b.t, http.StatusSeeOther, "/account")
	return b
}

// want checks the status and, of a redirect, where it leads; of a page, a part of it.
func (p page) want(t *testing.T, status int, part string) {
	t.Helper()
	where := p.Header.Get("Location")
	if where == "" {
		where = html.UnescapeString(p.text)
	}
	if p.StatusCode != status || !strings.Contains(where, part) {
		t.Errorf("%s %s: %d %s, want %d with %q", p.Request.Method, p.Request.URL.Path, p.StatusCode, where, status, part)
	}
}

func TestWayInWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http://localhost")
	b := s.browser()
	b.get("/account").want(t, http.StatusSeeOther, "/signin?next=%2Faccount")
	b.get("/signin?next=/account").want(t, http.StatusOK, `name="next" value="/account"`)
	b.post("/signin", "email", ann, "next", "/account").want(t, http.StatusOK, `name="password"`)
	b.post("/signin", "email", "nobody", "next", "/account").want(t, http.StatusUnprocessableEntity, "such as ann@acme.example")
	b.post("/signin/password", "email", ann, "password", "wrong").want(t, http.StatusForbidden, "do not match")
	b.enter()
	account := b.get("/account")
	account.want(t, http.StatusOK, "this one")
	if strings.Contains(account.text, "<b>Ann</b>") {
		t.Error("a name is taken for markup")
	}
	b.get("/signin").want(t, http.StatusSeeOther, "/account")

	app := b.post("/account/app")
	app.want(t, http.StatusOK, "data:image/png;base64,")
	secret := regexp.MustCompile(`class="secret">([A-Z2-7]+)<`).FindStringSubmatch(app.text)[1]
	code, err := totp.GenerateCode(secret, time.Now().Add(-30*time.Second)) // of the step before, so that the next one is left
	if err != nil {
		t.Fatal(err)
	}
	b.post("/account/app/confirm", "code", "000").want(t, http.StatusUnprocessableEntity, "not one of this app")
	b.post("/account/app/confirm", "code", code).want(t, http.StatusOK, "not shown again")
	b.get("/signout").want(t, http.StatusOK, `action="/signout"`)
	b.get("/account").want(t, http.StatusOK, "Recovery codes left: 10")
	b.post("/signout").want(t, http.StatusSeeOther, "/signin")
	b.get("/account").want(t, http.StatusSeeOther, "/signin")

	b.get("/signin/code").want(t, http.StatusSeeOther, "/signin")
	b.post("/signin/password", "email", ann, "password", good, "next", "/account?x=1").want(t, http.StatusSeeOther, "/signin/code?next=%2Faccount%3Fx%3D1")
	b.get("/account").want(t, http.StatusSeeOther, "/signin")
	b.get("/signin/code").want(t, http.StatusOK, `name="code"`)
	b.post("/signin/code", "code", code).want(t, http.StatusForbidden, "used already")
	code, err = totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.post("/signin/code", "code", code, "next", "/somewhere?x=1").want(t, http.StatusOK, `content="0; url=/somewhere?x=1"`)
	b.get("/account").want(t, http.StatusOK, "this one")
	b.post("/account/sessions/end", "id", "absent").want(t, http.StatusNotFound, "ended already")
}

func TestAccountChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http://localhost")
	a, b := s.browser().enter(), s.browser().enter()
	a.post("/account/password", "old", good, "password", "velvet harbor comet ginger", "repeated", "velvet harbor comet").want(t, http.StatusUnprocessableEntity, "differ")
	a.post("/account/password", "old", "wrong", "password", "velvet harbor comet ginger", "repeated", "velvet harbor comet ginger").want(t, http.StatusUnprocessableEntity, "present password is wrong")
	a.post("/account/password", "old", good, "password", "password1234", "repeated", "password1234").want(t, http.StatusUnprocessableEntity, "too easy")
	a.post("/account/password", "old", good, "password", "velvet harbor comet ginger", "repeated", "velvet harbor comet ginger").want(t, http.StatusSeeOther, "/account?done=password")
	a.get("/account?done=password").want(t, http.StatusOK, "Your password is changed")
	a.get("/account?done=<script>").want(t, http.StatusOK, "this one")
	b.get("/account").want(t, http.StatusSeeOther, "/signin")
}

func TestOrganizationsOwnSignIn(t *testing.T) {
	t.Parallel()
	b := newSite(t, "http://localhost").browser()
	b.post("/signin", "email", "x@acme.example", "next", "/customers").want(t, http.StatusOK, `href="https://idp.acme.example/start?back=/customers"`)
	b.post("/signin", "email", "x@acme.example", "next", "/customers", "way", "password").want(t, http.StatusOK, `action="/signin/password"`)
}

// The two pages differ in nothing but the address that was typed.
func TestPagesDoNotTellWhoExists(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https://espalier.example")
	for _, way := range [][]string{{"/signin"}, {"/signin/password", "password", "wrong"}, {"/signin/reset"}} {
		answers := map[string]page{}
		for _, email := range []string{ann, "zed@northwind.example"} {
			answers[email] = s.browser().post(way[0], append([]string{"email", email}, way[1:]...)...)
		}
		known, stranger := answers[ann], answers["zed@northwind.example"]
		if known.StatusCode != stranger.StatusCode || strings.ReplaceAll(known.text, ann, "") != strings.ReplaceAll(stranger.text, "zed@northwind.example", "") {
			t.Errorf("%s: %d %s\n%d %s", way[0], known.StatusCode, known.text, stranger.StatusCode, stranger.text)
		}
		for name := range known.Header {
			if name != "Date" && name != "Content-Length" && known.Header.Get(name) != stranger.Header.Get(name) {
				t.Errorf("%s: header %s: %s and %s", way[0], name, known.Header.Get(name), stranger.Header.Get(name))
			}
		}
	}
}

// A link in a mail is built from the public address, whatever a request says of its host.
func TestResetLinkIgnoresTheHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https://espalier.example")
	b := s.browser()
	b.headers = map[string]string{"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"}
	b.post("/signin/reset", "email", ann).want(t, http.StatusOK, "is on its way")
	if len(s.mails) != 1 || !strings.HasPrefix(s.mails[0].Data["link"], "https://espalier.example/signin/reset/new?token=") {
		t.Fatalf("mails: %+v", s.mails)
	}
	link := strings.TrimPrefix(s.mails[0].Data["link"], "https://espalier.example")
	b = s.browser()
	for range 2 { // a program that looks at mail follows links, too
		b.get(link).want(t, http.StatusOK, `name="token"`)
	}
	token := link[strings.Index(link, "=")+1:]
	b.post("/signin/reset/new", "token", token, "password", "velvet harbor comet ginger", "repeated", "velvet harbor comet ginger").want(t, http.StatusOK, "Your password is changed")
	b.post("/signin/reset/new", "token", token, "password", good, "repeated", good).want(t, http.StatusNotFound, "good no longer")
}

func TestCookiesOnTheWire(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https://espalier.example")
	res := s.browser().post("/signin/password", "email", ann, "password", good)
	if got := res.Header.Get("Set-Cookie"); !regexp.MustCompile(`^__Host-espalier_session=[a-z2-7]{16}\.[a-z2-7]{52}; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax$`).MatchString(got) {
		t.Errorf("Set-Cookie: %s", got)
	}
	for header, want := range map[string]string{"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"} {
		if got := s.browser().get("/signin").Header.Get(header); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
}

// A session that somebody else knew before the sign-in is not the one after it.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http://localhost")
	thief := s.browser().enter()
	u, err := url.Parse(s.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	victim := s.browser()
	victim.Jar.SetCookies(u, thief.Jar.Cookies(u))
	victim.enter()
	if victim.Jar.Cookies(u)[0].Value == thief.Jar.Cookies(u)[0].Value {
		t.Error("the sign-in kept the cookie that it came with")
	}
	thief.get("/account").want(t, http.StatusSeeOther, "/signin")
	victim.get("/account").want(t, http.StatusOK, "this one")
}

// A page of another site makes a signed-in browser send forms here.
func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	s := newSite(t, "https://espalier.example")
	for _, tt := range []struct {
		name    string
		headers map[string]string
		allowed bool
	}{
		{"cross-site", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"a subdomain", map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"an older browser", map[string]string{"Origin": "https://evil.example"}, false},
		{"a sandboxed frame", map[string]string{"Origin": "null"}, false},
		{"the page itself", map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"behind a proxy that changes Host", map[string]string{"Origin": "https://espalier.example", "Host": "10.0.0.7:8080"}, true},
		{"no browser", nil, true},
	} {
		for _, path := range []string{"/signin/password", "/signout", "/account/password", "/account/app", "/account/passkeys/remove", "/account/sessions/end-others", "/signin/passkey/begin"} {
			b := s.browser()
			b.headers = tt.headers
			res := b.post(path, "email", ann)
			if csrf := strings.Contains(res.text, "cross-origin request detected"); csrf == tt.allowed {
				t.Errorf("%s, POST %s: %d %s, want it allowed: %v", tt.name, path, res.StatusCode, res.text, tt.allowed)
			}
		}
	}
}

func TestOnlyLocalPathsAreGoneOnTo(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http://localhost")
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "\\\\evil.example", "javascript:alert(1)",
		"/..//evil.example", "/.//evil.example", "//", "/a/../../b", "http:evil.example", " /account", "/signin", "/signin/../signin", "/signout", "/x\r\nSet-Cookie: a=b"} {
		res := s.browser().post("/signin/password", "email", ann, "password", good, "next", next)
		if to := res.Header.Get("Location"); to != "/account" {
			t.Errorf("next %q leads to %q %s", next, to, res.text)
		}
	}
}

func TestAPasskeysScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, "http://localhost")
	b := s.browser()
	js := regexp.MustCompile(`src="([^"]*passkey\.js)"`).FindStringSubmatch(b.get("/signin").text)[1]
	res := b.get(js)
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Type"), "javascript") || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", js, res.StatusCode, res.Header)
	}
	b.get(strings.Replace(js, "passkey.js", "..%2fframe.html", 1)).want(t, http.StatusNotFound, "")
	b.headers = map[string]string{"Content-Type": "application/json"}
	begun := b.post("/signin/passkey/begin")
	begun.want(t, http.StatusOK, `"userVerification":"required"`)
	b.post("/signin/passkey").want(t, http.StatusForbidden, `{"error":"The passkey was not accepted`)
	b.post("/signin/passkey").want(t, http.StatusNotFound, `{"error":`)
	b.post("/account/passkeys/begin").want(t, http.StatusForbidden, `"next":"/signin?next=%2Faccount"`)
	b.headers = nil
	b.post("/signin/passkey").want(t, http.StatusUnprocessableEntity, "is JSON")
}

func TestLargeForms(t *testing.T) {
	t.Parallel()
	b := newSite(t, "http://localhost").browser()
	if res := b.post("/signin/password", "email", ann, "password", strings.Repeat("x", 100<<10)); res.StatusCode < 400 || res.StatusCode >= 500 {
		t.Errorf("a form of 100 KiB: %d", res.StatusCode)
	}
}
