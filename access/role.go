package access

import (
	"slices"
	"strings"

	"espalier.dev/ref"
)

// Role is a named set of privileges. Roles are shipped and the same in every organization.
type Role struct {
	ID          ref.RoleID
	Name        string // internal name, ^[a-z][a-z0-9_]{0,126}[a-z0-9]$
	DisplayName string
	Capability  string   // the capability that unlocks it
	Grants      []string // patterns service:resource:verb, each part a name or *
	Except      []string // patterns of what Grants would give and the role does not
	OrgOnly     bool     // cannot be granted in a project
}

// The ids of the shipped roles; they are stored and never change.
const (
	OrgOwner ref.RoleID = 1 + iota
	IAMAdmin
	OrgViewer
	MSPAdmin
	MSPViewer
	PolicyManager
	PolicyApprover
	PolicyDesigner
	PolicyPublisher
	PolicyViewer
	CredentialAdmin
)

// providerWrites is what takes an owner: whoever runs an identity provider of the organization says who its owners are.
var providerWrites = []string{
	"iam:saml2_identity_provider:create", "iam:saml2_identity_provider:update", "iam:saml2_identity_provider:delete",
	"iam:login_policy:update",
}

// policyWrites is what takes an owner or whoever manages customers: an access policy opens customers, which administering the
// organization itself does not.
var policyWrites = []string{"iam:access_policy:create", "iam:access_policy:update", "iam:access_policy:delete"}

// Roles lists the shipped roles by id.
var Roles = []Role{
	{OrgOwner, "org_owner", "Manage organization", "iam", []string{"*:*:*"}, nil, true},
	{IAMAdmin, "iam_admin", "Administer organization", "iam", []string{"iam:*:*", "scim:*:*"}, slices.Concat(policyWrites, providerWrites), true},
	{OrgViewer, "org_viewer", "View organization", "iam", []string{"iam:*:index", "iam:*:show"}, nil, true},
	{MSPAdmin, "msp_admin", "Manage MSP Customer", "msp", []string{"msp:*:*", "iam:access_policy:*"}, nil, true},
	{MSPViewer, "msp_viewer", "View MSP Customers", "msp", []string{"msp:*:index", "msp:*:show"}, nil, true},
	{PolicyManager, "policy_manager", "Manage policies", "policy", []string{"policy:*:index", "policy:*:show", "policy:applied_policy:*", "policy:policy_aggregate:*", "policy:policy_manager:*", "cred:credential:index", "cred:credential:use"}, nil, false},
	{PolicyApprover, "policy_approver", "Approve policies", "policy", []string{"policy:*:index", "policy:*:show", "policy:approval_request:*"}, nil, false},
	{PolicyDesigner, "policy_designer", "Create policies", "policy", []string{"policy:*:index", "policy:*:show", "policy:applied_policy:*", "policy:policy_aggregate:*", "policy:policy_manager:*", "policy:policy_template:*", "cred:credential:index", "cred:credential:use"}, nil, false},
	{PolicyPublisher, "policy_publisher", "Publish policies", "policy", []string{"policy:*:index", "policy:*:show", "policy:published_template:*"}, nil, true},
	{PolicyViewer, "policy_viewer", "View policies", "policy", []string{"policy:*:index", "policy:*:show"}, nil, false},
	{CredentialAdmin, "credential_admin", "Manage credentials", "policy", []string{"cred:*:*"}, nil, false},
}

// Holds reports whether the role gives p. The capability that unlocks the role is asked elsewhere.
func (r Role) Holds(p Privilege) bool {
	return matchesAny(r.Grants, p) && !matchesAny(r.Except, p)
}

func matchesAny(patterns []string, p Privilege) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, string(p)) })
}

// ownersOnly is what no access policy and no machine holds; orgOnly is what cannot be granted in a project.
var (
	ownersOnly = Set(OrgOwner)
	orgOnly    = rolesWhere(func(r Role) bool { return r.OrgOnly })
)

// gates is the roles by the capability that unlocks them.
var gates = openings()

// maxGates is how many capabilities may unlock roles; a test compares.
const maxGates = 4

// gateOf is the place of a capability in gates.
func gateOf(capability string) int {
	return slices.IndexFunc(gates, func(g gate) bool { return g.capability == capability })
}

type gate struct {
	capability string
	roles      RoleSet
}

func openings() []gate {
	var list []gate
	for _, r := range Roles {
		if !slices.ContainsFunc(list, func(g gate) bool { return g.capability == r.Capability }) {
			list = append(list, gate{r.Capability, rolesWhere(func(o Role) bool { return o.Capability == r.Capability })})
		}
	}
	return list
}

func rolesWhere(is func(Role) bool) (s RoleSet) {
	for _, r := range Roles {
		if is(r) {
			s = s.Add(r.ID)
		}
	}
	return s
}

// RoleNamed finds a shipped role by its internal name.
func RoleNamed(name string) (Role, bool) {
	i := slices.IndexFunc(Roles, func(r Role) bool { return r.Name == name })
	if i < 0 {
		return Role{}, false
	}
	return Roles[i], true
}

// Privileges lists what the role gives, by name.
func (r Role) Privileges() []string {
	var list []string
	for p := range rules {
		if r.Holds(p) {
			list = append(list, string(p))
		}
	}
	slices.Sort(list)
	return list
}

// matches compares two names of three parts; a part of the pattern may be *.
func matches(pattern, name string) bool {
	for {
		part, morePattern, ok := strings.Cut(pattern, ":")
		have, moreName, ok2 := strings.Cut(name, ":")
		if part != "*" && part != have || ok != ok2 {
			return false
		}
		if !ok {
			return true
		}
		pattern, name = morePattern, moreName
	}
}

// RoleSet is a set of shipped roles.
type RoleSet uint32

// Set returns the set of the given roles.
func Set(roles ...ref.RoleID) RoleSet {
	var s RoleSet
	for _, id := range roles {
		s = s.Add(id)
	}
	return s
}

// Add returns the set with one role more. An id that is no shipped role adds nothing.
func (s RoleSet) Add(id ref.RoleID) RoleSet {
	if id < 1 || int(id) > len(Roles) {
		return s
	}
	return s | 1<<(id-1)
}

// Has reports whether the set holds the role.
func (s RoleSet) Has(id ref.RoleID) bool { return s&Set(id) != 0 }

// List returns the roles of the set by id.
func (s RoleSet) List() []Role {
	var list []Role
	for _, r := range Roles {
		if s.Has(r.ID) {
			list = append(list, r)
		}
	}
	return list
}
