package iamdb

import (
	"context"
	"slices"
	"strings"

	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// People is the statements of people and access in one transaction.
type People struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
	told    Changes
}

// Changes is told, inside the transaction, for whom what decisions are made by has changed. A nil member tells nobody.
type Changes struct {
	Users    func(...ref.UserID)           // memberships, roles, user groups or sessions of these
	Accounts func(...ref.ServiceAccountID) // roles or clients of these, or they are gone
	Orgs     func(...ref.OrgID)            // projects of these, or what access policies give in them
}

// New makes the statements of a transaction.
func New(tx *sqldb.Tx, d *sqldb.Dialect, told Changes) People {
	return People{tx: tx, dialect: d, told: told}
}

func (t People) changed(users ...ref.UserID) {
	if t.told.Users != nil && len(users) > 0 {
		t.told.Users(users...)
	}
}

func (t People) changedAccounts(accounts ...ref.ServiceAccountID) {
	if t.told.Accounts != nil && len(accounts) > 0 {
		t.told.Accounts(accounts...)
	}
}

func (t People) changedOrgs(orgs ...ref.OrgID) {
	if t.told.Orgs != nil && len(orgs) > 0 {
		t.told.Orgs(orgs...)
	}
}

const ownerQuery = `
	SELECT u.id, u.email, u.first_name, u.last_name, m.state, u.created_at, u.updated_at
	FROM access_rule r JOIN app_user u ON u.id = r.user_id JOIN membership m ON m.org_id = r.org_id AND m.user_id = u.id
	WHERE r.org_id = $1 AND r.role_id = 1 ORDER BY u.id`

func scanUser(scan func(...any) error) (org.User, error) {
	var u org.User
	var created, updated int64
	err := scan(&u.ID, &u.Email, &u.FirstName, &u.LastName, &u.State, &created, &updated)
	u.CreatedAt, u.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
	return u, err
}

// Owners lists the owners of an organization by id.
func (t People) Owners(ctx context.Context, id ref.OrgID) ([]org.User, error) {
	var list []org.User
	err := t.tx.Rows(ctx, ownerQuery, []any{id}, func(scan func(...any) error) error {
		u, err := scanUser(scan)
		list = append(list, u)
		return err
	})
	return list, err
}

