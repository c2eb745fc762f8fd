package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/errs"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// fsys is a small tree: a parent has named children.
var fsys = fstest.MapFS{"0001_tree.sql": {Data: []byte(`-- oldest binary: 1
CREATE TABLE parent (id @identity, name @text NOT NULL UNIQUE, seen_at BIGINT);
CREATE TABLE child (id @identity, parent_id BIGINT NOT NULL REFERENCES parent (id), name @text NOT NULL);
`)}}

var ctx = context.Background()

func insert(tx *sqldb.Tx, name string) error {
	return tx.Exec1(ctx, `INSERT INTO parent (name) VALUES ($1)`, name)
}

func write(db *sqldb.DB, name string) error {
	return db.Write(ctx, func(tx *sqldb.Tx) error { return insert(tx, name) })
}

func mustWrite(t *testing.T, db *sqldb.DB, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := write(db, name); err != nil {
			t.Fatal(err)
		}
	}
}

// names reads all parents' names in order.
func names(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	var all []string
	err := db.Read(ctx, func(q *sqldb.Tx) error {
		return q.Rows(ctx, `SELECT name FROM parent ORDER BY name`, nil, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			all = append(all, name)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantNames(t *testing.T, db *sqldb.DB, want ...string) {
	t.Helper()
	if diff := cmp.Diff(names(t, db), want); diff != "" {
		t.Errorf("names (-got +want):\n%s", diff)
	}
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: got %v (%v), want %v", what, errs.KindOf(err), err, want)
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		at := sqldb.NullTimeOf(time.Date(2026, 3, 1, 12, 0, 0, 5000, time.FixedZone("", 3600)))
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			var a, b int64
			const query = `INSERT INTO parent (name, seen_at) VALUES ($1, $2) RETURNING id`
			if err := tx.Row(ctx, query, []any{"a", at}, &a); err != nil {
				return err
			}
			if err := tx.Row(ctx, query, []any{"b", sqldb.NullTime{}}, &b); err != nil {
				return err
			}
			if a != 1 || b != 2 {
				t.Errorf("ids: got %d and %d, want 1 and 2", a, b)
			}
			n, err := tx.Exec(ctx, `UPDATE parent SET name = name || $1`, "!")
			if n != 2 {
				t.Errorf("UPDATE touched %d rows, want 2", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNames(t, db, "a!", "b!")
		err = db.Read(ctx, func(q *sqldb.Tx) error {
			var seen, unseen sqldb.NullTime
			err := q.Row(ctx, `SELECT a.seen_at, b.seen_at FROM parent a, parent b WHERE a.id = $1 AND b.id = $2`, []any{1, 2}, &seen, &unseen)
			if !seen.Valid || !seen.Time.Equal(at.Time) || unseen.Valid {
				t.Errorf("times: got %v and %v, want %v and NULL", seen, unseen, at)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestKindsOfErrors(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "a", "b")
		tests := []struct {
			name string
			fn   func(tx *sqldb.Tx) error
			want errs.Kind
		}{
			{"unique", func(tx *sqldb.Tx) error { return insert(tx, "a") }, errs.Conflict},
			{"unique, RETURNING", func(tx *sqldb.Tx) error {
				var id int64
				return tx.Row(ctx, `INSERT INTO parent (name) VALUES ('a') RETURNING id`, nil, &id)
			}, errs.Conflict},
			{"refers to nothing", func(tx *sqldb.Tx) error {
				return tx.Exec1(ctx, `INSERT INTO child (parent_id, name) VALUES (99, 'c')`)
			}, errs.Conflict},
			{"refers to nothing, RETURNING", func(tx *sqldb.Tx) error {
				var id int64
				return tx.Row(ctx, `INSERT INTO child (parent_id, name) VALUES (99, 'c') RETURNING id`, nil, &id)
			}, errs.Conflict},
			{"not null", func(tx *sqldb.Tx) error { return tx.Exec1(ctx, `INSERT INTO parent (name) VALUES (NULL)`) }, errs.Internal},
			{"no such row", func(tx *sqldb.Tx) error { return tx.Exec1(ctx, `DELETE FROM parent WHERE id = 99`) }, errs.NotFound},
			{"too many rows", func(tx *sqldb.Tx) error { return tx.Exec1(ctx, `DELETE FROM parent`) }, errs.Internal},
			{"no such table", func(tx *sqldb.Tx) error { return tx.Exec1(ctx, `DELETE FROM absent`) }, errs.Internal},
		}
		for _, tt := range tests {
			wantKind(t, tt.name, db.Write(ctx, tt.fn), tt.want)
		}
		err := write(db, "a")
		if !sqldb.IsUnique(err) || sqldb.IsForeignKey(err) {
			t.Errorf("IsUnique, IsForeignKey: got %v, %v, want true, false", sqldb.IsUnique(err), sqldb.IsForeignKey(err))
		}
		wantNames(t, db, "a", "b")
	})
}

func TestRollback(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		own := errors.New("own")
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			tx.AfterCommit(func() { t.Error("the hook of a use case that failed was run") })
			return errors.Join(insert(tx, "a"), own)
		})
		if !errors.Is(err, own) {
			t.Errorf("Write: got %v, want the function's own error", err)
		}
		wantNames(t, db)
	})
}

func TestSwallowedErrorStillFails(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "a")
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			_ = insert(tx, "b")
			_ = insert(tx, "a")
			if err := insert(tx, "c"); err == nil {
				t.Error("a statement after a failed one: got nil, want an error")
			}
			return nil
		})
		wantKind(t, "Write", err, errs.Conflict)
		wantNames(t, db, "a")
	})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "at the disco") {
					t.Errorf("recovered %v, want the panic of the use case", p)
				}
			}()
			_ = db.Write(ctx, func(tx *sqldb.Tx) error {
				_ = insert(tx, "a")
				panic("at the disco")
			})
		}()
		mustWrite(t, db, "b")
		wantNames(t, db, "b")
	})
}

