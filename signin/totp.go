package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// App is a user's authenticator app as it is kept. The zero value is none.
type App struct {
	User        ref.UserID
	Sealed      []byte // its secret, sealed
	LastStep    int64  // of the last code that was taken
	CreatedAt   time.Time
	ConfirmedAt time.Time // zero: its first code was not given yet
}

func (a App) confirmed() bool { return !a.ConfirmedAt.IsZero() }

type totpTx interface {
	// App reads the authenticator app of a user.
	App(ctx context.Context, user ref.UserID) (App, error)
	// InsertApp keeps an app that is not confirmed yet, in place of another such one; errs.Conflict if one is confirmed.
	InsertApp(ctx context.Context, a App) error
	// ConfirmApp makes the app count. One that is absent, confirmed, or another one by now, is errs.NotFound.
	ConfirmApp(ctx context.Context, a App, now time.Time) error
	// UseStep notes the step of a code. A step that is not later than the last one is errs.NotFound.
	UseStep(ctx context.Context, user ref.UserID, step int64) error
	// RemoveApp removes the app and the recovery codes; errs.NotFound if there is none that is confirmed.
	RemoveApp(ctx context.Context, user ref.UserID) error

	// ReplaceRecoveryCodes makes these the recovery codes of a user.
	ReplaceRecoveryCodes(ctx context.Context, user ref.UserID, hashes []string) error
	// UseRecoveryCode removes a recovery code; errs.NotFound if the user has none with that hash.
	UseRecoveryCode(ctx context.Context, user ref.UserID, hash string) error
	// RecoveryCodes counts those that are left.
	RecoveryCodes(ctx context.Context, user ref.UserID) (int64, error)
}

const (
	period = 30 * time.Second // RFC 6238, section 5.2
	skew   = 1                // steps that a clock may be off, to either side
	digits = otp.DigitsSix
)

func sealedWith(user ref.UserID) []byte { return []byte("totp/" + user.String()) }

// app reads the authenticator app of a user; the zero value if it has none.
func (s *Service) app(ctx context.Context, user ref.UserID) (a App, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		a, err = tx.App(ctx, user)
		return err
	})
	if absent(err) {
		return App{}, nil
	}
	return a, err
}

// codeCheck is a code that was looked at outside of a transaction, and what to do in one.
type codeCheck struct {
	method Method
	use    func(ctx context.Context, tx Tx) error // errNoCode if it is wrong, or was used
}

// checker judges a code: six digits are of the app, all else is taken for a recovery code.
func (s *Service) checker(ctx context.Context, user ref.UserID, code string) (codeCheck, error) {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.ToLower(code))
	if len(code) != digits.Length() {
		hash := recoveryHash(user, code)
		return codeCheck{RecoveryCode, func(ctx context.Context, tx Tx) error {
			return wrongIfAbsent(tx.UseRecoveryCode(ctx, user, hash))
		}}, nil
	}
	a, err := s.app(ctx, user)
	if err != nil {
		return codeCheck{}, err
	}
	step, err := s.stepOf(a, code)
	if err != nil {
		return codeCheck{}, err
	}
	return codeCheck{TOTP, func(ctx context.Context, tx Tx) error {
		if step == 0 || !a.confirmed() {
			return errNoCode
		}
		return wrongIfAbsent(tx.UseStep(ctx, user, step))
	}}, nil
}

func wrongIfAbsent(err error) error {
	if absent(err) {
		return errNoCode
	}
	return err
}

// stepOf finds the step near now that a code is of; 0 if there is none.
func (s *Service) stepOf(a App, code string) (int64, error) {
	if len(a.Sealed) == 0 || len(code) != digits.Length() {
		return 0, nil
	}
	secret, err := s.cfg.Box.Open(a.Sealed, sealedWith(a.User))
	if err != nil {
		return 0, err
	}
	now := s.now().Unix() / int64(period/time.Second)
	for step := now - skew; step <= now+skew; step++ {
		ok, err := hotp.ValidateCustom(code, uint64(step), string(secret), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, err
		}
		if ok {
			return step, nil
		}
	}
	return 0, nil
}

// NewApp is what a person needs to set up an authenticator app.
type NewApp struct {
	Secret  string // in base32, to type
	URL     string // otpauth://…
	Picture string // the URL as a QR code, a data: URL of a PNG
}

// BeginApp makes the secret of an authenticator app. It counts once ConfirmApp got a code of it.
func (s *Service) BeginApp(ctx context.Context, at Session) (NewApp, error) {
	if err := at.fresh(s.now()); err != nil {
		return NewApp{}, err
	}
	p, err := s.person(ctx, at.User)
	if err != nil {
		return NewApp{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: s.issuer(), AccountName: p.Email, SecretSize: 20, Digits: digits, Rand: s.cfg.Rand})
	if err != nil {
		return NewApp{}, err
	}
	sealed, err := s.cfg.Box.Seal([]byte(key.Secret()), sealedWith(at.User))
	if err != nil {
		return NewApp{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		return tx.InsertApp(ctx, App{User: at.User, Sealed: sealed, CreatedAt: s.now()})
	})
	if errs.KindOf(err) == errs.Conflict {
		return NewApp{}, errs.Conflictf("", "You have an authenticator app already. Remove it first.")
	}
	if err != nil {
		return NewApp{}, err
	}
	return shown(key)
}

