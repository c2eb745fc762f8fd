package iamdb

import (
	"context"

	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// HoldOrg makes other changes of the people and machines of an organization wait for the commit.
func (t People) HoldOrg(ctx context.Context, org ref.OrgID) error {
	var id ref.OrgID
	return t.tx.Row(ctx, `SELECT id FROM organization WHERE id = $1 `+t.dialect.ForUpdate, []any{org}, &id)
}

const accountColumns = `id, org_id, name, description, created_by, created_at, updated_at`

func scanAccount(scan func(...any) error) (iam.Account, error) {
	var a iam.Account
	var created, updated int64
	err := scan(&a.ID, &a.Org, &a.Name, &a.Description, &a.CreatedBy, &created, &updated)
	a.CreatedAt, a.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
	return a, err
}

// Accounts lists the service accounts of an organization by id.
func (t People) Accounts(ctx context.Context, org ref.OrgID) ([]iam.Account, error) {
	var list []iam.Account
	err := t.tx.Rows(ctx, `SELECT `+accountColumns+` FROM service_account WHERE org_id = $1 ORDER BY id`, []any{org},
		func(scan func(...any) error) error {
			a, err := scanAccount(scan)
			list = append(list, a)
			return err
		})
	return list, err
}

// Account returns one of an organization.
func (t People) Account(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID) (iam.Account, error) {
	a, err := scanAccount(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+accountColumns+` FROM service_account WHERE id = $1 AND org_id = $2`, []any{id, org}, dest...)
	})
	if errs.KindOf(err) == errs.NotFound {
		return iam.Account{}, errs.NotFoundf("organization %d has no service account %d", org, id)
	}
	return a, err
}

// InsertAccount writes one.
func (t People) InsertAccount(ctx context.Context, a iam.Account) (iam.Account, error) {
	err := t.tx.Row(ctx, `
		INSERT INTO service_account (org_id, name, description, created_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5) RETURNING id`,
		[]any{a.Org, a.Name, a.Description, a.CreatedBy, sqldb.Micros(a.CreatedAt)}, &a.ID)
	return a, err
}

// UpdateAccount writes its name and description.
func (t People) UpdateAccount(ctx context.Context, a iam.Account) error {
	return t.tx.Exec1(ctx, `UPDATE service_account SET name = $2, description = $3, updated_at = $4 WHERE id = $1`,
		a.ID, a.Name, a.Description, sqldb.Micros(a.UpdatedAt))
}

// DeleteAccount removes one with its clients and what it was granted.
func (t People) DeleteAccount(ctx context.Context, a iam.Account) error {
	t.changedAccounts(a.ID)
	return t.tx.Exec1(ctx, `DELETE FROM service_account WHERE id = $1`, a.ID)
}

const clientColumns = `id, service_account_id, hash, created_by, created_at, last_used_at`

func scanClient(scan func(...any) error) (iam.AccountClient, error) {
	var c iam.AccountClient
	var created int64
	var used sqldb.NullTime
	err := scan(&c.ID, &c.Account, &c.Hash, &c.CreatedBy, &created, &used)
	c.CreatedAt, c.LastUsedAt = sqldb.Time(created), used.Time
	return c, err
}

// AccountClients lists the clients of a service account, oldest first.
func (t People) AccountClients(ctx context.Context, account ref.ServiceAccountID) ([]iam.AccountClient, error) {
	var list []iam.AccountClient
	err := t.tx.Rows(ctx, `SELECT `+clientColumns+` FROM service_account_client WHERE service_account_id = $1 ORDER BY created_at, id`,
		[]any{account}, func(scan func(...any) error) error {
			c, err := scanClient(scan)
			list = append(list, c)
			return err
		})
	return list, err
}

// InsertAccountClient writes one.
func (t People) InsertAccountClient(ctx context.Context, c iam.AccountClient) error {
	t.changedAccounts(c.Account)
	_, err := t.tx.Exec(ctx, `
		INSERT INTO service_account_client (id, service_account_id, hash, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5)`, string(c.ID), c.Account, c.Hash, c.CreatedBy, sqldb.Micros(c.CreatedAt))
	return err
}

// DeleteAccountClient removes one.
func (t People) DeleteAccountClient(ctx context.Context, c iam.AccountClient) error {
	t.changedAccounts(c.Account)
	return t.tx.Exec1(ctx, `DELETE FROM service_account_client WHERE id = $1`, string(c.ID))
}
