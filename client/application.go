package client

import (
	"context"
	"fmt"
	"net/http"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

func applicationsPath(org ref.OrgID) string {
	return fmt.Sprintf("/espalier/v1/orgs/%d/applications", org)
}

func applicationPath(org ref.OrgID, id ref.ApplicationID) string {
	return applicationsPath(org) + "/" + segment(string(id))
}

// Applications returns the applications that sign users of an organization in, oldest first.
func (c *Client) Applications(ctx context.Context, org ref.OrgID) ([]wire.Application, error) {
	var list wire.Values[wire.Application]
	_, err := c.call(ctx, http.MethodGet, applicationsPath(org), nil, nil, &list)
	return list.Values, err
}

// Application returns one.
func (c *Client) Application(ctx context.Context, org ref.OrgID, id ref.ApplicationID) (wire.Application, error) {
	var a wire.Application
	_, err := c.call(ctx, http.MethodGet, applicationPath(org, id), nil, nil, &a)
	return a, err
}

// CreateApplication registers one and returns it with its secret.
func (c *Client) CreateApplication(ctx context.Context, org ref.OrgID, f wire.ApplicationForm) (wire.NewApplication, error) {
	var made wire.NewApplication
	_, err := c.call(ctx, http.MethodPost, applicationsPath(org), nil, f, &made)
	return made, err
}

// UpdateApplication changes what is given.
func (c *Client) UpdateApplication(ctx context.Context, org ref.OrgID, id ref.ApplicationID, f wire.ApplicationForm) error {
	_, err := c.call(ctx, http.MethodPatch, applicationPath(org, id), nil, f, nil)
	return err
}

// DeleteApplication ends one, and the sessions of its users in it.
func (c *Client) DeleteApplication(ctx context.Context, org ref.OrgID, id ref.ApplicationID) error {
	_, err := c.call(ctx, http.MethodDelete, applicationPath(org, id), nil, nil, nil)
	return err
}

// RenewApplicationSecret gives one another secret.
func (c *Client) RenewApplicationSecret(ctx context.Context, org ref.OrgID, id ref.ApplicationID) (wire.ApplicationSecret, error) {
	var s wire.ApplicationSecret
	_, err := c.call(ctx, http.MethodPost, applicationPath(org, id)+"/secret", nil, nil, &s)
	return s, err
}
