package openid_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/iam"
	"espalier.dev/openid"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/token"
)

// hostile are the ways in which such providers were broken, each tried.
var hostile = map[string]func(conformance){
	"a redirect that is nearly registered":     hostileRedirects,
	"an error is no open redirect":             hostileErrors,
	"a code a second time":                     hostileCodeReuse,
	"a code of another client":                 hostileForeignCode,
	"a code that is old":                       hostileOldCode,
	"PKCE mixed":                               hostilePKCE,
	"a refresh token a second time":            hostileRefreshReuse,
	"a refresh token of another client":        hostileForeignRefresh,
	"a race for one code":                      hostileRace,
	"a token of one organization in another":   hostileOtherOrganization,
	"a token that is not for the API":          hostileAudience,
	"people of elsewhere":                      hostileOutsiders,
	"an end of membership":                     hostileLeavers,
	"an identity provider of elsewhere":        hostileVouched,
	"tokens that nobody signed":                hostileSignatures,
	"a client without its secret":              hostileClients,
	"parameters twice, or in the address":      hostileParameters,
	"consent in somebody else's name":          hostileConsent,
	"consent given to another address":         hostileMovedApplication,
	"an application that is deleted or tamed":  hostileEndedApplication,
	"a session that its user ended":            hostileEndedSession,
	"what another client may know of a token":  hostileIntrospection,
	"signing out somebody":                     hostileLogout,
	"a request that waits, twice and too long": hostileWaiting,
	"a hint at another user":                   hostileHint,
	"a service account":                        hostileServiceAccount,
}

func TestHostile(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newIDP(t, db)
		for name, test := range hostile {
			t.Run(name, func(t *testing.T) { test(conformance{t, p, p.register(t, p.Root, false), p.person(t, ada)}) })
		}
	})
}

func withAPI(d *openid.Draft) { d.API = true }

func hostileRedirects(c conformance) {
	c.b.enter()
	for _, uri := range []string{
		"", "https://app.example/callback", "https://app.example/callback?tenant=a%20b&x=1", "https://app.example/callback?tenant=a+b", "https://app.example/callback?tenant=a%20b/",
		callback + "/../x", "https://app.example/callback/../callback?tenant=a%20b", "https://app.example/./callback?tenant=a%20b", "https://app.example//callback?tenant=a%20b",
		"https://app.example/%63allback?tenant=a%20b", "https://app.example/callback;x?tenant=a%20b", callback + "#", callback + "#fragment", callback + "%23",
		"https://app.example:443/callback?tenant=a%20b", "https://app.example:8443/callback?tenant=a%20b", "http://app.example/callback?tenant=a%20b",
		"https://user@app.example/callback?tenant=a%20b", "https://app.example@evil.example/callback?tenant=a%20b", "https://app.example.evil.example/callback?tenant=a%20b",
		"https://evil.example/https://app.example/callback?tenant=a%20b", "https://APP.example/callback?tenant=a%20b", "HTTPS://app.example/callback?tenant=a%20b",
		"//app.example/callback?tenant=a%20b", "/callback", "https:\\\\app.example/callback?tenant=a%20b", "https://app.example\\@evil.example/callback?tenant=a%20b",
		"javascript:alert(1)", "data:text/html,x", callback + "\n", " " + callback, callback + "\x00",
	} {
		c.page(ask(c.a, "redirect_uri", uri), 400, "not registered")
	}
	// The address of one application is none of another's, and a code is bound to the one it was sent to.
	two := c.p.register(c.T, c.p.Root, false, func(d *openid.Draft) { d.RedirectURIs = []string{"https://b.example/", "https://b.example/2"} })
	c.page(ask(two, "redirect_uri", callback), 400, "not registered")
	code := c.b.code(ask(two))
	c.p.redeem(c.T, two, code, "redirect_uri", "https://b.example/2").want(c.T, 400, "invalid_grant")
	c.p.redeem(c.T, two, code, "redirect_uri", "https://b.example").want(c.T, 400, "invalid_grant")
	c.p.redeem(c.T, two, code).want(c.T, 200, "")
}