// AddOwners makes each a user if it is none, a member and an owner; see org.Tx. They come back in the order given.
func (t People) AddOwners(ctx context.Context, id ref.OrgID, owners []org.Owner, newcomers org.State) ([]org.User, error) {
	// Users are global: two use cases that add the same ones take them in one order, or they would wait for each other.
	order := make([]int, len(owners))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return strings.Compare(filter.Fold(owners[a].Email), filter.Fold(owners[b].Email))
	})
	users := make([]org.User, len(owners))
	for _, i := range order {
		u, err := t.user(ctx, owners[i], newcomers)
		if err != nil {
			return nil, err
		}
		users[i] = u
	}
	for _, i := range order {
		if err := t.addOwner(ctx, id, users[i]); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// user finds the user with an address, made first if it is new. State is that of the membership a new organization gives it.
// The first statement gives nothing back, so that on PostgreSQL both are one journey, and another server that makes the same
// user at the same time is waited for.
func (t People) user(ctx context.Context, o org.Owner, newcomer org.State) (org.User, error) {
	now, folded := sqldb.Micros(t.tx.Now()), filter.Fold(o.Email)
	err := t.tx.Later(ctx, `
		INSERT INTO app_user (email, email_folded, first_name, last_name, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (email_folded) DO NOTHING`, o.Email, folded, o.FirstName, o.LastName, now)
	if err != nil {
		return org.User{}, err
	}
	var u org.User
	var created, updated int64
	err = t.tx.Row(ctx, `
		SELECT u.id, u.email, u.first_name, u.last_name, u.created_at, u.updated_at,
			CASE WHEN EXISTS (SELECT 1 FROM membership m WHERE m.user_id = u.id AND m.state = 'active') THEN 'active' ELSE CAST($2 AS TEXT) END
		FROM app_user u WHERE u.email_folded = $1`, []any{folded, newcomer},
		&u.ID, &u.Email, &u.FirstName, &u.LastName, &created, &updated, &u.State)
	u.CreatedAt, u.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
	return u, err
}

func (t People) addOwner(ctx context.Context, id ref.OrgID, u org.User) error {
	now := sqldb.Micros(t.tx.Now())
	err := t.tx.Later(ctx, `
		INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, user_id) DO UPDATE SET updated_at = excluded.updated_at,
			state = CASE WHEN membership.state = 'inactive' THEN excluded.state ELSE membership.state END`,
		id, u.ID, u.State, now, now)
	if err != nil {
		return err
	}
	t.changed(u.ID)
	return t.tx.Later(ctx, `
		INSERT INTO access_rule (org_id, role_id, user_id, created_at) VALUES ($1, 1, $2, $3)
		ON CONFLICT DO NOTHING`, id, u.ID, now)
}

// RemoveOwners takes the role of an owner away. Who holds nothing else in the organization leaves it.
func (t People) RemoveOwners(ctx context.Context, id ref.OrgID, users []ref.UserID) error {
	for _, u := range users {
		if _, err := t.tx.Exec(ctx, `DELETE FROM access_rule WHERE org_id = $1 AND user_id = $2 AND role_id = 1`, id, u); err != nil {
			return err
		}
		_, err := t.tx.Exec(ctx, `
			DELETE FROM membership WHERE org_id = $1 AND user_id = $2
				AND NOT EXISTS (SELECT 1 FROM access_rule r WHERE r.org_id = $1 AND r.user_id = $2)
				AND NOT EXISTS (SELECT 1 FROM user_group_member m JOIN user_group g ON g.id = m.group_id WHERE g.org_id = $1 AND m.user_id = $2)`, id, u)
		if err != nil {
			return err
		}
	}
	t.changed(users...)
	return nil
}

// Profile reads a user with the organizations it belongs to, by id, without the roles.
func (t People) Profile(ctx context.Context, user ref.UserID) (iam.Profile, error) {
	p := iam.Profile{ID: user}
	err := t.tx.Row(ctx, `SELECT email, first_name, last_name FROM app_user WHERE id = $1`, []any{user}, &p.Email, &p.FirstName, &p.LastName)
	if err != nil {
		return iam.Profile{}, err
	}
	err = t.tx.Rows(ctx, `
		SELECT o.id, o.name, COALESCE(o.parent_id, 0) FROM membership m JOIN organization o ON o.id = m.org_id
		WHERE m.user_id = $1 AND m.state <> 'inactive' ORDER BY o.id`, []any{user}, func(scan func(...any) error) error {
		var t iam.Tie
		err := scan(&t.ID, &t.Name, &t.Parent)
		p.Orgs = append(p.Orgs, t)
		return err
	})
	return p, err
}

// Memberships lists the organizations a user belongs to, by id, those it is shut out of included.
func (t People) Memberships(ctx context.Context, user ref.UserID) ([]ref.OrgID, error) {
	var list []ref.OrgID
	err := t.tx.Rows(ctx, `SELECT org_id FROM membership WHERE user_id = $1 ORDER BY org_id`, []any{user}, func(scan func(...any) error) error {
		var id ref.OrgID
		err := scan(&id)
		list = append(list, id)
		return err
	})
	return list, err
}

// UserByEmail finds a user by its address, compared case-folded.
func (t People) UserByEmail(ctx context.Context, email string) (ref.UserID, error) {
	var id ref.UserID
	err := t.tx.Row(ctx, `SELECT id FROM app_user WHERE email_folded = $1`, []any{filter.Fold(email)}, &id)
	return id, err
}
