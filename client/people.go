package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// zone is the part of references that names the installation.
const zone = "nam"

// iamPath is a path of the IAM API in an organization.
func iamPath(org ref.OrgID, format string, args ...any) string {
	return fmt.Sprintf("/iam/v1/orgs/%d", org) + fmt.Sprintf(format, args...)
}

// UserQuery says which users are wanted, and in which order. The zero value is all of them by first name.
type UserQuery struct {
	Filter  string // "email co 'acme.example'"
	OrderBy string // "lastName", "lastUILogin desc"
	Source  string // org_member, external_access_policy; "" for both
}

// Users walks through the users of an organization, a page at a time. An error ends the walk.
func (c *Client) Users(ctx context.Context, org ref.OrgID, q UserQuery) iter.Seq2[wire.Person, error] {
	return func(yield func(wire.Person, error) bool) {
		query := url.Values{"limit": {"1000"}}
		setIf(query, "filter", q.Filter)
		setIf(query, "orderBy", q.OrderBy)
		setIf(query, "accessSource", q.Source)
		for {
			var page wire.UserPage
			if _, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/users", org), query, nil, &page); err != nil {
				yield(wire.Person{}, err)
				return
			}
			for _, p := range page.Values {
				if !yield(p, nil) {
					return
				}
			}
			if page.SkipToken() == "" {
				return
			}
			query.Set("skipToken", page.SkipToken())
		}
	}
}

// UserByEmail finds a user of an organization by its whole address; ok is false where there is none.
func (c *Client) UserByEmail(ctx context.Context, org ref.OrgID, email string) (p wire.Person, ok bool, err error) {
	for p, err := range c.Users(ctx, org, UserQuery{Filter: "email eq '" + strings.ReplaceAll(email, "'", "''") + "'"}) {
		return p, err == nil, err
	}
	return p, false, nil
}

// User returns one user of an organization.
func (c *Client) User(ctx context.Context, org ref.OrgID, id ref.UserID) (wire.OrgUser, error) {
	var u wire.OrgUser
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/users/%d", id), nil, nil, &u)
	return u, err
}

// CreateUser makes a person a member, without any role, and returns the user's id.
func (c *Client) CreateUser(ctx context.Context, org ref.OrgID, n wire.CreateUser) (ref.UserID, error) {
	var made wire.CreatedUser
	_, err := c.call(ctx, http.MethodPost, iamPath(org, "/users"), nil, n, &made)
	return made.ID, err
}

// RemoveUser ends a membership, and all that came with it.
func (c *Client) RemoveUser(ctx context.Context, org ref.OrgID, id ref.UserID) error {
	_, err := c.call(ctx, http.MethodDelete, iamPath(org, "/users/%d", id), nil, nil, nil)
	return err
}

// SetUserActive lets a member in again, or shuts it out for the time being.
func (c *Client) SetUserActive(ctx context.Context, org ref.OrgID, id ref.UserID, active bool) error {
	verb := "deactivate"
	if active {
		verb = "reactivate"
	}
	_, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/users/%d/%s", org, id, verb), nil, nil, nil)
	return err
}

// GroupsOfUser lists the user groups that a user is in.
func (c *Client) GroupsOfUser(ctx context.Context, org ref.OrgID, id ref.UserID) ([]wire.Group, error) {
	var list wire.GroupList
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/users/%d/groups", id), nil, nil, &list)
	return list.Values, err
}

// Groups lists the user groups of an organization, with how many users each has.
func (c *Client) Groups(ctx context.Context, org ref.OrgID) ([]wire.Group, error) {
	var list wire.GroupList
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/groups"), extended, nil, &list)
	return list.Values, err
}

// Group returns one.
func (c *Client) Group(ctx context.Context, org ref.OrgID, id ref.UserGroupID) (wire.Group, error) {
	var g wire.Group
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/groups/%d", id), extended, nil, &g)
	return g, err
}

// CreateGroup makes one.
func (c *Client) CreateGroup(ctx context.Context, org ref.OrgID, n wire.CreateGroup) (wire.Group, error) {
	var g wire.Group
	_, err := c.call(ctx, http.MethodPost, iamPath(org, "/groups"), nil, n, &g)
	return g, err
}

// UpdateGroup changes what is given.
func (c *Client) UpdateGroup(ctx context.Context, org ref.OrgID, id ref.UserGroupID, change wire.UpdateGroup) (wire.Group, error) {
	var g wire.Group
	_, err := c.call(ctx, http.MethodPatch, iamPath(org, "/groups/%d", id), nil, change, &g)
	return g, err
}

