package torture

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// checker compares what writers know with what is there, again and again on the same data.
type checker struct {
	place   *place
	writers []*writer
	chance  *rand.Rand
	entry   int64    // id of the last audit entry that was looked at
	heads   []string // of the audit log, as doctor told them
}

// check looks at everything after the writers have stopped. The server of s runs.
func (k *checker) check(t *testing.T, when string, s *server) {
	t.Helper()
	for _, w := range k.writers {
		if w.problem != nil {
			t.Errorf("%s: %v", when, w.problem)
			w.problem = nil
		}
	}
	wrong, err := k.compare(t.Context(), t, s)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	k.doctor(t, when)
	const shown = 20
	for _, line := range wrong[:min(shown, len(wrong))] {
		t.Errorf("%s: %s", when, line)
	}
	if len(wrong) > shown {
		t.Errorf("%s: and %d more", when, len(wrong)-shown)
	}
	if t.Failed() {
		k.keep(t)
		t.FailNow()
	}
}

func (k *checker) compare(ctx context.Context, t *testing.T, s *server) ([]string, error) {
	db := k.place.open(t, k.place.database)
	defer db.Close()
	if err := atRest(ctx, db); err != nil {
		return nil, err
	}
	shown, err := k.list(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	entries, err := k.entries(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	var wrong []string
	for _, w := range k.writers {
		wrong = append(wrong, w.ledger.settle(shown, entries)...)
	}
	for name, c := range shown {
		wrong = append(wrong, fmt.Sprintf("nobody made %s: %+v", name, c))
	}
	for request, n := range entries {
		wrong = append(wrong, fmt.Sprintf("nobody made request %s with its %d audit entries", request, n))
	}
	return wrong, nil
}

// atRest waits until PostgreSQL has ended what servers that died had begun.
func atRest(ctx context.Context, db *sqldb.DB) error {
	if db.Dialect().Name != "postgres" {
		return nil
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var n int
		err := db.Read(ctx, func(q *sqldb.Tx) error {
			return q.Row(ctx, `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`, nil, &n)
		})
		if err != nil || n == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d transactions are open 10 s after the last request", n)
		}
	}
}

// list asks the API for all customers, and each of the two APIs for their number.
func (k *checker) list(ctx context.Context, s *server) (map[string]customer, error) {
	c, err := client.New(client.Config{URL: s.url, RefreshToken: k.place.refresh, MaxWait: -1})
	if err != nil {
		return nil, err
	}
	org, all := ref.OrgID(k.place.org), map[string]customer{}
	for page, skip := (wire.CustomerPage{}), ""; ; {
		if page, err = c.CustomerPage(ctx, org, client.CustomerQuery{PageSize: client.MaxPage}, skip); err != nil {
			return nil, err
		}
		for _, one := range page.Values {
			if _, twice := all[one.Name]; twice {
				return nil, fmt.Errorf("%s is there twice", one.Name)
			}
			all[one.Name] = customer{int64(one.ID), one.ExternalID, one.Description, strings.Join(one.Tags, " "), names(one.Capabilities)}
		}
		if skip = page.SkipToken(); skip == "" {
			if page.Total != int64(len(all)) {
				return nil, fmt.Errorf("a total of %d over %d customers", page.Total, len(all))
			}
			return all, nil
		}
	}
}

func names(list []wire.Capability) string {
	var all []string
	for _, c := range list {
		all = append(all, c.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// entries counts the audit entries of our requests since the last call.
func (k *checker) entries(ctx context.Context, db *sqldb.DB) (map[string]int, error) {
	found := map[string]int{}
	last := k.entry
	err := db.Snapshot(ctx, func(q *sqldb.Tx) error {
		return q.Rows(ctx, `SELECT id, request_id FROM audit_entry WHERE id > $1 AND request_id LIKE 't%-%-%'`, []any{k.entry}, func(scan func(...any) error) error {
			var id int64
			var request string
			if err := scan(&id, &request); err != nil {
				return err
			}
			last = max(last, id)
			found[request]++
			return nil
		})
	})
	k.entry = last
	return found, err
}

var headSaid = regexp.MustCompile(`head (\S+)$`)

// doctor runs espalier doctor beside the server. The heads it told before have to be in the audit log still.
func (k *checker) doctor(t *testing.T, when string) {
	t.Helper()
	args := []string{"--json"}
	for _, h := range k.heads {
		args = append(args, "--audit-head", h)
	}
	out, failed := k.place.try("doctor", args...)
	var said struct {
		OK     bool
		Checks []struct {
			Name, Said string
			OK         bool
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Errorf("%s: doctor: %v, %v", when, failed, err)
		return
	}
	for _, c := range said.Checks {
		if !c.OK {
			t.Errorf("%s: doctor: %s: %s", when, c.Name, c.Said)
		}
		if m := headSaid.FindStringSubmatch(c.Said); m != nil && c.OK && !slices.Contains(k.heads, m[1]) {
			k.heads = append(k.heads, m[1])
		}
	}
	if failed != nil && said.OK {
		t.Errorf("%s: doctor: %v", when, failed)
	}
	k.heads = k.heads[max(0, len(k.heads)-5):]
}

// keep saves what is in PostgreSQL, which goes with the test.
func (k *checker) keep(t *testing.T) {
	if k.place.database.URL == "" {
		return
	}
	if _, err := k.place.try("backup", k.place.dir+"/backup"); err != nil {
		t.Logf("backup for a look: %v", err)
	}
}

// acknowledged counts the requests that succeeded.
func (k *checker) acknowledged() (n int64) {
	for _, w := range k.writers {
		n += w.acknowledged.Load()
	}
	return n
}

// sum says how many requests of each outcome the writers made.
func (k *checker) sum() string {
	var acknowledged, declined, lost int64
	for _, w := range k.writers {
		acknowledged, declined, lost = acknowledged+w.acknowledged.Load(), declined+w.declined.Load(), lost+w.lost.Load()
	}
	return fmt.Sprintf("%d acknowledged, %d refused, %d without an answer", acknowledged, declined, lost)
}

// spread describes durations by their median and their longest.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.SortFunc(all, cmp.Compare)
	return fmt.Sprintf("median %v, longest %v", all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}
