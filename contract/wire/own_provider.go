package wire

import (
	"time"

	"espalier.dev/ref"
)

// OIDCProvider is an identity provider of an organization that speaks OpenID Connect. Its client secret is never shown.
type OIDCProvider struct {
	ID                     ref.ProviderID `json:"id"`
	OrgID                  ref.OrgID      `json:"orgId"`
	Name                   string         `json:"name"`
	DiscoveryHint          string         `json:"discoveryHint,omitempty"`
	Issuer                 string         `json:"issuer"`
	ClientID               string         `json:"clientId"`
	HasClientSecret        bool           `json:"hasClientSecret"`
	RedirectURL            string         `json:"redirectUrl,omitempty"` // to be registered with the provider; absent without a public address
	Scopes                 []string       `json:"scopes"`
	GroupsClaim            string         `json:"groupsClaim"`
	TrustEmail             bool           `json:"trustEmail"`
	JITProvisioningEnabled bool           `json:"jitProvisioningEnabled"`
	GroupSyncPolicy        string         `json:"groupSyncPolicy"`
	Domains                []Domain       `json:"domains,omitzero"` // of one that was asked for
	CreatedAt              time.Time      `json:"createdAt"`
	UpdatedAt              time.Time      `json:"updatedAt"`
}

// PutOIDCProvider is the body of a create and of an update; in an update, what is absent stays.
type PutOIDCProvider struct {
	Name                   *string  `json:"name,omitempty"`
	DiscoveryHint          *string  `json:"discoveryHint,omitempty"`
	Issuer                 *string  `json:"issuer,omitempty"`
	ClientID               *string  `json:"clientId,omitempty"`
	ClientSecret           *string  `json:"clientSecret,omitempty"`
	Scopes                 []string `json:"scopes,omitzero"`
	GroupsClaim            *string  `json:"groupsClaim,omitempty"`
	TrustEmail             *bool    `json:"trustEmail,omitempty"`
	JITProvisioningEnabled *bool    `json:"jitProvisioningEnabled,omitempty"`
	GroupSyncPolicy        *string  `json:"groupSyncPolicy,omitempty"`
}

// SAMLOptions is what the contract has no member for.
type SAMLOptions struct {
	AllowIDPInitiated bool `json:"allowIdpInitiated"`
}

// BreakGlass is the owner who may sign in past an organization's identity provider.
type BreakGlass struct {
	UserID ref.UserID `json:"userId,omitempty"`
}
