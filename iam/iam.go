package iam

import (
	"context"
	"errors"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Profile is a user with the organizations it belongs to.
type Profile struct {
	ID        ref.UserID
	Email     string
	FirstName string
	LastName  string
	Orgs      []Tie // by id
}

// Tie is an organization a user belongs to.
type Tie struct {
	ID     ref.OrgID
	Name   string
	Parent ref.OrgID // 0 for a root
	Roles  access.RoleSet
}

// Store opens transactions.
type Store interface {
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what the use cases of this package ask of a transaction.
type Tx interface {
	// Profile reads a user with its ties, without the roles; errs.NotFound if absent.
	Profile(ctx context.Context, user ref.UserID) (Profile, error)
	// UserByEmail finds a user by its address, compared case-folded; errs.NotFound if absent.
	UserByEmail(ctx context.Context, email string) (ref.UserID, error)
}

// Ties tells the roles a caller holds; access.Guard is the one that serves.
type Ties interface {
	Orgs(ctx context.Context, by access.Caller) (map[ref.OrgID]access.RoleSet, error)
}

// Service is the use cases of people. It is safe for concurrent use.
type Service struct {
	store Store
	ties  Ties
}

// New makes a Service.
func New(store Store, ties Ties) (*Service, error) {
	if store == nil || ties == nil {
		return nil, errors.New("iam: a store and ties are needed")
	}
	return &Service{store: store, ties: ties}, nil
}

// Me returns the caller as a user.
func (s *Service) Me(ctx context.Context, by access.Caller) (Profile, error) {
	if by.User == 0 {
		return Profile{}, errs.Forbiddenf("only a user has a profile")
	}
	roles, err := s.ties.Orgs(ctx, by)
	if err != nil {
		return Profile{}, err
	}
	var p Profile
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		p, err = tx.Profile(ctx, by.User)
		return err
	})
	for i := range p.Orgs {
		p.Orgs[i].Roles = roles[p.Orgs[i].ID]
	}
	return p, err
}

// UserByEmail finds a user for the operator, who may know of everyone.
func (s *Service) UserByEmail(ctx context.Context, by access.Caller, email string) (id ref.UserID, err error) {
	if !by.Operator {
		return 0, errs.Forbiddenf("only the operator of the server finds users by e-mail")
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		id, err = tx.UserByEmail(ctx, email)
		return err
	})
	if errs.KindOf(err) == errs.NotFound {
		return 0, errs.NotFoundf("there is no user %s", email)
	}
	return id, err
}
