package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"espalier.dev/store/sqldb"
)

// Describe writes down the schema of db, a line for each fact, sorted, in words that are the same on both engines:
//
//	organization.id integer not null identity
//	organization.name text not null
//	organization primary key (id)
//	organization unique (parent_id, name) partial
//	organization index (parent_id)
//	organization foreign key (parent_id) references organization (id) on delete no action
//
// Names of constraints and conditions of partial indexes are left out. Text that does not sort by bytes, and constraints
// that may be deferred, say so, which the other engine's line then lacks.
func Describe(ctx context.Context, db *sqldb.DB) ([]string, error) {
	d := descriptions[db.Dialect().Name]
	var lines []string
	err := db.Snapshot(ctx, func(q *sqldb.Tx) error {
		columns, err := columns(ctx, q, d.columns)
		if err != nil {
			return err
		}
		indexes, err := grouped(ctx, q, d.indexes)
		if err != nil {
			return err
		}
		keys, err := grouped(ctx, q, d.foreignKeys)
		lines = slices.Concat(columns, indexes, keys)
		return err
	})
	slices.Sort(lines)
	return lines, err
}

// description holds an engine's queries of its catalog.
type description struct {
	columns     string // table, column, type, not null, has a default, identity, remark
	indexes     string // see grouped
	foreignKeys string // see grouped
}

var descriptions = map[string]description{
	"sqlite": {
		// A rowid's alias is never NULL, whatever its declaration says.
		columns: `
			SELECT m.name, c.name, c.type,
				CAST(c."notnull" = 1 OR c.pk = 1 AND c.type = 'INTEGER' AS INTEGER),
				CAST(c.dflt_value IS NOT NULL AS INTEGER),
				CAST(c.pk = 1 AND instr(upper(m.sql), 'AUTOINCREMENT') > 0 AS INTEGER), ''
			FROM sqlite_schema m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND substr(m.name, 1, 7) <> 'sqlite_'`,
		// A rowid's alias is a primary key without an index.
		indexes: `
			WITH own AS (SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'),
			part (tab, idx, what, col, remark, ord) AS (
				SELECT m.name, i.name,
					CASE WHEN i.origin = 'pk' THEN 'primary key' WHEN i."unique" = 1 THEN 'unique' ELSE 'index' END,
					coalesce(x.name, '(expression)'), CASE WHEN i.partial = 1 THEN 'partial' ELSE '' END, x.seqno
				FROM own m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) x
				UNION ALL
				SELECT m.name, '', 'primary key', c.name, '', 0
				FROM own m JOIN pragma_table_info(m.name) c
				WHERE c.pk = 1 AND c.type = 'INTEGER' AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) i WHERE i.origin = 'pk')
			)
			SELECT tab, idx, what, col, '', '', remark FROM part ORDER BY tab, idx, ord`,
		// Without a list of columns it refers to the primary key.
		foreignKeys: `
			SELECT m.name, CAST(f.id AS TEXT), 'foreign key', f."from", f."table",
				coalesce(f."to", (SELECT p.name FROM pragma_table_info(f."table") p WHERE p.pk = f.seq + 1)),
				'on delete ' || lower(f.on_delete)
			FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
			WHERE m.type = 'table'
			ORDER BY m.name, f.id, f.seq`,
	},
	"postgres": {
		columns: `
			SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), CAST(a.attnotnull AS INTEGER),
				CAST(a.atthasdef AS INTEGER), CAST(a.attidentity <> '' AS INTEGER),
				CASE WHEN a.attcollation = 0 OR l.collname = 'C' THEN '' ELSE 'collation ' || l.collname END
			FROM pg_class c
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			LEFT JOIN pg_collation l ON l.oid = a.attcollation
			WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace)`,
		indexes: `
			SELECT t.relname, i.relname,
				CASE WHEN x.indisprimary THEN 'primary key' WHEN x.indisunique THEN 'unique' ELSE 'index' END,
				coalesce(a.attname, '(expression)'), '', '',
				CASE WHEN x.indpred IS NULL THEN '' ELSE 'partial' END || CASE WHEN x.indimmediate THEN '' ELSE ' deferrable' END
			FROM pg_index x
			JOIN pg_class t ON t.oid = x.indrelid
			JOIN pg_class i ON i.oid = x.indexrelid
			CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k (attnum, ord)
			LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
			WHERE t.relkind = 'r' AND t.relnamespace = CAST(current_schema() AS regnamespace) AND k.ord <= x.indnkeyatts
			ORDER BY t.relname, i.relname, k.ord`,
		foreignKeys: `
			SELECT t.relname, o.conname, 'foreign key', a.attname, r.relname, b.attname,
				'on delete ' || CASE o.confdeltype WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
					WHEN 'n' THEN 'set null' ELSE 'set default' END || CASE WHEN o.condeferrable THEN ' deferrable' ELSE '' END
			FROM pg_constraint o
			JOIN pg_class t ON t.oid = o.conrelid
			JOIN pg_class r ON r.oid = o.confrelid
			CROSS JOIN LATERAL unnest(o.conkey, o.confkey) WITH ORDINALITY k (mine, theirs, ord)
			JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.mine
			JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = k.theirs
			WHERE o.contype = 'f' AND t.relnamespace = CAST(current_schema() AS regnamespace)
			ORDER BY t.relname, o.conname, k.ord`,
	},
}

