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
	v := g.recall(by.Principal(), org)
	remembered := v
	if v.subject == nil || v.org == nil {
		if err := g.read(ctx, by.Principal(), org, &v); err != nil {
			return g.absent(ctx, by.Principal(), remembered, err)
		}
	}
	err := Decide(v.subject, v.org, ask, v.at)
	if !g.doubtful(remembered, &v, err) {
		return err
	}
	if err := g.read(ctx, by.Principal(), org, &v); err != nil {
		return err
	}
	return Decide(v.subject, v.org, ask, v.at)
}

// doubtful reports whether a refusal has to be decided again, and takes out of the view what has to be read for it: where
// others write, all that was remembered. And what is hidden costs the question to the database that what is absent costs, since
// nothing is remembered of that: else the time of the answer would tell which of the two it is.
func (g *Guard) doubtful(remembered view, v *view, err error) bool {
	kind := errs.KindOf(err)
	subject := remembered.subject != nil && g.cfg.TTL > 0
	org := remembered.org != nil && (g.cfg.TTL > 0 || kind == errs.NotFound)
	if err == nil || !subject && !org {
		return false
	}
	last := *v
	*v = g.recall(nobody, 0)
	if !subject {
		v.subject = last.subject
	}
	if !org {
		v.org = last.org
	}
	return true
}

// absent is the refusal of an organization that is not there, after as many questions to the database as one that is hidden.
func (g *Guard) absent(ctx context.Context, p Principal, remembered view, err error) error {
	if errs.KindOf(err) != errs.NotFound || remembered.subject == nil || g.cfg.TTL == 0 {
		return err
	}
	v := g.recall(nobody, 0)
	if err := g.readSubject(ctx, p, &v); err != nil {
		return err
	}
	return err
}

// view is what is known of a principal and an organization; nil is nothing, or nothing that may still be used.
type view struct {
	subject *Subject
	org     *Organization
	at      time.Time // when memory was asked; what is read later is kept as of then
	turn    uint64    // of the Guard then
}

// nobody and organization 0 are never kept.
var nobody Principal

// recall looks both up under one lock. It allocates nothing.
func (g *Guard) recall(p Principal, org ref.OrgID) (v view) {
	v.at = g.cfg.Now()
	g.mu.RLock()
	v.subject, v.org, v.turn = g.subs.get(p, v.at), g.orgs.get(org, v.at), g.turn
	g.mu.RUnlock()
	return v
}

// read loads what is nil in the view.
func (g *Guard) read(ctx context.Context, p Principal, org ref.OrgID, v *view) error {
	if v.subject == nil {
		if err := g.readSubject(ctx, p, v); err != nil {
			return err
		}
	}
	if v.org == nil {
		return g.readOrg(ctx, org, v)
	}
	return nil
}

func (g *Guard) readSubject(ctx context.Context, p Principal, v *view) (err error) {
	if p == nobody {
		v.subject = &Subject{}
		return nil
	}
	v.subject, err = g.cfg.Loader.Subject(ctx, p)
	if errs.KindOf(err) == errs.NotFound {
		return errs.Unauthenticatedf("the %s of this token no longer exists", p.kind())
	}
	if err == nil {
		g.keep(v, func(until time.Time) { g.subs.put(p, v.subject, until) })
	}
	return err
}

// organization is a view of an organization alone, from memory where it is there.
func (g *Guard) organization(ctx context.Context, org ref.OrgID) (v view, err error) {
	if v = g.recall(nobody, org); v.org == nil {
		err = g.readOrg(ctx, org, &v)
	}
	return v, err
}

func (g *Guard) readOrg(ctx context.Context, org ref.OrgID, v *view) (err error) {
	v.org, err = g.cfg.Loader.Organization(ctx, org)
	if errs.KindOf(err) == errs.NotFound {
		return orgNotFound(org)
	}
	if err != nil {
		return err
	}
	v.org = v.org.settled()
	g.keep(v, func(until time.Time) { g.orgs.put(org, v.org, until) })
	return nil
}

// keep runs put under the lock, unless something was forgotten since the view was taken.
func (g *Guard) keep(v *view, put func(until time.Time)) {
	var until time.Time
	if g.cfg.TTL > 0 {
		until = v.at.Add(g.cfg.TTL)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if v.turn == g.turn {
		put(until)
	}
}

// Live returns the session of a principal if it may still be used.
func (g *Guard) Live(ctx context.Context, session ref.TokenID, p Principal) (Session, bool, error) {
	v := g.recall(p, 0)
	if v.subject != nil {
		s, ok := v.subject.Sessions[session]
		if ok && s.Live(v.at) || g.cfg.TTL == 0 {
			return s, ok && s.Live(v.at), nil
		}
		v.subject = nil
	}
	if err := g.readSubject(ctx, p, &v); err != nil {
		if errs.KindOf(err) == errs.Unauthenticated {
			err = nil
		}
		return Session{}, false, err
	}
	s, ok := v.subject.Sessions[session]
	return s, ok && s.Live(v.at), nil
}

// Orgs returns the organizations the caller belongs to and that its session opens, with its roles there.
func (g *Guard) Orgs(ctx context.Context, by Caller) (map[ref.OrgID]RoleSet, error) {
	v := g.recall(by.Principal(), 0)
	if v.subject == nil {
		if err := g.readSubject(ctx, by.Principal(), &v); err != nil {
			return nil, err
		}
	}
	if by.Only == 0 {
		return v.subject.Orgs, nil
	}
	roles, member := v.subject.Orgs[by.Only]
	if !member {
		return nil, nil
	}
	return map[ref.OrgID]RoleSet{by.Only: roles}, nil
}

// LetsIn reports whether access policies of the parent count in the organization at present.
func (g *Guard) LetsIn(ctx context.Context, org ref.OrgID) (bool, error) {
	v, err := g.organization(ctx, org)
	if err != nil {
		return false, err
	}
	return len(v.org.External) > 0 && v.at.UnixMicro() < v.org.brief.policy, nil
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
