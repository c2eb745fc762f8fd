package org

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Outcome is what became of one item of a bulk call.
type Outcome struct {
	Customer ref.OrgID // 0 for a customer that was not made
	Err      error     // nil: done
}

// CreateCustomers makes customers, each alone: one that cannot be made leaves the others. Outcomes are in the order of the
// items. An error is of the call as a whole, and then nothing was made.
func (s *Service) CreateCustomers(ctx context.Context, by access.Caller, parent ref.OrgID, items []NewCustomer) ([]Outcome, error) {
	if err := s.guard.Require(ctx, by, access.CustomerCreate, parent); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(items))
	err := s.store.Write(ctx, func(tx Tx) error {
		m, err := s.manager(ctx, tx, parent)
		if err != nil {
			return err
		}
		for i, n := range items {
			outcomes[i], err = each(ctx, tx, func() (ref.OrgID, error) {
				if err := n.Check(); err != nil {
					return 0, err
				}
				o, err := s.create(ctx, tx, by, m, n)
				return o.ID, err
			})
			if err != nil {
				return err
			}
			if outcomes[i].Err == nil {
				m.Customers++
			}
		}
		return nil
	})
	return outcomes, err
}

// DeleteCustomers deletes customers, each alone, in the order given, so that a list which names the leaves first empties a
// branch.
func (s *Service) DeleteCustomers(ctx context.Context, by access.Caller, parent ref.OrgID, ids []ref.OrgID) ([]Outcome, error) {
	if err := s.guard.Require(ctx, by, access.CustomerDelete, parent); err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(ids))
	err := s.store.Write(ctx, func(tx Tx) (err error) {
		for i, id := range ids {
			outcomes[i], err = each(ctx, tx, func() (ref.OrgID, error) { return id, s.remove(ctx, tx, by, parent, id) })
			outcomes[i].Customer = id
			if err != nil {
				return err
			}
		}
		return nil
	})
	return outcomes, err
}

// each does one item of a bulk call. What the item did wrong is its outcome; a fault of ours ends the call.
func each(ctx context.Context, tx Tx, do func() (ref.OrgID, error)) (Outcome, error) {
	var out Outcome
	err := tx.Savepoint(ctx, func() (err error) {
		out.Customer, err = do()
		return err
	})
	if err == nil {
		return out, nil
	}
	if k := errs.KindOf(err); k == errs.Internal || k == errs.Unavailable {
		return Outcome{}, err
	}
	return Outcome{Err: err}, nil
}
