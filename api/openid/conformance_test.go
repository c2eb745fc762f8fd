package openid_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"espalier.dev/openid"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// conformance is one application and one person that a test of the suite works with.
type conformance struct {
	*testing.T
	p *idp
	a app
	b *person
}

// The tests of the plans for the Basic and the Config profile of OpenID providers, by the names that the public conformance suite
// gives them, each with what it asks for.
var suite = map[string]func(conformance){
	"oidcc-server":                conformServer,
	"oidcc-response-type-missing": func(c conformance) { c.refused("invalid_request", "response_type", "") },
	"oidcc-userinfo-get": func(c conformance) {
		c.sameSubject(c.p.userInfo(c.T, c.tokens().str("access_token")))
	},
	"oidcc-userinfo-post-header": func(c conformance) {
		got := c.tokens()
		c.sameSubject(c.p.send(c.T, "POST", "/oauth2/userinfo", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+got.str("access_token")) }))
	},
	"oidcc-userinfo-post-body": func(c conformance) {
		got := c.tokens()
		c.sameSubject(c.p.send(c.T, "POST", "/oauth2/userinfo", url.Values{"access_token": {got.str("access_token")}}, func(*http.Request) {}))
	},
	"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": func(c conformance) {
		if nonce, has := claims(c.T, c.tokens("nonce", "").str("id_token"))["nonce"]; has {
			c.Errorf("nonce %v, and none was sent", nonce)
		}
	},
	"oidcc-scope-profile": func(c conformance) {
		c.has(c.info("openid profile"), "sub", "name", "given_name", "family_name", "preferred_username", "updated_at")
	},
	"oidcc-scope-email": func(c conformance) { c.has(c.info("openid email"), "sub", "email", "email_verified") },
	// These two scopes are not among those that discovery names; asking for them is no error.
	"oidcc-scope-address": func(c conformance) { c.has(c.info("openid address"), "sub") },
	"oidcc-scope-phone":   func(c conformance) { c.has(c.info("openid phone"), "sub") },
	"oidcc-scope-all": func(c conformance) {
		c.has(c.info("openid profile email address phone"), "sub", "name", "email")
	},
	"oidcc-ensure-other-scope-order-succeeds": func(c conformance) { c.has(c.info("email openid"), "sub", "email") },
	"oidcc-display-page":                      func(c conformance) { c.tokens("display", "page") },
	"oidcc-display-popup":                     func(c conformance) { c.tokens("display", "popup") },
	"oidcc-prompt-login": func(c conformance) {
		first := claims(c.T, c.tokens().str("id_token"))
		c.p.sleep(time.Second)
		second := claims(c.T, c.tokens("prompt", "login").str("id_token"))
		c.signedIn(2)
		if first["sub"] != second["sub"] || first["auth_time"].(float64) >= second["auth_time"].(float64) {
			c.Errorf("auth_time %v, then %v", first["auth_time"], second["auth_time"])
		}
	},
	"oidcc-prompt-none-not-logged-in": func(c conformance) { c.refused("login_required", "prompt", "none") },
	"oidcc-prompt-none-logged-in": func(c conformance) {
		first := claims(c.T, c.tokens().str("id_token"))
		second := claims(c.T, c.tokens("prompt", "none").str("id_token"))
		c.signedIn(1)
		if first["sub"] != second["sub"] || first["auth_time"] != second["auth_time"] {
			c.Errorf("%v, then %v", first, second)
		}
	},
	"oidcc-max-age-1": func(c conformance) {
		first := claims(c.T, c.tokens().str("id_token"))
		c.p.sleep(2 * time.Second)
		second := claims(c.T, c.tokens("max_age", "1").str("id_token"))
		c.signedIn(2)
		if first["auth_time"].(float64) >= second["auth_time"].(float64) {
			c.Errorf("auth_time %v, then %v", first["auth_time"], second["auth_time"])
		}
	},
	"oidcc-max-age-10000": func(c conformance) {
		first := claims(c.T, c.tokens().str("id_token"))
		second := claims(c.T, c.tokens("max_age", "10000").str("id_token"))
		c.signedIn(1)
		if first["auth_time"] != second["auth_time"] {
			c.Errorf("auth_time %v, then %v", first["auth_time"], second["auth_time"])
		}
	},
	"oidcc-ensure-request-with-unknown-parameter-succeeds": func(c conformance) { c.tokens("extra", "foobar") },
	"oidcc-id-token-hint": func(c conformance) {
		first := c.tokens()
		second := c.tokens("prompt", "none", "id_token_hint", first.str("id_token"))
		if claims(c.T, first.str("id_token"))["sub"] != claims(c.T, second.str("id_token"))["sub"] {
			c.Error("another user")
		}
	},
	"oidcc-login-hint": func(c conformance) {
		at := c.b.do("GET", "/oauth2/authorize?"+ask(c.a, "login_hint", "buffy@espalier.example").Encode(), nil)
		if got := c.b.do("GET", at.Header.Get("Location"), nil); !strings.Contains(got.text, `value="buffy@espalier.example"`) {
			c.Errorf("the sign-in does not show the address: %s", got.text)
		}
		c.tokens("login_hint", "buffy@espalier.example")
	},
	"oidcc-ui-locales":     func(c conformance) { c.tokens("ui_locales", "se") },
	"oidcc-claims-locales": func(c conformance) { c.tokens("claims_locales", "se") },
	"oidcc-ensure-request-with-acr-values-succeeds": func(c conformance) {
		if acr := claims(c.T, c.tokens("acr_values", "1 2").str("id_token"))["acr"]; acr != openid.ACRSingle {
			c.Errorf("acr %v", acr)
		}
	},
	"oidcc-codereuse":           func(c conformance) { c.codeReuse(0) },
	"oidcc-codereuse-30seconds": func(c conformance) { c.codeReuse(30 * time.Second) },
	"oidcc-ensure-registered-redirect-uri": func(c conformance) {
		c.page(ask(c.a, "redirect_uri", "https://app.example/callback/other"), 400, "not registered")
	},
	"oidcc-ensure-post-request-succeeds": func(c conformance) {
		v := ask(c.a)
		out, last := c.b.walk(c.b.do("POST", "/oauth2/authorize", v))
		c.redeem(c.b.told(v, out, last).Get("code"))
	},
	"oidcc-server-client-secret-post": func(c conformance) {
		v := url.Values{"grant_type": {"authorization_code"}, "code": {c.b.code(ask(c.a))}, "redirect_uri": {callback}, "client_id": {string(c.a.ID)}, "client_secret": {c.a.secret}}
		c.p.send(c.T, "POST", "/oauth2/token", v, func(*http.Request) {}).want(c.T, 200, "")
	},
	"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": func(c conformance) {
		c.refused("request_uri_not_supported", "request_uri", "https://app.example/request.jwt")
	},
	"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": func(c conformance) {
		c.refused("request_not_supported", "request", unsigned(`{"alg":"none"}`, `{"state":"other"}`))
	},
	"oidcc-ensure-request-object-with-redirect-uri": func(c conformance) {
		c.refused("request_not_supported", "request", unsigned(`{"alg":"none"}`, `{"redirect_uri":"https://evil.example/"}`))
	},
	"oidcc-claims-essential": func(c conformance) { c.tokens("claims", `{"userinfo":{"name":{"essential":true}}}`) },
	"oidcc-refresh-token":    conformRefresh,
	"oidcc-ensure-request-with-valid-pkce-succeeds": func(c conformance) {
		verifier := strings.Repeat("k", 64)
		sum := sha256.Sum256([]byte(verifier))
		code := c.b.code(ask(c.a, "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256"))
		c.p.redeem(c.T, c.a, code, "code_verifier", verifier).want(c.T, 200, "")
	},
	"oidcc-discovery-endpoint-verification": conformDiscovery,
	"oidcc-idtoken-rs256":                   conformSignature,
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newIDP(t, db)
		for name, test := range suite {
			t.Run(name, func(t *testing.T) { test(conformance{t, p, p.register(t, p.Root, false), p.person(t, ada)}) })
		}
	})
}

