package iam

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// PolicyDraft is an access policy as it is asked for.
type PolicyDraft struct {
	Name        string
	Description string
	Groups      []ref.UserGroupID
	Customers   []ref.OrgID
	Roles       []RoleDraft
}

// RoleDraft is a granular role of a draft. One with an ID is a role that the organization has: what else it says must be what
// that role is, so that what was read can be written back. One without is new.
type RoleDraft struct {
	ID          ref.AccessPolicyID
	Name        string
	Description string
	Permissions []PermissionDraft
}

// PermissionDraft is a scoped permission of a draft, by ID or new as a role is.
type PermissionDraft struct {
	ID          ref.AccessPolicyID
	Name        string
	Description string
	Category    string
	Permissions []string
	RoleNames   []string
	Scope       *ScopeDraft
}

// ScopeDraft is a scope of a draft, by ID or new as a role is.
type ScopeDraft struct {
	ID          ref.AccessPolicyID
	Name        string
	Description string
	NodeIDs     []string
	NodePaths   []string
}

// Bounds of a draft. The contract states none; these are far beyond any policy that a person reads.
const (
	maxPolicyName        = 512
	maxPolicyText        = 4096
	maxPolicyGroups      = 200
	maxPolicyCustomers   = 20_000
	maxPolicyRoles       = 50
	maxRolePermissions   = 50
	maxPermissionStrings = 1000
)

// builder makes a policy of a draft.
type builder struct {
	stored    []GranularRole // of the organization
	groups    []GroupName    // of the organization
	strangers []ref.OrgID    // of the customers asked for, those that are none
	random    io.Reader
	by        int64
	at        time.Time

	wrong []string
	err   error // the source of randomness failed
}

func (b *builder) build(org ref.OrgID, id ref.AccessPolicyID, d PolicyDraft) (AccessPolicy, error) {
	p := AccessPolicy{ID: b.id(id), Org: org, Name: d.Name, Description: d.Description, Customers: d.Customers, UpdatedAt: b.at}
	if strings.TrimSpace(d.Name) == "" {
		b.add("name: is empty")
	}
	b.texts("", d.Name, d.Description)
	b.count("groupIds", len(d.Groups), maxPolicyGroups)
	b.count("customerOrgIds", len(d.Customers), maxPolicyCustomers)
	b.count("iamRoles", len(d.Roles), maxPolicyRoles)
	p.Groups = b.groupNames(org, d.Groups)
	if len(b.strangers) > 0 {
		b.add("customerOrgIds: not direct customers of organization %d: %s", org, join(b.strangers))
	}
	for i, r := range d.Roles {
		role := b.role(fmt.Sprintf("iamRoles[%d]", i), r)
		if slices.ContainsFunc(p.Roles, func(o GranularRole) bool { return o.ID == role.ID }) {
			b.add("iamRoles[%d].id: is there twice", i)
		}
		p.Roles = append(p.Roles, role)
	}
	switch {
	case b.err != nil:
		return AccessPolicy{}, b.err
	case len(b.wrong) > 0:
		return AccessPolicy{}, errs.Invalidf("%s", strings.Join(b.wrong, "; "))
	}
	return p, nil
}