func TestNestedWrite(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		err := db.Write(ctx, func(tx *sqldb.Tx) error { return write(db, "a") })
		if err == nil || !strings.Contains(err.Error(), "Write inside Write") {
			t.Errorf("Write inside Write: got %v, want a clear error", err)
		}
		err = db.Write(ctx, func(tx *sqldb.Tx) error {
			wantNames(t, db) // a reader beside it is fine
			return insert(tx, "b")
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestStatementInsideRows(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "a", "b")
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			return tx.Rows(ctx, `SELECT id FROM parent`, nil, func(scan func(...any) error) error { return insert(tx, "c") })
		})
		if err == nil || !strings.Contains(err.Error(), "collect the rows first") {
			t.Errorf("statement inside Rows: got %v, want a clear error", err)
		}
	})
}

func TestReadersMayNotWrite(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		for name, read := range map[string]func(context.Context, func(*sqldb.Tx) error) error{"Read": db.Read, "Snapshot": db.Snapshot} {
			if err := read(ctx, func(q *sqldb.Tx) error { return insert(q, "a") }); err == nil {
				t.Errorf("INSERT in %s: got nil, want an error", name)
			}
		}
		wantNames(t, db)
	})
}

func TestSnapshotSeesOneInstant(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "a")
		count := func(q *sqldb.Tx) (n int) {
			if err := q.Row(ctx, `SELECT count(*) FROM parent`, nil, &n); err != nil {
				t.Error(err)
			}
			return n
		}
		err := db.Snapshot(ctx, func(q *sqldb.Tx) error {
			before := count(q)
			mustWrite(t, db, "b")
			if after := count(q); before != 1 || after != 1 {
				t.Errorf("Snapshot: got %d, then %d rows, want 1 and 1", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Read(ctx, func(q *sqldb.Tx) error {
			before := count(q)
			mustWrite(t, db, "c")
			if after := count(q); before != 2 || after != 3 {
				t.Errorf("Read: got %d, then %d rows, want 2 and 3", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		var order []string
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			for _, name := range []string{"first", "second"} {
				tx.AfterCommit(func() {
					order = append(order, name)
					wantNames(t, db, "a") // committed, and visible to others
				})
			}
			return insert(tx, "a")
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(order, []string{"first", "second"}); diff != "" {
			t.Errorf("hooks when Write returned (-got +want):\n%s", diff)
		}
	})
}

func TestNowIsFixed(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			now := tx.Now()
			if err := insert(tx, "a"); err != nil {
				return err
			}
			if got := sqldb.Time(sqldb.Micros(now)); got != now || tx.Now() != now {
				t.Errorf("Now: got %v, stored and read %v, then %v: want one instant of µs in UTC", now, got, tx.Now())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestWritersTogether has 16 writers, some of which fail or panic, and none disturbs another.
func TestWritersTogether(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		const writers, rounds = 16, 12
		var wg sync.WaitGroup
		var mu sync.Mutex
		var want []string
		for w := range writers {
			wg.Go(func() {
				for i := range rounds {
					name := fmt.Sprintf("%02d-%02d", w, i)
					hooked := false
					err := badly(db, i%4, name, &hooked)
					good := i%4 < 2
					if (err == nil) != good || hooked != good {
						t.Errorf("%s: got error %v, hook run %v", name, err, hooked)
					}
					if good {
						mu.Lock()
						want = append(want, name)
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		slices.Sort(want)
		wantNames(t, db, want...)
		s := db.Stats()
		if s.UseCases < int64(len(want)) || s.Commits > s.UseCases {
			t.Errorf("Stats: got %+v for %d use cases", s, len(want))
		}
		if db.Dialect().Name == "sqlite" && s.Commits > s.UseCases*2/3 {
			t.Errorf("group commit: %d commits for %d use cases, want far fewer", s.Commits, s.UseCases)
		}
	})
}

// badly writes name and then, by how: 0 and 1 succeeds, 2 fails, 3 panics.
func badly(db *sqldb.DB, how int, name string, hooked *bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return db.Write(ctx, func(tx *sqldb.Tx) error {
		*hooked = false
		tx.AfterCommit(func() { *hooked = true })
		if err := insert(tx, name); err != nil {
			return err
		}
		switch how {
		case 2:
			return tx.Exec1(ctx, `INSERT INTO child (parent_id, name) VALUES (-1, 'orphan')`)
		case 3:
			panic("oops")
		}
		return nil
	})
}

func TestCancelledBeforeStart(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		err := db.Write(gone, func(tx *sqldb.Tx) error { return insert(tx, "a") })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Write for a caller that is gone: got %v, want context.Canceled", err)
		}
		wantNames(t, db)
	})
}

func TestClosed(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "a")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "Write after Close", write(db, "b"), errs.Unavailable)
		if err := db.Read(ctx, func(q *sqldb.Tx) error { return q.Row(ctx, `SELECT 1`, nil, new(int)) }); err == nil {
			t.Error("Read after Close: got nil, want an error")
		}
	})
}

func TestTextSortsByBytes(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "b", "Z", "ä", "a")
		wantNames(t, db, "Z", "a", "b", "ä")
	})
}

