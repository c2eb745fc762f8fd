package client

import (
	"context"
	"net/http"

	"espalier.dev/ref"
)

// Me is who the refresh token belongs to and what it reaches.
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
	ParentID ref.OrgID `json:"parentId,omitempty"` // 0 for a root
	Roles    []string  `json:"roles"`              // internal names, sorted
}

// Me asks the server who the caller is.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var me Me
	_, err := c.call(ctx, http.MethodGet, "/espalier/v1/me", nil, nil, &me)
	return me, err
}
