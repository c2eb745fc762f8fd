package org

import (
	"context"
	"errors"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Organization is a tenant: a root, or a customer of its parent.
type Organization struct {
	ID          ref.OrgID
	Parent      ref.OrgID // 0 for a root
	Name        string    // 1..512 characters
	ExternalID  string    // the parent's own key for it, at most 256 characters; need not be unique
	Description string    // at most 4096 characters
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Project is a subdivision of an organization; each has one named main.
type Project struct {
	ID        ref.ProjectID
	Org       ref.OrgID
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// MainProject is the name of the project that is made with every organization.
const MainProject = "main"

// Guard decides what a caller may do; access.Guard is the one that serves.
type Guard interface {
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
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
	// Savepoint runs fn and undoes what it wrote if it fails, without ending the transaction.
	Savepoint(ctx context.Context, fn func() error) error
	// Record writes the audit entry of the change.
	Record(ctx context.Context, e audit.Entry) error

	Organization(ctx context.Context, id ref.OrgID) (Organization, error)
	// Lock returns the organization and holds it against changes of itself and its capabilities; held alone, also against
	// new customers and other holders. Root before leaf.
	Lock(ctx context.Context, id ref.OrgID, alone bool) (Organization, error)
	// Path lists the organization, its parent, and so on to the root, with what each holds.
	Path(ctx context.Context, id ref.OrgID) (Path, error)
	// Roots is the number of organizations without a parent.
	Roots(ctx context.Context) (int64, error)
	Projects(ctx context.Context, id ref.OrgID) ([]Project, error)
	// InsertProject writes a further project; from the commit on decisions know it.
	InsertProject(ctx context.Context, p Project) (Project, error)
	// InsertOrganization writes an organization, what it holds, and its main project.
	InsertOrganization(ctx context.Context, o Organization, holds []Capability) (Organization, error)
	UpdateOrganization(ctx context.Context, o Organization) error
	// DeleteOrganization removes the row and all that belongs to it.
	DeleteOrganization(ctx context.Context, o Organization) error

	SetCapabilities(ctx context.Context, id ref.OrgID, set []Capability) error
	RemoveCapabilities(ctx context.Context, id ref.OrgID, names []string) error
	// Holders lists the organizations below id that hold any of the capabilities, at most limit, by id.
	Holders(ctx context.Context, id ref.OrgID, names []string, limit int) ([]Holder, error)

	// CustomerCount returns the number of direct customers.
	CustomerCount(ctx context.Context, parent ref.OrgID) (int64, error)
	// LockCustomerCount returns the number of direct customers and holds it still until the commit.
	LockCustomerCount(ctx context.Context, parent ref.OrgID) (int64, error)
	// Children lists the direct customers of id, at most limit, by id.
	Children(ctx context.Context, id ref.OrgID, limit int) ([]Organization, error)
	// CustomersByKey finds direct customers with one of the external ids or one of the names, by id.
	CustomersByKey(ctx context.Context, parent ref.OrgID, externalIDs, names []string) ([]Organization, error)
	// CustomerDetail leaves the tags out.
	CustomerDetail(ctx context.Context, parent, customer ref.OrgID) (Detail, error)
	// CustomerDetails finds what still is, with owners and tags; the ends are those of the customers alone.
	CustomerDetails(ctx context.Context, parent ref.OrgID, customers []ref.OrgID) (map[ref.OrgID]Detail, error)
	EachCustomer(ctx context.Context, parent ref.OrgID, match *filter.Expr, each func(Summary) error) error
	// CustomerPage sorts by the ends given of the parent's capabilities where it sorts by ends.
	CustomerPage(ctx context.Context, parent ref.OrgID, q Query, ends map[string]time.Time) (Page, error)
	CustomerIDs(ctx context.Context, parent ref.OrgID, match *filter.Expr, ends map[string]time.Time, after ref.OrgID, limit int) ([]ref.OrgID, error)

	Owners(ctx context.Context, id ref.OrgID) ([]User, error)
	// AddOwners makes each a user if it is none, a member and an owner. Who is an active member of any organization becomes
	// one here; who is none becomes a member in the given state.
	AddOwners(ctx context.Context, id ref.OrgID, owners []Owner, newcomers State) ([]User, error)
	// RemoveOwners takes the role away; who holds nothing else in the organization leaves it.
	RemoveOwners(ctx context.Context, id ref.OrgID, users []ref.UserID) error

	Tags(ctx context.Context, id ref.OrgID) ([]string, error)
	AddTags(ctx context.Context, id ref.OrgID, tags []string) error
	RemoveTags(ctx context.Context, id ref.OrgID, tags []string) error
	TagCounts(ctx context.Context, parent ref.OrgID) ([]TagCount, error)

	settingTx
	contractTx
}

// Blocker names what stands in the way of deleting an organization, e.g. "2 applied policies: 65fe…, 65ff…"; "" for none.
// Later parts register theirs, so that every one is named in one answer.
type Blocker func(ctx context.Context, tx Tx, id ref.OrgID) (string, error)

// Config is what a Service needs.
type Config struct {
	Store    Store
	Guard    Guard
	Now      func() time.Time
	Catalog  Catalog
	Blockers []Blocker
	// Tell is told of every change of owners in the transaction that makes it; nil: nobody is.
	Tell func(ctx context.Context, tx Tx, by access.Caller, c OwnerChange) error
}

// Service is the use cases of the tree. It is safe for concurrent use.
type Service struct {
	store    Store
	guard    Guard
	now      func() time.Time
	catalog  Catalog
	blockers []Blocker
	tell     func(ctx context.Context, tx Tx, by access.Caller, c OwnerChange) error
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Guard == nil || cfg.Now == nil {
		return nil, errors.New("org: a store, a guard and a clock are needed")
	}
	return &Service{store: cfg.Store, guard: cfg.Guard, now: cfg.Now, catalog: cfg.Catalog, blockers: cfg.Blockers, tell: cfg.Tell}, nil
}

// Organization returns one organization, to its members.
func (s *Service) Organization(ctx context.Context, by access.Caller, id ref.OrgID) (Organization, error) {
	return readOne(ctx, s, by, access.OrgShow, id, func(tx Tx) (Organization, error) { return tx.Organization(ctx, id) })
}

// Projects lists the projects of an organization by id.
func (s *Service) Projects(ctx context.Context, by access.Caller, id ref.OrgID) ([]Project, error) {
	return readOne(ctx, s, by, access.ProjectIndex, id, func(tx Tx) ([]Project, error) { return tx.Projects(ctx, id) })
}

// readOne is a use case that asks for one privilege and reads one thing.
func readOne[T any](ctx context.Context, s *Service, by access.Caller, p access.Privilege, id ref.OrgID, read func(Tx) (T, error)) (T, error) {
	var v T
	if err := s.guard.Require(ctx, by, p, id); err != nil {
		return v, err
	}
	err := s.store.Read(ctx, func(tx Tx) (err error) {
		v, err = read(tx)
		return err
	})
	return v, err
}

// customer returns a direct customer of parent, NotFound otherwise.
func customer(ctx context.Context, tx Tx, parent, id ref.OrgID) (Organization, error) {
	o, err := tx.Organization(ctx, id)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return Organization{}, err
	}
	if err != nil || o.Parent != parent {
		return Organization{}, customerNotFound(parent, id)
	}
	return o, nil
}

// lockCustomer is customer, held alone, after its parent was locked.
func lockCustomer(ctx context.Context, tx Tx, parent, id ref.OrgID) (Organization, error) {
	o, err := tx.Lock(ctx, id, true)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return Organization{}, err
	}
	if err != nil || o.Parent != parent {
		return Organization{}, customerNotFound(parent, id)
	}
	return o, nil
}

func customerNotFound(parent, id ref.OrgID) error {
	return errs.NotFoundf("organization %d has no customer %d", parent, id)
}
