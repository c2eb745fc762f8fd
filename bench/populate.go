package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"espalier.dev/audit"
	"espalier.dev/keyring"
	"espalier.dev/store"
	"espalier.dev/store/sqldb"
)

// populateChunk is how many customers are made in one transaction.
const populateChunk = 10_000

// populate gives the root customers as the product would have made them: their rows and no others, audit entries included.
// They have two capabilities beside iam, an owner each, and tags; each fiftieth has Harbour in its name.
func (w *world) populate(ctx context.Context, customers int) (err error) {
	if customers == 0 {
		return nil
	}
	db, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	for first := 0; first < customers; first += populateChunk {
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			return w.insertCustomers(ctx, tx, db.Dialect(), first, min(first+populateChunk, customers))
		})
		if err != nil {
			return fmt.Errorf("fill the database: %w", err)
		}
	}
	return w.seal(ctx, db)
}

func closing(c interface{ Close() error }, err *error) {
	if e := c.Close(); e != nil && *err == nil {
		*err = e
	}
}

// ownerOf is an expression: the address of the first owner of organization o.
const ownerOf = `'owner.' || CAST(o.id AS TEXT) || '@customers.example'`

// insertCustomers makes the customers of numbers [first, last). Statements take the parent as $1, the instant in µs as $2 and
// the highest id before as $3.
func (w *world) insertCustomers(ctx context.Context, tx *sqldb.Tx, d *sqldb.Dialect, first, last int) error {
	var before int64
	if err := tx.Row(ctx, `SELECT MAX(id) FROM organization`, nil, &before); err != nil {
		return err
	}
	parent, now := w.made.OrgID, sqldb.Micros(tx.Now())
	_, err := tx.Exec(ctx, `
		INSERT INTO organization (parent_id, name, name_folded, external_id, external_folded, description, created_at, updated_at)
		WITH RECURSIVE n (i) AS (SELECT CAST($3 AS BIGINT) UNION ALL SELECT n.i + 1 FROM n WHERE n.i + 1 < $4)
		SELECT CAST($1 AS BIGINT), 'Customer ' || CAST(i AS TEXT) || CASE WHEN i % 50 = 0 THEN ' Harbour' ELSE ' Works' END,
			'customer ' || CAST(i AS TEXT) || CASE WHEN i % 50 = 0 THEN ' harbour' ELSE ' works' END,
			'C-' || CAST(i AS TEXT), 'c-' || CAST(i AS TEXT), 'Makes what customers need.', CAST($2 AS BIGINT), CAST($2 AS BIGINT)
		FROM n`, parent, now, first, last)
	if err != nil {
		return err
	}
	const made = `FROM organization o WHERE o.parent_id = $1 AND o.id > $3`
	for _, statement := range []string{
		`INSERT INTO project (org_id, name, created_at, updated_at) SELECT o.id, 'main', CAST($2 AS BIGINT), CAST($2 AS BIGINT) ` + made,
		`INSERT INTO capability (org_id, name, created_at, updated_at)
			SELECT o.id, c.name, CAST($2 AS BIGINT), CAST($2 AS BIGINT)
			FROM organization o CROSS JOIN (SELECT 'iam' AS name UNION ALL SELECT 'policy' UNION ALL SELECT 'fcm') c
			WHERE o.parent_id = $1 AND o.id > $3`,
		`INSERT INTO customer_tag (org_id, tag, tag_folded)
			SELECT o.id, t.tag, t.tag
			FROM organization o CROSS JOIN (SELECT 'tier:gold' AS tag, 3 AS each UNION ALL SELECT 'region:emea', 4 UNION ALL SELECT 'industry:food', 1) t
			WHERE o.parent_id = $1 AND o.id > $3 AND CAST($2 AS BIGINT) IS NOT NULL AND o.id % t.each = 0`,
		`INSERT INTO app_user (email, email_folded, created_at, updated_at)
			SELECT ` + ownerOf + `, ` + ownerOf + `, CAST($2 AS BIGINT), CAST($2 AS BIGINT) ` + made,
		`INSERT INTO membership (org_id, user_id, state, created_at, updated_at)
			SELECT o.id, u.id, 'invited', CAST($2 AS BIGINT), CAST($2 AS BIGINT)
			FROM organization o JOIN app_user u ON u.email_folded = ` + ownerOf + ` WHERE o.parent_id = $1 AND o.id > $3`,
		`INSERT INTO access_rule (org_id, role_id, user_id, created_at)
			SELECT o.id, 1, u.id, CAST($2 AS BIGINT)
			FROM organization o JOIN app_user u ON u.email_folded = ` + ownerOf + ` WHERE o.parent_id = $1 AND o.id > $3`,
		`INSERT INTO customer_count (parent_id, stripe, customers)
			SELECT CAST($1 AS BIGINT), o.id % 16, COUNT(*) FROM organization o WHERE o.parent_id = $1 AND o.id > $3 AND CAST($2 AS BIGINT) IS NOT NULL GROUP BY o.id % 16
			ON CONFLICT (parent_id, stripe) DO UPDATE SET customers = customer_count.customers + excluded.customers`,
		`INSERT INTO audit_entry (mark, at, org_id, via_org_id, actor_kind, actor_id, action, target_kind, target_id, after_json, request_id)
			SELECT ` + d.AuditMark + `, CAST($2 AS BIGINT), o.id, CAST($1 AS BIGINT), 'user', 1, 'customer.create', 'organization', CAST(o.id AS TEXT),
				'{"capabilities":["fcm","iam","policy"],"description":"Makes what customers need.","externalId":"' || o.external_id
				|| '","name":"' || o.name || '","owners":["' || ` + ownerOf + ` || '"]}', 'populate' ` + made,
	} {
		if _, err := tx.Exec(ctx, statement, parent, now, before); err != nil {
			return err
		}
	}
	return nil
}

// seal seals the audit entries, so that a server that is measured has not that to do.
func (w *world) seal(ctx context.Context, db *sqldb.DB) error {
	keys, err := keyring.Load(w.keys)
	if err != nil {
		return err
	}
	s, err := audit.NewSealer(audit.Config{Store: store.New(db).Audit(), Keys: keys, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return s.Close(ctx)
}
