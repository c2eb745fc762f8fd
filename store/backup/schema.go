package backup

import (
	"context"
	"errors"
	"slices"
	"strings"

	"espalier.dev/store/sqldb"
)

// ledger is the table of applied migrations. It goes into the header and not into a section.
const ledger = "schema_version"

// seeded are the tables that migrations fill; a database with rows in them alone is empty.
var seeded = map[string]bool{"audit_clock": true}

// table is one table as the database lists it.
type table struct {
	name    string
	columns []string
	key     []string // primary key, in its order
	id      string   // the column of ids that are never used again; "" if there is none
	refers  []string // other tables that it has foreign keys to
}

// catalog is how an engine is asked about its tables and about the ids it has given out.
type catalog struct {
	columns    string // rows of table, column, place in the primary key (0: none), whether it is an id: 0 or 1
	references string // rows of table, table it refers to
	lastID     string // the highest id that table $1 gave out in column $2, 0 if it gave none
	setLastID  func(ctx context.Context, tx *sqldb.Tx, t table, last int64) error
}

var catalogs = map[string]catalog{
	"sqlite": {
		columns: `
			SELECT m.name, c.name, c.pk, CASE WHEN c.pk > 0 AND instr(upper(m.sql), 'AUTOINCREMENT') > 0 THEN 1 ELSE 0 END
			FROM sqlite_schema m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND substr(m.name, 1, 7) <> 'sqlite_'
			ORDER BY m.name, c.cid`,
		references: `
			SELECT DISTINCT m.name, f."table"
			FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`,
		lastID: `SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = $1 AND $2 <> ''`,
		setLastID: func(ctx context.Context, tx *sqldb.Tx, t table, last int64) error {
			if _, err := tx.Exec(ctx, `DELETE FROM sqlite_sequence WHERE name = $1`, t.name); err != nil {
				return err
			}
			return tx.Exec1(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)`, t.name, last)
		},
	},
	"postgres": {
		columns: `
			SELECT c.relname, a.attname, COALESCE(array_position(CAST(x.indkey AS INT2[]), a.attnum) + 1, 0),
				CASE WHEN a.attidentity <> '' THEN 1 ELSE 0 END
			FROM pg_class c
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary
			WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace)
			ORDER BY c.relname, a.attnum`,
		references: `
			SELECT DISTINCT t.relname, r.relname
			FROM pg_constraint o JOIN pg_class t ON t.oid = o.conrelid JOIN pg_class r ON r.oid = o.confrelid
			WHERE o.contype = 'f' AND t.relnamespace = CAST(current_schema() AS regnamespace)`,
		lastID: `SELECT COALESCE(pg_sequence_last_value(CAST(pg_get_serial_sequence(quote_ident($1), $2) AS regclass)), 0)`,
		setLastID: func(ctx context.Context, tx *sqldb.Tx, t table, last int64) error {
			_, err := tx.Exec(ctx, `SELECT setval(CAST(pg_get_serial_sequence(quote_ident($1), $2) AS regclass), $3)`, t.name, t.id, last)
			return err
		},
	},
}

// tables lists what a backup holds: every table but the ledger, each after those that it refers to.
func tables(ctx context.Context, q *sqldb.Tx, cat catalog) ([]table, error) {
	byName := map[string]*table{}
	err := q.Rows(ctx, cat.columns, nil, func(scan func(...any) error) error {
		var name, column string
		var place, id int
		if err := scan(&name, &column, &place, &id); err != nil || name == ledger {
			return err
		}
		t := byName[name]
		if t == nil {
			t = &table{name: name}
			byName[name] = t
		}
		t.add(column, place, id == 1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = q.Rows(ctx, cat.references, nil, func(scan func(...any) error) error {
		var from, to string
		if err := scan(&from, &to); err != nil {
			return err
		}
		if t := byName[from]; t != nil && from != to {
			t.refers = append(t.refers, to)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return inOrder(byName)
}

func (t *table) add(column string, place int, id bool) {
	t.columns = append(t.columns, column)
	if place > 0 {
		t.key = append(t.key, make([]string, max(0, place-len(t.key)))...)
		t.key[place-1] = column
	}
	if id {
		t.id = column
	}
}

// inOrder sorts tables by name, each after those that it refers to.
func inOrder(byName map[string]*table) ([]table, error) {
	var sorted []table
	for len(byName) > 0 {
		var ready []string
		for name, t := range byName {
			if !slices.ContainsFunc(t.refers, func(to string) bool { return byName[to] != nil }) {
				ready = append(ready, name)
			}
		}
		if len(ready) == 0 {
			return nil, errors.New("tables that refer to one another in a circle have no order to be restored in")
		}
		slices.Sort(ready)
		for _, name := range ready {
			sorted = append(sorted, *byName[name])
			delete(byName, name)
		}
	}
	return sorted, nil
}

// selection reads all rows in the order of the primary key. A row that refers to another of its own table has the higher
// id, as a parent is made before its customers.
func (t *table) selection() string {
	return "SELECT " + quoted(t.columns) + " FROM " + quote(t.name) + " ORDER BY " + quoted(t.key)
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = quote(name)
	}
	return strings.Join(list, ", ")
}

// appliedMigrations reads the ledger; nil if there is none.
func appliedMigrations(ctx context.Context, q *sqldb.Tx, d *sqldb.Dialect) ([]Migration, error) {
	var n int
	if err := q.Row(ctx, d.HasTable, []any{ledger}, &n); err != nil || n == 0 {
		return nil, err
	}
	var list []Migration
	err := q.Rows(ctx, `SELECT version, name, hash FROM schema_version ORDER BY version`, nil, func(scan func(...any) error) error {
		var m Migration
		err := scan(&m.Version, &m.Name, &m.Hash)
		list = append(list, m)
		return err
	})
	return list, err
}
