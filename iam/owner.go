package iam

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// ownerTx is what the last-owner rule asks of a transaction.
type ownerTx interface {
	// HoldOrg makes other changes of the people and machines of an organization wait for the commit.
	HoldOrg(ctx context.Context, org ref.OrgID) error
	// CountOwners counts the owners who count: granted the role directly, invited or active.
	CountOwners(ctx context.Context, org ref.OrgID) (int64, error)
	// IsOwner reports whether a user was granted the role of an owner, shut out or not.
	IsOwner(ctx context.Context, org ref.OrgID, user ref.UserID) (bool, error)
}

// KeepOwner makes a change of an organization's people that may take owners away, by whatever path: it holds the organization,
// so that two such changes follow one another, makes the change, and refuses it with owner_required if no owner is left who
// counts. An owner who is only invited counts, one who is shut out does not.
func KeepOwner(ctx context.Context, tx ownerTx, org ref.OrgID, change func() error) error {
	if err := tx.HoldOrg(ctx, org); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	left, err := tx.CountOwners(ctx, org)
	if err == nil && left == 0 {
		err = access.OwnerRequired(org)
	}
	return err
}

// respectOwner refuses whoever is no owner to touch an owner: administering an organization does not reach those who own it.
func (s *Service) respectOwner(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, user ref.UserID) error {
	owner, err := tx.IsOwner(ctx, org, user)
	if err != nil || !owner {
		return err
	}
	return s.requireOwner(ctx, by, org)
}

// requireOwner refuses whoever is no owner.
func (s *Service) requireOwner(ctx context.Context, by access.Caller, org ref.OrgID) error {
	owner, err := s.isOwner(ctx, by, org)
	if err == nil && !owner {
		err = errs.Forbiddenf("only an owner of organization %d makes, changes and removes its owners", org)
	}
	return err
}

func (s *Service) isOwner(ctx context.Context, by access.Caller, org ref.OrgID) (bool, error) {
	if by.Operator {
		return true, nil
	}
	roles, err := s.guard.Roles(ctx, by, org, 0)
	return roles.Has(access.OrgOwner), err
}
