package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// Invitations lists the invitations of an organization, newest first; status is pending, accepted, declined, expired, or "" for
// all.
func (c *Client) Invitations(ctx context.Context, org ref.OrgID, status string) ([]wire.Invitation, error) {
	query := url.Values{}
	setIf(query, "status", status)
	var list []wire.Invitation
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/iam/v1/orgs/%d/invitations", org), query, nil, &list)
	return list, err
}

// Invitation returns one.
func (c *Client) Invitation(ctx context.Context, org ref.OrgID, id string) (wire.Invitation, error) {
	var i wire.Invitation
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/iam/v1/orgs/%d/invitations/%s", org, url.PathEscape(id)), nil, nil, &i)
	return i, err
}

// Invite asks a person into an organization. The link is there where no mail was sent, and cannot be had again.
func (c *Client) Invite(ctx context.Context, org ref.OrgID, n wire.CreateInvitation) (wire.InvitationLink, error) {
	var made wire.InvitationLink
	_, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/invitations", org), nil, n, &made)
	return c.linked(made), err
}

// ResendInvitation gives an invitation a new link and a new end.
func (c *Client) ResendInvitation(ctx context.Context, org ref.OrgID, id string) (wire.InvitationLink, error) {
	var made wire.InvitationLink
	_, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/invitations/%s/resend", org, url.PathEscape(id)), nil, nil, &made)
	return c.linked(made), err
}

// linked makes a link whole that a server without a public address gave as a path.
func (c *Client) linked(i wire.InvitationLink) wire.InvitationLink {
	if len(i.Link) > 0 && i.Link[0] == '/' {
		i.Link = c.base + i.Link
	}
	return i
}

// DeleteInvitation takes an invitation back.
func (c *Client) DeleteInvitation(ctx context.Context, org ref.OrgID, id string) error {
	_, err := c.call(ctx, http.MethodDelete, fmt.Sprintf("/iam/v1/orgs/%d/invitations/%s", org, url.PathEscape(id)), nil, nil, nil)
	return err
}
