package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
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

// Store opens transactions. The function given to Write may run twice and so touches nothing but its Tx.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what the use cases of this package ask of a transaction. Absent rows are errs.NotFound.
type Tx interface {
	// Now is the instant of the use case, the same throughout.
	Now() time.Time
	// Record writes the audit entry of the change.
	Record(ctx context.Context, e audit.Entry) error

	// Profile reads a user with its ties, without the roles.
	Profile(ctx context.Context, user ref.UserID) (Profile, error)
	// UserByEmail finds a user by its address, compared case-folded.
	UserByEmail(ctx context.Context, email string) (ref.UserID, error)

	accountTx
	policyTx
}

// Guard decides; access.Guard is the one that serves.
type Guard interface {
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
	// Orgs tells the roles a caller holds in the organizations it belongs to.
	Orgs(ctx context.Context, by access.Caller) (map[ref.OrgID]access.RoleSet, error)
	// LetsIn reports whether access policies of the parent count in the organization at present.
	LetsIn(ctx context.Context, org ref.OrgID) (bool, error)
	Explain(ctx context.Context, by access.Caller, of access.Principal, org ref.OrgID, ask access.Ask) (access.Explanation, error)
	Who(ctx context.Context, by access.Caller, org ref.OrgID, ask access.Ask) ([]access.Explanation, error)
}

// Config is what a Service needs.
type Config struct {
	Store Store
	Guard Guard
	Now   func() time.Time
	Rand  io.Reader // nil: crypto/rand
}

// Service is the use cases of people. It is safe for concurrent use.
type Service struct {
	store Store
	guard Guard
	now   func() time.Time
	rand  io.Reader
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Guard == nil || cfg.Now == nil {
		return nil, errors.New("iam: a store, a guard and a clock are needed")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return &Service{store: cfg.Store, guard: cfg.Guard, now: cfg.Now, rand: cfg.Rand}, nil
}

// Me returns the caller as a user.
func (s *Service) Me(ctx context.Context, by access.Caller) (Profile, error) {
	if by.User == 0 {
		return Profile{}, errs.Forbiddenf("only a user has a profile")
	}
	roles, err := s.guard.Orgs(ctx, by)
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
