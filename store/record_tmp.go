package store

import (
	"context"

	"espalier.dev/audit"
	"espalier.dev/store/sqldb"
)

func (tx *Tx) Record(ctx context.Context, e audit.Entry) error {
	var via any
	if e.Via != 0 {
		via = e.Via
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO audit_entry (mark, at, org_id, via_org_id, actor_kind, actor_id, session, action, target_kind, target_id, before_json, after_json, request_id)
		VALUES (0, $1, $2, CAST($3 AS BIGINT), $4, $5, $6, $7, $8, $9, CAST($10 AS TEXT), CAST($11 AS TEXT), $12)`,
		sqldb.Micros(tx.Now()), e.Org, via, e.Actor.Kind, e.Actor.ID, e.Session, e.Action, e.TargetKind, e.TargetID,
		string(e.Before), string(e.After), e.RequestID)
	return err
}
