package wire

import (
	"encoding/json"
	"time"

	"espalier.dev/ref"
)

// EventList is a page of events or of calls. Without an upper bound the last page has a NextPage too, from which new ones come.
type EventList[T any] struct {
	Kind     string `json:"kind"` // iam#event-collection, iam:api-event-collection
	Values   []T    `json:"values"`
	NextPage string `json:"nextPage,omitempty"`
	PrevPage string `json:"prevPage,omitempty"`
}

// Event is something that happened in an organization.
type Event struct {
	ID        string          `json:"id"`        // 32 hexadecimal digits
	Kind      string          `json:"kind"`      // iam#event
	EventType string          `json:"eventType"` // authentication.saml2, user_group.create
	Timestamp time.Time       `json:"timestamp"`
	Outcome   EventOutcome    `json:"outcome"`
	Principal *EventPrincipal `json:"principal"`
	Targets   []EventTarget   `json:"targets,omitempty"`
}

// EventOutcome says whether it came about.
type EventOutcome struct {
	Result string `json:"result"` // success, failure
}

// EventPrincipal is who did it: a user, a service account, or the operator of the server, who has neither id nor ref.
type EventPrincipal struct {
	ID        int64  `json:"id,omitempty"`
	Kind      string `json:"kind"` // iam:user, iam:service-account, operator
	Ref       string `json:"ref,omitempty"`
	Name      string `json:"name"`
	Email     string `json:"email,omitempty"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
}

// EventTarget is what it was done to, and how that was before and after.
type EventTarget struct {
	Kind   string          `json:"kind"`
	ID     string          `json:"id"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// APIEvent is a call of the API.
type APIEvent struct {
	Kind      string          `json:"kind"`      // iam:api-event
	EventType string          `json:"eventType"` // api.event
	Timestamp time.Time       `json:"timestamp"`
	Principal *EventPrincipal `json:"principal,omitempty"`
	Request   APIRequest      `json:"request"`
	Response  APIResponse     `json:"response"`
}

// APIRequest is what was asked.
type APIRequest struct {
	ID        string    `json:"id"` // 32 hexadecimal digits
	Method    string    `json:"httpMethod"`
	Path      string    `json:"httpPath"`
	Host      string    `json:"httpHost"`
	IP        string    `json:"ip"`
	BodyBytes int64     `json:"bodyBytes"`
	UserAgent UserAgent `json:"userAgent"`
}

// UserAgent is the program that asked, as it calls itself.
type UserAgent struct {
	Raw string `json:"raw"`
}

// APIResponse is how it was answered.
type APIResponse struct {
	Code       int    `json:"httpCode"`
	Status     string `json:"httpStatus"`
	BodyBytes  int64  `json:"bodyBytes"`
	DurationMs int64  `json:"durationMs"`
}

// AuditEntry is an entry of the audit log as our own API shows it.
type AuditEntry struct {
	ID        int64           `json:"id"`
	Timestamp time.Time       `json:"timestamp"`
	OrgID     ref.OrgID       `json:"orgId"`
	OrgName   string          `json:"orgName,omitempty"`
	ViaOrgID  ref.OrgID       `json:"viaOrgId,omitempty"`
	Actor     AuditActor      `json:"actor"`
	Action    string          `json:"action"`
	Target    AuditTarget     `json:"target"`
	Before    json.RawMessage `json:"before,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
	RequestID string          `json:"requestId,omitempty"`
}

// AuditActor is who did it.
type AuditActor struct {
	Kind  string `json:"kind"` // user, service_account, operator
	ID    int64  `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// AuditTarget is what it was done to.
type AuditTarget struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// AuditPage is a page of entries, newest first; NextPage is "" on the last.
type AuditPage struct {
	Values   []AuditEntry `json:"values"`
	NextPage string       `json:"nextPage,omitempty"`
}
