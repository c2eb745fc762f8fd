package iamdb

import (
	"context"
	"slices"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// groupColumns lists what a user group is, with the number of its users or -1 where that is not asked for.
func groupColumns(count bool) string {
	users := `CAST(-1 AS BIGINT)`
	if count {
		users = `(SELECT COUNT(*) FROM user_group_member c WHERE c.group_id = g.id)`
	}
	return `g.id, g.name, g.description, g.managed_by, g.created_at, g.updated_at, ` + users
}

func scanGroup(org ref.OrgID, scan func(...any) error) (iam.Group, error) {
	g := iam.Group{Org: org}
	var created, updated int64
	err := scan(&g.ID, &g.Name, &g.Description, &g.ManagedBy, &created, &updated, &g.Users)
	g.CreatedAt, g.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
	return g, err
}

// Groups lists user groups of an organization by name.
func (t People) Groups(ctx context.Context, org ref.OrgID, q iam.GroupQuery) ([]iam.Group, error) {
	query, args := `SELECT `+groupColumns(q.Count)+` FROM user_group g WHERE g.org_id = $1`, []any{org}
	if q.Of != 0 {
		query += ` AND g.id IN (SELECT m.group_id FROM user_group_member m WHERE m.user_id = $2)`
		args = append(args, q.Of)
	}
	var list []iam.Group
	err := t.tx.Rows(ctx, query+` ORDER BY g.name_folded`, args, func(scan func(...any) error) error {
		g, err := scanGroup(org, scan)
		list = append(list, g)
		return err
	})
	return list, err
}

// Group reads one of an organization.
func (t People) Group(ctx context.Context, org ref.OrgID, id ref.UserGroupID, count bool) (iam.Group, error) {
	g, err := scanGroup(org, func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+groupColumns(count)+` FROM user_group g WHERE g.id = $1 AND g.org_id = $2`, []any{id, org}, dest...)
	})
	if errs.KindOf(err) == errs.NotFound {
		return iam.Group{}, errs.NotFoundf("organization %d has no user group %d", org, id)
	}
	return g, err
}

// InsertGroup writes one.
func (t People) InsertGroup(ctx context.Context, g iam.Group) (iam.Group, error) {
	if err := t.freeName(ctx, g); err != nil {
		return iam.Group{}, err
	}
	err := t.tx.Row(ctx, `
		INSERT INTO user_group (org_id, name, name_folded, description, managed_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id`,
		[]any{g.Org, g.Name, filter.Fold(g.Name), g.Description, string(g.ManagedBy), sqldb.Micros(g.CreatedAt)}, &g.ID)
	return g, err
}

// UpdateGroup writes the name, the description and who manages it.
func (t People) UpdateGroup(ctx context.Context, g iam.Group) error {
	if err := t.freeName(ctx, g); err != nil {
		return err
	}
	return t.tx.Exec1(ctx, `
		UPDATE user_group SET name = $2, name_folded = $3, description = $4, managed_by = $5, updated_at = $6 WHERE id = $1`,
		g.ID, g.Name, filter.Fold(g.Name), g.Description, string(g.ManagedBy), sqldb.Micros(g.UpdatedAt))
}

// freeName refuses a name that another user group of the organization has. The organization is held, so that none comes between.
func (t People) freeName(ctx context.Context, g iam.Group) error {
	var id ref.UserGroupID
	err := t.tx.Row(ctx, `SELECT id FROM user_group WHERE org_id = $1 AND name_folded = $2`, []any{g.Org, filter.Fold(g.Name)}, &id)
	switch {
	case errs.KindOf(err) == errs.NotFound:
		return nil
	case err != nil || id == g.ID:
		return err
	}
	return errs.Conflictf("", "organization %d has a user group %q already, %d: choose another name", g.Org, g.Name, id)
}

// DeleteGroup removes one with its memberships and what it was granted.
func (t People) DeleteGroup(ctx context.Context, g iam.Group) error {
	users, err := t.idsInGroup(ctx, g.ID)
	if err != nil {
		return err
	}
	t.changed(users...)
	return t.tx.Exec1(ctx, `DELETE FROM user_group WHERE id = $1 AND org_id = $2`, g.ID, g.Org)
}

