package client

import (
	"context"
	"net/http"
	"time"

	"espalier.dev/ref"
)

// RefreshToken is a refresh token of the caller; the credential itself is never shown again.
type RefreshToken struct {
	ID         ref.TokenID `json:"id"`
	Name       string      `json:"name,omitempty"`
	CreatedAt  time.Time   `json:"createdAt"`
	ExpiresAt  time.Time   `json:"expiresAt"`
	LastUsedAt *time.Time  `json:"lastUsedAt,omitempty"` // nil: never
	Current    bool        `json:"current"`              // the one this client uses
}

// NewRefreshToken is a refresh token just made.
type NewRefreshToken struct {
	ID        ref.TokenID `json:"id"`
	Token     string      `json:"token"` // secret, shown once
	CreatedAt time.Time   `json:"createdAt"`
	ExpiresAt time.Time   `json:"expiresAt"`
}

// RefreshTokens returns the caller's refresh tokens that can still be used, newest first.
func (c *Client) RefreshTokens(ctx context.Context) ([]RefreshToken, error) {
	var list struct {
		Values []RefreshToken `json:"values"`
	}
	_, err := c.call(ctx, http.MethodGet, "/espalier/v1/tokens", nil, nil, &list)
	return list.Values, err
}

// CreateRefreshToken makes a refresh token for the caller; name may be empty.
func (c *Client) CreateRefreshToken(ctx context.Context, name string) (NewRefreshToken, error) {
	in := struct {
		Name string `json:"name,omitempty"`
	}{name}
	var out NewRefreshToken
	_, err := c.call(ctx, http.MethodPost, "/espalier/v1/tokens", nil, in, &out)
	return out, err
}

// RevokeRefreshToken ends a refresh token, and every access token made from it, at once.
func (c *Client) RevokeRefreshToken(ctx context.Context, id ref.TokenID) error {
	_, err := c.call(ctx, http.MethodDelete, "/espalier/v1/tokens/"+segment(string(id)), nil, nil, nil)
	return err
}
