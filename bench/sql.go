package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"

	"espalier.dev/store/sqldb"
)

// Settings of the product's connections: store/sqldb.
const (
	writerSettings = "_txlock=immediate&_busy_timeout=10000&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=ON" +
		"&_pragma=cache_size(-8192)&_pragma=wal_autocheckpoint(1000)&_pragma=journal_size_limit(16777216)"
	readerSettings = "_busy_timeout=10000&_query_only=ON&_pragma=cache_size(-4096)"
)

// rawDB is one connection through database/sql, with prepared statements. Its statements cannot be cancelled: the driver
// would pay for that with a goroutine each, and the floor is the least.
type rawDB struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	unaudited bool // leaves the audit entry out
}

// raw opens the SQLite database of a world beside the product.
func (l *lab) raw(ctx context.Context, w *world, settings string) (*rawDB, error) {
	if _, err := sqlite.Fdatasync(true); err != nil {
		return nil, err // the floor and the product sync in one way
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, sqldb.FileName)+"?mode=rw&"+settings)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	r := &rawDB{db: db, conn: conn, stmts: map[string]*sql.Stmt{}}
	l.later(r.close)
	return r, nil
}

func (r *rawDB) close() error {
	var all []error
	for _, st := range r.stmts {
		all = append(all, st.Close())
	}
	return errors.Join(append(all, r.conn.Close(), r.db.Close())...)
}

func (r *rawDB) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if st := r.stmts[text]; st != nil {
		return st, nil
	}
	st, err := r.conn.PrepareContext(context.WithoutCancel(ctx), text)
	if err == nil {
		r.stmts[text] = st
	}
	return st, err
}

// rows runs a query and reads every row into dest, calling row (may be nil) after each. It returns how many there were.
func (r *rawDB) rows(ctx context.Context, text string, args, dest []any, row func()) (n int, err error) {
	st, err := r.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	rows, err := st.QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		if err := rows.Scan(dest...); err != nil {
			return n, err
		}
		if row != nil {
			row()
		}
	}
	return n, rows.Err()
}

// id runs an INSERT with RETURNING id.
func (r *rawDB) id(ctx context.Context, text string, args ...any) (id int64, err error) {
	st, err := r.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	return id, st.QueryRowContext(context.WithoutCancel(ctx), args...).Scan(&id)
}

func (r *rawDB) exec(ctx context.Context, text string, args ...any) error {
	st, err := r.stmt(ctx, text)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(context.WithoutCancel(ctx), args...)
	return err
}

// transaction is a durable transaction.
func (r *rawDB) transaction(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := r.conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// newCustomer is a customer as measurements make it. Its rows are those of an organization with one project, three
// capabilities, one owner and, by import, two tags.
type newCustomer struct {
	name, externalID, description, email string
	tags                                 []string
}

// numbered makes customers that differ by a number. prefix keeps those of one run apart from others of the database.
func numbered(prefix string, n int) newCustomer {
	number := prefix + strconv.Itoa(n)
	return newCustomer{
		name: "Contoso " + number, externalID: "X-" + number, description: "Made by a measurement.", email: "owner." + number + "@contoso.example",
	}
}

// customerCapabilities are asked for; iam comes by itself.
var customerCapabilities = []string{"policy", "fcm"}

// body is the request that creates the customer.
func (c newCustomer) body() []byte {
	type named struct {
		Name string `json:"name"`
	}
	type owner struct {
		Email     string `json:"email"`
		FirstName string `json:"firstName"`
		LastName  string `json:"lastName"`
	}
	var capabilities []named
	for _, name := range customerCapabilities {
		capabilities = append(capabilities, named{name})
	}
	text, err := json.Marshal(map[string]any{
		"name": c.name, "externalId": c.externalID, "description": c.description,
		"capabilities": capabilities, "owners": []owner{{Email: c.email, FirstName: "Kay", LastName: "Owner"}},
	})
	if err != nil {
		panic(err) // of texts
	}
	return text
}

// Statements of the rows of a customer.
const (
	insertOrganization = `INSERT INTO organization (parent_id, name, name_folded, external_id, external_folded, description, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id`
	insertProject    = `INSERT INTO project (org_id, name, created_at, updated_at) VALUES ($1, 'main', $2, $2)`
	insertCapability = `INSERT INTO capability (org_id, name, created_at, updated_at) VALUES ($1, $3, $2, $2), ($1, $4, $2, $2), ($1, $5, $2, $2)`
	insertTags       = `INSERT INTO customer_tag (org_id, tag, tag_folded) VALUES ($1, $2, $3), ($1, $4, $5)`
	insertUser       = `INSERT INTO app_user (email, email_folded, first_name, last_name, created_at, updated_at)
		VALUES ($1, $2, 'Kay', 'Owner', $3, $3) RETURNING id`
	insertMembership = `INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, 'invited', $3, $3)`
	insertRule       = `INSERT INTO access_rule (org_id, role_id, user_id, created_at) VALUES ($1, 1, $2, $3)`
	countCustomer    = `INSERT INTO customer_count (parent_id, stripe, customers) VALUES ($1, $2, 1)
		ON CONFLICT (parent_id, stripe) DO UPDATE SET customers = customer_count.customers + excluded.customers`
	insertEntry = `INSERT INTO audit_entry (mark, at, org_id, via_org_id, actor_kind, actor_id, session, action, target_kind, target_id, after_json, request_id)
		VALUES ((SELECT base FROM audit_clock), $1, $2, $3, 'user', 1, 'AAAAAAAAAAAAAAAA', 'customer.create', 'organization', $4, $5, 'AAAAAAAAAAAAAAAAAAAAAAAAAA')`
)

// insert writes the rows of a customer, and no more.
func (r *rawDB) insert(ctx context.Context, parent int64, c newCustomer) error {
	now := time.Now().UnixMicro()
	org, err := r.id(ctx, insertOrganization, parent, c.name, strings.ToLower(c.name), c.externalID, strings.ToLower(c.externalID), c.description, now)
	if err != nil {
		return err
	}
	user, err := r.id(ctx, insertUser, c.email, c.email, now)
	if err != nil {
		return err
	}
	entry := fmt.Sprintf(`{"capabilities":["fcm","iam","policy"],"description":%q,"externalId":%q,"name":%q,"owners":[%q]}`, c.description, c.externalID, c.name, c.email)
	all := []error{
		r.exec(ctx, insertProject, org, now),
		r.exec(ctx, insertCapability, org, now, "iam", customerCapabilities[0], customerCapabilities[1]),
		r.exec(ctx, insertMembership, org, user, now),
		r.exec(ctx, insertRule, org, user, now),
		r.exec(ctx, countCustomer, parent, org%16),
	}
	if !r.unaudited {
		all = append(all, r.exec(ctx, insertEntry, now, org, parent, strconv.FormatInt(org, 10), entry))
	}
	if len(c.tags) == 2 {
		all = append(all, r.exec(ctx, insertTags, org, c.tags[0], c.tags[0], c.tags[1], c.tags[1]))
	}
	return errors.Join(all...)
}
