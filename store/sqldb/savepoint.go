package sqldb

import (
	"context"
	"errors"
)

// Savepoint runs fn and undoes what it wrote, and drops its hooks, if it fails; the use case goes on. An error that the whole
// transaction dies of, such as a full disk or a conflict that PostgreSQL wants to be run again, is not undone but stays.
// Savepoints may nest.
func (tx *Tx) Savepoint(ctx context.Context, fn func() error) error {
	if !tx.writes {
		return errors.New("a reader has no savepoints")
	}
	if _, err := tx.Exec(ctx, "SAVEPOINT item"); err != nil {
		return err
	}
	hooks := len(tx.hooks)
	err := fn()
	if err == nil {
		err = tx.settle(ctx) // an earlier failure counts even if fn swallowed it
	}
	if err == nil {
		_, err = tx.Exec(ctx, "RELEASE SAVEPOINT item")
		return err
	}
	if tx.cause != nil && deadly(tx.cause) {
		return err
	}
	tx.failed, tx.cause, tx.hooks = nil, nil, tx.hooks[:hooks]
	if held, ok := tx.run.(*pipeline); ok {
		held.drop() // all of it is fn's: SAVEPOINT took along what was before
	}
	if _, undone := tx.Exec(ctx, "ROLLBACK TO SAVEPOINT item"); undone != nil {
		return undone
	}
	if _, undone := tx.Exec(ctx, "RELEASE SAVEPOINT item"); undone != nil {
		return undone
	}
	return err
}

// deadly reports an error after which the transaction cannot go on, or must be run again as a whole.
func deadly(err error) bool {
	f := classify(err)
	return fatal(err) || f == faultLost || f == faultConflict
}
