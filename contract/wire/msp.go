package wire

import (
	"time"

	"espalier.dev/ref"
)

// CreateCustomer is the body of a create, and an item of a bulk create.
type CreateCustomer struct {
	CorrelationID string              `json:"correlationId,omitempty"` // of a bulk item only; echoed in its result
	Name          string              `json:"name"`
	ExternalID    string              `json:"externalId,omitempty"`
	Description   string              `json:"description,omitempty"`
	Capabilities  []CapabilityRequest `json:"capabilities"`
	Owners        []OwnerRequest      `json:"owners"`
}

// UpdateCustomer is the body of a change: what is nil stays, a list replaces the whole list.
type UpdateCustomer struct {
	Name         *string             `json:"name,omitempty"`
	ExternalID   *string             `json:"externalId,omitempty"`
	Description  *string             `json:"description,omitempty"`
	Capabilities []CapabilityRequest `json:"capabilities,omitzero"`
	Owners       []OwnerRequest      `json:"owners,omitzero"`
}

// CapabilityRequest is a capability that is asked for.
type CapabilityRequest struct {
	Name            string     `json:"name"`
	ExpiresAt       *time.Time `json:"expiresAt,omitempty"`       // nil follows the parent
	HasCustomExpiry *bool      `json:"hasCustomExpiry,omitempty"` // nil: true with a date, false without
}

// OwnerRequest is a person that is to be an owner.
type OwnerRequest struct {
	Email     string `json:"email"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
}

// BulkCreate is the body of a bulk create, of 1 to 100 items.
type BulkCreate struct {
	Customers []CreateCustomer `json:"customers"`
}

// BulkDelete is the body of a bulk delete, of 1 to 100 ids.
type BulkDelete struct {
	CustomerIDs []ref.OrgID `json:"customerIds"`
}

// BulkResult is the answer of both bulk calls.
type BulkResult struct {
	Requested  int        `json:"totalRequested"`
	Successful int        `json:"totalSuccessful"`
	Failed     int        `json:"totalFailed"`
	Results    []BulkItem `json:"results"` // in the order of the request; ?status= thins them out
}

// BulkItem is what became of one item.
type BulkItem struct {
	CorrelationID string     `json:"correlationId,omitempty"` // of a create
	CustomerID    ref.OrgID  `json:"customerId,omitempty"`    // 0: a create that failed
	Status        BulkStatus `json:"status"`
	Location      string     `json:"location,omitempty"`  // of a create
	ErrorCode     string     `json:"errorCode,omitempty"` // upper case here
	ErrorMessage  string     `json:"errorMessage,omitempty"`
}

// BulkStatus says whether an item of a bulk call was done.
type BulkStatus string

// The statuses.
const (
	BulkSuccess BulkStatus = "success"
	BulkFailed  BulkStatus = "failed"
)

// MSPCustomer is a customer as /msp shows it, in both versions; v1 leaves out NumberOfCustomers.
type MSPCustomer struct {
	ID                ref.OrgID `json:"id"`
	Kind              string    `json:"kind"` // msp#customer
	Name              string    `json:"name"`
	ExternalID        string    `json:"externalId,omitempty"`
	Description       string    `json:"description,omitempty"`
	CreatedAt         time.Time `json:"createdAt"`
	UpdatedAt         time.Time `json:"updatedAt"`
	NumberOfCustomers *int64    `json:"numberOfCustomers,omitempty"`
	// Capabilities and Owners are left out of lists and of the view index.
	Capabilities []MSPCapability `json:"capabilities,omitempty"`
	Owners       []User          `json:"owners,omitempty"`
}

// MSPCapability is a capability of a customer as /msp shows it; v1 shows the name alone.
type MSPCapability struct {
	Name             string    `json:"name"`
	ExpiresAt        time.Time `json:"expiresAt,omitzero"` // as stored
	HasCustomExpiry  *bool     `json:"hasCustomExpiry,omitempty"`
	InUseByCustomers *bool     `json:"inUseByCustomers,omitempty"`
	OnboardingStatus string    `json:"onboardingStatus,omitempty"`
}

// User is a person as IAM shows it.
type User struct {
	ID        ref.UserID `json:"id"`
	Kind      string     `json:"kind"` // iam#user
	Ref       string     `json:"ref"`  // iam#user:123
	Email     string     `json:"email"`
	FirstName string     `json:"firstName,omitempty"`
	LastName  string     `json:"lastName,omitempty"`
	Status    string     `json:"status,omitempty"`
	CreatedAt time.Time  `json:"createdAt,omitzero"`
	UpdatedAt time.Time  `json:"updatedAt,omitzero"`
}

// Tag is a label on a customer.
type Tag struct {
	Tag string `json:"tag"`
}

// Tags spells tags as /msp does.
func Tags(names []string) []Tag {
	tags := make([]Tag, len(names))
	for i, name := range names {
		tags[i].Tag = name
	}
	return tags
}

// TagNames is the way back from [Tags].
func TagNames(tags []Tag) []string {
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Tag
	}
	return names
}

// AddTags is the body that adds tags.
type AddTags struct {
	Tags []Tag `json:"tags"`
}

// CustomerTags is the answer of adding tags: all tags the customer has then.
type CustomerTags struct {
	OrgID      ref.OrgID `json:"orgId"`
	CustomerID ref.OrgID `json:"customerId"`
	Tags       []Tag     `json:"tags"`
}

// TaggedCustomers is a page of customers selected by tags.
type TaggedCustomers struct {
	NextPage string           `json:"nextPage,omitempty"`
	Values   []TaggedCustomer `json:"values"`
}

// TaggedCustomer names a customer.
type TaggedCustomer struct {
	ID ref.OrgID `json:"id"`
}
