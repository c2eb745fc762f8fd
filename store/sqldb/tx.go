package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"espalier.dev/errs"
)

// Tx runs the statements of one use case, or of one reader. It is for one goroutine, and only until its function
// returns. Statement texts are constants or made of few parts: each distinct text stays prepared.
type Tx struct {
	run    runner
	now    time.Time
	writes bool // false: a reader; Exec is refused
	atomic bool // a failed statement spoils all that follow

	failed    error // first failed statement, as explained
	cause     error // the same, as the driver said it
	iterating bool  // inside the callback of Rows
	hooks     []func()
}

// runner is where statements go. Errors are the driver's; an absent row is sql.ErrNoRows.
type runner interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	row(ctx context.Context, query string, args, dest []any) error
	rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error
	script(ctx context.Context, text string) error
}

// errCallback marks an error that came from the caller's own function and not from the driver.
type errCallback struct{ error }

func (e errCallback) Unwrap() error { return e.error }

// Now is the instant of this use case: fixed, µs precision, UTC.
func (tx *Tx) Now() time.Time { return tx.now }

// AfterCommit registers hook to run after the commit is durable and before Write returns. Hooks run in the order of
// registration; on SQLite those of all use cases run in the order of their commits. A use case that is rolled back or
// run again drops its hooks. They are for dropping cached values: short, and without a Write.
func (tx *Tx) AfterCommit(hook func()) { tx.hooks = append(tx.hooks, hook) }

// Exec runs a statement and returns the number of rows it touched.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if !tx.writes {
		return 0, fmt.Errorf("%s: a reader may not write", firstLine(query))
	}
	if err := tx.ready(query); err != nil {
		return 0, err
	}
	n, err := tx.run.exec(ctx, query, args)
	return n, tx.fail(err, query)
}

// Exec1 runs a statement that has to touch exactly one row. It returns errs.NotFound if it touched none.
func (tx *Tx) Exec1(ctx context.Context, query string, args ...any) error {
	n, err := tx.Exec(ctx, query, args...)
	switch {
	case err != nil:
		return err
	case n == 0:
		return notFound(query)
	case n > 1:
		return tx.fail(fmt.Errorf("touched %d rows instead of one", n), query)
	}
	return nil
}

// Row reads the first row of a query, or of a statement with RETURNING, into dest. It returns errs.NotFound if there is
// none.
func (tx *Tx) Row(ctx context.Context, query string, args []any, dest ...any) error {
	if err := tx.ready(query); err != nil {
		return err
	}
	err := tx.run.row(ctx, query, args, dest)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(query)
	}
	return tx.fail(err, query)
}

// Rows calls each for every row of a query; scan reads the row at hand. An error of each ends the query and is returned
// as it is. No statement may run inside each, which on PostgreSQL would need a second connection: collect first.
func (tx *Tx) Rows(ctx context.Context, query string, args []any, each func(scan func(dest ...any) error) error) error {
	if err := tx.ready(query); err != nil {
		return err
	}
	tx.iterating = true
	defer func() { tx.iterating = false }()
	err := tx.run.rows(ctx, query, args, each)
	if own, ok := errors.AsType[errCallback](err); ok {
		return own.error
	}
	return tx.fail(err, query)
}

// Script runs several statements without parameters, for migrations.
func (tx *Tx) Script(ctx context.Context, text string) error {
	if !tx.writes {
		return errors.New("a reader may not run a script")
	}
	if err := tx.ready(text); err != nil {
		return err
	}
	return tx.fail(tx.run.script(ctx, text), text)
}

// ready refuses a statement that could not run on both engines.
func (tx *Tx) ready(query string) error {
	if tx.iterating {
		return fmt.Errorf("%s: a statement inside the callback of Rows; collect the rows first", firstLine(query))
	}
	if tx.failed != nil {
		return fmt.Errorf("%s: an earlier statement of this use case failed: %w", firstLine(query), tx.failed)
	}
	return nil
}

// fail explains a driver's error and spoils the transaction, as PostgreSQL does by itself.
func (tx *Tx) fail(err error, query string) error {
	if err == nil {
		return nil
	}
	explained := explain(err, query)
	if tx.atomic {
		tx.failed, tx.cause = explained, err
	}
	return explained
}

// outcome is what Write returns for fn's result: a failed statement counts even if fn swallowed it.
func (tx *Tx) outcome(err error) error {
	if err == nil {
		return tx.failed
	}
	return err
}

func notFound(query string) error {
	return &errs.Error{Kind: errs.NotFound, Msg: "not found", Err: errors.New(firstLine(query))}
}

func instant(now func() time.Time) time.Time { return now().UTC().Truncate(time.Microsecond) }
