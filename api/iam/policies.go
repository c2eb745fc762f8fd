package iam

import (
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

func (s *server) accessPolicies() map[string]door.Handler {
	return map[string]door.Handler{
		"Access Policy#index":                 s.listAccessPolicies,
		"Access Policy#show":                  s.showAccessPolicy,
		"Access Policy#create":                s.createAccessPolicy,
		"Access Policy#update":                s.updateAccessPolicy,
		"Access Policy#delete":                s.deleteAccessPolicy,
		"Access Policy#getUserAccessPolicies": s.listUserAccessPolicies,
	}
}

// policyID is the one of the path.
func policyID(r *door.Request) ref.AccessPolicyID {
	return ref.AccessPolicyID(r.String("accessPolicyId"))
}

func (s *server) listAccessPolicies(w http.ResponseWriter, r *door.Request) error {
	match, err := r.Filter("filter", iam.PolicyFilter)
	if err != nil {
		return err
	}
	policies, err := s.People.AccessPolicies(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := wire.Page[wire.AccessPolicy]{Kind: "iam:access-policy-list", Values: []wire.AccessPolicy{}}
	for _, p := range policies {
		if match.Match(p.Value) {
			list.Values = append(list.Values, listed(p, r.String("view")))
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

// listed is a policy in a list: without its roles, unless the view is extended.
func listed(p iam.AccessPolicy, view string) wire.AccessPolicy {
	out := accessPolicy(p, view)
	if view != "extended" {
		out.IAMRoles = nil
	}
	return out
}

func (s *server) showAccessPolicy(w http.ResponseWriter, r *door.Request) error {
	p, err := s.People.AccessPolicy(r.Context(), r.Caller(), r.OrgID(), policyID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, accessPolicy(p, r.String("view")))
}

func (s *server) createAccessPolicy(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.PutAccessPolicy](r)
	if err != nil {
		return err
	}
	p, err := s.People.CreateAccessPolicy(r.Context(), r.Caller(), r.OrgID(), policyDraft(body))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, wire.CreatedAccessPolicy{ID: p.ID})
}

// updateAccessPolicy answers 200 without a body, as the contract has it.
func (s *server) updateAccessPolicy(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.PutAccessPolicy](r)
	if err != nil {
		return err
	}
	if err := s.People.UpdateAccessPolicy(r.Context(), r.Caller(), r.OrgID(), policyID(r), policyDraft(body)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *server) deleteAccessPolicy(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.DeleteAccessPolicy(r.Context(), r.Caller(), r.OrgID(), policyID(r)); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) listUserAccessPolicies(w http.ResponseWriter, r *door.Request) error {
	user := ref.UserID(r.Int64("userId"))
	policies, groups, err := s.People.UserPolicies(r.Context(), r.Caller(), r.OrgID(), user)
	if err != nil {
		return err
	}
	out := wire.UserAccessPolicies{Kind: "iam:user-access-policies", OrgID: r.OrgID(), UserID: user,
		GroupIDs: append([]ref.UserGroupID{}, groups...), AccessPolicies: []wire.AccessPolicy{}}
	for _, p := range policies {
		out.AccessPolicies = append(out.AccessPolicies, accessPolicy(p, r.String("view")))
	}
	return door.JSON(w, http.StatusOK, out)
}

func accessPolicy(p iam.AccessPolicy, view string) wire.AccessPolicy {
	out := wire.AccessPolicy{ID: p.ID, Kind: "iam:access-policy", OrgID: p.Org, Name: p.Name, Description: p.Description,
		GroupIDs: []ref.UserGroupID{}, CustomerOrgIDs: append([]ref.OrgID{}, p.Customers...), NumberOfIAMRoles: len(p.Roles),
		CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	for _, g := range p.Groups {
		out.GroupIDs = append(out.GroupIDs, g.ID)
		if view == "extended" {
			out.Groups = append(out.Groups, wire.PolicyGroup{ID: g.ID, Name: g.Name})
		}
	}
	for _, r := range p.Roles {
		role := wire.IAMRole{ID: r.ID, Name: r.Name, Description: r.Description, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, UpdatedAt: r.CreatedAt}
		for _, s := range r.Permissions {
			role.ScopedPermissions = append(role.ScopedPermissions, scopedPermission(s))
		}
		out.IAMRoles = append(out.IAMRoles, role)
	}
	return out
}

func scopedPermission(s iam.ScopedPermission) wire.ScopedPermission {
	out := wire.ScopedPermission{ID: s.ID, Name: s.Name, Description: s.Description, PermissionCategory: s.Category, Permissions: s.Permissions,
		CreatedBy: s.CreatedBy, CreatedAt: s.CreatedAt, UpdatedAt: s.CreatedAt}
	for _, role := range s.Roles.List() {
		out.RoleNames = append(out.RoleNames, role.Name)
	}
	if c := s.Scope; c != nil {
		out.GranularScope = &wire.GranularScope{ID: c.ID, Kind: "iam:granular-scope", Name: c.Name, Description: c.Description,
			SelectedScope: &wire.SelectedScope{NodeIDs: append([]string{}, c.NodeIDs...), NodePaths: c.NodePaths},
			CreatedBy:     c.CreatedBy, CreatedAt: c.CreatedAt, UpdatedAt: c.CreatedAt}
	}
	return out
}

func policyDraft(b wire.PutAccessPolicy) iam.PolicyDraft {
	d := iam.PolicyDraft{Name: b.Name, Description: b.Description, Groups: b.GroupIDs, Customers: b.CustomerOrgIDs}
	for _, r := range b.IAMRoles {
		role := iam.RoleDraft{ID: r.ID, Name: r.Name, Description: r.Description}
		for _, s := range r.ScopedPermissions {
			role.Permissions = append(role.Permissions, permissionDraft(s))
		}
		d.Roles = append(d.Roles, role)
	}
	return d
}

func permissionDraft(s wire.ScopedPermission) iam.PermissionDraft {
	d := iam.PermissionDraft{ID: s.ID, Name: s.Name, Description: s.Description, Category: s.PermissionCategory,
		Permissions: s.Permissions, RoleNames: s.RoleNames}
	if c := s.GranularScope; c != nil {
		d.Scope = &iam.ScopeDraft{ID: c.ID, Name: c.Name, Description: c.Description}
		if c.SelectedScope != nil {
			d.Scope.NodeIDs, d.Scope.NodePaths = c.SelectedScope.NodeIDs, c.SelectedScope.NodePaths
		}
	}
	return d
}
