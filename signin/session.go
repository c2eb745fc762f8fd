package signin

import (
	"cmp"
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// How long sessions last.
const (
	SessionIdle = 12 * time.Hour     // without use
	SessionLife = 7 * 24 * time.Hour // however much it is used
	// FreshFor is how long after a sign-in one may change how one signs in.
	FreshFor = 15 * time.Minute
)

// Kind is what a session is of.
type Kind string

// The kinds of session.
const (
	Browser Kind = "browser" // pages of this server
	OpenID  Kind = "openid"  // an application that signed its user in here
)

// Session is a user who has signed in. The secret in its cookie is not kept.
type Session struct {
	ID         ref.TokenID // ^[a-z2-7]{16}$
	User       ref.UserID
	Kind       Kind
	Hash       string    // SHA-256 of the cookie's value
	Only       ref.OrgID // not 0: good in this organization alone, through whose identity provider it was opened
	Proofs     []Proof   // how the user proved who it is, in order
	Agent      string    // what the browser calls itself, at most 256 characters
	Address    string
	CreatedAt  time.Time
	LastUsedAt time.Time // a minute late at most
	ExpiresAt  time.Time // moves with use
	EndsAt     time.Time // does not
}

// AuthenticatedAt is when the user last proved who it is.
func (s Session) AuthenticatedAt() time.Time {
	var at time.Time
	for _, p := range s.Proofs {
		if p.At.After(at) {
			at = p.At
		}
	}
	return at
}

// Caller is the user of the session, asking now.
func (s Session) Caller(requestID string) access.Caller {
	return access.Caller{User: s.User, Session: s.ID, Only: s.Only, RequestID: requestID}
}

// manages refuses sessions opened through an identity provider of an organization that is not the user's home: whoever runs
// it could else give itself the user's password.
func (s Session) manages() error {
	if s.User == 0 {
		return errs.Unauthenticatedf("Sign in first.")
	}
	if s.Only != 0 {
		return errs.Forbiddenf("This session was opened by organization %d and is good there alone. How you sign in is changed in a session that you opened yourself.", s.Only)
	}
	return nil
}

// CodeSignInAgain is the code of the error that a recent sign-in would avoid.
const CodeSignInAgain = "sign_in_again"

// fresh asks for a session that manages, and in which the user proved itself lately.
func (s Session) fresh(now time.Time) error {
	if err := s.manages(); err != nil {
		return err
	}
	if now.Sub(s.AuthenticatedAt()) > FreshFor {
		return &errs.Error{Kind: errs.Forbidden, Code: CodeSignInAgain, Msg: "Your sign-in is some time ago. Sign in again to change how you sign in."}
	}
	return nil
}

type sessionTx interface {
	InsertSession(ctx context.Context, s Session) error
	// Session reads a session, ended or not.
	Session(ctx context.Context, id ref.TokenID) (Session, error)
	// SessionsOf lists the sessions of a user that have not ended at now, the one used last first.
	SessionsOf(ctx context.Context, user ref.UserID, now time.Time) ([]Session, error)
	// EndSession removes a session of a user; from the commit on it is dead. An absent one is errs.NotFound.
	EndSession(ctx context.Context, user ref.UserID, id ref.TokenID) error
	// EndSessions removes all sessions of a user but keep.
	EndSessions(ctx context.Context, user ref.UserID, keep ref.TokenID) error
	// StampSessions moves last uses, and with them the ends, forward and never back. Absent sessions are passed over.
	StampSessions(ctx context.Context, uses []SessionUse, idle time.Duration) error
}

// OpenSession is a sign-in that succeeded.
type OpenSession struct {
	User    ref.UserID
	Kind    Kind      // "": Browser
	Methods []Method  // used now
	Proofs  []Proof   // used before, as part of the same sign-in
	Only    ref.OrgID // not 0: see Session
	// Through is the organization whose identity provider vouched for the user, and which one; zero for none.
	Through  ref.OrgID
	Provider ref.ProviderID
	Visitor
}

// Opened is a new session and the value for its cookie, which cannot be had again.
type Opened struct {
	Session
	Secret string
}

// Open makes a session of a user who has proved who it is, and ends the one that the visitor came with, so that what was known
// before the sign-in is worth nothing after it.
func (s *Service) Open(ctx context.Context, o OpenSession) (Opened, error) {
	made, err := s.newSession(o)
	if err != nil {
		return Opened{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error { return s.open(ctx, tx, o, made.Session) })
	if err != nil {
		return Opened{}, err
	}
	return made, nil
}

const idBytes = 10

// newSession draws a session, outside of the transaction.
func (s *Service) newSession(o OpenSession) (Opened, error) {
	if o.User == 0 || len(o.Methods) == 0 {
		return Opened{}, errs.Invalidf("a session is of a user, who proved itself somehow")
	}
	id, err := randomText(s.cfg.Rand, idBytes)
	if err != nil {
		return Opened{}, err
	}
	secret, err := randomText(s.cfg.Rand, secretBytes)
	if err != nil {
		return Opened{}, err
	}
	text, now := id+"."+secret, s.now()
	proofs := slices.Clone(o.Proofs)
	for _, m := range o.Methods {
		proofs = append(proofs, Proof{Method: m, At: now, Provider: o.Provider})
	}
	return Opened{Secret: text, Session: Session{
		ID: ref.TokenID(id), User: o.User, Kind: cmp.Or(o.Kind, Browser), Hash: hashFor("session", text), Only: o.Only, Proofs: proofs,
		Agent: shortened(o.Agent, 256), Address: shortened(o.Address, 64),
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(SessionIdle), EndsAt: now.Add(SessionLife),
	}}, nil
}

// open writes a session, the end of the old one, and the audit entries.
func (s *Service) open(ctx context.Context, tx Tx, o OpenSession, made Session) error {
	if o.Session != "" {
		old, err := tx.Session(ctx, o.Session)
		if err == nil {
			err = tx.EndSession(ctx, old.User, old.ID)
		}
		if err != nil && !absent(err) {
			return err
		}
	}
	if err := tx.InsertSession(ctx, made); err != nil {
		return err
	}
	for _, m := range o.Methods {
		err := record(ctx, tx, change{
			by: made.Caller(o.RequestID), action: "authentication." + string(m), user: o.User, org: cmp.Or(o.Through, o.Only),
			details: map[string]any{"session": made.ID, "address": made.Address, "agent": made.Agent},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Application is what an application's session is like.
type Application struct {
	Org  ref.OrgID     // which the application belongs to: its sessions are good there alone
	Idle time.Duration // without use
	Life time.Duration // however much it is used
	Visitor
}

// OpenFor makes, in a transaction of its caller, a session of an application that the user of a session signs in to. Nobody
// proves anything anew for it, and it has no cookie.
func (s *Service) OpenFor(ctx context.Context, tx interface {
	InsertSession(ctx context.Context, s Session) error
}, at Session, a Application) (Session, error) {
	id, err := randomText(s.cfg.Rand, idBytes)
	if err != nil {
		return Session{}, err
	}
	now := s.now()
	made := Session{
		ID: ref.TokenID(id), User: at.User, Kind: OpenID, Only: a.Org, Proofs: at.Proofs,
		Agent: shortened(a.Agent, 256), Address: shortened(a.Address, 64),
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(min(a.Idle, a.Life)), EndsAt: now.Add(a.Life),
	}
	return made, tx.InsertSession(ctx, made)
}

// shortened is text fit for a row: UTF-8 without control characters, of so many characters.
func shortened(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	if r := []rune(text); len(r) > most {
		return string(r[:most])
	}
	return text
}

// Resume returns the live session of a cookie's value. Whatever is wrong with it, it is errs.Unauthenticated.
func (s *Service) Resume(ctx context.Context, secret string) (Session, error) {
	id, _, ok := strings.Cut(secret, ".")
	if !ok || len(secret) > 128 {
		return Session{}, errs.Unauthenticatedf("Sign in first.")
	}
	var found Session
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		found, err = tx.Session(ctx, ref.TokenID(id))
		return err
	})
	if err != nil && !absent(err) {
		return Session{}, err
	}
	now := s.now()
	switch {
	case subtle.ConstantTimeCompare([]byte(found.Hash), []byte(hashFor("session", secret))) != 1, found.Kind != Browser:
		return Session{}, errs.Unauthenticatedf("Sign in first.")
	case !now.Before(found.ExpiresAt):
		return Session{}, errs.Unauthenticatedf("Your session has ended. Sign in again.")
	}
	if now.Sub(found.LastUsedAt) >= time.Minute {
		s.uses.note(found.ID, now)
	}
	return found, nil
}

// Sessions lists the sessions of the user that are live, the one used last first; one that is good in an organization alone
// sees itself alone.
func (s *Service) Sessions(ctx context.Context, at Session) (list []Session, err error) {
	if at.Only != 0 {
		return []Session{at}, nil
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		list, err = tx.SessionsOf(ctx, at.User, s.now())
		return err
	})
	return list, err
}

// End ends a session of the user, this one or another.
func (s *Service) End(ctx context.Context, at Session, v Visitor, id ref.TokenID) error {
	if id != at.ID {
		if err := at.manages(); err != nil {
			return err
		}
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.EndSession(ctx, at.User, id); err != nil {
			if absent(err) {
				return errs.NotFoundf("That session has ended already.")
			}
			return err
		}
		return record(ctx, tx, change{by: at.Caller(v.RequestID), action: "signin.session_end", user: at.User, details: map[string]any{"session": id}})
	})
}

// EndOthers ends all sessions of the user but this one.
func (s *Service) EndOthers(ctx context.Context, at Session, v Visitor) error {
	if err := at.manages(); err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.EndSessions(ctx, at.User, at.ID); err != nil {
			return err
		}
		return record(ctx, tx, change{by: at.Caller(v.RequestID), action: "signin.session_end", user: at.User, details: map[string]any{"session": "all others"}})
	})
}

