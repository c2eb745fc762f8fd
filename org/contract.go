package org

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Contract is an understanding between two organizations: the initiator offers the target the use of capabilities and roles,
// and the target accepts or rejects it. It is written down, shown to both and audited on both sides; it opens nothing by
// itself, since the only ways into an organization are a role there and an access policy.
type Contract struct {
	ID          ref.ContractID
	Initiator   ref.OrgID
	Target      ref.OrgID
	Title       string
	Description string
	Allowed     []Allowance
	State       ContractState
	LastSeen    time.Time // when the target last looked at it, as it says; zero: never
	CreatedBy   ref.UserID
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Allowance is a capability with the roles of it that a contract speaks of.
type Allowance struct {
	Capability string   `json:"capability"`
	Roles      []string `json:"roles"` // internal names
}

// ContractState is where a contract stands.
type ContractState string

// The states of a contract. Expired is never stored: it follows from the capabilities of the initiator.
const (
	Proposed ContractState = "proposed"
	Approved ContractState = "approved"
	Rejected ContractState = "rejected"
	Expired  ContractState = "expired"
)

// NewContract is what an initiator proposes.
type NewContract struct {
	Target      ref.OrgID
	Title       string
	Description string
	Allowed     []Allowance
}

// ContractQuery selects contracts of an organization; a zero member asks for nothing.
type ContractQuery struct {
	Initiator ref.OrgID
	Target    ref.OrgID
	Latest    bool // of several between the same two, the last one alone
}

// contractTx is what the use cases of contracts ask of a transaction.
type contractTx interface {
	// Contracts lists those an organization is a side of, by id, with their stored states.
	Contracts(ctx context.Context, id ref.OrgID, q ContractQuery) ([]Contract, error)
	// Contract finds one that the organization is a side of.
	Contract(ctx context.Context, id ref.OrgID, contract ref.ContractID) (Contract, error)
	// PutContract writes a contract: a new one if its id is 0.
	PutContract(ctx context.Context, c Contract) (Contract, error)
	DeleteContract(ctx context.Context, contract ref.ContractID) error
}

// check says everything that is wrong with a proposal of an organization with these capabilities.
func (n NewContract) check(from ref.OrgID, path Path, now time.Time) error {
	var p problems
	checkText(&p, "title", n.Title, 512)
	if strings.TrimSpace(n.Title) == "" {
		p.add("title: is empty")
	}
	checkText(&p, "description", n.Description, 4096)
	if n.Target == from {
		p.add("target_org_id: is the organization itself; want another")
	}
	if len(n.Allowed) == 0 {
		p.add("allowed_capabilities: want at least one")
	}
	held := path.Access()
	for n, a := range n.Allowed {
		i := slices.IndexFunc(held.Capabilities, func(c access.InForce) bool { return c.Name == a.Capability })
		if i < 0 || !held.Capabilities[i].Active(now) {
			p.add("allowed_capabilities[%d].capability: organization %d does not hold %q at present", n, from, clip(a.Capability))
			continue
		}
		for m, name := range a.Roles {
			if !slices.ContainsFunc(access.Roles, func(r access.Role) bool { return r.Name == name && r.Capability == a.Capability }) {
				p.add("allowed_capabilities[%d].roles[%d]: the capability %s has no role %q", n, m, a.Capability, clip(name))
			}
		}
	}
	return p.err()
}

// shown is the contract as it stands at now: approved or proposed ones whose capabilities have all ended are expired.
func (c Contract) shown(initiator *access.Organization, now time.Time) Contract {
	inForce := slices.ContainsFunc(c.Allowed, func(a Allowance) bool {
		return slices.ContainsFunc(initiator.Capabilities, func(f access.InForce) bool { return f.Name == a.Capability && f.Active(now) })
	})
	if !inForce && c.State != Rejected {
		c.State = Expired
	}
	return c
}

// Contracts lists the contracts an organization is a side of, by id.
func (s *Service) Contracts(ctx context.Context, by access.Caller, id ref.OrgID, q ContractQuery) ([]Contract, error) {
	return readOne(ctx, s, by, access.ContractIndex, id, func(tx Tx) ([]Contract, error) {
		list, err := tx.Contracts(ctx, id, q)
		if err != nil {
			return nil, err
		}
		if q.Latest {
			list = latest(list)
		}
		for i := range list {
			if list[i], err = s.current(ctx, tx, list[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	})
}

// latest keeps the last contract between any two. They come by id.
func latest(list []Contract) []Contract {
	return slices.DeleteFunc(slices.Clone(list), func(c Contract) bool {
		return slices.ContainsFunc(list, func(d Contract) bool {
			return d.Initiator == c.Initiator && d.Target == c.Target && d.ID > c.ID
		})
	})
}

// current is a stored contract as it stands now.
func (s *Service) current(ctx context.Context, tx Tx, c Contract) (Contract, error) {
	path, err := tx.Path(ctx, c.Initiator)
	if err != nil {
		return Contract{}, err
	}
	return c.shown(path.Access(), s.now()), nil
}

// Contract returns one.
func (s *Service) Contract(ctx context.Context, by access.Caller, id ref.OrgID, contract ref.ContractID) (Contract, error) {
	return readOne(ctx, s, by, access.ContractShow, id, func(tx Tx) (Contract, error) {
		c, err := tx.Contract(ctx, id, contract)
		if err != nil {
			return Contract{}, err
		}
		return s.current(ctx, tx, c)
	})
}

// Propose writes a contract. One that the two have already is changed instead, and the target is asked anew.
func (s *Service) Propose(ctx context.Context, by access.Caller, from ref.OrgID, n NewContract) (Contract, error) {
	if err := s.guard.Require(ctx, by, access.ContractCreate, from); err != nil {
		return Contract{}, err
	}
	var c Contract
	err := s.store.Write(ctx, func(tx Tx) error {
		if err := lockBoth(ctx, tx, from, n.Target); err != nil {
			return err
		}
		path, err := tx.Path(ctx, from)
		if err != nil {
			return err
		}
		if err := n.check(from, path, s.now()); err != nil {
			return err
		}
		present, err := tx.Contracts(ctx, from, ContractQuery{Initiator: from, Target: n.Target})
		if err != nil {
			return err
		}
		action, before := "contract.propose", map[string]any(nil)
		c = Contract{Initiator: from, Target: n.Target, CreatedBy: by.User, CreatedAt: tx.Now()}
		if len(present) > 0 {
			c = present[len(present)-1]
			action, before = "contract.change", c.told()
		}
		c.Title, c.Description, c.Allowed, c.State, c.UpdatedAt = n.Title, n.Description, n.Allowed, Proposed, tx.Now()
		if c, err = tx.PutContract(ctx, c); err != nil {
			return err
		}
		return recordContract(ctx, tx, by, action, c, before, c.told())
	})
	return c, err
}

// lockBoth holds the two sides of a new contract. The target is the parent of the other or a customer of it: of other
// organizations nobody is told whether they exist.
func lockBoth(ctx context.Context, tx Tx, from, target ref.OrgID) error {
	own, err := tx.Organization(ctx, from)
	if err != nil {
		return err
	}
	absent := errs.Invalidf("target_org_id: organization %d is neither the parent nor a customer of organization %d", target, from)
	if target == from {
		return nil // said with whatever else is wrong
	}
	first, second := from, target
	if target == own.Parent {
		first, second = target, from
	}
	for _, id := range []ref.OrgID{first, second} {
		o, err := tx.Lock(ctx, id, false)
		if errs.KindOf(err) == errs.NotFound {
			return absent
		}
		if err != nil {
			return err
		}
		if id == target && o.Parent != from && target != own.Parent {
			return absent
		}
	}
	return nil
}

// Activate is the target's word: it approves a contract or rejects it.
func (s *Service) Activate(ctx context.Context, by access.Caller, id ref.OrgID, contract ref.ContractID, approve bool) error {
	return s.changeContract(ctx, by, access.ContractUpdate, id, contract, func(tx Tx, c Contract) error {
		if c.Target != id {
			return errs.Forbiddenf("contract %d is approved or rejected by its target, organization %d", c.ID, c.Target)
		}
		before, action := c.State, "contract.reject"
		c.State, c.UpdatedAt = Rejected, tx.Now()
		if approve {
			c.State, action = Approved, "contract.approve"
		}
		if c.State == before {
			return nil
		}
		if _, err := tx.PutContract(ctx, c); err != nil {
			return err
		}
		return recordContract(ctx, tx, by, action, c, map[string]any{"state": before}, map[string]any{"state": c.State})
	})
}

// Seen notes when a side looked at a contract. It is no change of it, so it has no entry of its own.
func (s *Service) Seen(ctx context.Context, by access.Caller, id ref.OrgID, contract ref.ContractID, at time.Time) error {
	return s.changeContract(ctx, by, access.ContractUpdate, id, contract, func(tx Tx, c Contract) error {
		if at.IsZero() || at.Equal(c.LastSeen) {
			return nil
		}
		c.LastSeen = at
		if _, err := tx.PutContract(ctx, c); err != nil {
			return err
		}
		return recordContract(ctx, tx, by, "contract.see", c, nil, map[string]any{"lastSeen": at})
	})
}

// DeleteContract takes a contract back; its initiator alone may.
func (s *Service) DeleteContract(ctx context.Context, by access.Caller, id ref.OrgID, contract ref.ContractID) error {
	return s.changeContract(ctx, by, access.ContractDelete, id, contract, func(tx Tx, c Contract) error {
		if c.Initiator != id {
			return errs.Forbiddenf("contract %d is taken back by its initiator, organization %d; its target may reject it", c.ID, c.Initiator)
		}
		if err := tx.DeleteContract(ctx, c.ID); err != nil {
			return err
		}
		return recordContract(ctx, tx, by, "contract.delete", c, c.told(), nil)
	})
}

func (s *Service) changeContract(ctx context.Context, by access.Caller, p access.Privilege, id ref.OrgID, contract ref.ContractID, change func(Tx, Contract) error) error {
	if err := s.guard.Require(ctx, by, p, id); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		c, err := tx.Contract(ctx, id, contract)
		if err != nil {
			return err
		}
		// Writers of one contract take turns at its initiator's row; what was read before is read again after it.
		if _, err := tx.Lock(ctx, c.Initiator, true); err != nil {
			return err
		}
		if c, err = tx.Contract(ctx, id, contract); err != nil {
			return err
		}
		return change(tx, c)
	})
}

// told is a contract as its audit entries tell it.
func (c Contract) told() map[string]any {
	var allowed []string
	for _, a := range c.Allowed {
		allowed = append(allowed, a.Capability+": "+strings.Join(a.Roles, ", "))
	}
	return map[string]any{"title": c.Title, "initiator": c.Initiator, "target": c.Target, "allowed": allowed, "state": c.State}
}

// recordContract writes an entry on each side.
func recordContract(ctx context.Context, tx Tx, by access.Caller, action string, c Contract, before, after map[string]any) error {
	for _, side := range []ref.OrgID{c.Initiator, c.Target} {
		e := entry(by, action, Organization{ID: side}, before, after)
		e.TargetKind, e.TargetID = "contract", c.ID.String()
		if err := tx.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
