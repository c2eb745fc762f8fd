package orgdb

import (
	"context"
	"encoding/json"
	"fmt"

	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

const contractColumns = `id, initiator_id, target_id, title, description, allowed_json, state, last_seen_at, COALESCE(created_by, 0), created_at, updated_at`

func scanContract(scan func(...any) error) (org.Contract, error) {
	var c org.Contract
	var allowed string
	var created, updated int64
	var seen sqldb.NullTime
	err := scan(&c.ID, &c.Initiator, &c.Target, &c.Title, &c.Description, &allowed, &c.State, &seen, &c.CreatedBy, &created, &updated)
	if err != nil {
		return c, err
	}
	c.LastSeen, c.CreatedAt, c.UpdatedAt = seen.Time, sqldb.Time(created), sqldb.Time(updated)
	if err := json.Unmarshal([]byte(allowed), &c.Allowed); err != nil {
		return c, fmt.Errorf("contract %d: %w", c.ID, err)
	}
	return c, nil
}

// Contracts lists those an organization is a side of, by id. Each side is an arm of its own, so that each finds its index.
func (t Tree) Contracts(ctx context.Context, id ref.OrgID, q org.ContractQuery) ([]org.Contract, error) {
	var list []org.Contract
	err := t.tx.Rows(ctx, `
		SELECT `+contractColumns+` FROM contract WHERE initiator_id = $1
			AND ($2 = 0 OR initiator_id = $2) AND ($3 = 0 OR target_id = $3)
		UNION ALL
		SELECT `+contractColumns+` FROM contract WHERE target_id = $1
			AND ($2 = 0 OR initiator_id = $2) AND ($3 = 0 OR target_id = $3)
		ORDER BY 1`, []any{id, q.Initiator, q.Target}, func(scan func(...any) error) error {
		c, err := scanContract(scan)
		list = append(list, c)
		return err
	})
	return list, err
}

// Contract finds one that the organization is a side of.
func (t Tree) Contract(ctx context.Context, id ref.OrgID, contract ref.ContractID) (org.Contract, error) {
	var c org.Contract
	found := false
	err := t.tx.Rows(ctx, `SELECT `+contractColumns+` FROM contract WHERE id = $1 AND (initiator_id = $2 OR target_id = $2)`,
		[]any{contract, id}, func(scan func(...any) error) (err error) {
			found = true
			c, err = scanContract(scan)
			return err
		})
	if err == nil && !found {
		err = errs.NotFoundf("organization %d has no contract %d", id, contract)
	}
	return c, err
}

// PutContract writes a contract, a new one if its id is 0.
func (t Tree) PutContract(ctx context.Context, c org.Contract) (org.Contract, error) {
	allowed, err := json.Marshal(c.Allowed)
	if err != nil {
		return c, fmt.Errorf("contract: %w", err)
	}
	var seen any
	if !c.LastSeen.IsZero() {
		seen = sqldb.Micros(c.LastSeen)
	}
	if c.ID != 0 {
		return c, t.tx.Exec1(ctx, `
			UPDATE contract SET title = $2, description = $3, allowed_json = $4, state = $5, last_seen_at = $6, updated_at = $7 WHERE id = $1`,
			c.ID, c.Title, c.Description, string(allowed), c.State, seen, sqldb.Micros(c.UpdatedAt))
	}
	return c, t.tx.Row(ctx, `
		INSERT INTO contract (initiator_id, target_id, title, description, allowed_json, state, last_seen_at, created_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
		[]any{c.Initiator, c.Target, c.Title, c.Description, string(allowed), c.State, seen, idOrNull(c.CreatedBy),
			sqldb.Micros(c.CreatedAt), sqldb.Micros(c.UpdatedAt)}, &c.ID)
}

// DeleteContract removes one.
func (t Tree) DeleteContract(ctx context.Context, contract ref.ContractID) error {
	return t.tx.Exec1(ctx, `DELETE FROM contract WHERE id = $1`, contract)
}
