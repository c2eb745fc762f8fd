package client

import (
	"context"
	"fmt"
	"net/http"

	"espalier.dev/ref"
)

// wireTag is a tag as /msp/v1 spells it.
type wireTag struct {
	Tag string `json:"tag"`
}

// CustomerTags returns the tags of a customer.
func (c *Client) CustomerTags(ctx context.Context, org, id ref.OrgID) ([]string, error) {
	var out []wireTag
	_, err := c.call(ctx, http.MethodGet, tagsPath(org, id), nil, nil, &out)
	tags := make([]string, len(out))
	for i, t := range out {
		tags[i] = t.Tag
	}
	return tags, err
}

// AddCustomerTags adds tags to a customer; one that is there already is harmless. More than 25 are refused whole.
func (c *Client) AddCustomerTags(ctx context.Context, org, id ref.OrgID, tags []string) error {
	in := map[string][]wireTag{"tags": make([]wireTag, len(tags))}
	for i, tag := range tags {
		in["tags"][i].Tag = tag
	}
	_, err := c.call(ctx, http.MethodPost, tagsPath(org, id), nil, in, nil)
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

// TagCount is a tag in use.
type TagCount struct {
	Tag       string `json:"tag"`
	Customers int    `json:"customers"` // direct customers that carry it
}

// Tags returns every tag that some direct customer of an organization carries.
func (c *Client) Tags(ctx context.Context, org ref.OrgID) ([]TagCount, error) {
	var list struct {
		Values []TagCount `json:"values"`
	}
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/tags", org), nil, nil, &list)
	return list.Values, err
}
