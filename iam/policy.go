package iam

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// AccessPolicy lets user groups of an organization into customers of it: members of its groups hold its roles in each of its
// customers, while the organization's own msp is in force. It gives nothing in the organization itself. A policy without
// groups, customers or roles is kept and opens nothing.
type AccessPolicy struct {
	ID          ref.AccessPolicyID
	Org         ref.OrgID
	Name        string // unique in the organization, whatever its case
	Description string
	Groups      []GroupName // by id
	Customers   []ref.OrgID // by id
	Roles       []GranularRole
	CreatedBy   int64 // the id of the user or service account that made it, which may be no more
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// GroupName is a user group as policies show it.
type GroupName struct {
	ID   ref.UserGroupID
	Name string
}

// GranularRole is a bundle of scoped permissions. It, they and their scopes may be shared by policies of one organization and
// never change: who wants others writes others.
type GranularRole struct {
	ID          ref.AccessPolicyID
	Name        string
	Description string
	Permissions []ScopedPermission
	CreatedBy   int64
	CreatedAt   time.Time
}

// ScopedPermission is what a granular role gives: shipped roles, and single permissions by name.
type ScopedPermission struct {
	ID          ref.AccessPolicyID
	Name        string
	Description string
	Category    string   // DataAccess, ...; as its maker wrote it
	Permissions []string // privileges of ours count; names of other products are kept and give nothing here
	Roles       access.RoleSet
	Scope       *GranularScope // nil: every customer of the policy
	CreatedBy   int64
	CreatedAt   time.Time
}

// GranularScope narrows a permission to some customers of the policy.
type GranularScope struct {
	ID          ref.AccessPolicyID
	Name        string
	Description string
	NodeIDs     []string // a customer by its number or reference; what names none opens none
	NodePaths   []string // as its maker wrote them
	CreatedBy   int64
	CreatedAt   time.Time
}

// GivesIn is what a permission gives in a customer of its policy.
func (s ScopedPermission) GivesIn(customer ref.OrgID) (roles access.RoleSet, single []access.Privilege) {
	if s.Scope != nil && !slices.ContainsFunc(s.Scope.NodeIDs, func(node string) bool { return names(node, customer) }) {
		return 0, nil
	}
	for _, name := range s.Permissions {
		if p := access.Privilege(name); p.Grantable() {
			single = append(single, p)
		}
	}
	return s.Roles, single
}

// names reports whether a node of a scope is the organization: 12, or ref:nam:::iam:org:12.
func names(node string, org ref.OrgID) bool {
	if node == strconv.FormatInt(int64(org), 10) {
		return true
	}
	r, err := ref.Parse(node)
	return err == nil && r.Service == "iam" && r.Type == "org" && r.ID == org.String()
}

// ExternalGrant is an access.ExternalGrant with the names of its policy and user group.
type ExternalGrant struct {
	access.ExternalGrant
	PolicyName string
	GroupName  string
}

// ExternalUser is somebody whom an access policy lets into a customer.
type ExternalUser struct {
	User  ref.UserID
	Email string
	ExternalGrant
}

// PolicyFilter is what the list of access policies may be filtered by. The contract states no grammar; this one is ours.
var PolicyFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{
		{Name: "id", Type: filter.Text, Ops: filter.Eq | filter.Ne},
		{Name: "name", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne},
		{Name: "description", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne},
	},
})

// Value is an attribute of PolicyFilter.
func (p AccessPolicy) Value(attr string) filter.Value {
	switch attr {
	case "id":
		return filter.TextOf(string(p.ID))
	case "name":
		return filter.TextOf(p.Name)
	}
	return filter.TextOf(p.Description)
}

// DataAccess is the category of permissions that the list of a user's policies is about.
const DataAccess = "DataAccess"

// category reports whether a permission of the policy is of a category.
func (p AccessPolicy) category(name string) bool {
	return slices.ContainsFunc(p.Roles, func(r GranularRole) bool {
		return slices.ContainsFunc(r.Permissions, func(s ScopedPermission) bool { return strings.EqualFold(s.Category, name) })
	})
}

