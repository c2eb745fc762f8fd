package org

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// MSPOrganization returns an organization that holds msp now, as seen from an organization the caller may see: that one itself,
// its parent, or, for those who may see its customers, a direct customer. Any other is NotFound, whether it exists or not.
func (s *Service) MSPOrganization(ctx context.Context, by access.Caller, from, target ref.OrgID) (Organization, error) {
	return readOne(ctx, s, by, access.OrgShow, from, func(tx Tx) (Organization, error) {
		none := errs.NotFoundf("organization %d knows of no MSP organization %d", from, target)
		o, err := tx.Organization(ctx, target)
		if errs.KindOf(err) == errs.NotFound {
			err = none
		}
		if err != nil {
			return Organization{}, err
		}
		near, err := s.near(ctx, tx, by, from, o)
		if err != nil {
			return Organization{}, err
		}
		all, err := held(ctx, tx, target)
		if err != nil {
			return Organization{}, err
		}
		if h, holds := find(all, MSP); !near || !holds || !h.Active(s.now()) {
			return Organization{}, none
		}
		return o, nil
	})
}

// near reports whether a caller in an organization may know of another.
func (s *Service) near(ctx context.Context, tx Tx, by access.Caller, from ref.OrgID, o Organization) (bool, error) {
	if o.ID == from {
		return true, nil
	}
	if o.Parent == from {
		err := s.guard.Require(ctx, by, access.CustomerShow, from)
		if kind := errs.KindOf(err); kind == errs.Forbidden || kind == errs.NotFound {
			return false, nil
		}
		return err == nil, err
	}
	own, err := tx.Organization(ctx, from)
	return own.Parent == o.ID, err
}
