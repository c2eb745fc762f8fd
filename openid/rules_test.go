package openid

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
	"espalier.dev/signin"
)

func TestCheckURI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		uri            string
		secret, public bool // good for an application with a secret, for a public one
	}{
		{"https://app.example/callback", true, true},
		{"https://app.example", true, true},
		{"https://app.example:8443/a/b/?x=1&y=%20", true, true},
		{"http://127.0.0.1:8765/back", true, true},
		{"http://[::1]/back", true, true},
		{"http://localhost/back", true, true},
		{"com.example.app:/back", false, true},
		{"http://app.example/back", false, false},
		{"http://127.0.0.1.evil.example/back", false, false},
		{"http://0.0.0.0/", false, false},
		{"https://app.example/#", false, false},
		{"https://app.example/back#x", false, false},
		{"https://user@app.example/", false, false},
		{"https://user:pw@app.example/", false, false},
		{"https://app.example/a/../b", false, false},
		{"https://app.example/a/./b", false, false},
		{"https://app.example/a/%2e%2e/b", false, false},
		{"https://app.example/a%2fb", false, false},
		{"https://app.example//b", false, false},
		{"https://*.example/", false, false},
		{"https://app.example/*", false, false},
		{"https://app.example\\@evil.example/", false, false},
		{"https://app.example/ä", false, false},
		{"https://app.example/ x", false, false},
		{"https://app.example/\n", false, false},
		{"https:///path", false, false},
		{"https:opaque", false, false},
		{"//app.example/", false, false},
		{"/back", false, false},
		{"", false, false},
		{"javascript:alert(1)", false, false},
		{"data:text/html,x", false, false},
		{"app:/back", false, false},
		{"com.example.app://host/back", false, false},
		{"com.example.app:back", false, false},
		{"https://app.example/" + strings.Repeat("a", maxURI), false, false},
	} {
		if got := checkURI(tt.uri, false); (got == "") != tt.secret {
			t.Errorf("checkURI(%q, with a secret): %q", tt.uri, got)
		}
		if got := checkURI(tt.uri, true); (got == "") != tt.public {
			t.Errorf("checkURI(%q, public): %q", tt.uri, got)
		}
	}
}

