package backup

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"espalier.dev/errs"
	"espalier.dev/store/auditdb"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
)

// Restore reads a backup into an empty database of either engine, in one transaction, and brings its schema up to that of
// this binary. No server may run on the database.
//
// It is errs.Conflict, naming what is in the way, if the database holds anything, and errs.Unprocessable if the backup is
// cut off, damaged, or from a newer schema; the database is then as empty as before.
func Restore(ctx context.Context, db *sqldb.DB, r io.Reader) (Summary, error) {
	return restore(ctx, db, r, migrations.Files())
}

func restore(ctx context.Context, db *sqldb.DB, r io.Reader, files fs.FS) (Summary, error) {
	in, err := newReader(r)
	if err != nil {
		return Summary{}, err
	}
	defer in.close()
	if err := prepare(ctx, db, in.summary.Header, files); err != nil {
		return Summary{}, err
	}
	begun := false
	err = db.Write(ctx, func(tx *sqldb.Tx) error {
		if begun {
			return errs.Conflictf("", "the connection to the database was lost and nothing was restored: start anew")
		}
		begun = true
		return load(ctx, tx, db.Dialect(), in)
	})
	if err != nil {
		return Summary{}, err
	}
	if _, err := migrations.Migrate(ctx, db, files); err != nil {
		return in.summary, fmt.Errorf("everything is restored, but the schema is still at %d: %w", in.summary.Schema, err)
	}
	return in.summary, auditdb.Settle(ctx, db)
}

// prepare gives the database the schema that the backup was made with.
func prepare(ctx context.Context, db *sqldb.DB, h Header, files fs.FS) error {
	s, err := migrations.Check(ctx, db, files)
	switch {
	case err != nil:
		return err
	case s.State == migrations.Refused:
		return errs.Conflictf("", "the database is refused: %s", s.Reason)
	case h.Schema > s.Binary:
		return errs.Unprocessablef("", "the backup is of schema %d, and this binary knows %d: restore with %s, which made it, or a later one", h.Schema, s.Binary, h.Product)
	case s.State != migrations.Empty && s.Schema != h.Schema:
		return errs.Conflictf("", "the database has schema %d, and the backup %d: restore into a database in which no tables were made yet", s.Schema, h.Schema)
	case s.State == migrations.Empty:
		if _, err := migrations.Migrate(ctx, db, firstFiles{files, h.Schema}); err != nil {
			return err
		}
	}
	var have []Migration
	err = db.Read(ctx, func(q *sqldb.Tx) (err error) {
		have, err = appliedMigrations(ctx, q, db.Dialect())
		return err
	})
	if err == nil && !slices.Equal(have, h.Migrations) {
		return errs.Unprocessablef("", "the backup was made by another build, whose migrations have the same numbers and other contents: restore with %s", h.Product)
	}
	return err
}

// firstFiles is a folder of migrations without those after the last.
type firstFiles struct {
	fs.FS
	last int
}

// ReadDir lists the files, for fs.Glob.
func (f firstFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(list, func(e fs.DirEntry) bool {
		n, err := strconv.Atoi(e.Name()[:min(4, len(e.Name()))])
		return err == nil && n > f.last
	}), err
}

// load writes the rows. Its caller commits only if it returns nil, which it does only at the end of a whole backup.
func load(ctx context.Context, tx *sqldb.Tx, d *sqldb.Dialect, in *reader) error {
	if d.MigrationLock != "" { // of two restores at once the second waits and then finds the rows of the first
		if _, err := tx.Exec(ctx, d.MigrationLock); err != nil {
			return err
		}
	}
	cat := catalogs[d.Name]
	list, err := tables(ctx, tx, cat)
	if err != nil {
		return err
	}
	if err := requireEmpty(ctx, tx, list); err != nil {
		return err
	}
	l := &loader{tx: tx, cat: cat, left: map[string]table{}}
	for _, t := range list {
		l.left[t.name] = t
	}
	err = in.walk(ctx, l)
	if err != nil && errs.KindOf(err) != errs.Unprocessable {
		// What the database refuses may be damage that the end of the file would have told.
		if whole := in.walk(ctx, nobody{}); whole != nil {
			return whole
		}
	}
	if err != nil {
		return err
	}
	if len(l.left) > 0 {
		return damaged(fmt.Errorf("it lacks tables: %s", strings.Join(slices.Sorted(maps.Keys(l.left)), ", ")))
	}
	return l.end(ctx)
}

// requireEmpty refuses a database with rows, and removes those that migrations made.
func requireEmpty(ctx context.Context, tx *sqldb.Tx, list []table) error {
	var full []string
	for _, t := range list {
		if seeded[t.name] {
			if _, err := tx.Exec(ctx, "DELETE FROM "+quote(t.name)); err != nil {
				return err
			}
			continue
		}
		var n int64
		if err := tx.Row(ctx, "SELECT count(*) FROM "+quote(t.name), nil, &n); err != nil {
			return err
		}
		if n > 0 {
			full = append(full, fmt.Sprintf("%s (%d)", t.name, n))
		}
	}
	if len(full) > 0 {
		return errs.Conflictf("", "a backup is restored into an empty database only, and this one has rows in %s: name another data folder or database", strings.Join(full, ", "))
	}
	return nil
}

// batch is how many rows are inserted at a time; maxValues bounds their values, of which SQLite takes 32,766.
const (
	batch     = 100
	maxValues = 2000
)

// loader inserts the rows of one table after the other.
type loader struct {
	tx     *sqldb.Tx
	cat    catalog
	left   map[string]table // not begun yet
	table  table
	last   int64
	values []any // of rows to insert
}

func (l *loader) begin(ctx context.Context, s section) error {
	if err := l.end(ctx); err != nil {
		return err
	}
	t, ok := l.left[s.Table]
	if !ok || !slices.Equal(sorted(t.columns), sorted(s.Columns)) {
		return damaged(fmt.Errorf("table %s with columns %s is not what its schema has", s.Table, strings.Join(s.Columns, ", ")))
	}
	delete(l.left, s.Table)
	t.columns = s.Columns
	l.table, l.last = t, s.LastID
	return nil
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func (l *loader) row(ctx context.Context, values []any) error {
	n := len(l.table.columns)
	if len(values) != n {
		return damaged(fmt.Errorf("a row of %d values in table %s", len(values), l.table.name))
	}
	if i := slices.Index(l.table.columns, l.table.id); i >= 0 {
		id, _ := values[i].(int64)
		l.last = max(l.last, id)
	}
	l.values = append(l.values, values...)
	if len(l.values) >= min(batch*n, maxValues/n*n) {
		return l.insert(ctx)
	}
	return nil
}

// insert writes the rows that were gathered.
func (l *loader) insert(ctx context.Context) error {
	if len(l.values) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("INSERT INTO " + quote(l.table.name) + " (" + quoted(l.table.columns) + ") VALUES ")
	for i := range l.values {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%len(l.table.columns) == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		text.WriteString("$" + strconv.Itoa(i+1))
	}
	text.WriteString(")")
	_, err := l.tx.Exec(ctx, text.String(), l.values...)
	l.values = l.values[:0]
	if err != nil {
		return fmt.Errorf("restore table %s: %w", l.table.name, err)
	}
	return nil
}

// end completes the table at hand.
func (l *loader) end(ctx context.Context) error {
	if err := l.insert(ctx); err != nil {
		return err
	}
	if l.table.id == "" || l.last == 0 {
		return nil
	}
	if err := l.cat.setLastID(ctx, l.tx, l.table, l.last); err != nil {
		return fmt.Errorf("set the last id of table %s: %w", l.table.name, err)
	}
	return nil
}
