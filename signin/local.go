package signin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Step is where a sign-in by password stands: a session, or a value to give along with a code.
type Step struct {
	Opened         // zero while a code is wanted
	Pending string // "" once there is a session
}

// errMismatch is the one answer to a wrong password, an unknown address, and a user who has no password.
func errMismatch() error {
	return errs.Unauthenticatedf("The e-mail and the password do not match.")
}

// SignIn tries a password. An unknown address, a user without a password and a wrong one are errs.Unauthenticated, in the same
// words after the same work; too many tries are errs.TooMany, also of an address that nobody has; what the policy refuses is
// errs.Forbidden, told only to who gave the right password.
func (s *Service) SignIn(ctx context.Context, v Visitor, email, password string) (Step, error) {
	account := forAccount(email)
	var who Person
	var stored StoredPassword
	err := s.cfg.Store.Write(ctx, func(tx Tx) (err error) {
		if err := s.countAll(ctx, tx, account, forAddress(v)); err != nil {
			return err
		}
		who, stored, err = byEmail(ctx, tx, email)
		return err
	})
	if err != nil {
		return Step{}, err
	}
	ok, stale, err := s.gate.matches(ctx, normal(password), stored.Hash)
	if err != nil {
		return Step{}, err
	}
	if !ok {
		return Step{}, s.mismatch(ctx, v, who, account)
	}
	if stale {
		s.rehash(ctx, who, stored, password)
	}
	return s.passed(ctx, v, who, stored, account)
}

// byEmail reads a user with its password; zero values for what there is not. It reads as much of a stranger.
func byEmail(ctx context.Context, tx Tx, email string) (p Person, stored StoredPassword, err error) {
	if !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		email = "" // nobody's, and fit to be asked for on both engines
	}
	if p, err = tx.PersonByEmail(ctx, email); err != nil && !absent(err) {
		return p, stored, err
	}
	if stored, err = tx.Password(ctx, p.ID); absent(err) {
		err = nil
	}
	return p, stored, err
}

// personByEmail reads a user; the zero value for a stranger.
func (s *Service) personByEmail(ctx context.Context, email string) (p Person, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		p, _, err = byEmail(ctx, tx, email)
		return err
	})
	return p, err
}

// mismatch notes a wrong password. It writes of a stranger too, since an answer without a commit would come sooner.
func (s *Service) mismatch(ctx context.Context, v Visitor, who Person, account counter) error {
	err := s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.TouchTries(ctx, account.key, s.now()); err != nil || who.ID == 0 {
			return err
		}
		return record(ctx, tx, failed(v, who.ID, Password, "wrong password"))
	})
	if err != nil {
		return err
	}
	return errMismatch()
}

// rehash keeps a password under today's parameters. What fails is done at the next sign-in.
func (s *Service) rehash(ctx context.Context, who Person, stored StoredPassword, password string) {
	hash, err := s.gate.hash(ctx, normal(password))
	if err == nil {
		err = s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.RehashPassword(ctx, who.ID, stored.Hash, hash) })
	}
	s.report(ctx, "hash a password with the present parameters", err)
}

// passed goes on after the right password.
func (s *Service) passed(ctx context.Context, v Visitor, who Person, stored StoredPassword, account counter) (Step, error) {
	terms, err := s.terms(ctx, who.ID)
	if err != nil {
		return Step{}, err
	}
	app, err := s.app(ctx, who.ID)
	if err != nil {
		return Step{}, err
	}
	switch {
	case terms.Refused != "":
		return Step{}, s.refuse(ctx, v, who.ID, Password, terms.Refused)
	case app.confirmed():
		return s.wantCode(ctx, v, who, stored, account)
	case terms.SecondFactor:
		return Step{}, s.refuse(ctx, v, who.ID, Password, "Your organization asks for a second factor, and you have set up none. Use a passkey, or ask the operator of this server.")
	}
	o := OpenSession{User: who.ID, Methods: []Method{Password}, Visitor: v}
	made, err := s.openLocally(ctx, o, terms, func(tx Tx) error {
		if err := still(ctx, tx, who.ID, stored); err != nil {
			return err
		}
		return succeeded(ctx, tx, v, account)
	})
	return Step{Opened: made}, err
}

// still refuses a password that was verified and has been replaced since.
func still(ctx context.Context, tx Tx, user ref.UserID, verified StoredPassword) error {
	now, err := tx.LockPassword(ctx, user)
	if err != nil && !absent(err) {
		return err
	}
	if !now.SetAt.Equal(verified.SetAt) { // and not the hash, which may have been made anew
		return errMismatch()
	}
	return nil
}

