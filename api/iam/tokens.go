package iam

import (
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
	"espalier.dev/token"
)

func (s *server) refreshTokens() map[string]door.Handler {
	return map[string]door.Handler{
		"Refresh Token#Index":     s.listTokens,
		"Refresh Token#Show":      s.showToken,
		"Refresh Token#Revoke":    s.revokeToken,
		"Refresh Token#RevokeAll": s.revokeTokens,
	}
}

// member is whom an owner acts for; the caller itself where the request names nobody.
func member(r *door.Request) token.Member {
	return token.Member{Org: ref.OrgID(r.Int64("orgId")), User: ref.UserID(r.Int64("userId"))}
}

func (s *server) listTokens(w http.ResponseWriter, r *door.Request) error {
	tokens, err := s.Tokens.ListOf(r.Context(), r.Caller(), member(r))
	if err != nil {
		return err
	}
	list := make([]wire.IAMRefreshToken, len(tokens))
	for i, t := range tokens {
		list[i] = refreshToken(t)
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showToken(w http.ResponseWriter, r *door.Request) error {
	t, err := s.Tokens.Show(r.Context(), r.Caller(), ref.TokenID(r.String("id")))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, refreshToken(t))
}

func refreshToken(t token.Held) wire.IAMRefreshToken {
	return wire.IAMRefreshToken{ID: t.ID, Kind: "iam#refresh-token", CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, IsDeletable: t.Deletable}
}

func (s *server) revokeToken(w http.ResponseWriter, r *door.Request) error {
	if err := s.Tokens.RevokeOf(r.Context(), r.Caller(), member(r), ref.TokenID(r.String("id"))); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) revokeTokens(w http.ResponseWriter, r *door.Request) error {
	if err := s.Tokens.RevokeOf(r.Context(), r.Caller(), member(r), ""); err != nil {
		return err
	}
	return door.NoContent(w)
}
