package auditdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/audit"
	"espalier.dev/keyring"
	"espalier.dev/store"
	"espalier.dev/store/auditdb"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

func newKeys(t *testing.T) *keyring.Keyring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := keyring.Create(path); err != nil {
		t.Fatal(err)
	}
	k, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// ticking is a sealer of the test's own; its background work is of no account, since every seal is asked for.
func ticking(t *testing.T, db *sqldb.DB, keys audit.Keys, keep time.Duration, now func() time.Time) *audit.Sealer {
	t.Helper()
	s, err := audit.NewSealer(audit.Config{Store: store.New(db).Audit(), Keys: keys, Now: now, Log: slog.New(slog.DiscardHandler), Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func entry(n int) audit.Entry {
	return audit.Entry{
		Org: 7, Via: 3, Actor: audit.Actor{Kind: audit.User, ID: 12}, Session: "abc", RequestID: "r", Action: "customer.update",
		TargetKind: "organization", TargetID: fmt.Sprint(n), Before: json.RawMessage(`{"name":"ä"}`), After: json.RawMessage(`{"name":"b"}`),
	}
}

func record(ctx context.Context, db *sqldb.DB, entries ...audit.Entry) error {
	return db.Write(ctx, func(tx *sqldb.Tx) error {
		for _, e := range entries {
			if err := auditdb.New(tx, db.Dialect()).Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func verify(t *testing.T, db *sqldb.DB, keys audit.Keys, known ...audit.Head) audit.Report {
	t.Helper()
	var r audit.Report
	err := store.New(db).Audit().Snapshot(t.Context(), func(tx audit.Tx) (err error) {
		r, err = audit.Verify(t.Context(), tx, keys, known...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// seal closes all entries there are. On PostgreSQL other tests' transactions, in other databases of the server, hold the
// horizon back for a moment.
func seal(t *testing.T, db *sqldb.DB, s *audit.Sealer) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		var open bool
		err := store.New(db).Audit().Read(t.Context(), func(tx audit.Tx) error {
			last, err := tx.LastSeal(t.Context())
			if err != nil {
				return err
			}
			open, err = tx.EntriesFrom(t.Context(), last.ToMark)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !open {
			return
		}
	}
	t.Fatal("entries stay unsealed")
}

func exec(t *testing.T, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		bare := audit.Entry{Actor: audit.Actor{Kind: audit.Operator}, Action: "x"}
		if err := record(t.Context(), db, entry(1), bare); err != nil {
			t.Fatal(err)
		}
		var got []audit.Entry
		err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
			return auditdb.New(tx, db.Dialect()).EachEntry(t.Context(), 0, 1<<62, func(e *audit.Entry) error {
				got = append(got, *e)
				return nil
			})
		})
		if err != nil || len(got) != 2 || got[0].Mark != got[1].Mark || got[0].Mark <= 0 || !got[0].At.Equal(got[1].At) || time.Since(got[0].At) > time.Hour {
			t.Fatalf("%+v, %v: want two entries of one mark and time", got, err)
		}
		for i, want := range []audit.Entry{entry(1), bare} {
			want.ID, want.Mark, want.At = got[i].ID, got[i].Mark, got[i].At
			if diff := cmp.Diff(want, got[i]); diff != "" {
				t.Error(diff)
			}
		}
		if err := record(t.Context(), db, audit.Entry{Action: "x"}); err == nil {
			t.Error("an entry of no actor is taken")
		}
	})
}

func TestTampering(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		keys := newKeys(t)
		s := ticking(t, db, keys, 0, time.Now)
		for i := range 9 {
			if err := record(t.Context(), db, entry(i+1)); err != nil {
				t.Fatal(err)
			}
			if i%3 == 2 {
				seal(t, db, s)
			}
		}
		r := verify(t, db, keys)
		if r.Finding != nil || r.Entries != 9 || r.Seals < 3 {
			t.Fatalf("%+v, %v", r, r.Finding)
		}
		for _, tt := range []struct{ name, do, undo, want string }{
			{"changed", `UPDATE audit_entry SET after_json = '{}' WHERE id = 5`, `UPDATE audit_entry SET after_json = '{"name":"b"}' WHERE id = 5`, "audit entry 5 was changed"},
			{"a NULL", `UPDATE audit_entry SET via_org_id = NULL WHERE id = 2`, `UPDATE audit_entry SET via_org_id = 3 WHERE id = 2`, "audit entry 2 was changed"},
			{"seal", `UPDATE audit_seal SET prev_mac = 'x' WHERE number = 2`, "", "audit seal 2 was changed"},
			{"dropped", `UPDATE audit_seal SET dropped_at = 1 WHERE number = 1`, `UPDATE audit_seal SET dropped_at = NULL WHERE number = 1`, "audit seal 1 was changed"},
			{"removed", `DELETE FROM audit_entry WHERE id = 1`, "", "audit entry 1 was removed"},
			{"all", `DELETE FROM audit_seal`, "", "the audit log was cut off"},
		} {
			exec(t, db, tt.do)
			if got := verify(t, db, keys, r.Head).Finding; got == nil || !strings.HasPrefix(got.String(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
			}
			if tt.undo != "" {
				exec(t, db, tt.undo)
			}
		}
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		keys := newKeys(t)
		var mu sync.Mutex
		now := time.Now()
		s := ticking(t, db, keys, 24*time.Hour, func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		})
		for i := range 3 {
			if err := record(t.Context(), db, entry(i)); err != nil {
				t.Fatal(err)
			}
			seal(t, db, s)
		}
		head := verify(t, db, keys).Head
		mu.Lock()
		now = now.Add(25 * time.Hour)
		mu.Unlock()
		for range 2 { // the second time there is nothing to do
			if err := s.Retain(t.Context()); err != nil {
				t.Fatal(err)
			}
			r := verify(t, db, keys, head)
			if r.Finding != nil || r.Dropped != 3 || r.Entries != 0 {
				t.Errorf("%+v, %v", r, r.Finding)
			}
		}
	})
}

// Writers and two sealers at once: no entry gets below a horizon that was passed.
func TestSealingBesideWriters(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		keys := newKeys(t)
		sealers := []*audit.Sealer{ticking(t, db, keys, 0, time.Now), ticking(t, db, keys, 0, time.Now)}
		var writers, sealing sync.WaitGroup
		done := make(chan struct{})
		for _, s := range sealers {
			sealing.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						if err := s.Seal(t.Context()); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		const each = 50
		for w := range 8 {
			writers.Go(func() {
				for i := range each {
					if err := record(t.Context(), db, entry(2*i), entry(2*i+1)); err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
				}
			})
		}
		writers.Wait()
		close(done)
		sealing.Wait()
		seal(t, db, sealers[0])
		if r := verify(t, db, keys); r.Finding != nil || r.Entries != 8*each*2 || r.Unsealed != 0 {
			t.Errorf("%+v, %v", r, r.Finding)
		}
	})
}

// After data came from a database that counted further, new marks are above the old ones; on a live database nothing changes.
func TestSettle(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		keys := newKeys(t)
		s := ticking(t, db, keys, 0, time.Now)
		base := func() (n int64) {
			t.Helper()
			err := db.Read(t.Context(), func(tx *sqldb.Tx) error { return tx.Row(t.Context(), `SELECT base FROM audit_clock`, nil, &n) })
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		step := func(sealed bool) {
			t.Helper()
			if err := record(t.Context(), db, entry(1)); err != nil {
				t.Fatal(err)
			}
			if sealed {
				seal(t, db, s)
			}
		}
		step(true)
		step(false)
		before := base()
		if err := auditdb.Settle(t.Context(), db); err != nil || base() != before {
			t.Fatalf("Settle on a live database: %v, base from %d to %d", err, before, base())
		}
		exec(t, db, `UPDATE audit_entry SET mark = mark + 1000000000`) // as from a database that counted further; not sealed
		exec(t, db, `DELETE FROM audit_seal`)
		if err := auditdb.Settle(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		step(true)
		if r := verify(t, db, keys); r.Finding != nil || r.Entries != 3 || r.Unsealed != 0 {
			t.Errorf("%+v, %v", r, r.Finding)
		}
	})
}
