package openid

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/token"
)

// ClientCredentials gives a client of a service account an access token for the API.
func (s *Service) ClientCredentials(ctx context.Context, by Client, scopes []string) (Granted, error) {
	if slices.ContainsFunc(scopes, func(scope string) bool { return scope != ScopeAPI && scope != "" }) {
		return Granted{}, refusal(InvalidScope, "the one scope of service accounts is %s", ScopeAPI)
	}
	g, err := s.cfg.Tokens.IssueToClient(ctx, by.Account)
	return Granted{AccessToken: g.AccessToken, ExpiresIn: g.ExpiresIn, Scopes: []string{ScopeAPI}}, err
}

// State is what is told of a token, RFC 7662, section 2.2.
type State struct {
	Active   bool              `json:"active"`
	Scope    string            `json:"scope,omitempty"`
	ClientID ref.ApplicationID `json:"client_id,omitempty"`
	Type     string            `json:"token_type,omitempty"`
	Subject  string            `json:"sub,omitempty"`
	Audience []string          `json:"aud,omitempty"`
	Issuer   string            `json:"iss,omitempty"`
	ID       string            `json:"jti,omitempty"`
	IssuedAt int64             `json:"iat,omitempty"`
	Expiry   int64             `json:"exp,omitempty"`
}

// Introspect tells a client about a token of its own. Of anything else it learns that it is not good, whatever it is.
func (s *Service) Introspect(ctx context.Context, by Client, text string) (State, error) {
	if by.Account.ID != "" {
		return s.introspectAccount(ctx, by, text)
	}
	if strings.HasPrefix(text, refreshPrefix) {
		return s.introspectRefresh(ctx, by, text)
	}
	b, g, a, err := s.inspect(ctx, text)
	if err == nil && a.ID == by.Application.ID {
		_, err = s.cfg.Guard.Standing(ctx, g.user(), a.Org)
	}
	if k := errs.KindOf(err); k == errs.Unauthenticated || k == errs.NotFound || err == nil && a.ID != by.Application.ID {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	st := stateOf(b)
	st.Scope, st.ClientID = strings.Join(g.Scopes, " "), a.ID
	return st, nil
}

func stateOf(b token.Bearer) State {
	return State{Active: true, Type: "Bearer", Subject: b.Subject, Audience: b.Audience, Issuer: b.Issuer, ID: b.ID, IssuedAt: b.IssuedAt.Unix(), Expiry: b.Expiry.Unix()}
}

func (s *Service) introspectAccount(ctx context.Context, by Client, text string) (State, error) {
	b, err := s.cfg.Tokens.Inspect(ctx, text, s.cfg.Audience)
	if errs.KindOf(err) == errs.Unauthenticated || err == nil && b.ServiceAccount != by.Account.Account {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	st := stateOf(b)
	st.Scope, st.ClientID = ScopeAPI, ref.ApplicationID(b.Session)
	return st, nil
}

func (s *Service) introspectRefresh(ctx context.Context, by Client, text string) (State, error) {
	var r Refresh
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		r, err = tx.OpenIDRefresh(ctx, hash(text))
		return err
	})
	if err == nil && r.Application == by.Application.ID {
		_, err = s.cfg.Guard.Standing(ctx, r.user(), by.Application.Org)
	}
	k := errs.KindOf(err)
	if k == errs.NotFound || k == errs.Unauthenticated || err == nil && (r.Application != by.Application.ID || !r.UsedAt.IsZero() || !r.live(s.now())) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	return State{Active: true, Scope: strings.Join(r.Scopes, " "), ClientID: r.Application, Issuer: s.cfg.Issuer, Audience: []string{string(r.Application)},
		Subject: token.Subject(access.Principal{User: r.Session.User}), IssuedAt: r.CreatedAt.Unix(), Expiry: r.Session.ExpiresAt.Unix()}, nil
}

// Revoke ends the session behind a refresh token or an access token of an application, and every token of it. What is unknown or
// has ended is no error, RFC 7009, section 2.2.
func (s *Service) Revoke(ctx context.Context, by Client, text string) error {
	var g Grant
	var err error
	if strings.HasPrefix(text, refreshPrefix) {
		err = s.cfg.Store.Read(ctx, func(tx Tx) error {
			r, err := tx.OpenIDRefresh(ctx, hash(text))
			g = r.Grant
			return err
		})
	} else {
		_, g, _, err = s.inspect(ctx, text)
	}
	switch k := errs.KindOf(err); {
	case err != nil && (k == errs.NotFound || k == errs.Unauthenticated):
		return nil
	case err != nil:
		return err
	case g.Application != by.Application.ID || g.Application == "":
		return refusal(InvalidGrant, "the token is of another client")
	}
	return s.endOwn(ctx, by.Application, g, "application.revoke")
}

