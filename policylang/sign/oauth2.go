package sign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Grant is how an OAuth 2 access token is asked for.
type Grant string

// The grants.
const (
	ClientCredentials Grant = "client_credentials" // RFC 6749, section 4.4
	JWTBearer         Grant = "jwt_bearer"         // RFC 7523, section 2.1
	RefreshToken      Grant = "refresh_token"      // RFC 6749, section 6
)

// OAuth2 fetches an access token and sends it as a bearer token (RFC 6750).
type OAuth2 struct {
	TokenURL string
	Grant    Grant

	// ClientID and ClientSecret are sent in the form, ClientUser and ClientPassword by basic authentication.
	ClientID       string
	ClientSecret   Secret
	ClientUser     string
	ClientPassword Secret
	// ClientAssertion proves the client by a JWT (RFC 7523, section 2.2); nil if it does not.
	ClientAssertion *Assertion
	// Bearer is the assertion of the grant jwt_bearer; nil for others.
	Bearer *Assertion
	// Token is the refresh token of the grant refresh_token.
	Token Secret

	Scopes []string
	// AdditionalParams are set in the form after everything else, so that they may replace it: some vendors have a grant_type of their own.
	AdditionalParams url.Values
	// AdditionalHeaders are set in the token request after everything else.
	AdditionalHeaders http.Header
}

// Scheme is oauth2.
func (OAuth2) Scheme() Scheme { return SchemeOAuth2 }

// Format prints scheme and address only.
func (c OAuth2) Format(f fmt.State, _ rune) { formatted(f, c, c.TokenURL) }

// secretName is how the names of parameters and headers look that hold secrets.
var secretName = regexp.MustCompile(`(?i)secret|passw|token|assertion|key|authorization`)

// Secrets is whatever proves the client or the grant, and those additional parameters and headers whose names sound like it.
func (c OAuth2) Secrets() []string {
	secrets := []Secret{c.ClientSecret, c.ClientPassword, c.Token}
	if c.ClientPassword != "" {
		secrets = append(secrets, Secret(c.clientBasic()))
	}
	for _, a := range []*Assertion{c.ClientAssertion, c.Bearer} {
		if a != nil {
			secrets = append(secrets, a.SigningKey)
		}
	}
	for _, additional := range []map[string][]string{c.AdditionalParams, c.AdditionalHeaders} {
		for _, name := range slices.Sorted(maps.Keys(additional)) {
			if secretName.MatchString(name) {
				for _, value := range additional[name] {
					secrets = append(secrets, Secret(value))
				}
			}
		}
	}
	return secretForms(secrets...)
}

// clientBasic is user and password of the client, which are escaped for a form first (RFC 6749, section 2.3.1).
func (c OAuth2) clientBasic() string {
	return basicAuth(url.QueryEscape(c.ClientUser), Secret(url.QueryEscape(c.ClientPassword.Reveal())))
}

// token is what a token endpoint gave.
type token struct {
	access  Secret
	refresh Secret // that replaced the credential's; "" if none did
	at      time.Time
}

// freshFor is how long a token counts as new: refused within it, it would be refused when fetched again. Some systems say 401 for what
// a user may not see, and must not cost a token each time.
const freshFor = time.Minute

// send sends the request with a token. One from memory that is refused, as revoked tokens are, is fetched anew, once.
func (c OAuth2) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	key := contentKey(c)
	return s.sendBearer(key, func(old token) (token, time.Time, error) { return s.fetchToken(req.Context(), c, old) }, req, body)
}

func (s *Signer) sendBearer(key string, fetch func(token) (token, time.Time, error), req *http.Request, body []byte) (*http.Response, error) {
	t, err := s.tokens.get(req.Context(), key, s.now, fetch)
	if err != nil {
		return nil, err
	}
	answer, err := s.do(bearing(t, req, body))
	if err != nil || answer.StatusCode != http.StatusUnauthorized || s.now().Sub(t.at) < freshFor {
		return answer, err
	}
	discard(answer)
	s.tokens.expire(key, t)
	if t, err = s.tokens.get(req.Context(), key, s.now, fetch); err != nil {
		return nil, err
	}
	return s.do(bearing(t, req, body))
}

func bearing(t token, req *http.Request, body []byte) *http.Request {
	r := outgoing(req, body)
	r.Header.Set("Authorization", "Bearer "+t.access.Reveal())
	return r
}

