package iam

import (
	"context"
	"fmt"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Grantee is whom a role is granted to: exactly one of the first three is set.
type Grantee struct {
	User    ref.UserID
	Group   ref.UserGroupID
	Account ref.ServiceAccountID
	Org     ref.OrgID // that was named beside it; 0: none was
}

func (g Grantee) String() string {
	switch {
	case g.User != 0:
		return fmt.Sprintf("user %d", g.User)
	case g.Group != 0:
		return fmt.Sprintf("user group %d", g.Group)
	}
	return fmt.Sprintf("service account %d", g.Account)
}

// target names the grantee as audit entries do.
func (g Grantee) target() (kind, id string) {
	switch {
	case g.User != 0:
		return "user", g.User.String()
	case g.Group != 0:
		return "user_group", g.Group.String()
	}
	return "service_account", g.Account.String()
}

// Rule is an access rule: a role granted in an organization as a whole, or in one of its projects.
type Rule struct {
	Org       ref.OrgID
	Project   ref.ProjectID // 0: the organization as a whole
	Role      ref.RoleID
	Of        Grantee
	Email     string // of a user
	FirstName string
	LastName  string
	Name      string // of a user group or a service account
	CreatedAt time.Time
}

// RuleQuery asks for access rules of an organization. The zero value asks for those of the organization as a whole.
type RuleQuery struct {
	Of         *Grantee   // nil: of all
	Role       ref.RoleID // 0: every role
	In         Scope
	Everywhere bool // in the organization and in all its projects
}

// Scope is an organization as a whole, or one of its projects.
type Scope struct {
	Org     ref.OrgID     // 0: the one that is asked about, where there is one
	Project ref.ProjectID // 0: the organization as a whole
}

// local refuses what another organization than the one asked about was named with.
func local(org ref.OrgID, of *Grantee, in Scope) error {
	if of != nil && of.Org != 0 && of.Org != org {
		return errs.Invalidf("subject: %s is said to be of organization %d, and this is %d", of, of.Org, org)
	}
	if in.Org != 0 && in.Org != org {
		return errs.Invalidf("scope: is of organization %d, and this is %d", in.Org, org)
	}
	return nil
}

// ruleTx is what the use cases of access rules ask of a transaction.
type ruleTx interface {
	// Rules lists access rules in the order they were made in.
	Rules(ctx context.Context, org ref.OrgID, q RuleQuery) ([]Rule, error)
	// HasProject reports whether the project is the organization's.
	HasProject(ctx context.Context, org ref.OrgID, id ref.ProjectID) (bool, error)
	// HasGrantee reports whether a user belongs to the organization, shut out or not, or a group or an account is its own.
	HasGrantee(ctx context.Context, org ref.OrgID, of Grantee) (bool, error)
	// InsertRule reports whether the rule is new.
	InsertRule(ctx context.Context, r Rule) (bool, error)
	// DeleteRules removes the rules of one grantee that the query is about.
	DeleteRules(ctx context.Context, org ref.OrgID, q RuleQuery) error
}

// Rules lists access rules of an organization in the order they were made in.
func (s *Service) Rules(ctx context.Context, by access.Caller, org ref.OrgID, q RuleQuery) (list []Rule, err error) {
	if err := s.guard.Require(ctx, by, access.RuleIndex, org); err != nil {
		return nil, err
	}
	if err := local(org, q.Of, q.In); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.Rules(ctx, org, q)
		return err
	})
	return list, err
}

// Grant is a role for somebody in an organization as a whole, or in one of its projects.
type Grant struct {
	Of   Grantee
	In   Scope
	Role ref.RoleID
}

// check refuses what the organization cannot grant, whoever asks.
func (g Grant) check(org ref.OrgID) error {
	if err := local(org, &g.Of, g.In); err != nil {
		return err
	}
	if g.Role < 1 || int(g.Role) > len(access.Roles) {
		return errs.Invalidf("role: there is no role %d; see the roles of the organization", g.Role)
	}
	switch role := access.Roles[g.Role-1]; {
	case g.Role == access.OrgOwner && g.Of.User == 0:
		return errs.Invalidf("role: org_owner is held by users directly, and never by a %s", g.Of)
	case role.OrgOnly && g.In.Project != 0:
		return errs.Invalidf("role: %s is granted in the organization as a whole, and never in a project", role.Name)
	}
	return nil
}

// GrantRole grants a role; granting it again changes nothing. Only an owner makes owners, and nobody raises itself; see
// notAbove. A role that no capability in force unlocks, and a grantee who is not of the organization, are Invalid.
func (s *Service) GrantRole(ctx context.Context, by access.Caller, org ref.OrgID, g Grant) error {
	if err := s.guard.Require(ctx, by, access.RuleGrant, org); err != nil {
		return err
	}
	if err := g.check(org); err != nil {
		return err
	}
	if err := s.requireUnlocked(ctx, org, g.Role); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		if err := s.mayGrant(ctx, tx, by, org, g); err != nil {
			return err
		}
		r := Rule{Org: org, Project: g.In.Project, Role: g.Role, Of: g.Of, CreatedAt: tx.Now()}
		added, err := tx.InsertRule(ctx, r)
		if err != nil || !added {
			return err
		}
		return recordRules(ctx, tx, by, "access_rule.grant", org, g.Of, nil, map[string]any{"roles": ruleTexts([]Rule{r})})
	})
}

