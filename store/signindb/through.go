package signindb

import (
	"context"
	"time"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
)

// UseAnswer notes that something was said or asked, until it could not come again; false: it was noted before.
func (t SignIn) UseAnswer(ctx context.Context, hash string, until time.Time) (first bool, err error) {
	n, err := t.tx.Exec(ctx, `INSERT INTO provider_answer (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash, sqldb.Micros(until))
	return n == 1, err
}

// NewPerson makes a user, or finds the one who has the address already. The first statement gives nothing back, so that another
// server that makes the same user at the same time is waited for.
func (t SignIn) NewPerson(ctx context.Context, p signin.Person) (signin.Person, error) {
	err := t.tx.Later(ctx, `
		INSERT INTO app_user (email, email_folded, first_name, last_name, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (email_folded) DO NOTHING`,
		p.Email, filter.Fold(p.Email), p.FirstName, p.LastName, sqldb.Micros(t.tx.Now()))
	if err != nil {
		return signin.Person{}, err
	}
	return t.PersonByEmail(ctx, p.Email)
}

// Standing is what a user is in an organization.
func (t SignIn) Standing(ctx context.Context, org ref.OrgID, user ref.UserID) (s signin.Standing, err error) {
	err = t.tx.Row(ctx, `SELECT state FROM membership WHERE org_id = $1 AND user_id = $2`, []any{org, user}, &s)
	if errs.KindOf(err) == errs.NotFound {
		return signin.Stranger, nil
	}
	return s, err
}

// Admit makes a user an active member of an organization, who may be invited there or no member yet.
func (t SignIn) Admit(ctx context.Context, org ref.OrgID, user ref.UserID) error {
	t.changed(user)
	return t.tx.Later(ctx, `
		INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, 'active', $3, $3)
		ON CONFLICT (org_id, user_id) DO UPDATE SET updated_at = excluded.updated_at,
			state = CASE WHEN membership.state = 'invited' THEN excluded.state ELSE membership.state END`,
		org, user, sqldb.Micros(t.tx.Now()))
}

// Ancestors lists the organizations above one.
func (t SignIn) Ancestors(ctx context.Context, org ref.OrgID) ([]ref.OrgID, error) {
	var list []ref.OrgID
	err := t.tx.Rows(ctx, `
		WITH RECURSIVE above (id) AS (
			SELECT parent_id FROM organization WHERE id = $1
			UNION ALL
			SELECT o.parent_id FROM organization o JOIN above a ON o.id = a.id
		) SELECT id FROM above WHERE id IS NOT NULL`, []any{org}, func(scan func(...any) error) error {
		var id ref.OrgID
		err := scan(&id)
		list = append(list, id)
		return err
	})
	return list, err
}

// IsOwnerOf reports whether a user was granted the role of an owner in one of the organizations, and is a member who is not
// shut out.
func (t SignIn) IsOwnerOf(ctx context.Context, user ref.UserID, orgs []ref.OrgID) (is bool, err error) {
	args := []any{user}
	err = t.tx.Row(ctx, `
		SELECT EXISTS (SELECT 1 FROM access_rule r JOIN membership m ON m.org_id = r.org_id AND m.user_id = r.user_id
			WHERE r.user_id = $1 AND r.role_id = 1 AND m.state <> 'inactive' AND r.org_id IN `+sqldb.In(&args, orgs)+`)`, args, &is)
	return is, err
}

// IsMemberOf reports whether a user is a member of one of the organizations who is not shut out.
func (t SignIn) IsMemberOf(ctx context.Context, user ref.UserID, orgs []ref.OrgID) (is bool, err error) {
	args := []any{user}
	err = t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM membership WHERE user_id = $1 AND state <> 'inactive' AND org_id IN `+sqldb.In(&args, orgs)+`)`, args, &is)
	return is, err
}

// UserGroupsNamed lists the user groups of an organization by their folded names.
func (t SignIn) UserGroupsNamed(ctx context.Context, org ref.OrgID) (map[string]ref.UserGroupID, error) {
	named := make(map[string]ref.UserGroupID)
	err := t.tx.Rows(ctx, `SELECT name_folded, id FROM user_group WHERE org_id = $1`, []any{org}, func(scan func(...any) error) error {
		var name string
		var id ref.UserGroupID
		err := scan(&name, &id)
		named[name] = id
		return err
	})
	return named, err
}

// UserGroupsOf lists the user groups of an organization that a user is in.
func (t SignIn) UserGroupsOf(ctx context.Context, org ref.OrgID, user ref.UserID) ([]ref.UserGroupID, error) {
	var list []ref.UserGroupID
	err := t.tx.Rows(ctx, `
		SELECT g.id FROM user_group_member m JOIN user_group g ON g.id = m.group_id WHERE m.user_id = $1 AND g.org_id = $2 ORDER BY g.id`,
		[]any{user, org}, func(scan func(...any) error) error {
			var id ref.UserGroupID
			err := scan(&id)
			list = append(list, id)
			return err
		})
	return list, err
}

// JoinUserGroup makes a user a member of a user group.
func (t SignIn) JoinUserGroup(ctx context.Context, group ref.UserGroupID, user ref.UserID) error {
	t.changed(user)
	return t.tx.Later(ctx, `INSERT INTO user_group_member (group_id, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		group, user, sqldb.Micros(t.tx.Now()))
}

// LeaveUserGroup ends that.
func (t SignIn) LeaveUserGroup(ctx context.Context, group ref.UserGroupID, user ref.UserID) error {
	t.changed(user)
	return t.tx.Later(ctx, `DELETE FROM user_group_member WHERE group_id = $1 AND user_id = $2`, group, user)
}
