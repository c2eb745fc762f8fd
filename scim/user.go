package scim

import (
	"context"
	"slices"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

// Account is a person across all organizations, as far as a directory may change it.
type Account struct {
	Email, FirstName, LastName string
	Elsewhere                  bool // belongs to other organizations too
	Owner                      bool // is an owner of some organization
}

// userTx is what the use cases of users ask of a transaction.
type userTx interface {
	// SCIMUsers lists members by id beyond one, after leaving some out.
	SCIMUsers(ctx context.Context, org ref.OrgID, beyond ref.UserID, skip, limit int) ([]User, error)
	// SCIMUsersBy lists the members that a key finds, by id: with [ByEmail] all that may have the address.
	SCIMUsersBy(ctx context.Context, org ref.OrgID, key Key) ([]User, error)
	CountMembers(ctx context.Context, org ref.OrgID) (int64, error)
	// AddSCIMUser makes a user of an address if there is none, and a member of it; isNew is false, and nothing is written, where
	// it is a member already.
	AddSCIMUser(ctx context.Context, org ref.OrgID, address string, p Person) (id ref.UserID, isNew bool, err error)
	// PutSCIMUser writes down what a directory says of a member.
	PutSCIMUser(ctx context.Context, org ref.OrgID, id ref.UserID, p Person) error
	// AccountOf reads one as it stands for an organization, and makes others that change it wait.
	AccountOf(ctx context.Context, org ref.OrgID, id ref.UserID) (Account, error)
	// SetAccount writes address and names; a taken address is errs.Conflict.
	SetAccount(ctx context.Context, id ref.UserID, a Account) error
}

// pageSize is how many members are read at once.
const pageSize = 1000

// Users gives those of a page to each, by id, and returns how many match in all.
func (s *Service) Users(ctx context.Context, by access.Caller, org ref.OrgID, p Page, each func(User) error) (total int, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMUserIndex, org); err != nil {
		return 0, err
	}
	switch {
	case p.Match == nil:
		return s.wholeList(ctx, org, p, each)
	case p.Match.Keys() != nil:
		return s.found(ctx, org, p, each)
	}
	err = s.walk(ctx, org, 0, func(u User) (bool, error) {
		if !p.Match.selects(u.values()) {
			return true, nil
		}
		total++
		if !p.has(total) {
			return true, nil
		}
		return true, each(u)
	})
	return total, err
}

// wholeList reads no more than the page.
func (s *Service) wholeList(ctx context.Context, org ref.OrgID, p Page, each func(User) error) (int, error) {
	if p.From == 1 && p.Count < 0 {
		n := 0
		err := s.walk(ctx, org, 0, func(u User) (bool, error) {
			n++
			return true, each(u)
		})
		return n, err
	}
	var total int64
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		total, err = tx.CountMembers(ctx, org)
		return err
	})
	if err != nil || p.Count == 0 {
		return int(total), err
	}
	n := 0
	err = s.walk(ctx, org, p.From-1, func(u User) (bool, error) {
		n++
		return p.Count < 0 || n < p.Count, each(u)
	})
	return int(total), err
}

// walk gives members to visit by id, a part at a time, until it says no.
func (s *Service) walk(ctx context.Context, org ref.OrgID, skip int, visit func(User) (more bool, err error)) error {
	for beyond := ref.UserID(0); ; skip = 0 {
		var part []User
		err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
			part, err = tx.SCIMUsers(ctx, org, beyond, skip, pageSize)
			return err
		})
		if err != nil {
			return err
		}
		for _, u := range part {
			beyond = u.ID
			if more, err := visit(u); err != nil || !more {
				return err
			}
		}
		if len(part) < pageSize {
			return nil
		}
	}
}

