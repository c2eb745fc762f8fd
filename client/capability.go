package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"espalier.dev/ref"
)

// Capability is a capability that an organization holds.
type Capability struct {
	Name               string     `json:"name"`
	ExpiresAt          *time.Time `json:"expiresAt,omitempty"`          // as stored; nil follows the parent
	HasCustomExpiry    bool       `json:"hasCustomExpiry"`              // the end was set for this organization
	EffectiveExpiresAt *time.Time `json:"effectiveExpiresAt,omitempty"` // the earliest on the path to the root; nil never ends
	Active             bool       `json:"active"`                       // not ended now
	InUseByCustomers   *bool      `json:"inUseByCustomers,omitempty"`   // cannot be withdrawn; only where one customer is shown
	Terms              *MSPTerms  `json:"terms,omitempty"`              // only of msp, and only where one organization is shown
}

// MSPTerms are the bounds of the tree below an organization.
type MSPTerms struct {
	MaxDepth int  `json:"maxDepth"`           // levels of customers below; 0: none of its customers may hold msp
	MaxWidth *int `json:"maxWidth,omitempty"` // direct customers; nil: no limit
}

// OwnCapability is a capability of the organization asked about.
type OwnCapability struct {
	Capability
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	Assignable  bool   `json:"assignable"` // may be handed to a customer now
}

// Capabilities returns what an organization itself holds, by name.
func (c *Client) Capabilities(ctx context.Context, org ref.OrgID) ([]OwnCapability, error) {
	var list struct {
		Values []OwnCapability `json:"values"`
	}
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/capabilities", org), nil, nil, &list)
	return list.Values, err
}
