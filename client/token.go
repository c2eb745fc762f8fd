package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"espalier.dev/contract/wire"
)

// tokenSource holds the access token of a client. One goroutine fetches, the others wait for it.
type tokenSource struct {
	client *Client
	now    func() time.Time
	turn   chan struct{} // holds one element; who takes it may touch what follows

	refresh string
	token   string
	renewAt time.Time // half of the token's life is over then
}

func newTokenSource(c *Client, refresh string, now func() time.Time) *tokenSource {
	s := &tokenSource{client: c, now: now, turn: make(chan struct{}, 1), refresh: refresh}
	s.turn <- struct{}{}
	return s
}

// access returns an access token that is not the stale one.
func (s *tokenSource) access(ctx context.Context, stale string) (string, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { s.turn <- struct{}{} }()
	if s.token != "" && s.token != stale && s.now().Before(s.renewAt) {
		return s.token, nil
	}
	if err := s.fetch(ctx); err != nil {
		return "", err
	}
	return s.token, nil
}

// fetch exchanges the refresh token. Source: contract/README.md, section 6.
func (s *tokenSource) fetch(ctx context.Context) error {
	in := wire.TokenRequest{GrantType: "refresh_token", RefreshToken: s.refresh}
	var out wire.TokenResponse
	r, err := newRequest(http.MethodPost, "/oidc/token", nil, in)
	if err != nil {
		return err
	}
	r.anonymous = true
	s.token = ""
	if _, err := s.client.exchange(ctx, r, &out); err != nil {
		return refused(err)
	}
	if out.AccessToken == "" || out.ExpiresIn <= 0 {
		return errors.New("the server's token answer has no access token; is this an Espalier server?")
	}
	s.token = out.AccessToken
	s.renewAt = s.now().Add(time.Duration(out.ExpiresIn) * time.Second / 2)
	if out.RefreshToken != "" {
		s.refresh = out.RefreshToken
	}
	return nil
}

// refused gives an expired or revoked refresh token one status, whichever of 400 and 401 the server chose.
func refused(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusBadRequest {
		same := *e
		same.Status = http.StatusUnauthorized
		return &same
	}
	return err
}
