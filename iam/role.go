package iam

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Roles lists the roles that an organization can use, by id: those that its capabilities in force unlock.
func (s *Service) Roles(ctx context.Context, by access.Caller, org ref.OrgID) ([]access.Role, error) {
	if err := s.guard.Require(ctx, by, access.RoleIndex, org); err != nil {
		return nil, err
	}
	unlocked, err := s.guard.Unlocked(ctx, org)
	return unlocked.List(), err
}

// Role returns one of them.
func (s *Service) Role(ctx context.Context, by access.Caller, org ref.OrgID, id ref.RoleID) (access.Role, error) {
	if err := s.guard.Require(ctx, by, access.RoleShow, org); err != nil {
		return access.Role{}, err
	}
	unlocked, err := s.guard.Unlocked(ctx, org)
	if err != nil {
		return access.Role{}, err
	}
	for _, r := range unlocked.List() {
		if r.ID == id {
			return r, nil
		}
	}
	return access.Role{}, errs.NotFoundf("organization %d has no role %d: none is of that id, or a capability is not in force that unlocks it", org, id)
}
