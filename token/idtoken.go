package token

import (
	"context"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"espalier.dev/access"
	"espalier.dev/errs"
)

// Bearer is what a good access token says, of whatever audience.
type Bearer struct {
	access.Caller
	ID       string
	Issuer   string
	Subject  string
	Audience []string
	IssuedAt time.Time
	Expiry   time.Time
}

// Inspect is Authenticate for tokens of other audiences than the API: of one of those given.
func (s *Service) Inspect(ctx context.Context, bearer string, audiences ...string) (Bearer, error) {
	if len(bearer) > maxBearer {
		return Bearer{}, errs.Unauthenticatedf("the access token is longer than any of ours")
	}
	c, err := s.verify(ctx, bearer)
	if err != nil {
		return Bearer{}, err
	}
	v, err := s.judge(c, audiences...)
	if err != nil {
		return Bearer{}, err
	}
	caller, err := s.caller(ctx, v)
	if err != nil {
		return Bearer{}, err
	}
	return Bearer{Caller: caller, ID: c.ID, Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, IssuedAt: c.IssuedAt.Time(), Expiry: c.Expiry.Time()}, nil
}

// ReadyID makes sure that there is a key for ID tokens, and that it is published.
func (s *Service) ReadyID(ctx context.Context) error {
	_, err := s.signer(ctx, forID)
	return err
}

// SignID signs the claims of an ID token, OpenID Connect Core 1.0, section 2.
func (s *Service) SignID(ctx context.Context, claims any) (string, error) {
	k, err := s.signer(ctx, forID)
	if err != nil {
		return "", err
	}
	return jwt.Signed(k.signer).Claims(claims).Serialize()
}

// VerifyID reads the claims of an ID token that this server signed, into a pointer, whether it has expired or not. What is
// none is errs.Invalid.
func (s *Service) VerifyID(ctx context.Context, text string, into any) error {
	t, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{forID.name})
	if err != nil {
		return &errs.Error{Kind: errs.Invalid, Msg: "the ID token is not a JWT signed with RS256", Err: err}
	}
	k, err := s.verifier(ctx, t.Headers[0].KeyID)
	if err != nil {
		return err
	}
	if k == nil || k.alg != forID {
		return errs.Invalidf("the ID token was signed with a key that is unknown or out of use")
	}
	if err := t.Claims(k.public, into); err != nil {
		return &errs.Error{Kind: errs.Invalid, Msg: "the ID token's signature is wrong", Err: err}
	}
	return nil
}
