package client

import (
	"context"
	"fmt"
	"net/http"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// Capabilities returns what an organization itself holds, by name.
func (c *Client) Capabilities(ctx context.Context, org ref.OrgID) ([]wire.OwnCapability, error) {
	var list wire.Values[wire.OwnCapability]
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/capabilities", org), nil, nil, &list)
	return list.Values, err
}
