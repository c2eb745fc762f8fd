package migrations

import (
	"context"
	"fmt"
	"io/fs"

	"espalier.dev/store/sqldb"
)

// State is how a database stands to a binary.
type State int

// The states of a database.
const (
	Empty   State = iota // no schema yet
	Behind               // migrations are pending
	Current              // as this binary wants it
	Newer                // a newer binary's, and this one may serve it
	Refused              // this binary must not touch it
)

var stateNames = [...]string{"empty", "behind", "current", "newer", "refused"}

// String names the state.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state(%d)", int(s))
	}
	return stateNames[s]
}

// Status is what Check found.
type Status struct {
	State   State
	Schema  int      // number of the last migration that was applied; 0 if none
	Binary  int      // number of the last migration that this binary knows
	Pending []string // names of the migrations to apply, in order
	Reason  string   // why it is Refused: a sentence for the operator
}

// Check compares the database with the migrations of fsys and changes nothing.
func Check(ctx context.Context, db *sqldb.DB, fsys fs.FS) (Status, error) {
	list, err := load(fsys, db.Dialect())
	if err != nil {
		return Status{}, err
	}
	var s Status
	err = db.Read(ctx, func(q *sqldb.Tx) error {
		rows, err := applied(ctx, q, db.Dialect())
		s = judge(rows, list)
		return err
	})
	return s, err
}

// Migrate applies the pending migrations of fsys, each in its own transaction, and returns their names. Two servers may
// do so at once. It fails, and changes nothing, when the database needs a newer binary or was made by another build.
func Migrate(ctx context.Context, db *sqldb.DB, fsys fs.FS) ([]string, error) {
	list, err := load(fsys, db.Dialect())
	if err != nil {
		return nil, err
	}
	s, err := Check(ctx, db, fsys)
	if err != nil {
		return nil, err
	}
	var done []string
	for s.State == Empty || s.State == Behind {
		name, err := step(ctx, db, list)
		if err != nil {
			return done, err
		}
		if name == "" {
			return done, nil
		}
		done = append(done, name)
	}
	if s.State == Refused {
		return nil, refusal(s)
	}
	return done, nil
}

func refusal(s Status) error { return fmt.Errorf("the database is refused: %s", s.Reason) }

// step applies the next pending migration and returns its name, "" if none is left. It looks again after it has the
// lock, since another server may have been faster.
func step(ctx context.Context, db *sqldb.DB, list []migration) (name string, err error) {
	d := db.Dialect()
	err = db.Write(ctx, func(tx *sqldb.Tx) error {
		name = ""
		if err := prepare(ctx, tx, d); err != nil {
			return err
		}
		rows, err := applied(ctx, tx, d)
		if err != nil {
			return err
		}
		s := judge(rows, list)
		if s.State == Refused {
			return refusal(s)
		}
		if len(s.Pending) == 0 {
			return nil
		}
		m := list[s.Schema]
		name = m.name
		if err := tx.Script(ctx, m.text); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		return tx.Exec1(ctx, `
			INSERT INTO schema_version (version, oldest_binary, applied_at, name, hash)
			VALUES ($1, $2, $3, $4, $5)`,
			m.version, m.oldest, sqldb.Micros(tx.Now()), m.name, m.hash)
	})
	return name, err
}

// prepare keeps other servers' migrations out until the transaction ends, and makes the ledger if it is absent.
func prepare(ctx context.Context, tx *sqldb.Tx, d *sqldb.Dialect) error {
	if d.MigrationLock != "" {
		if _, err := tx.Exec(ctx, d.MigrationLock); err != nil {
			return err
		}
	}
	raw, err := files.ReadFile(ledger)
	if err != nil {
		return err
	}
	return tx.Script(ctx, spell(string(raw), d))
}

// row is a line of the ledger.
type row struct {
	version, oldest int
	name, hash      string
}

// applied reads the ledger, in order; an absent ledger is an empty one.
func applied(ctx context.Context, q *sqldb.Tx, d *sqldb.Dialect) ([]row, error) {
	var n int
	if err := q.Row(ctx, d.HasTable, []any{"schema_version"}, &n); err != nil || n == 0 {
		return nil, err
	}
	var rows []row
	err := q.Rows(ctx, `SELECT version, oldest_binary, name, hash FROM schema_version ORDER BY version`, nil, func(scan func(...any) error) error {
		var r row
		if err := scan(&r.version, &r.oldest, &r.name, &r.hash); err != nil {
			return err
		}
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

// judge decides what a binary that knows list may do with a database that rows describe.
func judge(rows []row, list []migration) Status {
	s := Status{State: Current, Binary: len(list)}
	for i, r := range rows {
		s.Schema = r.version
		switch {
		case r.version != i+1:
			return s.refuse("migration %04d is missing from schema_version: restore a backup", i+1)
		case r.oldest > len(list):
			return s.refuse("%s needs a binary of schema %d or later, and this one has %d: use the newer binary", r.name, r.oldest, len(list))
		case i < len(list) && r.hash != list[i].hash:
			return s.refuse("migration %s was applied with another text than this binary has: the database was made by another build, use that one", r.name)
		}
	}
	switch {
	case len(rows) > len(list):
		s.State = Newer
		return s
	case len(rows) == 0 && len(list) > 0:
		s.State = Empty
	case len(rows) < len(list):
		s.State = Behind
	}
	for _, m := range list[len(rows):] {
		s.Pending = append(s.Pending, m.name)
	}
	return s
}

func (s Status) refuse(format string, args ...any) Status {
	s.State, s.Reason, s.Pending = Refused, fmt.Sprintf(format, args...), nil
	return s
}
