package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// onSQLite makes data in a folder that is kept if the test fails.
func onSQLite(t *testing.T) *place {
	t.Helper()
	dir := keptDir(t)
	return sqliteAt(t, dir, filepath.Join(dir, "data"))
}

func sqliteAt(t *testing.T, dir, data string) *place {
	t.Helper()
	p := &place{dir: dir, at: []string{"--data", data}, database: sqldb.Config{Dir: data, ReadOnly: true}}
	p.open = opener(sqldb.OpenSQLite)
	p.init(t)
	return p
}

// onPostgres makes data in a new database of the tests' PostgreSQL.
func onPostgres(t *testing.T) *place {
	t.Helper()
	return postgresAt(t, storetest.PostgresURL(t, nil))
}

func postgresAt(t *testing.T, url string) *place {
	t.Helper()
	dir := keptDir(t)
	p := &place{dir: dir, at: []string{"--database-url", url, "--key-file", filepath.Join(dir, "key")}, database: sqldb.Config{URL: url, MaxConns: 2}}
	p.open = opener(sqldb.OpenPostgres)
	p.init(t)
	return p
}

func opener(open func(context.Context, sqldb.Config) (*sqldb.DB, error)) func(*testing.T, sqldb.Config) *sqldb.DB {
	return func(t *testing.T, cfg sqldb.Config) *sqldb.DB {
		t.Helper()
		db, err := open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
}

// newChecker makes the writers of a test, whose chances are named after it.
func newChecker(t *testing.T, p *place) *checker {
	k := &checker{place: p, chance: chances(t.Name(), -1)}
	for n := range writers {
		k.writers = append(k.writers, newWriter(t.Name(), n))
	}
	return k
}

// moment is when a kill comes: mostly soon, now and then so late that the audit log has been sealed meanwhile.
func moment(r *rand.Rand) time.Duration {
	if r.IntN(6) == 0 {
		return time.Second + time.Duration(r.IntN(700))*time.Millisecond
	}
	return time.Duration(r.IntN(300_000)) * time.Microsecond
}

func TestKill(t *testing.T) {
	if *rounds <= few {
		t.Parallel() // else alone, so that starts are timed in peace
	}
	t.Run("sqlite", func(t *testing.T) { torture(t, onSQLite(t), *rounds) })
	if hasPostgres() {
		t.Run("postgres", func(t *testing.T) { torture(t, onPostgres(t), *postgresRounds) })
	}
}

// hasPostgres reports whether a PostgreSQL is named; without one its tests are left out, as those of the store are.
func hasPostgres() bool { return os.Getenv(storetest.URLVariable) != "" }

// torture kills a server under all writers, again and again on the same data.
func torture(t *testing.T, p *place, rounds int) {
	k := newChecker(t, p)
	r := k.chance
	s := p.start(t)
	var starts []time.Duration
	late := 0
	for round := range rounds {
		when := fmt.Sprintf("round %d", round+1)
		work(t, k, s, terms{lost: true}, func() {
			k.underWay(t)
			time.Sleep(moment(r))
			s.kill()
		})
		if r.IntN(4) == 0 { // and while it gets up
			if s, err := p.launch(t); err == nil {
				time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
				s.kill()
			}
		}
		var again int
		s, again = startInTime(t, p, when)
		starts, late = append(starts, s.took), late+again
		k.check(t, when, s)
	}
	t.Logf("%d kills; %s; starts: %s, %d late for want of a processor", rounds, k.sum(), spread(starts), late)
	if code := s.stop(t); code != 0 {
		t.Errorf("stopped with %d", code)
	}
}

// startInTime starts a server that has to be ready in time. One that is late is killed and tried again, over the same log of the
// database, since nothing was written: what is in the data makes it late each time, a busy machine does not.
func startInTime(t *testing.T, p *place, when string) (s *server, late int) {
	t.Helper()
	const tries = 3
	for {
		if s = p.start(t); s.took <= *readyWithin {
			return s, late
		}
		if late++; late == tries {
			t.Errorf("%s: ready after %v, want at most %v, at each of %d starts", when, s.took, *readyWithin, tries)
			return s, late
		}
		s.kill()
	}
}

// underWay waits until as many requests were acknowledged as there are writers: before, there is nothing to lose.
func (k *checker) underWay(t *testing.T) {
	t.Helper()
	from, deadline := k.acknowledged(), time.Now().Add(20*time.Second)
	for k.acknowledged() < from+int64(len(k.writers)) {
		if time.Now().After(deadline) {
			t.Fatal("the writers did not get under way within 20 s")
		}
		time.Sleep(time.Millisecond)
	}
}

// work lets all writers work on s while do runs, and waits for them. Connections that break end a writer.
func work(t *testing.T, k *checker, s *server, allowed terms, do func()) {
	t.Helper()
	at, err := newTarget(t.Context(), k.place, s)
	if err != nil {
		t.Fatal(err)
	}
	defer at.http.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, w := range k.writers {
		all.Go(func() { w.work(ctx, at, allowed, true) })
	}
	do()
	cancel()
	all.Wait()
}
