package sign

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rsaKeyOnce = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsaKeyOnce()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pkcs1 and pkcs8 are the two forms of a key in PEM.
func pkcs1(t *testing.T) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey(t))}))
}

func pkcs8(t *testing.T) string {
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// issuer is a token endpoint at login.test and an API at any other host, which takes the last token given.
type issuer struct {
	t      *testing.T
	check  func(r *http.Request, form url.Values) // of a token request
	answer func(n int) (int, string)              // to the n-th token request, from 1; nil: a token for an hour

	mu      sync.Mutex
	asked   int
	revoked bool
	seen    []string // bearer tokens that the API saw
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	body := bodyOf(i.t, r)
	if r.Host != "login.test" {
		i.seen = append(i.seen, r.Header.Get("Authorization"))
		if i.revoked || r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", i.asked) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, body)
		return
	}
	form, err := url.ParseQuery(body)
	if err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("Accept") != "application/json" {
		i.t.Errorf("token request: %s %v %v", r.Method, r.Header, err)
	}
	if i.check != nil {
		i.check(r, form)
	}
	i.asked++
	i.revoked = false
	status, text := 200, fmt.Sprintf(`{"access_token":"t%d","token_type":"Bearer","expires_in":3600}`, i.asked)
	if i.answer != nil {
		status, text = i.answer(i.asked)
	}
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

func oauth2Members(grant string, params map[string]any) map[string]any {
	return map[string]any{"grantType": grant, "tokenUrl": "https://login.test/token", grantMembers[Grant(grant)]: params}
}

func TestOAuth2ClientCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		params map[string]any
		form   url.Values
		header map[string]string
	}{
		{"id and secret in the form", map[string]any{"clientId": "id", "clientSecret": "s&cret", "scopes": []any{"a", "b"}},
			url.Values{"grant_type": {"client_credentials"}, "client_id": {"id"}, "client_secret": {"s&cret"}, "scope": {"a b"}}, map[string]string{"Authorization": ""}},
		// RFC 6749, section 2.3.1: the example's client, and one that needs escaping
		{"basic", map[string]any{"clientUser": "s6BhdRkqt3", "clientPassword": "7Fjfp0ZBr1KtDRbnfVdmIw"},
			url.Values{"grant_type": {"client_credentials"}}, map[string]string{"Authorization": "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"}},
		{"basic, escaped", map[string]any{"clientUser": "a:b", "clientPassword": "c d"},
			url.Values{"grant_type": {"client_credentials"}}, map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("a%3Ab:c+d"))}},
		{"additional", map[string]any{"clientId": "id", "clientSecret": "x",
			"additionalParams":  map[string]any{"audience": "https://api.test", "n": json.Number("12"), "b": true, "list": []any{"p", "q"}, "object": map[string]any{"k": "v"}, "grant_type": "account_credentials", "none": nil},
			"additionalHeaders": map[string]any{"x-tenant": []any{"blue"}, "accept": "application/json"}},
			url.Values{"grant_type": {"account_credentials"}, "client_id": {"id"}, "client_secret": {"x"}, "audience": {"https://api.test"}, "n": {"12"}, "b": {"true"}, "list": {"p", "q"}, "object": {`{"k":"v"}`}},
			map[string]string{"X-Tenant": "blue"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{t: t, check: func(r *http.Request, form url.Values) {
				if d := cmp.Diff(form, c.form); d != "" {
					t.Errorf("form (-got +want):\n%s", d)
				}
				for name, want := range c.header {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s: got %q, want %q", name, got, want)
					}
				}
			}}
			s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip})
			cred := parse(t, SchemeOAuth2, oauth2Members("client_credentials", c.params))
			for range 2 {
				if status, body := send(t, s, cred, "POST", "https://api.test/x", "hello"); status != 200 || body != "hello" {
					t.Errorf("got %d %q", status, body)
				}
			}
			if i.asked != 1 {
				t.Errorf("got %d token requests, want 1", i.asked)
			}
		})
	}
}

// verifyJWT checks an RS256 signature by RFC 7515, section 5.2, and returns header and claims.
func verifyJWT(t *testing.T, text string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("JWT %q", text)
	}
	decode := func(s string, into any) {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatalf("JWT part %q: %v", s, err)
		}
	}
	decode(parts[0], &header)
	decode(parts[1], &claims)
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&rsaKey(t).PublicKey, crypto.SHA256, sum[:], signature); err != nil {
		t.Errorf("signature of %s: %v", text, err)
	}
	return header, claims
}

