package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/access"
	"espalier.dev/ref"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func entryOf(id int64) Entry {
	return Entry{
		ID: id, At: start, Org: 7, Via: 3, Actor: Actor{User, 12}, Session: "s", RequestID: "r", Action: "customer.update",
		TargetKind: "organization", TargetID: strconv.FormatInt(id, 10), Before: json.RawMessage(`{"name":"a"}`), After: json.RawMessage(`{"name":"b"}`),
	}
}

// sealer makes a Sealer that works only when told to.
func sealer(m *memory, keep time.Duration, now func() time.Time) *Sealer {
	return &Sealer{cfg: Config{Store: m, Keys: testKeys(1), Now: now, Log: slog.New(slog.DiscardHandler), Keep: keep}}
}

// chain is a memory with three batches: entries 1 to 5, 6, and 7 to 9; entry 10 is not sealed.
func chain(t *testing.T) *memory {
	t.Helper()
	m := &memory{}
	s := sealer(m, 0, func() time.Time { return start })
	for _, batch := range [][]int64{{1, 2, 3, 4, 5}, {6}, {7, 8, 9}} {
		for _, id := range batch {
			m.record(100+id, entryOf(id))
		}
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	m.record(110, entryOf(10))
	return m
}

func verify(t *testing.T, m *memory, keys Keys, known ...Head) Report {
	t.Helper()
	r, err := Verify(t.Context(), m, keys, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	t.Parallel()
	head := verify(t, chain(t), testKeys(1)).Head
	for _, tt := range []struct {
		name   string
		tamper func(m *memory)
		want   *Finding
	}{
		{"nothing", func(m *memory) {}, nil},
		{"an entry not sealed yet", func(m *memory) { m.entries[9].Action = "x" }, nil},
		{"action", func(m *memory) { m.entries[1].Action = "customer.delete" }, &Finding{Changed, 1, 2, 1}},
		{"org", func(m *memory) { m.entries[5].Org = 8 }, &Finding{Changed, 2, 6, 5}},
		{"via", func(m *memory) { m.entries[8].Via = 0 }, &Finding{Changed, 3, 9, 8}},
		{"actor", func(m *memory) { m.entries[0].Actor.ID = 13 }, &Finding{Changed, 1, 1, 0}},
		{"actor's kind", func(m *memory) { m.entries[0].Actor.Kind = ServiceAccount }, &Finding{Changed, 1, 1, 0}},
		{"time by 1 µs", func(m *memory) { m.entries[0].At = start.Add(time.Microsecond) }, &Finding{Changed, 1, 1, 0}},
		{"request id", func(m *memory) { m.entries[0].RequestID = "" }, &Finding{Changed, 1, 1, 0}},
		{"a letter moved to the next member", func(m *memory) { m.entries[0].Session, m.entries[0].RequestID = "", "sr" }, &Finding{Changed, 1, 1, 0}},
		{"after: absent for empty", func(m *memory) { m.entries[0].After = nil }, &Finding{Changed, 1, 1, 0}},
		{"two changed: the first", func(m *memory) { m.entries[7].Org, m.entries[3].Org = 1, 1 }, &Finding{Changed, 1, 4, 3}},
		{"mark within the batch", func(m *memory) { m.entries[1].Mark = 101 }, &Finding{Changed, 1, 2, 1}},

		{"first removed", func(m *memory) { m.remove(1) }, &Finding{Removed, 1, 1, 0}},
		{"one removed", func(m *memory) { m.remove(3) }, &Finding{Removed, 1, 3, 2}},
		{"two removed: the first is not known by its id", func(m *memory) { m.remove(2); m.remove(3) }, &Finding{Removed, 1, 0, 1}},
		{"last removed", func(m *memory) { m.remove(9) }, &Finding{Removed, 3, 9, 8}},
		{"the whole batch's entries removed", func(m *memory) { m.remove(6) }, &Finding{Removed, 2, 6, 5}},
		{"moved to the next batch", func(m *memory) { m.entries[4].Mark = 106 }, &Finding{Removed, 1, 5, 4}},
		{"moved out of the sealed part", func(m *memory) { m.entries[8].Mark = 120 }, &Finding{Removed, 3, 9, 8}},

		{"ids swapped", func(m *memory) {
			m.entries[1].ID, m.entries[3].ID = 4, 2
			m.entries[1].Mark, m.entries[3].Mark = 104, 102
		}, &Finding{Moved, 1, 2, 1}},
		{"contents swapped", func(m *memory) { m.swap(2, 4) }, &Finding{Moved, 1, 2, 1}},

		{"inserted first", func(m *memory) { m.insert(20, 50) }, &Finding{Inserted, 1, 20, 0}},
		{"inserted between", func(m *memory) { m.insert(20, 102) }, &Finding{Inserted, 1, 20, 2}},
		{"inserted last", func(m *memory) { m.insert(20, 109) }, &Finding{Inserted, 3, 20, 9}},
		{"inserted below the first batch", func(m *memory) { m.insert(20, -1) }, &Finding{Inserted, 0, 20, 0}},

		{"seal's count", func(m *memory) { m.seals[1].Count = 2 }, &Finding{SealChanged, 2, 0, 0}},
		{"seal's time", func(m *memory) { m.seals[1].SealedAt = start.Add(1) }, nil}, // below the stored precision
		{"seal's entry MACs", func(m *memory) { m.seals[1].EntryMACs = make([]byte, 16) }, &Finding{SealChanged, 2, 0, 0}},
		{"seal's key", func(m *memory) { m.seals[1].Key = 9 }, &Finding{SealChanged, 2, 0, 0}},
		{"seal removed", func(m *memory) { m.seals = append(m.seals[:1:1], m.seals[2:]...) }, &Finding{SealRemoved, 2, 0, 0}},
		{"first seal removed", func(m *memory) { m.seals = m.seals[1:] }, &Finding{SealRemoved, 1, 0, 0}},
		{"batch removed with its seal", func(m *memory) { m.remove(6); m.seals = append(m.seals[:1:1], m.seals[2:]...) }, &Finding{SealRemoved, 2, 0, 0}},
		{"removal passed off as retention", func(m *memory) {
			m.remove(6)
			m.seals[1].EntryMACs, m.seals[1].DroppedAt, m.seals[1].DropMAC = nil, start, make([]byte, 32)
		}, &Finding{SealChanged, 2, 0, 0}},

		{"last batch cut off with its seal", func(m *memory) { m.entries, m.seals = m.entries[:6], m.seals[:2] }, &Finding{CutOff, 3, 0, 6}},
		{"all cut off", func(m *memory) { m.entries, m.seals = nil, nil }, &Finding{CutOff, 3, 0, 0}},
		{"tail made anew by one who has the key", func(m *memory) {
			m.seals = m.seals[:2]
			m.entries[8].Org = 1
			if err := sealer(m, 0, func() time.Time { return start }).Seal(t.Context()); err != nil {
				t.Error(err)
			}
		}, &Finding{SealChanged, 3, 0, 0}},
	} {
		m := chain(t)
		tt.tamper(m)
		got := verify(t, m, testKeys(1), head)
		if diff := cmp.Diff(tt.want, got.Finding); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func (m *memory) at(id int64) int {
	for i := range m.entries {
		if m.entries[i].ID == id {
			return i
		}
	}
	panic("no such entry")
}

func (m *memory) remove(id int64) {
	i := m.at(id)
	m.entries = append(m.entries[:i:i], m.entries[i+1:]...)
}

func (m *memory) insert(id, mark int64) {
	e := entryOf(id)
	e.Mark = mark
	m.entries = append(m.entries, e)
}

// swap exchanges what two entries tell, and leaves id and mark.
func (m *memory) swap(a, b int64) {
	x, y := &m.entries[m.at(a)], &m.entries[m.at(b)]
	*x, *y = *y, *x
	x.ID, y.ID, x.Mark, y.Mark = y.ID, x.ID, y.Mark, x.Mark
}

func TestReport(t *testing.T) {
	t.Parallel()
	m := chain(t)
	got := verify(t, m, testKeys(1))
	want := Report{Seals: 3, Entries: 9, Unsealed: 1, Head: m.seals[2].head()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := verify(t, &memory{}, testKeys(1)); got.Finding != nil || got.Head.Number != 0 {
		t.Errorf("empty log: %+v", got)
	}
}

// After a new key became the primary one, what the old one sealed still verifies; without the key file nothing does.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	m := chain(t)
	s := sealer(m, 0, func() time.Time { return start })
	s.cfg.Keys = testKeys(2)
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, m, testKeys(2)); r.Finding != nil || r.Seals != 4 {
		t.Errorf("with both keys: %+v, %v", r, r.Finding)
	}
	if r := verify(t, m, testKeys(1)); r.Finding == nil || r.Finding.Seal != 4 {
		t.Errorf("without the new key: %v", r.Finding)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	m := chain(t)
	now := start.Add(30 * 24 * time.Hour)
	s := sealer(m, 31*24*time.Hour, func() time.Time { return now })
	if err := s.Retain(t.Context()); err != nil || len(m.entries) != 10 {
		t.Fatalf("too early: %d entries left, %v", len(m.entries), err)
	}
	if err := s.Seal(t.Context()); err != nil { // entry 10, a month later
		t.Fatal(err)
	}
	now = now.Add(2 * 24 * time.Hour)
	if err := s.Retain(t.Context()); err != nil || len(m.entries) != 1 {
		t.Fatalf("%d entries left, want 1 (%v)", len(m.entries), err)
	}
	r := verify(t, m, testKeys(1), m.seals[1].head(), m.seals[3].head())
	if r.Finding != nil || r.Dropped != 9 || r.Entries != 1 || r.Seals != 4 {
		t.Errorf("%+v, %v", r, r.Finding)
	}
	m.insert(20, 103)
	if r := verify(t, m, testKeys(1)); r.Finding == nil || r.Finding.Kind != Inserted {
		t.Errorf("an entry put into a removed batch: %v", r.Finding)
	}
}

func TestRetentionKeepsEvidence(t *testing.T) {
	t.Parallel()
	m := chain(t)
	m.entries[5].Org = 1
	s := sealer(m, time.Hour, func() time.Time { return start.Add(2 * time.Hour) })
	err := s.Retain(t.Context())
	if err == nil || !strings.Contains(err.Error(), "audit entry 6 was changed (batch 2)") || len(m.entries) != 10 {
		t.Errorf("%d entries left, %v", len(m.entries), err)
	}
}

// Two servers seal at the same time: the second begins from what the first made, and no entry is sealed twice.
func TestTwoSealers(t *testing.T) {
	t.Parallel()
	m := &memory{}
	now := func() time.Time { return start }
	done := make(chan error)
	for range 2 {
		go func() {
			s := sealer(m, 0, now)
			for range 200 {
				if err := s.Seal(context.Background()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for mark := range int64(100) {
		m.record(mark, entryOf(3*mark+1), entryOf(3*mark+2), entryOf(3*mark+3))
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := sealer(m, 0, now).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, m, testKeys(1)); r.Finding != nil || r.Entries != 300 {
		t.Errorf("%+v, %v", r, r.Finding)
	}
}

func TestSealerInBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		var log bytes.Buffer
		s, err := NewSealer(Config{Store: m, Keys: testKeys(1), Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)), Keep: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(150) { // an entry every second
			m.record(i, entryOf(i+1))
			time.Sleep(time.Second)
			synctest.Wait()
		}
		m.record(150, entryOf(151))
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := verify(t, m, testKeys(1))
		if r.Finding != nil || r.Entries != 151 || r.Unsealed != 0 || r.Seals < 140 {
			t.Errorf("%+v, %v", r, r.Finding)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 4 || !strings.HasSuffix(lines[3], "head="+r.Head.String()) { // at once, after one and two minutes, at the end
			t.Errorf("log:\n%s\nwant 4 lines, the last with %s", log.String(), r.Head)
		}
		if h, err := ParseHead(r.Head.String()); err != nil || h.String() != r.Head.String() {
			t.Errorf("ParseHead(%s) = %v, %v", r.Head, h, err)
		}
	})
}

func TestNewSealerRefuses(t *testing.T) {
	t.Parallel()
	if _, err := NewSealer(Config{}); err == nil {
		t.Error("no store")
	}
	if _, err := NewSealer(Config{Store: &memory{}, Keys: testKeys(1), Now: time.Now, Log: slog.Default(), Keep: -1}); err == nil {
		t.Error("negative Keep")
	}
}

func TestParseHeadRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "1", "1:", "1:00", "0:" + strings.Repeat("0", 64), "x:" + strings.Repeat("0", 64), "1:" + strings.Repeat("g", 64)} {
		if h, err := ParseHead(s); err == nil {
			t.Errorf("ParseHead(%q) = %v", s, h)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	type thing struct {
		Name string   `json:"name"`
		Tags []string `json:"tags,omitempty"`
		N    int      `json:"n"`
	}
	for _, tt := range []struct {
		name          string
		before, after any
		b, a          string
	}{
		{"one member", thing{"a", nil, 1}, thing{"b", nil, 1}, `{"name":"a"}`, `{"name":"b"}`},
		{"a member appears", thing{"a", nil, 1}, thing{"a", []string{"x"}, 1}, `{}`, `{"tags":["x"]}`},
		{"made", nil, thing{"a", nil, 1}, ``, `{"name":"a","n":1}`},
		{"deleted", thing{"a", nil, 1}, nil, `{"name":"a","n":1}`, ``},
		{"no objects", 1, 2, `1`, `2`},
		{"an object and null", map[string]int{"a": 1}, map[string]int(nil), `{"a":1}`, `null`},
	} {
		b, a, err := Diff(tt.before, tt.after)
		if err != nil || string(b) != tt.b || string(a) != tt.a {
			t.Errorf("%s: %s, %s, %v, want %s, %s", tt.name, b, a, err, tt.b, tt.a)
		}
	}
	if _, _, err := Diff(nil, make(chan int)); err == nil {
		t.Error("a channel has no JSON")
	}
}

func TestActorOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		by   access.Caller
		want Actor
		text string
	}{
		{access.Caller{User: 12}, Actor{User, 12}, "user 12"},
		{access.Caller{ServiceAccount: 3}, Actor{ServiceAccount, 3}, "service_account 3"},
		{access.Operator("r"), Actor{Operator, 0}, "operator"},
		{access.Caller{Session: ref.TokenID("s")}, Actor{}, ""},
	} {
		if got := ActorOf(tt.by); got != tt.want || got.String() != tt.text {
			t.Errorf("ActorOf(%+v) = %v, want %v", tt.by, got, tt.want)
		}
	}
}
