package notifydb

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"espalier.dev/notify"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// Outbox is the statements of mail in one transaction.
type Outbox struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
}

// New makes the statements of a transaction.
func New(tx *sqldb.Tx, d *sqldb.Dialect) Outbox { return Outbox{tx, d} }

// InsertMail adds a mail to the outbox.
func (o Outbox) InsertMail(ctx context.Context, r notify.Row) error {
	_, err := o.tx.Exec(ctx, `
		INSERT INTO mail (to_email, to_name, org_id, kind, data_sealed, made_at, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.To.Email, r.To.Name, r.Org, r.Kind, base64.StdEncoding.EncodeToString(r.Sealed), sqldb.Micros(r.MadeAt), sqldb.Micros(r.NextAt))
	return err
}

// LeaseMail returns up to limit mails that are due at now, and makes them due again at until.
func (o Outbox) LeaseMail(ctx context.Context, now, until time.Time, limit int) ([]notify.Row, error) {
	var list []notify.Row
	err := o.tx.Rows(ctx, `
		UPDATE mail SET next_at = $2 WHERE id IN (SELECT id FROM mail WHERE next_at <= $1 ORDER BY next_at, id LIMIT $3 `+o.dialect.SkipLocked+`)
		RETURNING id, to_email, to_name, org_id, kind, data_sealed, attempts, made_at, next_at`,
		[]any{sqldb.Micros(now), sqldb.Micros(until), limit}, func(scan func(...any) error) error {
			var r notify.Row
			var sealed string
			var made, next int64
			err := scan(&r.ID, &r.To.Email, &r.To.Name, &r.Org, &r.Kind, &sealed, &r.Attempts, &made, &next)
			if err != nil {
				return err
			}
			r.MadeAt, r.NextAt = sqldb.Time(made), sqldb.Time(next)
			if r.Sealed, err = base64.StdEncoding.DecodeString(sealed); err != nil {
				return fmt.Errorf("mail %d: %w", r.ID, err)
			}
			list = append(list, r)
			return nil
		})
	return list, err
}

// DeleteMail removes a mail; errs.NotFound if it is gone.
func (o Outbox) DeleteMail(ctx context.Context, id int64) error {
	return o.tx.Exec1(ctx, `DELETE FROM mail WHERE id = $1`, id)
}

// PostponeMail notes a failure; the mail is due again at next.
func (o Outbox) PostponeMail(ctx context.Context, id int64, next time.Time, failure string) error {
	return o.tx.Exec1(ctx, `UPDATE mail SET next_at = $2, attempts = attempts + 1, failure = $3 WHERE id = $1`, id, sqldb.Micros(next), failure)
}

// Branding is what the root of an organization's tree has set of it.
func (o Outbox) Branding(ctx context.Context, org ref.OrgID) (notify.Branding, error) {
	var b notify.Branding
	into := map[string]*string{"product-name": &b.Product, "logo-url": &b.LogoURL, "accent-color": &b.Accent, "support-email": &b.SupportEmail,
		"support-url": &b.SupportURL, "mail-footer": &b.Footer}
	err := o.tx.Rows(ctx, `
		WITH RECURSIVE up (id, parent_id) AS (
			SELECT id, parent_id FROM organization WHERE id = $1
			UNION ALL
			SELECT p.id, p.parent_id FROM up JOIN organization p ON p.id = up.parent_id)
		SELECT s.id, s.value_json FROM up JOIN setting s ON s.org_id = up.id WHERE up.parent_id IS NULL`, []any{org}, func(scan func(...any) error) error {
		var id, value string
		if err := scan(&id, &value); err != nil {
			return err
		}
		if to, wanted := into[id]; wanted {
			return json.Unmarshal([]byte(value), to)
		}
		return nil
	})
	return b, err
}