func (s *Service) requireUnlocked(ctx context.Context, org ref.OrgID, id ref.RoleID) error {
	unlocked, err := s.guard.Unlocked(ctx, org)
	if err == nil && !unlocked.Has(id) {
		role := access.Roles[id-1]
		err = errs.Invalidf("role: %s means nothing without the capability %s, which organization %d does not hold, or which has ended", role.Name, role.Capability, org)
	}
	return err
}

// mayGrant asks what depends on who grants to whom. The organization is held.
func (s *Service) mayGrant(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, g Grant) error {
	if err := requireScope(ctx, tx, org, g.In.Project); err != nil {
		return err
	}
	known, err := tx.HasGrantee(ctx, org, g.Of)
	if err != nil {
		return err
	}
	if !known {
		return errs.Invalidf("subject: organization %d has no %s", org, g.Of)
	}
	if g.Role == access.OrgOwner {
		return s.requireOwner(ctx, by, org)
	}
	reaches, err := reachesItself(ctx, tx, by, org, g.Of)
	if err != nil || !reaches {
		return err
	}
	return s.notAbove(ctx, by, org, g.In.Project, access.Set(g.Role))
}

func requireScope(ctx context.Context, tx Tx, org ref.OrgID, project ref.ProjectID) error {
	if project == 0 {
		return nil
	}
	has, err := tx.HasProject(ctx, org, project)
	if err == nil && !has {
		err = errs.Invalidf("scope: organization %d has no project %d", org, project)
	}
	return err
}

// reachesItself reports whether what is granted reaches the caller: itself, a user group it is in, or a machine, whose secret
// whoever administers the organization can make.
func reachesItself(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, of Grantee) (bool, error) {
	switch {
	case of.Account != 0:
		return true, nil
	case of.User != 0 || by.User == 0:
		return of.User == by.User && by.User != 0, nil
	}
	in, err := tx.GroupUsers(ctx, Group{ID: of.Group, Org: org}, []ref.UserID{by.User})
	return len(in) > 0, err
}

// notAbove refuses whoever is no owner a role it does not hold itself in that scope: nobody raises itself.
func (s *Service) notAbove(ctx context.Context, by access.Caller, org ref.OrgID, project ref.ProjectID, roles access.RoleSet) error {
	if by.Operator {
		return nil
	}
	held, err := s.guard.Roles(ctx, by, org, project)
	if err != nil || held.Has(access.OrgOwner) || roles&^held == 0 {
		return err
	}
	return errs.Forbiddenf("nobody raises itself: only an owner of organization %d, or somebody who holds the role, hands %s to itself, to a user group it is in, or to a service account",
		org, (roles &^ held).List()[0].Name)
}

// Revocation takes roles away from somebody.
type Revocation struct {
	Of   Grantee
	In   Scope
	Role ref.RoleID // 0: every role; in the organization as a whole that is those in its projects too
}

// RevokeRole takes a role away, or all of them; what is not granted stays so. An owner's role is taken away by owners, and never
// that of the last one.
func (s *Service) RevokeRole(ctx context.Context, by access.Caller, org ref.OrgID, r Revocation) error {
	if err := s.guard.Require(ctx, by, access.RuleRevoke, org); err != nil {
		return err
	}
	if r.Role < 0 || int(r.Role) > len(access.Roles) {
		return errs.Invalidf("role: there is no role %d; see the roles of the organization", r.Role)
	}
	if err := local(org, &r.Of, r.In); err != nil {
		return err
	}
	q := RuleQuery{Of: &r.Of, Role: r.Role, In: r.In, Everywhere: r.Role == 0 && r.In.Project == 0}
	return s.store.Write(ctx, func(tx Tx) error {
		return KeepOwner(ctx, tx, org, func() error {
			if err := requireScope(ctx, tx, org, r.In.Project); err != nil {
				return err
			}
			present, err := tx.Rules(ctx, org, q)
			if err != nil || len(present) == 0 {
				return err
			}
			if err := s.mayRevoke(ctx, by, org, present); err != nil {
				return err
			}
			if err := tx.DeleteRules(ctx, org, q); err != nil {
				return err
			}
			return recordRules(ctx, tx, by, "access_rule.revoke", org, r.Of, map[string]any{"roles": ruleTexts(present)}, nil)
		})
	})
}

func (s *Service) mayRevoke(ctx context.Context, by access.Caller, org ref.OrgID, rules []Rule) error {
	for _, r := range rules {
		if r.Role == access.OrgOwner {
			return s.requireOwner(ctx, by, org)
		}
	}
	return nil
}

// ruleTexts tells rules in audit entries: a role's name, with the project behind it where it is granted in one.
func ruleTexts(rules []Rule) []string {
	list := make([]string, len(rules))
	for i, r := range rules {
		list[i] = access.Roles[r.Role-1].Name
		if r.Project != 0 {
			list[i] += fmt.Sprintf(" in project %d", r.Project)
		}
	}
	return list
}

func recordRules(ctx context.Context, tx Tx, by access.Caller, action string, org ref.OrgID, of Grantee, before, after any) error {
	kind, id := of.target()
	return record(ctx, tx, by, audit.Entry{Org: org, Action: action, TargetKind: kind, TargetID: id}, before, after)
}
