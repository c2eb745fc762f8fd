package iam

import (
	"slices"
	"strconv"
	"time"

	"espalier.dev/access"
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
		if p := access.Privilege(name); p.Known() {
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
