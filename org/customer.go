package org

import (
	"context"
	"fmt"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// NewCustomer is a customer to be made.
type NewCustomer struct {
	Name         string
	ExternalID   string
	Description  string
	Capabilities []Wish
	Owners       []Owner
}

// Check returns Invalid with everything that is wrong with the request itself, whoever the parent is.
func (n NewCustomer) Check() error {
	var p problems
	checkCustomerName(&p, n.Name)
	checkText(&p, "externalId", n.ExternalID, maxExternalID)
	checkText(&p, "description", n.Description, maxDescription)
	checkWishes(n.Capabilities, &p)
	checkOwners(&p, n.Owners)
	if len(n.Owners) == 0 {
		p.add("owners: an organization has at least one owner, always; name one")
	}
	return p.err()
}

// Summary is a customer as lists show it.
type Summary struct {
	Organization
	Customers int64 // its own direct customers
}

// Detail is a customer with all that belongs to it.
type Detail struct {
	Summary
	Capabilities []DetailCapability // by name
	Owners       []User             // by id
	Tags         []string           // by byte order
}

// DetailCapability is a capability of a customer.
type DetailCapability struct {
	Held
	InUse bool // some customer of the customer holds it, so it cannot be taken away
}

// NextEnd is the earliest end among the capabilities, zero if none has one.
func (d Detail) NextEnd() time.Time {
	var next time.Time
	for _, c := range d.Capabilities {
		next = earlier(next, c.Ends)
	}
	return next
}

// CreateCustomer makes an organization under parent, with a project named main, its capabilities and its owners. It is
// Invalid for what [NewCustomer.Check] finds and else what [Manager.Admit] returns.
func (s *Service) CreateCustomer(ctx context.Context, by access.Caller, parent ref.OrgID, n NewCustomer) (Organization, error) {
	if err := s.guard.Require(ctx, by, access.CustomerCreate, parent); err != nil {
		return Organization{}, err
	}
	if err := n.Check(); err != nil {
		return Organization{}, err
	}
	var o Organization
	err := s.store.Write(ctx, func(tx Tx) (err error) {
		m, err := s.manager(ctx, tx, parent)
		if err != nil {
			return err
		}
		o, err = s.create(ctx, tx, by, m, n)
		return err
	})
	return o, err
}

// create writes a new customer under a parent that is locked, and its audit entry.
func (s *Service) create(ctx context.Context, tx Tx, by access.Caller, m Manager, n NewCustomer) (Organization, error) {
	if err := m.Admit(n.Capabilities, tx.Now()); err != nil {
		return Organization{}, err
	}
	o, err := s.insert(ctx, tx, by, Organization{Parent: m.Org.ID, Name: n.Name, ExternalID: n.ExternalID, Description: n.Description}, n.Capabilities, n.Owners)
	if err != nil {
		return Organization{}, err
	}
	return o, tx.Record(ctx, entry(by, "customer.create", o, nil, snapshot(o, n.Capabilities, n.Owners)))
}

// insert writes an organization with its main project, its capabilities (iam always) and its owners.
func (s *Service) insert(ctx context.Context, tx Tx, by access.Caller, o Organization, wishes []Wish, owners []Owner) (Organization, error) {
	o.CreatedAt, o.UpdatedAt = tx.Now(), tx.Now()
	o, err := tx.InsertOrganization(ctx, o, plan(nil, withIAM(wishes)).set)
	if err != nil {
		return Organization{}, err
	}
	users, err := tx.AddOwners(ctx, o.ID, owners, Invited)
	if err != nil {
		return Organization{}, err
	}
	return o, s.tellOwners(ctx, tx, by, OwnerChange{Org: o, Added: users})
}

// Customer returns a direct customer of parent.
func (s *Service) Customer(ctx context.Context, by access.Caller, parent, id ref.OrgID) (Detail, error) {
	return readOne(ctx, s, by, access.CustomerShow, parent, func(tx Tx) (Detail, error) {
		d, err := tx.CustomerDetail(ctx, parent, id)
		if err != nil && errs.KindOf(err) == errs.NotFound {
			return Detail{}, customerNotFound(parent, id)
		}
		return d, err
	})
}

// EffectiveCustomer is Customer with the ends that count: those of the path to the root.
func (s *Service) EffectiveCustomer(ctx context.Context, by access.Caller, parent, id ref.OrgID) (Detail, error) {
	d, err := s.Customer(ctx, by, parent, id)
	if err != nil {
		return Detail{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		all, err := held(ctx, tx, id)
		if err != nil {
			return err
		}
		for i := range d.Capabilities {
			if h, ok := find(all, d.Capabilities[i].Name); ok {
				d.Capabilities[i].Held = h
			}
		}
		d.Tags, err = tx.Tags(ctx, id)
		return err
	})
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return Detail{}, customerNotFound(parent, id) // deleted between the two reads
	}
	return d, err
}

