package openid

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/token"
)

// The values of acr: how surely it is the user.
const (
	ACRSingle = "urn:espalier:acr:single-factor"
	ACRMulti  = "urn:espalier:acr:multi-factor"
)

// The names of claims of our own.
const (
	ClaimOrganization = "https://espalier.dev/claims/organization"
	ClaimCapabilities = "https://espalier.dev/claims/capabilities"
	ClaimRoles        = "https://espalier.dev/claims/roles"
)

// Organization is the organization of an application, as claims tell it.
type Organization struct {
	ID   ref.OrgID `json:"id"`
	Name string    `json:"name"`
}

// Place is what a user is in the organization of the application. For others to know: Espalier itself decides by none of it.
type Place struct {
	Organization Organization `json:"https://espalier.dev/claims/organization"`
	Capabilities []string     `json:"https://espalier.dev/claims/capabilities"` // in force, by name
	Roles        []string     `json:"https://espalier.dev/claims/roles"`        // those they give a meaning, by name
}

func placeOf(org ref.OrgID, name string, st access.Standing) Place {
	p := Place{Organization: Organization{org, name}, Capabilities: append([]string{}, st.Capabilities...), Roles: []string{}}
	for _, r := range st.Roles.List() {
		p.Roles = append(p.Roles, r.Name)
	}
	slices.Sort(p.Roles)
	return p
}

// IDToken is the claims of an ID token, OpenID Connect Core 1.0, section 2.
type IDToken struct {
	Issuer     string      `json:"iss"`
	Subject    string      `json:"sub"`
	Audience   string      `json:"aud"`
	Expiry     int64       `json:"exp"`
	IssuedAt   int64       `json:"iat"`
	AuthTime   int64       `json:"auth_time"`
	Nonce      string      `json:"nonce,omitempty"`
	ACR        string      `json:"acr"`
	AMR        []string    `json:"amr,omitempty"`
	AccessHash string      `json:"at_hash"`
	Session    ref.TokenID `json:"sid"`
	Place
}

func (s *Service) idToken(a Application, g Grant, p Profile, st access.Standing, nonce, accessToken string) IDToken {
	now := s.now()
	sum := sha256.Sum256([]byte(accessToken))
	t := IDToken{
		Issuer: s.cfg.Issuer, Subject: token.Subject(access.Principal{User: g.Session.User}), Audience: string(a.ID),
		IssuedAt: now.Unix(), Expiry: now.Add(token.AccessLife).Unix(), AuthTime: g.Session.AuthenticatedAt().Unix(), Nonce: nonce,
		ACR: ACRSingle, AMR: signin.AMR(g.Session.Proofs), AccessHash: base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
		Session: g.Session.ID, Place: placeOf(a.Org, p.OrgName, st),
	}
	if slices.Contains(t.AMR, "mfa") {
		t.ACR = ACRMulti
	}
	return t
}

// Profile is what is kept of a user that applications may learn, and the name of their organization.
type Profile struct {
	Email     string
	FirstName string
	LastName  string
	UpdatedAt time.Time
	// EmailVerified: an organization that proved the domain of the address calls the user its own.
	EmailVerified bool
	OrgName       string
}

func (s *Service) profile(ctx context.Context, user ref.UserID, org ref.OrgID) (p Profile, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		p, err = tx.OpenIDProfile(ctx, user, org)
		return err
	})
	return p, err
}

// UserInfo is the claims about a user, OpenID Connect Core 1.0, section 5.3.2.
type UserInfo struct {
	Subject           string `json:"sub"`
	Name              string `json:"name,omitempty"`
	GivenName         string `json:"given_name,omitempty"`
	FamilyName        string `json:"family_name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	UpdatedAt         int64  `json:"updated_at,omitempty"`
	Email             string `json:"email,omitempty"`
	EmailVerified     *bool  `json:"email_verified,omitempty"`
	Place
}

// userInfoAudience is that of access tokens that are good for the claims about their user and nothing else.
func (s *Service) userInfoAudience() string { return s.cfg.Issuer + "/oauth2/userinfo" }

// inspect finds the grant behind an access token of an application, and what its user is at present.
func (s *Service) inspect(ctx context.Context, bearer string) (b token.Bearer, g Grant, a Application, err error) {
	if b, err = s.cfg.Tokens.Inspect(ctx, bearer, s.cfg.Audience, s.userInfoAudience()); err != nil {
		return b, g, a, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		if g, err = tx.OpenIDGrant(ctx, b.Session); err != nil {
			return err
		}
		a, err = tx.Application(ctx, g.Application)
		return err
	})
	if absent(err) {
		err = errs.Unauthenticatedf("the access token is not one of an application")
	}
	return b, g, a, err
}

// UserInfo tells the claims about the user of an access token. What is wrong with the token is an *Error.
func (s *Service) UserInfo(ctx context.Context, bearer string) (UserInfo, error) {
	_, g, a, err := s.inspect(ctx, bearer)
	var st access.Standing
	if err == nil {
		st, err = s.cfg.Guard.Standing(ctx, g.user(), a.Org)
	}
	switch errs.KindOf(err) {
	case errs.Unauthenticated, errs.NotFound:
		return UserInfo{}, refusal(InvalidToken, "the access token is unknown, has expired or was revoked")
	}
	if err != nil {
		return UserInfo{}, err
	}
	p, err := s.profile(ctx, g.Session.User, a.Org)
	if err != nil {
		return UserInfo{}, err
	}
	u := UserInfo{Subject: token.Subject(access.Principal{User: g.Session.User}), Place: placeOf(a.Org, p.OrgName, st)}
	if g.has(ScopeProfile) {
		u.Name = signin.Person{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName}.Name()
		u.GivenName, u.FamilyName, u.PreferredUsername, u.UpdatedAt = p.FirstName, p.LastName, p.Email, p.UpdatedAt.Unix()
	}
	if g.has(ScopeEmail) {
		u.Email, u.EmailVerified = p.Email, &p.EmailVerified
	}
	return u, nil
}

// proveKey compares a verifier with the challenge of its request, RFC 7636, section 4.6. One without the other is refused: a code
// that was asked for without a challenge could else be put into the flow of somebody who sends one (RFC 9700, section 2.1.1).
func proveKey(challenge, verifier string) error {
	sum := sha256.Sum256([]byte(verifier))
	proved := subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
	switch {
	case challenge == "" && verifier == "", challenge != "" && proved:
		return nil
	case challenge == "":
		return refusal(InvalidGrant, "code_verifier is given, and the code was asked for without code_challenge")
	}
	return refusal(InvalidGrant, "code_verifier is missing or does not fit code_challenge")
}
