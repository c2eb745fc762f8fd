package auditdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier.dev/audit/trail"
	"espalier.dev/filter"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

var entryColumns = filter.Columns{
	"action":     {Expr: "e.action", Folded: "e.action"}, // actions are in small letters
	"actorKind":  {Expr: "e.actor_kind"},
	"actorId":    {Expr: "e.actor_id"},
	"orgId":      {Expr: "e.org_id"},
	"targetKind": {Expr: "e.target_kind"},
	"targetId":   {Expr: "e.target_id"},
	"requestId":  {Expr: "e.request_id"},
	"timestamp":  {Expr: "e.at"},
}

// Entries lists those of an organization that a query selects, in the query's order. What was done in customers from the
// organization is an arm of its own, so that each arm reads its index in order and stops at the limit.
func (l Log) Entries(ctx context.Context, org ref.OrgID, q trail.Query) ([]trail.Entry, error) {
	back := q.After != nil && q.After.Back
	compare, order := ">", "ASC"
	if q.Newest != back {
		compare, order = "<", "DESC"
	}
	args := []any{org, q.Limit}
	condition := q.Match.SQL(entryColumns, l.dialect, &args)
	if !q.Since.IsZero() {
		args = append(args, sqldb.Micros(q.Since))
		condition += fmt.Sprintf(" AND e.at >= $%d", len(args))
	}
	if q.After != nil {
		args = append(args, q.After.Mark, q.After.ID)
		condition += fmt.Sprintf(" AND (e.mark, e.id) %s ($%d, $%d)", compare, len(args)-1, len(args))
	}
	if q.Settled {
		condition += " AND e.mark < COALESCE((SELECT s.to_mark FROM audit_seal s ORDER BY s.number DESC LIMIT 1), 0)"
	}
	arm := func(column string) string {
		return fmt.Sprintf(`SELECT * FROM (SELECT e.id, e.mark, e.at, e.org_id, COALESCE(e.via_org_id, 0) AS via_org_id, e.actor_kind,
				e.actor_id, e.session, e.action, e.target_kind, e.target_id, e.before_json, e.after_json, e.request_id
			FROM audit_entry e WHERE e.%s = $1 AND %s ORDER BY e.mark %s, e.id %s LIMIT $2) AS %s`, column, condition, order, order, column)
	}
	arms := []string{arm("org_id")}
	if q.Customers {
		arms = append(arms, arm("via_org_id"))
	}
	var list []trail.Entry
	err := l.tx.Rows(ctx, fmt.Sprintf(`
		SELECT e.id, e.mark, e.at, e.org_id, e.via_org_id, e.actor_kind, e.actor_id, e.session, e.action, e.target_kind, e.target_id,
			e.before_json, e.after_json, e.request_id,
			COALESCE(o.name, ''), COALESCE(u.email, ''), COALESCE(u.first_name, ''), COALESCE(u.last_name, ''), COALESCE(a.name, '')
		FROM (%s) AS e
		LEFT JOIN organization o ON o.id = e.org_id
		LEFT JOIN app_user u ON e.actor_kind = 'user' AND u.id = e.actor_id
		LEFT JOIN service_account a ON e.actor_kind = 'service_account' AND a.id = e.actor_id
		ORDER BY e.mark %s, e.id %s LIMIT $2`, strings.Join(arms, " UNION "), order, order), args, func(scan func(...any) error) error {
		var e trail.Entry
		var err error
		e.Entry, err = scanEntry(func(dest ...any) error {
			return scan(append(dest, &e.OrgName, &e.By.Email, &e.By.FirstName, &e.By.LastName, &e.By.Name)...)
		})
		list = append(list, e)
		return err
	})
	if back {
		slices.Reverse(list)
	}
	return list, err
}

var callColumns = filter.Columns{"timestamp": {Expr: "e.at"}}

// APIEvents lists calls of an organization that ended before an instant, oldest first. A position's mark is the instant in µs.
func (l Log) APIEvents(ctx context.Context, org ref.OrgID, q trail.Query, before time.Time) ([]trail.APIEvent, error) {
	back := q.After != nil && q.After.Back
	compare, order := ">", "ASC"
	if back {
		compare, order = "<", "DESC"
	}
	args := []any{org, q.Limit, sqldb.Micros(q.Since), sqldb.Micros(before)}
	condition := q.Match.SQL(callColumns, l.dialect, &args)
	if q.After != nil {
		args = append(args, q.After.Mark, q.After.ID)
		condition += fmt.Sprintf(" AND (e.at, e.id) %s ($%d, $%d)", compare, len(args)-1, len(args))
	}
	var list []trail.APIEvent
	err := l.tx.Rows(ctx, `
		SELECT e.id, e.at, e.org_id, COALESCE(e.user_id, 0), COALESCE(e.service_account_id, 0), e.request_id, e.method, e.path, e.host,
			e.address, e.agent, e.body_bytes, e.status, e.answer_bytes, e.duration_us,
			COALESCE(u.email, ''), COALESCE(u.first_name, ''), COALESCE(u.last_name, ''), COALESCE(a.name, '')
		FROM api_event e LEFT JOIN app_user u ON u.id = e.user_id LEFT JOIN service_account a ON a.id = e.service_account_id
		WHERE e.org_id = $1 AND e.at >= $3 AND e.at < $4 AND `+condition+`
		ORDER BY e.at `+order+`, e.id `+order+` LIMIT $2`, args, func(scan func(...any) error) error {
		var e trail.APIEvent
		var at, took int64
		err := scan(&e.ID, &at, &e.Org, &e.User, &e.Account, &e.RequestID, &e.Method, &e.Path, &e.Host, &e.Address, &e.Agent, &e.BodyBytes,
			&e.Status, &e.Bytes, &took, &e.Actor.Email, &e.Actor.FirstName, &e.Actor.LastName, &e.Actor.Name)
		e.At, e.Duration = sqldb.Time(at), time.Duration(took)*time.Microsecond
		list = append(list, e)
		return err
	})
	if back {
		slices.Reverse(list)
	}
	return list, err
}

// InsertAPIEvents writes calls in one statement.
func (l Log) InsertAPIEvents(ctx context.Context, events []trail.APIEvent) error {
	if len(events) == 0 {
		return nil
	}
	var rows []string
	var args []any
	for _, e := range events {
		n := len(args)
		args = append(args, sqldb.Micros(e.At), e.Org, sql.NullInt64{Int64: int64(e.User), Valid: e.User != 0},
			sql.NullInt64{Int64: int64(e.Account), Valid: e.Account != 0}, e.RequestID, e.Method, e.Path, e.Host, e.Address, e.Agent,
			e.BodyBytes, e.Status, e.Bytes, e.Duration.Microseconds())
		holes := make([]string, len(args)-n)
		for i := range holes {
			holes[i] = fmt.Sprintf("$%d", n+i+1)
		}
		rows = append(rows, "("+strings.Join(holes, ", ")+")")
	}
	_, err := l.tx.Exec(ctx, `
		INSERT INTO api_event (at, org_id, user_id, service_account_id, request_id, method, path, host, address, agent, body_bytes, status,
			answer_bytes, duration_us)
		VALUES `+strings.Join(rows, ", "), args...)
	return err
}

// DeleteAPIEvents removes up to limit calls that ended before an instant, and says how many.
func (l Log) DeleteAPIEvents(ctx context.Context, before time.Time, limit int) (int64, error) {
	return l.tx.Exec(ctx, `DELETE FROM api_event WHERE id IN (SELECT id FROM api_event WHERE at < $1 ORDER BY at LIMIT $2)`,
		sqldb.Micros(before), limit)
}
