package main

import (
	"context"
	"io"
	"log"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/store/sqldb"
)

var tiny = sizes{rounds: 1, customers: 120, small: 5, few: 10, many: 20, samples: 2, creates: 2, busy: 20 * time.Millisecond, starts: 1}

func tinyLab(t *testing.T) *lab {
	t.Helper()
	l, err := newLab(t.Context(), tiny, log.New(io.Discard, "", 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Every experiment that needs neither a PostgreSQL server nor the built program runs through, and its figures have values.
func TestExperiments(t *testing.T) {
	t.Parallel()
	for _, e := range experiments {
		if e.postgres || slices.Contains([]string{"start", "memory", "signin"}, e.name) {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			l := tinyLab(t)
			defer l.takeDown(len(l.closers), new(error))
			figures, err := e.prepare(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range figures {
				floors, err := f.takeFloors(t.Context())
				if err != nil {
					t.Errorf("%s: %v", f.name, err)
				}
				if value, err := f.take(t.Context()); err != nil || value <= 0 || f.joined(floors) <= 0 {
					t.Errorf("%s: %v against %v, %v", f.name, value, floors, err)
				}
			}
		})
	}
}

// The floors do the work that they are to be the floor of: S writes as many rows into each table as a create, Q and R read
// what the API shows.
func TestFloorsAreOfTheSameRows(t *testing.T) {
	t.Parallel()
	l := tinyLab(t)
	w, c, r, err := l.listed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	floor, err := l.newInserter(t.Context(), tiny.customers)
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, r, floor, newCreator(c, w))
	root := int64(w.made.OrgID)
	for _, q := range []question{unfiltered, bySubstring, byTags} {
		total, rows, err := r.rawPage(t.Context(), root, q)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Total  int64 `json:"total"`
			Values []struct {
				Capabilities []struct{} `json:"capabilities"`
				Tags         []string   `json:"tags"`
			} `json:"values"`
		}
		if err := c.read(t.Context(), q.path(w), &page); err != nil {
			t.Fatal(err)
		}
		want := [3]int{int(min(page.Total, pageSize+1))}
		for _, v := range page.Values {
			want[1] += len(v.Capabilities)
			want[2] += len(v.Tags)
		}
		if total != page.Total || rows != want || total == 0 {
			t.Errorf("%s: the floor reads %d and %v, the API %d and %v", q.filter, total, rows, page.Total, want)
		}
	}
	var list []struct{}
	if err := c.read(t.Context(), listPath(w), &list); err != nil {
		t.Fatal(err)
	}
	if n, err := r.scan(t.Context(), root); err != nil || n != len(list) {
		t.Errorf("the scan reads %d rows, %v; the API lists %d", n, err, len(list))
	}
}

// compareRows makes a customer each way and compares, table by table, how many rows and bytes of text came.
func compareRows(t *testing.T, product *rawDB, floor *inserter, api *creator) {
	t.Helper()
	before := [2]map[string][2]int64{measureTables(t, product), measureTables(t, floor.rawDB)}
	if err := api.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := floor.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := [2]map[string][2]int64{measureTables(t, product), measureTables(t, floor.rawDB)}
	var grown [2]map[string]int64
	for i := range grown {
		grown[i] = map[string]int64{}
		for table := range after[i] {
			grown[i][table] = after[i][table][0] - before[i][table][0]
		}
	}
	delete(grown[0], "audit_seal") // the server seals beside
	delete(grown[1], "audit_seal")
	if diff := cmp.Diff(grown[0], grown[1]); diff != "" {
		t.Errorf("rows of a create (-) and of the floor (+):\n%s", diff)
	}
	const entry = "audit_entry"
	text := [2]int64{after[0][entry][1] - before[0][entry][1], after[1][entry][1] - before[1][entry][1]}
	if text[0] != text[1] {
		t.Errorf("the audit entry has %d bytes of text, that of the floor %d", text[0], text[1])
	}
}

// measureTables counts the rows of every table, and the bytes of text of the audit log.
func measureTables(t *testing.T, r *rawDB) map[string][2]int64 {
	t.Helper()
	sizes := map[string][2]int64{}
	var name string
	var names []string
	if _, err := r.rows(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table'`, nil, []any{&name}, func() { names = append(names, name) }); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text := "0"
		if name == "audit_entry" {
			text = "COALESCE(SUM(length(before_json)), 0) + SUM(length(after_json) + length(session) + length(action) + length(request_id))"
		}
		var n, size int64
		if _, err := r.rows(t.Context(), `SELECT count(*), `+text+` FROM `+name, nil, []any{&n, &size}, nil); err != nil {
			t.Fatal(err)
		}
		sizes[name] = [2]int64{n, size}
	}
	return sizes
}

// A populated database has the rows of as many creates.
func TestPopulate(t *testing.T) {
	t.Parallel()
	l := tinyLab(t)
	w, err := l.sqliteWorld(t.Context(), tiny.customers)
	if err != nil {
		t.Fatal(err)
	}
	db, err := w.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const n = int64(120)
	want := map[string]int64{"organization": n + 1, "project": n + 1, "app_user": n + 1, "membership": n + 1, "access_rule": n + 1, "audit_seal": 2, "customer_count": 16}
	for table, want := range want {
		var got int64
		err := db.Read(t.Context(), func(q *sqldb.Tx) error { return q.Row(t.Context(), "SELECT count(*) FROM "+table, nil, &got) })
		if err != nil || got != want {
			t.Errorf("%s: %d rows, %v; want %d", table, got, err, want)
		}
	}
}

// A round in which a floor moves does not count, and another one is run.
func TestRounds(t *testing.T) {
	t.Parallel()
	l := tinyLab(t)
	l.sizes.rounds = 3
	taken := 0
	shaky := floor{"S", func(context.Context) (float64, error) {
		taken++
		if taken == 2 {
			return 2, nil // the first round moves by 100 %
		}
		return 1, nil
	}}
	results, err := l.rounds(t.Context(), []figure{
		{name: "half", unit: perSecond, take: func(context.Context) (float64, error) { return 0.5, nil }, floors: []floor{shaky}, against: "S", bar: 0.6, atLeast: true},
		{name: "long", unit: seconds, take: func(context.Context) (float64, error) { return 0.2, nil }, bar: 0.3},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, thrown := len(results[0].rounds), results[0].thrown; n != 3 || thrown != 1 {
		t.Errorf("%d rounds count and %d were thrown away, want 3 and 1", n, thrown)
	}
	table := report(results, l.sizes, time.Now(), time.Minute)
	for _, want := range []string{"| half | 0/s | S | 1/s | 0.50 | ≥ 0.6 × | **no** |\n", "| long | 200 ms | – | – | – | ≤ 300 ms | yes |\n"} {
		if !strings.Contains(table, want) {
			t.Errorf("no line %q in\n%s", want, table)
		}
	}
}
