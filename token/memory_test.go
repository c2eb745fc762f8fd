package token

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/ref"
)

// memory is a Store and the Sessions in memory. Its transactions run one after the other.
type memory struct {
	mu      sync.Mutex
	keys    []SigningKey
	tokens  map[ref.TokenID]RefreshToken
	entries []audit.Entry
	stamps  int
	fail    error // what the next Write answers
	now     func() time.Time
}

func newMemory(now func() time.Time) *memory {
	return &memory{tokens: make(map[ref.TokenID]RefreshToken), now: now}
}

func (m *memory) Write(_ context.Context, fn func(Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail; err != nil {
		m.fail = nil
		return err
	}
	return fn(memoryTx{m})
}

func (m *memory) Read(_ context.Context, fn func(Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(memoryTx{m})
}

// look gives a test the state while nothing else uses it.
func (m *memory) look(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn()
}

func (m *memory) Live(_ context.Context, session ref.TokenID, of access.Principal) (access.Session, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[session]
	return access.Session{Ends: t.ExpiresAt}, ok && t.User == of.User && t.usable(m.now()) == nil, nil
}

// Require and Memberships are of somebody without an organization: what owners may do is tried in store.
func (m *memory) Require(context.Context, access.Caller, access.Privilege, ref.OrgID) error {
	return errs.NotFoundf("no organization")
}

type memoryTx struct{ *memory }

func (m memoryTx) Memberships(context.Context, ref.UserID) ([]ref.OrgID, error) { return nil, nil }

func (m memoryTx) Now() time.Time { return m.now() }
func (m memoryTx) Record(_ context.Context, e audit.Entry) error {
	m.entries = append(m.entries, e)
	return nil
}

func (m memoryTx) SigningKeys(context.Context) ([]SigningKey, error) {
	return slices.Clone(m.keys), nil
}

func (m memoryTx) LockSigningKeys(ctx context.Context) ([]SigningKey, error) {
	return m.SigningKeys(ctx)
}

func (m memoryTx) InsertSigningKey(_ context.Context, k SigningKey) error {
	m.keys = append(m.keys, k)
	return nil
}

func (m memoryTx) DeleteSigningKeys(_ context.Context, before time.Time) error {
	m.keys = slices.DeleteFunc(m.keys, func(k SigningKey) bool { return k.VerifyUntil.Before(before) })
	return nil
}

func (m memoryTx) RefreshToken(_ context.Context, id ref.TokenID) (RefreshToken, error) {
	t, ok := m.tokens[id]
	if !ok {
		return t, errs.NotFoundf("no token")
	}
	return t, nil
}

// Client and StampClientUse know of no service account: they are tried over HTTP.
func (m memoryTx) Client(context.Context, ref.TokenID) (Client, error) {
	return Client{}, errs.NotFoundf("no client")
}

func (m memoryTx) StampClientUse(context.Context, []Use) error { return nil }

func (m memoryTx) RefreshTokens(_ context.Context, user ref.UserID, now time.Time) ([]RefreshToken, error) {
	var list []RefreshToken
	for _, t := range m.tokens {
		if t.User == user && t.usable(now) == nil {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b RefreshToken) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list, nil
}

func (m memoryTx) InsertRefreshToken(_ context.Context, t RefreshToken) error {
	m.tokens[t.ID] = t
	return nil
}

func (m memoryTx) RevokeRefreshToken(_ context.Context, t RefreshToken, now time.Time) error {
	t.RevokedAt = now
	m.tokens[t.ID] = t
	return nil
}

func (m memoryTx) StampUse(_ context.Context, uses []Use) error {
	m.stamps++
	for _, u := range uses {
		if t, ok := m.tokens[u.Token]; ok && u.At.After(t.LastUsedAt) {
			t.LastUsedAt = u.At
			m.tokens[u.Token] = t
		}
	}
	return nil
}

// clock is a present that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newKeyring(t testing.TB) *keyring.Keyring {
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

func config(m *memory, box Box, now func() time.Time) Config {
	return Config{Store: m, Sessions: m, Box: box, Issuer: "https://espalier.example", Audience: "espalier", Now: now, Log: slog.New(slog.DiscardHandler)}
}

func newService(t testing.TB, cfg Config) *Service {
	t.Helper()
	s, err := New(t.Context(), cfg)
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
