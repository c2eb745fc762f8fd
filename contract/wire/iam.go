package wire

import (
	"time"

	"espalier.dev/ref"
)

// Organization is an organization as IAM shows it.
type Organization struct {
	ID        ref.OrgID `json:"id"`
	Kind      string    `json:"kind"` // iam#org
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Project is a subdivision of an organization.
type Project struct {
	ID        ref.ProjectID `json:"id"`
	Kind      string        `json:"kind"` // iam:project
	Ref       string        `json:"ref"`  // ref:nam:10::iam:project:100
	Name      string        `json:"name"`
	CreatedAt time.Time     `json:"createdAt"`
	UpdatedAt time.Time     `json:"updatedAt"`
}

// HeldCapability is a capability of an organization as IAM shows it.
type HeldCapability struct {
	Name             string         `json:"capabilityName"`
	Kind             string         `json:"kind"` // iam#capability
	OrgID            ref.OrgID      `json:"orgId"`
	Description      string         `json:"description,omitempty"`
	ExpiresAt        time.Time      `json:"expiresAt,omitzero"` // as stored
	OnboardingStatus string         `json:"onboardingStatus,omitempty"`
	Terms            map[string]any `json:"terms,omitempty"` // of msp: maxDepth, and maxWidth where it is limited
	CreatedAt        time.Time      `json:"createdAt"`
	UpdatedAt        time.Time      `json:"updatedAt"`
}