func TestOAuth2JWTBearer(t *testing.T) {
	t.Parallel()
	c := at("20261125T120000Z")
	now := float64(c.now().Unix())
	for _, tc := range []struct {
		name   string
		params map[string]any
		claims map[string]any
		scope  string
	}{
		{"the least", map[string]any{"iss": "robot", "signingKey": pkcs1(t)}, map[string]any{"iss": "robot", "aud": "https://login.test/token", "iat": now, "exp": now + 3600}, ""},
		{"everything", map[string]any{"iss": "robot", "sub": "ada", "aud": "them", "alg": "RS256", "maxMinutes": 30, "signingKey": strings.ReplaceAll(pkcs8(t), "\n", `\n`),
			"scopes": []any{"a", "b"}, "additionalClaims": map[string]any{"tenant": "blue", "n": 1, "iss": "other"}},
			map[string]any{"iss": "robot", "sub": "ada", "aud": "them", "iat": now, "exp": now + 1800, "scope": "a b", "tenant": "blue", "n": 1.0}, "a b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{t: t, check: func(_ *http.Request, form url.Values) {
				header, claims := verifyJWT(t, form.Get("assertion"))
				form.Del("assertion")
				want := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}}
				if tc.scope != "" {
					want.Set("scope", tc.scope)
				}
				for _, d := range []string{cmp.Diff(form, want), cmp.Diff(claims, tc.claims), cmp.Diff(header, map[string]any{"alg": "RS256", "typ": "JWT"})} {
					if d != "" {
						t.Errorf("(-got +want):\n%s", d)
					}
				}
			}}
			s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip, Now: c.now})
			if status, _ := send(t, s, parse(t, SchemeOAuth2, oauth2Members("jwt_bearer", tc.params)), "GET", "https://api.test/", ""); status != 200 {
				t.Errorf("got %d, want 200", status)
			}
		})
	}
}

func TestOAuth2ClientAssertion(t *testing.T) {
	t.Parallel()
	c := at("20261125T120000Z")
	now := float64(c.now().Unix())
	var jtis []string
	i := &issuer{t: t, check: func(_ *http.Request, form url.Values) {
		header, claims := verifyJWT(t, form.Get("client_assertion"))
		form.Del("client_assertion")
		jtis = append(jtis, fmt.Sprint(claims["jti"]))
		delete(claims, "jti")
		for _, d := range []string{
			cmp.Diff(form, url.Values{"grant_type": {"client_credentials"}, "client_id": {"robot"}, "scope": {".default"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}),
			cmp.Diff(claims, map[string]any{"iss": "robot", "sub": "robot", "aud": "https://login.test/token", "iat": now, "exp": now + 3600}),
			cmp.Diff(header, map[string]any{"alg": "RS256", "typ": "JWT", "x5t": "thumb", "kid": "k1"}),
		} {
			if d != "" {
				t.Errorf("(-got +want):\n%s", d)
			}
		}
	}}
	s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip, Now: c.now})
	for _, scope := range []string{"first", "second"} { // two credentials, two tokens
		cred := parse(t, SchemeOAuth2, oauth2Members("client_credentials", map[string]any{"clientId": "robot", "scopes": []any{".default"},
			"additionalHeaders": map[string]any{"X-Run": []any{scope}},
			"clientAssertion":   map[string]any{"assertionType": "jwt_bearer", "jwtBearerParams": map[string]any{"iss": "robot", "signingKey": pkcs8(t), "includeJti": true, "jwtHeaders": map[string]any{"x5t": "thumb", "kid": "k1"}}}}))
		send(t, s, cred, "GET", "https://api.test/", "")
	}
	if len(jtis) != 2 || jtis[0] == jtis[1] || len(jtis[0]) != 32 {
		t.Errorf("jti: got %q, want two that differ", jtis)
	}
}

