package signin

import (
	"context"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// StoredPassword is a user's password as it is kept. The zero value is none.
type StoredPassword struct {
	Hash  string
	SetAt time.Time
}

type passwordTx interface {
	// Password reads the password of a user.
	Password(ctx context.Context, user ref.UserID) (StoredPassword, error)
	// LockPassword is Password, and holds it against changes until the commit.
	LockPassword(ctx context.Context, user ref.UserID) (StoredPassword, error)
	// SetPassword gives a user a password, or another one.
	SetPassword(ctx context.Context, user ref.UserID, hash string) error
	// RehashPassword replaces a hash by another of the same password, if it is still there.
	RehashPassword(ctx context.Context, user ref.UserID, old, hash string) error
	// InsertPassword gives a user its first password; errs.Conflict if it has one.
	InsertPassword(ctx context.Context, user ref.UserID, hash string) error
}

// PreparePassword checks a new password of a person and returns its hash, for SetPassword or InsertPassword of a transaction.
// It takes long: call it before the transaction.
func (s *Service) PreparePassword(ctx context.Context, password string, about ...string) (hash string, err error) {
	if err := CheckStrength(password, about...); err != nil {
		return "", err
	}
	return s.gate.hash(ctx, normal(password))
}

// about is what guessers of a person's password try first.
func (p Person) about() []string { return []string{p.Email, p.FirstName, p.LastName} }

// SetFirstPassword gives a user without a password its first one, as whoever accepts an invitation. One that has a password is
// errs.Conflict: it is changed by its user, or by a link to its address.
func (s *Service) SetFirstPassword(ctx context.Context, by access.Caller, user ref.UserID, password string) error {
	p, err := s.person(ctx, user)
	if err != nil {
		return err
	}
	hash, err := s.PreparePassword(ctx, password, p.about()...)
	if err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.InsertPassword(ctx, user, hash); err != nil {
			return err
		}
		return record(ctx, tx, change{by: by, action: "signin.password_set", user: user})
	})
}

// OverridePassword gives a user a password by the operator of the server, and ends the user's sessions.
func (s *Service) OverridePassword(ctx context.Context, by access.Caller, user ref.UserID, password string) error {
	if !by.Operator {
		return errs.Forbiddenf("only the operator of the server sets the password of another person")
	}
	p, err := s.person(ctx, user)
	if err != nil {
		return err
	}
	hash, err := s.PreparePassword(ctx, password, p.about()...)
	if err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return s.replacePassword(ctx, tx, by, p, hash, "") })
}

// replacePassword sets a password, ends every session of the user but keep and every value that is good once, and tells the
// person.
func (s *Service) replacePassword(ctx context.Context, tx Tx, by access.Caller, p Person, hash string, keep ref.TokenID) error {
	if err := tx.SetPassword(ctx, p.ID, hash); err != nil {
		return err
	}
	if err := tx.EndSessions(ctx, p.ID, keep); err != nil {
		return err
	}
	if err := tx.DropOnce(ctx, p.ID); err != nil {
		return err
	}
	if err := tx.ForgetTries(ctx, forAccount(p.Email).key); err != nil {
		return err
	}
	if err := s.tellChanged(ctx, tx, p, "Your password was changed."); err != nil {
		return err
	}
	return record(ctx, tx, change{by: by, action: "signin.password_set", user: p.ID})
}

// ChangePassword gives the user of a session another password. Its other sessions end. Who has none yet gives no old one, and
// has signed in lately.
func (s *Service) ChangePassword(ctx context.Context, at Session, v Visitor, old, password string) error {
	if err := at.manages(); err != nil {
		return err
	}
	p, err := s.person(ctx, at.User)
	if err != nil {
		return err
	}
	present, err := s.checkOld(ctx, at, v, p, old)
	if err != nil {
		return err
	}
	hash, err := s.PreparePassword(ctx, password, p.about()...)
	if err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		now, err := tx.LockPassword(ctx, at.User)
		if err != nil && !absent(err) {
			return err
		}
		if !now.SetAt.Equal(present.SetAt) {
			return errs.Conflictf("", "The password was changed a moment ago. Sign in anew.")
		}
		return s.replacePassword(ctx, tx, at.Caller(v.RequestID), p, hash, at.ID)
	})
}

// checkOld verifies the present password of a user, counted like a sign-in, and returns it.
func (s *Service) checkOld(ctx context.Context, at Session, v Visitor, p Person, old string) (StoredPassword, error) {
	present, err := s.password(ctx, at.User)
	if err != nil {
		return StoredPassword{}, err
	}
	if present.Hash == "" {
		return present, at.fresh(s.now())
	}
	if err := s.try(ctx, forAccount(p.Email), forAddress(v)); err != nil {
		return StoredPassword{}, err
	}
	ok, _, err := s.gate.matches(ctx, normal(old), present.Hash)
	if err != nil {
		return StoredPassword{}, err
	}
	if !ok {
		return StoredPassword{}, errs.Invalidf("The present password is wrong.")
	}
	return present, s.cfg.Store.Write(ctx, func(tx Tx) error { return succeeded(ctx, tx, v, forAccount(p.Email)) })
}

// password reads the password of a user; the zero value if it has none.
func (s *Service) password(ctx context.Context, user ref.UserID) (p StoredPassword, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		p, err = tx.Password(ctx, user)
		return err
	})
	if absent(err) {
		return StoredPassword{}, nil
	}
	return p, err
}

func (s *Service) person(ctx context.Context, user ref.UserID) (p Person, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		p, err = tx.Person(ctx, user)
		return err
	})
	if absent(err) {
		return Person{}, errs.NotFoundf("user %d not found", user)
	}
	return p, err
}
