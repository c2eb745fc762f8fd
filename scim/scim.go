package scim

import (
	"context"
	"errors"
	"strings"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

// Store opens transactions. The function given to Write may run twice and so touches nothing but its Tx.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what the use cases of this package ask of a transaction. Absent rows are errs.NotFound.
type Tx interface {
	iam.Tx
	userTx
	groupTx
}

// Guard decides; access.Guard is the one that serves.
type Guard interface {
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
}

// People is the rules of people that this package goes by; iam.Service is the one that serves.
type People interface {
	RespectOwner(ctx context.Context, tx iam.Tx, by access.Caller, org ref.OrgID, user ref.UserID) error
	OwnedBy(ctx context.Context, by access.Caller, org ref.OrgID) (bool, error)
	JoinGroup(ctx context.Context, tx iam.Tx, by access.Caller, g iam.Group, users []ref.UserID) error
	LeaveGroup(ctx context.Context, tx iam.Tx, by access.Caller, g iam.Group, users []ref.UserID) error
	Deprovision(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) error
	DropGroup(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserGroupID) error
}

// Config is what a Service needs.
type Config struct {
	Store  Store
	Guard  Guard
	People People
	// Home tells the organization that was the first to verify the domain of an address, 0 for none. nil: no domain is verified.
	Home func(ctx context.Context, tx Tx, email string) (ref.OrgID, error)
}

// Service is the use cases of directories. It is safe for concurrent use.
type Service struct{ cfg Config }

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Guard == nil || cfg.People == nil {
		return nil, errors.New("scim: a store, a guard and the rules of people are needed")
	}
	if cfg.Home == nil {
		cfg.Home = func(context.Context, Tx, string) (ref.OrgID, error) { return 0, nil }
	}
	return &Service{cfg}, nil
}

// MayRead tells whether the caller may see what this server does of SCIM in an organization: p is access.SCIMConfigIndex or
// access.SCIMConfigShow.
func (s *Service) MayRead(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error {
	return s.cfg.Guard.Require(ctx, by, p, org)
}

// Page asks for part of a list.
type Page struct {
	Match *Filter // nil: all
	From  int     // place of the first, counted from 1
	Count int     // how many at most; below 0: all
}

// has reports whether the nth of a list, counted from 1, is on the page.
func (p Page) has(n int) bool { return n >= p.From && (p.Count < 0 || n-p.From < p.Count) }

func record(ctx context.Context, tx Tx, by access.Caller, e audit.Entry, before, after any) error {
	b, a, err := audit.Diff(before, after)
	if err != nil {
		return err
	}
	e.Actor, e.Session, e.RequestID, e.Before, e.After = audit.ActorOf(by), by.Session, by.RequestID, b, a
	return tx.Record(ctx, e)
}

func joinIDs(ids []ref.UserID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ", ")
}