func TestOAuth2RefreshToken(t *testing.T) {
	t.Parallel()
	c := at("20261125T120000Z")
	want := "first"
	i := &issuer{t: t, check: func(r *http.Request, form url.Values) {
		if d := cmp.Diff(form, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {want}, "scope": {"a"}}); d != "" {
			t.Errorf("form (-got +want):\n%s", d)
		}
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			t.Errorf("client: got %s:%s", user, password)
		}
	}, answer: func(n int) (int, string) {
		want = "second"
		return 200, fmt.Sprintf(`{"access_token":"t%d","expires_in":"1200","refresh_token":"second"}`, n)
	}}
	var told []string
	s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip, Now: c.now, Rotated: func(c OAuth2, token Secret) { told = append(told, c.Token.Reveal()+" "+token.Reveal()) }})
	cred := parse(t, SchemeOAuth2, oauth2Members("refresh_token", map[string]any{"token": "first", "clientUser": "u", "clientPassword": "p", "scopes": []string{"a"}}))
	for _, step := range []struct {
		wait  time.Duration
		asked int
	}{{0, 1}, {14 * time.Minute, 1}, {2 * time.Minute, 2}, {16 * time.Minute, 3}} {
		c.move(step.wait)
		if status, _ := send(t, s, cred, "GET", "https://api.test/", ""); status != 200 || i.asked != step.asked {
			t.Errorf("%s later: got %d after %d token requests, want 200 after %d", step.wait, status, i.asked, step.asked)
		}
	}
	if d := cmp.Diff(told, []string{"first second"}); d != "" {
		t.Errorf("Rotated (-got +want):\n%s", d)
	}
	if secrets := strings.Join(s.Secrets(cred), " "); !strings.Contains(secrets, "t3") || !strings.Contains(secrets, "second") {
		t.Errorf("Secrets: %q lacks the tokens in use", secrets)
	}
}

func TestOAuth2Revoked(t *testing.T) {
	t.Parallel()
	c := at("20261125T120000Z")
	i := &issuer{t: t}
	s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip, Now: c.now})
	cred := parse(t, SchemeOAuth2, oauth2Members("client_credentials", map[string]any{"clientId": "id"}))
	send(t, s, cred, "GET", "https://api.test/", "")
	i.revoked = true
	if status, _ := send(t, s, cred, "GET", "https://api.test/", ""); status != 401 || i.asked != 1 {
		t.Errorf("a token of this minute: got %d after %d token requests, want 401 after 1", status, i.asked)
	}
	c.move(2 * time.Minute)
	if status, body := send(t, s, cred, "POST", "https://api.test/", "again"); status != 200 || body != "again" || i.asked != 2 {
		t.Errorf("an older token: got %d %q after %d token requests, want 200 after 2", status, body, i.asked)
	}
}

func TestOAuth2Refusals(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 500)
	for _, c := range []struct {
		status       int
		answer, want string
		temporary    bool
	}{
		{401, `{"error":"invalid_client","error_description":"no client s3cret-value\nhere"}`, "answered 401 invalid_client: no client [secret] here", false},
		{400, `{"error":{"code":7,"message":"bad"}}`, "answered 400 bad", false},
		{200, `{"error":"bad_verification_code"}`, "answered 200 bad_verification_code", false},
		{400, `{"error":"invalid_grant","error_description":"` + long + `"}`, "answered 400 invalid_grant: " + long[:300] + "…", false},
		{400, `{"error":"e","error_description":"got eyJhbGciOi.eyJpc3Mi.c2ln"}`, "answered 400 e: got [secret]", false},
		{503, `<html>`, "answered 503", true},
		{429, ``, "answered 429", true},
		{302, ``, "answered 302", false},
		{200, `<html>`, "answered 200: the answer is no JSON", false},
		{200, `{}`, "answered 200: the answer has no access_token", false},
		{200, `{"access_token":"a\nb"}`, "answered 200: the access_token holds characters that no header may", false},
	} {
		i := &issuer{t: t, answer: func(int) (int, string) { return c.status, c.answer }}
		s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip})
		cred := parse(t, SchemeOAuth2, oauth2Members("client_credentials", map[string]any{"clientId": "id", "clientSecret": "s3cret-value"}))
		_, err := s.Do(t.Context(), cred, request(t, "GET", "https://api.test/"), nil)
		refused, ok := errors.AsType[*TokenError](err)
		if !ok || err.Error() != "signing failed: login.test "+c.want || refused.Temporary() != c.temporary {
			t.Errorf("%d %s: got %v, want %s", c.status, c.answer, err, c.want)
		}
		if len(i.seen) != 0 {
			t.Errorf("%d %s: the request was sent nevertheless", c.status, c.answer)
		}
	}
}

func TestOAuth2BadKeys(t *testing.T) {
	t.Parallel()
	s := newSigner(t, Config{Do: nobody})
	for _, key := range []string{"hush-hush", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		cred := parse(t, SchemeOAuth2, oauth2Members("jwt_bearer", map[string]any{"iss": "robot", "signingKey": key}))
		_, err := s.Do(t.Context(), cred, request(t, "GET", "https://api.test/"), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "signingKey: is no") {
			t.Errorf("got %v, want an error that names signingKey", err)
		}
		noSecret(t, fmt.Sprint(err), "hush-hush", "AAAA")
	}
}

