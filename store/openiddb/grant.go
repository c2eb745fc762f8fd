package openiddb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"espalier.dev/openid"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// InsertOpenIDGrant says what a session is for.
func (t OpenID) InsertOpenIDGrant(ctx context.Context, g openid.Grant) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO openid_grant (session_id, application_id, scopes, vouched_org_id) VALUES ($1, $2, $3, $4)`,
		string(g.Session.ID), string(g.Application), strings.Join(g.Scopes, " "), g.Vouched)
	return err
}

// A grant with its session, as every query here reads it.
const (
	grantColumns = `g.session_id, g.application_id, g.scopes, g.vouched_org_id, s.user_id, s.methods_json, s.expires_at, s.ends_at`
	andSession   = `JOIN session s ON s.id = g.session_id`
)

// grantRow is where a grant is scanned to.
type grantRow struct {
	openid.Grant
	scopes, proofs string
	expires, ends  int64
}

func (r *grantRow) dest(more ...any) []any {
	return append([]any{&r.Session.ID, &r.Application, &r.scopes, &r.Vouched, &r.Session.User, &r.proofs, &r.expires, &r.ends}, more...)
}

func (r *grantRow) grant() (openid.Grant, error) {
	g := r.Grant
	g.Scopes, g.Session.ExpiresAt, g.Session.EndsAt = strings.Fields(r.scopes), sqldb.Time(r.expires), sqldb.Time(r.ends)
	if err := json.Unmarshal([]byte(r.proofs), &g.Session.Proofs); err != nil {
		return openid.Grant{}, fmt.Errorf("session %s: %w", g.Session.ID, err)
	}
	return g, nil
}

// OpenIDGrant reads that of a session.
func (t OpenID) OpenIDGrant(ctx context.Context, session ref.TokenID) (openid.Grant, error) {
	var r grantRow
	err := t.tx.Row(ctx, `SELECT `+grantColumns+` FROM openid_grant g `+andSession+` WHERE g.session_id = $1`, []any{string(session)}, r.dest()...)
	if err != nil {
		return openid.Grant{}, err
	}
	return r.grant()
}

// InsertOpenIDCode keeps a code.
func (t OpenID) InsertOpenIDCode(ctx context.Context, c openid.Code) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO openid_code (hash, session_id, redirect_uri, nonce, challenge, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		c.Hash, string(c.Session.ID), c.RedirectURI, c.Nonce, c.Challenge, sqldb.Micros(c.ExpiresAt))
	return err
}

// OpenIDCode reads one, good or not.
func (t OpenID) OpenIDCode(ctx context.Context, hash string) (openid.Code, error) {
	c := openid.Code{Hash: hash}
	var r grantRow
	var expires int64
	var used sqldb.NullTime
	err := t.tx.Row(ctx, `
		SELECT `+grantColumns+`, c.redirect_uri, c.nonce, c.challenge, c.expires_at, c.used_at
		FROM openid_code c JOIN openid_grant g ON g.session_id = c.session_id `+andSession+` WHERE c.hash = $1`,
		[]any{hash}, r.dest(&c.RedirectURI, &c.Nonce, &c.Challenge, &expires, &used)...)
	if err != nil {
		return openid.Code{}, err
	}
	c.ExpiresAt, c.UsedAt = sqldb.Time(expires), used.Time
	c.Grant, err = r.grant()
	return c, err
}

// UseOpenIDCode marks one as used; errs.NotFound if it is already.
func (t OpenID) UseOpenIDCode(ctx context.Context, hash string, now time.Time) error {
	return t.tx.Exec1(ctx, `UPDATE openid_code SET used_at = $2 WHERE hash = $1 AND used_at IS NULL`, hash, sqldb.Micros(now))
}

// InsertOpenIDRefresh adds a refresh token and forgets those of its session that were used before forget.
func (t OpenID) InsertOpenIDRefresh(ctx context.Context, r openid.Refresh, forget time.Time) error {
	err := t.tx.Later(ctx, `DELETE FROM openid_refresh WHERE session_id = $1 AND used_at < $2`, string(r.Session.ID), sqldb.Micros(forget))
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, `INSERT INTO openid_refresh (hash, session_id, created_at) VALUES ($1, $2, $3)`,
		r.Hash, string(r.Session.ID), sqldb.Micros(r.CreatedAt))
	return err
}

// OpenIDRefresh reads one, good or not.
func (t OpenID) OpenIDRefresh(ctx context.Context, hash string) (openid.Refresh, error) {
	r := openid.Refresh{Hash: hash}
	var row grantRow
	var created int64
	var used sqldb.NullTime
	err := t.tx.Row(ctx, `
		SELECT `+grantColumns+`, r.created_at, r.used_at
		FROM openid_refresh r JOIN openid_grant g ON g.session_id = r.session_id `+andSession+` WHERE r.hash = $1`,
		[]any{hash}, row.dest(&created, &used)...)
	if err != nil {
		return openid.Refresh{}, err
	}
	r.CreatedAt, r.UsedAt = sqldb.Time(created), used.Time
	r.Grant, err = row.grant()
	return r, err
}

// UseOpenIDRefresh marks one as used; errs.NotFound if it is already.
func (t OpenID) UseOpenIDRefresh(ctx context.Context, hash string, now time.Time) error {
	return t.tx.Exec1(ctx, `UPDATE openid_refresh SET used_at = $2 WHERE hash = $1 AND used_at IS NULL`, hash, sqldb.Micros(now))
}
