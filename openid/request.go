package openid

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
)

// The scopes that mean something. Others are passed over, OpenID Connect Core 1.0, section 3.1.2.1.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeOffline = "offline_access" // a refresh token
	ScopeAPI     = "espalier"       // access to the API of this server, with the rights of the user in the application's organization
)

// Scopes lists them.
var Scopes = []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOffline, ScopeAPI}

// The values of prompt, OpenID Connect Core 1.0, section 3.1.2.1.
const (
	PromptNone          = "none"
	PromptLogin         = "login"
	PromptConsent       = "consent"
	PromptSelectAccount = "select_account"
)

// Request is what an application asks for when it sends a browser here.
type Request struct {
	Application ref.ApplicationID
	RedirectURI string
	Scopes      []string
	State       string
	Nonce       string
	Challenge   string // the SHA-256 of the verifier, RFC 7636 with S256; "": none
	Prompt      []string
	MaxAge      *uint      // seconds since the user proved who it is, at most; nil: any
	LoginHint   string     // an e-mail address
	Hint        ref.UserID // of an ID token that this server gave the application before; 0: none
	At          time.Time
}

// The longest values that are kept, in bytes.
const (
	maxState = 4096
	maxNonce = 1024
	maxHint  = 320
)

// isChallenge reports whether a text is a SHA-256 in base64url.
func isChallenge(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}

// check refuses what cannot be right whoever the user is, and drops the scopes that mean nothing. The application and the
// address to come back to were checked before.
func (q *Request) check(a Application) error {
	switch {
	case len(q.State) > maxState || len(q.Nonce) > maxNonce || len(q.LoginHint) > maxHint:
		return refusal(InvalidRequest, "state has at most %d bytes, nonce %d and login_hint %d", maxState, maxNonce, maxHint)
	case !slices.Contains(q.Scopes, ScopeOpenID):
		return refusal(InvalidScope, "scope does not have openid")
	case slices.Contains(q.Scopes, ScopeAPI) && !a.API:
		return refusal(InvalidScope, "this application is not registered for access to the API")
	case q.Challenge != "" && !isChallenge(q.Challenge):
		return refusal(InvalidRequest, "code_challenge is no SHA-256 in base64url")
	case q.Challenge == "" && a.Public():
		return refusal(InvalidRequest, "code_challenge is needed: the application is public")
	case q.asks(PromptNone) && len(q.Prompt) > 1:
		return refusal(InvalidRequest, "prompt has none and something else")
	}
	scopes := q.Scopes
	q.Scopes = nil
	for _, known := range Scopes {
		if slices.Contains(scopes, known) {
			q.Scopes = append(q.Scopes, known)
		}
	}
	return nil
}

func (q Request) asks(prompt string) bool { return slices.Contains(q.Prompt, prompt) }

// Need is what has to be done before the application gets a code.
type Need int

// The needs.
const (
	NeedNothing Need = iota
	NeedSignIn       // the user has to sign in
	NeedProof        // the user is signed in, and has to prove anew who it is
	NeedConsent
)

// Step is where a request stands.
type Step struct {
	Need        Need
	Waiting     string // names the request while something is needed
	Code        string // else
	Request     Request
	Application Application
	OrgName     string
	User        signin.Person // who is asked for consent
}

// situation is what the decision about a request looks at.
type situation struct {
	session   signin.Session // without a user: nobody is signed in
	standing  error          // nil: the user may sign in to the application
	consented []string       // scopes that the user allowed before
	now       time.Time
}

// decide says what a request needs. A sign-in after the request was made settles what it asks of one.
func (q Request) decide(a Application, c situation) (Need, error) {
	at := c.session.AuthenticatedAt()
	signedIn, anew := c.session.User != 0, !at.Before(q.At)
	stale := q.asks(PromptLogin) || q.asks(PromptSelectAccount) || q.MaxAge != nil && c.now.Sub(at) > time.Duration(*q.MaxAge)*time.Second
	other := q.Hint != 0 && q.Hint != c.session.User
	switch {
	case q.asks(PromptNone) && (!signedIn || stale || other):
		return 0, refusal(LoginRequired, "the user has to sign in")
	case !signedIn:
		return NeedSignIn, nil
	case other && anew:
		return 0, refusal(LoginRequired, "another user has signed in than the one that id_token_hint names")
	case (stale || other) && !anew:
		return NeedProof, nil
	case c.standing != nil:
		return 0, refusal(AccessDenied, "the user does not belong to the organization of the application")
	}
	if !q.needsConsent(a, c.consented) {
		return NeedNothing, nil
	}
	if q.asks(PromptNone) {
		return 0, refusal(ConsentRequired, "the user has to consent")
	}
	return NeedConsent, nil
}

