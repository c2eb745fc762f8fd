package client

import (
	"context"
	"fmt"
	"net/http"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// CustomerTags returns the tags of a customer.
func (c *Client) CustomerTags(ctx context.Context, org, id ref.OrgID) ([]string, error) {
	var out []wire.Tag
	_, err := c.call(ctx, http.MethodGet, tagsPath(org, id), nil, nil, &out)
	return wire.TagNames(out), err
}

// AddCustomerTags adds tags to a customer; one that is there already is harmless. More than 25 are refused whole.
func (c *Client) AddCustomerTags(ctx context.Context, org, id ref.OrgID, tags []string) error {
	_, err := c.call(ctx, http.MethodPost, tagsPath(org, id), nil, wire.AddTags{Tags: wire.Tags(tags)}, nil)
	return err
}

// RemoveCustomerTag takes a tag off a customer.
func (c *Client) RemoveCustomerTag(ctx context.Context, org, id ref.OrgID, tag string) error {
	_, err := c.call(ctx, http.MethodDelete, tagsPath(org, id)+"/"+segment(tag), nil, nil, nil)
	return err
}

func tagsPath(org, id ref.OrgID) string {
	return fmt.Sprintf("/msp/v1/orgs/%d/customers/%d/tags", org, id)
}

// Tags returns every tag that some direct customer of an organization carries.
func (c *Client) Tags(ctx context.Context, org ref.OrgID) ([]wire.TagCount, error) {
	var list wire.Values[wire.TagCount]
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/tags", org), nil, nil, &list)
	return list.Values, err
}
