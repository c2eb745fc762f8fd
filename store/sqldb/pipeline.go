package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Later is Exec for a statement whose result nobody waits for. On PostgreSQL, where each statement is a journey, it is held
// back and travels with the next one that gives something, or with the COMMIT. Statements keep their order. The error of one
// that was held back is that of the statement it travelled with, of the end of its savepoint, or of Write.
func (tx *Tx) Later(ctx context.Context, query string, args ...any) error {
	if !tx.writes {
		return fmt.Errorf("%s: a reader may not write", firstLine(query))
	}
	if err := tx.ready(query); err != nil {
		return err
	}
	held, ok := tx.run.(*pipeline)
	if !ok {
		_, err := tx.run.exec(ctx, query, args)
		return tx.fail(err, query)
	}
	held.queue(query, args)
	return nil
}

// settle sends what is held back.
func (tx *Tx) settle(ctx context.Context) error {
	held, ok := tx.run.(*pipeline)
	if !ok || tx.failed != nil {
		return tx.failed
	}
	return tx.fail(held.flush(ctx), "statements held back")
}

// pipeline runs the statements of a PostgreSQL transaction, and holds some of them back, BEGIN as the first.
type pipeline struct {
	direct           // on conn
	conn   *sql.Conn // for the transaction alone
	held   pgx.Batch
	sent   bool // BEGIN is on its way
	ended  bool // by COMMIT
}

// begin makes the pipeline of a new transaction.
func begin(conn *sql.Conn) *pipeline {
	p := &pipeline{direct: direct{conn}, conn: conn}
	p.queue("begin isolation level read committed", nil)
	return p
}

// commit sends COMMIT with what is held back.
func (p *pipeline) commit(ctx context.Context) error {
	p.held.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" { // the answer where a statement had failed
			return fmt.Errorf("the transaction could only be ended by %s", tag)
		}
		p.ended = true
		return nil
	})
	return p.flush(ctx)
}

// endPatience is how long a ROLLBACK may take before its connection is given up.
const endPatience = 5 * time.Second

// end rolls back what was not committed. Where that fails the connection is in a transaction or closed, and the pool drops it.
func (p *pipeline) end(ctx context.Context) {
	if p.ended || !p.sent {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	_, _ = p.conn.ExecContext(ctx, "rollback")
}

// queue holds a statement back.
func (p *pipeline) queue(query string, args []any) {
	p.held.Queue(query, args...)
}

// drop forgets what is held back.
func (p *pipeline) drop() { p.held = pgx.Batch{} }

// flush sends what is held back. The first error is returned; the transaction is spoiled by it anyhow.
func (p *pipeline) flush(ctx context.Context) error {
	if p.held.Len() == 0 {
		return nil
	}
	batch := p.held
	p.drop()
	p.sent = true
	return p.conn.Raw(func(driver any) error {
		return driver.(*stdlib.Conn).Conn().SendBatch(ctx, &batch).Close()
	})
}

func (p *pipeline) exec(ctx context.Context, query string, args []any) (int64, error) {
	if err := p.flush(ctx); err != nil {
		return 0, err
	}
	return p.direct.exec(ctx, query, args)
}

// row sends what is held back along.
func (p *pipeline) row(ctx context.Context, query string, args, dest []any) error {
	if p.held.Len() == 0 {
		return p.direct.row(ctx, query, args, dest)
	}
	p.held.Queue(query, args...).QueryRow(func(row pgx.Row) error { return row.Scan(dest...) })
	return p.flush(ctx)
}

func (p *pipeline) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	return p.direct.rows(ctx, query, args, each)
}

func (p *pipeline) script(ctx context.Context, text string) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	return p.direct.script(ctx, text)
}
