package openid

import (
	"context"
	"slices"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/token"
)

// How long things are good.
const (
	CodeLife = time.Minute
	// OfflineIdle and OfflineLife are those of a session with refresh tokens: without use, and however much it is used.
	OfflineIdle = 30 * 24 * time.Hour
	OfflineLife = 365 * 24 * time.Hour
)

// Grant is what a session of an application is for.
type Grant struct {
	Session     signin.Session
	Application ref.ApplicationID
	Scopes      []string
	Vouched     ref.OrgID // not 0: the session that the user signed in with was good in that organization alone
}

// live reports whether the session has not ended at now.
func (g Grant) live(now time.Time) bool { return now.Before(g.Session.ExpiresAt) }

func (g Grant) has(scope string) bool { return slices.Contains(g.Scopes, scope) }

// user is the user of the grant, as access is asked about it.
func (g Grant) user() access.Caller {
	return access.Caller{User: g.Session.User, Session: g.Session.ID, Only: g.Vouched}
}

// Code is an authorization code as it is kept.
type Code struct {
	Grant
	Hash        string
	RedirectURI string
	Nonce       string
	Challenge   string
	ExpiresAt   time.Time
	UsedAt      time.Time // zero: not
}

// Refresh is a refresh token as it is kept.
type Refresh struct {
	Grant
	Hash      string
	CreatedAt time.Time
	UsedAt    time.Time // zero: not
}

type grantTx interface {
	InsertOpenIDGrant(ctx context.Context, g Grant) error
	// OpenIDGrant reads that of a session.
	OpenIDGrant(ctx context.Context, session ref.TokenID) (Grant, error)
	InsertOpenIDCode(ctx context.Context, c Code) error
	// OpenIDCode reads one, good or not.
	OpenIDCode(ctx context.Context, hash string) (Code, error)
	// UseOpenIDCode marks one as used; errs.NotFound if it is already.
	UseOpenIDCode(ctx context.Context, hash string, now time.Time) error
	// InsertOpenIDRefresh adds a refresh token and forgets those of its session that were used before forget.
	InsertOpenIDRefresh(ctx context.Context, r Refresh, forget time.Time) error
	// OpenIDRefresh reads one, good or not.
	OpenIDRefresh(ctx context.Context, hash string) (Refresh, error)
	// UseOpenIDRefresh marks one as used; errs.NotFound if it is already.
	UseOpenIDRefresh(ctx context.Context, hash string, now time.Time) error
	// EndSessionsWith ends the sessions of an application that have a scope.
	EndSessionsWith(ctx context.Context, a ref.ApplicationID, scope string) error
}

// finish gives a request its code: the session behind it, the consent where there was one, and the end of the waiting.
func (s *Service) finish(ctx context.Context, step Step, waiting string, at signin.Session, v signin.Visitor) (Step, error) {
	text, err := s.draw(secretBytes)
	if err != nil {
		return Step{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if waiting != "" {
			if err := tx.UseOpenIDRequest(ctx, waiting, s.now()); err != nil {
				return err
			}
		}
		if step.Need == NeedConsent {
			if err := tx.SetOpenIDConsent(ctx, step.Application.ID, at.User, step.Request.Scopes); err != nil {
				return err
			}
		}
		return s.open(ctx, tx, step, hash(text), at, v)
	})
	if absent(err) {
		return Step{}, gone()
	}
	if err != nil {
		return Step{}, err
	}
	step.Need, step.Code = NeedNothing, text
	return step, nil
}

func (s *Service) open(ctx context.Context, tx Tx, step Step, code string, at signin.Session, v signin.Visitor) error {
	q, a := step.Request, step.Application
	idle, life := CodeLife+token.AccessLife, CodeLife+token.AccessLife
	if slices.Contains(q.Scopes, ScopeOffline) {
		idle, life = OfflineIdle, OfflineLife
	}
	session, err := s.cfg.SignIn.OpenFor(ctx, tx, at, signin.Application{Org: a.Org, Idle: idle, Life: life, Visitor: v})
	if err != nil {
		return err
	}
	g := Grant{Session: session, Application: a.ID, Scopes: q.Scopes, Vouched: at.Only}
	if err := tx.InsertOpenIDGrant(ctx, g); err != nil {
		return err
	}
	err = tx.InsertOpenIDCode(ctx, Code{Grant: g, Hash: code, RedirectURI: q.RedirectURI, Nonce: q.Nonce, Challenge: q.Challenge, ExpiresAt: s.now().Add(CodeLife)})
	if err != nil {
		return err
	}
	return record(ctx, tx, at.Caller(v.RequestID), "application.sign_in", a, nil, map[string]any{"scopes": q.Scopes, "opened": session.ID, "address": session.Address})
}

// Redemption is what an application gives for tokens.
type Redemption struct {
	Code        string
	RedirectURI string
	Verifier    string // RFC 7636; "": none
}

// Granted is what it gets.
type Granted struct {
	AccessToken  string
	ExpiresIn    time.Duration
	RefreshToken string // "": none
	IDToken      string
	Scopes       []string
}

// Redeem gives tokens for a code. A code that is used a second time ends what came of the first.
func (s *Service) Redeem(ctx context.Context, by Client, r Redemption) (Granted, error) {
	var c Code
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		c, err = tx.OpenIDCode(ctx, hash(r.Code))
		return err
	})
	switch {
	case err != nil && !absent(err):
		return Granted{}, err
	case err != nil || c.Application != by.Application.ID:
		return Granted{}, refusal(InvalidGrant, "the code is unknown, or of another client")
	case !c.UsedAt.IsZero():
		return Granted{}, s.reused(ctx, by, c.Grant, "code")
	case !s.now().Before(c.ExpiresAt) || !c.live(s.now()):
		return Granted{}, refusal(InvalidGrant, "the code has expired")
	case c.RedirectURI != r.RedirectURI:
		return Granted{}, refusal(InvalidGrant, "redirect_uri is another than the one the code was sent to")
	}
	if err := proveKey(c.Challenge, r.Verifier); err != nil {
		return Granted{}, err
	}
	return s.exchange(ctx, by, c.Grant, c.Nonce, "code", func(tx Tx) error { return tx.UseOpenIDCode(ctx, c.Hash, s.now()) })
}

