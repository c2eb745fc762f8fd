package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"espalier.dev/errs"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// held starts a use case that keeps the writer until release is called, so that others queue up behind it.
func held(t *testing.T, db *sqldb.DB) (release func()) {
	t.Helper()
	started, hold, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		err := db.Write(ctx, func(*sqldb.Tx) error {
			close(started)
			<-hold
			return nil
		})
		if err != nil && errs.KindOf(err) != errs.Unavailable { // it shares the fate of those behind it
			t.Errorf("the use case that held the writer: %v", err)
		}
	}()
	<-started
	return func() { close(hold); <-ended }
}

// queue starts the use cases fns one after the other behind one that holds the writer, and returns their errors.
func queue(t *testing.T, db *sqldb.DB, fns ...func(tx *sqldb.Tx) error) []error {
	t.Helper()
	release := held(t, db)
	results := make([]error, len(fns))
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() { results[i] = db.Write(ctx, fn) })
		for db.Stats().Waiting <= i {
			runtime.Gosched()
		}
	}
	release()
	wg.Wait()
	return results
}

func TestOneCommitForAllThatWait(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	before := db.Stats()
	var order []int
	var fns []func(*sqldb.Tx) error
	for i := range 8 {
		fns = append(fns, func(tx *sqldb.Tx) error {
			tx.AfterCommit(func() { order = append(order, i) })
			return insert(tx, fmt.Sprint(i))
		})
	}
	for i, err := range queue(t, db, fns...) {
		if err != nil {
			t.Errorf("use case %d: %v", i, err)
		}
	}
	after := db.Stats()
	if after.Commits-before.Commits != 1 || after.UseCases-before.UseCases != 9 {
		t.Errorf("Stats: got %+v after %+v, want 9 use cases in one commit", after, before)
	}
	if got := fmt.Sprint(order); got != "[0 1 2 3 4 5 6 7]" {
		t.Errorf("hooks ran in order %s, want that of the commits", got)
	}
}

func TestFailureInCompany(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	own := errors.New("own")
	results := queue(t, db,
		func(tx *sqldb.Tx) error { return insert(tx, "a") },
		func(tx *sqldb.Tx) error { return errors.Join(insert(tx, "b"), own) },
		func(tx *sqldb.Tx) error { return insert(tx, "a") },
		func(tx *sqldb.Tx) error { return insert(tx, "c") },
	)
	if results[0] != nil || !errors.Is(results[1], own) || errs.KindOf(results[2]) != errs.Conflict || results[3] != nil {
		t.Errorf("got %v, want success, own error, conflict, success", results)
	}
	wantNames(t, db, "a", "c")
}

// Getting one row under load is a tenth slower without.
func TestReadersMapTheDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	var mapped int64
	read := func(q *sqldb.Tx) error { return q.Row(ctx, "PRAGMA mmap_size", nil, &mapped) }
	if err := db.Read(ctx, read); err != nil || mapped != 256<<20 {
		t.Errorf("a reader maps %d bytes, %v; want 256 MiB", mapped, err)
	}
	if err := db.Write(ctx, read); err != nil || mapped != 0 {
		t.Errorf("the writer maps %d bytes, %v; want none", mapped, err)
	}
}

// TestFullDisk has SQLite end the shared transaction in its middle: none of its members may be told of success.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	mustWrite(t, db, "before")
	limit(t, db, "SELECT page_count FROM pragma_page_count")
	results := queue(t, db,
		func(tx *sqldb.Tx) error { return insert(tx, "small") },
		func(tx *sqldb.Tx) error { return insert(tx, strings.Repeat("large", 100_000)) },
	)
	wantKind(t, "the one that found the disk full", results[1], errs.Unavailable)
	if got, want := errs.Message(results[1]), "the storage is full; nothing was changed"; got != want {
		t.Errorf("message: got %q, want %q", got, want)
	}
	wantKind(t, "its company", results[0], errs.Unavailable)
	wantNames(t, db, "before")
	limit(t, db, "SELECT 1000000")
	mustWrite(t, db, "after")
}

// limit sets the most pages the writer may use to what query says.
func limit(t *testing.T, db *sqldb.DB, query string) {
	t.Helper()
	err := db.Write(ctx, func(tx *sqldb.Tx) error {
		var pages int
		if err := tx.Row(ctx, query, nil, &pages); err != nil {
			return err
		}
		return tx.Script(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	release := held(t, db)
	gone, cancel := context.WithCancel(ctx)
	result := make(chan error)
	go func() { result <- db.Write(gone, func(tx *sqldb.Tx) error { return insert(tx, "a") }) }()
	for db.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Write: got %v before the writer was free, want context.Canceled", err)
	}
	release()
	wantNames(t, db)
}

func TestCancelledWhileRunning(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	gone, cancel := context.WithCancel(ctx)
	err := db.Write(gone, func(tx *sqldb.Tx) error {
		cancel()
		return tx.Exec1(gone, `INSERT INTO parent (name) VALUES ('a')`)
	})
	if err != nil {
		t.Errorf("Write: got %v, want the commit that was under way", err)
	}
	wantNames(t, db, "a")
}

func TestGoexitSparesTheWriter(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	err := db.Write(ctx, func(tx *sqldb.Tx) error {
		_ = insert(tx, "a")
		runtime.Goexit() // as t.Fatal does
		return nil
	})
	if err == nil {
		t.Error("Write: got nil, want an error")
	}
	mustWrite(t, db, "b")
	wantNames(t, db, "b")
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	dir := storetest.SQLiteDir(t, fsys)
	db, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	release := held(t, db)
	result := make(chan error)
	go func() { result <- write(db, "a") }()
	for db.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	release()
	if err := errors.Join(<-result, <-closed); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, sqldb.FileName+"-wal")); !os.IsNotExist(err) {
		t.Errorf("the WAL after Close: %v, want it copied into the database and gone", err)
	}
	again, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	wantNames(t, again, "a")
}

func TestFolderLock(t *testing.T) {
	t.Parallel()
	dir := storetest.SQLiteDir(t, fsys)
	db, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	mustWrite(t, db, "a")
	_, err = sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "the data folder "+dir+" is in use") {
		t.Errorf("second server: got %v, want a sentence that names the folder", err)
	}
	beside, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	wantNames(t, beside, "a")
	if err := write(beside, "b"); err == nil {
		t.Error("Write on a database opened for reading: got nil, want an error")
	}
}

func TestReadOnlyMakesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir, ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "holds no database") {
		t.Errorf("OpenSQLite of an empty folder for reading: got %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("it made %v", files)
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "odd name? #1%20", "data")
	db, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range []string{sqldb.FileName, sqldb.FileName + "-wal", "lock"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", name, info.Mode())
		}
	}
}

// TestManyStatements goes beyond the number of statements that a connection keeps prepared.
func TestManyStatements(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, fsys)
	err := db.Read(ctx, func(q *sqldb.Tx) error {
		for i := range 600 {
			var got int
			if err := q.Row(ctx, fmt.Sprintf("SELECT %d", i), nil, &got); err != nil || got != i {
				return fmt.Errorf("SELECT %d: got %d, %w", i, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
