package token

import (
	"context"
	"crypto/subtle"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// The grant types of the token operation.
const (
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
	GrantAuthorizationCode = "authorization_code"
)

// Request is the body of the token operation; "" is an absent member. Source: the contract, section 6.
type Request struct {
	GrantType    string
	RefreshToken string
	ClientID     string
	ClientSecret string
}

// Grant is its answer.
type Grant struct {
	AccessToken  string
	ExpiresIn    time.Duration
	RefreshToken string // the one given, which stays good: clients store what comes back
}

// Exchange buys an access token. It writes nothing; when the refresh token or the client was used is noted a few seconds
// later. A missing member and an unknown grant are errs.Invalid; a credential that is unknown, expired or revoked is
// errs.Unauthenticated.
func (s *Service) Exchange(ctx context.Context, r Request) (Grant, error) {
	switch r.GrantType {
	case GrantRefreshToken:
		return s.exchangeRefresh(ctx, r)
	case GrantClientCredentials:
		return s.exchangeClient(ctx, r)
	case "":
		return Grant{}, errs.Invalidf("grant_type is missing: give %q or %q", GrantRefreshToken, GrantClientCredentials)
	case GrantAuthorizationCode:
		return Grant{}, errs.Invalidf("grant_type %q is not supported here: applications redeem codes at the token endpoint that discovery names", r.GrantType)
	}
	return Grant{}, errs.Invalidf("grant_type is none of the token operation's: use %q or %q", GrantRefreshToken, GrantClientCredentials)
}

// exchangeClient is for service accounts. An unknown client and a wrong secret have the same answer and take the same work.
func (s *Service) exchangeClient(ctx context.Context, r Request) (Grant, error) {
	if r.ClientID == "" || r.ClientSecret == "" {
		return Grant{}, errs.Invalidf("client_id and client_secret are needed: grant_type %q is for the clients of service accounts", r.GrantType)
	}
	c, err := s.AuthenticateClient(ctx, ref.TokenID(r.ClientID), r.ClientSecret)
	if err != nil {
		return Grant{}, err
	}
	return s.IssueToClient(ctx, c)
}

// AuthenticateClient returns the client of a service account that has this id and secret; else it is errs.Unauthenticated.
func (s *Service) AuthenticateClient(ctx context.Context, id ref.TokenID, secret string) (Client, error) {
	var c Client
	if len(id) <= maxText && word(string(id)) {
		err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
			c, err = tx.Client(ctx, id)
			return err
		})
		if err != nil && !absent(err) {
			return Client{}, err
		}
	}
	if subtle.ConstantTimeCompare([]byte(c.Hash), []byte(hash(secret))) != 1 {
		return Client{}, errs.Unauthenticatedf("the client is unknown or its secret is another")
	}
	return c, nil
}

// IssueToClient returns an access token of a service account for a client that has proved itself.
func (s *Service) IssueToClient(ctx context.Context, c Client) (Grant, error) {
	g, err := s.IssueFor(ctx, access.Principal{ServiceAccount: c.Account}, c.ID, s.cfg.Audience)
	if err == nil {
		s.clients.note(c.ID, s.now())
	}
	return g, err
}

// IssueFor returns an access token of a session that is kept elsewhere, for an audience. Whether the session is live is asked
// when the token is used.
func (s *Service) IssueFor(ctx context.Context, who access.Principal, session ref.TokenID, audience string) (Grant, error) {
	text, err := s.sign(ctx, who, session, audience)
	if err != nil {
		return Grant{}, err
	}
	return Grant{AccessToken: text, ExpiresIn: AccessLife}, nil
}

func (s *Service) exchangeRefresh(ctx context.Context, r Request) (Grant, error) {
	if r.RefreshToken == "" {
		return Grant{}, errs.Invalidf("refresh_token is missing: grant_type %q needs it", r.GrantType)
	}
	text, err := s.Issue(ctx, r.RefreshToken)
	if err != nil {
		return Grant{}, err
	}
	return Grant{AccessToken: text, ExpiresIn: AccessLife, RefreshToken: r.RefreshToken}, nil
}

// Issue returns an access token for the text of a refresh token.
func (s *Service) Issue(ctx context.Context, refresh string) (string, error) {
	t, err := s.redeem(ctx, refresh)
	if err != nil {
		return "", err
	}
	text, err := s.sign(ctx, access.Principal{User: t.User}, t.ID, s.cfg.Audience)
	if err != nil {
		return "", err
	}
	s.uses.note(t.ID, s.now())
	return text, nil
}

// redeem finds the refresh token of a text. An unknown id and a wrong secret have the same answer and take the same work.
func (s *Service) redeem(ctx context.Context, text string) (RefreshToken, error) {
	var t RefreshToken
	id, ok := parseRefresh(text)
	if ok {
		err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
			t, err = tx.RefreshToken(ctx, id)
			return err
		})
		if err != nil && !absent(err) {
			return RefreshToken{}, err
		}
	}
	if !t.is(text) { // no hash is empty, so an absent token is never the right one
		return RefreshToken{}, errs.Unauthenticatedf("the refresh token is unknown: make a new one")
	}
	if err := t.usable(s.now()); err != nil {
		return RefreshToken{}, err
	}
	return t, nil
}
