package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// UpstreamSettings is how a provider speaks OpenID Connect.
type UpstreamSettings struct {
	ClientID string   `json:"clientId"`
	Scopes   []string `json:"scopes,omitempty"` // beside openid, email and profile
	// GroupsClaim is the claim that names user groups; "" for groups.
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// TrustEmail takes an address although the provider does not say that it has verified it. It is for issuers that speak for
	// the organization's own people alone.
	TrustEmail bool `json:"trustEmail,omitempty"`
}

const defaultGroupsClaim = "groups"

func (u UpstreamSettings) check(w *wrongs, issuer string) {
	w.text("issuer", issuer, 2000)
	w.text("clientId", u.ClientID, 512)
	w.text("groupsClaim", u.GroupsClaim, 128)
	if strings.TrimSpace(u.ClientID) == "" {
		w.add("clientId: may not be empty")
	}
	if v, err := url.Parse(issuer); !webAddress(issuer) || err != nil || v.Scheme != "https" || v.RawQuery != "" {
		w.add("issuer: want an address such as https://login.example.com, without a query")
	}
	if len(u.Scopes) > 20 {
		w.add("scopes: has %d items; want at most 20", len(u.Scopes))
	}
	for i, s := range u.Scopes {
		// RFC 6749, section 3.3.
		if s == "" || len(s) > 128 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }) {
			w.add("scopes[%d]: is no scope", i)
		}
	}
}

func (p *Providers) sealSecret(id ref.ProviderID, secret string) (string, error) {
	var w wrongs
	w.text("clientSecret", secret, 1024)
	if err := w.err(); err != nil || secret == "" {
		return "", err
	}
	return sealText(p.cfg.Box, "identity_provider/"+string(id), []byte(secret))
}

// Bounds of what a provider is asked and answers.
const (
	upstreamTime = 15 * time.Second
	maxUpstream  = 1 << 20
	// discoveredFor is how long what a provider says of itself is kept; its keys are asked for anew when one is unknown.
	discoveredFor = 10 * time.Minute
	maxDiscovered = 1000
)

// bounded is a client whose answers have an end.
func bounded(c *http.Client) *http.Client {
	b := *c
	inner := c.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	b.Transport = limited{inner}
	return &b
}

type limited struct{ inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.inner.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxUpstream), answer.Body}
	}
	return answer, err
}

