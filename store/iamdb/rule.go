package iamdb

import (
	"context"
	"fmt"

	"espalier.dev/iam"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// ruleCondition is what a query asks for, of rules r of the organization $1.
func ruleCondition(q iam.RuleQuery, args *[]any) string {
	where := `r.org_id = $1`
	also := func(format string, value any) {
		*args = append(*args, value)
		where += fmt.Sprintf(` AND `+format, len(*args))
	}
	if q.Of != nil {
		column, id := granteeColumn(*q.Of)
		also(`r.`+column+` = $%d`, id)
	}
	if q.Role != 0 {
		also(`r.role_id = $%d`, q.Role)
	}
	switch {
	case q.Everywhere:
	case q.In.Project == 0:
		where += ` AND r.project_id IS NULL`
	default:
		also(`r.project_id = $%d`, q.In.Project)
	}
	return where
}

func granteeColumn(of iam.Grantee) (column string, id int64) {
	switch {
	case of.User != 0:
		return "user_id", int64(of.User)
	case of.Group != 0:
		return "group_id", int64(of.Group)
	}
	return "service_account_id", int64(of.Account)
}

// Rules lists access rules of an organization in the order they were made in.
func (t People) Rules(ctx context.Context, org ref.OrgID, q iam.RuleQuery) ([]iam.Rule, error) {
	args := []any{org}
	where := ruleCondition(q, &args)
	var list []iam.Rule
	err := t.tx.Rows(ctx, `
		SELECT COALESCE(r.project_id, 0), r.role_id, COALESCE(r.user_id, 0), COALESCE(r.group_id, 0), COALESCE(r.service_account_id, 0), r.created_at,
			COALESCE(u.email, ''), COALESCE(u.first_name, ''), COALESCE(u.last_name, ''), COALESCE(g.name, a.name, '')
		FROM access_rule r LEFT JOIN app_user u ON u.id = r.user_id LEFT JOIN user_group g ON g.id = r.group_id
		LEFT JOIN service_account a ON a.id = r.service_account_id
		WHERE `+where+` ORDER BY r.id`, args, func(scan func(...any) error) error {
		r := iam.Rule{Org: org}
		var created int64
		err := scan(&r.Project, &r.Role, &r.Of.User, &r.Of.Group, &r.Of.Account, &created, &r.Email, &r.FirstName, &r.LastName, &r.Name)
		r.CreatedAt = sqldb.Time(created)
		list = append(list, r)
		return err
	})
	return list, err
}

// HasProject reports whether a project is an organization's.
func (t People) HasProject(ctx context.Context, org ref.OrgID, id ref.ProjectID) (has bool, err error) {
	err = t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM project WHERE id = $1 AND org_id = $2)`, []any{id, org}, &has)
	return has, err
}

// HasGrantee reports whether a user belongs to an organization, or a user group or a service account is its own.
func (t People) HasGrantee(ctx context.Context, org ref.OrgID, of iam.Grantee) (has bool, err error) {
	if of.User != 0 {
		return t.IsMember(ctx, org, of.User)
	}
	query, id := `SELECT EXISTS (SELECT 1 FROM user_group WHERE id = $1 AND org_id = $2)`, int64(of.Group)
	if of.Account != 0 {
		query, id = `SELECT EXISTS (SELECT 1 FROM service_account WHERE id = $1 AND org_id = $2)`, int64(of.Account)
	}
	err = t.tx.Row(ctx, query, []any{id, org}, &has)
	return has, err
}

// InsertRule writes a rule and reports whether it is new.
func (t People) InsertRule(ctx context.Context, r iam.Rule) (bool, error) {
	column, id := granteeColumn(r.Of)
	var project any
	if r.Project != 0 {
		project = r.Project
	}
	if err := t.changedGrantee(ctx, r.Of); err != nil {
		return false, err
	}
	n, err := t.tx.Exec(ctx, `
		INSERT INTO access_rule (org_id, project_id, role_id, `+column+`, created_at) VALUES ($1, CAST($2 AS BIGINT), $3, $4, $5)
		ON CONFLICT DO NOTHING`, r.Org, project, r.Role, id, sqldb.Micros(r.CreatedAt))
	return n > 0, err
}

// DeleteRules removes the rules of one grantee that a query is about.
func (t People) DeleteRules(ctx context.Context, org ref.OrgID, q iam.RuleQuery) error {
	if err := t.changedGrantee(ctx, *q.Of); err != nil {
		return err
	}
	args := []any{org}
	_, err := t.tx.Exec(ctx, `DELETE FROM access_rule WHERE id IN (SELECT r.id FROM access_rule r WHERE `+ruleCondition(q, &args)+`)`, args...)
	return err
}

// changedGrantee tells for whom a change of a grantee's roles counts.
func (t People) changedGrantee(ctx context.Context, of iam.Grantee) error {
	switch {
	case of.User != 0:
		t.changed(of.User)
	case of.Account != 0:
		t.changedAccounts(of.Account)
	default:
		users, err := t.idsInGroup(ctx, of.Group)
		if err != nil {
			return err
		}
		t.changed(users...)
	}
	return nil
}
