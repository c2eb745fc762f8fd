package client

import (
	"context"
	"net/http"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// RefreshTokens returns the caller's refresh tokens that can still be used, newest first.
func (c *Client) RefreshTokens(ctx context.Context) ([]wire.RefreshToken, error) {
	var list wire.Values[wire.RefreshToken]
	_, err := c.call(ctx, http.MethodGet, "/espalier/v1/tokens", nil, nil, &list)
	return list.Values, err
}

// CreateRefreshToken makes a refresh token for the caller; name may be empty.
func (c *Client) CreateRefreshToken(ctx context.Context, name string) (wire.NewToken, error) {
	var out wire.NewToken
	_, err := c.call(ctx, http.MethodPost, "/espalier/v1/tokens", nil, wire.CreateToken{Name: name}, &out)
	return out, err
}

// RevokeRefreshToken ends a refresh token, and every access token made from it, at once.
func (c *Client) RevokeRefreshToken(ctx context.Context, id ref.TokenID) error {
	_, err := c.call(ctx, http.MethodDelete, "/espalier/v1/tokens/"+segment(string(id)), nil, nil, nil)
	return err
}