func columns(ctx context.Context, q *sqldb.Tx, query string) ([]string, error) {
	var lines []string
	err := q.Rows(ctx, query, nil, func(scan func(...any) error) error {
		var table, column, kind, remark string
		var notNull, hasDefault, identity int
		if err := scan(&table, &column, &kind, &notNull, &hasDefault, &identity, &remark); err != nil {
			return err
		}
		words := []string{table + "." + column, family(kind)}
		for _, w := range []struct {
			is   bool
			word string
		}{{notNull == 1, "not null"}, {hasDefault == 1, "default"}, {identity == 1, "identity"}, {remark != "", remark}} {
			if w.is {
				words = append(words, w.word)
			}
		}
		lines = append(lines, strings.Join(words, " "))
		return nil
	})
	return lines, err
}

// family maps the engines' names of types to one.
func family(kind string) string {
	kind = strings.ToLower(kind)
	for _, f := range []struct{ part, family string }{
		{"int", "integer"}, {"bool", "boolean"}, {"text", "text"}, {"char", "text"},
		{"bytea", "bytes"}, {"blob", "bytes"}, {"double", "real"}, {"real", "real"},
	} {
		if strings.Contains(kind, f.part) {
			return f.family
		}
	}
	return kind
}

// grouped reads rows of table, name of the constraint, what it is, column, table and column it refers to, remark, and
// joins the columns of each constraint.
func grouped(ctx context.Context, q *sqldb.Tx, query string) ([]string, error) {
	type constraint struct{ table, name, what, refers, remark string }
	var order []constraint
	mine, theirs := map[constraint][]string{}, map[constraint][]string{}
	err := q.Rows(ctx, query, nil, func(scan func(...any) error) error {
		var c constraint
		var column, to string
		if err := scan(&c.table, &c.name, &c.what, &column, &c.refers, &to, &c.remark); err != nil {
			return err
		}
		if mine[c] == nil {
			order = append(order, c)
		}
		mine[c], theirs[c] = append(mine[c], column), append(theirs[c], to)
		return nil
	})
	var lines []string
	for _, c := range order {
		line := fmt.Sprintf("%s %s (%s)", c.table, c.what, strings.Join(mine[c], ", "))
		if c.refers != "" {
			line += fmt.Sprintf(" references %s (%s)", c.refers, strings.Join(theirs[c], ", "))
		}
		lines = append(lines, strings.TrimSpace(line+" "+c.remark))
	}
	return lines, err
}