func (b *builder) groupNames(org ref.OrgID, ids []ref.UserGroupID) (list []GroupName) {
	var unknown []ref.UserGroupID
	for _, id := range sorted(ids) {
		if i := slices.IndexFunc(b.groups, func(g GroupName) bool { return g.ID == id }); i >= 0 {
			list = append(list, b.groups[i])
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		b.add("groupIds: not user groups of organization %d: %s", org, join(unknown))
	}
	return list
}

func (b *builder) role(at string, d RoleDraft) GranularRole {
	if d.ID != "" {
		for _, r := range b.stored {
			if r.ID == d.ID {
				b.unchanged(at, d.is(r))
				return r
			}
		}
		b.add("%s.id: there is no such role", at)
		return GranularRole{ID: d.ID}
	}
	r := GranularRole{ID: b.id(""), Name: d.Name, Description: d.Description, CreatedBy: b.by, CreatedAt: b.at}
	b.texts(at+".", d.Name, d.Description)
	b.count(at+".scopedPermissions", len(d.Permissions), maxRolePermissions)
	for i, s := range d.Permissions {
		permission := b.permission(fmt.Sprintf("%s.scopedPermissions[%d]", at, i), s)
		if slices.ContainsFunc(r.Permissions, func(o ScopedPermission) bool { return o.ID == permission.ID }) {
			b.add("%s.scopedPermissions[%d].id: is there twice", at, i)
		}
		r.Permissions = append(r.Permissions, permission)
	}
	return r
}

func (b *builder) permission(at string, d PermissionDraft) ScopedPermission {
	if d.ID != "" {
		for _, r := range b.stored {
			for _, s := range r.Permissions {
				if s.ID == d.ID {
					b.unchanged(at, d.is(s))
					return s
				}
			}
		}
		b.add("%s.id: there is no such permission", at)
		return ScopedPermission{ID: d.ID}
	}
	s := ScopedPermission{ID: b.id(""), Name: d.Name, Description: d.Description, Category: d.Category,
		Permissions: append([]string{}, d.Permissions...), CreatedBy: b.by, CreatedAt: b.at}
	b.texts(at+".", d.Name, d.Description)
	b.wrong = checkText(b.wrong, at+".permissionCategory", d.Category, maxPolicyName)
	b.strings(at+".permissions", d.Permissions)
	s.Roles = b.roles(at+".roleNames", d.RoleNames)
	if d.Scope != nil {
		scope := b.scope(at+".granularScope", *d.Scope)
		s.Scope = &scope
	}
	return s
}

func (b *builder) roles(at string, roleNames []string) (set access.RoleSet) {
	for i, name := range roleNames {
		r, ok := access.RoleNamed(name)
		switch {
		case !ok:
			b.add("%s[%d]: there is no role %.64q; see the roles of the organization", at, i, name)
		case r.ID == access.OrgOwner:
			b.add("%s[%d]: org_owner is held by users directly, in their own organization: no access policy gives it", at, i)
		}
		set = set.Add(r.ID)
	}
	return set
}

func (b *builder) scope(at string, d ScopeDraft) GranularScope {
	if d.ID != "" {
		for _, r := range b.stored {
			for _, s := range r.Permissions {
				if s.Scope != nil && s.Scope.ID == d.ID {
					b.unchanged(at, d.is(*s.Scope))
					return *s.Scope
				}
			}
		}
		b.add("%s.id: there is no such scope", at)
		return GranularScope{ID: d.ID}
	}
	b.texts(at+".", d.Name, d.Description)
	b.strings(at+".selectedScope.nodeIds", d.NodeIDs)
	b.strings(at+".selectedScope.nodePaths", d.NodePaths)
	return GranularScope{ID: b.id(""), Name: d.Name, Description: d.Description, NodeIDs: append([]string{}, d.NodeIDs...),
		NodePaths: append([]string{}, d.NodePaths...), CreatedBy: b.by, CreatedAt: b.at}
}

// is reports whether a draft with the id of a role says no other than the role; what it leaves out it does not say.
func (d RoleDraft) is(r GranularRole) bool {
	return silent(d.Name, r.Name) && silent(d.Description, r.Description) && (len(d.Permissions) == 0 ||
		slices.EqualFunc(d.Permissions, r.Permissions, PermissionDraft.is))
}

func (d PermissionDraft) is(s ScopedPermission) bool {
	return silent(string(d.ID), string(s.ID)) && silent(d.Name, s.Name) && silent(d.Description, s.Description) && silent(d.Category, s.Category) &&
		(len(d.Permissions) == 0 || slices.Equal(d.Permissions, s.Permissions)) && (len(d.RoleNames) == 0 || areRoles(d.RoleNames, s.Roles)) &&
		(d.Scope == nil || s.Scope != nil && d.Scope.is(*s.Scope))
}

func (d ScopeDraft) is(s GranularScope) bool {
	return silent(string(d.ID), string(s.ID)) && silent(d.Name, s.Name) && silent(d.Description, s.Description) &&
		(len(d.NodeIDs) == 0 || slices.Equal(d.NodeIDs, s.NodeIDs)) && (len(d.NodePaths) == 0 || slices.Equal(d.NodePaths, s.NodePaths))
}

func silent(said, stored string) bool { return said == "" || said == stored }

func areRoles(names []string, want access.RoleSet) bool {
	var set access.RoleSet
	for _, name := range names {
		r, ok := access.RoleNamed(name)
		if !ok {
			return false
		}
		set = set.Add(r.ID)
	}
	return set == want
}

func (b *builder) unchanged(at string, same bool) {
	if !same {
		b.add("%s: what has an id is shared and stays as it is; leave the id out to write another", at)
	}
}

func (b *builder) texts(at, name, description string) {
	b.wrong = checkText(b.wrong, at+"name", name, maxPolicyName)
	b.wrong = checkText(b.wrong, at+"description", description, maxPolicyText)
}

func (b *builder) strings(at string, list []string) {
	b.count(at, len(list), maxPermissionStrings)
	for i, s := range list {
		b.wrong = checkText(b.wrong, fmt.Sprintf("%s[%d]", at, i), s, maxPolicyName)
	}
}

func (b *builder) count(at string, n, most int) {
	if n > most {
		b.add("%s: has %d entries; want at most %d", at, n, most)
	}
}

func (b *builder) add(format string, args ...any) {
	b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
}

// id is the one given, or a new one.
func (b *builder) id(given ref.AccessPolicyID) ref.AccessPolicyID {
	if given != "" {
		return given
	}
	id, err := newUUID(b.random)
	if err != nil {
		b.err = err
	}
	return id
}

// join lists ids, cut where a person would stop reading.
func join[T fmt.Stringer](ids []T) string {
	const most = 50
	var b strings.Builder
	for i, id := range ids {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(ids)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(id.String())
	}
	return b.String()
}
