package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Loader reads what decisions are made by. Subject and Organization return errs.NotFound for an absent id.
type Loader interface {
	Subject(ctx context.Context, p Principal) (*Subject, error)
	Organization(ctx context.Context, org ref.OrgID) (*Organization, error)
	// Holdings lists what ties principals to an organization, in their order: of one, or of all for the zero value. Without a
	// tie there is none.
	Holdings(ctx context.Context, org ref.OrgID, of Principal) ([]Holding, error)
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
	subs memory[Principal, *Subject]
	orgs memory[ref.OrgID, *Organization]
}

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
	return g.decide(ctx, by, org, Ask{Privilege: p, Only: by.Only})
}

// RequireProject is Require for one project of the organization: roles granted in it count too. A project of another
// organization is errs.NotFound.
func (g *Guard) RequireProject(ctx context.Context, by Caller, p Privilege, org ref.OrgID, project ref.ProjectID) error {
	if project == 0 {
		return noProject(org, project)
	}
	return g.decide(ctx, by, org, Ask{Privilege: p, Project: project, Only: by.Only})
}

func (g *Guard) decide(ctx context.Context, by Caller, org ref.OrgID, ask Ask) error {
	if by.Operator {
		return nil
	}
	now := g.cfg.Now()
	s, o, turn := g.recall(by.Principal(), org, now)
	fresh := s == nil && o == nil
	if s == nil || o == nil {
		var err error
		if s, o, err = g.read(ctx, by.Principal(), org, turn, s, o); err != nil {
			return err
		}
	}
	err := Decide(s, o, ask, now)
	if err == nil || fresh || g.cfg.TTL == 0 {
		return err
	}
	_, _, turn = g.recall(Principal{}, 0, now)
	if s, o, err = g.read(ctx, by.Principal(), org, turn, nil, nil); err != nil {
		return err
	}
	return Decide(s, o, ask, now)
}

// recall looks both up under one lock; what is not known, or not any more, is nil. turn is for read.
func (g *Guard) recall(p Principal, org ref.OrgID, now time.Time) (s *Subject, o *Organization, turn uint64) {
	g.mu.RLock()
	s, o, turn = g.subs.get(p, now), g.orgs.get(org, now), g.turn
	g.mu.RUnlock()
	return s, o, turn
}

// read loads what is nil of the two, and keeps it unless something was forgotten since turn.
func (g *Guard) read(ctx context.Context, p Principal, org ref.OrgID, turn uint64, s *Subject, o *Organization) (*Subject, *Organization, error) {
	var err error
	if s == nil {
		if s, err = g.readSubject(ctx, p, turn); err != nil {
			return nil, nil, err
		}
	}
	if o == nil {
		o, err = g.cfg.Loader.Organization(ctx, org)
		if errs.KindOf(err) == errs.NotFound {
			err = orgNotFound(org)
		}
		if err != nil {
			return nil, nil, err
		}
		g.keep(turn, func(until time.Time) { g.orgs.put(org, o, until) })
	}
	return s, o, nil
}

func (g *Guard) readSubject(ctx context.Context, p Principal, turn uint64) (*Subject, error) {
	s, err := g.cfg.Loader.Subject(ctx, p)
	if errs.KindOf(err) == errs.NotFound {
		err = errs.Unauthenticatedf("the %s of this token no longer exists", p.kind())
	}
	if err != nil {
		return nil, err
	}
	g.keep(turn, func(until time.Time) { g.subs.put(p, s, until) })
	return s, nil
}

// keep runs put under the lock, unless something was forgotten since turn.
func (g *Guard) keep(turn uint64, put func(until time.Time)) {
	var until time.Time
	if g.cfg.TTL > 0 {
		until = g.cfg.Now().Add(g.cfg.TTL)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if turn == g.turn {
		put(until)
	}
}

// Live returns the session of a principal if it may still be used.
func (g *Guard) Live(ctx context.Context, session ref.TokenID, p Principal) (Session, bool, error) {
	now := g.cfg.Now()
	sub, _, turn := g.recall(p, 0, now)
	remembered := sub != nil
	for {
		if sub == nil {
			var err error
			if sub, err = g.readSubject(ctx, p, turn); err != nil {
				if errs.KindOf(err) == errs.Unauthenticated {
					err = nil
				}
				return Session{}, false, err
			}
		}
		s, ok := sub.Sessions[session]
		if ok && s.Live(now) {
			return s, true, nil
		}
		if !remembered || g.cfg.TTL == 0 {
			return Session{}, false, nil
		}
		sub, remembered = nil, false
	}
}

// Orgs returns the organizations the caller belongs to and that its session opens, with its roles there.
func (g *Guard) Orgs(ctx context.Context, by Caller) (map[ref.OrgID]RoleSet, error) {
	s, _, turn := g.recall(by.Principal(), 0, g.cfg.Now())
	if s == nil {
		var err error
		if s, err = g.readSubject(ctx, by.Principal(), turn); err != nil {
			return nil, err
		}
	}
	if by.Only == 0 {
		return s.Orgs, nil
	}
	roles, member := s.Orgs[by.Only]
	if !member {
		return nil, nil
	}
	return map[ref.OrgID]RoleSet{by.Only: roles}, nil
}

// LetsIn reports whether access policies of the parent count in the organization at present.
func (g *Guard) LetsIn(ctx context.Context, org ref.OrgID) (bool, error) {
	now := g.cfg.Now()
	_, o, turn := g.recall(Principal{}, org, now)
	if o == nil {
		var err error
		if _, o, err = g.read(ctx, Principal{}, org, turn, &Subject{}, nil); err != nil {
			return false, err
		}
	}
	return len(o.External) > 0 && o.externalInForce(now), nil
}

// ForgetUsers drops what is kept of these users.
func (g *Guard) ForgetUsers(users ...ref.UserID) {
	g.forget(func() {
		for _, u := range users {
			g.subs.drop(Principal{User: u})
		}
	})
}

// ForgetAccounts drops what is kept of these service accounts.
func (g *Guard) ForgetAccounts(accounts ...ref.ServiceAccountID) {
	g.forget(func() {
		for _, a := range accounts {
			g.subs.drop(Principal{ServiceAccount: a})
		}
	})
}

// ForgetOrgs drops what is kept of these organizations: their projects and what access policies give in them.
func (g *Guard) ForgetOrgs(orgs ...ref.OrgID) {
	g.forget(func() {
		for _, o := range orgs {
			g.orgs.drop(o)
		}
	})
}

// ForgetAll drops everything: a change of a capability counts for every organization below.
func (g *Guard) ForgetAll() {
	g.forget(func() {
		g.subs.clear()
		g.orgs.clear()
	})
}

func (g *Guard) forget(drop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	drop()
}
