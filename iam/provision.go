package iam

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// What package scim does to people goes by the rules of this package, inside its own transactions.

// RespectOwner refuses whoever is no owner to shut out, remove or take over an owner.
func (s *Service) RespectOwner(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, user ref.UserID) error {
	return s.respectOwner(ctx, tx, by, org, user)
}

// OwnedBy reports whether the caller is an owner of the organization.
func (s *Service) OwnedBy(ctx context.Context, by access.Caller, org ref.OrgID) (bool, error) {
	return s.isOwner(ctx, by, org)
}

// JoinGroup puts members of the organization, given by id in order, into a user group, and nobody where it would raise itself.
func (s *Service) JoinGroup(ctx context.Context, tx Tx, by access.Caller, g Group, users []ref.UserID) error {
	return s.join(ctx, tx, by, g, users)
}

// LeaveGroup takes users out of a user group.
func (s *Service) LeaveGroup(ctx context.Context, tx Tx, by access.Caller, g Group, users []ref.UserID) error {
	return leave(ctx, tx, by, g, users)
}

// Deprovision is [Service.RemoveUser] for a caller who may do so by SCIM.
func (s *Service) Deprovision(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) error {
	return s.removeUser(ctx, by, access.SCIMUserDelete, org, id)
}

// DropGroup is [Service.DeleteGroup] for a caller who may do so by SCIM; a group that an identity provider keeps is not SCIM's.
func (s *Service) DropGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID) error {
	return s.withGroup(ctx, by, access.SCIMGroupDelete, org, id, func(tx Tx, g Group) error {
		if g.ManagedBy == ByProvider {
			return g.managed()
		}
		return dropGroup(ctx, tx, by, g)
	})
}