func TestDialect(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "Ann Lee", "ann lee", "Bo")
		d := db.Dialect()
		query := `SELECT name FROM parent WHERE ` + d.Contains("name", "$1") + ` ORDER BY name `
		for _, lock := range []string{d.ForShare, d.ForUpdate, d.SkipLocked} {
			var got string
			err := db.Write(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, query+lock, []any{"n L"}, &got) })
			if err != nil || got != "Ann Lee" {
				t.Errorf("%s%s: got %q, %v, want Ann Lee", query, lock, got, err)
			}
		}
	})
}

func TestAuditMarkIsOfTheTransaction(t *testing.T) {
	t.Parallel()
	clock := fstest.MapFS{"0001_clock.sql": {Data: []byte("-- oldest binary: 1\nCREATE TABLE audit_clock (base BIGINT NOT NULL);\nINSERT INTO audit_clock VALUES (1000);\n")}}
	storetest.RunWith(t, clock, func(t *testing.T, db *sqldb.DB) {
		d := db.Dialect()
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			var first, second, horizon int64
			query := `SELECT ` + d.AuditMark
			if err := errors.Join(tx.Row(ctx, query, nil, &first), tx.Row(ctx, query, nil, &second), tx.Row(ctx, `SELECT `+d.AuditHorizon, nil, &horizon)); err != nil {
				return err
			}
			if first < 1000 || first != second || horizon > first {
				t.Errorf("marks %d and %d, horizon %d: want one mark of at least 1000, and the horizon not above it", first, second, horizon)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestIn(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		mustWrite(t, db, "a", "b", "c", "d", "e", "f")
		for n := range 6 {
			args := []any{"a"}
			query := `SELECT count(*) FROM parent WHERE name > $1 AND name IN ` + sqldb.In(&args, []string{"a", "b", "c", "d", "e", "f"}[:n])
			var got int
			if err := db.Read(ctx, func(q *sqldb.Tx) error { return q.Row(ctx, query, args, &got) }); err != nil {
				t.Fatal(err)
			}
			if want := max(0, n-1); got != want {
				t.Errorf("%s: got %d, want %d", query, got, want)
			}
		}
	})
}

func TestSavepoint(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		var hooks []string
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			for i, name := range []string{"a", "b", "a", "c"} { // the second a is refused
				err := tx.Savepoint(ctx, func() error {
					tx.AfterCommit(func() { hooks = append(hooks, name) })
					return errors.Join(insert(tx, name+"!"), insert(tx, name))
				})
				if refused := i == 2; refused != sqldb.IsUnique(err) || refused != (err != nil) {
					t.Errorf("%d, %s: got %v, refused: want %v", i, name, err, refused)
				}
			}
			return insert(tx, "d")
		})
		if err != nil {
			t.Fatal(err)
		}
		wantNames(t, db, "a", "a!", "b", "b!", "c", "c!", "d")
		if diff := cmp.Diff(hooks, []string{"a", "b", "c"}); diff != "" {
			t.Errorf("hooks (-got +want):\n%s", diff)
		}
	})
}

