package iamdb

import (
	"context"
	"fmt"

	"espalier.dev/access"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

// ExternalGrants lists what the access policies of its direct parent give in an organization, by policy and user group. Whether
// the parent's msp is in force is not asked here.
func (t People) ExternalGrants(ctx context.Context, org ref.OrgID) ([]access.ExternalGrant, error) {
	named, err := t.namedGrants(ctx, org)
	list := make([]access.ExternalGrant, len(named))
	for i, g := range named {
		list[i] = g.ExternalGrant
	}
	return list, err
}

func (t People) namedGrants(ctx context.Context, org ref.OrgID) ([]iam.ExternalGrant, error) {
	var list []iam.ExternalGrant
	err := t.tx.Rows(ctx, `
		SELECT p.id, p.name, u.id, u.name, s.roles, s.permissions_json, COALESCE(c.node_ids_json, '')
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
		ORDER BY p.id, u.id, r.position, rp.position`, []any{org}, func(scan func(...any) error) error {
		var g iam.ExternalGrant
		var roles int64
		var permissions, nodes string
		if err := scan(&g.Policy, &g.PolicyName, &g.Group, &g.GroupName, &roles, &permissions, &nodes); err != nil {
			return err
		}
		s, err := scopedPermission(roles, permissions, nodes)
		if err != nil {
			return fmt.Errorf("access policy %s: %w", g.Policy, err)
		}
		set, single := s.GivesIn(org)
		if set == 0 && len(single) == 0 {
			return nil
		}
		if n := len(list); n == 0 || list[n-1].Policy != g.Policy || list[n-1].Group != g.Group {
			list = append(list, g)
		}
		last := &list[len(list)-1]
		last.Roles |= set
		last.Privileges = append(last.Privileges, single...)
		return nil
	})
	return list, err
}

// ExternalUsers lists who is let into an organization by the access policies of its direct parent, by user, policy and user
// group: members of the groups who are active in the parent. Whether the parent's msp is in force is not asked here; see
// access.Guard.LetsIn.
func (t People) ExternalUsers(ctx context.Context, org ref.OrgID) ([]iam.ExternalUser, error) {
	grants, err := t.namedGrants(ctx, org)
	if err != nil || len(grants) == 0 {
		return nil, err
	}
	var list []iam.ExternalUser
	err = t.tx.Rows(ctx, `
		SELECT DISTINCT m.user_id, p.email, g.policy_id, g.group_id
		FROM access_policy_customer t
		JOIN access_policy_group g ON g.policy_id = t.policy_id
		JOIN user_group u ON u.id = g.group_id
		JOIN user_group_member m ON m.group_id = u.id
		JOIN membership a ON a.org_id = u.org_id AND a.user_id = m.user_id AND a.state = 'active'
		JOIN app_user p ON p.id = m.user_id
		WHERE t.customer_id = $1 ORDER BY m.user_id, g.policy_id, g.group_id`, []any{org}, func(scan func(...any) error) error {
		var user ref.UserID
		var email string
		var policy ref.AccessPolicyID
		var group ref.UserGroupID
		if err := scan(&user, &email, &policy, &group); err != nil {
			return err
		}
		for _, g := range grants {
			if g.Policy == policy && g.Group == group {
				list = append(list, iam.ExternalUser{User: user, Email: email, ExternalGrant: g})
			}
		}
		return nil
	})
	return list, err
}