// issuer is what apps show beside the address.
func (s *Service) issuer() string {
	if s.public == nil {
		return "Espalier"
	}
	return "Espalier " + s.public.Hostname()
}

func shown(key *otp.Key) (NewApp, error) {
	image, err := key.Image(220, 220)
	if err != nil {
		return NewApp{}, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image); err != nil {
		return NewApp{}, err
	}
	return NewApp{Secret: key.Secret(), URL: key.URL(), Picture: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())}, nil
}

// ConfirmApp takes the first code of an authenticator app and returns the recovery codes, which are shown this once.
func (s *Service) ConfirmApp(ctx context.Context, at Session, v Visitor, code string) ([]string, error) {
	if err := at.fresh(s.now()); err != nil {
		return nil, err
	}
	if err := s.try(ctx, forCodes(at.User), forAddress(v)); err != nil {
		return nil, err
	}
	a, err := s.app(ctx, at.User)
	if err != nil {
		return nil, err
	}
	step, err := s.stepOf(a, strings.ReplaceAll(code, " ", ""))
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, errs.Invalidf("The code is not one of this app at this time. Compare the clock of the device, and give the next code.")
	}
	codes, hashes, err := s.newRecoveryCodes(at.User)
	if err != nil {
		return nil, err
	}
	err = s.changeFactor(ctx, at, v, "signin.totp_add", "An authenticator app was added.", func(tx Tx) error {
		if err := tx.ConfirmApp(ctx, a, s.now()); err != nil {
			return err
		}
		if err := tx.UseStep(ctx, at.User, step); err != nil {
			return err
		}
		if err := succeeded(ctx, tx, v, forCodes(at.User)); err != nil {
			return err
		}
		return tx.ReplaceRecoveryCodes(ctx, at.User, hashes)
	})
	if absent(err) {
		return nil, errs.Conflictf("", "There is no authenticator app to be confirmed. Begin again.")
	}
	return codes, err
}

// RemoveApp takes the authenticator app away, and the recovery codes with it.
func (s *Service) RemoveApp(ctx context.Context, at Session, v Visitor) error {
	if err := at.fresh(s.now()); err != nil {
		return err
	}
	err := s.changeFactor(ctx, at, v, "signin.totp_remove", "The authenticator app was removed.", func(tx Tx) error {
		return tx.RemoveApp(ctx, at.User)
	})
	if absent(err) {
		return errs.NotFoundf("You have no authenticator app.")
	}
	return err
}

const (
	recoveryCodes = 10
	recoveryBytes = 10 // 80 bits: out of reach, also of one who holds the hashes
)

// newRecoveryCodes draws codes, xxxx-xxxx-xxxx-xxxx, and their hashes.
func (s *Service) newRecoveryCodes(user ref.UserID) (codes, hashes []string, err error) {
	for range recoveryCodes {
		text, err := randomText(s.cfg.Rand, recoveryBytes)
		if err != nil {
			return nil, nil, err
		}
		codes = append(codes, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
		hashes = append(hashes, recoveryHash(user, text))
	}
	return codes, hashes, nil
}

func recoveryHash(user ref.UserID, code string) string {
	return hashFor("recovery/"+user.String(), code)
}

// RenewRecoveryCodes makes new recovery codes; the old ones are good no longer.
func (s *Service) RenewRecoveryCodes(ctx context.Context, at Session, v Visitor) ([]string, error) {
	if err := at.fresh(s.now()); err != nil {
		return nil, err
	}
	codes, hashes, err := s.newRecoveryCodes(at.User)
	if err != nil {
		return nil, err
	}
	err = s.changeFactor(ctx, at, v, "signin.recovery_codes_renew", "New recovery codes were made.", func(tx Tx) error {
		a, err := tx.App(ctx, at.User)
		if err != nil && !absent(err) {
			return err
		}
		if !a.confirmed() {
			return errs.Conflictf("", "Recovery codes stand in for an authenticator app, and you have none.")
		}
		return tx.ReplaceRecoveryCodes(ctx, at.User, hashes)
	})
	return codes, err
}

// changeFactor is a change of how a user signs in: the user is told, and the audit log.
func (s *Service) changeFactor(ctx context.Context, at Session, v Visitor, action, told string, do func(Tx) error) error {
	p, err := s.person(ctx, at.User)
	if err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		if err := s.tellChanged(ctx, tx, p, told); err != nil {
			return err
		}
		return record(ctx, tx, change{by: at.Caller(v.RequestID), action: action, user: at.User})
	})
}