// idsInGroup lists the users of a user group by id.
func (t People) idsInGroup(ctx context.Context, id ref.UserGroupID) ([]ref.UserID, error) {
	return t.userIDs(ctx, `SELECT user_id FROM user_group_member WHERE group_id = $1 ORDER BY user_id`, id)
}

func (t People) userIDs(ctx context.Context, query string, args ...any) ([]ref.UserID, error) {
	var list []ref.UserID
	err := t.tx.Rows(ctx, query, args, func(scan func(...any) error) error {
		var id ref.UserID
		err := scan(&id)
		list = append(list, id)
		return err
	})
	return list, err
}

// GroupUsers lists who is in a user group, by id; see iam.Tx.
func (t People) GroupUsers(ctx context.Context, g iam.Group, only []ref.UserID) ([]iam.User, error) {
	list := []iam.User{}
	var r userRow
	dest := r.dest()
	read := func(narrow string, args []any) error {
		return t.tx.Rows(ctx, `
			SELECT `+userColumns+`
			FROM (SELECT m.user_id AS id, m.state AS state, 'org_member' AS source FROM user_group_member x
				JOIN membership m ON m.org_id = $1 AND m.user_id = x.user_id WHERE x.group_id = $3 `+narrow+`) p
			JOIN app_user u ON u.id = p.id ORDER BY u.id`, args, func(scan func(...any) error) error {
			err := scan(dest...)
			list = append(list, r.user())
			return err
		})
	}
	first := []any{g.Org, sqldb.Micros(t.tx.Now()), g.ID}
	if len(only) == 0 {
		return list, read("", first)
	}
	for chunk := range slices.Chunk(only, sqldb.MaxList) {
		args := slices.Clone(first)
		if err := read(`AND x.user_id IN `+sqldb.In(&args, chunk), args); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// NotMembers lists which of the users do not belong to an organization.
func (t People) NotMembers(ctx context.Context, org ref.OrgID, users []ref.UserID) ([]ref.UserID, error) {
	found := map[ref.UserID]bool{}
	for chunk := range slices.Chunk(users, sqldb.MaxList) {
		args := []any{org}
		ids, err := t.userIDs(ctx, `SELECT user_id FROM membership WHERE org_id = $1 AND user_id IN `+sqldb.In(&args, chunk), args...)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(users), func(id ref.UserID) bool { return found[id] }), nil
}

// JoinGroup puts users into a user group and returns those who were not in it.
func (t People) JoinGroup(ctx context.Context, g iam.Group, users []ref.UserID) ([]ref.UserID, error) {
	return t.alterGroup(ctx, users, []any{g.ID, sqldb.Micros(t.tx.Now()), g.Org}, func(in string) string {
		return `
			INSERT INTO user_group_member (group_id, user_id, created_at)
			SELECT CAST($1 AS BIGINT), m.user_id, CAST($2 AS BIGINT) FROM membership m WHERE m.org_id = $3 AND m.user_id IN ` + in + `
			ON CONFLICT (group_id, user_id) DO NOTHING RETURNING user_id`
	})
}

// LeaveGroup takes users out of a user group and returns those who were in it.
func (t People) LeaveGroup(ctx context.Context, g iam.Group, users []ref.UserID) ([]ref.UserID, error) {
	return t.alterGroup(ctx, users, []any{g.ID}, func(in string) string {
		return `DELETE FROM user_group_member WHERE group_id = $1 AND user_id IN ` + in + ` RETURNING user_id`
	})
}

// alterGroup runs a statement that returns users, in chunks, and tells that they changed.
func (t People) alterGroup(ctx context.Context, users []ref.UserID, first []any, statement func(in string) string) ([]ref.UserID, error) {
	var altered []ref.UserID
	for chunk := range slices.Chunk(users, sqldb.MaxList) {
		args := slices.Clone(first)
		in := sqldb.In(&args, chunk)
		ids, err := t.userIDs(ctx, statement(in), args...)
		if err != nil {
			return nil, err
		}
		altered = append(altered, ids...)
	}
	t.changed(altered...)
	slices.Sort(altered)
	return altered, nil
}

// OpensCustomers reports whether an access policy names a user group.
func (t People) OpensCustomers(ctx context.Context, id ref.UserGroupID) (opens bool, err error) {
	err = t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM access_policy_group WHERE group_id = $1)`, []any{id}, &opens)
	return opens, err
}