// found looks where the keys of the filter lead.
func (s *Service) found(ctx context.Context, org ref.OrgID, p Page, each func(User) error) (total int, err error) {
	var list []User
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		for _, k := range p.Match.Keys() {
			some, err := tx.SCIMUsersBy(ctx, org, k)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.SortFunc(list, func(a, b User) int { return int(a.ID - b.ID) })
	list = slices.CompactFunc(list, func(a, b User) bool { return a.ID == b.ID })
	for _, u := range list {
		if !p.Match.selects(u.values()) {
			continue
		}
		if total++; p.has(total) {
			if err := each(u); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

// User returns one member.
func (s *Service) User(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) (u User, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMUserShow, org); err != nil {
		return User{}, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		u, err = member(ctx, tx, org, id)
		return err
	})
	return u, err
}

func member(ctx context.Context, tx Tx, org ref.OrgID, id ref.UserID) (User, error) {
	found, err := tx.SCIMUsersBy(ctx, org, Key{ByID, id.String()})
	if err == nil && len(found) == 0 {
		err = errs.NotFoundf("organization %d has no user %d", org, id)
	}
	if err != nil {
		return User{}, err
	}
	return found[0], nil
}

// CreateUser makes a person a member: a new account for an address that is nobody's, else the one there is, which changes in
// nothing outside the organization. It is the same again: a directory that was cut off sends what it sent before, so who is a
// member under the user name is brought to what is said. Two keys of the directory for one user name are two people, and Invalid.
func (s *Service) CreateUser(ctx context.Context, by access.Caller, org ref.OrgID, p Person) (u User, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMUserCreate, org); err != nil {
		return User{}, err
	}
	if err := p.check(); err != nil {
		return User{}, err
	}
	address := p.Address()
	if address == "" {
		return User{}, errs.Invalidf("userName: %.64q is no e-mail address, and emails has none", p.UserName)
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		present, err := tx.SCIMUsersBy(ctx, org, Key{ByUserName, p.UserName})
		if err != nil {
			return err
		}
		if len(present) > 0 {
			u, err = s.again(ctx, tx, by, present[0], p)
			return err
		}
		u, err = s.admit(ctx, tx, by, org, address, p)
		return err
	})
	return u, err
}

// again is a create of somebody who is there.
func (s *Service) again(ctx context.Context, tx Tx, by access.Caller, u User, p Person) (User, error) {
	if u.ExternalID != "" && p.ExternalID != "" && u.ExternalID != p.ExternalID {
		return User{}, errs.Conflictf("", "userName: %.64q is user %d, whose externalId is another: one of the two has to change in the directory", p.UserName, u.ID)
	}
	return s.write(ctx, tx, by, u, p.over(u.Person))
}

// admit makes a member of somebody who has no such user name in the organization.
func (s *Service) admit(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, address string, p Person) (User, error) {
	id, isNew, err := tx.AddSCIMUser(ctx, org, address, p)
	if err != nil {
		return User{}, err
	}
	if !isNew {
		u, err := member(ctx, tx, org, id)
		if err == nil && u.Recorded {
			err = errs.Conflictf("", "userName: the account of %s is user %d already, as %.64q", address, id, u.UserName)
		}
		if err != nil {
			return User{}, err
		}
		return s.write(ctx, tx, by, u, p.over(u.Person))
	}
	u := User{ID: id, Org: org, Person: p, Recorded: true, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
	told := p.told()
	told["email"], told["active"] = address, p.Active
	return u, recordUser(ctx, tx, by, "user.create", u, nil, told)
}

// ReplaceUser makes a member what to makes of it: what a replacement leaves out is for the caller to keep.
func (s *Service) ReplaceUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID, to func(Person) (Person, error)) (User, error) {
	return s.change(ctx, by, org, id, func(p *Person) (err error) {
		*p, err = to(*p)
		return err
	})
}

// PatchUser applies operations to a member.
func (s *Service) PatchUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID, ops []Operation) (User, error) {
	return s.change(ctx, by, org, id, func(p *Person) error { return p.apply(ops) })
}

func (s *Service) change(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID, how func(*Person) error) (u User, err error) {
	if err := s.cfg.Guard.Require(ctx, by, access.SCIMUserUpdate, org); err != nil {
		return User{}, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		if u, err = member(ctx, tx, org, id); err != nil {
			return err
		}
		p := u.Person
		p.Emails, p.Phones = slices.Clone(p.Emails), slices.Clone(p.Phones)
		if err := how(&p); err != nil {
			return err
		}
		u, err = s.write(ctx, tx, by, u, p)
		return err
	})
	return u, err
}

