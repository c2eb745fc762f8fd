package iam

import (
	"context"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// State is where a membership stands.
type State string

// The states of a membership.
const (
	Invited  State = "invited"  // named, has not signed in yet; may be an owner already
	Active   State = "active"   // a member
	Inactive State = "inactive" // shut out of this organization, not of others
)

// Source is how somebody comes into an organization.
type Source string

// The sources, as the contract spells them.
const (
	OfMember Source = "org_member"
	OfPolicy Source = "external_access_policy" // of the parent
)

// User is a person as an organization shows it.
type User struct {
	ID          ref.UserID
	Email       string
	FirstName   string
	LastName    string
	State       State // active where Source is not that of a member
	Source      Source
	LastUILogin time.Time // zero: never
	LastAPIUse  time.Time // of a refresh token; zero: never, and a few seconds late
	ActiveToken bool      // has a refresh token that can be used
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// LastActivity is the later of the two; zero: never.
func (u User) LastActivity() time.Time {
	if u.LastAPIUse.After(u.LastUILogin) {
		return u.LastAPIUse
	}
	return u.LastUILogin
}

// UserFilter is what lists of users may be filtered by. Source: the contract, section 1.6.
var UserFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{
		{Name: "email", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne, AnyCase: true},
		{Name: "firstName", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne},
		{Name: "lastName", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne},
		{Name: "lastUILogin", Type: filter.Time, Ops: filter.Gt | filter.Lt | filter.Ge | filter.Le},
		{Name: "lastAPILogin", Type: filter.Time, Ops: filter.Gt | filter.Lt | filter.Ge | filter.Le},
		{Name: "hasActiveRefreshToken", Type: filter.Bool, Ops: filter.Eq},
	},
})

// UserOrder is what a page of users is sorted by.
type UserOrder string

// The orders of a page. Texts go without regard to letter case, and who never signed in is before all others.
const (
	ByFirstName   UserOrder = "firstName"
	ByLastName    UserOrder = "lastName"
	ByEmail       UserOrder = "email"
	ByLastUILogin UserOrder = "lastUILogin"
	ByLastAPIUse  UserOrder = "lastAPILogin"
)

// UserQuery asks for a page of users.
type UserQuery struct {
	Match  *filter.Expr // nil: all
	Source Source       // "": members, and those let in by access policies who are none
	Order  UserOrder
	Desc   bool
	After  *UserCursor // nil: from the beginning
	Limit  int         // 1..1000
	Count  bool        // of all that match
}

// UserCursor is the last row of a page: its sort key and its id, by which the next page begins.
type UserCursor struct {
	Number int64  // key of a time, µs
	Text   string // key of a text
	ID     ref.UserID
}

// UserPage is some users in order.
type UserPage struct {
	Users []User
	Total int64       // all that match, if it was asked for
	Next  *UserCursor // nil: the last page
}

// userTx is what the use cases of users ask of a transaction.
type userTx interface {
	// Users reads a page. let says whether access policies of the parent count at present.
	Users(ctx context.Context, org ref.OrgID, q UserQuery, let bool) (UserPage, error)
	// User reads one as the organization shows it: a member, or one let in.
	User(ctx context.Context, org ref.OrgID, id ref.UserID, let bool) (User, error)
	// AddMember makes a user of an address if there is none, and a member of the organization.
	AddMember(ctx context.Context, org ref.OrgID, n NewUser) (User, error)
	// RemoveMember ends a membership with the roles and user groups of the organization. From the commit on it is over.
	RemoveMember(ctx context.Context, org ref.OrgID, user ref.UserID) error
	// ShutOut makes a membership inactive, LetIn makes it what it was before.
	ShutOut(ctx context.Context, org ref.OrgID, user ref.UserID) error
	LetIn(ctx context.Context, org ref.OrgID, user ref.UserID) error
}

// Users returns a page of the users of an organization.
func (s *Service) Users(ctx context.Context, by access.Caller, org ref.OrgID, q UserQuery) (page UserPage, err error) {
	if err := s.guard.Require(ctx, by, access.UserIndex, org); err != nil {
		return UserPage{}, err
	}
	let, err := s.guard.LetsIn(ctx, org)
	if err != nil {
		return UserPage{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		page, err = tx.Users(ctx, org, q, let)
		return err
	})
	return page, err
}

// User returns one user of an organization.
func (s *Service) User(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) (u User, err error) {
	if err := s.guard.Require(ctx, by, access.UserShow, org); err != nil {
		return User{}, err
	}
	let, err := s.guard.LetsIn(ctx, org)
	if err != nil {
		return User{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		u, err = tx.User(ctx, org, id, let)
		return err
	})
	return u, err
}

// UserGroups lists the user groups of an organization that one of its users is in, by name.
func (s *Service) UserGroups(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) (list []Group, err error) {
	if err := s.guard.Require(ctx, by, access.UserShow, org); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		if err := requireMember(ctx, tx, org, id); err != nil {
			return err
		}
		list, err = tx.Groups(ctx, org, GroupQuery{Of: id})
		return err
	})
	return list, err
}

func requireMember(ctx context.Context, tx Tx, org ref.OrgID, user ref.UserID) error {
	member, err := tx.IsMember(ctx, org, user)
	if err == nil && !member {
		err = errs.NotFoundf("organization %d has no user %d", org, user)
	}
	return err
}
