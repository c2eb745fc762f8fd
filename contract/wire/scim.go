package wire

import (
	"encoding/json"
	"time"
)

// The URNs of SCIM messages.
const (
	SCIMListURN  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SCIMPatchURN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	SCIMErrorURN = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// SCIMError is the error body of SCIM.
type SCIMError struct {
	Schemas []string `json:"schemas"`
	Status  string   `json:"status"` // "404"
	Detail  string   `json:"detail"`
}

// SCIMUser is a member of an organization.
type SCIMUser struct {
	Schemas    []string      `json:"schemas"`
	ID         string        `json:"id"`
	ExternalID string        `json:"externalId,omitempty"`
	UserName   string        `json:"userName"`
	Name       *SCIMName     `json:"name,omitempty"`
	Active     bool          `json:"active"`
	Emails     []SCIMContact `json:"emails,omitempty"`
	Phones     []SCIMContact `json:"phoneNumbers,omitempty"`
	Meta       *SCIMMeta     `json:"meta,omitempty"`
}

// SCIMName is the name of a user.
type SCIMName struct {
	GivenName  string `json:"givenName"`
	FamilyName string `json:"familyName"`
}

// SCIMContact is an e-mail address or a telephone number.
type SCIMContact struct {
	Value   string `json:"value"`
	Type    string `json:"type,omitempty"`
	Primary any    `json:"primary,omitempty"` // in requests, a boolean or one as a text
}

// SCIMMeta is what the server says of a resource.
type SCIMMeta struct {
	ResourceType string    `json:"resourceType"`
	Created      time.Time `json:"created"`
	LastModified time.Time `json:"lastModified"`
	Location     string    `json:"location"`
}

// WriteSCIMUser is the body that makes or replaces a user; nil is left out.
type WriteSCIMUser struct {
	Schemas    []string       `json:"schemas,omitempty"`
	ExternalID *string        `json:"externalId,omitempty"`
	UserName   *string        `json:"userName,omitempty"`
	Name       *SCIMName      `json:"name,omitempty"`
	Active     *bool          `json:"active,omitempty"`
	Emails     *[]SCIMContact `json:"emails,omitempty"`
	Phones     *[]SCIMContact `json:"phoneNumbers,omitempty"`
}

// SCIMGroup is a user group.
type SCIMGroup struct {
	Schemas     []string      `json:"schemas"`
	ID          string        `json:"id"`
	ExternalID  string        `json:"externalId,omitempty"`
	DisplayName string        `json:"displayName"`
	Members     *[]SCIMMember `json:"members,omitempty"`
	Meta        *SCIMMeta     `json:"meta,omitempty"`
}

// SCIMMember is a user in a group. Only value counts in requests.
type SCIMMember struct {
	Value   string `json:"value"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"` // User
	Ref     string `json:"$ref,omitempty"`
}

// WriteSCIMGroup is the body that makes or replaces a user group; nil is left out.
type WriteSCIMGroup struct {
	Schemas     []string      `json:"schemas,omitempty"`
	ExternalID  *string       `json:"externalId,omitempty"`
	DisplayName string        `json:"displayName"`
	Members     *[]SCIMMember `json:"members,omitempty"`
}

// SCIMPatch is the body that changes a user or a group. Operations is as good a name.
type SCIMPatch struct {
	Schemas    []string        `json:"schemas"`
	Operations []SCIMOperation `json:"operations"`
}

// SCIMOperation is one change.
type SCIMOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// SCIMListRest is what a list has beside its Resources.
type SCIMListRest struct {
	Schemas      []string `json:"schemas"`
	TotalResults int      `json:"totalResults"`
	StartIndex   int      `json:"startIndex"`
	ItemsPerPage int      `json:"itemsPerPage"`
}

// SCIMResourceType says what a server keeps.
type SCIMResourceType struct {
	Schemas  []string       `json:"schemas"`
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Endpoint string         `json:"endpoint"`
	About    string         `json:"description"`
	Schema   string         `json:"schema"`
	Meta     SCIMConfigMeta `json:"meta"`
}

// SCIMConfigMeta is what the server says of what it says of itself.
type SCIMConfigMeta struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

// SCIMSchema lists the attributes of a resource.
type SCIMSchema struct {
	Schemas    []string        `json:"schemas"`
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	About      string          `json:"description"`
	Attributes []SCIMAttribute `json:"attributes"`
	Meta       SCIMConfigMeta  `json:"meta"`
}

// SCIMAttribute is one attribute. The contract has no place for the parts of a complex one.
type SCIMAttribute struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // string, boolean, complex
	MultiValued bool   `json:"multiValued"`
	About       string `json:"description"`
	Required    bool   `json:"required"`
	CaseExact   bool   `json:"caseExact"`
	Mutability  string `json:"mutability"` // readOnly, readWrite
	Returned    string `json:"returned"`   // always, default
	Uniqueness  string `json:"uniqueness"` // none, server
}

// SCIMProviderConfig says what of SCIM a server does.
type SCIMProviderConfig struct {
	Schemas        []string         `json:"schemas"`
	Patch          SCIMSupport      `json:"patch"`
	Bulk           SCIMBulkSupport  `json:"bulk"`
	Filter         SCIMFilterBounds `json:"filter"`
	ChangePassword SCIMSupport      `json:"changePassword"`
	Sort           SCIMSupport      `json:"sort"`
	ETag           SCIMSupport      `json:"etag"`
	Authentication []SCIMWayIn      `json:"authenticationSchemes"`
	Meta           SCIMConfigMeta   `json:"meta"`
}

// SCIMSupport says whether a server does something.
type SCIMSupport struct {
	Supported bool `json:"supported"`
}

// SCIMBulkSupport bounds what there is not.
type SCIMBulkSupport struct {
	Supported      bool  `json:"supported"`
	MaxOperations  int64 `json:"maxOperations"`
	MaxPayloadSize int64 `json:"maxPayloadSize"` // bytes
}

// SCIMFilterBounds bounds lists.
type SCIMFilterBounds struct {
	Supported  bool  `json:"supported"`
	MaxResults int64 `json:"maxResults"`
}

// SCIMWayIn is how a client proves itself.
type SCIMWayIn struct {
	Type    string `json:"type"` // oauthbearertoken
	Name    string `json:"name"`
	About   string `json:"description"`
	SpecURI string `json:"specUri"`
}