// EachCustomer calls each for every direct customer of parent that matches, by id. Nothing is held in memory; an error of
// each ends the list and is returned.
func (s *Service) EachCustomer(ctx context.Context, by access.Caller, parent ref.OrgID, match *filter.Expr, each func(Summary) error) error {
	if err := s.guard.Require(ctx, by, access.CustomerIndex, parent); err != nil {
		return err
	}
	return s.store.Read(ctx, func(tx Tx) error { return tx.EachCustomer(ctx, parent, match, each) })
}

// Patch is a change of a customer. What is nil stays; lists are whole.
type Patch struct {
	Name         *string
	ExternalID   *string // "" takes it away
	Description  *string // "" takes it away
	Capabilities *[]Wish
	Owners       *[]Owner
}

// Check returns Invalid with everything that is wrong with the request itself, or Unprocessable owner_required where it
// leaves the customer without an owner.
func (c Patch) Check(id ref.OrgID) error {
	var p problems
	if c.Name != nil {
		checkCustomerName(&p, *c.Name)
	}
	if c.ExternalID != nil {
		checkText(&p, "externalId", *c.ExternalID, maxExternalID)
	}
	if c.Description != nil {
		checkText(&p, "description", *c.Description, maxDescription)
	}
	if c.Capabilities != nil {
		checkWishes(*c.Capabilities, &p)
	}
	if c.Owners != nil {
		checkOwners(&p, *c.Owners)
	}
	if err := p.err(); err != nil {
		return err
	}
	if c.Owners != nil && len(*c.Owners) == 0 {
		return access.OwnerRequired(id)
	}
	return nil
}

// UpdateCustomer changes a direct customer of parent. A capability that is added or given another end must be active in the
// parent now (Unprocessable); one that an organization below holds cannot be taken away (Conflict capabilities_in_use). A
// change that changes nothing writes nothing.
func (s *Service) UpdateCustomer(ctx context.Context, by access.Caller, parent, id ref.OrgID, c Patch) error {
	if err := s.guard.Require(ctx, by, access.CustomerUpdate, parent); err != nil {
		return err
	}
	if err := c.Check(id); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		m, err := s.manager(ctx, tx, parent)
		if err != nil {
			return err
		}
		_, err = s.update(ctx, tx, by, m, id, c)
		return err
	})
}

// update writes a change of a customer whose parent is locked. It returns the members that changed; none: nothing was
// written.
func (s *Service) update(ctx context.Context, tx Tx, by access.Caller, m Manager, id ref.OrgID, c Patch) ([]string, error) {
	o, err := lockCustomer(ctx, tx, m.Org.ID, id)
	if err != nil {
		return nil, err
	}
	u := updating{by: by, m: m, before: o, after: o, beforeAll: map[string]any{}, afterAll: map[string]any{}}
	u.text("name", &u.after.Name, c.Name)
	u.text("externalId", &u.after.ExternalID, c.ExternalID)
	u.text("description", &u.after.Description, c.Description)
	if err := u.capabilities(ctx, tx, c.Capabilities); err != nil {
		return nil, err
	}
	told, err := u.owners(ctx, tx, c.Owners)
	if err != nil {
		return nil, err
	}
	if len(u.changed) == 0 {
		return nil, nil
	}
	u.after.UpdatedAt = tx.Now()
	if err := tx.UpdateOrganization(ctx, u.after); err != nil {
		return nil, err
	}
	if told != nil {
		told.Org = u.after
		if err := s.tellOwners(ctx, tx, by, *told); err != nil {
			return nil, err
		}
	}
	return u.changed, tx.Record(ctx, entry(by, "customer.update", u.after, u.beforeAll, u.afterAll))
}

// updating is a change of one customer on its way: what it was, what it becomes, and what the audit entry will tell.
type updating struct {
	by                  access.Caller
	m                   Manager
	before, after       Organization
	changed             []string
	beforeAll, afterAll map[string]any
}

func (u *updating) note(member string, before, after any) {
	u.changed = append(u.changed, member)
	u.beforeAll[member], u.afterAll[member] = before, after
}

func (u *updating) text(member string, present, wish *string) {
	if wish == nil || *wish == *present {
		return
	}
	u.note(member, *present, *wish)
	*present = *wish
}