// fetchToken asks for an access token; old is the one before, whose refresh token may have replaced the credential's.
func (s *Signer) fetchToken(ctx context.Context, c OAuth2, old token) (token, time.Time, error) {
	asking := c
	if c.Grant == RefreshToken && old.refresh != "" {
		asking.Token = old.refresh
	}
	req, body, err := s.tokenRequest(ctx, asking)
	if err != nil {
		return old, time.Time{}, err
	}
	now := s.now()
	got, err := s.askToken(outgoing(req, body))
	if err != nil {
		return old, time.Time{}, err
	}
	t := token{access: Secret(got.AccessToken), refresh: old.refresh, at: now}
	if c.Grant == RefreshToken && got.RefreshToken != "" && Secret(got.RefreshToken) != asking.Token {
		t.refresh = Secret(got.RefreshToken)
		if s.rotated != nil {
			s.rotated(c, t.refresh)
		}
	}
	return t, until(now, now.Add(got.life())), nil
}

// tokenRequest is the request for an access token and its form.
func (s *Signer) tokenRequest(ctx context.Context, c OAuth2) (*http.Request, []byte, error) {
	form := url.Values{"grant_type": {string(c.Grant)}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	switch c.Grant {
	case RefreshToken:
		form.Set("refresh_token", c.Token.Reveal())
	case JWTBearer:
		if c.Bearer == nil {
			return nil, nil, errors.New("the credential of the grant jwt_bearer has no assertion")
		}
		assertion, err := s.assertion(*c.Bearer, c.TokenURL, c.Scopes)
		if err != nil {
			return nil, nil, err
		}
		form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", assertion)
	}
	if c.ClientID != "" {
		form.Set("client_id", c.ClientID)
	}
	if c.ClientSecret != "" {
		form.Set("client_secret", c.ClientSecret.Reveal())
	}
	if c.ClientAssertion != nil {
		assertion, err := s.assertion(*c.ClientAssertion, c.TokenURL, nil)
		if err != nil {
			return nil, nil, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	for name, values := range c.AdditionalParams {
		form[name] = values
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.TokenURL, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("tokenUrl: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if c.ClientUser != "" {
		req.Header.Set("Authorization", "Basic "+c.clientBasic())
	}
	for name, values := range c.AdditionalHeaders {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	return req, []byte(form.Encode()), nil
}

// tokenAnswer is what a token endpoint says (RFC 6749, sections 5.1 and 5.2).
type tokenAnswer struct {
	AccessToken  string          `json:"access_token"`
	RefreshToken string          `json:"refresh_token"`
	ExpiresIn    json.RawMessage `json:"expires_in"` // a number, or one in quotes
	Error        json.RawMessage `json:"error"`      // a string, with some vendors an object
	Description  json.RawMessage `json:"error_description"`
}

// unsaidLife is how long a token is kept whose life the endpoint did not say.
const unsaidLife = 10 * time.Minute

// life is how long a token lives.
func (a tokenAnswer) life() time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(a.ExpiresIn), `"`), 64)
	if err != nil || seconds <= 0 {
		return unsaidLife
	}
	return time.Duration(min(seconds, 365*24*3600) * float64(time.Second))
}

// askToken sends a token request and reads the answer.
func (s *Signer) askToken(r *http.Request) (tokenAnswer, error) {
	status, text, err := s.ask(r)
	if err != nil {
		return tokenAnswer{}, err
	}
	var got tokenAnswer
	jsonErr := json.Unmarshal(text, &got)
	refused := &TokenError{Host: r.URL.Host, Status: status, Code: said(got.Error), Description: said(got.Description)}
	switch {
	case status < 200 || status > 299 || refused.Code != "":
	case jsonErr != nil:
		refused.Description = "the answer is no JSON"
	case got.AccessToken == "":
		refused.Description = "the answer has no access_token"
	case !httpguts.ValidHeaderFieldValue(got.AccessToken):
		refused.Description = "the access_token holds characters that no header may"
	default:
		return got, nil
	}
	return tokenAnswer{}, refused
}

// said is a member of a token endpoint's answer, in its words: a string, the message of an object, or nothing.
func said(member json.RawMessage) string {
	var text string
	if json.Unmarshal(member, &text) == nil {
		return words(text)
	}
	var object struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(member, &object) // what is neither says nothing
	return words(object.Message)
}
