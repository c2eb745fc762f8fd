package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Loader reads what decisions are made by. Both return errs.NotFound for an absent id.
type Loader interface {
	Subject(ctx context.Context, user ref.UserID) (*Subject, error)
	Organization(ctx context.Context, org ref.OrgID) (*Organization, error)
}

// Config says how a Guard works.
type Config struct {
	Loader Loader
	Now    func() time.Time
	// TTL is how long what was read may be kept: 0 for ever, which is exact where this process alone writes; a few
	// seconds where other servers write to the same database.
	TTL time.Duration
}

// Guard decides for callers by what it keeps in memory. What this process changes is forgotten by the store right after
// the commit, before the change is answered; what another server takes away, after the TTL. What another server gives counts
// at once: where others write, nobody is refused by memory alone. It is safe for concurrent use.
type Guard struct {
	cfg  Config
	mu   sync.RWMutex
	turn uint64 // counts forgettings: what was read before one must not be kept after it
	subs map[ref.UserID]kept[*Subject]
	orgs map[ref.OrgID]kept[*Organization]
}

type kept[T any] struct {
	value T
	until time.Time // zero: for ever
}

// maxKept bounds each map; at the bound it starts anew, which costs a read per entry and nothing else.
const maxKept = 50_000

// NewGuard makes a Guard.
func NewGuard(cfg Config) (*Guard, error) {
	if cfg.Loader == nil || cfg.Now == nil {
		return nil, errors.New("access guard: a loader and a clock are needed")
	}
	g := &Guard{cfg: cfg}
	g.ForgetAll()
	return g, nil
}

// Require returns nil if the caller has p in the organization; see [Decide] for the errors.
func (g *Guard) Require(ctx context.Context, by Caller, p Privilege, org ref.OrgID) error {
	if by.Operator {
		return nil
	}
	err := g.require(ctx, by, p, org, remembered)
	if err != nil && g.cfg.TTL > 0 {
		return g.require(ctx, by, p, org, anew)
	}
	return err
}

// source says whether a decision may rest on what is kept.
type source bool

const (
	remembered source = false
	anew       source = true
)

func (g *Guard) require(ctx context.Context, by Caller, p Privilege, org ref.OrgID, from source) error {
	s, err := g.subject(ctx, by.User, from)
	if err != nil {
		return err
	}
	o, err := lookup(ctx, g, func() map[ref.OrgID]kept[*Organization] { return g.orgs }, org, g.cfg.Loader.Organization, from)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return orgNotFound(org)
		}
		return err
	}
	return Decide(s, o, p, g.cfg.Now())
}

// Live reports whether the session of the user may still be used.
func (g *Guard) Live(ctx context.Context, session ref.TokenID, user ref.UserID) (bool, error) {
	live, err := g.live(ctx, session, user, remembered)
	if err == nil && !live && g.cfg.TTL > 0 {
		return g.live(ctx, session, user, anew)
	}
	return live, err
}

func (g *Guard) live(ctx context.Context, session ref.TokenID, user ref.UserID, from source) (bool, error) {
	s, err := g.subject(ctx, user, from)
	if err != nil {
		if errs.KindOf(err) == errs.Unauthenticated {
			return false, nil
		}
		return false, err
	}
	ends, ok := s.Sessions[session]
	return ok && g.cfg.Now().Before(ends), nil
}

// Orgs returns the organizations the caller belongs to, with its roles there.
func (g *Guard) Orgs(ctx context.Context, by Caller) (map[ref.OrgID]RoleSet, error) {
	s, err := g.subject(ctx, by.User, remembered)
	if err != nil {
		return nil, err
	}
	return s.Orgs, nil
}

func (g *Guard) subject(ctx context.Context, user ref.UserID, from source) (*Subject, error) {
	s, err := lookup(ctx, g, func() map[ref.UserID]kept[*Subject] { return g.subs }, user, g.cfg.Loader.Subject, from)
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return nil, errs.Unauthenticatedf("the user of this token no longer exists")
	}
	return s, err
}

// ForgetUsers drops what is kept of these users.
func (g *Guard) ForgetUsers(users ...ref.UserID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	for _, u := range users {
		delete(g.subs, u)
	}
}

// ForgetAll drops everything: a change of a capability counts for every organization below.
func (g *Guard) ForgetAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	g.subs = make(map[ref.UserID]kept[*Subject])
	g.orgs = make(map[ref.OrgID]kept[*Organization])
}

// lookup finds id in the map that m returns, or loads and keeps it. m is called under the lock, since ForgetAll replaces
// the maps.
func lookup[K comparable, V any](ctx context.Context, g *Guard, m func() map[K]kept[V], id K, load func(context.Context, K) (V, error), from source) (V, error) {
	g.mu.RLock()
	k, ok := m()[id]
	turn := g.turn
	g.mu.RUnlock()
	if ok && from == remembered && (k.until.IsZero() || g.cfg.Now().Before(k.until)) {
		return k.value, nil
	}
	v, err := load(ctx, id)
	if err != nil {
		return v, err
	}
	k = kept[V]{value: v}
	if g.cfg.TTL > 0 {
		k.until = g.cfg.Now().Add(g.cfg.TTL)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if turn == g.turn {
		if len(m()) >= maxKept {
			clear(m())
		}
		m()[id] = k
	}
	return v, nil
}