// write makes a member what p says; the organization is held. What is so already is not written.
func (s *Service) write(ctx context.Context, tx Tx, by access.Caller, u User, p Person) (User, error) {
	if err := p.check(); err != nil {
		return User{}, err
	}
	if p.Active != u.Active {
		if err := s.setActive(ctx, tx, by, u, p.Active); err != nil {
			return User{}, err
		}
		u.UpdatedAt = tx.Now()
	}
	if !p.equal(u.Person) {
		if err := s.describe(ctx, tx, by, u, p); err != nil {
			return User{}, err
		}
		u.Recorded, u.UpdatedAt = true, tx.Now()
	}
	u.Person = p
	return u, nil
}

// setActive shuts a member out or lets it in. Who owns the organization is shut out by owners alone, never as the last of them, and
// nobody lets itself in.
func (s *Service) setActive(ctx context.Context, tx Tx, by access.Caller, u User, active bool) error {
	if err := s.cfg.People.RespectOwner(ctx, tx, by, u.Org, u.ID); err != nil {
		return err
	}
	if !active {
		err := iam.KeepOwner(ctx, tx, u.Org, func() error { return tx.ShutOut(ctx, u.Org, u.ID) })
		if err != nil {
			return err
		}
		return recordUser(ctx, tx, by, "user.deactivate", u, map[string]any{"active": true}, map[string]any{"active": false})
	}
	if by.User == u.ID {
		return errs.Forbiddenf("nobody lets itself in again")
	}
	if err := tx.LetIn(ctx, u.Org, u.ID); err != nil {
		return err
	}
	return recordUser(ctx, tx, by, "user.reactivate", u, map[string]any{"active": false}, map[string]any{"active": true})
}

// describe writes what the directory says, and makes the account follow.
func (s *Service) describe(ctx context.Context, tx Tx, by access.Caller, u User, p Person) error {
	if filter.Fold(p.UserName) != filter.Fold(u.UserName) {
		others, err := tx.SCIMUsersBy(ctx, u.Org, Key{ByUserName, p.UserName})
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(others, func(o User) bool { return o.ID != u.ID }); i >= 0 {
			return errs.Conflictf("", "userName: %.64q is user %d already", p.UserName, others[i].ID)
		}
	}
	if err := tx.PutSCIMUser(ctx, u.Org, u.ID, p); err != nil {
		return err
	}
	if err := s.follow(ctx, tx, by, u, p); err != nil {
		return err
	}
	return recordUser(ctx, tx, by, "user.update", u, u.told(), p.told())
}

// follow changes the account itself where the organization may: names of people whose home it is, or who are at home nowhere and
// belong to no other; addresses of people whose home it is, to another address of its own, since whoever has the mail of an address
// can sign in by it. Who owns any organization is given another address by an owner only.
func (s *Service) follow(ctx context.Context, tx Tx, by access.Caller, u User, p Person) error {
	a, err := tx.AccountOf(ctx, u.Org, u.ID)
	if err != nil {
		return err
	}
	home, err := s.cfg.Home(ctx, tx, a.Email)
	if err != nil {
		return err
	}
	to := a
	if home == u.Org || home == 0 && !a.Elsewhere {
		to.FirstName, to.LastName = p.GivenName, p.FamilyName
	}
	if address := p.Address(); home == u.Org && address != "" && address != u.Address() {
		if may, err := s.mayAddress(ctx, tx, by, u.Org, a, address); err != nil {
			return err
		} else if may {
			to.Email = address
		}
	}
	if to == a {
		return nil
	}
	return tx.SetAccount(ctx, u.ID, to)
}

func (s *Service) mayAddress(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, a Account, address string) (bool, error) {
	home, err := s.cfg.Home(ctx, tx, address)
	if err != nil || home != org || !a.Owner {
		return home == org, err
	}
	return s.cfg.People.OwnedBy(ctx, by, org)
}

// DeleteUser takes a member out of the organization, with its roles and user groups there. The person's account remains.
func (s *Service) DeleteUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) error {
	return s.cfg.People.Deprovision(ctx, by, org, id)
}

func recordUser(ctx context.Context, tx Tx, by access.Caller, action string, u User, before, after any) error {
	return record(ctx, tx, by, audit.Entry{Org: u.Org, Action: action, TargetKind: "user", TargetID: u.ID.String()}, before, after)
}
