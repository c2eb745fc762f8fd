package signindb

import (
	"context"
	"time"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
)

// SignIn is the statements of signing in, in one transaction.
type SignIn struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
	changed func(...ref.UserID) // these users have other sessions than before
}

// New makes the statements of a transaction. changed is called, inside the transaction, with users whose sessions have
// changed.
func New(tx *sqldb.Tx, d *sqldb.Dialect, changed func(...ref.UserID)) SignIn {
	return SignIn{tx: tx, dialect: d, changed: changed}
}

const personQuery = `SELECT id, email, first_name, last_name FROM app_user WHERE `

// Person reads a user.
func (t SignIn) Person(ctx context.Context, user ref.UserID) (p signin.Person, err error) {
	err = t.tx.Row(ctx, personQuery+`id = $1`, []any{user}, &p.ID, &p.Email, &p.FirstName, &p.LastName)
	return p, err
}

// PersonByEmail finds a user by its address, compared case-folded.
func (t SignIn) PersonByEmail(ctx context.Context, email string) (p signin.Person, err error) {
	err = t.tx.Row(ctx, personQuery+`email_folded = $1`, []any{filter.Fold(email)}, &p.ID, &p.Email, &p.FirstName, &p.LastName)
	return p, err
}

const passwordQuery = `SELECT hash, set_at FROM password WHERE user_id = $1`

func (t SignIn) password(ctx context.Context, query string, user ref.UserID) (p signin.StoredPassword, err error) {
	var at int64
	if err = t.tx.Row(ctx, query, []any{user}, &p.Hash, &at); err == nil {
		p.SetAt = sqldb.Time(at)
	}
	return p, err
}

// Password reads the password of a user.
func (t SignIn) Password(ctx context.Context, user ref.UserID) (signin.StoredPassword, error) {
	return t.password(ctx, passwordQuery, user)
}

// LockPassword is Password, and holds it against changes until the commit. Where there is no row yet, the first to insert one
// wins.
func (t SignIn) LockPassword(ctx context.Context, user ref.UserID) (signin.StoredPassword, error) {
	return t.password(ctx, passwordQuery+" "+t.dialect.ForUpdate, user)
}

// SetPassword gives a user a password, or another one.
func (t SignIn) SetPassword(ctx context.Context, user ref.UserID, hash string) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO password (user_id, hash, set_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at`,
		user, hash, sqldb.Micros(t.tx.Now()))
	return err
}

// RehashPassword replaces a hash by another of the same password, if it is still there.
func (t SignIn) RehashPassword(ctx context.Context, user ref.UserID, old, hash string) error {
	_, err := t.tx.Exec(ctx, `UPDATE password SET hash = $3 WHERE user_id = $1 AND hash = $2`, user, old, hash)
	return err
}

// InsertPassword gives a user its first password; errs.Conflict if it has one.
func (t SignIn) InsertPassword(ctx context.Context, user ref.UserID, hash string) error {
	n, err := t.tx.Exec(ctx, `
		INSERT INTO password (user_id, hash, set_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING`,
		user, hash, sqldb.Micros(t.tx.Now()))
	if err == nil && n == 0 {
		return errs.Conflictf("", "user %d has a password already: its user changes it, or asks for a link to its address", user)
	}
	return err
}

// InsertOnce keeps a value that is good once.
func (t SignIn) InsertOnce(ctx context.Context, o signin.Once) error {
	var user any
	if o.User != 0 {
		user = o.User
	}
	_, err := t.tx.Exec(ctx, `
		INSERT INTO one_time (hash, purpose, user_id, data_json, created_at, expires_at)
		VALUES ($1, $2, CAST($3 AS BIGINT), $4, $5, $6)`,
		o.Hash, string(o.Purpose), user, o.Data, sqldb.Micros(o.CreatedAt), sqldb.Micros(o.ExpiresAt))
	return err
}

const onceColumns = `hash, purpose, COALESCE(user_id, 0), data_json, created_at, expires_at`

func (t SignIn) once(ctx context.Context, query, hash string, now time.Time) (o signin.Once, err error) {
	var created, expires int64
	err = t.tx.Row(ctx, query, []any{hash, sqldb.Micros(now)}, &o.Hash, &o.Purpose, &o.User, &o.Data, &created, &expires)
	if err == nil {
		o.CreatedAt, o.ExpiresAt = sqldb.Time(created), sqldb.Time(expires)
	}
	return o, err
}

// Once reads a value that is good at now and leaves it.
func (t SignIn) Once(ctx context.Context, hash string, now time.Time) (signin.Once, error) {
	return t.once(ctx, `SELECT `+onceColumns+` FROM one_time WHERE hash = $1 AND expires_at > $2`, hash, now)
}

// UseOnce reads a value that is good at now and removes it: of two at the same time, one finds nothing.
func (t SignIn) UseOnce(ctx context.Context, hash string, now time.Time) (signin.Once, error) {
	return t.once(ctx, `DELETE FROM one_time WHERE hash = $1 AND expires_at > $2 RETURNING `+onceColumns, hash, now)
}

// DropOnce removes all values of a user.
func (t SignIn) DropOnce(ctx context.Context, user ref.UserID) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM one_time WHERE user_id = $1`, user)
	return err
}

