package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
)

// FileName is the database in the data folder; SQLite puts its WAL beside it.
const FileName = "espalier.db"

var (
	errReader   = errors.New("a reader may not write")
	errReadOnly = errors.New("the database was opened for reading only")
)

// sqliteEngine is one writer and two pools of readers. Snapshots have a pool of their own, so that a reader inside one
// waits for no other snapshot.
type sqliteEngine struct {
	lock      *os.File // nil if opened for reading only
	writer    *writer  // nil if opened for reading only
	readers   *sessions
	snapshots *sessions
	pools     []*sql.DB
	now       func() time.Time
}

// OpenSQLite opens the database in cfg.Dir, making folder and file if they are absent, and locks the folder against a
// second server. With cfg.ReadOnly it takes no lock and makes nothing.
func OpenSQLite(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	if cfg.Dir == "" {
		return nil, errors.New("open SQLite: no data folder is named")
	}
	// Durable like fsync, and most of a commit is this call (docs/adr/0003). Unavailable only where it is not used.
	_, _ = sqlite.Fdatasync(true)
	e := &sqliteEngine{now: cfg.Now}
	if err := e.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return newDB(e, sqliteDialect()), nil
}

func (e *sqliteEngine) open(ctx context.Context, cfg Config) error {
	path := filepath.Join(cfg.Dir, FileName)
	if cfg.ReadOnly {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the data folder %s holds no database", cfg.Dir)
		}
	} else if err := e.openWriter(ctx, cfg, path); err != nil {
		return err
	}
	pool, err := e.pool(readerDSN(path), 2*cfg.Readers)
	if err != nil {
		return err
	}
	e.readers, e.snapshots = newSessions(pool, cfg.Readers), newSessions(pool, cfg.Readers)
	return e.ping(ctx)
}

func (e *sqliteEngine) openWriter(ctx context.Context, cfg Config, path string) (err error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if e.lock, err = lockFolder(cfg.Dir); err != nil {
		return err
	}
	// SQLite gives its other files the mode of this one.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	pool, err := e.pool(writerDSN(path), 1)
	if err != nil {
		return err
	}
	s, err := newSession(ctx, pool)
	if err != nil {
		return fmt.Errorf("open the database %s: %w", path, explain(err, "connect"))
	}
	e.writer = startWriter(s, cfg.Now)
	return nil
}

func (e *sqliteEngine) pool(dsn string, size int) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	e.pools = append(e.pools, pool)
	return pool, nil
}

// writerDSN opens for writing. The time limit comes first, since the other settings may wait for a lock of a reader
// in another process. The WAL is copied into the database every 1000 pages, 4 MiB: with 4096 the writers were a fifth
// slower, as they search a longer WAL. After a burst it is cut to 16 MiB.
func writerDSN(path string) string {
	return sqliteDSN(path, "_txlock=immediate", "_busy_timeout=10000", "_journal_mode=WAL", "_synchronous=FULL", "_foreign_keys=ON",
		"_pragma=cache_size(-8192)", "_pragma=wal_autocheckpoint(1000)", "_pragma=journal_size_limit(16777216)")
}

// readerDSN opens for reading. It does not ask for a read-only file: a reader of a WAL writes to its shared memory. Readers map
// the first 256 MiB of the database, where they find pages without copying and without the lock that all page caches share
// (docs/adr/0022). The cache is for what lies behind, and in the WAL.
func readerDSN(path string) string {
	return sqliteDSN(path, "_busy_timeout=10000", "_query_only=ON", "_pragma=cache_size(-4096)", "_pragma=mmap_size(268435456)")
}

func sqliteDSN(path string, params ...string) string {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw"
	for _, p := range params {
		dsn += "&" + p
	}
	return dsn
}

func (e *sqliteEngine) write(ctx context.Context, fn func(*Tx) error) error {
	if e.writer == nil {
		return errReadOnly
	}
	return e.writer.write(ctx, fn)
}

func (e *sqliteEngine) read(_ context.Context, fn func(*Tx) error) error {
	return fn(&Tx{run: lender{e.readers}, now: instant(e.now)})
}

func (e *sqliteEngine) snapshot(ctx context.Context, fn func(*Tx) error) error {
	s, err := e.snapshots.take(ctx)
	if err != nil {
		return err
	}
	defer e.snapshots.give(s)
	tx, err := s.conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return explain(err, "begin")
	}
	defer tx.Rollback() // it changed nothing
	return fn(&Tx{run: s, now: instant(e.now), atomic: true})
}

func (e *sqliteEngine) ping(ctx context.Context) error {
	return e.read(ctx, func(q *Tx) error {
		var n int
		return q.Row(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = ''`, nil, &n)
	})
}

func (e *sqliteEngine) stats() Stats {
	if e.writer == nil {
		return Stats{}
	}
	w := e.writer
	return Stats{Commits: w.commits.Load(), UseCases: w.useCases.Load(), Waiting: len(w.queue)}
}

// close drains the writer, then closes its connection last, which copies the WAL into the database.
func (e *sqliteEngine) close() error {
	var all []error
	if e.writer != nil {
		e.writer.drain()
	}
	for _, p := range []*sessions{e.readers, e.snapshots} {
		if p != nil {
			all = append(all, p.close())
		}
	}
	if e.writer != nil {
		all = append(all, e.writer.session.close())
	}
	for i := len(e.pools) - 1; i >= 0; i-- {
		all = append(all, e.pools[i].Close())
	}
	if e.lock != nil {
		all = append(all, e.lock.Close())
	}
	return errors.Join(all...)
}
