package wire

import (
	"net/url"
	"time"

	"espalier.dev/ref"
)

// Me is who is asking.
type Me struct {
	UserID    ref.UserID   `json:"userId"`
	Email     string       `json:"email"`
	FirstName string       `json:"firstName,omitempty"`
	LastName  string       `json:"lastName,omitempty"`
	Orgs      []Membership `json:"orgs"` // by name, then id
}

// Membership is one organization of the caller.
type Membership struct {
	ID       ref.OrgID `json:"id"`
	Name     string    `json:"name"`
	ParentID ref.OrgID `json:"parentId,omitempty"` // absent for a root
	Roles    []string  `json:"roles"`              // internal names, sorted
}

// Customer is a customer as our own API shows it, in lists without owners.
type Customer struct {
	ID                ref.OrgID    `json:"id"`
	Name              string       `json:"name"`
	ExternalID        string       `json:"externalId,omitempty"` // the parent's own key for it
	Description       string       `json:"description,omitempty"`
	CreatedAt         time.Time    `json:"createdAt"`
	UpdatedAt         time.Time    `json:"updatedAt"`
	NumberOfCustomers int64        `json:"numberOfCustomers"`      // its direct customers
	Tags              []string     `json:"tags"`                   // sorted
	Capabilities      []Capability `json:"capabilities"`           // by name
	NextExpiresAt     time.Time    `json:"nextExpiresAt,omitzero"` // the earliest effective end
	Owners            []Owner      `json:"owners,omitzero"`        // by e-mail; nil in lists
}

// CustomerPage is a page of customers.
type CustomerPage struct {
	Values   []Customer `json:"values"`
	Total    int64      `json:"total"`              // on all pages together
	NextPage string     `json:"nextPage,omitempty"` // "" on the last page
}

// SkipToken is the token of the page that follows, "" on the last page.
func (p CustomerPage) SkipToken() string { return SkipToken(p.NextPage) }

// SkipToken is the token in the address of a next page, "" if there is none. Nothing else of the address is used, since a
// proxy may have changed it.
func SkipToken(nextPage string) string {
	next, err := url.Parse(nextPage)
	if err != nil {
		return ""
	}
	return next.Query().Get("skipToken")
}

// Capability is a capability of an organization with the end that counts.
type Capability struct {
	Name               string    `json:"name"`
	ExpiresAt          time.Time `json:"expiresAt,omitzero"`          // as stored; zero follows the parent
	HasCustomExpiry    bool      `json:"hasCustomExpiry"`             // the end was set for this organization
	EffectiveExpiresAt time.Time `json:"effectiveExpiresAt,omitzero"` // the earliest on the path to the root; zero never ends
	Active             bool      `json:"active"`                      // not ended now
	InUseByCustomers   *bool     `json:"inUseByCustomers,omitempty"`  // cannot be withdrawn; where one customer is shown
	Terms              *MSPTerms `json:"terms,omitempty"`             // of msp, where one organization is shown
}

// MSPTerms are the terms of the capability msp.
type MSPTerms struct {
	MaxDepth int64  `json:"maxDepth"`           // levels of customers below; 0: none of its customers may hold msp
	MaxWidth *int64 `json:"maxWidth,omitempty"` // direct customers; nil: no limit
}

// Owner is an owner of a customer.
type Owner struct {
	ID        ref.UserID `json:"id"`
	Email     string     `json:"email"`
	FirstName string     `json:"firstName,omitempty"`
	LastName  string     `json:"lastName,omitempty"`
}

// OwnCapability is a capability of the organization that is asked about.
type OwnCapability struct {
	Capability
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	Assignable  bool   `json:"assignable"` // to a customer, now
}

// ImportResult is the outcome of an import.
type ImportResult struct {
	DryRun    bool        `json:"dryRun"`
	Applied   bool        `json:"applied"` // the changes were written; false if any row was refused
	Total     int         `json:"total"`
	Created   int         `json:"created"`
	Updated   int         `json:"updated"`
	Unchanged int         `json:"unchanged"`
	Failed    int         `json:"failed"`
	Rows      []ImportRow `json:"rows"` // in the order of the file
}

// ImportRow is what became of one row, or would where nothing was applied.
type ImportRow struct {
	Row        int           `json:"row"` // line in the file where it begins, the heading being 1
	Name       string        `json:"name,omitempty"`
	ExternalID string        `json:"externalId,omitempty"`
	CustomerID ref.OrgID     `json:"customerId,omitempty"` // 0: failed, or would be created and nothing was applied
	Action     ImportAction  `json:"action"`
	Changes    []string      `json:"changes,omitempty"` // columns that change
	Errors     []ImportError `json:"errors,omitempty"`  // every reason why it failed
}

// ImportAction is what became of a row, or in a dry run would become of it.
type ImportAction string

// The actions.
const (
	RowCreated   ImportAction = "created"
	RowUpdated   ImportAction = "updated"
	RowUnchanged ImportAction = "unchanged"
	RowFailed    ImportAction = "failed"
)

// ImportError is a reason why a row was refused.
type ImportError struct {
	Column  string `json:"column"` // "" for the row as a whole
	Message string `json:"message"`
}

