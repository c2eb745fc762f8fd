package sqldb_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"espalier.dev/errs"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// proxy stands between a DB and its server, and can do to connections what a restart or a broken wire does.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool   // refuse new connections
	cutOn string // cut the connection instead of bringing back the answer to a message with this text
}

// throughProxy opens a fresh database through a proxy; nil without a PostgreSQL.
func throughProxy(t *testing.T, patience time.Duration) (*proxy, *sqldb.DB) {
	t.Helper()
	if os.Getenv(storetest.URLVariable) == "" {
		return nil, nil
	}
	u, err := url.Parse(storetest.PostgresURL(t, fsys))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, conns: map[net.Conn]bool{}}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go p.accept()
	t.Cleanup(func() { p.listener.Close(); p.cut(true) })
	u.Host = p.listener.Addr().String()
	db, err := sqldb.OpenPostgres(ctx, sqldb.Config{URL: u.String(), Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return p, db
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		p.mu.Lock()
		if err != nil || p.down {
			client.Close()
			if err == nil {
				server.Close()
			}
		} else {
			p.conns[client], p.conns[server] = true, true
			go p.pass(client, server)
			go p.pass(server, client)
		}
		p.mu.Unlock()
	}
}

func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		cut := p.cutOn != "" && strings.Contains(string(buf[:n]), p.cutOn)
		p.mu.Unlock()
		if cut || err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut ends all connections, and refuses new ones while down.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func TestRestartDuringUseCase(t *testing.T) {
	t.Parallel()
	p, db := throughProxy(t, 5*time.Second)
	if p == nil {
		return
	}
	runs := 0
	err := db.Write(ctx, func(tx *sqldb.Tx) error {
		if err := insert(tx, "a"); err != nil {
			return err
		}
		if runs++; runs == 1 {
			p.cut(true)
			time.AfterFunc(300*time.Millisecond, func() { p.cut(false) })
		}
		return insert(tx, "b")
	})
	if err != nil || runs != 2 {
		t.Errorf("Write: got %v after %d runs, want success after 2", err, runs)
	}
	wantNames(t, db, "a", "b")
	p.cut(false)
	wantNames(t, db, "a", "b") // a read meets the cut of an idle connection
	p.cut(false)
	mustWrite(t, db, "c")
}

func TestServerStaysAway(t *testing.T) {
	t.Parallel()
	p, db := throughProxy(t, 200*time.Millisecond)
	if p == nil {
		return
	}
	p.cut(true)
	err := write(db, "a")
	wantKind(t, "Write", err, errs.Unavailable)
	if !strings.Contains(errs.Message(err), "nothing was changed") {
		t.Errorf("message: got %q, want it to say that nothing was changed", errs.Message(err))
	}
	wantKind(t, "Ping", db.Ping(ctx), errs.Unavailable)
}

func TestLostDuringCommit(t *testing.T) {
	t.Parallel()
	p, db := throughProxy(t, 5*time.Second)
	if p == nil {
		return
	}
	p.mu.Lock()
	p.cutOn = "COMMIT\x00" // the server's answer: it did it, and nobody hears
	p.mu.Unlock()
	hooked := false
	err := db.Write(ctx, func(tx *sqldb.Tx) error {
		tx.AfterCommit(func() { hooked = true })
		return insert(tx, "a")
	})
	wantKind(t, "Write", err, errs.Unavailable)
	if !strings.Contains(errs.Message(err), "the outcome is unknown") || hooked {
		t.Errorf("got message %q, hook run %v: want the outcome unknown and no hook", errs.Message(err), hooked)
	}
	wantNames(t, db, "a")
}

// TestDeadlockIsRunAgain has two use cases change two rows in opposite order.
func TestDeadlockIsRunAgain(t *testing.T) {
	t.Parallel()
	if os.Getenv(storetest.URLVariable) == "" {
		return
	}
	db := storetest.Postgres(t, fsys)
	mustWrite(t, db, "a", "b")
	var both sync.WaitGroup
	both.Add(2)
	turn := func(first, second string) error {
		runs := 0
		return db.Write(ctx, func(tx *sqldb.Tx) error {
			const query = `UPDATE parent SET seen_at = coalesce(seen_at, 0) + 1 WHERE name = $1`
			if err := tx.Exec1(ctx, query, first); err != nil {
				return err
			}
			if runs++; runs == 1 {
				both.Done()
				both.Wait()
			}
			return tx.Exec1(ctx, query, second)
		})
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := turn("a", "b"); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := turn("b", "a"); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if s := db.Stats(); s.Retries == 0 {
		t.Errorf("Stats: got %+v, want a retry", s)
	}
	var sum int
	err := db.Read(ctx, func(q *sqldb.Tx) error {
		return q.Row(ctx, `SELECT CAST(sum(seen_at) AS BIGINT) FROM parent`, nil, &sum)
	})
	if err != nil || sum != 4 {
		t.Errorf("sum of updates: got %d, %v, want 4", sum, err)
	}
}

func TestConnectionEndedByTheServer(t *testing.T) {
	t.Parallel()
	if os.Getenv(storetest.URLVariable) == "" {
		return
	}
	at := storetest.PostgresURL(t, fsys)
	db, err := sqldb.OpenPostgres(ctx, sqldb.Config{URL: at})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	operator, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close(ctx)
	runs := 0
	err = db.Write(ctx, func(tx *sqldb.Tx) error {
		if runs++; runs == 1 {
			if err := terminateOthers(operator); err != nil {
				return err
			}
		}
		return insert(tx, "a")
	})
	if err != nil || runs != 2 {
		t.Errorf("Write: got %v after %d runs, want success after 2", err, runs)
	}
	wantNames(t, db, "a")
}

// terminateOthers does to the sessions of this database what a stop of the server does.
func terminateOthers(operator *pgx.Conn) error {
	_, err := operator.Exec(context.Background(),
		`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	return err
}
