package iam

import (
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/iam"
	"espalier.dev/ref"
)

func (s *server) serviceAccounts() map[string]door.Handler {
	return map[string]door.Handler{
		"Service Account#Index":         s.listAccounts,
		"Service Account#Show":          s.showAccount,
		"Service Account#Create":        s.createAccount,
		"Service Account#Update":        s.updateAccount,
		"Service Account#Delete":        s.deleteAccount,
		"Service Account Client#Index":  s.listAccountClients,
		"Service Account Client#Show":   s.showAccountClient,
		"Service Account Client#Create": s.createAccountClient,
		"Service Account Client#Delete": s.deleteAccountClient,
	}
}

func accountID(r *door.Request, param string) ref.ServiceAccountID {
	return ref.ServiceAccountID(r.Int64(param))
}

// clientID is the one of the path, which the contract bounds in length alone.
func clientID(r *door.Request) ref.TokenID { return ref.TokenID(r.String("clientId")) }

func (s *server) listAccounts(w http.ResponseWriter, r *door.Request) error {
	accounts, err := s.People.Accounts(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := make([]wire.ServiceAccount, len(accounts))
	for i, a := range accounts {
		list[i] = account(a)
		if r.String("view") == "index" {
			list[i].Description = ""
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showAccount(w http.ResponseWriter, r *door.Request) error {
	a, err := s.People.Account(r.Context(), r.Caller(), r.OrgID(), accountID(r, "id"))
	if err != nil {
		return err
	}
	out := account(a)
	if r.String("view") == "index" {
		out.Description = ""
	}
	return door.JSON(w, http.StatusOK, out)
}

func account(a iam.Account) wire.ServiceAccount {
	return wire.ServiceAccount{ID: a.ID, Kind: "iam#service-account", Ref: "iam#service-account:" + a.ID.String(), Name: a.Name,
		Description: a.Description, CreatedBy: a.CreatedBy, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}
}

func (s *server) createAccount(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateServiceAccount](r)
	if err != nil {
		return err
	}
	a, err := s.People.CreateAccount(r.Context(), r.Caller(), r.OrgID(), iam.NewAccount{Name: body.Name, Description: body.Description})
	if err != nil {
		return err
	}
	return door.Created(w, r.URL.Path+"/"+a.ID.String())
}

func (s *server) updateAccount(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.UpdateServiceAccount](r)
	if err != nil {
		return err
	}
	change := iam.AccountChange{Name: body.Name, Description: body.Description}
	if err := s.People.UpdateAccount(r.Context(), r.Caller(), r.OrgID(), accountID(r, "id"), change); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) deleteAccount(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.DeleteAccount(r.Context(), r.Caller(), r.OrgID(), accountID(r, "id")); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) listAccountClients(w http.ResponseWriter, r *door.Request) error {
	clients, err := s.People.AccountClients(r.Context(), r.Caller(), r.OrgID(), accountID(r, "serviceAccountId"))
	if err != nil {
		return err
	}
	list := make([]wire.ServiceAccountClient, len(clients))
	for i, c := range clients {
		list[i] = accountClient(c)
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showAccountClient(w http.ResponseWriter, r *door.Request) error {
	c, err := s.People.AccountClient(r.Context(), r.Caller(), r.OrgID(), accountID(r, "serviceAccountId"), clientID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, accountClient(c))
}

func accountClient(c iam.AccountClient) wire.ServiceAccountClient {
	return wire.ServiceAccountClient{ClientID: string(c.ID), Kind: "iam#service-account-client", CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt}
}

// createAccountClient answers with the secret: the one time that it is seen. A request that names a public key gets it
// encrypted, so that no proxy on the way learns it.
func (s *server) createAccountClient(w http.ResponseWriter, r *door.Request) error {
	recipient, err := parseRecipient(r.Header.Get(recipientHeader))
	if err != nil {
		return err
	}
	var out wire.ServiceAccountClient
	c, err := s.People.CreateAccountClient(r.Context(), r.Caller(), r.OrgID(), accountID(r, "serviceAccountId"), func(secret string) (err error) {
		out, err = reveal(secret, recipient)
		return err
	})
	if err != nil {
		return err
	}
	shown := accountClient(c)
	out.ClientID, out.Kind, out.CreatedBy, out.CreatedAt = shown.ClientID, shown.Kind, shown.CreatedBy, shown.CreatedAt
	return door.JSON(w, http.StatusCreated, out)
}

func (s *server) deleteAccountClient(w http.ResponseWriter, r *door.Request) error {
	if err := s.People.DeleteAccountClient(r.Context(), r.Caller(), r.OrgID(), accountID(r, "serviceAccountId"), clientID(r)); err != nil {
		return err
	}
	return door.NoContent(w)
}
