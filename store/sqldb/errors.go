package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"espalier.dev/errs"
)

// fault is what a driver's error means to us.
type fault int

const (
	faultOther     fault = iota // a bug of ours, or a broken database
	faultUnique                 // a unique key is taken
	faultForeign                // something refers to the row, or what it refers to is gone
	faultFull                   // the disk is full
	faultAway                   // cannot be reached or cannot write now
	faultLost                   // PostgreSQL: the connection is gone; a new one may work
	faultConflict               // PostgreSQL: run the transaction again
	faultCancelled              // the caller's context is done
)

// IsUnique reports whether err comes from a unique key that is taken.
func IsUnique(err error) bool { return classify(err) == faultUnique }

// IsForeignKey reports whether err comes from a foreign key: the row is referred to, or refers to nothing.
func IsForeignKey(err error) bool { return classify(err) == faultForeign }

// explain gives a driver's error its kind; query is named in the log, its arguments never.
func explain(err error, query string) error {
	if err == nil {
		return nil
	}
	at := fmt.Errorf("%s: %w", firstLine(query), err)
	switch classify(err) {
	case faultUnique:
		return &errs.Error{Kind: errs.Conflict, Msg: "another one with the same name or key exists", Err: at}
	case faultForeign:
		return &errs.Error{Kind: errs.Conflict, Msg: "it is still in use, or what it refers to is gone", Err: at}
	case faultFull:
		return unavailable("the storage is full; nothing was changed", at)
	case faultAway:
		return unavailable("the storage cannot be used now; nothing was changed; try again later", at)
	case faultLost:
		return unavailable("the database cannot be reached; nothing was changed; try again later", at)
	case faultConflict:
		return unavailable("too many changes at once; nothing was changed; try again later", at)
	}
	return at
}

func unavailable(msg string, err error) error {
	return &errs.Error{Kind: errs.Unavailable, Msg: msg, Err: err}
}

func firstLine(query string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(query), "\n")
	if len(line) > 80 {
		line = line[:80]
	}
	return line
}

func classify(err error) fault {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return classifyPostgres(e.Code)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return classifySQLite(e.Code())
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return faultCancelled
	}
	if lost(err) {
		return faultLost
	}
	return faultOther
}

// classifySQLite reads an extended result code. Source: https://sqlite.org/rescode.html
func classifySQLite(code int) fault {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return faultUnique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return faultForeign
	case sqlite3.SQLITE_IOERR_SHMSIZE: // no room for the index of the WAL
		return faultFull
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return faultFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return faultAway
	case sqlite3.SQLITE_INTERRUPT:
		return faultCancelled
	}
	return faultOther
}

// classifyPostgres reads an SQLSTATE. Source: PostgreSQL 15, appendix A.
func classifyPostgres(state string) fault {
	switch state {
	case "23505":
		return faultUnique
	case "23503", "23001":
		return faultForeign
	case "53100":
		return faultFull
	case "40001", "40P01":
		return faultConflict
	case "57P01", "57P02", "57P03", "25006": // stopping, crashed, starting; not the primary (any more)
		return faultLost
	case "57014":
		return faultCancelled
	}
	switch state[:min(2, len(state))] {
	case "08":
		return faultLost
	case "53", "58": // out of connections or memory; trouble of its system
		return faultAway
	}
	return faultOther
}

// lost reports an error of the way to PostgreSQL, not an answer of it.
func lost(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn, sql.ErrConnDone} {
		if errors.Is(err, e) {
			return true
		}
	}
	return pgconn.SafeToRetry(err)
}