func hostileErrors(c conformance) {
	for _, more := range [][]string{{"client_id", "nobody"}, {"client_id", ""}, {"client_id", "A' OR 1=1 --"}, {"client_id", strings.Repeat("a", 5000)}} {
		c.page(ask(c.a, more...), 400, "not known")
	}
	c.page(ask(c.a, "client_id", "nobody", "response_type", "token", "redirect_uri", "https://evil.example/"), 400, "not known")
	for code, more := range map[string][]string{
		"unsupported_response_type": {"response_type", "token"}, "invalid_scope": {"scope", "profile"}, "invalid_request": {"response_mode", "fragment"},
	} {
		c.refused(code, more...)
	}
	for _, more := range [][]string{{"prompt", "none login"}, {"prompt", "create"}, {"max_age", "-1"}, {"max_age", "x"}, {"code_challenge_method", "S256"}, {"code_challenge", "short", "code_challenge_method", "S256"},
		{"state", strings.Repeat("s", 5000)}, {"nonce", strings.Repeat("n", 2000)}, {"id_token_hint", "x"}} {
		c.refused("invalid_request", more...)
	}
	c.refused("invalid_scope", "scope", "openid espalier")
	c.refused("registration_not_supported", "registration", "{}")
	c.b.denies = true
	c.refused("access_denied")
}

func hostileCodeReuse(c conformance) {
	code := c.b.code(ask(c.a, "scope", "openid offline_access"))
	first := c.redeem(code)
	c.p.redeem(c.T, c.a, code).want(c.T, 400, "invalid_grant")
	c.p.userInfo(c.T, first.str("access_token")).want(c.T, 401, "invalid_token")
	c.p.renew(c.T, c.a, first.str("refresh_token")).want(c.T, 400, "invalid_grant")
	if n := c.p.Count(c.T, `SELECT count(*) FROM audit_entry WHERE action = 'application.reuse' AND target_id = $1`, string(c.a.ID)); n != 1 {
		c.Errorf("%d audit entries of it, want 1", n)
	}
}

func hostileForeignCode(c conformance) {
	other := c.p.register(c.T, c.p.Root, false)
	public := c.p.register(c.T, c.p.Root, true)
	code := c.b.code(ask(c.a))
	c.p.redeem(c.T, other, code).want(c.T, 400, "invalid_grant")
	c.p.redeem(c.T, public, code).want(c.T, 400, "invalid_grant")
	c.redeem(code) // which did its owner no harm
}

func hostileOldCode(c conformance) {
	code := c.b.code(ask(c.a))
	c.p.sleep(openid.CodeLife)
	c.p.redeem(c.T, c.a, code).want(c.T, 400, "invalid_grant")
	for _, guess := range []string{"", "x", code[:51], code + "a", strings.ToUpper(code)} {
		if got := c.p.redeem(c.T, c.a, guess); got.status != 400 {
			c.Errorf("code %q: %d %s", guess, got.status, got.text)
		}
	}
}

func hostilePKCE(c conformance) {
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	s256 := base64.RawURLEncoding.EncodeToString(sum[:])
	public := c.p.register(c.T, c.p.Root, true)
	for _, a := range []app{c.a, public} {
		for _, wrong := range [][]string{{}, {"code_verifier", ""}, {"code_verifier", strings.Repeat("w", 43)}, {"code_verifier", s256}} {
			code := c.b.code(ask(a, "code_challenge", s256, "code_challenge_method", "S256"))
			c.p.redeem(c.T, a, code, wrong...).want(c.T, 400, "invalid_grant")
		}
	}
	c.p.redeem(c.T, c.a, c.b.code(ask(c.a)), "code_verifier", verifier).want(c.T, 400, "invalid_grant") // a downgrade, RFC 9700
	c.refused("invalid_request", "code_challenge", verifier, "code_challenge_method", "plain")
	c.refused("invalid_request", "code_challenge", verifier)
	public.RedirectURIs = []string{callback}
	if got := c.b.authorize(ask(public)); got.Get("error") != "invalid_request" {
		c.Errorf("a public client without a challenge: %v", got)
	}
}

func hostileRefreshReuse(c conformance) {
	first := c.tokens("scope", "openid offline_access")
	second := c.p.renew(c.T, c.a, first.str("refresh_token")).want(c.T, 200, "")
	third := c.p.renew(c.T, c.a, second.str("refresh_token")).want(c.T, 200, "")
	c.p.sleep(40 * 24 * time.Hour / 2)
	c.p.renew(c.T, c.a, first.str("refresh_token")).want(c.T, 400, "invalid_grant")
	for _, dead := range []answer{second, third} {
		c.p.renew(c.T, c.a, dead.str("refresh_token")).want(c.T, 400, "invalid_grant")
		c.p.userInfo(c.T, dead.str("access_token")).want(c.T, 401, "invalid_token")
	}
}

