package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements bounds the prepared statements of one connection: filters make texts without end.
const maxStatements = 256

// session is one SQLite connection and the statements prepared on it. One goroutine at a time uses it.
//
// Statements run without the caller's cancellation. The driver answers a context that can be cancelled with a goroutine
// and a progress handler per statement, which makes a point read take up to twice as long (docs/adr/0003), and an interrupted
// statement would take the whole shared transaction with it. Long reads look at the context between rows.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func newSession(ctx context.Context, pool *sql.DB) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: make(map[string]*sql.Stmt)}, nil
}

// close ends the statements first: database/sql keeps a connection open for as long as one refers to it.
func (s *session) close() error {
	var all []error
	for _, st := range s.stmts {
		all = append(all, st.Close())
	}
	return errors.Join(append(all, s.conn.Close())...)
}

func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := s.stmts[query]; st != nil {
		return st, nil
	}
	st, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(s.stmts) >= maxStatements {
		s.evict()
	}
	s.stmts[query] = st
	return st, nil
}

// evict closes any one statement. A busy one that is hit is prepared again at its next use, for some 30 µs; keeping
// an order of use would cost every statement.
func (s *session) evict() {
	for query, st := range s.stmts {
		_ = st.Close() // its only error is that of an earlier run
		delete(s.stmts, query)
		return
	}
}

func (s *session) exec(ctx context.Context, query string, args []any) (int64, error) {
	ctx = context.WithoutCancel(ctx)
	st, err := s.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *session) row(ctx context.Context, query string, args, dest []any) error {
	ctx = context.WithoutCancel(ctx)
	st, err := s.prepare(ctx, query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, args...).Scan(dest...)
}

func (s *session) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	whole := context.WithoutCancel(ctx)
	st, err := s.prepare(whole, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(whole, args...)
	if err != nil {
		return err
	}
	return eachRow(ctx, rows, each)
}

func (s *session) script(ctx context.Context, text string) error {
	_, err := s.conn.ExecContext(context.WithoutCancel(ctx), text)
	return err
}

// eachRow calls each for every row and closes rows. It stops when ctx is done.
func eachRow(ctx context.Context, rows *sql.Rows, each func(scan func(...any) error) error) error {
	defer rows.Close()
	scan := rows.Scan // one for all rows: a method value is an allocation
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return errCallback{err}
		}
		if err := each(scan); err != nil {
			return errCallback{err}
		}
	}
	return rows.Err()
}

// sessions lends out connections that read. The one given back last is lent first: its page cache is warm.
type sessions struct {
	pool  *sql.DB
	turns chan struct{} // one token per session that may be lent
	done  chan struct{} // closed when no more are lent

	mu   sync.Mutex
	idle []*session
}

func newSessions(pool *sql.DB, size int) *sessions {
	p := &sessions{pool: pool, turns: make(chan struct{}, size), done: make(chan struct{})}
	for range size {
		p.turns <- struct{}{}
	}
	return p
}

// take lends a session, opening one if none is idle and fewer than the size are open.
func (p *sessions) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.turns:
	default:
		select {
		case <-p.turns:
		case <-p.done:
			return nil, errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return s, nil
	}
	p.mu.Unlock()
	s, err := newSession(context.WithoutCancel(ctx), p.pool)
	if err != nil {
		p.turns <- struct{}{}
		return nil, err
	}
	return s, nil
}

func (p *sessions) give(s *session) {
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
	p.turns <- struct{}{}
}

// close waits for the sessions that are lent and closes all.
func (p *sessions) close() error {
	close(p.done)
	for range cap(p.turns) {
		<-p.turns
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var first error
	for _, s := range p.idle {
		if err := s.close(); err != nil && first == nil {
			first = err
		}
	}
	p.idle = nil
	return first
}

// lender runs each statement on a session of its own: the statements of Read.
type lender struct{ *sessions }

func (l lender) row(ctx context.Context, query string, args, dest []any) error {
	s, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer l.give(s)
	return s.row(ctx, query, args, dest)
}

func (l lender) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	s, err := l.take(ctx)
	if err != nil {
		return err
	}
	defer l.give(s)
	return s.rows(ctx, query, args, each)
}

func (l lender) exec(context.Context, string, []any) (int64, error) { return 0, errReader }

func (l lender) script(context.Context, string) error { return errReader }
