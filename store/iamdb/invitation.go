package iamdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

const invitationQuery = `
	SELECT i.id, i.org_id, o.name, i.email, i.first_name, i.last_name, i.sso, i.grants_json, i.state, i.by_user_id, i.by_account_id, i.hash,
		i.created_at, i.updated_at, i.expires_at,
		COALESCE(u.email, ''), COALESCE(u.first_name, ''), COALESCE(u.last_name, ''), COALESCE(a.name, '')
	FROM invitation i JOIN organization o ON o.id = i.org_id
	LEFT JOIN app_user u ON u.id = i.by_user_id LEFT JOIN service_account a ON a.id = i.by_account_id`

func scanInvitation(scan func(...any) error) (iam.Invitation, error) {
	var i iam.Invitation
	var grants string
	var created, updated, expires int64
	err := scan(&i.ID, &i.Org, &i.OrgName, &i.Email, &i.FirstName, &i.LastName, &i.SSO, &grants, &i.State, &i.Inviter.User,
		&i.Inviter.ServiceAccount, &i.Hash, &created, &updated, &expires, &i.Inviter.Email, &i.Inviter.FirstName, &i.Inviter.LastName, &i.Inviter.Name)
	if err != nil {
		return i, err
	}
	i.CreatedAt, i.UpdatedAt, i.ExpiresAt = sqldb.Time(created), sqldb.Time(updated), sqldb.Time(expires)
	if err := json.Unmarshal([]byte(grants), &i.Grants); err != nil {
		return i, fmt.Errorf("invitation %s: %w", i.ID, err)
	}
	return i, nil
}

// Invitations lists those of an organization, to an address where one is given, newest first; those to an address in all
// organizations for the zero id.
func (t People) Invitations(ctx context.Context, org ref.OrgID, email string) ([]iam.Invitation, error) {
	where, args := `i.org_id = $1`, []any{org}
	switch {
	case org == 0:
		where, args = `i.email_folded = $1`, []any{filter.Fold(email)}
	case email != "":
		where, args = `i.org_id = $1 AND i.email_folded = $2`, []any{org, filter.Fold(email)}
	}
	var list []iam.Invitation
	err := t.tx.Rows(ctx, invitationQuery+` WHERE `+where+` ORDER BY i.created_at DESC, i.id`, args, func(scan func(...any) error) error {
		i, err := scanInvitation(scan)
		list = append(list, i)
		return err
	})
	return list, err
}

// Invitation finds one by its id.
func (t People) Invitation(ctx context.Context, id string) (iam.Invitation, error) {
	var i iam.Invitation
	found := false
	err := t.tx.Rows(ctx, invitationQuery+` WHERE i.id = $1`, []any{id}, func(scan func(...any) error) (err error) {
		found = true
		i, err = scanInvitation(scan)
		return err
	})
	if err == nil && !found {
		err = errs.NotFoundf("no such invitation")
	}
	return i, err
}

// PutInvitation writes one, new or changed.
func (t People) PutInvitation(ctx context.Context, i iam.Invitation) error {
	grants, err := json.Marshal(i.Grants)
	if err != nil {
		return fmt.Errorf("invitation %s: %w", i.ID, err)
	}
	sso := 0
	if i.SSO {
		sso = 1
	}
	_, err = t.tx.Exec(ctx, `
		INSERT INTO invitation (id, org_id, email, email_folded, first_name, last_name, sso, grants_json, state, by_user_id, by_account_id, hash,
			created_at, updated_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, hash = excluded.hash, updated_at = excluded.updated_at, expires_at = excluded.expires_at`,
		i.ID, i.Org, i.Email, filter.Fold(i.Email), i.FirstName, i.LastName, sso, string(grants), i.State, i.Inviter.User, i.Inviter.ServiceAccount, i.Hash,
		sqldb.Micros(i.CreatedAt), sqldb.Micros(i.UpdatedAt), sqldb.Micros(i.ExpiresAt))
	return err
}

// DeleteInvitation removes one.
func (t People) DeleteInvitation(ctx context.Context, id string) error {
	return t.tx.Exec1(ctx, `DELETE FROM invitation WHERE id = $1`, id)
}

// DropInvitations removes those that ended before an instant: pending ones at their end, others when they were answered.
func (t People) DropInvitations(ctx context.Context, before time.Time) error {
	_, err := t.tx.Exec(ctx, `
		DELETE FROM invitation WHERE updated_at < $1 AND (state <> 'pending' OR expires_at < $1)`, sqldb.Micros(before))
	return err
}