func unsigned(header, payload string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "."
}

func (c conformance) tokens(more ...string) answer { c.Helper(); return c.b.tokens(c.a, more...) }

func (c conformance) redeem(code string) answer {
	c.Helper()
	return c.p.redeem(c.T, c.a, code).want(c.T, 200, "")
}

// refused expects that the application is told an error.
func (c conformance) refused(code string, more ...string) {
	c.Helper()
	if got := c.b.authorize(ask(c.a, more...)); got.Get("error") != code || got.Has("code") {
		c.Errorf("told %v, want %s", got, code)
	}
}

// page expects that the person is told an error, and the application nothing.
func (c conformance) page(v url.Values, status int, text string) {
	c.Helper()
	got := c.b.do("GET", "/oauth2/authorize?"+v.Encode(), nil)
	if got.StatusCode != status || !strings.Contains(got.text, text) || got.Header.Get("Location") != "" {
		c.Errorf("%v: got %d to %q, %s; want %d, %q", v, got.StatusCode, got.Header.Get("Location"), got.text, status, text)
	}
}

func (c conformance) signedIn(times int) {
	c.Helper()
	if c.b.signIns != times {
		c.Errorf("%d sign-ins, want %d", c.b.signIns, times)
	}
}

func (c conformance) info(scope string) answer {
	c.Helper()
	return c.p.userInfo(c.T, c.tokens("scope", scope).str("access_token")).want(c.T, 200, "")
}

func (c conformance) has(a answer, members ...string) {
	c.Helper()
	members = append(members, openid.ClaimOrganization, openid.ClaimCapabilities, openid.ClaimRoles)
	for name := range a.body {
		if i := slices.Index(members, name); i >= 0 {
			members = slices.Delete(members, i, i+1)
		}
	}
	if len(members) > 0 {
		c.Errorf("%s lacks %v", a.text, members)
	}
}

