package iam

import (
	"context"
	"strings"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Domains knows which mail domains an organization has proved to be its own.
type Domains interface {
	VerifiedDomain(ctx context.Context, org ref.OrgID, domain string) (bool, error)
}

// NewUser is a person to be made a member. The names are used only if the address is not yet a user's.
type NewUser struct {
	Email     string
	FirstName string
	LastName  string
}

func (n NewUser) check() error {
	wrong := checkText(nil, "email", n.Email, maxEmail)
	wrong = checkText(wrong, "first_name", n.FirstName, maxName)
	wrong = checkText(wrong, "last_name", n.LastName, maxName)
	if at := strings.LastIndexByte(n.Email, '@'); at < 1 || at == len(n.Email)-1 {
		wrong = append(wrong, "email: is no e-mail address")
	}
	if len(wrong) > 0 {
		return errs.Invalidf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

// Bounds of people. The contract bounds the names in invitations alone; an address is bounded by RFC 5321, section 4.5.3.
const (
	maxEmail = 320
	maxName  = 256
)

// CreateUser makes a person a member whose address is of a domain that the organization has verified: others are invited, for
// nobody becomes a member of an organization it has nothing to do with unasked. Someone who is a user becomes a member; someone
// who is none needs both names. Who is a member already stays as it is; one who was shut out is Invalid.
func (s *Service) CreateUser(ctx context.Context, by access.Caller, org ref.OrgID, n NewUser) (id ref.UserID, err error) {
	if err := s.guard.Require(ctx, by, access.UserCreate, org); err != nil {
		return 0, err
	}
	if err := n.check(); err != nil {
		return 0, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		id, err = presentMember(ctx, tx, org, n.Email)
		return err
	})
	if err != nil || id != 0 {
		return id, err
	}
	if err := s.requireDomain(ctx, org, n.Email); err != nil {
		return 0, err
	}
	err = s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		id, err = addMember(ctx, tx, by, org, n)
		return err
	})
	return id, err
}

// presentMember finds the member with an address, 0 if there is none; one who was shut out is Invalid.
func presentMember(ctx context.Context, tx Tx, org ref.OrgID, email string) (ref.UserID, error) {
	id, err := tx.UserByEmail(ctx, email)
	if err == nil {
		var u User
		if u, err = tx.User(ctx, org, id, false); err == nil && u.State == Inactive {
			return 0, errs.Invalidf("email: %s is a member who was shut out; reactivate user %d instead", email, id)
		}
	}
	if errs.KindOf(err) == errs.NotFound {
		return 0, nil
	}
	return id, err
}

func (s *Service) requireDomain(ctx context.Context, org ref.OrgID, email string) error {
	domain := strings.ToLower(email[strings.LastIndexByte(email, '@')+1:])
	verified := false
	if s.domains != nil {
		var err error
		if verified, err = s.domains.VerifiedDomain(ctx, org, domain); err != nil {
			return err
		}
	}
	if !verified {
		return errs.Invalidf("email: %.255s is no domain that organization %d has verified; verify it with an identity provider, or invite the person", domain, org)
	}
	return nil
}

func addMember(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, n NewUser) (ref.UserID, error) {
	if id, err := presentMember(ctx, tx, org, n.Email); err != nil || id != 0 {
		return id, err
	}
	_, err := tx.UserByEmail(ctx, n.Email)
	if errs.KindOf(err) == errs.NotFound && (strings.TrimSpace(n.FirstName) == "" || strings.TrimSpace(n.LastName) == "") {
		return 0, errs.Invalidf("first_name, last_name: both are needed, since %s is no user yet", n.Email)
	}
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return 0, err
	}
	u, err := tx.AddMember(ctx, org, n)
	if err != nil {
		return 0, err
	}
	return u.ID, recordUser(ctx, tx, by, "user.create", org, u, nil, map[string]any{"email": u.Email})
}

// RemoveUser takes a member out of an organization, with its roles and user groups there. The user remains, as do its other
// organizations.
func (s *Service) RemoveUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) error {
	return s.removeUser(ctx, by, access.UserDelete, org, id)
}

func (s *Service) removeUser(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.UserID) error {
	return s.changeMember(ctx, by, p, org, id, func(tx Tx, u User) error {
		rules, err := tx.Rules(ctx, org, RuleQuery{Of: &Grantee{User: id}, Everywhere: true})
		if err != nil {
			return err
		}
		groups, err := tx.Groups(ctx, org, GroupQuery{Of: id})
		if err != nil {
			return err
		}
		if err := tx.RemoveMember(ctx, org, id); err != nil {
			return err
		}
		before := map[string]any{"email": u.Email, "state": u.State, "roles": ruleTexts(rules), "groups": groupTexts(groups)}
		return recordUser(ctx, tx, by, "user.delete", org, u, before, nil)
	})
}

// DeactivateUser shuts a member out of an organization, at once and reversibly: its roles and user groups stay, and count for
// nothing. One who is shut out already stays so.
func (s *Service) DeactivateUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) error {
	return s.changeMember(ctx, by, access.UserUpdate, org, id, func(tx Tx, u User) error {
		if u.State == Inactive {
			return nil
		}
		if err := tx.ShutOut(ctx, org, id); err != nil {
			return err
		}
		return recordUser(ctx, tx, by, "user.deactivate", org, u, map[string]any{"state": u.State}, map[string]any{"state": Inactive})
	})
}

// ReactivateUser lets a member in again whom DeactivateUser shut out.
func (s *Service) ReactivateUser(ctx context.Context, by access.Caller, org ref.OrgID, id ref.UserID) error {
	return s.changeMember(ctx, by, access.UserUpdate, org, id, func(tx Tx, u User) error {
		if u.State != Inactive {
			return nil
		}
		if by.User == id {
			return errs.Forbiddenf("nobody lets itself in again")
		}
		if err := tx.LetIn(ctx, org, id); err != nil {
			return err
		}
		now, err := tx.User(ctx, org, id, false)
		if err != nil {
			return err
		}
		return recordUser(ctx, tx, by, "user.reactivate", org, u, map[string]any{"state": u.State}, map[string]any{"state": now.State})
	})
}

// changeMember is a use case that changes one membership and leaves an owner. Owners are changed by owners.
func (s *Service) changeMember(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.UserID, change func(Tx, User) error) error {
	if err := s.guard.Require(ctx, by, p, org); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		return KeepOwner(ctx, tx, org, func() error {
			u, err := tx.User(ctx, org, id, false)
			if err != nil {
				return err
			}
			if err := s.respectOwner(ctx, tx, by, org, id); err != nil {
				return err
			}
			return change(tx, u)
		})
	})
}

func recordUser(ctx context.Context, tx Tx, by access.Caller, action string, org ref.OrgID, u User, before, after any) error {
	return record(ctx, tx, by, audit.Entry{Org: org, Action: action, TargetKind: "user", TargetID: u.ID.String()}, before, after)
}
