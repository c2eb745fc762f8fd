package wire

import (
	"time"

	"espalier.dev/ref"
)

// Invitation asks a person into an organization. The view tiny has the first members alone.
type Invitation struct {
	ID           string              `json:"id"`
	Kind         string              `json:"kind"`   // iam#invitation
	Status       string              `json:"status"` // pending, accepted, expired, declined
	InviteeEmail string              `json:"inviteeEmail"`
	InvitedBy    InvitedBy           `json:"invitedBy"`
	Org          *OrgInvitation      `json:"org,omitempty"`
	Projects     []ProjectInvitation `json:"projects,omitempty"`
	Groups       []InvitedGroup      `json:"groups,omitempty"`
	ExpiresAt    time.Time           `json:"expiresAt,omitzero"`
	CreatedAt    time.Time           `json:"createdAt,omitzero"`
	UpdatedAt    time.Time           `json:"updatedAt,omitzero"`
}

// InvitedBy is who invited.
type InvitedBy struct {
	ID        int64  `json:"id"`
	Kind      string `json:"kind"` // iam#user, iam#service-account
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

// OrgInvitation is the organization and the roles that an invitation gives there.
type OrgInvitation struct {
	ID    ref.OrgID     `json:"id"`
	Kind  string        `json:"kind"` // iam#org-invitation
	Name  string        `json:"name"`
	Roles []InvitedRole `json:"roles,omitempty"`
}

// ProjectInvitation is a project and the roles that an invitation gives there.
type ProjectInvitation struct {
	ID    ref.ProjectID `json:"id"`
	Kind  string        `json:"kind"` // iam#project-invitation
	Name  string        `json:"name"`
	Roles []InvitedRole `json:"roles"`
}

// InvitedRole is a role that an invitation gives.
type InvitedRole struct {
	ID          ref.RoleID `json:"id"`
	Kind        string     `json:"kind"` // iam#role
	Name        string     `json:"name"`
	DisplayName string     `json:"displayName,omitempty"`
	Category    string     `json:"category,omitempty"`
}

// InvitedGroup is a user group that an invitation leads into.
type InvitedGroup struct {
	ID   ref.UserGroupID `json:"id"`
	Kind string          `json:"kind"` // iam#group
	Name string          `json:"name"`
	Ref  string          `json:"ref"` // iam#group:3
}

// CreateInvitation is the body of a create.
type CreateInvitation struct {
	InviteeEmail          string            `json:"inviteeEmail"`
	InviteeFirstName      string            `json:"inviteeFirstName,omitempty"`
	InviteeLastName       string            `json:"inviteeLastName,omitempty"`
	GroupIDs              []ref.UserGroupID `json:"groupIds,omitempty"`
	OrgRoleIDs            []ref.RoleID      `json:"orgRoleIds,omitempty"`
	Projects              []InviteToProject `json:"projects,omitempty"`
	IsSSO                 bool              `json:"isSso"`
	SkipEmailNotification bool              `json:"skipEmailNotification"`
}

// InviteToProject is roles in a project.
type InviteToProject struct {
	ID      ref.ProjectID `json:"id"`
	RoleIDs []ref.RoleID  `json:"roleIds"`
}

// InvitationLink is what our own API answers to a create: the link is there where no mail was sent, and cannot be had again.
type InvitationLink struct {
	ID   string `json:"id"`
	Link string `json:"link,omitempty"`
}
