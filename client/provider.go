package client

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

func idpPath(org ref.OrgID, id ref.ProviderID) string {
	return iamPath(org, "/idps/%s", segment(string(id)))
}

func oidcPath(org ref.OrgID, id ref.ProviderID) string {
	return fmt.Sprintf("/espalier/v1/orgs/%d/oidc-providers/%s", org, segment(string(id)))
}

// IdentityProviders lists the SAML identity providers of an organization, without their domains and keys.
func (c *Client) IdentityProviders(ctx context.Context, org ref.OrgID) ([]wire.IdentityProvider, error) {
	var list []wire.IdentityProvider
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/idps"), nil, nil, &list)
	return list, err
}

// IdentityProvider returns one, with its domains and keys.
func (c *Client) IdentityProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID) (wire.IdentityProvider, error) {
	var p wire.IdentityProvider
	_, err := c.call(ctx, http.MethodGet, idpPath(org, id), extended, nil, &p)
	return p, err
}

// CreateIdentityProvider makes one and returns its id.
func (c *Client) CreateIdentityProvider(ctx context.Context, org ref.OrgID, p wire.PutIdentityProvider) (ref.ProviderID, error) {
	var made wire.ProviderID
	_, err := c.call(ctx, http.MethodPost, iamPath(org, "/idps"), nil, p, &made)
	return made.ID, err
}

// UpdateIdentityProvider changes what is given.
func (c *Client) UpdateIdentityProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID, p wire.PutIdentityProvider) error {
	_, err := c.call(ctx, http.MethodPatch, idpPath(org, id), nil, p, nil)
	return err
}

// DeleteIdentityProvider ends one.
func (c *Client) DeleteIdentityProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID) error {
	_, err := c.call(ctx, http.MethodDelete, idpPath(org, id), nil, nil, nil)
	return err
}

// IdentityProviderMetadata writes what is to be given to a SAML identity provider.
func (c *Client) IdentityProviderMetadata(ctx context.Context, org ref.OrgID, id ref.ProviderID, to io.Writer) error {
	r, err := newRequest(http.MethodGet, idpPath(org, id)+"/metadata.xml", nil, nil)
	if err != nil {
		return err
	}
	r.accept = "application/samlmetadata+xml"
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err = io.Copy(to, resp.Body); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// GenerateSigningKey makes a key that requests to a SAML identity provider are signed with.
func (c *Client) GenerateSigningKey(ctx context.Context, org ref.OrgID, id ref.ProviderID, years int) (wire.SigningKey, error) {
	var k wire.SigningKey
	_, err := c.call(ctx, http.MethodPost, idpPath(org, id)+"/signing-keys/generate", nil, wire.GenerateSigningKey{ValidityYears: years}, &k)
	return k, err
}

// OIDCProviders lists the identity providers of an organization that speak OpenID Connect.
func (c *Client) OIDCProviders(ctx context.Context, org ref.OrgID) ([]wire.OIDCProvider, error) {
	var list wire.Values[wire.OIDCProvider]
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/oidc-providers", org), nil, nil, &list)
	return list.Values, err
}

// OIDCProvider returns one, with its domains.
func (c *Client) OIDCProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID) (wire.OIDCProvider, error) {
	var p wire.OIDCProvider
	_, err := c.call(ctx, http.MethodGet, oidcPath(org, id), nil, nil, &p)
	return p, err
}

// CreateOIDCProvider makes one.
func (c *Client) CreateOIDCProvider(ctx context.Context, org ref.OrgID, p wire.PutOIDCProvider) (wire.OIDCProvider, error) {
	var made wire.OIDCProvider
	_, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/oidc-providers", org), nil, p, &made)
	return made, err
}

// UpdateOIDCProvider changes what is given.
func (c *Client) UpdateOIDCProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID, p wire.PutOIDCProvider) error {
	_, err := c.call(ctx, http.MethodPatch, oidcPath(org, id), nil, p, nil)
	return err
}

// DeleteOIDCProvider ends one.
func (c *Client) DeleteOIDCProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID) error {
	_, err := c.call(ctx, http.MethodDelete, oidcPath(org, id), nil, nil, nil)
	return err
}

// Domains lists the domains of an identity provider of either kind.
func (c *Client) Domains(ctx context.Context, org ref.OrgID, id ref.ProviderID) ([]wire.Domain, error) {
	var list []wire.Domain
	_, err := c.call(ctx, http.MethodGet, idpPath(org, id)+"/domains", nil, nil, &list)
	return list, err
}

// RegisterDomain names a domain; it counts once it is verified.
func (c *Client) RegisterDomain(ctx context.Context, org ref.OrgID, id ref.ProviderID, name string) (wire.Domain, error) {
	var d wire.Domain
	_, err := c.call(ctx, http.MethodPost, idpPath(org, id)+"/domains/register", nil, wire.RegisterDomain{Name: name}, &d)
	return d, err
}

// VerifyDomain has the server look for the code in the DNS.
func (c *Client) VerifyDomain(ctx context.Context, org ref.OrgID, id ref.ProviderID, name string) (wire.Domain, error) {
	var d wire.Domain
	_, err := c.call(ctx, http.MethodPost, idpPath(org, id)+"/domains/"+segment(name)+"/verify", nil, nil, &d)
	return d, err
}

// DeleteDomain takes a domain away.
func (c *Client) DeleteDomain(ctx context.Context, org ref.OrgID, id ref.ProviderID, name string) error {
	_, err := c.call(ctx, http.MethodDelete, idpPath(org, id)+"/domains/"+segment(name), nil, nil, nil)
	return err
}

// LoginPolicy returns how the people of an organization sign in.
func (c *Client) LoginPolicy(ctx context.Context, org ref.OrgID) (wire.LoginPolicy, error) {
	var p wire.LoginPolicy
	_, err := c.call(ctx, http.MethodGet, iamPath(org, "/login-policy"), nil, nil, &p)
	return p, err
}

// UpdateLoginPolicy changes what is given.
func (c *Client) UpdateLoginPolicy(ctx context.Context, org ref.OrgID, p wire.UpdateLoginPolicy) error {
	_, err := c.call(ctx, http.MethodPatch, iamPath(org, "/login-policy"), nil, p, nil)
	return err
}

// BreakGlass returns the owner who may sign in past the identity provider.
func (c *Client) BreakGlass(ctx context.Context, org ref.OrgID) (wire.BreakGlass, error) {
	var b wire.BreakGlass
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/break-glass", org), nil, nil, &b)
	return b, err
}

// SetBreakGlass names that owner; 0 is nobody.
func (c *Client) SetBreakGlass(ctx context.Context, org ref.OrgID, user ref.UserID) error {
	_, err := c.call(ctx, http.MethodPut, fmt.Sprintf("/espalier/v1/orgs/%d/break-glass", org), nil, wire.BreakGlass{UserID: user}, nil)
	return err
}
