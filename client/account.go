package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

func accountsPath(org ref.OrgID) string { return fmt.Sprintf("/iam/v1/orgs/%d/service-accounts", org) }

func accountPath(org ref.OrgID, id ref.ServiceAccountID) string {
	return accountsPath(org) + "/" + id.String()
}

// ServiceAccounts lists the service accounts of an organization by id.
func (c *Client) ServiceAccounts(ctx context.Context, org ref.OrgID) ([]wire.ServiceAccount, error) {
	var list []wire.ServiceAccount
	_, err := c.call(ctx, http.MethodGet, accountsPath(org), nil, nil, &list)
	return list, err
}

// ServiceAccount returns one.
func (c *Client) ServiceAccount(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID) (wire.ServiceAccount, error) {
	var a wire.ServiceAccount
	_, err := c.call(ctx, http.MethodGet, accountPath(org, id), nil, nil, &a)
	return a, err
}

// CreateServiceAccount makes one and returns its id.
func (c *Client) CreateServiceAccount(ctx context.Context, org ref.OrgID, n wire.CreateServiceAccount) (ref.ServiceAccountID, error) {
	header, err := c.call(ctx, http.MethodPost, accountsPath(org), nil, n, nil)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(path.Base(header.Get("Location")), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("create a service account: the answer's Location is %q", header.Get("Location"))
	}
	return ref.ServiceAccountID(id), nil
}

// UpdateServiceAccount changes what is given.
func (c *Client) UpdateServiceAccount(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID, change wire.UpdateServiceAccount) error {
	_, err := c.call(ctx, http.MethodPatch, accountPath(org, id), nil, change, nil)
	return err
}

// DeleteServiceAccount ends one with its clients.
func (c *Client) DeleteServiceAccount(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID) error {
	_, err := c.call(ctx, http.MethodDelete, accountPath(org, id), nil, nil, nil)
	return err
}

// ServiceAccountClients lists the clients of one, oldest first.
func (c *Client) ServiceAccountClients(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID) ([]wire.ServiceAccountClient, error) {
	var list []wire.ServiceAccountClient
	_, err := c.call(ctx, http.MethodGet, accountPath(org, id)+"/clients", nil, nil, &list)
	return list, err
}

// CreateServiceAccountClient makes a client; its secret cannot be had again.
func (c *Client) CreateServiceAccountClient(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID) (wire.ServiceAccountClient, error) {
	var made wire.ServiceAccountClient
	_, err := c.call(ctx, http.MethodPost, accountPath(org, id)+"/clients", nil, nil, &made)
	return made, err
}

// DeleteServiceAccountClient ends a client.
func (c *Client) DeleteServiceAccountClient(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID, client string) error {
	_, err := c.call(ctx, http.MethodDelete, accountPath(org, id)+"/clients/"+url.PathEscape(client), nil, nil, nil)
	return err
}