func hostileForeignRefresh(c conformance) {
	granted := c.tokens("scope", "openid offline_access")
	other := c.p.register(c.T, c.p.Root, false)
	c.p.renew(c.T, other, granted.str("refresh_token")).want(c.T, 400, "invalid_grant")
	c.p.call(c.T, other, "/oauth2/revoke", url.Values{"token": {granted.str("refresh_token")}}).want(c.T, 400, "invalid_grant")
	c.p.call(c.T, other, "/oauth2/revoke", url.Values{"token": {granted.str("access_token")}}).want(c.T, 400, "invalid_grant")
	c.p.renew(c.T, c.a, granted.str("refresh_token"), "scope", "openid email").want(c.T, 400, "invalid_scope")
	again := c.p.renew(c.T, c.a, granted.str("refresh_token"), "scope", "openid").want(c.T, 200, "")
	c.p.call(c.T, c.a, "/oauth2/revoke", url.Values{"token": {again.str("access_token")}}).want(c.T, 200, "")
	c.p.renew(c.T, c.a, again.str("refresh_token")).want(c.T, 400, "invalid_grant")
	c.p.call(c.T, c.a, "/oauth2/revoke", url.Values{"token": {"unknown"}}).want(c.T, 200, "")
}

// hostileRace lets many redeem one code at a moment: at most one gets tokens, and they are worth nothing once another has tried.
func hostileRace(c conformance) {
	code := c.b.code(ask(c.a))
	said := make([]answer, 8)
	var all sync.WaitGroup
	for i := range said {
		all.Go(func() { said[i] = c.p.redeem(c.T, c.a, code) })
	}
	all.Wait()
	won := 0
	for _, got := range said {
		if got.status == 200 {
			won++
			c.p.userInfo(c.T, got.str("access_token")).want(c.T, 401, "invalid_token")
		}
	}
	if won > 1 {
		c.Errorf("%d of them got tokens", won)
	}
}

// hostileOtherOrganization: ada owns the customer, too, and an application of the customer is not to reach the parent with that.
func hostileOtherOrganization(c conformance) {
	a := c.p.register(c.T, c.p.Parent, false, withAPI)
	granted := c.b.tokens(a, "scope", "openid espalier")
	c.api(granted, c.p.Parent.String(), 200)
	c.api(granted, c.p.Root.String(), 403)
	other := c.p.register(c.T, c.p.Root, false)
	if got := c.p.call(c.T, other, "/oauth2/introspect", url.Values{"token": {granted.str("access_token")}}); got.body["active"] != false {
		c.Errorf("an application of another organization learns %s", got.text)
	}
}

// api uses an access token for the API of an organization.
func (c conformance) api(granted answer, org string, status int) {
	c.Helper()
	got := c.p.send(c.T, "GET", "/api?org="+org, nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+granted.str("access_token")) })
	if got.status != status {
		c.Errorf("API of organization %s: %d %s, want %d", org, got.status, got.text, status)
	}
}

func hostileAudience(c conformance) {
	granted := c.tokens("scope", "openid profile email")
	c.api(granted, c.p.Root.String(), 403)
	c.api(answer{body: map[string]any{"access_token": granted.str("id_token")}}, c.p.Root.String(), 403)
	c.p.userInfo(c.T, granted.str("id_token")).want(c.T, 401, "invalid_token")
	carried := claims(c.T, granted.str("access_token"))
	for name := range carried {
		if !slices.Contains([]string{"iss", "sub", "aud", "sid", "iat", "exp", "jti"}, name) {
			c.Errorf("the access token carries %s", name)
		}
	}
	// Consent to the API is asked for each time, also where the rest is not.
	a := c.p.register(c.T, c.p.Root, false, withAPI, func(d *openid.Draft) { d.SkipConsent = true })
	b := c.p.person(c.T, ada)
	for range 2 {
		c.api(b.tokens(a, "scope", "openid espalier"), c.p.Root.String(), 200)
	}
	b.tokens(a)
	if b.consents != 2 {
		c.Errorf("asked %d times for consent, want 2", b.consents)
	}
	if got := b.authorize(ask(a, "scope", "openid espalier", "prompt", "none")); got.Get("error") != "consent_required" {
		c.Errorf("without asking: %v", got)
	}
}