// DeleteGroup ends one, and what was granted to it.
func (c *Client) DeleteGroup(ctx context.Context, org ref.OrgID, id ref.UserGroupID) error {
	_, err := c.call(ctx, http.MethodDelete, iamPath(org, "/groups/%d", id), nil, nil, nil)
	return err
}

// GroupMembers lists who is in a user group.
func (c *Client) GroupMembers(ctx context.Context, org ref.OrgID, id ref.UserGroupID) ([]wire.GroupMembership, error) {
	var list []wire.GroupMembership
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/groups/%d/memberships", id), nil, nil, &list)
	return list, err
}

// AddGroupMembers adds users; who is in it already stays.
func (c *Client) AddGroupMembers(ctx context.Context, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) error {
	_, err := c.call(ctx, http.MethodPost, iamPath(org, "/groups/%d/memberships", id), nil, wire.GroupUsers{UserIDs: users}, nil)
	return err
}

// SetGroupMembers makes users all that are in it.
func (c *Client) SetGroupMembers(ctx context.Context, org ref.OrgID, id ref.UserGroupID, users []ref.UserID) error {
	_, err := c.call(ctx, http.MethodPut, iamPath(org, "/groups/%d/memberships", id), nil, wire.GroupUsers{UserIDs: append([]ref.UserID{}, users...)}, nil)
	return err
}

// RemoveGroupMember takes a user out.
func (c *Client) RemoveGroupMember(ctx context.Context, org ref.OrgID, id ref.UserGroupID, user ref.UserID) error {
	_, err := c.call(ctx, http.MethodDelete, iamPath(org, "/groups/%d/memberships/%d:%d", id, id, user), nil, nil, nil)
	return err
}

// Roles lists the roles that an organization can use, with their privileges.
func (c *Client) Roles(ctx context.Context, org ref.OrgID) ([]wire.Role, error) {
	var list []wire.Role
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/roles"), extended, nil, &list)
	return list, err
}

// Grantee is who a role is granted to: a user, a user group or a service account; one of them is not 0.
type Grantee struct {
	User    ref.UserID
	Group   ref.UserGroupID
	Account ref.ServiceAccountID
}

func (g Grantee) ref(org ref.OrgID) string {
	switch {
	case g.User != 0:
		return reference(0, "user", g.User)
	case g.Group != 0:
		return reference(org, "group", g.Group)
	}
	return reference(org, "service-account", g.Account)
}

func reference(org ref.OrgID, kind string, id fmt.Stringer) string {
	return ref.Ref{Zone: zone, Org: org, Service: "iam", Type: kind, ID: id.String()}.String()
}

// RuleQuery says which access rules are wanted. The zero value is all of the organization as a whole.
type RuleQuery struct {
	Of      *Grantee
	Role    string        // by its name; "" for all
	Project ref.ProjectID // 0: the organization as a whole
}

// AccessRules lists who holds which role in an organization, or in one of its projects.
func (c *Client) AccessRules(ctx context.Context, org ref.OrgID, q RuleQuery) ([]wire.AccessRule, error) {
	var terms []string
	if q.Of != nil {
		terms = append(terms, "subjectRef eq '"+q.Of.ref(org)+"'")
	}
	if q.Project != 0 {
		terms = append(terms, "scopeRef eq '"+reference(org, "project", q.Project)+"'")
	}
	if q.Role != "" {
		terms = append(terms, "roleName eq '"+q.Role+"'")
	}
	query := url.Values{"view": {"extended"}}
	setIf(query, "filter", strings.Join(terms, " and "))
	var list wire.AccessRuleList
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/access-rules"), query, nil, &list)
	return list.Values, err
}

// GrantRole gives somebody a role in an organization, or with a project in that alone. One that is held stays.
func (c *Client) GrantRole(ctx context.Context, org ref.OrgID, to Grantee, role ref.RoleID, project ref.ProjectID) error {
	return c.changeRule(ctx, org, "grant", to, wire.RoleOfRule{ID: role}, project)
}

// RevokeRole takes a role back; role 0 is all of them.
func (c *Client) RevokeRole(ctx context.Context, org ref.OrgID, from Grantee, role ref.RoleID, project ref.ProjectID) error {
	return c.changeRule(ctx, org, "revoke", from, wire.RoleOfRule{ID: role, All: role == 0}, project)
}

func (c *Client) changeRule(ctx context.Context, org ref.OrgID, verb string, of Grantee, role wire.RoleOfRule, project ref.ProjectID) error {
	body := wire.ChangeRule{Subject: wire.RefTo{Ref: of.ref(org)}, Role: role}
	if project != 0 {
		body.Scope = &wire.RefTo{Ref: reference(org, "project", project)}
	}
	_, err := c.call(ctx, http.MethodPut, iamPath(org, "/access-rules/%s", verb), nil, body, nil)
	return err
}
