package signindb

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
)

// App reads the authenticator app of a user.
func (t SignIn) App(ctx context.Context, user ref.UserID) (signin.App, error) {
	a := signin.App{User: user}
	var sealed string
	var created int64
	var confirmed sqldb.NullTime
	err := t.tx.Row(ctx, `SELECT secret_sealed, last_step, created_at, confirmed_at FROM totp WHERE user_id = $1`, []any{user},
		&sealed, &a.LastStep, &created, &confirmed)
	if err != nil {
		return signin.App{}, err
	}
	a.CreatedAt, a.ConfirmedAt = sqldb.Time(created), confirmed.Time
	if a.Sealed, err = base64.StdEncoding.DecodeString(sealed); err != nil {
		return signin.App{}, fmt.Errorf("authenticator app of user %d: %w", user, err)
	}
	return a, nil
}

// InsertApp keeps an app that is not confirmed yet, in place of another such one; errs.Conflict if one is confirmed.
func (t SignIn) InsertApp(ctx context.Context, a signin.App) error {
	n, err := t.tx.Exec(ctx, `
		INSERT INTO totp (user_id, secret_sealed, last_step, created_at) VALUES ($1, $2, 0, $3)
		ON CONFLICT (user_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0, created_at = excluded.created_at
		WHERE totp.confirmed_at IS NULL`, a.User, base64.StdEncoding.EncodeToString(a.Sealed), sqldb.Micros(a.CreatedAt))
	if err == nil && n == 0 {
		return errs.Conflictf("", "user %d has an authenticator app", a.User)
	}
	return err
}

// ConfirmApp makes the app count. One that is absent, confirmed, or another one by now, is errs.NotFound.
func (t SignIn) ConfirmApp(ctx context.Context, a signin.App, now time.Time) error {
	return t.tx.Exec1(ctx, `UPDATE totp SET confirmed_at = $3 WHERE user_id = $1 AND secret_sealed = $2 AND confirmed_at IS NULL`,
		a.User, base64.StdEncoding.EncodeToString(a.Sealed), sqldb.Micros(now))
}

// UseStep notes the step of a code. A step that is not later than the last one is errs.NotFound.
func (t SignIn) UseStep(ctx context.Context, user ref.UserID, step int64) error {
	return t.tx.Exec1(ctx, `UPDATE totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2`, user, step)
}

// RemoveApp removes the app and the recovery codes; errs.NotFound if there is none that is confirmed.
func (t SignIn) RemoveApp(ctx context.Context, user ref.UserID) error {
	if err := t.tx.Exec1(ctx, `DELETE FROM totp WHERE user_id = $1 AND confirmed_at IS NOT NULL`, user); err != nil {
		return err
	}
	return t.ReplaceRecoveryCodes(ctx, user, nil)
}

// ReplaceRecoveryCodes makes these the recovery codes of a user.
func (t SignIn) ReplaceRecoveryCodes(ctx context.Context, user ref.UserID, hashes []string) error {
	if err := t.tx.Later(ctx, `DELETE FROM recovery_code WHERE user_id = $1`, user); err != nil {
		return err
	}
	for _, h := range hashes {
		if err := t.tx.Later(ctx, `INSERT INTO recovery_code (user_id, hash, created_at) VALUES ($1, $2, $3)`, user, h, sqldb.Micros(t.tx.Now())); err != nil {
			return err
		}
	}
	return nil
}

// UseRecoveryCode removes a recovery code; errs.NotFound if the user has none with that hash.
func (t SignIn) UseRecoveryCode(ctx context.Context, user ref.UserID, hash string) error {
	return t.tx.Exec1(ctx, `DELETE FROM recovery_code WHERE user_id = $1 AND hash = $2`, user, hash)
}

// RecoveryCodes counts those that are left.
func (t SignIn) RecoveryCodes(ctx context.Context, user ref.UserID) (n int64, err error) {
	err = t.tx.Row(ctx, `SELECT count(*) FROM recovery_code WHERE user_id = $1`, []any{user}, &n)
	return n, err
}

const passkeyColumns = `id, user_id, name, record_json, created_at, last_used_at`

func scanPasskey(scan func(...any) error) (signin.StoredPasskey, error) {
	var p signin.StoredPasskey
	var created int64
	var used sqldb.NullTime
	err := scan(&p.ID, &p.User, &p.Name, &p.Record, &created, &used)
	p.CreatedAt, p.LastUsedAt = sqldb.Time(created), used.Time
	return p, err
}

// Passkey reads a passkey by the credential's id.
func (t SignIn) Passkey(ctx context.Context, id string) (signin.StoredPasskey, error) {
	return scanPasskey(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+passkeyColumns+` FROM passkey WHERE id = $1`, []any{id}, dest...)
	})
}

// Passkeys lists those of a user, oldest first.
func (t SignIn) Passkeys(ctx context.Context, user ref.UserID) ([]signin.StoredPasskey, error) {
	var list []signin.StoredPasskey
	err := t.tx.Rows(ctx, `SELECT `+passkeyColumns+` FROM passkey WHERE user_id = $1 ORDER BY created_at, id`, []any{user},
		func(scan func(...any) error) error {
			p, err := scanPasskey(scan)
			list = append(list, p)
			return err
		})
	return list, err
}

// InsertPasskey adds one; errs.Conflict if the credential is known.
func (t SignIn) InsertPasskey(ctx context.Context, p signin.StoredPasskey) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO passkey (`+passkeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.ID, p.User, p.Name, p.Record, sqldb.Micros(p.CreatedAt), sqldb.NullTimeOf(p.LastUsedAt))
	return err
}

// UsePasskey notes a use: the record with its count of signatures, if old is still the one that is there.
func (t SignIn) UsePasskey(ctx context.Context, p signin.StoredPasskey, old string) error {
	return t.tx.Exec1(ctx, `UPDATE passkey SET record_json = $2, last_used_at = $3 WHERE id = $1 AND record_json = $4`,
		p.ID, p.Record, sqldb.Micros(p.LastUsedAt), old)
}

// RemovePasskey removes a passkey of a user; errs.NotFound if the user has none with that id.
func (t SignIn) RemovePasskey(ctx context.Context, user ref.UserID, id string) error {
	return t.tx.Exec1(ctx, `DELETE FROM passkey WHERE id = $1 AND user_id = $2`, id, user)
}