// Refresh gives new tokens for a refresh token, which is worthless from then on. One that is used a second time ends the session:
// somebody has a copy, and nobody can tell who. scopes, if any, are fewer than before, for the access token.
func (s *Service) Refresh(ctx context.Context, by Client, text string, scopes []string) (Granted, error) {
	var r Refresh
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		r, err = tx.OpenIDRefresh(ctx, hash(text))
		return err
	})
	switch {
	case err != nil && !absent(err):
		return Granted{}, err
	case err != nil || r.Application != by.Application.ID:
		return Granted{}, refusal(InvalidGrant, "the refresh token is unknown, was revoked, or is of another client")
	case !r.UsedAt.IsZero():
		return Granted{}, s.reused(ctx, by, r.Grant, "refresh token")
	case !r.live(s.now()):
		return Granted{}, refusal(InvalidGrant, "the refresh token has expired")
	}
	narrowed := r.Grant
	if len(scopes) > 0 {
		for _, scope := range scopes {
			if !r.has(scope) {
				return Granted{}, refusal(InvalidScope, "scope has more than was granted")
			}
		}
		narrowed.Scopes = slices.DeleteFunc(slices.Clone(r.Scopes), func(scope string) bool { return scope != ScopeOffline && !slices.Contains(scopes, scope) })
	}
	return s.exchange(ctx, by, narrowed, "", "refresh token", func(tx Tx) error {
		if err := tx.UseOpenIDRefresh(ctx, r.Hash, s.now()); err != nil {
			return err
		}
		return tx.StampSessions(ctx, []signin.SessionUse{{ID: r.Session.ID, At: s.now()}}, OfflineIdle)
	})
}

// forgetUsed is how long a used refresh token is remembered.
const forgetUsed = 30 * 24 * time.Hour

// exchange uses up what the tokens are given for, and signs them.
func (s *Service) exchange(ctx context.Context, by Client, g Grant, nonce, what string, use func(Tx) error) (Granted, error) {
	st, err := s.cfg.Guard.Standing(ctx, g.user(), by.Application.Org)
	if k := errs.KindOf(err); k == errs.NotFound || k == errs.Unauthenticated {
		return Granted{}, refusal(InvalidGrant, "the user no longer belongs to the organization of the application")
	}
	if err != nil {
		return Granted{}, err
	}
	out := Granted{Scopes: g.Scopes}
	if g.has(ScopeOffline) {
		text, err := s.draw(secretBytes)
		if err != nil {
			return Granted{}, err
		}
		out.RefreshToken = refreshPrefix + text
	}
	var lost bool
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		lost = false
		if err := use(tx); absent(err) { // another was quicker
			lost = true
			return s.end(ctx, tx, by, g, what)
		} else if err != nil || out.RefreshToken == "" {
			return err
		}
		now := s.now()
		return tx.InsertOpenIDRefresh(ctx, Refresh{Grant: g, Hash: hash(out.RefreshToken), CreatedAt: now}, now.Add(-forgetUsed))
	})
	switch {
	case errs.KindOf(err) == errs.Conflict: // the session ended in between
		return Granted{}, refusal(InvalidGrant, "the session has ended")
	case err != nil:
		return Granted{}, err
	case lost:
		return Granted{}, usedTwice(what)
	}
	return s.signed(ctx, by, g, st, nonce, out)
}

// refreshPrefix is what scanners for leaked secrets look for.
const refreshPrefix = "esr_"

func usedTwice(what string) error {
	return refusal(InvalidGrant, "the %s was used before, so that the session has ended", what)
}

// reused ends the session of what is used a second time.
func (s *Service) reused(ctx context.Context, by Client, g Grant, what string) error {
	err := s.cfg.Store.Write(ctx, func(tx Tx) error { return s.end(ctx, tx, by, g, what) })
	if err != nil {
		return err
	}
	return usedTwice(what)
}

// end ends a session because somebody has a copy of what opens it. One that has ended stays so.
func (s *Service) end(ctx context.Context, tx Tx, by Client, g Grant, what string) error {
	if err := tx.EndSession(ctx, g.Session.User, g.Session.ID); err != nil {
		if absent(err) {
			return nil
		}
		return err
	}
	return record(ctx, tx, g.user(), "application.reuse", by.Application, map[string]any{"reused": what, "session": g.Session.ID}, nil)
}

// signed makes the tokens.
func (s *Service) signed(ctx context.Context, by Client, g Grant, st access.Standing, nonce string, out Granted) (Granted, error) {
	audience := s.userInfoAudience()
	if g.has(ScopeAPI) {
		audience = s.cfg.Audience
	}
	granted, err := s.cfg.Tokens.IssueFor(ctx, access.Principal{User: g.Session.User}, g.Session.ID, audience)
	if err != nil {
		return Granted{}, err
	}
	out.AccessToken, out.ExpiresIn = granted.AccessToken, granted.ExpiresIn
	if !g.has(ScopeOpenID) {
		return out, nil
	}
	p, err := s.profile(ctx, g.Session.User, by.Application.Org)
	if err != nil {
		return Granted{}, err
	}
	out.IDToken, err = s.cfg.Tokens.SignID(ctx, s.idToken(by.Application, g, p, st, nonce, out.AccessToken))
	return out, err
}
