package audit

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"sync"
	"time"

	"espalier.dev/errs"
)

// memory is a Store that keeps entries and seals in memory and may be tampered with.
type memory struct {
	mu      sync.Mutex
	horizon int64
	entries []Entry
	seals   []Seal
}

func (m *memory) Write(_ context.Context, fn func(Tx) error) error    { return fn(m) }
func (m *memory) Read(_ context.Context, fn func(Tx) error) error     { return fn(m) }
func (m *memory) Snapshot(_ context.Context, fn func(Tx) error) error { return fn(m) }

func (m *memory) Horizon(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.horizon, nil
}

// record adds entries with one mark and moves the horizon behind them.
func (m *memory) record(mark int64, entries ...Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		e.Mark = mark
		m.entries = append(m.entries, e)
	}
	m.horizon = mark + 1
}

func (m *memory) LastSeal(context.Context) (Seal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.seals) == 0 {
		return Seal{}, nil
	}
	return m.seals[len(m.seals)-1], nil
}

func (m *memory) Seals(_ context.Context, after int64, limit int) ([]Seal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Seal
	for _, s := range m.seals {
		if s.Number > after && len(list) < limit {
			list = append(list, s)
		}
	}
	return list, nil
}

func (m *memory) OldSeals(_ context.Context, before time.Time, limit int) ([]Seal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Seal
	for _, s := range m.seals {
		if s.DroppedAt.IsZero() && s.SealedAt.Before(before) && len(list) < limit {
			list = append(list, s)
		}
	}
	return list, nil
}

func (m *memory) InsertSeal(_ context.Context, s Seal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.seals {
		if t.Number == s.Number {
			return errs.Conflictf("", "seal %d exists", s.Number)
		}
	}
	m.seals = append(m.seals, s)
	return nil
}

func (m *memory) DropEntries(_ context.Context, s Seal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(m.entries, func(e Entry) bool { return e.Mark >= s.FromMark && e.Mark < s.ToMark })
	m.seals[s.Number-1] = s
	return nil
}

func (m *memory) EntriesFrom(_ context.Context, mark int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.entries, func(e Entry) bool { return e.Mark >= mark }), nil
}

func (m *memory) EachEntry(_ context.Context, from, to int64, each func(*Entry) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.entries)
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Mark, b.Mark), cmp.Compare(a.ID, b.ID)) })
	for _, e := range list {
		if e.Mark >= from && e.Mark < to {
			if err := each(&e); err != nil {
				return err
			}
		}
	}
	return nil
}

// testKeys has one key for each id up to its value; the highest is the primary one.
type testKeys uint32

func (k testKeys) MACKey() uint32 { return uint32(k) }

func (k testKeys) MAC(key uint32) (hash.Hash, error) {
	if key == 0 || key > uint32(k) {
		return nil, fmt.Errorf("no key %d", key)
	}
	return hmac.New(sha256.New, []byte{byte(key)}), nil
}
