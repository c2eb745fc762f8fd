package tokendb

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
	"espalier.dev/token"
)

// Tokens is the statements of tokens in one transaction.
type Tokens struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
	changed func(...ref.UserID) // these users have other sessions than before
}

// New makes the statements of a transaction. changed is called, inside the transaction, with users whose sessions have
// changed.
func New(tx *sqldb.Tx, d *sqldb.Dialect, changed func(...ref.UserID)) Tokens {
	return Tokens{tx: tx, dialect: d, changed: changed}
}

const keyQuery = `
	SELECT id, alg, private_sealed, public_jwk, created_at, use_from_at, use_until_at, verify_until_at
	FROM signing_key ORDER BY id`

// SigningKeys lists the keys by id.
func (t Tokens) SigningKeys(ctx context.Context) ([]token.SigningKey, error) {
	return t.keys(ctx, keyQuery)
}

// LockSigningKeys is SigningKeys, and makes others that call it wait for the commit. Where there is no row to wait at, two
// servers may each make a first key; both sign, and both are known to all.
func (t Tokens) LockSigningKeys(ctx context.Context) ([]token.SigningKey, error) {
	if _, err := t.keys(ctx, keyQuery+" "+t.dialect.ForUpdate); err != nil {
		return nil, err
	}
	return t.keys(ctx, keyQuery) // what waited may see what was inserted meanwhile only in a new statement
}

func (t Tokens) keys(ctx context.Context, query string) ([]token.SigningKey, error) {
	var list []token.SigningKey
	err := t.tx.Rows(ctx, query, nil, func(scan func(...any) error) error {
		k, err := scanKey(scan)
		list = append(list, k)
		return err
	})
	return list, err
}

func scanKey(scan func(...any) error) (token.SigningKey, error) {
	var k token.SigningKey
	var sealed, public string
	var created, from, until, verify int64
	if err := scan(&k.ID, &k.Alg, &sealed, &public, &created, &from, &until, &verify); err != nil {
		return k, err
	}
	k.CreatedAt, k.UseFrom, k.UseUntil, k.VerifyUntil = sqldb.Time(created), sqldb.Time(from), sqldb.Time(until), sqldb.Time(verify)
	k.Public = []byte(public)
	var err error
	if k.Sealed, err = base64.StdEncoding.DecodeString(sealed); err != nil {
		return k, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	return k, nil
}

// InsertSigningKey adds a key.
func (t Tokens) InsertSigningKey(ctx context.Context, k token.SigningKey) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO signing_key (id, alg, private_sealed, public_jwk, created_at, use_from_at, use_until_at, verify_until_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.ID, k.Alg, base64.StdEncoding.EncodeToString(k.Sealed), string(k.Public),
		sqldb.Micros(k.CreatedAt), sqldb.Micros(k.UseFrom), sqldb.Micros(k.UseUntil), sqldb.Micros(k.VerifyUntil))
	return err
}

// DeleteSigningKeys removes the keys that verified nothing since before.
func (t Tokens) DeleteSigningKeys(ctx context.Context, before time.Time) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM signing_key WHERE verify_until_at < $1`, sqldb.Micros(before))
	return err
}

const refreshColumns = `id, user_id, name, hash, created_at, expires_at, last_used_at, revoked_at`

func scanRefresh(scan func(...any) error) (token.RefreshToken, error) {
	var r token.RefreshToken
	var created, expires int64
	var used, revoked sqldb.NullTime
	err := scan(&r.ID, &r.User, &r.Name, &r.Hash, &created, &expires, &used, &revoked)
	r.CreatedAt, r.ExpiresAt, r.LastUsedAt, r.RevokedAt = sqldb.Time(created), sqldb.Time(expires), used.Time, revoked.Time
	return r, err
}

// RefreshToken returns a token by its id.
func (t Tokens) RefreshToken(ctx context.Context, id ref.TokenID) (token.RefreshToken, error) {
	return scanRefresh(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+refreshColumns+` FROM refresh_token WHERE id = $1`, []any{string(id)}, dest...)
	})
}

// RefreshTokens lists those of a user that are neither revoked nor past their end at now, newest first.
func (t Tokens) RefreshTokens(ctx context.Context, user ref.UserID, now time.Time) ([]token.RefreshToken, error) {
	var list []token.RefreshToken
	err := t.tx.Rows(ctx, `
		SELECT `+refreshColumns+` FROM refresh_token
		WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id`,
		[]any{int64(user), sqldb.Micros(now)}, func(scan func(...any) error) error {
			r, err := scanRefresh(scan)
			list = append(list, r)
			return err
		})
	return list, err
}

// InsertRefreshToken adds a token. It is errs.NotFound if there is no such user.
func (t Tokens) InsertRefreshToken(ctx context.Context, r token.RefreshToken) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO refresh_token (`+refreshColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		string(r.ID), int64(r.User), r.Name, r.Hash, sqldb.Micros(r.CreatedAt), sqldb.Micros(r.ExpiresAt),
		sqldb.NullTimeOf(r.LastUsedAt), sqldb.NullTimeOf(r.RevokedAt))
	if sqldb.IsForeignKey(err) {
		return errs.NotFoundf("user %d not found", r.User)
	}
	if err == nil {
		t.changed(r.User)
	}
	return err
}

// RevokeRefreshToken ends a token. One that another use case ended meanwhile is errs.NotFound.
func (t Tokens) RevokeRefreshToken(ctx context.Context, r token.RefreshToken, now time.Time) error {
	t.changed(r.User)
	return t.tx.Exec1(ctx, `UPDATE refresh_token SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL`, sqldb.Micros(now), string(r.ID))
}

// StampUse moves the last uses of tokens forward, never back. Absent tokens are passed over.
func (t Tokens) StampUse(ctx context.Context, uses []token.Use) error {
	return t.stamp(ctx, `UPDATE refresh_token SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)`, uses)
}

// StampClientUse is StampUse for the clients of service accounts.
func (t Tokens) StampClientUse(ctx context.Context, uses []token.Use) error {
	return t.stamp(ctx, `UPDATE service_account_client SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)`, uses)
}

// Client finds the client of a service account.
func (t Tokens) Client(ctx context.Context, id ref.TokenID) (token.Client, error) {
	c := token.Client{ID: id}
	return c, t.tx.Row(ctx, `SELECT service_account_id, hash FROM service_account_client WHERE id = $1`, []any{string(id)}, &c.Account, &c.Hash)
}

func (t Tokens) stamp(ctx context.Context, query string, uses []token.Use) error {
	for _, u := range uses {
		_, err := t.tx.Exec(ctx, query, sqldb.Micros(u.At), string(u.Token))
		if err != nil {
			return err
		}
	}
	return nil
}