// discovery is what a provider says of itself.
type discovery struct {
	provider *oidc.Provider
	says     struct {
		Issuer      string   `json:"issuer"`
		Iss         bool     `json:"authorization_response_iss_parameter_supported"`
		Challenges  []string `json:"code_challenge_methods_supported"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	}
	until time.Time
}

// discover asks an issuer, or remembers.
func (p *Providers) discover(ctx context.Context, of Provider) (discovery, error) {
	if p.cfg.Client == nil {
		return discovery{}, errs.Conflictf("", "This server speaks with no OpenID provider.")
	}
	p.mu.Lock()
	d, ok := p.discovered[of.Issuer]
	p.mu.Unlock()
	if ok && p.now().Before(d.until) {
		return d, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.cfg.Client), of.Issuer)
	if err != nil {
		return discovery{}, p.unreachable(of, "discovery", err)
	}
	d = discovery{provider: found, until: p.now().Add(discoveredFor)}
	if err := found.Claims(&d.says); err != nil {
		return discovery{}, p.unreachable(of, "discovery", err)
	}
	for _, address := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL} {
		if !webAddress(address) {
			return discovery{}, p.unreachable(of, "discovery", fmt.Errorf("%q is no address", address))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.discovered) >= maxDiscovered {
		clear(p.discovered)
	}
	p.discovered[of.Issuer] = d
	return d, nil
}

func (p *Providers) unreachable(of Provider, what string, err error) error {
	p.cfg.Log.Warn("an OpenID provider does not answer", "org", of.Org, "provider", of.ID, "what", what, "err", err)
	return &errs.Error{Kind: errs.Unprocessable, Err: err, Msg: "Your organization’s sign-in does not answer as it should. Try again in a moment; if it stays, tell whoever administers it."}
}

// client is this server as the provider knows it.
func (p *Providers) client(of Provider, d discovery) (*oauth2.Config, error) {
	endpoint := d.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default of OpenID Connect; trying both would use a code up
	if of.Secret == "" || !slices.Contains(d.says.AuthMethods, "client_secret_basic") && slices.Contains(d.says.AuthMethods, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	c := &oauth2.Config{ClientID: of.Upstream.ClientID, Endpoint: endpoint, RedirectURL: p.RedirectURL(of.ID),
		Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, of.Upstream.Scopes...)}
	if of.Secret != "" {
		secret, err := openText(p.cfg.Box, "identity_provider/"+string(of.ID), of.Secret)
		if err != nil {
			return nil, err
		}
		c.ClientSecret = string(secret)
	}
	return c, nil
}

// RedirectURL is where an OpenID provider sends people back to; "" without a public address. Each has its own, so that an
// answer cannot be taken for another's.
func (p *Providers) RedirectURL(id ref.ProviderID) string {
	if p.origin == "" {
		return ""
	}
	return p.origin + "/signin/oidc/" + string(id)
}

func (p *Providers) beginUpstream(ctx context.Context, of Provider, s started) (d Departure, err error) {
	ctx, cancel := context.WithTimeout(ctx, upstreamTime)
	defer cancel()
	found, err := p.discover(ctx, of)
	if err != nil {
		return Departure{}, err
	}
	for _, secret := range []*string{&s.Request, &s.Nonce, &s.Verifier} {
		if *secret, err = randomText(p.cfg.Rand, secretBytes); err != nil {
			return Departure{}, err
		}
	}
	c, err := p.client(of, found)
	if err != nil {
		return Departure{}, err
	}
	if d.Started, err = p.sealStarted(s); err != nil {
		return Departure{}, err
	}
	d.To = c.AuthCodeURL(s.Request, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier))
	return d, nil
}

// TakeUpstream believes, or does not, what a browser brings from an OpenID provider. startedValue is the cookie of Begin. What
// cannot be believed is errs.Unauthenticated.
func (p *Providers) TakeUpstream(ctx context.Context, id ref.ProviderID, q url.Values, startedValue string) (Asserted, error) {
	of, err := p.any(ctx, id)
	if err != nil {
		return Asserted{}, err
	}
	if of.Protocol != ProtocolOIDC || p.origin == "" {
		return Asserted{}, errs.NotFoundf("There is no such sign-in.")
	}
	ctx, cancel := context.WithTimeout(ctx, upstreamTime)
	defer cancel()
	s, ok := p.openStarted(startedValue, of.ID)
	switch {
	case !ok:
		err = errors.New("it belongs to a sign-in that this browser did not begin, or that took too long")
	case !same(q.Get("state"), s.Request):
		err = errors.New("it answers another request than this browser's last")
	case s.Issuer != of.Issuer:
		err = errors.New("the provider was changed meanwhile")
	}
	if err != nil {
		return Asserted{}, p.disbelieve(of, err)
	}
	found, err := p.discover(ctx, of)
	if err != nil {
		return Asserted{}, err
	}
	if err := fromIssuer(found, of.Issuer, q); err != nil {
		return Asserted{}, p.disbelieve(of, err)
	}
	return p.redeem(ctx, of, found, s, q.Get("code"))
}

// fromIssuer checks that an answer came from whom the browser was sent to, RFC 9207, and is no refusal.
func fromIssuer(d discovery, issuer string, q url.Values) error {
	iss, told := q["iss"]
	switch {
	case told && (len(iss) != 1 || iss[0] != issuer), !told && d.says.Iss:
		return errors.New("it came from another issuer than this browser was sent to")
	case q.Get("error") == "access_denied":
		return errors.New("the sign-in was declined there")
	case q.Get("error") != "":
		return fmt.Errorf("the provider says %.64q", q.Get("error"))
	case len(q["code"]) != 1 || q.Get("code") == "":
		return errors.New("it has no code")
	}
	return nil
}

// redeem changes a code for an ID token, and reads who it is about.
func (p *Providers) redeem(ctx context.Context, of Provider, d discovery, s started, code string) (Asserted, error) {
	c, err := p.client(of, d)
	if err != nil {
		return Asserted{}, err
	}
	ctx = oidc.ClientContext(ctx, p.cfg.Client)
	granted, err := c.Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode != "" {
			return Asserted{}, p.disbelieve(of, fmt.Errorf("its code was refused there: %.64q", refused.ErrorCode))
		}
		return Asserted{}, p.unreachable(of, "token", err)
	}
	raw, _ := granted.Extra("id_token").(string)
	if raw == "" {
		return Asserted{}, p.disbelieve(of, errors.New("it came without an ID token"))
	}
	token, err := d.provider.VerifierContext(ctx, &oidc.Config{ClientID: of.Upstream.ClientID, Now: p.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return Asserted{}, p.disbelieve(of, err)
	}
	claims, err := p.claims(ctx, of, d, s, token, granted)
	if err != nil {
		return Asserted{}, p.disbelieve(of, err)
	}
	a := Asserted{Provider: of, Email: claims.Email, FirstName: claims.FirstName, LastName: claims.LastName, Next: s.Next, answers: []usedAnswer{s.used()}}
	a.Groups, a.NoGroups = claims.groups(of.Upstream)
	return a, nil
}

// person is the claims that are read. Source: OpenID Connect Core, section 5.1.
type person struct {
	Email     string         `json:"email"`
	Verified  truth          `json:"email_verified"`
	FirstName string         `json:"given_name"`
	LastName  string         `json:"family_name"`
	Party     string         `json:"azp"`
	all       map[string]any `json:"-"`
}

// truth is a boolean that some providers send as text.
type truth bool

// UnmarshalJSON takes true, "true", and nothing else for true.
func (t *truth) UnmarshalJSON(b []byte) error {
	*t = string(b) == "true" || string(b) == `"true"`
	return nil
}

// claims checks what is particular to this sign-in, and asks the provider for the address where the token has none.
func (p *Providers) claims(ctx context.Context, of Provider, d discovery, s started, token *oidc.IDToken, granted *oauth2.Token) (person, error) {
	var told person
	if err := errors.Join(token.Claims(&told), token.Claims(&told.all)); err != nil {
		return person{}, err
	}
	switch {
	case s.Nonce == "" || !same(token.Nonce, s.Nonce):
		return person{}, errors.New("its ID token is of another sign-in")
	case told.Party != "" && told.Party != of.Upstream.ClientID, len(token.Audience) > 1 && told.Party == "":
		return person{}, errors.New("its ID token was made for somebody else")
	case token.Subject == "":
		return person{}, errors.New("its ID token is about nobody")
	}
	if told.Email == "" && d.provider.UserInfoEndpoint() != "" {
		info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(granted))
		if err != nil {
			return person{}, fmt.Errorf("ask who it is: %w", err)
		}
		if info.Subject != token.Subject {
			return person{}, errors.New("it tells of another person than its ID token")
		}
		more := map[string]any{}
		if err := errors.Join(info.Claims(&told), info.Claims(&more)); err != nil {
			return person{}, err
		}
		maps.Copy(told.all, more)
	}
	if told.Email != "" && !bool(told.Verified) && !of.Upstream.TrustEmail {
		return person{}, errors.New("the provider does not say that the address is the person's own")
	}
	return told, nil
}

// groups reads the names of user groups; none is told where the claim is absent because there are too many.
func (c person) groups(u UpstreamSettings) (names []string, none bool) {
	claim := u.GroupsClaim
	if claim == "" {
		claim = defaultGroupsClaim
	}
	switch value := c.all[claim].(type) {
	case string:
		return []string{value}, false
	case []any:
		for _, v := range value {
			if name, ok := v.(string); ok {
				names = append(names, name)
			}
		}
		return names, false
	}
	elsewhere, _ := c.all["_claim_names"].(map[string]any)
	_, linked := elsewhere[claim]
	return nil, linked
}
