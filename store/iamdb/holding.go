package iamdb

import (
	"context"
	"slices"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// Holdings lists what ties principals to an organization, in the order of the principals: of one of them, or of all for the zero value.
func (t People) Holdings(ctx context.Context, org ref.OrgID, of access.Principal) ([]access.Holding, error) {
	h := holdings{}
	if err := t.membersOf(ctx, org, of, h); err != nil {
		return nil, err
	}
	if err := t.rulesOf(ctx, org, of, h); err != nil {
		return nil, err
	}
	if err := t.externalOf(ctx, org, of, h); err != nil {
		return nil, err
	}
	list := make([]access.Holding, 0, len(h))
	for _, held := range h {
		list = append(list, *held)
	}
	slices.SortFunc(list, func(a, b access.Holding) int { return a.Principal.Compare(b.Principal) })
	return list, nil
}

type holdings map[access.Principal]*access.Holding

func (h holdings) of(p access.Principal) *access.Holding {
	if h[p] == nil {
		h[p] = &access.Holding{Principal: p}
	}
	return h[p]
}

// only is the two ids that a query is narrowed to: 0, 0 for everybody.
func only(org ref.OrgID, of access.Principal) []any {
	return []any{org, int64(of.User), int64(of.ServiceAccount)}
}

func (t People) membersOf(ctx context.Context, org ref.OrgID, of access.Principal, h holdings) error {
	return t.tx.Rows(ctx, `
		SELECT m.user_id, 0, u.email, m.state FROM membership m JOIN app_user u ON u.id = m.user_id
		WHERE m.org_id = $1 AND (CAST($2 AS BIGINT) + CAST($3 AS BIGINT) = 0 OR m.user_id = $2)
		UNION ALL
		SELECT 0, a.id, a.name, 'active' FROM service_account a WHERE a.org_id = $1 AND (CAST($2 AS BIGINT) + CAST($3 AS BIGINT) = 0 OR a.id = $3)`,
		only(org, of), func(scan func(...any) error) error {
			var m access.Holding
			err := scan(&m.Principal.User, &m.Principal.ServiceAccount, &m.Name, &m.Member)
			h[m.Principal] = &m
			return err
		})
}

// rulesOf reads the access rules as Subject does: what is not of the organization does not count.
func (t People) rulesOf(ctx context.Context, org ref.OrgID, of access.Principal, h holdings) error {
	return t.tx.Rows(ctx, `
		SELECT COALESCE(r.user_id, 0), COALESCE(r.service_account_id, 0), r.role_id, COALESCE(r.project_id, 0), 0, ''
		FROM access_rule r LEFT JOIN project p ON p.id = r.project_id
		WHERE r.org_id = $1 AND r.group_id IS NULL AND (r.project_id IS NULL OR p.org_id = r.org_id)
			AND (CAST($2 AS BIGINT) + CAST($3 AS BIGINT) = 0 OR r.user_id = $2 OR r.service_account_id = $3)
		UNION ALL
		SELECT m.user_id, 0, r.role_id, COALESCE(r.project_id, 0), g.id, g.name
		FROM user_group g JOIN access_rule r ON r.group_id = g.id AND r.org_id = g.org_id JOIN user_group_member m ON m.group_id = g.id
		LEFT JOIN project p ON p.id = r.project_id
		WHERE g.org_id = $1 AND (r.project_id IS NULL OR p.org_id = r.org_id) AND (CAST($2 AS BIGINT) + CAST($3 AS BIGINT) = 0 OR m.user_id = $2)
		ORDER BY 5, 3, 4`, only(org, of), func(scan func(...any) error) error {
		var p access.Principal
		var g access.Grant
		if err := scan(&p.User, &p.ServiceAccount, &g.Role, &g.Project, &g.Group, &g.GroupName); err != nil {
			return err
		}
		h.of(p).Grants = append(h.of(p).Grants, g)
		return nil
	})
}

// externalOf reads what access policies of the parent give, and the addresses of those who are no members.
func (t People) externalOf(ctx context.Context, org ref.OrgID, of access.Principal, h holdings) error {
	users, err := t.ExternalUsers(ctx, org)
	if err != nil {
		return err
	}
	for _, u := range users {
		p := access.Principal{User: u.User}
		if of != (access.Principal{}) && of != p {
			continue
		}
		held := h.of(p)
		held.Name = u.Email
		via := access.Grant{Group: u.Group, GroupName: u.GroupName, Policy: u.Policy, PolicyName: u.PolicyName}
		for _, r := range u.Roles.List() {
			via.Role, via.Privilege = r.ID, ""
			held.Grants = append(held.Grants, via)
		}
		for _, single := range u.Privileges {
			via.Role, via.Privilege = 0, single
			held.Grants = append(held.Grants, via)
		}
	}
	return nil
}
