package own

import (
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

func (s *server) listTokens(w http.ResponseWriter, r *door.Request) error {
	tokens, err := s.Tokens.List(r.Context(), r.Caller())
	if err != nil {
		return err
	}
	list := wire.Values[wire.RefreshToken]{Values: make([]wire.RefreshToken, len(tokens))}
	for i, t := range tokens {
		list.Values[i] = wire.RefreshToken{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt,
			Current: t.ID == r.Caller().Session}
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) createToken(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateToken](r)
	if err != nil {
		return err
	}
	t, text, err := s.Tokens.Create(r.Context(), r.Caller(), body.Name)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, wire.NewToken{ID: t.ID, Token: text, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt})
}

func (s *server) revokeToken(w http.ResponseWriter, r *door.Request) error {
	if err := s.Tokens.Revoke(r.Context(), r.Caller(), ref.TokenID(r.String("tokenId"))); err != nil {
		return err
	}
	return door.NoContent(w)
}
