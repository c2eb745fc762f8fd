package iam

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// UserProject is a project that a user holds a role in.
type UserProject struct {
	ID        ref.ProjectID
	Name      string
	Org       Tie // without roles
	CreatedAt time.Time
	UpdatedAt time.Time
}

// reportTx is what the reports about one user ask of a transaction.
type reportTx interface {
	// Subject reads what decisions need to know of a principal.
	Subject(ctx context.Context, p access.Principal) (*access.Subject, error)
	// ProjectsOf lists the projects of an organization by id.
	ProjectsOf(ctx context.Context, org Tie) ([]UserProject, error)
}

// UserOrgs lists the organizations a user belongs to, by id: all of them to itself, as far as its session opens them; to others
// those in which they may see users. Nobody else's organizations are anyone's to know, so a user of whom nothing can be seen is
// NotFound, as one who is absent.
func (s *Service) UserOrgs(ctx context.Context, by access.Caller, user ref.UserID) (list []Tie, err error) {
	var p Profile
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		p, err = tx.Profile(ctx, user)
		return err
	})
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	for _, org := range p.Orgs {
		seen, err := s.sees(ctx, by, user, org.ID)
		if err != nil {
			return nil, err
		}
		if seen {
			list = append(list, org)
		}
	}
	if len(list) == 0 && by.User != user {
		return nil, errs.NotFoundf("user %d not found", user)
	}
	return list, nil
}

// sees reports whether the caller may see that a user belongs to an organization.
func (s *Service) sees(ctx context.Context, by access.Caller, user ref.UserID, org ref.OrgID) (bool, error) {
	if by.User == user {
		return by.Only == 0 || by.Only == org, nil
	}
	err := s.guard.Require(ctx, by, access.UserShow, org)
	if kind := errs.KindOf(err); kind == errs.Forbidden || kind == errs.NotFound {
		return false, nil
	}
	return err == nil, err
}

// UserProjects lists the projects in which a user holds a role, by organization and id, of the organizations that UserOrgs
// lists: all of an organization where a role is granted in it as a whole, else those in which one is granted.
func (s *Service) UserProjects(ctx context.Context, by access.Caller, user ref.UserID) (list []UserProject, err error) {
	orgs, err := s.UserOrgs(ctx, by, user)
	if err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		holds, err := tx.Subject(ctx, access.Principal{User: user})
		if err != nil {
			return err
		}
		for _, org := range orgs {
			projects, err := tx.ProjectsOf(ctx, org)
			if err != nil {
				return err
			}
			list = append(list, slices.DeleteFunc(projects, func(p UserProject) bool {
				return holds.Orgs[org.ID] == 0 && holds.Projects[p.ID] == 0
			})...)
		}
		return nil
	})
	return list, err
}

// HeldIn is what a privilege rests on in one scope.
type HeldIn struct {
	Scope int // its place in the question
	Roles []ref.RoleID
}

// UserPrivilege is a privilege with the scopes in which a user has it.
type UserPrivilege struct {
	Privilege access.Privilege
	In        []HeldIn
}

// PrivilegesReport lists the privileges that a user has at present in some scopes, by name, those that begin with prefix. Of
// itself everybody may ask, of others whoever may see the users of the organization; a user who is not of it is NotFound.
func (s *Service) PrivilegesReport(ctx context.Context, by access.Caller, user ref.UserID, scopes []Scope, prefix string) (list []UserPrivilege, err error) {
	found := map[access.Privilege]*UserPrivilege{}
	for i, scope := range scopes {
		held, err := s.privilegesIn(ctx, by, user, scope)
		if err != nil {
			return nil, err
		}
		for _, h := range held {
			if !strings.HasPrefix(string(h.Privilege), prefix) {
				continue
			}
			p := found[h.Privilege]
			if p == nil {
				p = &UserPrivilege{Privilege: h.Privilege}
				found[h.Privilege] = p
			}
			p.In = append(p.In, HeldIn{Scope: i, Roles: h.Roles})
		}
	}
	for _, p := range found {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b UserPrivilege) int { return strings.Compare(string(a.Privilege), string(b.Privilege)) })
	return list, nil
}

func (s *Service) privilegesIn(ctx context.Context, by access.Caller, user ref.UserID, scope Scope) ([]access.Held, error) {
	if by.User == user {
		if err := s.guard.Require(ctx, by, access.OrgShow, scope.Org); err != nil {
			return nil, err
		}
		return s.guard.Report(ctx, access.Principal{User: user}, scope.Org, scope.Project)
	}
	if _, err := s.User(ctx, by, scope.Org, user); err != nil {
		return nil, err
	}
	return s.guard.Report(ctx, access.Principal{User: user}, scope.Org, scope.Project)
}
