package openiddb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"espalier.dev/openid"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// OpenID is the statements of the OpenID provider in one transaction.
type OpenID struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
	changed func(...ref.UserID) // these users have other sessions than before
}

// New makes the statements of a transaction. changed is called, inside the transaction, with users whose sessions have
// changed.
func New(tx *sqldb.Tx, d *sqldb.Dialect, changed func(...ref.UserID)) OpenID {
	return OpenID{tx: tx, dialect: d, changed: changed}
}

const applicationColumns = `id, org_id, name, secret_hash, redirect_uris_json, logout_uris_json, api, skip_consent, created_by, created_at, updated_at`

func scanApplication(scan func(...any) error) (openid.Application, error) {
	var a openid.Application
	var redirect, logout string
	var created, updated int64
	err := scan(&a.ID, &a.Org, &a.Name, &a.SecretHash, &redirect, &logout, &a.API, &a.SkipConsent, &a.CreatedBy, &created, &updated)
	if err != nil {
		return openid.Application{}, err
	}
	a.CreatedAt, a.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
	if err = json.Unmarshal([]byte(redirect), &a.RedirectURIs); err == nil {
		err = json.Unmarshal([]byte(logout), &a.LogoutURIs)
	}
	if err != nil {
		return openid.Application{}, fmt.Errorf("addresses of application %s: %w", a.ID, err)
	}
	return a, nil
}

// Application reads one by its id.
func (t OpenID) Application(ctx context.Context, id ref.ApplicationID) (openid.Application, error) {
	return scanApplication(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+applicationColumns+` FROM application WHERE id = $1`, []any{string(id)}, dest...)
	})
}

// Applications lists those of an organization, oldest first.
func (t OpenID) Applications(ctx context.Context, org ref.OrgID) ([]openid.Application, error) {
	var list []openid.Application
	err := t.tx.Rows(ctx, `SELECT `+applicationColumns+` FROM application WHERE org_id = $1 ORDER BY created_at, id`, []any{org},
		func(scan func(...any) error) error {
			a, err := scanApplication(scan)
			list = append(list, a)
			return err
		})
	return list, err
}

// addresses are the two lists as they are stored.
func addresses(a openid.Application) (redirect, logout string, err error) {
	r, err := json.Marshal(append([]string{}, a.RedirectURIs...))
	if err != nil {
		return "", "", err
	}
	l, err := json.Marshal(append([]string{}, a.LogoutURIs...))
	return string(r), string(l), err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// InsertApplication adds one.
func (t OpenID) InsertApplication(ctx context.Context, a openid.Application) error {
	redirect, logout, err := addresses(a)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, `INSERT INTO application (`+applicationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		string(a.ID), a.Org, a.Name, a.SecretHash, redirect, logout, flag(a.API), flag(a.SkipConsent), a.CreatedBy,
		sqldb.Micros(a.CreatedAt), sqldb.Micros(a.UpdatedAt))
	return err
}

// UpdateApplication writes what can change.
func (t OpenID) UpdateApplication(ctx context.Context, a openid.Application) error {
	redirect, logout, err := addresses(a)
	if err != nil {
		return err
	}
	return t.tx.Exec1(ctx, `
		UPDATE application SET name = $2, secret_hash = $3, redirect_uris_json = $4, logout_uris_json = $5, api = $6, skip_consent = $7, updated_at = $8
		WHERE id = $1`,
		string(a.ID), a.Name, a.SecretHash, redirect, logout, flag(a.API), flag(a.SkipConsent), sqldb.Micros(a.UpdatedAt))
}

// DeleteApplication removes one and ends the sessions of its users; from the commit on their tokens are dead.
func (t OpenID) DeleteApplication(ctx context.Context, a openid.Application) error {
	if err := t.EndSessionsWith(ctx, a.ID, ""); err != nil {
		return err
	}
	return t.tx.Exec1(ctx, `DELETE FROM application WHERE id = $1`, string(a.ID))
}

// EndSessionsWith ends the sessions of an application that have a scope; "" is all of them.
func (t OpenID) EndSessionsWith(ctx context.Context, a ref.ApplicationID, scope string) error {
	return t.tx.Rows(ctx, `
		DELETE FROM session WHERE id IN (SELECT session_id FROM openid_grant
			WHERE application_id = $1 AND `+t.dialect.Contains("(' ' || scopes || ' ')", "CAST($2 AS TEXT)")+`)
		RETURNING user_id`, []any{string(a), strings.TrimRight(" "+scope, " ") + " "}, func(scan func(...any) error) error {
		var user ref.UserID
		err := scan(&user)
		t.changed(user)
		return err
	})
}
