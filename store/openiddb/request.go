package openiddb

import (
	"context"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/openid"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// InsertOpenIDRequest keeps a request, and removes those that have ended before it.
func (t OpenID) InsertOpenIDRequest(ctx context.Context, w openid.Waiting) error {
	if err := t.tx.Later(ctx, `DELETE FROM openid_request WHERE expires_at <= $1`, sqldb.Micros(w.CreatedAt)); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, `INSERT INTO openid_request (id, application_id, request_json, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		w.ID, string(w.Application), w.Request, sqldb.Micros(w.CreatedAt), sqldb.Micros(w.ExpiresAt))
	return err
}

// OpenIDRequest reads one that has not ended at now.
func (t OpenID) OpenIDRequest(ctx context.Context, id string, now time.Time) (openid.Waiting, error) {
	w := openid.Waiting{ID: id}
	var created, expires int64
	err := t.tx.Row(ctx, `SELECT application_id, request_json, created_at, expires_at FROM openid_request WHERE id = $1 AND expires_at > $2`,
		[]any{id, sqldb.Micros(now)}, &w.Application, &w.Request, &created, &expires)
	w.CreatedAt, w.ExpiresAt = sqldb.Time(created), sqldb.Time(expires)
	return w, err
}

// UseOpenIDRequest removes one that has not ended: of two at the same time, one is errs.NotFound.
func (t OpenID) UseOpenIDRequest(ctx context.Context, id string, now time.Time) error {
	return t.tx.Exec1(ctx, `DELETE FROM openid_request WHERE id = $1 AND expires_at > $2`, id, sqldb.Micros(now))
}

// OpenIDConsent is the scopes that a user has allowed an application; none is nil.
func (t OpenID) OpenIDConsent(ctx context.Context, a ref.ApplicationID, user ref.UserID) ([]string, error) {
	var scopes string
	err := t.tx.Row(ctx, `SELECT scopes FROM openid_consent WHERE application_id = $1 AND user_id = $2`, []any{string(a), user}, &scopes)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	return strings.Fields(scopes), err
}

// SetOpenIDConsent notes what a user has allowed an application last.
func (t OpenID) SetOpenIDConsent(ctx context.Context, a ref.ApplicationID, user ref.UserID, scopes []string) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO openid_consent (application_id, user_id, scopes, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (application_id, user_id) DO UPDATE SET scopes = excluded.scopes, at = excluded.at`,
		string(a), user, strings.Join(scopes, " "), sqldb.Micros(t.tx.Now()))
	return err
}

// DropOpenIDConsents forgets what all users have allowed an application.
func (t OpenID) DropOpenIDConsents(ctx context.Context, a ref.ApplicationID) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM openid_consent WHERE application_id = $1`, string(a))
	return err
}

// OpenIDProfile reads what is told of a user, and the name of an organization.
func (t OpenID) OpenIDProfile(ctx context.Context, user ref.UserID, org ref.OrgID) (openid.Profile, error) {
	var p openid.Profile
	var updated int64
	err := t.tx.Row(ctx, `
		SELECT u.email, u.first_name, u.last_name, u.updated_at, CASE WHEN u.home_org_id IS NULL THEN 0 ELSE 1 END, o.name
		FROM app_user u JOIN organization o ON o.id = $2 WHERE u.id = $1`, []any{user, org},
		&p.Email, &p.FirstName, &p.LastName, &updated, &p.EmailVerified, &p.OrgName)
	p.UpdatedAt = sqldb.Time(updated)
	return p, err
}
