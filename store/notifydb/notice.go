package notifydb

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/notify"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// NoticeDone reports whether the notices of a day were all put into the outbox.
func (o Outbox) NoticeDone(ctx context.Context, day string) (done bool, err error) {
	err = o.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM notice_day WHERE day = $1)`, []any{day}, &done)
	return done, err
}

// noticeKept is how long it is known that somebody was told, after the end that it was about.
const noticeKept = 100 * 24 * time.Hour

// MarkNoticeDone notes that they were, and forgets what nobody asks for any more.
func (o Outbox) MarkNoticeDone(ctx context.Context, day string) error {
	if _, err := o.tx.Exec(ctx, `INSERT INTO notice_day (day) VALUES ($1) ON CONFLICT DO NOTHING`, day); err != nil {
		return err
	}
	if _, err := o.tx.Exec(ctx, `DELETE FROM notice_day WHERE day < $1`, o.tx.Now().Add(-noticeKept).Format(time.DateOnly)); err != nil {
		return err
	}
	_, err := o.tx.Exec(ctx, `DELETE FROM notice WHERE ends_at < $1`, sqldb.Micros(o.tx.Now().Add(-noticeKept)))
	return err
}

// Endings lists what ends in [from, to), by organization and capability. An end is handed down to those below that hold the
// capability and would keep it longer; what ended above before from takes it away from all below.
func (o Outbox) Endings(ctx context.Context, from, to time.Time) ([]notify.Ending, error) {
	var list []notify.Ending
	err := o.tx.Rows(ctx, `
		WITH RECURSIVE ending (org_id, name, ends_at) AS (
			SELECT c.org_id, c.name, c.expires_at FROM capability c WHERE c.expires_at < $2
			UNION ALL
			SELECT c.org_id, c.name, e.ends_at
			FROM ending e JOIN organization k ON k.parent_id = e.org_id JOIN capability c ON c.org_id = k.id AND c.name = e.name
			WHERE c.expires_at IS NULL OR c.expires_at > e.ends_at)
		SELECT e.org_id, k.name, COALESCE(k.parent_id, 0), e.name, MIN(e.ends_at)
		FROM ending e JOIN organization k ON k.id = e.org_id
		GROUP BY e.org_id, k.name, k.parent_id, e.name HAVING MIN(e.ends_at) >= $1
		ORDER BY e.org_id, e.name`, []any{sqldb.Micros(from), sqldb.Micros(to)}, func(scan func(...any) error) error {
		var e notify.Ending
		var ends int64
		err := scan(&e.Org, &e.OrgName, &e.Parent, &e.Capability, &ends)
		e.Ends = sqldb.Time(ends)
		list = append(list, e)
		return err
	})
	return list, err
}

// recipientChunk is how many organizations one statement asks for.
const recipientChunk = 500

// Recipients lists owners, and those who manage customers, of these organizations.
func (o Outbox) Recipients(ctx context.Context, orgs []ref.OrgID) ([]notify.Recipient, error) {
	found := make(map[[2]int64]*notify.Recipient)
	var order [][2]int64
	for chunk := range slices.Chunk(orgs, recipientChunk) {
		args := []any{access.OrgOwner, access.MSPAdmin}
		in := sqldb.In(&args, chunk)
		err := o.tx.Rows(ctx, `
			SELECT g.org_id, g.role_id, u.id, u.email, u.first_name, u.last_name
			FROM (
				SELECT r.org_id, r.role_id, r.user_id FROM access_rule r
				WHERE r.org_id IN `+in+` AND r.role_id IN ($1, $2) AND r.user_id IS NOT NULL AND r.project_id IS NULL
				UNION
				SELECT r.org_id, r.role_id, m.user_id FROM access_rule r JOIN user_group_member m ON m.group_id = r.group_id
				WHERE r.org_id IN `+in+` AND r.role_id IN ($1, $2) AND r.project_id IS NULL) AS g
			JOIN membership m ON m.org_id = g.org_id AND m.user_id = g.user_id AND m.state <> 'inactive'
			JOIN app_user u ON u.id = g.user_id
			ORDER BY g.org_id, u.id`, args, func(scan func(...any) error) error {
			var r notify.Recipient
			var role ref.RoleID
			var first, last string
			if err := scan(&r.Org, &role, &r.User, &r.To.Email, &first, &last); err != nil {
				return err
			}
			r.To.Name = strings.TrimSpace(first + " " + last)
			key := [2]int64{int64(r.Org), int64(r.User)}
			if found[key] == nil {
				found[key] = &r
				order = append(order, key)
			}
			found[key].Owner = found[key].Owner || role == access.OrgOwner
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	list := make([]notify.Recipient, len(order))
	for i, key := range order {
		list[i] = *found[key]
	}
	return list, nil
}

// InsertNotice notes that a user is told of an end at a step; false if it was before.
func (o Outbox) InsertNotice(ctx context.Context, user ref.UserID, e notify.Ending, days int) (bool, error) {
	n, err := o.tx.Exec(ctx, `
		INSERT INTO notice (user_id, org_id, capability, ends_at, days) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		user, e.Org, e.Capability, sqldb.Micros(e.Ends), days)
	return n == 1, err
}