// openLocally opens a session after what before did in the same transaction. Where an organization's identity provider was
// passed by, that is told loudly.
func (s *Service) openLocally(ctx context.Context, o OpenSession, terms LocalTerms, before func(Tx) error) (Opened, error) {
	made, err := s.newSession(o)
	if err != nil {
		return Opened{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := before(tx); err != nil {
			return err
		}
		if err := s.open(ctx, tx, o, made.Session); err != nil {
			return err
		}
		for _, id := range terms.BreakGlass {
			err := record(ctx, tx, change{by: made.Caller(o.RequestID), action: "authentication.break_glass", user: o.User, org: id,
				details: map[string]any{"session": made.ID, "address": made.Address}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Opened{}, err
	}
	for _, id := range terms.BreakGlass {
		s.cfg.Log.Warn("signed in past the organization's identity provider", "user", o.User, "org", id, "address", made.Address)
	}
	return made, nil
}

// refuse notes that the policy refused a user who had proved itself.
func (s *Service) refuse(ctx context.Context, v Visitor, user ref.UserID, m Method, why string) error {
	err := s.cfg.Store.Write(ctx, func(tx Tx) error { return record(ctx, tx, failed(v, user, m, why)) })
	if err != nil {
		return err
	}
	return errs.Forbiddenf("%s", why)
}

// half is a sign-in between the password and the code.
type half struct {
	Proofs []Proof `json:"proofs"`
}

func (s *Service) wantCode(ctx context.Context, v Visitor, who Person, stored StoredPassword, account counter) (Step, error) {
	data, err := json.Marshal(half{Proofs: []Proof{{Method: Password, At: s.now()}}})
	if err != nil {
		return Step{}, err
	}
	once, text, err := s.newOnce(ForSecondFactor, who.ID, string(data))
	if err != nil {
		return Step{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := still(ctx, tx, who.ID, stored); err != nil {
			return err
		}
		if err := succeeded(ctx, tx, v, account); err != nil {
			return err
		}
		return tx.InsertOnce(ctx, once)
	})
	return Step{Pending: text}, err
}

// SignInCode tries a code, of the authenticator app or one for recovery, after the password. A wrong one is
// errs.Unauthenticated and may be tried again; a pending value that is unknown, used or over is errs.NotFound.
func (s *Service) SignInCode(ctx context.Context, v Visitor, pending, code string) (Opened, error) {
	hash := hashFor(string(ForSecondFactor), pending)
	var once Once
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		once, err = tx.Once(ctx, hash, s.now())
		return err
	})
	if err != nil {
		return Opened{}, overOr(err)
	}
	if err := s.try(ctx, forCodes(once.User), forAddress(v)); err != nil {
		return Opened{}, err
	}
	check, err := s.checker(ctx, once.User, code)
	if err != nil {
		return Opened{}, err
	}
	terms, err := s.terms(ctx, once.User)
	if err != nil {
		return Opened{}, err
	}
	if terms.Refused != "" {
		return Opened{}, s.refuse(ctx, v, once.User, check.method, terms.Refused)
	}
	return s.openWithCode(ctx, v, once, check, terms)
}

var errNoCode = errors.New("the code is wrong")

func (s *Service) openWithCode(ctx context.Context, v Visitor, once Once, check codeCheck, terms LocalTerms) (Opened, error) {
	var before half
	if err := json.Unmarshal([]byte(once.Data), &before); err != nil {
		return Opened{}, err
	}
	o := OpenSession{User: once.User, Methods: []Method{check.method}, Proofs: before.Proofs, Visitor: v}
	made, err := s.openLocally(ctx, o, terms, func(tx Tx) error {
		if _, err := tx.UseOnce(ctx, once.Hash, s.now()); err != nil {
			return overOr(err)
		}
		if err := check.use(ctx, tx); err != nil {
			return err // undoes the use of the pending value, too
		}
		return succeeded(ctx, tx, v, forCodes(once.User))
	})
	if errors.Is(err, errNoCode) {
		return Opened{}, s.wrongCode(ctx, v, once.User, check.method)
	}
	return made, err
}

func (s *Service) wrongCode(ctx context.Context, v Visitor, user ref.UserID, m Method) error {
	err := s.cfg.Store.Write(ctx, func(tx Tx) error { return record(ctx, tx, failed(v, user, m, "wrong code")) })
	if err != nil {
		return err
	}
	return errs.Unauthenticatedf("The code is wrong, or was used already. Each is good once: wait for the next one.")
}

// overOr is errs.NotFound, in words, for a value that is unknown, used or over; other errors stay.
func overOr(err error) error {
	if absent(err) {
		return errs.NotFoundf("This sign-in has taken too long, or has been finished. Begin again.")
	}
	return err
}