func hostileOutsiders(c conformance) {
	for _, email := range []string{grace, kay} { // of the customers
		if got := c.p.person(c.T, email).authorize(ask(c.a)); got.Get("error") != "access_denied" {
			c.Errorf("%s: %v", email, got)
		}
	}
	customer := c.p.register(c.T, c.p.Parent, false)
	c.p.person(c.T, grace).tokens(customer)
	c.guest()
}

// guest: whom an access policy of the parent lets in may sign in to an application of the customer, as long as it does.
func (c conformance) guest() {
	c.Helper()
	contoso := ref.OrgID(c.p.Count(c.T, `SELECT id FROM organization WHERE name = 'Contoso'`))
	a, me := c.p.register(c.T, contoso, false, withAPI), c.p.user(c.T, ada)
	if got := c.b.authorize(ask(a)); got.Get("error") != "access_denied" {
		c.Errorf("before there is an access policy: %v", got)
	}
	c.p.Exec(c.T, `INSERT INTO user_group (id, org_id, name, name_folded, created_at, updated_at) VALUES (77, $1, 'Techs', 'techs', 0, 0)`, c.p.Root)
	c.p.Exec(c.T, `INSERT INTO user_group_member (group_id, user_id, created_at) VALUES (77, $1, 0)`, me)
	c.p.Guard.ForgetAll()
	by := access.Caller{User: me}
	made, err := c.p.People.CreateAccessPolicy(c.T.Context(), by, c.p.Root, iam.PolicyDraft{Name: "Techs", Groups: []ref.UserGroupID{77}, Customers: []ref.OrgID{contoso},
		Roles: []iam.RoleDraft{{Name: "r", Permissions: []iam.PermissionDraft{{RoleNames: []string{"org_viewer"}}}}}})
	if err != nil {
		c.Fatal(err)
	}
	c.p.Guard.ForgetAll()
	granted := c.b.tokens(a, "scope", "openid espalier")
	if got := fmt.Sprint(claims(c.T, granted.str("id_token"))[openid.ClaimRoles]); got != "[org_viewer]" {
		c.Errorf("roles of a guest: %s", got)
	}
	c.api(granted, contoso.String(), 403) // the session is good in the customer alone, where it is no member
	if err := c.p.People.DeleteAccessPolicy(c.T.Context(), by, c.p.Root, made.ID); err != nil {
		c.Fatal(err)
	}
	c.p.Guard.ForgetAll()
	c.p.userInfo(c.T, granted.str("access_token")).want(c.T, 401, "invalid_token")
}

func hostileLeavers(c conformance) {
	a := c.p.register(c.T, c.p.Parent, false, withAPI)
	b := c.p.person(c.T, grace)
	granted := b.tokens(a, "scope", "openid offline_access espalier")
	code := b.code(ask(a))
	c.p.Exec(c.T, `UPDATE membership SET state = 'inactive' WHERE org_id = $1 AND user_id = $2`, c.p.Parent, c.p.user(c.T, grace))
	c.p.Guard.ForgetUsers(c.p.user(c.T, grace))
	defer func() {
		c.p.Exec(c.T, `UPDATE membership SET state = 'active' WHERE org_id = $1 AND user_id = $2`, c.p.Parent, c.p.user(c.T, grace))
		c.p.Guard.ForgetUsers(c.p.user(c.T, grace))
	}()
	c.api(granted, c.p.Parent.String(), 403)
	c.p.userInfo(c.T, granted.str("access_token")).want(c.T, 401, "invalid_token")
	c.p.renew(c.T, a, granted.str("refresh_token")).want(c.T, 400, "invalid_grant")
	c.p.redeem(c.T, a, code).want(c.T, 400, "invalid_grant")
	if got := c.p.call(c.T, a, "/oauth2/introspect", url.Values{"token": {granted.str("access_token")}}); got.body["active"] != false {
		c.Errorf("introspection: %s", got.text)
	}
	if got := b.authorize(ask(a)); got.Get("error") != "access_denied" {
		c.Errorf("signs in again: %v", got)
	}
}

// hostileVouched: a session that a customer's identity provider opened for ada signs nobody in to an application of the parent.
func hostileVouched(c conformance) {
	opened, err := c.p.signin.Open(c.T.Context(), signin.OpenSession{User: c.p.user(c.T, ada), Methods: []signin.Method{signin.SAML}, Only: c.p.Parent})
	if err != nil {
		c.Fatal(err)
	}
	u, err := url.Parse(c.p.server.URL)
	if err != nil {
		c.Fatal(err)
	}
	c.b.Jar.SetCookies(u, []*http.Cookie{{Name: "espalier_session", Value: opened.Secret, Path: "/"}})
	if got := c.b.authorize(ask(c.a)); got.Get("error") != "access_denied" {
		c.Errorf("got %v", got)
	}
	customer := c.p.register(c.T, c.p.Parent, false)
	c.b.tokens(customer)
}

