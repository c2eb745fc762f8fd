package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

func policiesPath(org ref.OrgID) string { return fmt.Sprintf("/iam/v1/orgs/%d/access-policies", org) }

func policyPath(org ref.OrgID, id ref.AccessPolicyID) string {
	return policiesPath(org) + "/" + url.PathEscape(string(id))
}

var extended = url.Values{"view": {"extended"}}

// AccessPolicies lists the access policies of an organization, with roles and the names of user groups.
func (c *Client) AccessPolicies(ctx context.Context, org ref.OrgID) ([]wire.AccessPolicy, error) {
	var list wire.Values[wire.AccessPolicy]
	_, err := c.call(ctx, http.MethodGet, policiesPath(org), extended, nil, &list)
	return list.Values, err
}

// AccessPolicy returns one.
func (c *Client) AccessPolicy(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID) (wire.AccessPolicy, error) {
	var p wire.AccessPolicy
	_, err := c.call(ctx, http.MethodGet, policyPath(org, id), extended, nil, &p)
	return p, err
}

// CreateAccessPolicy makes one and returns its id.
func (c *Client) CreateAccessPolicy(ctx context.Context, org ref.OrgID, p wire.PutAccessPolicy) (ref.AccessPolicyID, error) {
	var made wire.CreatedAccessPolicy
	_, err := c.call(ctx, http.MethodPost, policiesPath(org), nil, p, &made)
	return made.ID, err
}

// UpdateAccessPolicy replaces all that an access policy says.
func (c *Client) UpdateAccessPolicy(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID, p wire.PutAccessPolicy) error {
	_, err := c.call(ctx, http.MethodPut, policyPath(org, id), nil, p, nil)
	return err
}

// DeleteAccessPolicy ends one and what it opened.
func (c *Client) DeleteAccessPolicy(ctx context.Context, org ref.OrgID, id ref.AccessPolicyID) error {
	_, err := c.call(ctx, http.MethodDelete, policyPath(org, id), nil, nil, nil)
	return err
}