// policyTx is what the use cases of access policies ask of a transaction.
type policyTx interface {
	// AccessPolicies lists those of an organization by id, whole.
	AccessPolicies(ctx context.Context, org ref.OrgID) ([]AccessPolicy, error)
	AccessPolicy(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID) (AccessPolicy, error)
	// GranularRoles lists every granular role that an organization has, with permissions and scopes.
	GranularRoles(ctx context.Context, org ref.OrgID) ([]GranularRole, error)
	// NotCustomers lists which of the ids are no direct customers of the organization.
	NotCustomers(ctx context.Context, org ref.OrgID, ids []ref.OrgID) ([]ref.OrgID, error)
	// GroupNames lists the user groups of the organization, by id; GroupsOf those of them that a user is in.
	GroupNames(ctx context.Context, org ref.OrgID) ([]GroupName, error)
	GroupsOf(ctx context.Context, org ref.OrgID, user ref.UserID) ([]ref.UserGroupID, error)
	// IsMember reports whether a user belongs to the organization, shut out or not.
	IsMember(ctx context.Context, org ref.OrgID, user ref.UserID) (bool, error)
	// PutAccessPolicy writes a policy whole, in place of the one with its id. What of roles, permissions and scopes is there
	// already is shared; what no policy has any more is gone.
	PutAccessPolicy(ctx context.Context, p AccessPolicy) error
	DeleteAccessPolicy(ctx context.Context, p AccessPolicy) error
	// ExternalUsers lists who is let into an organization by the access policies of its direct parent, by user, policy and user
	// group; whether they count at present is not asked.
	ExternalUsers(ctx context.Context, org ref.OrgID) ([]ExternalUser, error)
}

// AccessPolicies lists the access policies of an organization by id.
func (s *Service) AccessPolicies(ctx context.Context, by access.Caller, org ref.OrgID) (list []AccessPolicy, err error) {
	if err := s.guard.Require(ctx, by, access.PolicyIndex, org); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.AccessPolicies(ctx, org)
		return err
	})
	return list, err
}

// AccessPolicy returns one.
func (s *Service) AccessPolicy(ctx context.Context, by access.Caller, org ref.OrgID, id ref.AccessPolicyID) (p AccessPolicy, err error) {
	if err := s.guard.Require(ctx, by, access.PolicyShow, org); err != nil {
		return AccessPolicy{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		p, err = tx.AccessPolicy(ctx, org, id)
		return err
	})
	return p, err
}

// UserPolicies returns the access policies with data access of the user groups of an organization that one of its users is in,
// and those groups.
func (s *Service) UserPolicies(ctx context.Context, by access.Caller, org ref.OrgID, user ref.UserID) (list []AccessPolicy, groups []ref.UserGroupID, err error) {
	if err := s.guard.Require(ctx, by, access.PolicyShow, org); err != nil {
		return nil, nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		member, err := tx.IsMember(ctx, org, user)
		if err != nil {
			return err
		}
		if !member {
			return errs.NotFoundf("organization %d has no user %d", org, user)
		}
		if groups, err = tx.GroupsOf(ctx, org, user); err != nil {
			return err
		}
		list, err = tx.AccessPolicies(ctx, org)
		return err
	})
	list = slices.DeleteFunc(list, func(p AccessPolicy) bool {
		mine := slices.ContainsFunc(p.Groups, func(g GroupName) bool { return slices.Contains(groups, g.ID) })
		return !mine || !p.category(DataAccess)
	})
	return list, groups, err
}

// CreateAccessPolicy makes a policy with all that is new in it, or nothing.
func (s *Service) CreateAccessPolicy(ctx context.Context, by access.Caller, org ref.OrgID, d PolicyDraft) (p AccessPolicy, err error) {
	if err := s.guard.Require(ctx, by, access.PolicyCreate, org); err != nil {
		return AccessPolicy{}, err
	}
	err = s.writePolicy(ctx, org, func(tx Tx) error {
		p, err = s.compose(ctx, tx, by, org, "", d)
		if err != nil {
			return err
		}
		p.CreatedBy, p.CreatedAt = callerID(by), p.UpdatedAt
		if err := tx.PutAccessPolicy(ctx, p); err != nil {
			return err
		}
		return recordPolicy(ctx, tx, by, "access_policy.create", AccessPolicy{}, p)
	})
	return p, err
}

// UpdateAccessPolicy puts a policy in the place of one: what the draft leaves out is no more.
func (s *Service) UpdateAccessPolicy(ctx context.Context, by access.Caller, org ref.OrgID, id ref.AccessPolicyID, d PolicyDraft) error {
	if err := s.guard.Require(ctx, by, access.PolicyUpdate, org); err != nil {
		return err
	}
	return s.writePolicy(ctx, org, func(tx Tx) error {
		before, err := tx.AccessPolicy(ctx, org, id)
		if err != nil {
			return err
		}
		p, err := s.compose(ctx, tx, by, org, id, d)
		if err != nil {
			return err
		}
		p.CreatedBy, p.CreatedAt = before.CreatedBy, before.CreatedAt
		if err := tx.PutAccessPolicy(ctx, p); err != nil {
			return err
		}
		return recordPolicy(ctx, tx, by, "access_policy.update", before, p)
	})
}

