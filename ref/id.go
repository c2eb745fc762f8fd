package ref

import (
	"strconv"
	"strings"
)

// Ids are positive, unique in their kind on one server, and never used again after a delete. Zero is no thing.
type (
	// OrgID names an organization.
	OrgID int64
	// ProjectID names a project, a subdivision of an organization.
	ProjectID int64
	// UserID names a person; users are global, not of one organization.
	UserID int64
	// UserGroupID names a set of users in one organization.
	UserGroupID int64
	// RoleID names a role, a named set of privileges.
	RoleID int64
	// AccessRuleID names the grant of a role to a subject in a scope.
	AccessRuleID int64
	// ServiceAccountID names a machine identity of one organization.
	ServiceAccountID int64
	// ContractID names an understanding between two organizations.
	ContractID int64
	// TokenID names a refresh token; it is not the credential. Shape: ^[a-zA-Z0-9]+$.
	TokenID string
	// AccessPolicyID names an access policy, or a granular role, scoped permission or scope of one: a UUID.
	AccessPolicyID string
	// ProviderID names an identity provider: 24 hexadecimal digits.
	ProviderID string
	// SigningKeyID names a key that requests to an identity provider are signed with: 24 hexadecimal digits.
	SigningKeyID string
	// ApplicationID names an application that signs its users in here: its client_id. Shape: ^[a-z2-7]+$.
	ApplicationID string
)

func (id OrgID) String() string            { return strconv.FormatInt(int64(id), 10) }
func (id ProjectID) String() string        { return strconv.FormatInt(int64(id), 10) }
func (id UserID) String() string           { return strconv.FormatInt(int64(id), 10) }
func (id UserGroupID) String() string      { return strconv.FormatInt(int64(id), 10) }
func (id RoleID) String() string           { return strconv.FormatInt(int64(id), 10) }
func (id AccessRuleID) String() string     { return strconv.FormatInt(int64(id), 10) }
func (id ContractID) String() string       { return strconv.FormatInt(int64(id), 10) }
func (id ServiceAccountID) String() string { return strconv.FormatInt(int64(id), 10) }

// Canonical is the id in small letters, as it is kept: hexadecimal digits may come in either.
func (id ProviderID) Canonical() ProviderID { return ProviderID(strings.ToLower(string(id))) }

// Canonical is the id in small letters, as it is kept.
func (id SigningKeyID) Canonical() SigningKeyID { return SigningKeyID(strings.ToLower(string(id))) }
