package iamdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/iam"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// AccessPolicies lists those of an organization by id, whole.
func (t People) AccessPolicies(ctx context.Context, org ref.OrgID) ([]iam.AccessPolicy, error) {
	return t.policies(ctx, org, "")
}

// AccessPolicy reads one.
func (t People) AccessPolicy(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID) (iam.AccessPolicy, error) {
	list, err := t.policies(ctx, org, id)
	if err == nil && len(list) == 0 {
		err = errs.NotFoundf("organization %d has no access policy %.64q", org, string(id))
	}
	if err != nil {
		return iam.AccessPolicy{}, err
	}
	return list[0], nil
}

// policies reads all, or the one with the id.
func (t People) policies(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID) ([]iam.AccessPolicy, error) {
	var list []iam.AccessPolicy
	at := make(map[ref.AccessPolicyID]int)
	args := []any{org, string(id)}
	err := t.tx.Rows(ctx, `
		SELECT p.id, p.name, p.description, p.created_by, p.created_at, p.updated_at
		FROM access_policy p WHERE p.org_id = $1 AND ($2 = '' OR p.id = $2) ORDER BY p.id`, args, func(scan func(...any) error) error {
		p := iam.AccessPolicy{Org: org}
		var created, updated int64
		err := scan(&p.ID, &p.Name, &p.Description, &p.CreatedBy, &created, &updated)
		p.CreatedAt, p.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
		at[p.ID] = len(list)
		list = append(list, p)
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	find := func(policy ref.AccessPolicyID) *iam.AccessPolicy {
		if i, ok := at[policy]; ok {
			return &list[i]
		}
		return new(iam.AccessPolicy) // made since: each statement sees its own instant
	}
	if err := t.addNamed(ctx, args, find); err != nil {
		return nil, err
	}
	return list, t.addRoles(ctx, org, id, find)
}

// addNamed adds the user groups and the customers of policies.
func (t People) addNamed(ctx context.Context, args []any, find func(ref.AccessPolicyID) *iam.AccessPolicy) error {
	err := t.tx.Rows(ctx, `
		SELECT l.policy_id, g.id, g.name FROM access_policy p JOIN access_policy_group l ON l.policy_id = p.id JOIN user_group g ON g.id = l.group_id
		WHERE p.org_id = $1 AND ($2 = '' OR p.id = $2) ORDER BY l.policy_id, g.id`, args, func(scan func(...any) error) error {
		var policy ref.AccessPolicyID
		var g iam.GroupName
		err := scan(&policy, &g.ID, &g.Name)
		p := find(policy)
		p.Groups = append(p.Groups, g)
		return err
	})
	if err != nil {
		return err
	}
	return t.tx.Rows(ctx, `
		SELECT l.policy_id, l.customer_id FROM access_policy p JOIN access_policy_customer l ON l.policy_id = p.id
		WHERE p.org_id = $1 AND ($2 = '' OR p.id = $2) ORDER BY l.policy_id, l.customer_id`, args, func(scan func(...any) error) error {
		var policy ref.AccessPolicyID
		var customer ref.OrgID
		err := scan(&policy, &customer)
		p := find(policy)
		p.Customers = append(p.Customers, customer)
		return err
	})
}

// addRoles adds the granular roles of policies, in their order.
func (t People) addRoles(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID, find func(ref.AccessPolicyID) *iam.AccessPolicy) error {
	type link struct{ policy, role ref.AccessPolicyID }
	var links []link
	err := t.tx.Rows(ctx, `
		SELECT l.policy_id, l.role_id FROM access_policy p JOIN access_policy_role l ON l.policy_id = p.id
		WHERE p.org_id = $1 AND ($2 = '' OR p.id = $2) ORDER BY l.policy_id, l.position`, []any{org, string(id)}, func(scan func(...any) error) error {
		var l link
		err := scan(&l.policy, &l.role)
		links = append(links, l)
		return err
	})
	if err != nil || len(links) == 0 {
		return err
	}
	roles, err := t.GranularRoles(ctx, org)
	if err != nil {
		return err
	}
	for _, l := range links {
		if i := slices.IndexFunc(roles, func(r iam.GranularRole) bool { return r.ID == l.role }); i >= 0 {
			p := find(l.policy)
			p.Roles = append(p.Roles, roles[i])
		}
	}
	return nil
}

// GranularRoles lists every granular role that an organization has, by id, with permissions and scopes.
func (t People) GranularRoles(ctx context.Context, org ref.OrgID) ([]iam.GranularRole, error) {
	var list []iam.GranularRole
	at := make(map[ref.AccessPolicyID]int)
	err := t.tx.Rows(ctx, `SELECT id, name, description, created_by, created_at FROM granular_role WHERE org_id = $1 ORDER BY id`, []any{org},
		func(scan func(...any) error) error {
			var r iam.GranularRole
			var created int64
			err := scan(&r.ID, &r.Name, &r.Description, &r.CreatedBy, &created)
			r.CreatedAt = sqldb.Time(created)
			at[r.ID] = len(list)
			list = append(list, r)
			return err
		})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list, t.addPermissions(ctx, org, func(role ref.AccessPolicyID, s iam.ScopedPermission) {
		if i, ok := at[role]; ok {
			list[i].Permissions = append(list[i].Permissions, s)
		}
	})
}

// addPermissions gives add the scoped permissions of roles, in their order.
func (t People) addPermissions(ctx context.Context, org ref.OrgID, add func(role ref.AccessPolicyID, s iam.ScopedPermission)) error {
	return t.tx.Rows(ctx, `
		SELECT l.role_id, s.id, s.name, s.description, s.category, s.roles, s.permissions_json, s.created_by, s.created_at,
			COALESCE(c.id, ''), COALESCE(c.name, ''), COALESCE(c.description, ''), COALESCE(c.node_ids_json, ''), COALESCE(c.node_paths_json, '[]'),
			COALESCE(c.created_by, 0), COALESCE(c.created_at, 0)
		FROM granular_role r JOIN granular_role_permission l ON l.role_id = r.id JOIN granular_permission s ON s.id = l.permission_id
		LEFT JOIN granular_scope c ON c.id = s.scope_id
		WHERE r.org_id = $1 ORDER BY l.role_id, l.position`, []any{org}, func(scan func(...any) error) error {
		var role ref.AccessPolicyID
		var c iam.GranularScope
		var s iam.ScopedPermission
		var roles, created, scoped int64
		var permissions, nodes, paths string
		err := scan(&role, &s.ID, &s.Name, &s.Description, &s.Category, &roles, &permissions, &s.CreatedBy, &created,
			&c.ID, &c.Name, &c.Description, &nodes, &paths, &c.CreatedBy, &scoped)
		if err != nil {
			return err
		}
		given, err := scopedPermission(roles, permissions, nodes)
		if err != nil {
			return fmt.Errorf("granular permission %s: %w", s.ID, err)
		}
		s.Roles, s.Permissions, s.CreatedAt = given.Roles, given.Permissions, sqldb.Time(created)
		if given.Scope != nil {
			if err := json.Unmarshal([]byte(paths), &c.NodePaths); err != nil {
				return fmt.Errorf("granular scope %s: %w", c.ID, err)
			}
			c.NodeIDs, c.CreatedAt, s.Scope = given.Scope.NodeIDs, sqldb.Time(scoped), &c
		}
		add(role, s)
		return nil
	})
}

// scopedPermission reads the columns that matter to decisions; nodes is "" where there is no scope.
func scopedPermission(roles int64, permissions, nodes string) (s iam.ScopedPermission, err error) {
	s.Roles = access.RoleSet(roles)
	if err = json.Unmarshal([]byte(permissions), &s.Permissions); err != nil || nodes == "" {
		return s, err
	}
	s.Scope = &iam.GranularScope{}
	return s, json.Unmarshal([]byte(nodes), &s.Scope.NodeIDs)
}

// NotCustomers lists which of the ids are no direct customers of an organization.
func (t People) NotCustomers(ctx context.Context, org ref.OrgID, ids []ref.OrgID) ([]ref.OrgID, error) {
	found := make(map[ref.OrgID]bool)
	for chunk := range slices.Chunk(ids, sqldb.MaxList) {
		args := []any{org}
		err := t.tx.Rows(ctx, `SELECT id FROM organization WHERE parent_id = $1 AND id IN `+sqldb.In(&args, chunk), args, func(scan func(...any) error) error {
			var id ref.OrgID
			err := scan(&id)
			found[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id ref.OrgID) bool { return found[id] }), nil
}

// GroupNames lists the user groups of an organization by id.
func (t People) GroupNames(ctx context.Context, org ref.OrgID) ([]iam.GroupName, error) {
	var list []iam.GroupName
	err := t.tx.Rows(ctx, `SELECT id, name FROM user_group WHERE org_id = $1 ORDER BY id`, []any{org}, func(scan func(...any) error) error {
		var g iam.GroupName
		err := scan(&g.ID, &g.Name)
		list = append(list, g)
		return err
	})
	return list, err
}

// GroupsOf lists the user groups of an organization that a user is in, by id.
func (t People) GroupsOf(ctx context.Context, org ref.OrgID, user ref.UserID) ([]ref.UserGroupID, error) {
	var list []ref.UserGroupID
	err := t.tx.Rows(ctx, `
		SELECT g.id FROM user_group_member m JOIN user_group g ON g.id = m.group_id WHERE m.user_id = $2 AND g.org_id = $1 ORDER BY g.id`,
		[]any{org, user}, func(scan func(...any) error) error {
			var id ref.UserGroupID
			err := scan(&id)
			list = append(list, id)
			return err
		})
	return list, err
}

// IsMember reports whether a user belongs to an organization, shut out or not.
func (t People) IsMember(ctx context.Context, org ref.OrgID, user ref.UserID) (is bool, err error) {
	err = t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM membership WHERE org_id = $1 AND user_id = $2)`, []any{org, user}, &is)
	return is, err
}

// PutAccessPolicy writes a policy whole, in place of the one with its id; see iam.Tx.
func (t People) PutAccessPolicy(ctx context.Context, p iam.AccessPolicy) error {
	if err := t.dropLinks(ctx, p); err != nil {
		return err
	}
	err := t.tx.Later(ctx, `
		INSERT INTO access_policy (id, org_id, name, name_folded, description, created_by, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded, description = excluded.description,
			updated_at = excluded.updated_at`,
		string(p.ID), p.Org, p.Name, filter.Fold(p.Name), p.Description, p.CreatedBy, sqldb.Micros(p.CreatedAt), sqldb.Micros(p.UpdatedAt))
	if err != nil {
		return err
	}
	for _, g := range p.Groups {
		if err := t.tx.Later(ctx, `INSERT INTO access_policy_group (policy_id, group_id) VALUES ($1, $2)`, string(p.ID), g.ID); err != nil {
			return err
		}
	}
	for _, c := range p.Customers {
		if err := t.tx.Later(ctx, `INSERT INTO access_policy_customer (policy_id, customer_id) VALUES ($1, $2)`, string(p.ID), c); err != nil {
			return err
		}
	}
	for i, r := range p.Roles {
		if err := t.putRole(ctx, p.Org, r); err != nil {
			return err
		}
		err := t.tx.Later(ctx, `INSERT INTO access_policy_role (policy_id, position, role_id) VALUES ($1, $2, $3)`, string(p.ID), i, string(r.ID))
		if err != nil {
			return err
		}
	}
	t.changedOrgs(p.Customers...)
	return t.sweep(ctx, p.Org)
}

// dropLinks cuts a policy from its groups, customers and roles, if it is there already.
func (t People) dropLinks(ctx context.Context, p iam.AccessPolicy) error {
	var opened []ref.OrgID
	err := t.tx.Rows(ctx, `SELECT customer_id FROM access_policy_customer WHERE policy_id = $1`, []any{string(p.ID)}, func(scan func(...any) error) error {
		var id ref.OrgID
		err := scan(&id)
		opened = append(opened, id)
		return err
	})
	if err != nil {
		return err
	}
	t.changedOrgs(opened...)
	for _, statement := range []string{
		`DELETE FROM access_policy_group WHERE policy_id = $1`,
		`DELETE FROM access_policy_customer WHERE policy_id = $1`,
		`DELETE FROM access_policy_role WHERE policy_id = $1`,
	} {
		if err := t.tx.Later(ctx, statement, string(p.ID)); err != nil {
			return err
		}
	}
	return nil
}

// putRole writes a granular role with what it has. One that is there already is left as it is: it never changes.
func (t People) putRole(ctx context.Context, org ref.OrgID, r iam.GranularRole) error {
	err := t.tx.Later(ctx, `
		INSERT INTO granular_role (id, org_id, name, description, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`, string(r.ID), org, r.Name, r.Description, r.CreatedBy, sqldb.Micros(r.CreatedAt))
	if err != nil {
		return err
	}
	for i, s := range r.Permissions {
		if err := t.putPermission(ctx, org, s); err != nil {
			return err
		}
		err := t.tx.Later(ctx, `
			INSERT INTO granular_role_permission (role_id, position, permission_id) VALUES ($1, $2, $3)
			ON CONFLICT (role_id, position) DO NOTHING`, string(r.ID), i, string(s.ID))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t People) putPermission(ctx context.Context, org ref.OrgID, s iam.ScopedPermission) error {
	var scope any
	if c := s.Scope; c != nil {
		scope = string(c.ID)
		err := t.tx.Later(ctx, `
			INSERT INTO granular_scope (id, org_id, name, description, node_ids_json, node_paths_json, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
			string(c.ID), org, c.Name, c.Description, texts(c.NodeIDs), texts(c.NodePaths), c.CreatedBy, sqldb.Micros(c.CreatedAt))
		if err != nil {
			return err
		}
	}
	return t.tx.Later(ctx, `
		INSERT INTO granular_permission (id, org_id, name, description, category, roles, permissions_json, scope_id, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
		string(s.ID), org, s.Name, s.Description, s.Category, int64(s.Roles), texts(s.Permissions), scope, s.CreatedBy, sqldb.Micros(s.CreatedAt))
}

// texts is a list as its column keeps it.
func texts(list []string) string {
	if list == nil {
		list = []string{}
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic("iamdb: a list of strings: " + err.Error())
	}
	return string(b)
}

// DeleteAccessPolicy removes a policy and what no other has.
func (t People) DeleteAccessPolicy(ctx context.Context, p iam.AccessPolicy) error {
	t.changedOrgs(p.Customers...)
	if err := t.tx.Exec1(ctx, `DELETE FROM access_policy WHERE id = $1 AND org_id = $2`, string(p.ID), p.Org); err != nil {
		return err
	}
	return t.sweep(ctx, p.Org)
}

// sweep removes roles, permissions and scopes of an organization that no policy has any more.
func (t People) sweep(ctx context.Context, org ref.OrgID) error {
	for _, statement := range []string{
		`DELETE FROM granular_role WHERE org_id = $1 AND NOT EXISTS (SELECT 1 FROM access_policy_role l WHERE l.role_id = granular_role.id)`,
		`DELETE FROM granular_permission WHERE org_id = $1 AND NOT EXISTS (SELECT 1 FROM granular_role_permission l WHERE l.permission_id = granular_permission.id)`,
		`DELETE FROM granular_scope WHERE org_id = $1 AND NOT EXISTS (SELECT 1 FROM granular_permission s WHERE s.scope_id = granular_scope.id)`,
	} {
		if _, err := t.tx.Exec(ctx, statement, org); err != nil {
			return err
		}
	}
	return nil
}