// ImportLine is a line of a streamed import: progress again and again, and on the last line the result alone.
type ImportLine struct {
	*ImportProgress
	Result *ImportResult `json:"result,omitempty"`
}

// ImportProgress is how far an import is, in rows.
type ImportProgress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// TagCount is a tag in use.
type TagCount struct {
	Tag       string `json:"tag"`
	Customers int64  `json:"customers"` // direct customers that carry it
}

// CreateToken is the body that makes a refresh token.
type CreateToken struct {
	Name string `json:"name,omitempty"`
}

// NewToken is a refresh token just made.
type NewToken struct {
	ID        ref.TokenID `json:"id"`
	Token     string      `json:"token"` // the credential, shown here and never again
	CreatedAt time.Time   `json:"createdAt"`
	ExpiresAt time.Time   `json:"expiresAt"`
}

// RefreshToken is a refresh token of the caller.
type RefreshToken struct {
	ID         ref.TokenID `json:"id"`
	Name       string      `json:"name,omitempty"`
	CreatedAt  time.Time   `json:"createdAt"`
	ExpiresAt  time.Time   `json:"expiresAt"`
	LastUsedAt time.Time   `json:"lastUsedAt,omitzero"` // zero: never
	Current    bool        `json:"current"`             // this request was made through it
}

// Values is a list without pages.
type Values[T any] struct {
	Values []T `json:"values"`
}

// AccessExplanation is a decision and what it rests on.
type AccessExplanation struct {
	Principal        AccessPrincipal `json:"principal"`
	OrgID            ref.OrgID       `json:"orgId"`
	ProjectID        ref.ProjectID   `json:"projectId,omitempty"` // 0: the organization as a whole was asked about
	Privilege        string          `json:"privilege"`
	Allowed          bool            `json:"allowed"`
	Refusal          string          `json:"refusal,omitempty"` // "": allowed
	At               time.Time       `json:"at"`
	Capability       string          `json:"capability"` // that the privilege belongs to
	CapabilityHeld   bool            `json:"capabilityHeld"`
	CapabilityActive bool            `json:"capabilityActive"`
	CapabilityEndsAt time.Time       `json:"capabilityEndsAt,omitzero"` // zero: it has no end
	Member           string          `json:"member,omitempty"`          // invited, active, inactive; "": no member
	EveryMember      bool            `json:"everyMember"`               // has the privilege, whatever its roles
	Reasons          []AccessReason  `json:"reasons"`                   // first those that count
}

// AccessPrincipal is a user or a service account.
type AccessPrincipal struct {
	Kind string `json:"kind"` // user, service-account
	ID   int64  `json:"id"`
	Name string `json:"name,omitempty"` // an e-mail address, or the account's name
}

// AccessReason is a grant that gives the privilege.
type AccessReason struct {
	Kind             string             `json:"kind"`           // rule, group, policy
	Role             string             `json:"role,omitempty"` // internal name; "": the privilege by itself
	ProjectID        ref.ProjectID      `json:"projectId,omitempty"`
	GroupID          ref.UserGroupID    `json:"groupId,omitempty"`
	GroupName        string             `json:"groupName,omitempty"`
	AccessPolicyID   ref.AccessPolicyID `json:"accessPolicyId,omitempty"`
	AccessPolicyName string             `json:"accessPolicyName,omitempty"`
	Counts           bool               `json:"counts"`
	Rests            string             `json:"rests,omitempty"` // why it does not count now
}

// AccessPage is a page of those who have a privilege.
type AccessPage struct {
	Values   []AccessExplanation `json:"values"`
	Total    int64               `json:"total"`              // on all pages together
	NextPage string              `json:"nextPage,omitempty"` // "" on the last page
}

// SkipToken is the token of the page that follows, "" on the last page.
func (p AccessPage) SkipToken() string { return SkipToken(p.NextPage) }

// ApplicationForm is what of an application that signs users in is chosen. A nil member keeps, or is its zero value for a new one.
type ApplicationForm struct {
	Name         *string   `json:"name,omitempty"`
	RedirectURIs *[]string `json:"redirectUris,omitempty"`
	LogoutURIs   *[]string `json:"logoutUris,omitempty"`
	API          *bool     `json:"api,omitempty"`
	SkipConsent  *bool     `json:"skipConsent,omitempty"`
	Public       *bool     `json:"public,omitempty"` // of a new one alone
}

// Application is an application that signs users in.
type Application struct {
	ID           ref.ApplicationID `json:"id"` // its client_id
	Name         string            `json:"name"`
	RedirectURIs []string          `json:"redirectUris"`
	LogoutURIs   []string          `json:"logoutUris"`
	API          bool              `json:"api"`
	SkipConsent  bool              `json:"skipConsent"`
	Public       bool              `json:"public"`
	CreatedAt    time.Time         `json:"createdAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
}

// NewApplication is one just registered, with its secret; "" for a public one.
type NewApplication struct {
	Application
	ClientSecret string `json:"clientSecret,omitempty"`
}

// ApplicationSecret is a new secret of an application.
type ApplicationSecret struct {
	ID           ref.ApplicationID `json:"id"`
	ClientSecret string            `json:"clientSecret"`
}
