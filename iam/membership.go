package iam

import (
	"context"
	"slices"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// GroupUsers lists who is in a user group, by id.
func (s *Service) GroupUsers(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID) (list []User, err error) {
	if err := s.guard.Require(ctx, by, access.MembershipIndex, org); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		g, err := tx.Group(ctx, org, id, false)
		if err != nil {
			return err
		}
		list, err = tx.GroupUsers(ctx, g, nil)
		return err
	})
	return list, err
}

// AddGroupUsers puts members of the organization into a user group and returns them, by id; one that is in it already stays so.
// Nobody else can be in it, so that other users are Invalid, all of them named.
func (s *Service) AddGroupUsers(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) (list []User, err error) {
	users = sorted(users)
	err = s.changeGroup(ctx, by, access.MembershipCreate, org, id, func(tx Tx, g Group) error {
		if err := s.join(ctx, tx, by, g, users); err != nil || len(users) == 0 {
			return err
		}
		list, err = tx.GroupUsers(ctx, g, users)
		return err
	})
	return list, err
}

// ReplaceGroupUsers makes the users of a group exactly those given.
func (s *Service) ReplaceGroupUsers(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) error {
	users = sorted(users)
	return s.changeGroup(ctx, by, access.MembershipReplace, org, id, func(tx Tx, g Group) error {
		present, err := tx.GroupUsers(ctx, g, nil)
		if err != nil {
			return err
		}
		var gone []ref.UserID
		for _, u := range present {
			if _, stays := slices.BinarySearch(users, u.ID); !stays {
				gone = append(gone, u.ID)
			}
		}
		if err := leave(ctx, tx, by, g, gone); err != nil {
			return err
		}
		return s.join(ctx, tx, by, g, users)
	})
}

// RemoveGroupUser takes a user out of a group; NotFound where it is not in it.
func (s *Service) RemoveGroupUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID, user ref.UserID) error {
	return s.changeGroup(ctx, by, access.MembershipDelete, org, id, func(tx Tx, g Group) error {
		in, err := tx.GroupUsers(ctx, g, []ref.UserID{user})
		if err == nil && len(in) == 0 {
			err = errs.NotFoundf("user %d is not in user group %d", user, id)
		}
		if err != nil {
			return err
		}
		return leave(ctx, tx, by, g, []ref.UserID{user})
	})
}

// changeGroup is a use case that changes who is in a user group, which has to be one that people manage.
func (s *Service) changeGroup(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.UserGroupID, change func(Tx, Group) error) error {
	return s.withGroup(ctx, by, p, org, id, func(tx Tx, g Group) error {
		if err := g.managed(); err != nil {
			return err
		}
		return change(tx, g)
	})
}

// join puts users into a group, if they are members and the caller does not raise itself.
func (s *Service) join(ctx context.Context, tx Tx, by access.Caller, g Group, users []ref.UserID) error {
	strangers, err := tx.NotMembers(ctx, g.Org, users)
	if err != nil {
		return err
	}
	if len(strangers) > 0 {
		return errs.Invalidf("userIds: not users of organization %d: %s", g.Org, join(strangers))
	}
	if _, itself := slices.BinarySearch(users, by.User); itself && by.User != 0 {
		if err := s.mayJoin(ctx, tx, by, g); err != nil {
			return err
		}
	}
	added, err := tx.JoinGroup(ctx, g, users)
	if err != nil || len(added) == 0 {
		return err
	}
	return recordGroup(ctx, tx, by, "user_group.add_users", g, nil, map[string]any{"users": added})
}

func leave(ctx context.Context, tx Tx, by access.Caller, g Group, users []ref.UserID) error {
	removed, err := tx.LeaveGroup(ctx, g, users)
	if err != nil || len(removed) == 0 {
		return err
	}
	return recordGroup(ctx, tx, by, "user_group.remove_users", g, map[string]any{"users": removed}, nil)
}

// mayJoin refuses a caller to put itself into a group that gives what it lacks: a role, or customers that an access policy of the
// organization opens to the group, which takes whoever may write such policies.
func (s *Service) mayJoin(ctx context.Context, tx Tx, by access.Caller, g Group) error {
	in, err := tx.GroupUsers(ctx, g, []ref.UserID{by.User})
	if err != nil || len(in) > 0 {
		return err
	}
	rules, err := tx.Rules(ctx, g.Org, RuleQuery{Of: &Grantee{Group: g.ID}, Everywhere: true})
	if err != nil {
		return err
	}
	for _, r := range rules {
		if err := s.notAbove(ctx, by, g.Org, r.Project, access.Set(r.Role)); err != nil {
			return err
		}
	}
	opens, err := tx.OpensCustomers(ctx, g.ID)
	if err != nil || !opens {
		return err
	}
	return s.guard.Require(ctx, by, access.PolicyUpdate, g.Org)
}