// Statements that are held back keep their order, fail where they are sent at the latest, and go with their savepoint.
func TestLater(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, fsys, func(t *testing.T, db *sqldb.DB) {
		later := func(tx *sqldb.Tx, name string) error {
			return tx.Later(ctx, `INSERT INTO parent (name) VALUES ($1)`, name)
		}
		rename := func(tx *sqldb.Tx, from, to string) error {
			return tx.Later(ctx, `UPDATE parent SET name = $2 WHERE name = $1`, from, to)
		}
		var seen string
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			if err := errors.Join(later(tx, "a"), rename(tx, "a", "b"), later(tx, "c")); err != nil {
				return err
			}
			if err := tx.Row(ctx, `SELECT name FROM parent WHERE name = 'b'`, nil, &seen); err != nil {
				return err
			}
			if err := tx.Row(ctx, `SELECT name FROM parent WHERE name = 'a'`, nil, &seen); errs.KindOf(err) != errs.NotFound {
				t.Errorf("a row that is gone: %v, want NotFound", err)
			}
			refused := tx.Savepoint(ctx, func() error { return errors.Join(later(tx, "lost"), later(tx, "b")) })
			if !sqldb.IsUnique(refused) {
				t.Errorf("a savepoint with the same name twice: got %v, want a unique key", refused)
			}
			given := errors.New("given up")
			if err := tx.Savepoint(ctx, func() error { return errors.Join(later(tx, "dropped"), given) }); !errors.Is(err, given) {
				t.Errorf("a savepoint that gives up: %v", err)
			}
			return rename(tx, "c", "d")
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(ctx, func(tx *sqldb.Tx) error {
			_ = later(tx, "e")
			_ = later(tx, "b") // at the end, and swallowed
			return nil
		})
		if !sqldb.IsUnique(err) || errs.KindOf(err) != errs.Conflict {
			t.Errorf("Write of a name that is taken: got %v, want Conflict", err)
		}
		wantNames(t, db, "b", "d")
		if seen != "b" {
			t.Errorf("read %q, want b", seen)
		}
	})
}
