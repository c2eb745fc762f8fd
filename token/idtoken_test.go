package token

import (
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"espalier.dev/access"
	"espalier.dev/errs"
)

// There is no RSA key before one is asked for; from then on it is published, and followed by others as the first ends.
func TestIDTokens(t *testing.T) {
	t.Parallel()
	s, m, c, refresh := made(t)
	if n := len(s.JWKS().Keys); n != 1 {
		t.Fatalf("%d keys before the first ID token, want 1", n)
	}
	if err := s.ReadyID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.JWKS().Keys); n != 2 {
		t.Fatalf("%d keys are published, want 2", n)
	}
	text, err := s.SignID(t.Context(), map[string]any{"sub": "user:12"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Subject string `json:"sub"`
	}
	if err := s.VerifyID(t.Context(), text, &got); err != nil || got.Subject != "user:12" {
		t.Fatalf("%+v, %v", got, err)
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || parsed.Headers[0].ExtraHeaders[jose.HeaderType] != "JWT" {
		t.Errorf("headers %+v, %v", parsed.Headers, err)
	}
	// Neither kind is taken for the other.
	if _, err := s.Authenticate(t.Context(), text); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("an ID token as an access token: %v", err)
	}
	if err := s.VerifyID(t.Context(), issue(t, s, refresh), &got); errs.KindOf(err) != errs.Invalid {
		t.Errorf("an access token as an ID token: %v", err)
	}
	if err := s.VerifyID(t.Context(), text[:strings.LastIndexByte(text, '.')+1]+"AAAA", &got); errs.KindOf(err) != errs.Invalid {
		t.Errorf("another signature: %v", err)
	}

	c.move(keyUse - keyPublish + time.Hour)
	if err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.look(func() {
		if n := len(forID.of(m.keys)); n != 2 {
			t.Errorf("%d RSA keys when the first is about to end, want 2", n)
		}
	})
	c.move(keyPublish)
	next, err := s.SignID(t.Context(), map[string]any{"sub": "user:12"})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := jwt.ParseSigned(next, []jose.SignatureAlgorithm{jose.RS256}); err != nil || again.Headers[0].KeyID == parsed.Headers[0].KeyID {
		t.Errorf("signed with the key that has ended, or: %v", err)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	s, m, _, refresh := made(t)
	own := issue(t, s, refresh)
	caller, err := s.Authenticate(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.IssueFor(t.Context(), access.Principal{User: caller.User}, caller.Session, "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(t.Context(), g.AccessToken); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("a token for elsewhere at the API: %v", err)
	}
	b, err := s.Inspect(t.Context(), g.AccessToken, "here", "elsewhere")
	if err != nil || b.Session != caller.Session || b.Subject != Subject(access.Principal{User: caller.User}) || b.Expiry.Sub(b.IssuedAt) != AccessLife {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := s.Inspect(t.Context(), g.AccessToken, "here"); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("another audience: %v", err)
	}
	m.look(func() { clear(m.tokens) })
	if _, err := s.Inspect(t.Context(), g.AccessToken, "elsewhere"); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("without its session: %v", err)
	}
}
