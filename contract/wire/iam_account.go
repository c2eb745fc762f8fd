package wire

import (
	"time"

	"espalier.dev/ref"
)

// ServiceAccount is a machine identity of an organization.
type ServiceAccount struct {
	ID          ref.ServiceAccountID `json:"id"`
	Kind        string               `json:"kind"` // iam#service-account
	Ref         string               `json:"ref"`  // iam#service-account:4
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	CreatedBy   int64                `json:"createdBy"`
	CreatedAt   time.Time            `json:"createdAt,omitzero"`
	UpdatedAt   time.Time            `json:"updatedAt,omitzero"`
}

// CreateServiceAccount is the body of a create.
type CreateServiceAccount struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// UpdateServiceAccount is the body of an update; what is absent stays.
type UpdateServiceAccount struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
}

// ServiceAccountClient is what a service account proves itself with. The secret is there in the answer to its making alone,
// either plain or encrypted to the key that the request named.
type ServiceAccountClient struct {
	ClientID           string    `json:"clientId"`
	Kind               string    `json:"kind"` // iam#service-account-client
	ClientSecret       string    `json:"clientSecret,omitempty"`
	EncryptedSecret    string    `json:"encryptedSecret,omitempty"`    // base64
	IV                 string    `json:"iv,omitempty"`                 // base64, 12 bytes
	AuthTag            string    `json:"authTag,omitempty"`            // base64, 16 bytes
	EphemeralPublicKey string    `json:"ephemeralPublicKey,omitempty"` // base64 of a SubjectPublicKeyInfo
	CreatedBy          int64     `json:"createdBy"`
	CreatedAt          time.Time `json:"createdAt"`
}

// IAMRefreshToken is a refresh token as IAM shows it. It is not the credential.
type IAMRefreshToken struct {
	ID          ref.TokenID `json:"id"`
	Kind        string      `json:"kind"` // iam#refresh-token
	IsDeletable bool        `json:"isDeletable"`
	CreatedAt   time.Time   `json:"createdAt"`
	ExpiresAt   time.Time   `json:"expiresAt"`
}
