package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// accountVerb is the verbs about service accounts of an organization.
type accountVerb struct {
	List   accountList   `cmd:"" help:"List service accounts."`
	Show   accountShow   `cmd:"" help:"Show one service account and its clients."`
	Create accountCreate `cmd:"" help:"Create a service account, without any role."`
	Update accountUpdate `cmd:"" help:"Rename or describe a service account."`
	Delete accountDelete `cmd:"" help:"End a service account, its clients and their tokens."`
	Client clientVerb    `cmd:"" help:"What a service account signs in with: make a client, end one."`
}

type clientVerb struct {
	Create clientCreate `cmd:"" help:"Make a client and print its secret, once."`
	Delete clientDelete `cmd:"" help:"End a client and its tokens."`
}

type accountID struct {
	ID ref.ServiceAccountID `arg:"" help:"Id of the service account."`
}

type accountList struct {
	remote
	jsonOutput
}

// Run lists service accounts.
func (v *accountList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := c.ServiceAccounts(ctx, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, list)
	}
	t := table{head: []string{"ID", "NAME", "CREATED", "DESCRIPTION"}}
	for _, a := range list {
		t.add(a.ID.String(), a.Name, a.CreatedAt.Local().Format(time.DateTime), a.Description)
	}
	return t.print(sh.Out)
}

type accountShow struct {
	remote
	accountID
	jsonOutput
}

// Run shows one. The JSON is the account with its clients.
func (v *accountShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	a, err := c.ServiceAccount(ctx, org, v.ID)
	if err != nil {
		return err
	}
	clients, err := c.ServiceAccountClients(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, struct {
			wire.ServiceAccount
			Clients []wire.ServiceAccountClient `json:"clients"`
		}{a, clients})
	}
	t := table{}
	t.add("Id", a.ID.String())
	t.add("Name", a.Name)
	t.add("Description", a.Description)
	t.add("Created", a.CreatedAt.Local().Format(time.DateTime))
	for _, client := range clients {
		t.add("Client", client.ClientID+", made "+client.CreatedAt.Local().Format(time.DateTime))
	}
	return t.print(sh.Out)
}

type accountCreate struct {
	remote
	Name        string `arg:"" help:"Name of the service account."`
	Description string `key:"service-account-description" placeholder:"TEXT" help:"Free text."`
	jsonOutput
}

// Run creates a service account.
func (v *accountCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	id, err := c.CreateServiceAccount(ctx, org, wire.CreateServiceAccount{Name: v.Name, Description: v.Description})
	if err != nil {
		return err
	}
	if v.JSON {
		a, err := c.ServiceAccount(ctx, org, id)
		if err != nil {
			return fmt.Errorf("service account %d was created: %w", id, err)
		}
		return printJSON(sh.Out, a)
	}
	_, err = fmt.Fprintf(sh.Out, "Created service account %d. It needs a client to sign in, and roles: espalier service-account client create %d\n", id, id)
	return err
}

type accountUpdate struct {
	remote
	accountID
	Name        *string `key:"-" placeholder:"NAME" help:"Another name."`
	Description *string `key:"-" placeholder:"TEXT" help:"Another description."`
}

// Validate is called by kong.
func (v *accountUpdate) Validate() error {
	if v.Name == nil && v.Description == nil {
		return errors.New("nothing to change: give --name or --description")
	}
	return nil
}

// Run changes a service account.
func (v *accountUpdate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.UpdateServiceAccount(ctx, org, v.ID, wire.UpdateServiceAccount{Name: v.Name, Description: v.Description}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sh.Out, "Updated service account %d.\n", v.ID)
	return err
}

type accountDelete struct {
	remote
	accountID
}

// Run ends a service account.
func (v *accountDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.DeleteServiceAccount(ctx, org, v.ID); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sh.Out, "Deleted service account %d; its clients and their tokens are dead.\n", v.ID)
	return err
}

type clientCreate struct {
	remote
	accountID
	jsonOutput
}

// Run makes a client and prints its secret: the one time that it is seen.
func (v *clientCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	made, err := c.CreateServiceAccountClient(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, made)
	}
	_, err = fmt.Fprintf(sh.Out, "client_id      %s\nclient_secret  %s\nThe secret is not shown again.\n", made.ClientID, made.ClientSecret)
	return err
}

type clientDelete struct {
	remote
	accountID
	Client string `arg:"" help:"Id of the client."`
}

// Run ends a client.
func (v *clientDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	if err := c.DeleteServiceAccountClient(ctx, org, v.ID, v.Client); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sh.Out, "Deleted client %s; its tokens are dead.\n", v.Client)
	return err
}
