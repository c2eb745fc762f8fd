package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

const (
	benchInsert = `INSERT INTO child (parent_id, name) VALUES ($1, $2)`
	benchSelect = `SELECT id, name FROM parent WHERE id = $1`
)

// BenchmarkBare is the floor: the same three rows in a transaction of their own, prepared, without our engine.
func BenchmarkBare(b *testing.B) {
	path := filepath.Join(storetest.SQLiteDir(b, fsys), sqldb.FileName)
	pool, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=ON&_pragma=cache_size(-8192)&_pragma=wal_autocheckpoint(1000)")
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if _, err := pool.Exec(`INSERT INTO parent (name) VALUES ('a')`); err != nil {
		b.Fatal(err)
	}
	insert, err := pool.Prepare(benchInsert)
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	for b.Loop() {
		tx, err := pool.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for range 3 {
			if _, err := tx.Stmt(insert).Exec(1, "a name of some length"); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite inserts three rows per use case.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			db := storetest.SQLite(b, fsys)
			if err := write(db, "a"); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(ctx) // as a request has
			defer cancel()
			before := db.Stats()
			parallel(b, writers, func() error {
				return db.Write(ctx, func(tx *sqldb.Tx) error {
					for range 3 {
						if err := tx.Exec1(ctx, benchInsert, 1, "a name of some length"); err != nil {
							return err
						}
					}
					return nil
				})
			})
			after := db.Stats()
			b.ReportMetric(float64(after.UseCases-before.UseCases)/float64(after.Commits-before.Commits), "usecases/commit")
		})
	}
}

// BenchmarkRow reads one row by its key.
func BenchmarkRow(b *testing.B) {
	for _, readers := range []int{1, 16} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			db := storetest.SQLite(b, fsys)
			if err := write(db, "a"); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			parallel(b, readers, func() error {
				return db.Read(ctx, func(q *sqldb.Tx) error {
					var id int64
					var name string
					return q.Row(ctx, benchSelect, []any{1}, &id, &name)
				})
			})
		})
	}
}

// parallel runs fn b.N times in n goroutines.
func parallel(b *testing.B, n int, fn func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	done := make(chan error, n)
	for range n {
		go func() {
			for left.Add(-1) >= 0 {
				if err := fn(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range n {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}
