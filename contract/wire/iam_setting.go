package wire

import (
	"encoding/json"
	"time"

	"espalier.dev/ref"
)

// CustomizationType is something an organization can set.
type CustomizationType struct {
	ID                     string `json:"id"`
	Kind                   string `json:"kind"` // iam#customization-type
	Description            string `json:"description"`
	ValueType              string `json:"valueType"` // URL, Boolean, Integer, String
	AuthenticationRequired bool   `json:"authenticationRequired"`
}

// Customization is what counts for one of them. One of the values is there.
type Customization struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind"` // iam#customization
	BooleanValue *bool      `json:"booleanValue,omitempty"`
	IntegerValue *int64     `json:"integerValue,omitempty"`
	StringValue  *string    `json:"stringValue,omitempty"`
	URLValue     *string    `json:"urlValue,omitempty"`
	UpdatedBy    *Principal `json:"lastUpdatedBy,omitempty"`
	UpdatedAt    time.Time  `json:"updatedAt"`
}

// Principal is who did something, in IAM.
type Principal struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"` // iam#user, iam#service-account
	Name string `json:"name"`
	Ref  string `json:"ref"`
}

// UpdateCustomizations is the body that sets and removes.
type UpdateCustomizations struct {
	Customizations []CustomizationUpdate `json:"customizations"`
}

// CustomizationUpdate sets one; without a value it removes it.
type CustomizationUpdate struct {
	ID           string      `json:"id"`
	BooleanValue *bool       `json:"booleanValue"`
	IntegerValue json.Number `json:"integerValue"` // "" is absent
	StringValue  *string     `json:"stringValue"`
	URLValue     *string     `json:"urlValue"`
}

// CustomizationResults is what became of each, in order.
type CustomizationResults struct {
	Kind    string                `json:"kind"` // iam#customization-update-result-list
	Results []CustomizationResult `json:"updateResults"`
}

// CustomizationResult is what became of one.
type CustomizationResult struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`   // iam#customization-update-result
	Status string `json:"status"` // accepted, rejected
	Error  string `json:"error,omitempty"`
}

// Contract is an understanding between two organizations. It has no kind, and its members are in snake case.
type Contract struct {
	ID          ref.ContractID       `json:"id"`
	Initiator   ref.OrgID            `json:"initiator_org_id"`
	Target      ref.OrgID            `json:"target_org_id"`
	Title       string               `json:"title"`
	Status      string               `json:"status,omitempty"` // proposed, approved, rejected, expired
	Description string               `json:"description,omitempty"`
	Enable      *bool                `json:"enable,omitempty"` // whether it is approved
	Allowed     []ContractCapability `json:"allowed_capabilities,omitempty"`
	CreatedBy   ref.UserID           `json:"created_by,omitempty"`
	CreatedAt   time.Time            `json:"created_at,omitzero"`
	UpdatedAt   time.Time            `json:"updated_at,omitzero"`
	LastSeen    time.Time            `json:"last_seen,omitzero"`
}

// ContractCapability is a capability with the roles a contract speaks of.
type ContractCapability struct {
	Capability string         `json:"capability"`
	Roles      []ContractRole `json:"roles"`
}

// ContractRole is one of them; the extended view says what it means.
type ContractRole struct {
	Name        string   `json:"role_name"`
	DisplayName string   `json:"displayName,omitempty"`
	Category    string   `json:"category,omitempty"`
	Privileges  []string `json:"privileges,omitempty"`
}

// CreateContract is the body of a proposal.
type CreateContract struct {
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Target      ref.OrgID `json:"target_org_id"`
	Allowed     []struct {
		Capability string   `json:"capability"`
		Roles      []string `json:"roles"`
	} `json:"allowed_capabilities"`
}

// UpdateContract is the body that says when it was looked at.
type UpdateContract struct {
	LastSeen time.Time `json:"last_seen"`
}

// ActivateContract is the target's word.
type ActivateContract struct {
	Enable bool `json:"enable"`
}

// Page is a list of IAM with its kind; NextPage is "" on the last page.
type Page[T any] struct {
	Kind     string `json:"kind"`
	Values   []T    `json:"values"`
	NextPage string `json:"nextPage,omitempty"`
}
