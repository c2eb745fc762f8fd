package orgdb

import (
	"context"
	"time"

	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// Tree is the statements of the tree in one transaction.
type Tree struct {
	tx      *sqldb.Tx
	dialect *sqldb.Dialect
	changed func() // what decisions are made by has changed for whole branches of the tree
}

// New makes the statements of a transaction. changed is called, inside the transaction, when a capability or the tree has
// changed in a way that organizations already decided about can feel.
func New(tx *sqldb.Tx, d *sqldb.Dialect, changed func()) Tree {
	return Tree{tx: tx, dialect: d, changed: changed}
}

const organizationColumns = `o.id, COALESCE(o.parent_id, 0), o.name, o.external_id, o.description, o.created_at, o.updated_at`

// scanOrganization lists the destinations of organizationColumns, and finish to be called after the scan.
func scanOrganization(o *org.Organization) (dest []any, finish func()) {
	var created, updated int64
	return []any{&o.ID, &o.Parent, &o.Name, &o.ExternalID, &o.Description, &created, &updated}, func() {
		o.CreatedAt, o.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
	}
}

// Organization reads one organization.
func (t Tree) Organization(ctx context.Context, id ref.OrgID) (org.Organization, error) {
	return t.organization(ctx, id, "")
}

// Lock reads one organization and holds it; see org.Tx.
func (t Tree) Lock(ctx context.Context, id ref.OrgID, alone bool) (org.Organization, error) {
	if alone {
		return t.organization(ctx, id, t.dialect.ForUpdate)
	}
	return t.organization(ctx, id, t.dialect.ForShare)
}

func (t Tree) organization(ctx context.Context, id ref.OrgID, lock string) (org.Organization, error) {
	var o org.Organization
	dest, finish := scanOrganization(&o)
	err := t.tx.Row(ctx, `SELECT `+organizationColumns+` FROM organization o WHERE o.id = $1 `+lock, []any{id}, dest...)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return org.Organization{}, errs.NotFoundf("organization %d not found", id)
		}
		return org.Organization{}, err
	}
	finish()
	return o, nil
}

// Path reads an organization and its ancestors with what each holds.
func (t Tree) Path(ctx context.Context, id ref.OrgID) (org.Path, error) {
	var path org.Path
	var r capabilityRow
	dest := r.dest()
	err := t.tx.Rows(ctx, `
		WITH RECURSIVE path (id, parent_id, level) AS (
			SELECT o.id, o.parent_id, 0 FROM organization o WHERE o.id = $1
			UNION ALL
			SELECT o.id, o.parent_id, p.level + 1 FROM path p JOIN organization o ON o.id = p.parent_id
		)
		SELECT p.id, c.name, c.expires_at, c.max_depth, c.max_width, c.created_at, c.updated_at
		FROM path p JOIN capability c ON c.org_id = p.id
		ORDER BY p.level, c.name`, []any{id}, func(scan func(...any) error) error {
		if err := scan(dest...); err != nil {
			return err
		}
		if node := ref.OrgID(r.holder); len(path) == 0 || path[len(path)-1].ID != node {
			path = append(path, org.Node{ID: node}) // each holds iam at least
		}
		last := &path[len(path)-1]
		last.Capabilities = append(last.Capabilities, r.capability())
		return nil
	})
	if err == nil && len(path) == 0 {
		err = errs.NotFoundf("organization %d not found", id)
	}
	return path, err
}

// capabilityRow is a row of an organization's id and the columns of a capability it holds; one serves all rows of a query,
// since what Scan is given is allocated.
type capabilityRow struct {
	holder           int64
	name             string
	expires          sqldb.NullTime
	depth, width     *int64
	created, updated int64
}

func (r *capabilityRow) dest() []any {
	return []any{&r.holder, &r.name, &r.expires, &r.depth, &r.width, &r.created, &r.updated}
}

func (r *capabilityRow) capability() org.Capability {
	return org.Capability{Name: r.name, ExpiresAt: r.expires.Time, MaxDepth: r.depth, MaxWidth: r.width,
		CreatedAt: sqldb.Time(r.created), UpdatedAt: sqldb.Time(r.updated)}
}

// Roots counts the organizations without a parent.
func (t Tree) Roots(ctx context.Context) (int64, error) {
	var n int64
	err := t.tx.Row(ctx, `SELECT COUNT(*) FROM organization WHERE parent_id IS NULL`, nil, &n)
	return n, err
}

// Projects lists the projects of an organization by id.
func (t Tree) Projects(ctx context.Context, id ref.OrgID) ([]org.Project, error) {
	list := []org.Project{}
	err := t.tx.Rows(ctx, `SELECT id, name, created_at, updated_at FROM project WHERE org_id = $1 ORDER BY id`, []any{id},
		func(scan func(...any) error) error {
			p := org.Project{Org: id}
			var created, updated int64
			err := scan(&p.ID, &p.Name, &created, &updated)
			p.CreatedAt, p.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
			list = append(list, p)
			return err
		})
	return list, err
}

// InsertProject writes a further project; see org.Tx.
func (t Tree) InsertProject(ctx context.Context, p org.Project) (org.Project, error) {
	created, updated := inserted(p.CreatedAt)
	err := t.tx.Row(ctx, `INSERT INTO project (org_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4) RETURNING id`,
		[]any{p.Org, p.Name, created, updated}, &p.ID)
	t.changed()
	return p, err
}

// countStripes is how many rows the number of a parent's customers is spread over.
const countStripes = 64

// count adds n to the kept number of a parent's customers. Which row is no matter of chance: transactions that run at the
// same time have numbers close to each other, so that they hardly ever wait for one another, and one that makes many
// customers holds one row and not all.
func (t Tree) count(ctx context.Context, parent ref.OrgID, n int) error {
	return t.tx.Later(ctx, `
		INSERT INTO customer_count (parent_id, stripe, customers) VALUES ($1, `+t.dialect.Stripe+` % $2, $3)
		ON CONFLICT (parent_id, stripe) DO UPDATE SET customers = customer_count.customers + excluded.customers`,
		parent, countStripes, n)
}

// LockCustomerCount counts the direct customers and holds the count still by the row of the parent's msp capability.
func (t Tree) LockCustomerCount(ctx context.Context, parent ref.OrgID) (int64, error) {
	var name string
	err := t.tx.Row(ctx, `SELECT name FROM capability WHERE org_id = $1 AND name = 'msp' `+t.dialect.ForUpdate, []any{parent}, &name)
	if err != nil {
		return 0, err
	}
	return t.CustomerCount(ctx, parent)
}

// CustomerCount is the kept number of direct customers.
func (t Tree) CustomerCount(ctx context.Context, parent ref.OrgID) (int64, error) {
	var n int64
	err := t.tx.Row(ctx, `SELECT CAST(COALESCE(SUM(customers), 0) AS BIGINT) FROM customer_count WHERE parent_id = $1`, []any{parent}, &n)
	return n, err
}

// inserted is the time columns of a new row.
func inserted(at time.Time) (created, updated int64) { return sqldb.Micros(at), sqldb.Micros(at) }
