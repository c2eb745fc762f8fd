package auditdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"espalier.dev/audit"
	"espalier.dev/store/sqldb"
)

// Log is the statements of the audit log in one transaction.
type Log struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
}

// New makes the statements of a transaction.
func New(tx *sqldb.Tx, d *sqldb.Dialect) Log { return Log{tx: tx, dialect: d} }

// Record adds an entry with the transaction's instant and mark. What e says of id, mark and time does not count.
func (l Log) Record(ctx context.Context, e audit.Entry) error {
	if e.Actor.Kind == "" || e.Action == "" {
		return fmt.Errorf("audit entry %q by %q: an action and an actor are needed", e.Action, e.Actor)
	}
	return l.tx.Later(ctx, `
		INSERT INTO audit_entry (mark, at, org_id, via_org_id, actor_kind, actor_id, session, action, target_kind, target_id,
			before_json, after_json, request_id)
		VALUES (`+l.dialect.AuditMark+`, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		sqldb.Micros(l.tx.Now()), int64(e.Org), sql.NullInt64{Int64: int64(e.Via), Valid: e.Via != 0}, string(e.Actor.Kind), e.Actor.ID,
		string(e.Session), e.Action, e.TargetKind, e.TargetID, text(e.Before), text(e.After), e.RequestID)
}

func text(raw json.RawMessage) sql.NullString {
	return sql.NullString{String: string(raw), Valid: raw != nil}
}

func raw(s sql.NullString) json.RawMessage {
	if !s.Valid {
		return nil
	}
	return json.RawMessage(s.String)
}

// EntriesFrom reports whether there is an entry of that mark or a higher one.
func (l Log) EntriesFrom(ctx context.Context, mark int64) (bool, error) {
	var n int64
	err := l.tx.Row(ctx, `SELECT CASE WHEN EXISTS (SELECT 1 FROM audit_entry WHERE mark >= $1) THEN 1 ELSE 0 END`, []any{mark}, &n)
	return n == 1, err
}

// entryPage is how many entries are read at a time: who looks at them may take long, and a query that stays open holds a
// connection.
const entryPage = 1000

// EachEntry calls each for the entries of marks in [from, to), in order of mark and id.
func (l Log) EachEntry(ctx context.Context, from, to int64, each func(*audit.Entry) error) error {
	var id int64 = -1 << 63
	for {
		var page []audit.Entry
		err := l.tx.Rows(ctx, `
			SELECT id, mark, at, org_id, COALESCE(via_org_id, 0), actor_kind, actor_id, session, action, target_kind, target_id,
				before_json, after_json, request_id
			FROM audit_entry WHERE (mark, id) > ($1, $2) AND mark < $3 ORDER BY mark, id LIMIT $4`,
			[]any{from, id, to, entryPage}, func(scan func(...any) error) error {
				e, err := scanEntry(scan)
				page = append(page, e)
				return err
			})
		if err != nil {
			return err
		}
		for i := range page {
			if err := each(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < entryPage {
			return nil
		}
		from, id = page[len(page)-1].Mark, page[len(page)-1].ID
	}
}

func scanEntry(scan func(...any) error) (audit.Entry, error) {
	var e audit.Entry
	var at int64
	var before, after sql.NullString
	err := scan(&e.ID, &e.Mark, &at, &e.Org, &e.Via, &e.Actor.Kind, &e.Actor.ID, &e.Session, &e.Action, &e.TargetKind, &e.TargetID,
		&before, &after, &e.RequestID)
	e.At, e.Before, e.After = sqldb.Time(at), raw(before), raw(after)
	return e, err
}