// DeleteAccessPolicy ends a policy and what it opened, at once.
func (s *Service) DeleteAccessPolicy(ctx context.Context, by access.Caller, org ref.OrgID, id ref.AccessPolicyID) error {
	if err := s.guard.Require(ctx, by, access.PolicyDelete, org); err != nil {
		return err
	}
	return s.writePolicy(ctx, org, func(tx Tx) error {
		p, err := tx.AccessPolicy(ctx, org, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteAccessPolicy(ctx, p); err != nil {
			return err
		}
		return recordPolicy(ctx, tx, by, "access_policy.delete", p, AccessPolicy{})
	})
}

// writePolicy is a use case that changes policies of an organization, one at a time.
func (s *Service) writePolicy(ctx context.Context, org ref.OrgID, change func(Tx) error) error {
	return s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		return change(tx)
	})
}

// compose makes a policy of a draft, with everything that is wrong with it said at once. id is that of the policy it takes the
// place of, "" for a new one.
func (s *Service) compose(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, id ref.AccessPolicyID, d PolicyDraft) (AccessPolicy, error) {
	present, err := tx.AccessPolicies(ctx, org)
	if err != nil {
		return AccessPolicy{}, err
	}
	b := builder{random: s.rand, by: callerID(by), at: tx.Now()}
	if b.stored, err = tx.GranularRoles(ctx, org); err != nil {
		return AccessPolicy{}, err
	}
	if b.groups, err = tx.GroupNames(ctx, org); err != nil {
		return AccessPolicy{}, err
	}
	d.Customers = sorted(d.Customers)
	if b.strangers, err = tx.NotCustomers(ctx, org, d.Customers); err != nil {
		return AccessPolicy{}, err
	}
	p, err := b.build(org, id, d)
	if err != nil {
		return AccessPolicy{}, err
	}
	for _, o := range present {
		if o.ID != id && filter.Fold(o.Name) == filter.Fold(p.Name) {
			return AccessPolicy{}, errs.Conflictf("", "organization %d has an access policy %q already, %s: choose another name", org, o.Name, o.ID)
		}
	}
	return p, nil
}

// sorted is the ids in order, each once.
func sorted[T ~int64](ids []T) []T {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// told is a policy as audit entries tell it: whole in its own organization, customer 0; in a customer without the others, who
// are not its to know, and nothing where it does not name the customer.
func (p AccessPolicy) told(customer ref.OrgID) any {
	if p.ID == "" || customer != 0 && !slices.Contains(p.Customers, customer) {
		return nil
	}
	m := map[string]any{"name": p.Name, "description": p.Description}
	var groups, gives []string
	for _, g := range p.Groups {
		groups = append(groups, fmt.Sprintf("%d %s", g.ID, g.Name))
	}
	for _, r := range p.Roles {
		for _, s := range r.Permissions {
			gives = append(gives, s.told()...)
		}
	}
	m["groups"], m["gives"] = groups, gives
	if customer == 0 {
		m["customers"] = p.Customers
	}
	return m
}

func (s ScopedPermission) told() []string {
	var list []string
	for _, r := range s.Roles.List() {
		list = append(list, r.Name)
	}
	list = append(list, s.Permissions...)
	if s.Scope != nil {
		for i := range list {
			list[i] += " in " + strings.Join(s.Scope.NodeIDs, ", ")
		}
	}
	return list
}

// recordPolicy writes the entry of a change, and one in each customer that feels it.
func recordPolicy(ctx context.Context, tx Tx, by access.Caller, action string, before, after AccessPolicy) error {
	p := after
	if p.ID == "" {
		p = before
	}
	e := audit.Entry{Org: p.Org, Action: action, TargetKind: "access_policy", TargetID: string(p.ID)}
	if err := record(ctx, tx, by, e, before.told(0), after.told(0)); err != nil {
		return err
	}
	for _, customer := range sorted(slices.Concat(before.Customers, after.Customers)) {
		was, is := before.told(customer), after.told(customer)
		if reflect.DeepEqual(was, is) {
			continue
		}
		e.Org, e.Via = customer, p.Org
		if err := record(ctx, tx, by, e, was, is); err != nil {
			return err
		}
	}
	return nil
}

// newUUID draws a random UUID, RFC 9562 version 4.
func newUUID(random io.Reader) (ref.AccessPolicyID, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return ref.AccessPolicyID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])), nil
}
