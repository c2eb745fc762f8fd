package sqldb

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// Config says where the data is and how it is reached. Zero values mean the default that is named.
type Config struct {
	Dir      string           // SQLite: the data folder, made if absent
	URL      string           // PostgreSQL: postgres://user:password@host/database
	ReadOnly bool             // SQLite: open without the folder's lock, beside a running server; Write is refused
	Readers  int              // SQLite: connections that read, and as many again for snapshots; 4
	MaxConns int              // PostgreSQL: connections that write, and as many again that read; 16
	Patience time.Duration    // PostgreSQL: how long a lost connection is tried again; 5 s
	Now      func() time.Time // the clock; time.Now
}

func (c Config) withDefaults() Config {
	if c.Readers <= 0 {
		c.Readers = 4
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 16
	}
	if c.Patience <= 0 {
		c.Patience = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// DB is an open database. Its methods may be called from many goroutines.
type DB struct {
	engine  engine
	dialect Dialect
	close   func() error // once
}

// engine is what SQLite and PostgreSQL each do in their own way.
type engine interface {
	write(ctx context.Context, fn func(*Tx) error) error
	read(ctx context.Context, fn func(*Tx) error) error
	snapshot(ctx context.Context, fn func(*Tx) error) error
	ping(ctx context.Context) error
	stats() Stats
	close() error
}

// Stats counts what happened since the database was opened.
type Stats struct {
	Commits  int64 // transactions made durable
	UseCases int64 // use cases in them; more than Commits where group commit had company
	Retries  int64 // use cases that PostgreSQL made us run again
	Waiting  int   // SQLite: use cases in the queue now
}

func newDB(e engine, d Dialect) *DB {
	return &DB{engine: e, dialect: d, close: sync.OnceValue(e.close)}
}

// Write runs fn in a transaction and returns after its commit is durable, or with fn's error after it was rolled back.
// fn may run more than once, so it touches nothing but tx; on SQLite it runs on the writer's goroutine. If ctx is done
// before fn starts, fn is not run. A panic of fn rolls back and goes on in the caller; on SQLite its value is a [Panic].
//
// It returns errs.Unavailable if the storage is full or away, and if the connection was lost during COMMIT, when the
// message says that the outcome is unknown.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	if insideWrite() {
		return errNested
	}
	return db.engine.write(ctx, fn)
}

// Read runs fn without a transaction: each statement sees what is committed when it starts. fn may not write.
func (db *DB) Read(ctx context.Context, fn func(q *Tx) error) error {
	return db.engine.read(ctx, fn)
}

// Snapshot runs fn in one reading transaction: all its statements see the same instant. It holds a connection for as
// long as fn runs, so that the other calls of a busy server wait for none that merely think.
func (db *DB) Snapshot(ctx context.Context, fn func(q *Tx) error) error {
	return db.engine.snapshot(ctx, fn)
}

// Dialect says how the engine spells what the two spell differently.
func (db *DB) Dialect() *Dialect { return &db.dialect }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.engine.ping(ctx) }

// Stats returns the counters for metrics.
func (db *DB) Stats() Stats { return db.engine.stats() }

// Close lets the use cases that wait finish, refuses new ones, and closes the connections. It may be called again.
func (db *DB) Close() error { return db.close() }

var (
	errNested = errors.New("Write inside Write: it would wait for itself; pass the outer tx on instead")
	errClosed = unavailable("the server is stopping", nil)
)

// invoke is the one place that calls a use case, so that its frame on the stack tells that we are inside one.
//
//go:noinline
func invoke(fn func(*Tx) error, tx *Tx) error {
	err := fn(tx)
	return err
}

// invokeFrame is the return address in invoke while a use case runs.
var invokeFrame = sync.OnceValue(func() (pc uintptr) {
	_ = invoke(func(*Tx) error {
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:]) // skip Callers and this function
		pc = pcs[0]
		return nil
	}, nil)
	return pc
})

// insideWrite reports whether the calling goroutine is running a use case. Go has no other mark of it: the caller's
// context was made before Write, and a goroutine has no public name. It costs about 1 µs.
func insideWrite() bool {
	var pcs [64]uintptr
	frame := invokeFrame()
	for _, pc := range pcs[:runtime.Callers(2, pcs[:])] {
		if pc == frame {
			return true
		}
	}
	return false
}