// needsConsent: access to the API is asked for each time, whatever was allowed before.
func (q Request) needsConsent(a Application, consented []string) bool {
	if q.asks(PromptConsent) {
		return true
	}
	return slices.ContainsFunc(q.Scopes, func(scope string) bool {
		switch {
		case scope == ScopeAPI:
			return true
		case a.SkipConsent && scope != ScopeOffline:
			return false
		}
		return !slices.Contains(consented, scope)
	})
}

// waitFor is how long a request waits for its user.
const waitFor = 30 * time.Minute

// Waiting is a request that waits for its user.
type Waiting struct {
	ID          string
	Application ref.ApplicationID
	Request     string // JSON
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

type requestTx interface {
	// InsertOpenIDRequest keeps a request, and removes those that have ended before it.
	InsertOpenIDRequest(ctx context.Context, w Waiting) error
	// OpenIDRequest reads one that has not ended at now.
	OpenIDRequest(ctx context.Context, id string, now time.Time) (Waiting, error)
	// UseOpenIDRequest removes one that has not ended: of two at the same time, one is errs.NotFound.
	UseOpenIDRequest(ctx context.Context, id string, now time.Time) error

	// OpenIDConsent is the scopes that a user has allowed an application; none is nil.
	OpenIDConsent(ctx context.Context, a ref.ApplicationID, user ref.UserID) ([]string, error)
	SetOpenIDConsent(ctx context.Context, a ref.ApplicationID, user ref.UserID, scopes []string) error
	// DropOpenIDConsents forgets what all users have allowed an application.
	DropOpenIDConsents(ctx context.Context, a ref.ApplicationID) error
}

// Find returns the application of a request, if the address to come back to is one that it registered, byte by byte. Until that
// is known nobody may be sent anywhere: the error, errs.Invalid, is for the person at the browser.
func (s *Service) Find(ctx context.Context, id, redirectURI string) (Application, error) {
	a, err := s.known(ctx, id)
	if absent(err) {
		return Application{}, errs.Invalidf("The application that sent you here is not known to this server. Whoever runs it can look at its client_id.")
	}
	if err != nil {
		return Application{}, err
	}
	if !slices.Contains(a.RedirectURIs, redirectURI) {
		return Application{}, errs.Invalidf("The application that sent you here, %s, gave an address to come back to that is not registered for it. Whoever runs it can add the exact address.", a.Name)
	}
	return a, nil
}

// Begin answers a request of an application that Find returned. An *Error is for the application. later keeps the request in any
// case, for the next visit of the browser to decide.
func (s *Service) Begin(ctx context.Context, a Application, q Request, at signin.Session, v signin.Visitor, later bool) (Step, error) {
	q.Application, q.At = a.ID, s.now()
	if err := q.check(a); err != nil {
		return Step{}, err
	}
	step := Step{Need: NeedSignIn}
	if !later {
		var err error
		if step, err = s.stand(ctx, a, q, at); err != nil {
			return Step{}, err
		}
	}
	step.Request, step.Application = q, a
	if step.Need == NeedNothing {
		return s.finish(ctx, step, "", at, v)
	}
	var err error
	step.Waiting, err = s.keep(ctx, q)
	return step, err
}

func (s *Service) keep(ctx context.Context, q Request) (string, error) {
	id, err := s.draw(secretBytes)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(q)
	if err != nil {
		return "", err
	}
	w := Waiting{ID: id, Application: q.Application, Request: string(text), CreatedAt: q.At, ExpiresAt: q.At.Add(waitFor)}
	return id, s.cfg.Store.Write(ctx, func(tx Tx) error {
		err := tx.InsertOpenIDRequest(ctx, w)
		if errs.KindOf(err) == errs.Conflict { // the application is gone by now
			return refusal(InvalidRequest, "the application is no longer registered")
		}
		return err
	})
}

// Resume takes up a request that waited, with the session that there is now. Where the application is to be told an error, the
// step says of which request.
func (s *Service) Resume(ctx context.Context, waiting string, at signin.Session, v signin.Visitor) (Step, error) {
	step, err := s.waiting(ctx, waiting)
	if err != nil {
		return Step{}, err
	}
	stood, err := s.stand(ctx, step.Application, step.Request, at)
	if err != nil {
		return step, err
	}
	step.Need, step.OrgName, step.User = stood.Need, stood.OrgName, stood.User
	if step.Need == NeedNothing {
		return s.finish(ctx, step, waiting, at, v)
	}
	return step, nil
}

// waiting reads a request; errs.NotFound is told the person at the browser.
func (s *Service) waiting(ctx context.Context, id string) (Step, error) {
	step := Step{Waiting: id}
	err := s.cfg.Store.Read(ctx, func(tx Tx) error {
		w, err := tx.OpenIDRequest(ctx, id, s.now())
		if err != nil {
			return err
		}
		if step.Application, err = tx.Application(ctx, w.Application); err != nil {
			return err
		}
		return json.Unmarshal([]byte(w.Request), &step.Request)
	})
	if absent(err) || err == nil && !slices.Contains(step.Application.RedirectURIs, step.Request.RedirectURI) {
		return Step{}, gone()
	}
	if err == nil && slices.Contains(step.Request.Scopes, ScopeAPI) && !step.Application.API {
		return Step{}, gone()
	}
	return step, err
}

func gone() error {
	return errs.NotFoundf("This sign-in was finished before, or waited too long. Begin again at the application.")
}

// stand finds out what a request needs, and whom to ask.
func (s *Service) stand(ctx context.Context, a Application, q Request, at signin.Session) (Step, error) {
	var step Step
	c := situation{session: at, now: s.now()}
	if at.User != 0 {
		_, err := s.cfg.Guard.Standing(ctx, access.Caller{User: at.User, Only: at.Only}, a.Org)
		if k := errs.KindOf(err); err != nil && k != errs.NotFound && k != errs.Unauthenticated {
			return Step{}, err
		}
		c.standing = err
		err = s.cfg.Store.Read(ctx, func(tx Tx) error {
			if c.consented, err = tx.OpenIDConsent(ctx, a.ID, at.User); err != nil {
				return err
			}
			p, err := tx.OpenIDProfile(ctx, at.User, a.Org)
			step.User, step.OrgName = signin.Person{ID: at.User, Email: p.Email, FirstName: p.FirstName, LastName: p.LastName}, p.OrgName
			return err
		})
		if err != nil {
			return Step{}, err
		}
	}
	var err error
	step.Need, err = q.decide(a, c)
	return step, err
}

// Allow is the consent of the user who was asked, and gives the application its code.
func (s *Service) Allow(ctx context.Context, waiting string, asked ref.UserID, at signin.Session, v signin.Visitor) (Step, error) {
	if at.User != asked {
		return Step{}, errs.Conflictf("", "Somebody else has signed in since you were asked. Begin again at the application.")
	}
	step, err := s.waiting(ctx, waiting)
	if err != nil {
		return Step{}, err
	}
	stood, err := s.stand(ctx, step.Application, step.Request, at)
	if err != nil {
		return step, err
	}
	step.Need = stood.Need
	if step.Need != NeedConsent && step.Need != NeedNothing {
		return step, nil
	}
	step.Need = NeedConsent // finish keeps it
	return s.finish(ctx, step, waiting, at, v)
}

// Deny ends a request of which the user wants nothing. The error is for the application.
func (s *Service) Deny(ctx context.Context, waiting string) (Step, error) {
	step, err := s.waiting(ctx, waiting)
	if err != nil {
		return Step{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.UseOpenIDRequest(ctx, waiting, s.now()) })
	if absent(err) {
		return Step{}, gone()
	}
	return step, errors.Join(err, refusal(AccessDenied, "the user does not want that"))
}
