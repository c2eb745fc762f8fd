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
	var c Client
	if id := ref.TokenID(r.ClientID); len(id) <= maxText && word(r.ClientID) {
		err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
			c, err = tx.Client(ctx, id)
			return err
		})
		if err != nil && !absent(err) {
			return Grant{}, err
		}
	}
	if subtle.ConstantTimeCompare([]byte(c.Hash), []byte(hash(r.ClientSecret))) != 1 {
		return Grant{}, errs.Unauthenticatedf("the client is unknown or its secret is another")
	}
	text, err := s.sign(ctx, access.Principal{ServiceAccount: c.Account}, c.ID)
	if err != nil {
		return Grant{}, err
	}
	s.clients.note(c.ID, s.now())
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
	text, err := s.sign(ctx, access.Principal{User: t.User}, t.ID)
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