func TestDraftCheck(t *testing.T) {
	t.Parallel()
	good := Draft{Name: "Time sheets", RedirectURIs: []string{"https://app.example/"}}
	for _, tt := range []struct {
		name   string
		change func(*Draft)
		wrong  []string
	}{
		{"good", func(*Draft) {}, nil},
		{"no name", func(d *Draft) { d.Name = " " }, []string{"name: is empty"}},
		{"a long name", func(d *Draft) { d.Name = strings.Repeat("ä", 129) }, []string{"name: is 129 characters"}},
		{"a name of two directions", func(d *Draft) { d.Name = "a\u202eb" }, []string{"name: has a character"}},
		{"no address", func(d *Draft) { d.RedirectURIs = nil }, []string{"redirectUris: give at least one"}},
		{"all at once", func(d *Draft) { d.Name, d.LogoutURIs = "", []string{"x", "https://a.example/", "https://a.example/"} },
			[]string{"name: is empty", `logoutUris[0]: "x" is not`, "logoutUris[2]: is given twice"}},
		{"many", func(d *Draft) { d.LogoutURIs = slices.Repeat([]string{"https://a.example/"}, 21) }, []string{"logoutUris: are 21"}},
	} {
		d := good
		tt.change(&d)
		err := d.check(false)
		if (err == nil) != (tt.wrong == nil) || err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, want := range tt.wrong {
			if !strings.Contains(errs.Message(err), want) {
				t.Errorf("%s: %v, want %q in it", tt.name, err, want)
			}
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	session := func(ago time.Duration) signin.Session {
		return signin.Session{User: 12, Proofs: []signin.Proof{{Method: signin.Password, At: now.Add(-ago)}}}
	}
	old, fresh, nobody := session(time.Hour), session(0), signin.Session{}
	age := func(n uint) *uint { return &n }
	all := []string{ScopeOpenID, ScopeEmail}
	for _, tt := range []struct {
		name      string
		q         Request
		a         Application
		session   signin.Session
		consented []string
		standing  error
		need      Need
		refused   string
	}{
		{name: "nobody", session: nobody, need: NeedSignIn},
		{name: "first time", session: old, need: NeedConsent},
		{name: "allowed before", session: old, consented: all, need: NeedNothing},
		{name: "allowed less before", session: old, consented: all[:1], need: NeedConsent},
		{name: "asked again", q: Request{Prompt: []string{PromptConsent}}, session: old, consented: all, need: NeedConsent},
		{name: "no question", a: Application{SkipConsent: true}, session: old, need: NeedNothing},
		{name: "no question but to stay", q: Request{Scopes: []string{ScopeOpenID, ScopeOffline}}, a: Application{SkipConsent: true}, session: old, need: NeedConsent},
		{name: "the API is always asked for", q: Request{Scopes: []string{ScopeOpenID, ScopeAPI}}, a: Application{SkipConsent: true}, session: old, consented: Scopes, need: NeedConsent},
		{name: "an outsider", session: old, standing: errs.NotFoundf("no"), refused: AccessDenied},
		{name: "silent, nobody", q: Request{Prompt: []string{PromptNone}}, session: nobody, refused: LoginRequired},
		{name: "silent, not allowed", q: Request{Prompt: []string{PromptNone}}, session: old, refused: ConsentRequired},
		{name: "silent", q: Request{Prompt: []string{PromptNone}}, session: old, consented: all, need: NeedNothing},
		{name: "silent and old", q: Request{Prompt: []string{PromptNone}, MaxAge: age(60)}, session: old, consented: all, refused: LoginRequired},
		{name: "silent, another", q: Request{Prompt: []string{PromptNone}, Hint: 13}, session: old, consented: all, refused: LoginRequired},
		{name: "anew", q: Request{Prompt: []string{PromptLogin}}, session: old, consented: all, need: NeedProof},
		{name: "anew, done", q: Request{Prompt: []string{PromptLogin}}, session: fresh, consented: all, need: NeedNothing},
		{name: "another account", q: Request{Prompt: []string{PromptSelectAccount}}, session: old, consented: all, need: NeedProof},
		{name: "too old", q: Request{MaxAge: age(60)}, session: old, consented: all, need: NeedProof},
		{name: "old enough", q: Request{MaxAge: age(3600)}, session: old, consented: all, need: NeedNothing},
		{name: "age zero, done", q: Request{MaxAge: age(0)}, session: fresh, consented: all, need: NeedNothing},
		{name: "somebody else", q: Request{Hint: 13}, session: old, consented: all, need: NeedProof},
		{name: "still somebody else", q: Request{Hint: 13}, session: fresh, consented: all, refused: LoginRequired},
	} {
		q := tt.q
		q.At = now
		if q.Scopes == nil {
			q.Scopes = all
		}
		need, err := q.decide(tt.a, situation{session: tt.session, standing: tt.standing, consented: tt.consented, now: now})
		var code string
		if refused, ok := errors.AsType[*Error](err); ok {
			code = refused.Code
		}
		if need != tt.need || code != tt.refused {
			t.Errorf("%s: need %d, %v; want %d, %q", tt.name, need, err, tt.need, tt.refused)
		}
	}
}

func TestProveKey(t *testing.T) {
	t.Parallel()
	const verifier, s256 = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
	for _, tt := range []struct {
		challenge, verifier string
		ok                  bool
	}{
		{"", "", true}, {s256, verifier, true},
		{"", verifier, false}, {s256, "", false}, {s256, s256, false}, {verifier, verifier, false}, {s256, verifier + "a", false},
	} {
		if err := proveKey(tt.challenge, tt.verifier); (err == nil) != tt.ok {
			t.Errorf("proveKey(%q, %q): %v", tt.challenge, tt.verifier, err)
		}
	}
}

func FuzzCheckURI(f *testing.F) {
	for _, s := range []string{"https://app.example/cb", "com.example.app:/x", "http://[::1]:1/", "https://a/%2e%2e", "javascript:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkURI(s, true) != "" {
			return
		}
		lower := strings.ToLower(s)
		for _, bad := range []string{"javascript:", "data:", "file:", "vbscript:"} {
			if strings.HasPrefix(lower, bad) {
				t.Errorf("%q is taken", s)
			}
		}
		if strings.ContainsAny(s, "#\\ \r\n\t\x00*") {
			t.Errorf("%q is taken", s)
		}
	})
}
