package oidc

import (
	"context"
	"net/http"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/token"
)

// API is the name of the document that is served.
const API = "token"

// Handlers is the operations of the API over the use cases of tokens.
func Handlers(tokens *token.Service) map[string]door.Handler {
	s := &server{tokens: tokens}
	return map[string]door.Handler{"Token#token": s.exchange}
}

type server struct{ tokens *token.Service }

func (s *server) exchange(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.TokenRequest](r)
	if err != nil {
		return err
	}
	g, err := s.tokens.Exchange(r.Context(), token.Request{
		GrantType: body.GrantType, RefreshToken: body.RefreshToken, ClientID: body.ClientID, ClientSecret: body.ClientSecret,
	})
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.TokenResponse{AccessToken: g.AccessToken, ExpiresIn: int64(g.ExpiresIn / time.Second),
		TokenType: "Bearer", RefreshToken: g.RefreshToken})
}

// Authenticate finds the caller behind the bearer token of a request.
func Authenticate(tokens *token.Service) func(context.Context, *http.Request) (access.Caller, error) {
	return func(ctx context.Context, r *http.Request) (access.Caller, error) {
		lines := r.Header.Values("Authorization")
		if len(lines) == 0 {
			return access.Caller{}, errs.Unauthenticatedf("an access token is needed: Authorization: Bearer <token>, which POST /oidc/token gives")
		}
		scheme, bearer, _ := strings.Cut(lines[0], " ")
		if len(lines) > 1 || !strings.EqualFold(scheme, "Bearer") {
			return access.Caller{}, errs.Unauthenticatedf("the header Authorization is not of the form Bearer <token>")
		}
		return tokens.Authenticate(ctx, strings.TrimSpace(bearer))
	}
}

// Keys answers with the public keys of access tokens, RFC 7517, section 5. Others may keep them for a few minutes: a key is
// published a day before it signs.
func Keys(tokens *token.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("Access-Control-Allow-Origin", "*") // applications in browsers verify ID tokens
		_ = door.JSON(w, http.StatusOK, tokens.JWKS())     // an error means that the client is gone
	})
}
