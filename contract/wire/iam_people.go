package wire

import (
	"time"

	"espalier.dev/ref"
)

// OrgUser is a person as an organization's lists show it.
type OrgUser struct {
	User
	AccessSource            string    `json:"accessSource"` // org_member, external_access_policy
	AccessSourceDisplayName string    `json:"accessSourceDisplayName"`
	HasActiveRefreshToken   bool      `json:"hasActiveRefreshToken"`
	LastActivity            time.Time `json:"lastActivity,omitzero"`
	LastUILogin             time.Time `json:"lastUILogin,omitzero"`
	LastAPILogin            time.Time `json:"lastAPILogin,omitzero"`
}

// UserList is a page of users.
type UserList struct {
	Kind     string    `json:"kind"`               // iam#org-user-list
	NextPage string    `json:"nextPage,omitempty"` // "" on the last page
	Values   []OrgUser `json:"values"`
}

// CreateUser is the body that makes a person a member. Its names are in another style than all the others.
type CreateUser struct {
	Email     string `json:"email"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
}

// CreatedUser is the answer to it.
type CreatedUser struct {
	ID ref.UserID `json:"id"`
}

// Group is a user group.
type Group struct {
	ID          ref.UserGroupID `json:"id"`
	Kind        string          `json:"kind"` // iam:group
	Ref         string          `json:"ref"`  // ref:nam:100::iam:group:1
	OrgID       ref.OrgID       `json:"orgId"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	UserCount   *int64          `json:"userCount,omitempty"` // in the view extended
	CreatedAt   time.Time       `json:"createdAt"`
	UpdatedAt   time.Time       `json:"updatedAt"`
}

// GroupList is the user groups of an organization, or of one of its users.
type GroupList struct {
	Kind   string  `json:"kind"` // iam:org-group-list, iam:user-group-list
	Values []Group `json:"values"`
}

// CreateGroup is the body that makes a user group.
type CreateGroup struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// UpdateGroup is the body that changes one; nil keeps.
type UpdateGroup struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
}

// GroupMembership is a user in a user group.
type GroupMembership struct {
	ID   string  `json:"id"`   // 1234:12345, the group and the user
	Kind string  `json:"kind"` // iam:group-membership
	Ref  string  `json:"ref"`  // ref:nam:100::iam:membership:1234:12345
	User OrgUser `json:"user"`
}

// GroupUsers is the body that says who joins a user group, or is in it from then on.
type GroupUsers struct {
	UserIDs []ref.UserID `json:"userIds"`
}

// Role is a role that an organization can use. The view index has the names alone, extended the privileges too.
type Role struct {
	ID          ref.RoleID  `json:"id"`
	Kind        string      `json:"kind"` // iam#role
	Name        string      `json:"name"`
	DisplayName string      `json:"displayName"`
	Category    string      `json:"category,omitempty"`
	Capability  string      `json:"capability,omitempty"` // that unlocks it
	Description string      `json:"description,omitempty"`
	Privileges  []string    `json:"privileges,omitempty"`
	Scopes      []RoleScope `json:"scopes,omitempty"`
	CreatedAt   time.Time   `json:"createdAt"`
}

// RoleScope is a kind of place where a role can be granted.
type RoleScope struct {
	Name string `json:"name"` // org; the contract's enumeration has none for projects
}

// AccessRule is a role granted to somebody in a scope.
type AccessRule struct {
	Kind      string      `json:"kind"` // iam:access-rule
	Subject   RuleSubject `json:"subject"`
	Role      RuleRole    `json:"role"`
	Scope     RuleScope   `json:"scope"`
	CreatedAt time.Time   `json:"createdAt"`
}

// RuleSubject is who holds the role. The names are in the view extended.
type RuleSubject struct {
	ID        int64  `json:"id"`
	Kind      string `json:"kind"` // iam:user, iam:group, iam:service-account
	Ref       string `json:"ref"`
	Email     string `json:"email,omitempty"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Name      string `json:"name,omitempty"`
}

// RuleRole is the role of an access rule.
type RuleRole struct {
	ID          ref.RoleID `json:"id"`
	Kind        string     `json:"kind"` // iam:role
	Name        string     `json:"name"`
	DisplayName string     `json:"displayName,omitempty"` // in the view extended, as is the category
	Category    string     `json:"category,omitempty"`
}

// RuleScope is an organization or a project.
type RuleScope struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"` // iam:org, iam:project
	Ref  string `json:"ref"`
}

