package client

import (
	"context"
	"net/http"

	"espalier.dev/contract/wire"
)

// Me asks the server who the refresh token belongs to and what it reaches.
func (c *Client) Me(ctx context.Context) (wire.Me, error) {
	var me wire.Me
	_, err := c.call(ctx, http.MethodGet, "/espalier/v1/me", nil, nil, &me)
	return me, err
}