// Inviter tells who a principal is; nobody is the operator.
func (t People) Inviter(ctx context.Context, p access.Principal) (iam.Inviter, error) {
	i := iam.Inviter{Principal: p}
	switch {
	case p.User != 0:
		return i, t.tx.Row(ctx, `SELECT email, first_name, last_name FROM app_user WHERE id = $1`, []any{p.User}, &i.Email, &i.FirstName, &i.LastName)
	case p.ServiceAccount != 0:
		return i, t.tx.Row(ctx, `SELECT name FROM service_account WHERE id = $1`, []any{p.ServiceAccount}, &i.Name)
	}
	return i, nil
}

// OrgName is the name of an organization.
func (t People) OrgName(ctx context.Context, id ref.OrgID) (name string, err error) {
	return name, t.tx.Row(ctx, `SELECT name FROM organization WHERE id = $1`, []any{id}, &name)
}

// Named tells the names of the groups and projects of an organization.
func (t People) Named(ctx context.Context, id ref.OrgID, g iam.Grants) (iam.Names, error) {
	n := iam.Names{Groups: make(map[ref.UserGroupID]string), Projects: make(map[ref.ProjectID]string)}
	args := []any{id}
	err := t.tx.Rows(ctx, `SELECT id, name FROM user_group WHERE org_id = $1 AND id IN `+sqldb.In(&args, g.Groups), args, func(scan func(...any) error) error {
		var group ref.UserGroupID
		var name string
		err := scan(&group, &name)
		n.Groups[group] = name
		return err
	})
	if err != nil {
		return n, err
	}
	var projects []ref.ProjectID
	for _, p := range g.Projects {
		projects = append(projects, p.ID)
	}
	args = []any{id}
	err = t.tx.Rows(ctx, `SELECT id, name FROM project WHERE org_id = $1 AND id IN `+sqldb.In(&args, projects), args, func(scan func(...any) error) error {
		var project ref.ProjectID
		var name string
		err := scan(&project, &name)
		n.Projects[project] = name
		return err
	})
	return n, err
}

// MemberByEmail tells how a person belongs to an organization.
func (t People) MemberByEmail(ctx context.Context, id ref.OrgID, email string) (iam.Member, error) {
	var m iam.Member
	err := t.tx.Row(ctx, `
		SELECT u.id, COALESCE(m.state, '') FROM app_user u LEFT JOIN membership m ON m.user_id = u.id AND m.org_id = $1
		WHERE u.email_folded = $2`, []any{id, filter.Fold(email)}, &m.User, &m.State)
	if errs.KindOf(err) == errs.NotFound {
		return iam.Member{}, nil
	}
	return m, err
}

// Email is the address of a user.
func (t People) Email(ctx context.Context, user ref.UserID) (email string, err error) {
	return email, t.tx.Row(ctx, `SELECT email FROM app_user WHERE id = $1`, []any{user}, &email)
}

// HasPassword reports whether a user has a password.
func (t People) HasPassword(ctx context.Context, user ref.UserID) (has bool, err error) {
	return has, t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM password WHERE user_id = $1)`, []any{user}, &has)
}

// Enrol makes the invited person an active member with what the invitation gives.
func (t People) Enrol(ctx context.Context, i iam.Invitation) (ref.UserID, error) {
	u, err := t.user(ctx, org.Owner{Email: i.Email, FirstName: i.FirstName, LastName: i.LastName}, org.Active)
	if err != nil {
		return 0, err
	}
	now := sqldb.Micros(t.tx.Now())
	_, err = t.tx.Exec(ctx, `
		INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, 'active', $3, $3)
		ON CONFLICT (org_id, user_id) DO UPDATE SET state = 'active', updated_at = excluded.updated_at`, i.Org, u.ID, now)
	if err != nil {
		return 0, err
	}
	t.told.Users(u.ID)
	names, err := t.Named(ctx, i.Org, i.Grants)
	if err != nil {
		return 0, err
	}
	for _, role := range i.Grants.Roles {
		if err := t.grantTo(ctx, i.Org, 0, role, u.ID); err != nil {
			return 0, err
		}
	}
	for _, p := range i.Grants.Projects {
		for _, role := range p.Roles {
			if names.Projects[p.ID] == "" {
				continue
			}
			if err := t.grantTo(ctx, i.Org, p.ID, role, u.ID); err != nil {
				return 0, err
			}
		}
	}
	for id := range names.Groups {
		_, err := t.tx.Exec(ctx, `INSERT INTO user_group_member (group_id, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, id, u.ID, now)
		if err != nil {
			return 0, err
		}
	}
	return u.ID, nil
}

// grantTo gives a user a role, in a project unless that is 0. It may have it already.
func (t People) grantTo(ctx context.Context, id ref.OrgID, project ref.ProjectID, role ref.RoleID, user ref.UserID) error {
	var in any
	if project != 0 {
		in = project
	}
	_, err := t.tx.Exec(ctx, `
		INSERT INTO access_rule (org_id, project_id, role_id, user_id, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		id, in, role, user, sqldb.Micros(t.tx.Now()))
	return err
}
