package wire

import (
	"time"

	"espalier.dev/ref"
)

// IdentityProvider is a SAML identity provider of an organization. The contract writes its booleans as text.
type IdentityProvider struct {
	ID                            ref.ProviderID      `json:"id"`
	Kind                          string              `json:"kind"` // iam#saml2-idp
	OrgID                         ref.OrgID           `json:"orgId"`
	Name                          string              `json:"name"`
	DiscoveryHint                 string              `json:"discoveryHint,omitempty"`
	IssuerURI                     string              `json:"issuerUri,omitempty"`
	SSOURL                        string              `json:"ssoUrl,omitempty"`
	ACSURL                        string              `json:"acsUrl,omitempty"`
	AudienceURI                   string              `json:"audienceUri,omitempty"`
	LogoutRedirectURL             string              `json:"logoutRedirectUrl,omitempty"`
	RequestBinding                string              `json:"requestBinding,omitempty"`
	RequestSignatureAlgorithm     string              `json:"requestSignatureAlgorithm,omitempty"`
	RequestSigningKeyID           ref.SigningKeyID    `json:"requestSigningKeyId,omitempty"`
	RequestSigningKeys            []SigningKey        `json:"requestSigningKeys,omitzero"` // view extended
	ResponseSignatureAlgorithm    string              `json:"responseSignatureAlgorithm,omitempty"`
	ResponseSignatureVerification string              `json:"responseSignatureVerification,omitempty"`
	SignAuthnRequests             string              `json:"signAuthnRequests,omitempty"`      // "true" or "false"
	JITProvisioningEnabled        string              `json:"jitProvisioningEnabled,omitempty"` // "true" or "false"
	GroupSyncPolicy               string              `json:"groupSyncPolicy,omitempty"`
	CertificatePublicKey          string              `json:"certificatePublicKey,omitempty"`
	CertificateDetails            *CertificateDetails `json:"certificateDetails,omitempty"`
	Domains                       []Domain            `json:"domains,omitzero"` // view extended
	CreatedAt                     time.Time           `json:"createdAt"`
	UpdatedAt                     time.Time           `json:"updatedAt"`
}

// CertificateDetails is what people compare a certificate by.
type CertificateDetails struct {
	Subject     string    `json:"subject"`
	Fingerprint string    `json:"fingerprint"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

// PutIdentityProvider is the body of a create and of an update; in an update, what is absent stays.
type PutIdentityProvider struct {
	Name                          *string           `json:"name,omitempty"`
	DiscoveryHint                 *string           `json:"discoveryHint,omitempty"`
	IssuerURI                     *string           `json:"issuerUri,omitempty"`
	SSOURL                        *string           `json:"ssoUrl,omitempty"`
	LogoutRedirectURL             *string           `json:"logoutRedirectUrl,omitempty"`
	RequestBinding                *string           `json:"requestBinding,omitempty"`
	RequestSignatureAlgorithm     *string           `json:"requestSignatureAlgorithm,omitempty"`
	RequestSigningKeyID           *ref.SigningKeyID `json:"requestSigningKeyId,omitempty"` // of an update alone
	ResponseSignatureAlgorithm    *string           `json:"responseSignatureAlgorithm,omitempty"`
	ResponseSignatureVerification *string           `json:"responseSignatureVerification,omitempty"`
	SignAuthnRequests             *string           `json:"signAuthnRequests,omitempty"`
	JITProvisioningEnabled        *string           `json:"jitProvisioningEnabled,omitempty"`
	GroupSyncPolicy               *string           `json:"groupSyncPolicy,omitempty"`
	CertificatePublicKey          *string           `json:"certificatePublicKey,omitempty"`
}

// ProviderID is an identity provider by its id alone.
type ProviderID struct {
	ID ref.ProviderID `json:"id"`
}

// SigningKey is a key that requests are signed with, as its certificate shows it.
type SigningKey struct {
	ID                 ref.SigningKeyID `json:"id"`
	Kind               string           `json:"kind,omitempty"` // iam#saml2-idp-signing-key; not of one just made
	OrgID              ref.OrgID        `json:"orgId"`
	IdentityProviderID ref.ProviderID   `json:"identityProviderId"`
	KeyData            string           `json:"keyData"` // a certificate in PEM
	CreatedAt          time.Time        `json:"createdAt"`
	ExpiresAt          time.Time        `json:"expiresAt"`
}

// GenerateSigningKey is the body of a generate.
type GenerateSigningKey struct {
	ValidityYears int `json:"validityYears"`
}

// Domain is a domain of an identity provider.
type Domain struct {
	Name               string         `json:"name"`
	Kind               string         `json:"kind"` // iam#saml2-idp-domain
	OrgID              ref.OrgID      `json:"orgId"`
	IdentityProviderID ref.ProviderID `json:"identityProviderId"`
	VerificationCode   string         `json:"verificationCode,omitempty"` // absent once it is verified
	VerifiedAt         time.Time      `json:"verifiedAt,omitzero"`
	CreatedAt          time.Time      `json:"createdAt"`
}

// RegisterDomain is the body of a register.
type RegisterDomain struct {
	Name string `json:"name"`
}

// LoginPolicy is how the people of an organization sign in: it is read flat and written wrapped.
type LoginPolicy struct {
	Kind         string         `json:"kind"` // iam#org-login-policy
	EnforceSSO   bool           `json:"enforceSso"`
	DefaultIDPID ref.ProviderID `json:"defaultIdpId,omitempty"`
}

// UpdateLoginPolicy is the body of an update; what is absent stays.
type UpdateLoginPolicy struct {
	LoginPolicy struct {
		EnforceSSO   *bool           `json:"enforceSso,omitempty"`
		DefaultIDPID *ref.ProviderID `json:"defaultIdpId,omitempty"`
	} `json:"loginPolicy"`
}
