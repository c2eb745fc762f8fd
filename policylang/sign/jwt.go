package sign

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// JWT fetches a token from an address, by an API key, by basic authentication or by nothing, and sends it as a bearer token.
// The credential service stores no such credential any more; older templates write one.
type JWT struct {
	TokenURL          string
	APIKey            *APIKey // proves the request for a token; nil if it does not
	Basic             *Basic  // likewise; not both
	AdditionalHeaders http.Header
}

// Scheme is jwt.
func (JWT) Scheme() Scheme { return SchemeJWT }

// Format prints scheme and address only.
func (c JWT) Format(f fmt.State, _ rune) { formatted(f, c, c.TokenURL) }

// Secrets is the API key or the password.
func (c JWT) Secrets() []string {
	var secrets []string
	if c.APIKey != nil {
		secrets = append(secrets, c.APIKey.Secrets()...)
	}
	if c.Basic != nil {
		secrets = append(secrets, c.Basic.Secrets()...)
	}
	return secrets
}

func (c JWT) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	return s.sendBearer(contentKey(c), func(token) (token, time.Time, error) { return s.fetchJWT(req.Context(), c) }, req, body)
}

func (s *Signer) fetchJWT(ctx context.Context, c JWT) (token, time.Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.TokenURL, nil)
	if err != nil {
		return token{}, time.Time{}, err
	}
	r := outgoing(req, nil)
	r.Header.Set("Accept", "application/json")
	if c.APIKey != nil {
		c.APIKey.sign(r)
	}
	if c.Basic != nil {
		c.Basic.sign(r)
	}
	for name, values := range c.AdditionalHeaders {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	now := s.now()
	status, text, err := s.ask(r)
	if err != nil {
		return token{}, time.Time{}, err
	}
	access, end := jwtIn(text, now)
	if status < 200 || status > 299 || access == "" {
		return token{}, time.Time{}, &TokenError{Host: r.URL.Host, Status: status, Description: "no token, either as the whole answer or as its access_token, token, jwt or id_token"}
	}
	return token{access: Secret(access), at: now}, until(now, end), nil
}

// wholeJWT is a text that is a token and nothing else.
var wholeJWT = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]*$`)

// jwtIn finds a token in an answer, which is one or has one among its members, and when it ends; "" if there is none.
func jwtIn(text []byte, now time.Time) (string, time.Time) {
	found := strings.TrimSpace(string(text))
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) == nil {
		found = ""
		for _, name := range []string{"access_token", "token", "jwt", "id_token"} {
			if json.Unmarshal(members[name], &found) == nil && found != "" {
				break
			}
		}
	} else if json.Unmarshal(text, &found) != nil && !wholeJWT.MatchString(found) {
		return "", now
	}
	if !httpguts.ValidHeaderFieldValue(found) {
		return "", now
	}
	life := tokenAnswer{ExpiresIn: members["expires_in"]}.life()
	if end, ok := jwtEnd(found); ok && len(members["expires_in"]) == 0 {
		return found, end
	}
	return found, now.Add(life)
}

// jwtEnd reads the exp claim of a JWT, whose signature is its issuer's business.
func jwtEnd(jwt string) (time.Time, bool) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Exp), 0), true
}
