package openid

import (
	"context"

	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/token"
)

// Client is who asks at the token endpoint: an application, or a client of a service account.
type Client struct {
	Application Application  // without an ID: none
	Account     token.Client // without an ID: none
}

// Authenticate finds the client that has this id and secret: an application, a public one without a secret, or a client of a
// service account. An unknown client and a wrong secret have the same answer and take the same work.
func (s *Service) Authenticate(ctx context.Context, id, secret string) (Client, error) {
	a, err := s.known(ctx, id)
	switch {
	case err != nil && !absent(err):
		return Client{}, err
	case err == nil && a.Public() && secret == "", err == nil && !a.Public() && a.is(secret):
		return Client{Application: a}, nil
	case err != nil && secret != "":
		account, err := s.cfg.Tokens.AuthenticateClient(ctx, ref.TokenID(id), secret)
		if err == nil || errs.KindOf(err) != errs.Unauthenticated {
			return Client{Account: account}, err
		}
	}
	return Client{}, refusal(InvalidClient, "the client is unknown, or its secret is missing or another")
}

// maxID is how long the id of a client may be, in bytes.
const maxID = 64

// known finds an application by what claims to be its id.
func (s *Service) known(ctx context.Context, id string) (a Application, err error) {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return Application{}, errs.NotFoundf("there is no such application")
		}
	}
	if id == "" || len(id) > maxID {
		return Application{}, errs.NotFoundf("there is no such application")
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		a, err = tx.Application(ctx, ref.ApplicationID(id))
		return err
	})
	return a, err
}
