package org

import (
	"context"
	"slices"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// NewRoot is an organization without a parent, to be made by the operator.
type NewRoot struct {
	Name         string
	Owner        Owner
	Capabilities []string // without iam, which is always held
	MaxDepth     *int64   // terms of msp; nil: 1
	MaxWidth     *int64   // nil: any number of customers
	First        bool     // refuse if there is a root already
}

// Root is what making one brought about.
type Root struct {
	Org     ref.OrgID
	Project ref.ProjectID
	User    ref.UserID
	Email   string
}

// onlyOperator refuses everybody but the operator.
func onlyOperator(by access.Caller) error {
	if !by.Operator {
		return errs.Forbiddenf("only the operator of the server makes roots and renews their capabilities")
	}
	return nil
}

// CreateRoot makes an organization without a parent. Its owner is a member at once: the operator hands over the sign-in.
func (s *Service) CreateRoot(ctx context.Context, by access.Caller, n NewRoot) (Root, error) {
	if err := onlyOperator(by); err != nil {
		return Root{}, err
	}
	wishes := make([]Wish, len(n.Capabilities))
	for i, name := range n.Capabilities {
		wishes[i] = Wish{Name: name}
	}
	if err := (NewCustomer{Name: n.Name, Capabilities: wishes, Owners: []Owner{n.Owner}}).Check(); err != nil {
		return Root{}, err
	}
	if err := checkTerms(n.Capabilities, n.MaxDepth, n.MaxWidth); err != nil {
		return Root{}, err
	}
	var made Root
	err := s.store.Write(ctx, func(tx Tx) (err error) {
		made, err = s.insertRoot(ctx, tx, by, n, wishes)
		return err
	})
	return made, err
}

func checkTerms(capabilities []string, depth, width *int64) error {
	var p problems
	if (depth != nil || width != nil) && !slices.Contains(capabilities, MSP) {
		p.add("maxDepth and maxWidth are terms of the capability msp, which is not among the capabilities")
	}
	if depth != nil && *depth < 0 {
		p.add("maxDepth: is %d; want 0 or more levels of parents below", *depth)
	}
	if width != nil && *width < 0 {
		p.add("maxWidth: is %d; want 0 or more direct customers", *width)
	}
	return p.err()
}

func (s *Service) insertRoot(ctx context.Context, tx Tx, by access.Caller, n NewRoot, wishes []Wish) (Root, error) {
	if n.First {
		roots, err := tx.Roots(ctx)
		if err != nil {
			return Root{}, err
		}
		if roots > 0 {
			return Root{}, errs.Conflictf("", "this database has an organization already; make a further root with `espalier org create`")
		}
	}
	set := plan(nil, withIAM(wishes)).set
	for i := range set {
		if set[i].Name == MSP {
			set[i].MaxDepth, set[i].MaxWidth = n.MaxDepth, n.MaxWidth
		}
	}
	o, err := tx.InsertOrganization(ctx, Organization{Name: n.Name, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}, set)
	if err != nil {
		return Root{}, err
	}
	projects, err := tx.Projects(ctx, o.ID)
	if err != nil {
		return Root{}, err
	}
	users, err := tx.AddOwners(ctx, o.ID, []Owner{n.Owner}, Active)
	if err != nil {
		return Root{}, err
	}
	e := entry(by, "organization.create", o, nil, snapshot(o, wishes, []Owner{n.Owner}))
	return Root{Org: o.ID, Project: projects[0].ID, User: users[0].ID, Email: users[0].Email}, tx.Record(ctx, e)
}

// AnyRoot is NotFound while the server has no organization.
func (s *Service) AnyRoot(ctx context.Context) error {
	return s.store.Read(ctx, func(tx Tx) error {
		roots, err := tx.Roots(ctx)
		if err == nil && roots == 0 {
			return errs.NotFoundf("there is no organization yet")
		}
		return err
	})
}

// SetCapability gives an organization a capability, another end, or other terms of msp, by the operator. A zero end in
// ExpiresAt takes the end away; nil leaves it. Customers are held to the rules of their parent.
type SetCapability struct {
	Org       ref.OrgID
	Name      string
	ExpiresAt *time.Time
	MaxDepth  *int64
	MaxWidth  *int64
}

// SetCapability carries out the change and returns what the organization then holds.
func (s *Service) SetCapability(ctx context.Context, by access.Caller, c SetCapability) (Held, error) {
	if err := onlyOperator(by); err != nil {
		return Held{}, err
	}
	w := Wish{Name: c.Name}
	if c.ExpiresAt != nil && !c.ExpiresAt.IsZero() {
		w.ExpiresAt = c.ExpiresAt
	}
	var p problems
	w.check("capability", &p)
	if err := p.err(); err != nil {
		return Held{}, err
	}
	if err := checkTerms([]string{c.Name}, c.MaxDepth, c.MaxWidth); err != nil {
		return Held{}, err
	}
	var now Held
	err := s.store.Write(ctx, func(tx Tx) (err error) {
		now, err = s.setCapability(ctx, tx, by, c, w)
		return err
	})
	return now, err
}

func (s *Service) setCapability(ctx context.Context, tx Tx, by access.Caller, c SetCapability, w Wish) (Held, error) {
	o, err := s.lockForOperator(ctx, tx, c.Org, w)
	if err != nil {
		return Held{}, err
	}
	path, err := tx.Path(ctx, c.Org)
	if err != nil {
		return Held{}, err
	}
	next := Capability{Name: c.Name}
	before := map[string]any{}
	if i := slices.IndexFunc(path[0].Capabilities, func(h Capability) bool { return h.Name == c.Name }); i >= 0 {
		next = path[0].Capabilities[i]
		before = terms(next)
	}
	if c.ExpiresAt != nil {
		next.ExpiresAt = w.end()
	}
	if c.MaxDepth != nil {
		next.MaxDepth = c.MaxDepth
	}
	if c.MaxWidth != nil {
		next.MaxWidth = c.MaxWidth
	}
	if err := tx.SetCapabilities(ctx, c.Org, []Capability{next}); err != nil {
		return Held{}, err
	}
	if err := tx.Record(ctx, entry(by, "capability.set", o, before, terms(next))); err != nil {
		return Held{}, err
	}
	all, err := held(ctx, tx, c.Org)
	if err != nil {
		return Held{}, err
	}
	h, _ := find(all, c.Name)
	return h, nil
}

// lockForOperator locks the organization, its parent first, and asks the parent's rules.
func (s *Service) lockForOperator(ctx context.Context, tx Tx, id ref.OrgID, w Wish) (Organization, error) {
	o, err := tx.Organization(ctx, id)
	if err != nil {
		return Organization{}, err
	}
	if o.Parent != 0 {
		m, err := s.manager(ctx, tx, o.Parent)
		if err != nil {
			return Organization{}, err
		}
		if err := m.Grant([]Wish{w}, tx.Now()); err != nil {
			return Organization{}, err
		}
	}
	return tx.Lock(ctx, id, true)
}

// terms is a capability as its audit entry tells it.
func terms(c Capability) map[string]any {
	m := map[string]any{"capability": capabilityText(c.Name, c.ExpiresAt)}
	if c.MaxDepth != nil {
		m["maxDepth"] = *c.MaxDepth
	}
	if c.MaxWidth != nil {
		m["maxWidth"] = *c.MaxWidth
	}
	return m
}
