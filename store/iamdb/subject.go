package iamdb

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// The kinds of rows that ties are read by, in the order they are read in: what is granted where there is no membership counts
// for nothing, so memberships come first.
const (
	tieMember = iota // org, 0, 1 if active
	tieRole          // org, project or 0, role
	tieGroup         // org, user group, 0
)

// A role in a project counts if the project is of the organization; a group's, if the group is.
const (
	userTies = `
	SELECT 0, m.org_id, 0, CASE WHEN m.state = 'active' THEN 1 ELSE 0 END
	FROM membership m WHERE m.user_id = $1 AND m.state <> 'inactive'
	UNION ALL
	SELECT 1, r.org_id, COALESCE(r.project_id, 0), r.role_id FROM access_rule r LEFT JOIN project p ON p.id = r.project_id
	WHERE r.user_id = $1 AND (r.project_id IS NULL OR p.org_id = r.org_id)
	UNION ALL
	SELECT 1, r.org_id, COALESCE(r.project_id, 0), r.role_id
	FROM user_group_member m JOIN user_group g ON g.id = m.group_id JOIN access_rule r ON r.group_id = g.id AND r.org_id = g.org_id
	LEFT JOIN project p ON p.id = r.project_id
	WHERE m.user_id = $1 AND (r.project_id IS NULL OR p.org_id = r.org_id)
	UNION ALL
	SELECT 2, g.org_id, g.id, 0 FROM user_group_member m JOIN user_group g ON g.id = m.group_id WHERE m.user_id = $1
	ORDER BY 1`
	accountTies = `
	SELECT 0, a.org_id, 0, 1 FROM service_account a WHERE a.id = $1
	UNION ALL
	SELECT 1, r.org_id, COALESCE(r.project_id, 0), r.role_id FROM access_rule r LEFT JOIN project p ON p.id = r.project_id
	WHERE r.service_account_id = $1 AND r.role_id <> 1 AND (r.project_id IS NULL OR p.org_id = r.org_id)
	ORDER BY 1`
)

// Live sessions: id, end or NULL, the one organization it opens or 0.
const (
	userSessions = `
	SELECT id, expires_at, 0 FROM refresh_token WHERE user_id = $1 AND revoked_at IS NULL
	UNION ALL
	SELECT id, expires_at, COALESCE(only_org_id, 0) FROM session WHERE user_id = $1`
	accountSessions = `SELECT id, CAST(NULL AS BIGINT), 0 FROM service_account_client WHERE service_account_id = $1`
)

// Subject reads what decisions need to know of a principal. An absent one has no ties and no sessions.
func (t People) Subject(ctx context.Context, p access.Principal) (*access.Subject, error) {
	ties, sessions, id := userTies, userSessions, int64(p.User)
	if p.ServiceAccount != 0 {
		ties, sessions, id = accountTies, accountSessions, int64(p.ServiceAccount)
	}
	s := &access.Subject{
		Orgs:     make(map[ref.OrgID]access.RoleSet),
		Projects: make(map[ref.ProjectID]access.RoleSet),
		Groups:   make(map[ref.UserGroupID]bool),
		Sessions: make(map[ref.TokenID]access.Session),
	}
	if (p.User != 0) == (p.ServiceAccount != 0) {
		return s, nil
	}
	if err := t.readTies(ctx, ties, id, s); err != nil {
		return nil, err
	}
	err := t.tx.Rows(ctx, sessions, []any{id}, func(scan func(...any) error) error {
		var session ref.TokenID
		var ends sqldb.NullTime
		var only ref.OrgID
		err := scan(&session, &ends, &only)
		s.Sessions[session] = access.Session{Ends: ends.Time, Only: only}
		return err
	})
	return s, err
}

func (t People) readTies(ctx context.Context, query string, id int64, s *access.Subject) error {
	active := make(map[ref.OrgID]bool)
	return t.tx.Rows(ctx, query, []any{id}, func(scan func(...any) error) error {
		var kind, of, what int64
		var org ref.OrgID
		if err := scan(&kind, &org, &of, &what); err != nil {
			return err
		}
		roles, member := s.Orgs[org]
		switch {
		case kind == tieMember:
			s.Orgs[org], active[org] = roles, what == 1
		case !member: // shut out, or granted without being a member
		case kind == tieRole && of == 0:
			s.Orgs[org] = roles.Add(ref.RoleID(what))
		case kind == tieRole:
			s.Projects[ref.ProjectID(of)] = s.Projects[ref.ProjectID(of)].Add(ref.RoleID(what))
		case kind == tieGroup && active[org]:
			s.Groups[ref.UserGroupID(of)] = true
		}
		return nil
	})
}