func TestOAuth2Together(t *testing.T) {
	t.Parallel()
	i := &issuer{t: t}
	s := newSigner(t, Config{Do: serving(t, i.ServeHTTP).RoundTrip})
	cred := parse(t, SchemeOAuth2, oauth2Members("client_credentials", map[string]any{"clientId": "id"}))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			answer, err := s.Do(t.Context(), cred, request(t, "GET", "https://api.test/"), nil)
			if err != nil || answer.StatusCode != 200 {
				t.Errorf("got %v %v", answer, err)
				return
			}
			_ = answer.Body.Close()
		})
	}
	all.Wait()
	if i.asked != 1 {
		t.Errorf("got %d token requests of 20 together, want 1", i.asked)
	}
}

// Who waits for a token that another is fetching leaves when its own time is over, and does not fail by the other's.
func TestOAuth2Cancelled(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan struct{}), make(chan struct{})
	calls := 0
	s := newSigner(t, Config{Do: func(r *http.Request) (*http.Response, error) {
		if calls++; calls > 1 {
			return nil, errors.New("the second asks for itself")
		}
		close(began)
		<-goOn
		return nil, r.Context().Err()
	}})
	cred := OAuth2{TokenURL: "https://login.test/", Grant: ClientCredentials, ClientID: "id"}
	first, cancelFirst := context.WithCancel(t.Context())
	failed := make(chan error)
	do := func(ctx context.Context) {
		_, err := s.Do(ctx, cred, request(t, "GET", "https://api.test/"), nil)
		failed <- err
	}
	go do(first)
	<-began
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	go do(impatient)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("impatient: got %v, want its own cancelling", err)
	}
	cancelFirst()
	close(goOn)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("first: got %v, want its own cancelling", err)
	}
	go do(t.Context())
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "asks for itself") {
		t.Errorf("second: got %v, want an attempt of its own", err)
	}
}

func TestJWTScheme(t *testing.T) {
	t.Parallel()
	exp := at("20261125T120000Z").now().Add(20 * time.Minute).Unix()
	signed := "e30." + base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"exp":%d}`, exp))) + ".c2ln"
	for _, c := range []struct {
		name         string
		in           map[string]any
		header, want string
		answer       string
		token        string
	}{
		{"key", map[string]any{"api_key": "k", "location": "header", "field": "X-Key", "type": ""}, "X-Key", "k", `{"token":"abc"}`, "abc"},
		{"basic", map[string]any{"basic_auth_username": "u", "basic_auth_password": "p"}, "Authorization", "Basic dTpw", signed, signed},
		{"neither", map[string]any{"additional_headers": map[string]any{"X-More": "m"}}, "X-More", "m", `"a.b.c"`, "a.b.c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock, asked := at("20261125T120000Z"), 0
			s := newSigner(t, Config{Now: clock.now, Do: serving(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Host == "login.test" {
					asked++
					if got := r.Header.Get(c.header); got != c.want {
						t.Errorf("%s: got %q, want %q", c.header, got, c.want)
					}
					fmt.Fprint(w, c.answer)
				} else if got := r.Header.Get("Authorization"); got != "Bearer "+c.token {
					t.Errorf("Authorization: got %q, want the token %s", got, c.token)
				}
			}).RoundTrip})
			c.in["token_url"] = "https://login.test/token"
			cred := parse(t, SchemeJWT, c.in)
			send(t, s, cred, "GET", "https://api.test/", "")
			send(t, s, cred, "GET", "https://api.test/", "")
			if asked != 1 {
				t.Errorf("got %d token requests, want 1", asked)
			}
			clock.move(16 * time.Minute) // 20 minutes by its own claim, 10 without any
			if send(t, s, cred, "GET", "https://api.test/", ""); asked != 2 {
				t.Errorf("at the end: got %d token requests, want 2", asked)
			}
		})
	}
	s := newSigner(t, Config{Do: serving(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>a.b.c</html>") }).RoundTrip})
	if _, err := s.Do(t.Context(), JWT{TokenURL: "https://login.test/"}, request(t, "GET", "https://api.test/"), nil); err == nil || !strings.Contains(err.Error(), "no token") {
		t.Errorf("got %v, want an error that says what is lacking", err)
	}
}