// SessionUse is when a session was last used.
type SessionUse struct {
	ID ref.TokenID
	At time.Time
}

// stamps gathers last uses between two writes.
type stamps struct {
	mu   sync.Mutex
	last map[ref.TokenID]time.Time
}

func (s *stamps) note(id ref.TokenID, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = make(map[ref.TokenID]time.Time)
	}
	if at.After(s.last[id]) {
		s.last[id] = at
	}
}

// take empties the stamps. They come by id, so that two servers lock rows in one order.
func (s *stamps) take() []SessionUse {
	s.mu.Lock()
	defer s.mu.Unlock()
	uses := make([]SessionUse, 0, len(s.last))
	for id, at := range s.last {
		uses = append(uses, SessionUse{id, at})
	}
	clear(s.last)
	slices.SortFunc(uses, func(a, b SessionUse) int { return cmp.Compare(a.ID, b.ID) })
	return uses
}

// flush writes the last uses. What could not be written is kept for the next turn.
func (s *Service) flush(ctx context.Context) error {
	uses := s.uses.take()
	if len(uses) == 0 {
		return nil
	}
	err := s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.StampSessions(ctx, uses, SessionIdle) })
	if err != nil {
		for _, u := range uses {
			s.uses.note(u.ID, u.At)
		}
	}
	return err
}
