package token

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

const (
	tokenType = "at+jwt"         // RFC 9068 section 2.1
	leeway    = 30 * time.Second // how far the clock of the server that signed may be ahead
	maxBearer = 4096             // bytes; ours have about 500
)

// claims are all that an access token says: who, through which refresh token, and when. What its bearer may do is not in it.
type claims struct {
	Issuer   string           `json:"iss"`
	Audience jwt.Audience     `json:"aud"`
	Subject  string           `json:"sub"` // user:12, service-account:4
	Session  string           `json:"sid"` // the id of the refresh token, the session or the client behind it
	IssuedAt *jwt.NumericDate `json:"iat"`
	NotUntil *jwt.NumericDate `json:"nbf,omitempty"`
	Expiry   *jwt.NumericDate `json:"exp"`
	ID       string           `json:"jti"`
}

// Subject is a principal as tokens name it: user:12, service-account:4.
func Subject(p access.Principal) string {
	if p.ServiceAccount != 0 {
		return "service-account:" + p.ServiceAccount.String()
	}
	return "user:" + p.User.String()
}

// ParseSubject reads what Subject writes, and nothing else.
func ParseSubject(text string) (p access.Principal, ok bool) {
	kind, number, _ := strings.Cut(text, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 {
		return p, false
	}
	switch kind {
	case "user":
		p.User = ref.UserID(id)
	case "service-account":
		p.ServiceAccount = ref.ServiceAccountID(id)
	}
	return p, Subject(p) == text
}

// sign makes an access token of a session, for this API or for another audience.
func (s *Service) sign(ctx context.Context, who access.Principal, session ref.TokenID, audience string) (string, error) {
	k, err := s.signer(ctx, forAccess)
	if err != nil {
		return "", err
	}
	id, err := randomText(s.cfg.Rand, idBytes)
	if err != nil {
		return "", err
	}
	now := s.now()
	return jwt.Signed(k.signer).Claims(claims{
		Issuer: s.cfg.Issuer, Audience: jwt.Audience{audience}, Subject: Subject(who), Session: string(session),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(AccessLife)), ID: id,
	}).Serialize()
}

// Authenticate returns the caller that an access token names, without the request id. What is no good token of ours, or whose
// refresh token was revoked, is errs.Unauthenticated with the reason. A token is verified once and then known by its SHA-256;
// whether its refresh token is live is asked every time.
func (s *Service) Authenticate(ctx context.Context, bearer string) (access.Caller, error) {
	if len(bearer) > maxBearer {
		return access.Caller{}, errs.Unauthenticatedf("the access token is longer than any of ours")
	}
	sum := sha256.Sum256([]byte(bearer))
	v, ok := s.seen.get(sum, s.cfg.Now())
	if !ok {
		c, err := s.verify(ctx, bearer)
		if err != nil {
			return access.Caller{}, err
		}
		if v, err = s.judge(c, s.cfg.Audience); err != nil {
			return access.Caller{}, err
		}
		s.seen.put(sum, v, s.cfg.Now())
	}
	return s.caller(ctx, v)
}

// caller is who a verified token names, if what it was bought with is still good.
func (s *Service) caller(ctx context.Context, v verified) (access.Caller, error) {
	session, live, err := s.cfg.Sessions.Live(ctx, v.session, v.who)
	if err != nil {
		return access.Caller{}, err
	}
	if !live {
		return access.Caller{}, errs.Unauthenticatedf("what this access token was bought with, a refresh token or a client, was revoked or has ended")
	}
	return access.Caller{User: v.who.User, ServiceAccount: v.who.ServiceAccount, Session: v.session, Only: session.Only}, nil
}

// verify returns the claims of an access token whose signature is right.
func (s *Service) verify(ctx context.Context, bearer string) (claims, error) {
	t, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{forAccess.name})
	if err != nil {
		return claims{}, refuse(err, "the access token is not a JWT signed with EdDSA")
	}
	head := t.Headers[0]
	if typ, has := head.ExtraHeaders[jose.HeaderType]; has {
		if text, _ := typ.(string); strings.TrimPrefix(strings.ToLower(text), "application/") != tokenType {
			return claims{}, errs.Unauthenticatedf("the token is not an access token: its typ is not %s", tokenType)
		}
	}
	k, err := s.verifier(ctx, head.KeyID)
	if err != nil {
		return claims{}, err
	}
	if k == nil || k.alg != forAccess {
		return claims{}, errs.Unauthenticatedf("the access token was signed with a key that is unknown or out of use")
	}
	var c claims
	if err := t.Claims(k.public, &c); err != nil {
		return claims{}, refuse(err, "the access token's signature is wrong")
	}
	return c, nil
}

func refuse(err error, msg string) error {
	return &errs.Error{Kind: errs.Unauthenticated, Msg: msg, Err: err}
}

// judge reads the claims of a token whose signature is right and that is for one of some audiences.
func (s *Service) judge(c claims, audiences ...string) (verified, error) {
	now := s.cfg.Now()
	switch {
	case c.Issuer != s.cfg.Issuer:
		return verified{}, errs.Unauthenticatedf("the access token is of another issuer")
	case !slices.ContainsFunc(audiences, c.Audience.Contains):
		return verified{}, errs.Unauthenticatedf("the access token is for another audience")
	case c.Expiry == nil || c.IssuedAt == nil || c.ID == "" || !word(c.Session):
		return verified{}, errs.Unauthenticatedf("the access token lacks one of exp, iat, jti and sid")
	case !now.Before(c.Expiry.Time()):
		return verified{}, errs.Unauthenticatedf("the access token expired at %s: get a new one with the refresh token", c.Expiry.Time().UTC().Format(time.RFC3339))
	case ahead(c.IssuedAt, now) || c.NotUntil != nil && ahead(c.NotUntil, now):
		return verified{}, errs.Unauthenticatedf("the access token is not good yet: compare the clocks of the servers")
	}
	who, ok := ParseSubject(c.Subject)
	if !ok {
		return verified{}, errs.Unauthenticatedf("the access token names neither a user nor a service account")
	}
	return verified{who: who, session: ref.TokenID(c.Session), until: c.Expiry.Time()}, nil
}

func ahead(d *jwt.NumericDate, now time.Time) bool { return d.Time().After(now.Add(leeway)) }
