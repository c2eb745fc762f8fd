package iamdb

import (
	"context"
	"fmt"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// lastAPIUse is an expression: when a refresh token of the user was used last. activeToken is a condition; $2 is now.
const (
	lastAPIUse  = `(SELECT MAX(t.last_used_at) FROM refresh_token t WHERE t.user_id = u.id)`
	activeToken = `EXISTS (SELECT 1 FROM refresh_token t WHERE t.user_id = u.id AND t.revoked_at IS NULL AND t.expires_at > $2)`
)

const userColumns = `u.id, u.email, u.first_name, u.last_name, p.state, p.source, u.last_ui_login_at, ` + lastAPIUse + `, ` + activeToken + `,
	u.created_at, u.updated_at`

// userRow reads rows of userColumns; one serves all rows of a query.
type userRow struct {
	u                iam.User
	ui, api          sqldb.NullTime
	created, updated int64
}

func (r *userRow) dest() []any {
	return []any{&r.u.ID, &r.u.Email, &r.u.FirstName, &r.u.LastName, &r.u.State, &r.u.Source, &r.ui, &r.api, &r.u.ActiveToken, &r.created, &r.updated}
}

func (r *userRow) user() iam.User {
	r.u.LastUILogin, r.u.LastAPIUse = r.ui.Time, r.api.Time
	r.u.CreatedAt, r.u.UpdatedAt = sqldb.Time(r.created), sqldb.Time(r.updated)
	return r.u
}

// UserColumns is where SQL finds the attributes of iam.UserFilter.
var UserColumns = filter.Columns{
	"email":                 {Expr: "u.email", Folded: "u.email_folded"},
	"firstName":             {Expr: "u.first_name", Folded: "u.first_name_folded"},
	"lastName":              {Expr: "u.last_name", Folded: "u.last_name_folded"},
	"lastUILogin":           {Expr: "u.last_ui_login_at"},
	"lastAPILogin":          {Expr: lastAPIUse},
	"hasActiveRefreshToken": {Expr: activeToken},
}

// userKeys are what pages are sorted by, with the id behind; never NULL.
var userKeys = map[iam.UserOrder]struct {
	expr string
	text bool
}{
	iam.ByFirstName:   {"u.first_name_folded", true},
	iam.ByLastName:    {"u.last_name_folded", true},
	iam.ByEmail:       {"u.email_folded", true},
	iam.ByLastUILogin: {"COALESCE(u.last_ui_login_at, 0)", false},
	iam.ByLastAPIUse:  {"COALESCE(" + lastAPIUse + ", 0)", false},
}

// people is the users of an organization, $1, as rows of id, state and source: its members, and those let in by access policies
// through the user groups given.
func people(source iam.Source, groups []ref.UserGroupID, args *[]any) string {
	const members = `SELECT m.user_id AS id, m.state AS state, 'org_member' AS source FROM membership m WHERE m.org_id = $1`
	if len(groups) == 0 {
		if source == iam.OfPolicy {
			return members + ` AND FALSE`
		}
		return members
	}
	let := `
		SELECT DISTINCT g.user_id AS id, 'active' AS state, 'external_access_policy' AS source
		FROM user_group_member g JOIN user_group h ON h.id = g.group_id AND h.org_id <> $1
		JOIN membership a ON a.org_id = h.org_id AND a.user_id = g.user_id AND a.state = 'active'
		WHERE g.group_id IN ` + sqldb.In(args, groups)
	switch source {
	case iam.OfMember:
		return members
	case iam.OfPolicy:
		return let
	}
	return members + ` UNION ALL ` + let + ` AND NOT EXISTS (SELECT 1 FROM membership n WHERE n.org_id = $1 AND n.user_id = g.user_id)`
}

// lettingGroups lists the user groups of the parent that access policies let into an organization, if they count at present.
func (t People) lettingGroups(ctx context.Context, org ref.OrgID, let bool) ([]ref.UserGroupID, error) {
	if !let {
		return nil, nil
	}
	grants, err := t.namedGrants(ctx, org)
	if err != nil {
		return nil, err
	}
	seen := map[ref.UserGroupID]bool{}
	var groups []ref.UserGroupID
	for _, g := range grants {
		if !seen[g.Group] && len(groups) < sqldb.MaxList {
			seen[g.Group] = true
			groups = append(groups, g.Group)
		}
	}
	return groups, nil
}

// Users reads a page of the users of an organization; see iam.Tx. Its members are found by the primary key of memberships, and their
// sort keys sorted: whichever the order, a page costs about 1 µs a member.
func (t People) Users(ctx context.Context, id ref.OrgID, q iam.UserQuery, let bool) (iam.UserPage, error) {
	groups, err := t.lettingGroups(ctx, id, let && q.Source != iam.OfMember)
	if err != nil {
		return iam.UserPage{}, err
	}
	page, err := t.userRows(ctx, id, q, groups)
	switch {
	case err != nil || !q.Count:
		return page, err
	case q.After == nil && page.Next == nil:
		page.Total = int64(len(page.Users))
		return page, nil
	}
	page.Total, err = t.countUsers(ctx, id, q, groups)
	return page, err
}

func (t People) countUsers(ctx context.Context, id ref.OrgID, q iam.UserQuery, groups []ref.UserGroupID) (n int64, err error) {
	args := []any{id}
	if q.Match.MatchesAll() {
		err = t.tx.Row(ctx, `SELECT COUNT(*) FROM (`+people(q.Source, groups, &args)+`) p`, args, &n)
		return n, err
	}
	args = append(args, sqldb.Micros(t.tx.Now()))
	from := people(q.Source, groups, &args)
	err = t.tx.Row(ctx, `SELECT COUNT(*) FROM (`+from+`) p JOIN app_user u ON u.id = p.id WHERE CAST($2 AS BIGINT) > 0 AND `+
		q.Match.SQL(UserColumns, t.dialect, &args), args, &n)
	return n, err
}

func (t People) userRows(ctx context.Context, id ref.OrgID, q iam.UserQuery, groups []ref.UserGroupID) (iam.UserPage, error) {
	key, ok := userKeys[q.Order]
	if !ok {
		return iam.UserPage{}, errs.Invalidf("orderBy: %.64q is no order", string(q.Order))
	}
	args := []any{id, sqldb.Micros(t.tx.Now()), q.Limit + 1}
	from := people(q.Source, groups, &args)
	where := q.Match.SQL(UserColumns, t.dialect, &args)
	direction, beyond := "ASC", ">"
	if q.Desc {
		direction, beyond = "DESC", "<"
	}
	if q.After != nil {
		var at any = q.After.Number
		if key.text {
			at = q.After.Text
		}
		args = append(args, at, q.After.ID)
		where += fmt.Sprintf(" AND (%s, u.id) %s ($%d, $%d)", key.expr, beyond, len(args)-1, len(args))
	}
	page := iam.UserPage{Users: make([]iam.User, 0, q.Limit)}
	var r userRow
	last := iam.UserCursor{}
	var to any = &last.Number
	if key.text {
		to = &last.Text
	}
	dest := append(r.dest(), to)
	// The columns are looked up for the rows of the page alone.
	err := t.tx.Rows(ctx, `
		WITH people AS `+findFirst(q.Match)+` (`+from+`)
		SELECT `+userColumns+`, p.sort_key
		FROM (SELECT p.id, p.state, p.source, `+key.expr+` AS sort_key FROM people p JOIN app_user u ON u.id = p.id WHERE `+where+`
			ORDER BY sort_key `+direction+`, p.id `+direction+` LIMIT $3) p
		JOIN app_user u ON u.id = p.id ORDER BY p.sort_key `+direction+`, u.id `+direction, args, func(scan func(...any) error) error {
		if len(page.Users) == q.Limit {
			next := last
			page.Next = &next
			return nil
		}
		if err := scan(dest...); err != nil {
			return err
		}
		last.ID = r.u.ID
		page.Users = append(page.Users, r.user())
		return nil
	})
	return page, err
}

// findFirst says whether to find the people of the organization before users are looked at. PostgreSQL might else sort all users
// there are to find those of one organization among them. A filter that names an address finds its user by that.
func findFirst(match *filter.Expr) string {
	for term := range match.Terms() {
		if term.Attr == "email" && term.Op == filter.Eq {
			return "NOT MATERIALIZED"
		}
	}
	return "MATERIALIZED"
}

// User reads one user of an organization; see iam.Tx.
func (t People) User(ctx context.Context, id ref.OrgID, user ref.UserID, let bool) (iam.User, error) {
	groups, err := t.lettingGroups(ctx, id, let)
	if err != nil {
		return iam.User{}, err
	}
	args := []any{id, sqldb.Micros(t.tx.Now()), user}
	var r userRow
	err = t.tx.Row(ctx, `SELECT `+userColumns+` FROM (`+people("", groups, &args)+`) p JOIN app_user u ON u.id = p.id WHERE p.id = $3`, args, r.dest()...)
	if errs.KindOf(err) == errs.NotFound {
		return iam.User{}, errs.NotFoundf("organization %d has no user %d", id, user)
	}
	return r.user(), err
}

// AddMember makes a member of a person; see iam.Tx.
func (t People) AddMember(ctx context.Context, id ref.OrgID, n iam.NewUser) (iam.User, error) {
	u, err := t.user(ctx, org.Owner{Email: n.Email, FirstName: n.FirstName, LastName: n.LastName}, org.Invited)
	if err != nil {
		return iam.User{}, err
	}
	now := sqldb.Micros(t.tx.Now())
	t.changed(u.ID)
	_, err = t.tx.Exec(ctx, `INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`, id, u.ID, string(u.State), now)
	return iam.User{ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, State: iam.State(u.State), Source: iam.OfMember,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}, err
}

// RemoveMember ends a membership with all that was granted in the organization; see iam.Tx.
func (t People) RemoveMember(ctx context.Context, id ref.OrgID, user ref.UserID) error {
	t.changed(user)
	for _, statement := range []string{
		`DELETE FROM access_rule WHERE user_id = $2 AND org_id = $1`,
		`DELETE FROM user_group_member WHERE user_id = $2 AND group_id IN (SELECT g.id FROM user_group g WHERE g.org_id = $1)`,
	} {
		if _, err := t.tx.Exec(ctx, statement, id, user); err != nil {
			return err
		}
	}
	return t.tx.Exec1(ctx, `DELETE FROM membership WHERE org_id = $1 AND user_id = $2`, id, user)
}

// ShutOut makes a membership inactive and remembers what it was.
func (t People) ShutOut(ctx context.Context, id ref.OrgID, user ref.UserID) error {
	t.changed(user)
	return t.tx.Exec1(ctx, `
		UPDATE membership SET state_before = state, state = 'inactive', updated_at = $3 WHERE org_id = $1 AND user_id = $2 AND state <> 'inactive'`,
		id, user, sqldb.Micros(t.tx.Now()))
}

// LetIn makes an inactive membership what it was before.
func (t People) LetIn(ctx context.Context, id ref.OrgID, user ref.UserID) error {
	t.changed(user)
	return t.tx.Exec1(ctx, `UPDATE membership SET state = state_before, updated_at = $3 WHERE org_id = $1 AND user_id = $2 AND state = 'inactive'`,
		id, user, sqldb.Micros(t.tx.Now()))
}

// CountOwners counts the owners of an organization who are not shut out.
func (t People) CountOwners(ctx context.Context, id ref.OrgID) (n int64, err error) {
	err = t.tx.Row(ctx, `
		SELECT COUNT(*) FROM access_rule r JOIN membership m ON m.org_id = r.org_id AND m.user_id = r.user_id
		WHERE r.org_id = $1 AND r.role_id = 1 AND m.state <> 'inactive'`, []any{id}, &n)
	return n, err
}

// IsOwner reports whether a user was granted the role of an owner, shut out or not.
func (t People) IsOwner(ctx context.Context, id ref.OrgID, user ref.UserID) (is bool, err error) {
	err = t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM access_rule WHERE user_id = $2 AND org_id = $1 AND role_id = 1)`, []any{id, user}, &is)
	return is, err
}

// ProjectsOf lists the projects of an organization by id.
func (t People) ProjectsOf(ctx context.Context, of iam.Tie) ([]iam.UserProject, error) {
	var list []iam.UserProject
	err := t.tx.Rows(ctx, `SELECT id, name, created_at, updated_at FROM project WHERE org_id = $1 ORDER BY id`, []any{of.ID},
		func(scan func(...any) error) error {
			p := iam.UserProject{Org: of}
			var created, updated int64
			err := scan(&p.ID, &p.Name, &created, &updated)
			p.CreatedAt, p.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
			list = append(list, p)
			return err
		})
	return list, err
}