func (c conformance) sameSubject(a answer) {
	c.Helper()
	a.want(c.T, 200, "")
	if want := "user:" + c.p.user(c.T, ada).String(); a.str("sub") != want {
		c.Errorf("sub %q, want %q", a.str("sub"), want)
	}
}

func (c conformance) codeReuse(after time.Duration) {
	code := c.b.code(ask(c.a))
	first := c.redeem(code)
	c.p.sleep(after)
	c.p.redeem(c.T, c.a, code).want(c.T, 400, "invalid_grant")
	c.p.userInfo(c.T, first.str("access_token")).want(c.T, 401, "invalid_token")
}

func conformServer(c conformance) {
	got := c.tokens()
	if got.str("token_type") != "Bearer" || got.body["expires_in"] != 3600.0 || got.body["refresh_token"] != nil {
		c.Errorf("answer: %s", got.text)
	}
	for header, want := range map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json"} {
		if got.header.Get(header) != want {
			c.Errorf("%s: %q, want %q", header, got.header.Get(header), want)
		}
	}
	id := claims(c.T, got.str("id_token"))
	sum := sha256.Sum256([]byte(got.str("access_token")))
	for name, want := range map[string]any{"iss": c.p.server.URL, "sub": "user:" + c.p.user(c.T, ada).String(), "aud": string(c.a.ID), "nonce": "n-1",
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])} {
		if id[name] != want {
			c.Errorf("%s: got %v, want %v", name, id[name], want)
		}
	}
	if lives := id["exp"].(float64) - id["iat"].(float64); lives != 3600 || id["auth_time"].(float64) > id["iat"].(float64) {
		c.Errorf("times: %v", id)
	}
}

func conformRefresh(c conformance) {
	first := c.tokens("scope", "openid offline_access")
	second := c.p.renew(c.T, c.a, first.str("refresh_token")).want(c.T, 200, "")
	was, is := claims(c.T, first.str("id_token")), claims(c.T, second.str("id_token"))
	for _, name := range []string{"iss", "sub", "aud", "auth_time"} {
		if was[name] != is[name] {
			c.Errorf("%s: %v, then %v", name, was[name], is[name])
		}
	}
	if second.str("refresh_token") == "" || second.str("refresh_token") == first.str("refresh_token") || is["nonce"] != nil {
		c.Errorf("renewed: %s, %v", second.text, is)
	}
	c.p.userInfo(c.T, second.str("access_token")).want(c.T, 200, "")
	other := c.p.register(c.T, c.p.Root, false)
	c.p.renew(c.T, other, second.str("refresh_token")).want(c.T, 400, "invalid_grant")
	c.p.renew(c.T, c.a, second.str("refresh_token")).want(c.T, 200, "")
}

func conformDiscovery(c conformance) {
	got := c.p.send(c.T, "GET", "/.well-known/openid-configuration", nil, func(r *http.Request) { r.Header.Set("Origin", "https://app.example") }).want(c.T, 200, "")
	for name, want := range map[string]string{
		"issuer": "", "authorization_endpoint": "/oauth2/authorize", "token_endpoint": "/oauth2/token", "userinfo_endpoint": "/oauth2/userinfo",
		"jwks_uri": "/.well-known/jwks.json", "introspection_endpoint": "/oauth2/introspect", "revocation_endpoint": "/oauth2/revoke", "end_session_endpoint": "/oauth2/logout",
	} {
		if got.str(name) != c.p.server.URL+want {
			c.Errorf("%s: got %q, want %q", name, got.str(name), want)
		}
	}
	for name, want := range map[string]string{"response_types_supported": "code", "subject_types_supported": "public", "id_token_signing_alg_values_supported": "RS256",
		"scopes_supported": "openid", "grant_types_supported": "refresh_token", "code_challenge_methods_supported": "S256", "claims_supported": openid.ClaimRoles} {
		if list, _ := got.body[name].([]any); !slices.Contains(list, any(want)) {
			c.Errorf("%s: got %v, want %s among them", name, got.body[name], want)
		}
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		c.Errorf("headers: %v", got.header)
	}
	if got.body["request_uri_parameter_supported"] != false || got.body["authorization_response_iss_parameter_supported"] != true {
		c.Errorf("discovery: %s", got.text)
	}
}

// conformSignature verifies an ID token by the published keys alone.
func conformSignature(c conformance) {
	got := c.tokens()
	res, err := http.Get(c.p.server.URL + "/.well-known/jwks.json")
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&keys); err != nil {
		c.Fatal(err)
	}
	for _, k := range keys.Keys {
		if !k.IsPublic() || !k.Valid() || k.Use != "sig" {
			c.Errorf("published key %s", k.KeyID)
		}
	}
	t, err := jwt.ParseSigned(got.str("id_token"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		c.Fatal(err)
	}
	var into map[string]any
	if err := t.Claims(&keys, &into); err != nil || into["sub"] == nil {
		c.Errorf("claims %v, %v", into, err)
	}
}