func hostileSignatures(c conformance) {
	granted := c.tokens()
	parts := strings.Split(granted.str("access_token"), ".")
	published := c.p.tokens.JWKS()
	public, err := json.Marshal(published.Keys[0])
	if err != nil {
		c.Fatal(err)
	}
	head := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	hs := func(header string) string {
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(head(header) + "." + parts[1]))
		return head(header) + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	kid := published.Keys[0].KeyID
	for name, forged := range map[string]string{
		"none":              head(`{"alg":"none","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"None":              head(`{"alg":"None","kid":"`+kid+`"}`) + "." + parts[1] + "." + parts[2],
		"no signature":      parts[0] + "." + parts[1] + ".",
		"public key as MAC": hs(`{"alg":"HS256","kid":"` + kid + `"}`),
		"foreign kid":       head(`{"alg":"EdDSA","kid":"foreign"}`) + "." + parts[1] + "." + parts[2],
		"no kid":            head(`{"alg":"EdDSA"}`) + "." + parts[1] + "." + parts[2],
		"own key inside":    head(`{"alg":"EdDSA","jwk":`+string(public)+`}`) + "." + parts[1] + "." + parts[2],
		"another payload":   parts[0] + "." + head(`{"sub":"user:1"}`) + "." + parts[2],
		"an ID token":       granted.str("id_token"),
		"nothing":           "x",
	} {
		if got := c.p.userInfo(c.T, forged); got.status != 401 || got.header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
			c.Errorf("%s: %d %s", name, got.status, got.text)
		}
		if name != "an ID token" {
			c.refused("invalid_request", "id_token_hint", forged)
		}
	}
	c.refused("invalid_request", "id_token_hint", granted.str("access_token"))
	c.p.send(c.T, "GET", "/oauth2/userinfo", nil, func(*http.Request) {}).want(c.T, 401, "invalid_request")
}

func hostileClients(c conformance) {
	code := c.b.code(ask(c.a))
	public := c.p.register(c.T, c.p.Root, true)
	for name, wrong := range map[string]app{
		"no secret": {c.a.Application, ""}, "another secret": {c.a.Application, c.a.secret + "x"}, "a hash": {c.a.Application, c.a.SecretHash},
		"a secret of another": {c.a.Application, c.p.register(c.T, c.p.Root, false).secret}, "a public one with a secret": {public.Application, "x"},
		"nobody": {openid.Application{ID: "nobody", RedirectURIs: []string{callback}}, "x"},
	} {
		got := c.p.redeem(c.T, wrong, code)
		if got.status != 401 || got.str("error") != "invalid_client" || got.header.Get("WWW-Authenticate") == "" {
			c.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {string(c.a.ID)}, "client_secret": {c.a.secret}}
	c.p.call(c.T, c.a, "/oauth2/token", v).want(c.T, 400, "invalid_request") // twice
	for grant, want := range map[string]string{"": "invalid_request", "password": "unsupported_grant_type", "client_credentials": "unauthorized_client",
		"urn:ietf:params:oauth:grant-type:token-exchange": "unauthorized_client", "urn:ietf:params:oauth:grant-type:device_code": "unauthorized_client"} {
		c.p.call(c.T, c.a, "/oauth2/token", url.Values{"grant_type": {grant}}).want(c.T, 400, want)
	}
	c.p.call(c.T, public, "/oauth2/introspect", url.Values{"token": {"x"}, "client_id": {string(public.ID)}}).want(c.T, 400, "invalid_client")
	secret, err := c.p.service.RenewSecret(c.T.Context(), access.Operator("test"), c.p.Root, c.a.ID)
	if err != nil {
		c.Fatal(err)
	}
	c.p.redeem(c.T, c.a, code).want(c.T, 401, "invalid_client")
	c.p.redeem(c.T, app{c.a.Application, secret}, code).want(c.T, 200, "")
}

func hostileParameters(c conformance) {
	code := c.b.code(ask(c.a))
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}
	c.p.call(c.T, c.a, "/oauth2/token?"+v.Encode(), nil).want(c.T, 400, "invalid_request")
	v.Add("code", "other")
	c.p.call(c.T, c.a, "/oauth2/token", v).want(c.T, 400, "invalid_request")
	c.p.send(c.T, "GET", "/oauth2/userinfo?access_token=x", nil, func(*http.Request) {}).want(c.T, 400, "invalid_request")
	if got := c.p.send(c.T, "GET", "/oauth2/token?"+v.Encode(), nil, func(*http.Request) {}); got.status != 405 {
		c.Errorf("GET of the token endpoint: %d", got.status)
	}
	at := ask(c.a)
	at.Add("redirect_uri", "https://evil.example/")
	c.page(at, 400, "more than once")
	if got := c.b.do("POST", "/oauth2/authorize?client_id="+string(c.a.ID), ask(c.a)); got.StatusCode != 400 {
		c.Errorf("parameters in two places: %d", got.StatusCode)
	}
	if got := c.b.do("POST", "/oauth2/authorize", url.Values{"state": {strings.Repeat("x", 100_000)}}); got.StatusCode != 413 {
		c.Errorf("a large form: %d", got.StatusCode)
	}
}

// question goes as far as the question for consent.
func (b *person) question(a app, more ...string) (path string, form url.Values) {
	b.t.Helper()
	at := b.enter().do("GET", "/oauth2/authorize?"+ask(a, more...).Encode(), nil)
	path = at.Header.Get("Location")
	at = b.do("GET", path, nil)
	form = url.Values{"answer": {"allow"}}
	for _, f := range field.FindAllStringSubmatch(at.text, -1) {
		if f[1] == "user" {
			form.Set("user", f[2])
		}
	}
	if form.Get("user") == "" {
		b.t.Fatalf("no question: %d %s", at.StatusCode, at.text)
	}
	return path, form
}

func hostileConsent(c conformance) {
	path, form := c.b.question(c.a)
	c.b.email = kay
	c.b.enter()
	if got := c.b.do("POST", path, form); got.StatusCode != 409 {
		c.Errorf("another user's consent: %d %s", got.StatusCode, got.text)
	}
	stranger := c.p.person(c.T, kay).enter()
	if out, last := stranger.walk(stranger.do("POST", path, url.Values{"answer": {"allow"}, "user": {c.p.user(c.T, kay).String()}})); !strings.Contains(out, "error=access_denied") {
		c.Errorf("a stranger's consent: %q %s", out, last.text)
	}
	if got := c.p.person(c.T, ada).do("POST", path, form); got.StatusCode != 409 {
		c.Errorf("nobody's consent: %d %s", got.StatusCode, got.text)
	}
	for header, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
		got := c.p.send(c.T, "POST", path, form, func(r *http.Request) { r.Header.Set(header, value) })
		if got.status != 403 {
			c.Errorf("a form of another site (%s): %d", header, got.status)
		}
	}
	at := c.p.person(c.T, ada).do("GET", "/oauth2/authorize/"+strings.Repeat("a", 52), nil)
	if at.StatusCode != 404 || !strings.Contains(at.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || at.Header.Get("Referrer-Policy") != "no-referrer" {
		c.Errorf("a made-up request: %d, %v", at.StatusCode, at.Header)
	}
}

func hostileMovedApplication(c conformance) {
	c.tokens()
	c.tokens()
	if c.b.consents != 1 {
		c.Fatalf("asked %d times, want once", c.b.consents)
	}
	moved := []string{callback, "https://evil.example/"}
	if err := c.p.service.UpdateApplication(c.T.Context(), access.Operator("test"), c.p.Root, c.a.ID, openid.ApplicationChange{RedirectURIs: &moved}); err != nil {
		c.Fatal(err)
	}
	c.refused("consent_required", "prompt", "none")
	c.tokens("prompt", "consent")
	if c.b.consents != 2 {
		c.Errorf("asked %d times, want 2", c.b.consents)
	}
}

func hostileEndedApplication(c conformance) {
	by := access.Operator("test")
	a := c.p.register(c.T, c.p.Root, false, withAPI)
	mild, strong := c.b.tokens(a), c.b.tokens(a, "scope", "openid espalier offline_access")
	path, form := c.b.question(a, "scope", "openid espalier")
	never := false
	if err := c.p.service.UpdateApplication(c.T.Context(), by, c.p.Root, a.ID, openid.ApplicationChange{API: &never}); err != nil {
		c.Fatal(err)
	}
	c.api(strong, c.p.Root.String(), 403)
	c.p.renew(c.T, a, strong.str("refresh_token")).want(c.T, 400, "invalid_grant")
	if got := c.b.do("POST", path, form); got.StatusCode != 404 {
		c.Errorf("consent to what is no longer: %d %s", got.StatusCode, got.text)
	}
	c.p.userInfo(c.T, mild.str("access_token")).want(c.T, 200, "")
	if err := c.p.service.DeleteApplication(c.T.Context(), by, c.p.Root, a.ID); err != nil {
		c.Fatal(err)
	}
	c.p.userInfo(c.T, mild.str("access_token")).want(c.T, 401, "invalid_token")
	if n := c.p.Count(c.T, `SELECT count(*) FROM session s JOIN openid_grant g ON g.session_id = s.id WHERE g.application_id = $1`, string(a.ID)); n != 0 {
		c.Errorf("%d sessions are left", n)
	}
}

func hostileEndedSession(c conformance) {
	a := c.p.register(c.T, c.p.Root, false, withAPI)
	granted := c.b.tokens(a, "scope", "openid espalier offline_access")
	at := c.b.do("GET", "/account", nil)
	if !strings.Contains(at.text, "An application") {
		c.Errorf("the account does not show the application's session: %s", at.text)
	}
	c.b.do("POST", "/account/sessions/end", url.Values{"id": {claims(c.T, granted.str("id_token"))["sid"].(string)}})
	c.api(granted, c.p.Root.String(), 403)
	c.p.renew(c.T, a, granted.str("refresh_token")).want(c.T, 400, "invalid_grant")
	granted = c.b.tokens(a, "scope", "openid offline_access")
	c.p.sleep(openid.OfflineIdle)
	c.p.renew(c.T, a, granted.str("refresh_token")).want(c.T, 400, "invalid_grant")
}

func hostileIntrospection(c conformance) {
	granted := c.tokens("scope", "openid offline_access")
	other := c.p.register(c.T, c.p.Root, false)
	for _, text := range []string{granted.str("access_token"), granted.str("refresh_token"), granted.str("id_token"), "x"} {
		got := c.p.call(c.T, other, "/oauth2/introspect", url.Values{"token": {text}}).want(c.T, 200, "")
		if strings.TrimSpace(got.text) != `{"active":false}` {
			c.Errorf("another client learns %s", got.text)
		}
	}
	for _, text := range []string{granted.str("access_token"), granted.str("refresh_token")} {
		got := c.p.call(c.T, c.a, "/oauth2/introspect", url.Values{"token": {text}}).want(c.T, 200, "")
		if got.body["active"] != true || got.str("client_id") != string(c.a.ID) || got.str("scope") != "openid offline_access" {
			c.Errorf("its own client learns %s", got.text)
		}
	}
	c.p.call(c.T, app{c.a.Application, "wrong"}, "/oauth2/introspect", url.Values{"token": {"x"}}).want(c.T, 401, "invalid_client")
}

func hostileLogout(c conformance) {
	granted := c.tokens()
	other := c.p.register(c.T, c.p.Root, false)
	try := func(b *person, want int, text string, more ...string) page {
		c.Helper()
		v := url.Values{}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		got := b.do("GET", "/oauth2/logout?"+v.Encode(), nil)
		if got.StatusCode != want || !strings.Contains(got.text, text) {
			c.Errorf("%v: %d %s, want %d %q", more, got.StatusCode, got.text, want, text)
		}
		return got
	}
	hint, bye := granted.str("id_token"), c.a.LogoutURIs[0]
	for _, uri := range []string{"https://evil.example/", bye + "/", bye + "?x", bye + "#x", callback, "https://app.example/./bye"} {
		try(c.b, 400, "not registered", "id_token_hint", hint, "post_logout_redirect_uri", uri)
	}
	try(c.b, 400, "another application", "id_token_hint", hint, "client_id", string(other.ID))
	try(c.b, 400, "not one of this server", "id_token_hint", granted.str("access_token"), "post_logout_redirect_uri", bye)
	try(c.b, 400, "did not say", "post_logout_redirect_uri", bye)
	// Without proof of whom it means, and for another user, the person is asked.
	try(c.b, 200, `action="/oauth2/logout/confirm"`)
	try(c.b, 200, `action="/oauth2/logout/confirm"`, "client_id", string(c.a.ID), "post_logout_redirect_uri", bye)
	bystander := c.p.person(c.T, grace).enter()
	try(bystander, 200, `action="/oauth2/logout/confirm"`, "id_token_hint", hint)
	if at := c.b.do("GET", "/account", nil); at.StatusCode != 200 {
		c.Error("signed out without a word")
	}
	got := c.p.send(c.T, "POST", "/oauth2/logout/confirm", nil, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
	if got.status != 403 {
		c.Errorf("a form of another site: %d", got.status)
	}
	out, last := c.b.walk(try(c.b, 200, "confirm", "client_id", string(c.a.ID), "post_logout_redirect_uri", bye, "state", "s"))
	if out != bye+"?state=s" {
		c.Errorf("the browser is at %q, %s", out, last.text)
	}
	if at := c.b.do("GET", "/account", nil); at.StatusCode == 200 {
		c.Error("still signed in")
	}
}

func hostileWaiting(c conformance) {
	path, form := c.b.question(c.a)
	out, last := c.b.walk(c.b.do("POST", path, form))
	first := c.b.told(ask(c.a), out, last)
	if again := c.b.do("POST", path, form); again.StatusCode != 404 {
		c.Errorf("allowed twice: %d %s", again.StatusCode, again.text)
	}
	c.redeem(first.Get("code"))
	path, form = c.b.question(c.a, "prompt", "consent")
	c.p.sleep(time.Hour)
	if late := c.b.do("POST", path, form); late.StatusCode != 404 {
		c.Errorf("allowed late: %d %s", late.StatusCode, late.text)
	}
}

func hostileHint(c conformance) {
	customer := c.p.register(c.T, c.p.Parent, false)
	graces := c.p.person(c.T, grace).tokens(customer).str("id_token")
	b := c.p.person(c.T, ada)
	b.tokens(customer)
	if got := b.authorize(ask(customer, "prompt", "none", "id_token_hint", graces)); got.Get("error") != "login_required" {
		c.Errorf("without asking: %v", got)
	}
	if got := b.authorize(ask(customer, "id_token_hint", graces)); got.Get("error") != "login_required" || b.signIns != 2 {
		c.Errorf("after %d sign-ins: %v", b.signIns, got)
	}
	c.refused("invalid_request", "id_token_hint", graces) // of another client
}

func hostileServiceAccount(c conformance) {
	by := access.Caller{User: c.p.user(c.T, ada)}
	account, err := c.p.People.CreateAccount(c.T.Context(), by, c.p.Root, iam.NewAccount{Name: "robot"})
	if err != nil {
		c.Fatal(err)
	}
	var secret string
	made, err := c.p.People.CreateAccountClient(c.T.Context(), by, c.p.Root, account.ID, func(text string) error { secret = text; return nil })
	if err != nil {
		c.Fatal(err)
	}
	robot := app{openid.Application{ID: ref.ApplicationID(made.ID), RedirectURIs: []string{callback}}, secret}
	granted := c.p.call(c.T, robot, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}).want(c.T, 200, "")
	if granted.str("scope") != "espalier" || granted.body["refresh_token"] != nil || granted.body["id_token"] != nil {
		c.Errorf("granted %s", granted.text)
	}
	caller, err := c.p.tokens.Authenticate(c.T.Context(), granted.str("access_token"))
	if err != nil || caller.ServiceAccount != account.ID || caller.User != 0 {
		c.Errorf("the token is of %v, %v", caller, err)
	}
	c.p.call(c.T, robot, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}}).want(c.T, 400, "invalid_scope")
	c.p.call(c.T, app{robot.Application, secret + "x"}, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}}).want(c.T, 401, "invalid_client")
	c.p.redeem(c.T, robot, c.b.code(ask(c.a))).want(c.T, 400, "unauthorized_client")
	c.p.userInfo(c.T, granted.str("access_token")).want(c.T, 401, "invalid_token")
	own := c.p.call(c.T, robot, "/oauth2/introspect", url.Values{"token": {granted.str("access_token")}}).want(c.T, 200, "")
	if own.body["active"] != true || own.str("sub") != token.Subject(access.Principal{ServiceAccount: account.ID}) {
		c.Errorf("introspection: %s", own.text)
	}
	users := c.tokens()
	if got := c.p.call(c.T, robot, "/oauth2/introspect", url.Values{"token": {users.str("access_token")}}); got.body["active"] != false {
		c.Errorf("a service account learns %s", got.text)
	}
	c.page(ask(app{robot.Application, ""}), 400, "not known")
}
