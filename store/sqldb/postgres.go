package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// commitPatience is how long a COMMIT may take before its connection is given up and its outcome called unknown.
const commitPatience = 30 * time.Second

// silence is how long PostgreSQL's host may acknowledge nothing before the connection is given up.
const silence = 30 * time.Second

// postgresEngine has two pools, so that a reader inside a use case never waits for a connection that waits for it.
type postgresEngine struct {
	writes, reads *sql.DB
	patience      time.Duration
	now           func() time.Time

	open   sync.RWMutex // held for reading by every use case, so that close waits for them
	closed bool

	commits, useCases, retries atomic.Int64
}

// OpenPostgres connects to the database that cfg.URL names; keywords of libpq and its variables work too. It waits a
// few seconds for a server that is still starting.
func OpenPostgres(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	conf, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err) // pgx leaves the password out
	}
	if conf.RuntimeParams["application_name"] == "" {
		conf.RuntimeParams["application_name"] = "espalier"
	}
	if conf.RuntimeParams["synchronous_commit"] == "" {
		conf.RuntimeParams["synchronous_commit"] = "on" // whatever the cluster says: what is acknowledged is on disk
	}
	if conf.ConnectTimeout == 0 {
		conf.ConnectTimeout = 5 * time.Second
	}
	conf.DialFunc = (&net.Dialer{
		Timeout:         conf.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4},
		Control:         giveUp(silence),
	}).DialContext
	e := &postgresEngine{patience: cfg.Patience, now: cfg.Now}
	for _, pool := range []**sql.DB{&e.writes, &e.reads} {
		*pool = stdlib.OpenDB(*conf, stdlib.OptionAfterConnect(prepareConn))
		(*pool).SetMaxOpenConns(cfg.MaxConns)
		(*pool).SetMaxIdleConns(cfg.MaxConns)
		(*pool).SetConnMaxIdleTime(5 * time.Minute)
	}
	if err := e.ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open PostgreSQL: %w", err), e.close())
	}
	return newDB(e, postgresDialect()), nil
}

// planning makes plans that last. A connection plans a statement once and keeps that, and where tables are small it is
// cheapest to read them whole, or to hash them for a join: after an import the plans of all connections, those of foreign keys
// too, would read ten thousand rows for one until autovacuum counts anew. Statements of ours find their rows by an index and
// join row by row. Without jit the few that cannot do not look costly enough to be compiled first.
const planning = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off"

// prepareConn makes a new connection ready.
func prepareConn(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, planning, pgx.QueryExecModeSimpleProtocol)
	return err
}

// write runs fn in a transaction until it commits, fails by itself, or patience is over.
func (e *postgresEngine) write(ctx context.Context, fn func(*Tx) error) error {
	e.open.RLock()
	defer e.open.RUnlock()
	if e.closed {
		return errClosed
	}
	r := retry{patience: e.patience}
	for {
		again, err := e.attempt(ctx, fn)
		if err == nil || !r.again(ctx, again) {
			return err
		}
		e.retries.Add(1)
	}
}

// attempt runs fn once. If it may be run again, again says why; else it is faultOther.
func (e *postgresEngine) attempt(ctx context.Context, fn func(*Tx) error) (again fault, err error) {
	conn, err := e.writes.Conn(ctx)
	if err != nil {
		return classify(err), explain(err, "connect")
	}
	defer conn.Close()
	// The transaction outlives the caller's context: a COMMIT that is cut short has an unknown outcome.
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p := begin(conn)
	defer p.end(whole)
	tx := &Tx{run: p, now: instant(e.now), writes: true, atomic: true}
	err = tx.outcome(invoke(fn, tx))
	if err == nil && !p.sent {
		err = tx.settle(whole) // a connection that was lost long ago is found out before the COMMIT
	}
	if err != nil {
		return classify(tx.cause), err
	}
	if err := ctx.Err(); err != nil {
		return faultOther, err
	}
	stop := time.AfterFunc(commitPatience, cancel)
	defer stop.Stop()
	if err := p.commit(whole); err != nil {
		return commitFault(err)
	}
	e.commits.Add(1)
	e.useCases.Add(1)
	for _, hook := range tx.hooks {
		hook()
	}
	return faultOther, nil
}

// commitFault tells a COMMIT that was refused, or that a statement it travelled with made impossible, from one whose answer
// never came.
func commitFault(err error) (fault, error) {
	f := classify(err)
	if _, answered := errors.AsType[*pgconn.PgError](err); answered && f != faultLost {
		return f, explain(err, "commit")
	}
	return faultOther, unavailable("the connection to the database was lost during the commit: the outcome is unknown; look before you try again",
		fmt.Errorf("commit: %w", err))
}

func (e *postgresEngine) read(_ context.Context, fn func(*Tx) error) error {
	return fn(&Tx{run: patient{direct{e.reads}, e.patience}, now: instant(e.now)})
}

func (e *postgresEngine) snapshot(ctx context.Context, fn func(*Tx) error) error {
	r := retry{patience: e.patience}
	for {
		tx, err := e.reads.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err == nil {
			defer tx.Rollback() // it changed nothing
			return fn(&Tx{run: direct{tx}, now: instant(e.now), atomic: true})
		}
		if !r.again(ctx, classify(err)) {
			return explain(err, "begin")
		}
	}
}

func (e *postgresEngine) ping(ctx context.Context) error {
	return e.read(ctx, func(q *Tx) error {
		var one int
		return q.Row(ctx, "SELECT 1", nil, &one)
	})
}

func (e *postgresEngine) stats() Stats {
	return Stats{Commits: e.commits.Load(), UseCases: e.useCases.Load(), Retries: e.retries.Load()}
}

// close waits for the use cases that run, and lets them read until they end.
func (e *postgresEngine) close() error {
	e.open.Lock()
	e.closed = true
	e.open.Unlock()
	return errors.Join(e.writes.Close(), e.reads.Close())
}

// querier is what a pool and a transaction of database/sql have in common. pgx keeps statements prepared per connection.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// direct runs statements on a pool or in a transaction.
type direct struct{ querier }

func (d direct) exec(ctx context.Context, query string, args []any) (int64, error) {
	res, err := d.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (d direct) row(ctx context.Context, query string, args, dest []any) error {
	return d.QueryRowContext(ctx, query, args...).Scan(dest...)
}

func (d direct) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := d.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return eachRow(ctx, rows, each)
}

// script sends the text as it is: several statements have no prepared form.
func (d direct) script(ctx context.Context, text string) error {
	_, err := d.ExecContext(ctx, text, pgx.QueryExecModeSimpleProtocol)
	return err
}

// patient runs single reads, and again when the connection was lost before they gave anything.
type patient struct {
	direct
	patience time.Duration
}

func (p patient) row(ctx context.Context, query string, args, dest []any) error {
	r := retry{patience: p.patience}
	for {
		err := p.direct.row(ctx, query, args, dest)
		if err == nil || !r.again(ctx, classify(err)) {
			return err
		}
	}
}

func (p patient) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	r := retry{patience: p.patience}
	for {
		begun := false
		err := p.direct.rows(ctx, query, args, func(scan func(...any) error) error {
			begun = true
			return each(scan)
		})
		if err == nil || begun || !r.again(ctx, classify(err)) {
			return err
		}
	}
}
