package wire

import (
	"time"

	"espalier.dev/ref"
)

// AccessPolicy is what user groups of an organization may do in customers of it. The view default of a list leaves the roles
// out, and every default view the names of the groups.
type AccessPolicy struct {
	ID               ref.AccessPolicyID `json:"id"`
	Kind             string             `json:"kind"` // iam:access-policy
	OrgID            ref.OrgID          `json:"orgId"`
	Name             string             `json:"name"`
	Description      string             `json:"description,omitempty"`
	GroupIDs         []ref.UserGroupID  `json:"groupIds"`
	Groups           []PolicyGroup      `json:"groups,omitempty"`
	CustomerOrgIDs   []ref.OrgID        `json:"customerOrgIds"`
	IAMRoles         []IAMRole          `json:"iamRoles,omitempty"`
	NumberOfIAMRoles int                `json:"numberOfIAMRoles"`
	CreatedBy        int64              `json:"createdBy"`
	CreatedAt        time.Time          `json:"createdAt"`
	UpdatedAt        time.Time          `json:"updatedAt"`
}

// PolicyGroup is a user group of an access policy.
type PolicyGroup struct {
	ID   ref.UserGroupID `json:"id"`
	Name string          `json:"name"`
}

// IAMRole is a granular role: a bundle of scoped permissions. In a request it and its parts stand by id, or are new.
type IAMRole struct {
	ID                ref.AccessPolicyID `json:"id,omitempty"`
	Name              string             `json:"name,omitempty"`
	Description       string             `json:"description,omitempty"`
	ScopedPermissions []ScopedPermission `json:"scopedPermissions,omitempty"`
	CreatedBy         int64              `json:"createdBy,omitempty"`
	CreatedAt         time.Time          `json:"createdAt,omitzero"`
	UpdatedAt         time.Time          `json:"updatedAt,omitzero"`
}

// ScopedPermission is shipped roles and single permissions, within a scope.
type ScopedPermission struct {
	ID                 ref.AccessPolicyID `json:"id,omitempty"`
	Name               string             `json:"name,omitempty"`
	Description        string             `json:"description,omitempty"`
	PermissionCategory string             `json:"permissionCategory,omitempty"`
	Permissions        []string           `json:"permissions,omitempty"`
	RoleNames          []string           `json:"roleNames,omitempty"`
	GranularScope      *GranularScope     `json:"granularScope,omitempty"`
	CreatedBy          int64              `json:"createdBy,omitempty"`
	CreatedAt          time.Time          `json:"createdAt,omitzero"`
	UpdatedAt          time.Time          `json:"updatedAt,omitzero"`
}

// GranularScope narrows a permission to some customers of the policy.
type GranularScope struct {
	ID            ref.AccessPolicyID `json:"id,omitempty"`
	Kind          string             `json:"kind,omitempty"` // iam:granular-scope
	Name          string             `json:"name,omitempty"`
	Description   string             `json:"description,omitempty"`
	SelectedScope *SelectedScope     `json:"selectedScope,omitempty"`
	CreatedBy     int64              `json:"createdBy,omitempty"`
	CreatedAt     time.Time          `json:"createdAt,omitzero"`
	UpdatedAt     time.Time          `json:"updatedAt,omitzero"`
}

// SelectedScope is the nodes of a scope.
type SelectedScope struct {
	NodeIDs   []string `json:"nodeIds"`
	NodePaths []string `json:"nodePaths,omitempty"`
}

// PutAccessPolicy is the body of a create and of an update, which replaces all.
type PutAccessPolicy struct {
	Name           string            `json:"name"`
	Description    string            `json:"description,omitempty"`
	GroupIDs       []ref.UserGroupID `json:"groupIds,omitempty"`
	CustomerOrgIDs []ref.OrgID       `json:"customerOrgIds,omitempty"`
	IAMRoles       []IAMRole         `json:"iamRoles,omitempty"`
}

// CreatedAccessPolicy is the answer to a create.
type CreatedAccessPolicy struct {
	ID ref.AccessPolicyID `json:"id"`
}

// UserAccessPolicies is the policies with data access that reach a user.
type UserAccessPolicies struct {
	Kind           string            `json:"kind"` // iam:user-access-policies
	OrgID          ref.OrgID         `json:"orgId"`
	UserID         ref.UserID        `json:"userId"`
	GroupIDs       []ref.UserGroupID `json:"groupIds"`
	AccessPolicies []AccessPolicy    `json:"accessPolicies"`
}