// CountTry adds a try and returns how many there are, those before forget not counted. While a pause lasts nothing is added, and
// it returns the end of the pause. It is one statement, so that of many tries at once each counts.
func (t SignIn) CountTry(ctx context.Context, key string, now, forget time.Time) (tries int64, pausedUntil time.Time, err error) {
	err = t.tx.Row(ctx, `
		INSERT INTO throttle (counted_for, tries, last_at, until_at) VALUES ($1, 1, $2, 0)
		ON CONFLICT (counted_for) DO UPDATE SET last_at = excluded.last_at,
			tries = CASE WHEN throttle.last_at < $3 THEN 1 ELSE throttle.tries + 1 END
		WHERE throttle.until_at <= excluded.last_at
		RETURNING tries`, []any{key, sqldb.Micros(now), sqldb.Micros(forget)}, &tries)
	if errs.KindOf(err) != errs.NotFound {
		return tries, time.Time{}, err
	}
	var until int64
	if err := t.tx.Row(ctx, `SELECT until_at FROM throttle WHERE counted_for = $1`, []any{key}, &until); err != nil {
		return 0, time.Time{}, err
	}
	return 0, sqldb.Time(until), nil
}

// PauseTries lets no further try in before until.
func (t SignIn) PauseTries(ctx context.Context, key string, until time.Time) error {
	return t.tx.Later(ctx, `UPDATE throttle SET until_at = $2 WHERE counted_for = $1`, key, sqldb.Micros(until))
}

// TouchTries notes that the last try was at now.
func (t SignIn) TouchTries(ctx context.Context, key string, now time.Time) error {
	return t.tx.Later(ctx, `UPDATE throttle SET last_at = $2 WHERE counted_for = $1`, key, sqldb.Micros(now))
}

// ForgiveTry takes one try back, and with it the pause.
func (t SignIn) ForgiveTry(ctx context.Context, key string) error {
	return t.tx.Later(ctx, `UPDATE throttle SET tries = tries - 1, until_at = 0 WHERE counted_for = $1 AND tries > 0`, key)
}

// ForgetTries drops the count.
func (t SignIn) ForgetTries(ctx context.Context, key string) error {
	return t.tx.Later(ctx, `DELETE FROM throttle WHERE counted_for = $1`, key)
}

// Sweep removes what has ended before now, and tries last made before forget.
func (t SignIn) Sweep(ctx context.Context, now, forget time.Time) error {
	for _, s := range []struct {
		query string
		at    time.Time
	}{
		{`DELETE FROM session WHERE expires_at <= $1`, now},
		{`DELETE FROM one_time WHERE expires_at <= $1`, now},
		{`DELETE FROM provider_answer WHERE expires_at <= $1`, now},
		{`DELETE FROM throttle WHERE last_at < $1`, forget},
	} {
		if _, err := t.tx.Exec(ctx, s.query, sqldb.Micros(s.at)); err != nil {
			return err
		}
	}
	return nil
}