func (u *updating) capabilities(ctx context.Context, tx Tx, wishes *[]Wish) error {
	if wishes == nil {
		return nil
	}
	path, err := tx.Path(ctx, u.before.ID)
	if err != nil {
		return err
	}
	present := path[0].Capabilities
	ch := plan(present, *wishes)
	if len(ch.set) == 0 && len(ch.removed) == 0 {
		return nil
	}
	if err := u.permit(ctx, tx, ch, *wishes); err != nil {
		return err
	}
	if err := tx.SetCapabilities(ctx, u.before.ID, ch.set); err != nil {
		return err
	}
	if err := tx.RemoveCapabilities(ctx, u.before.ID, ch.removed); err != nil {
		return err
	}
	u.note("capabilities", capabilityTexts(present), wishTexts(withIAM(*wishes)))
	return nil
}

// permit asks the rules of what is set and what is taken away, and tells both at once.
func (u *updating) permit(ctx context.Context, tx Tx, ch change, wishes []Wish) error {
	granted := u.m.Grant(wishesFor(ch, wishes), tx.Now()) // the subset rule is asked only of what is added or re-dated
	holders, err := tx.Holders(ctx, u.before.ID, ch.removed, namedHolders+1)
	if err != nil {
		return err
	}
	used := inUse(u.before.ID, holders)
	if granted != nil && used != nil {
		return errs.Conflictf(errs.Code(used), "%s; %s", errs.Message(used), errs.Message(granted))
	}
	if used != nil {
		return used
	}
	return granted
}

// owners makes the owners those wished for. It returns what became of them, nil for no change.
func (u *updating) owners(ctx context.Context, tx Tx, wishes *[]Owner) (*OwnerChange, error) {
	if wishes == nil {
		return nil, nil
	}
	present, err := tx.Owners(ctx, u.before.ID)
	if err != nil {
		return nil, err
	}
	added, removed := compareOwners(present, *wishes)
	if len(added) == 0 && len(removed) == 0 {
		return nil, nil
	}
	if len(added) == 0 && noneCounts(present, removed) {
		return nil, access.OwnerRequired(u.before.ID)
	}
	users, err := tx.AddOwners(ctx, u.before.ID, added, Invited)
	if err != nil {
		return nil, err
	}
	if err := tx.RemoveOwners(ctx, u.before.ID, removed); err != nil {
		return nil, err
	}
	u.note("owners", userEmails(present), ownerEmails(*wishes))
	return &OwnerChange{Before: present, Added: users, Removed: usersOf(present, removed)}, nil
}

// DeleteCustomer removes a direct customer of parent and all that belongs to it. It is Conflict with every blocker named:
// organization_has_children where it has customers of its own.
func (s *Service) DeleteCustomer(ctx context.Context, by access.Caller, parent, id ref.OrgID) error {
	if err := s.guard.Require(ctx, by, access.CustomerDelete, parent); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error { return s.remove(ctx, tx, by, parent, id) })
}

func (s *Service) remove(ctx context.Context, tx Tx, by access.Caller, parent, id ref.OrgID) error {
	if _, err := tx.Lock(ctx, parent, false); err != nil {
		return err
	}
	o, err := lockCustomer(ctx, tx, parent, id)
	if err != nil {
		return err
	}
	if err := s.blocked(ctx, tx, id); err != nil {
		return err
	}
	if err := tx.DeleteOrganization(ctx, o); err != nil {
		return err
	}
	return tx.Record(ctx, entry(by, "customer.delete", o, map[string]any{"name": o.Name, "externalId": o.ExternalID}, nil))
}

// blocked is the refusal to delete an organization, with everything that stands in the way; nil if nothing does.
func (s *Service) blocked(ctx context.Context, tx Tx, id ref.OrgID) error {
	var p problems
	code := ""
	children, err := tx.Children(ctx, id, namedHolders+1)
	if err != nil {
		return err
	}
	if len(children) > 0 {
		code = "organization_has_children"
		names := make([]string, len(children))
		for i, c := range children {
			names[i] = fmt.Sprintf("%d (%s)", c.ID, c.Name)
		}
		p.add("it has customers of its own, delete them first: %s", someOf(names))
	}
	for _, b := range s.blockers {
		text, err := b(ctx, tx, id)
		if err != nil {
			return err
		}
		if text != "" {
			p.add("it has %s", text)
		}
	}
	if len(p) == 0 {
		return nil
	}
	return errs.Conflictf(code, "organization %d cannot be deleted: %s", id, p)
}
