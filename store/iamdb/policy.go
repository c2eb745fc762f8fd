package iamdb

import (
	"context"
	"encoding/json"
	"fmt"

	"espalier.dev/access"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

// ExternalGrants lists what the access policies of its direct parent give in an organization, by policy and user group. Whether
// the parent's msp is in force is not asked here.
func (t People) ExternalGrants(ctx context.Context, org ref.OrgID) ([]access.ExternalGrant, error) {
	var list []access.ExternalGrant
	err := t.tx.Rows(ctx, `
		SELECT p.id, g.group_id, s.roles, s.permissions_json, COALESCE(c.node_ids_json, '')
		FROM access_policy_customer t
		JOIN organization o ON o.id = t.customer_id
		JOIN access_policy p ON p.id = t.policy_id AND p.org_id = o.parent_id
		JOIN access_policy_group g ON g.policy_id = p.id
		JOIN user_group u ON u.id = g.group_id AND u.org_id = p.org_id
		JOIN access_policy_role r ON r.policy_id = p.id
		JOIN granular_role_permission rp ON rp.role_id = r.role_id
		JOIN granular_permission s ON s.id = rp.permission_id
		LEFT JOIN granular_scope c ON c.id = s.scope_id
		WHERE t.customer_id = $1
		ORDER BY p.id, g.group_id, r.position, rp.position`, []any{org}, func(scan func(...any) error) error {
		var policy ref.AccessPolicyID
		var group ref.UserGroupID
		var roles int64
		var permissions, nodes string
		if err := scan(&policy, &group, &roles, &permissions, &nodes); err != nil {
			return err
		}
		s, err := scopedPermission(roles, permissions, nodes)
		if err != nil {
			return fmt.Errorf("access policy %s: %w", policy, err)
		}
		set, single := s.GivesIn(org)
		if set == 0 && len(single) == 0 {
			return nil
		}
		if n := len(list); n == 0 || list[n-1].Policy != policy || list[n-1].Group != group {
			list = append(list, access.ExternalGrant{Policy: policy, Group: group})
		}
		last := &list[len(list)-1]
		last.Roles |= set
		last.Privileges = append(last.Privileges, single...)
		return nil
	})
	return list, err
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