// endOwn ends a session at the wish of its application or its user. One that has ended is no error.
func (s *Service) endOwn(ctx context.Context, a Application, g Grant, action string) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.EndSession(ctx, g.Session.User, g.Session.ID); err != nil {
			if absent(err) {
				return nil
			}
			return err
		}
		return record(ctx, tx, g.user(), action, a, map[string]any{"session": g.Session.ID}, nil)
	})
}

// Hint is what an ID token of ours says to whom we gave it.
type Hint struct {
	User        ref.UserID
	Application ref.ApplicationID
	Session     ref.TokenID
}

// Hint reads an ID token that this server gave, expired or not. What is none is errs.Invalid.
func (s *Service) Hint(ctx context.Context, text string) (Hint, error) {
	var t IDToken
	if err := s.cfg.Tokens.VerifyID(ctx, text, &t); err != nil {
		return Hint{}, err
	}
	who, ok := token.ParseSubject(t.Subject)
	if t.Issuer != s.cfg.Issuer || !ok || who.User == 0 || t.IssuedAt > s.now().Add(time.Minute).Unix() {
		return Hint{}, errs.Invalidf("the ID token is not one of this server's")
	}
	return Hint{User: who.User, Application: ref.ApplicationID(t.Audience), Session: t.Session}, nil
}

// Logout is what an application asks for when it sends a browser here to sign out, OpenID Connect RP-Initiated Logout 1.0.
type Logout struct {
	Hint        string // an ID token; "": none
	ClientID    string
	RedirectURI string
	State       string
}

// Leaving is a sign-out that may be done.
type Leaving struct {
	Hint        Hint   // zero: none
	RedirectURI string // where to go then; "": nowhere
	Application Application
}

// CheckLogout judges a request to sign out. An address to go on to is one that the application registered, byte by byte; the
// errors are for the person at the browser.
func (s *Service) CheckLogout(ctx context.Context, l Logout) (Leaving, error) {
	var out Leaving
	var err error
	if l.Hint != "" {
		if out.Hint, err = s.Hint(ctx, l.Hint); err != nil {
			if errs.KindOf(err) == errs.Invalid {
				err = errs.Invalidf("The application that sent you here gave an ID token that is not one of this server's. Sign out below, or go back to it.")
			}
			return Leaving{}, err
		}
		if l.ClientID != "" && l.ClientID != string(out.Hint.Application) {
			return Leaving{}, errs.Invalidf("The application that sent you here gave the ID token of another application.")
		}
		l.ClientID = string(out.Hint.Application)
	}
	if l.ClientID == "" {
		if l.RedirectURI != "" {
			return Leaving{}, errs.Invalidf("The application that sent you here did not say which one it is, so that nobody can be sent back to it.")
		}
		return out, nil
	}
	if out.Application, err = s.known(ctx, l.ClientID); absent(err) {
		return Leaving{}, errs.Invalidf("The application that sent you here is not known to this server.")
	} else if err != nil {
		return Leaving{}, err
	}
	if l.RedirectURI == "" {
		return out, nil
	}
	if !slices.Contains(out.Application.LogoutURIs, l.RedirectURI) {
		return Leaving{}, errs.Invalidf("The application that sent you here, %s, gave an address to come back to that is not registered for it.", out.Application.Name)
	}
	out.RedirectURI = l.RedirectURI
	return out, nil
}

// Leave ends the session of the browser, and that of the application which asked.
func (s *Service) Leave(ctx context.Context, l Leaving, at signin.Session, v signin.Visitor) error {
	if at.User != 0 {
		if err := s.cfg.SignIn.End(ctx, at, v, at.ID); err != nil && !absent(err) {
			return err
		}
	}
	if l.Hint.Session == "" {
		return nil
	}
	var g Grant
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		g, err = tx.OpenIDGrant(ctx, l.Hint.Session)
		return err
	})
	if absent(err) || err == nil && (g.Application != l.Application.ID || g.Session.User != l.Hint.User) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.endOwn(ctx, l.Application, g, "application.sign_out")
}