// AccessRuleList is the access rules of a scope.
type AccessRuleList struct {
	Kind   string       `json:"kind"` // iam:access-rule-list
	Values []AccessRule `json:"values"`
}

// ChangeRule is the body of a grant or a revocation.
type ChangeRule struct {
	Subject RefTo      `json:"subject"`
	Role    RoleOfRule `json:"role"`
	Scope   *RefTo     `json:"scope,omitempty"` // nil: the organization
}

// RefTo names something by its reference.
type RefTo struct {
	Ref string `json:"ref"`
}

// RoleOfRule names a role by its id or its name, or in a revocation all of them.
type RoleOfRule struct {
	ID   ref.RoleID `json:"id,omitempty"`
	Name string     `json:"name,omitempty"`
	All  bool       `json:"all,omitempty"`
}

// UserOrg is an organization of a user.
type UserOrg struct {
	ID   ref.OrgID `json:"id"`
	Kind string    `json:"kind"` // iam:user-org
	Ref  string    `json:"ref"`
	Name string    `json:"name"`
}

// UserOrgList is the organizations of a user.
type UserOrgList struct {
	Kind   string    `json:"kind"` // iam:user-org-list
	Values []UserOrg `json:"values"`
}

// UserProject is a project of a user, with its organization in the view extended.
type UserProject struct {
	Project
	Org *UserOrg `json:"org,omitempty"`
}

// UserProjectList is the projects of a user.
type UserProjectList struct {
	Kind   string        `json:"kind"` // iam:user-project-list
	Values []UserProject `json:"values"`
}

// PrivilegesReport is what a user may do in some scopes.
type PrivilegesReport struct {
	Kind       string            `json:"kind"` // iam:user-privileges-report
	Privileges []ReportPrivilege `json:"privileges"`
	Roles      []ReportRole      `json:"roles,omitempty"` // those that privileges name, in the view extended
}

// ReportPrivilege is a privilege and where the user has it.
type ReportPrivilege struct {
	Kind            string        `json:"kind"` // iam:user-privilege
	PrivilegeID     string        `json:"privilegeId"`
	ScopePrivileges []ReportScope `json:"scopePrivileges"`
}

// ReportScope is a scope with the roles that give the privilege there; none where every member has it.
type ReportScope struct {
	Scope   string       `json:"scope"` // as it was asked for
	RoleIDs []ref.RoleID `json:"roleIds"`
}

// ReportRole is a role of a report.
type ReportRole struct {
	ID   ref.RoleID `json:"id"`
	Kind string     `json:"kind"` // iam:role
	Name string     `json:"name"`
}

// Person is a user as our own API shows it.
type Person struct {
	ID                    ref.UserID `json:"id"`
	Email                 string     `json:"email"`
	FirstName             string     `json:"firstName,omitempty"`
	LastName              string     `json:"lastName,omitempty"`
	State                 string     `json:"state"`        // invited, active, inactive
	AccessSource          string     `json:"accessSource"` // org_member, external_access_policy
	HasActiveRefreshToken bool       `json:"hasActiveRefreshToken"`
	LastUILogin           time.Time  `json:"lastUILogin,omitzero"`
	LastAPILogin          time.Time  `json:"lastAPILogin,omitzero"`
	CreatedAt             time.Time  `json:"createdAt"`
	UpdatedAt             time.Time  `json:"updatedAt"`
}

// UserPage is a page of users.
type UserPage struct {
	Values   []Person `json:"values"`
	Total    int64    `json:"total"`              // on all pages together
	NextPage string   `json:"nextPage,omitempty"` // "" on the last page
}

// SkipToken is the token of the page that follows, "" on the last page.
func (p UserPage) SkipToken() string { return SkipToken(p.NextPage) }

// CreateProject is the body that makes a further project.
type CreateProject struct {
	Name string `json:"name"`
}

// OwnProject is a project of an organization as our own API shows it.
type OwnProject struct {
	ID        ref.ProjectID `json:"id"`
	Name      string        `json:"name"`
	CreatedAt time.Time     `json:"createdAt"`
	UpdatedAt time.Time     `json:"updatedAt"`
}
