package signin

import (
	"context"
	"time"
)

// Account is how a user signs in, for the user.
type Account struct {
	Person
	Manages       bool      // false: this session may not change anything of it
	PasswordSetAt time.Time // zero: no password
	AppSince      time.Time // zero: no authenticator app
	RecoveryCodes int64     // left
	Passkeys      []StoredPasskey
	Sessions      []Session // the one used last first
}

// Account shows how the user of a session signs in.
func (s *Service) Account(ctx context.Context, at Session) (Account, error) {
	a := Account{Manages: at.manages() == nil}
	var err error
	if a.Person, err = s.person(ctx, at.User); err != nil {
		return Account{}, err
	}
	if a.Sessions, err = s.Sessions(ctx, at); err != nil || !a.Manages {
		return a, err
	}
	stored, err := s.password(ctx, at.User)
	if err != nil {
		return Account{}, err
	}
	a.PasswordSetAt = stored.SetAt
	app, err := s.app(ctx, at.User)
	if err != nil {
		return Account{}, err
	}
	a.AppSince = app.ConfirmedAt
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		if a.RecoveryCodes, err = tx.RecoveryCodes(ctx, at.User); err != nil {
			return err
		}
		a.Passkeys, err = tx.Passkeys(ctx, at.User)
		return err
	})
	return a, err
}
