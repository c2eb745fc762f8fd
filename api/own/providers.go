package own

import (
	"fmt"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/api/iam"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
	"espalier.dev/signin"
)

func (s *server) providers() map[string]door.Handler {
	return map[string]door.Handler{
		"OIDC Provider#index":  s.listOIDCProviders,
		"OIDC Provider#show":   s.showOIDCProvider,
		"OIDC Provider#create": s.createOIDCProvider,
		"OIDC Provider#update": s.updateOIDCProvider,
		"OIDC Provider#delete": s.deleteOIDCProvider,
		"SAML Options#show":    s.showSAMLOptions,
		"SAML Options#update":  s.updateSAMLOptions,
		"Break Glass#show":     s.showBreakGlass,
		"Break Glass#update":   s.updateBreakGlass,
	}
}

func providerID(r *door.Request) ref.ProviderID { return ref.ProviderID(r.String("providerId")) }

func (s *server) listOIDCProviders(w http.ResponseWriter, r *door.Request) error {
	providers, err := s.Providers.Providers(r.Context(), r.Caller(), r.OrgID(), signin.ProtocolOIDC)
	if err != nil {
		return err
	}
	list := wire.Values[wire.OIDCProvider]{Values: make([]wire.OIDCProvider, len(providers))}
	for i, p := range providers {
		list.Values[i] = s.oidcProvider(p)
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showOIDCProvider(w http.ResponseWriter, r *door.Request) error {
	d, err := s.Providers.Provider(r.Context(), r.Caller(), r.OrgID(), providerID(r), signin.ProtocolOIDC)
	if err != nil {
		return err
	}
	out := s.oidcProvider(d.Provider)
	out.Domains = make([]wire.Domain, len(d.Domains))
	for i, one := range d.Domains {
		out.Domains[i] = iam.Domain(one)
	}
	return door.JSON(w, http.StatusOK, out)
}

func (s *server) oidcProvider(p signin.Provider) wire.OIDCProvider {
	return wire.OIDCProvider{ID: p.ID, OrgID: p.Org, Name: p.Name, DiscoveryHint: p.Hint, Issuer: p.Issuer, ClientID: p.Upstream.ClientID,
		HasClientSecret: p.Secret != "", RedirectURL: s.Providers.RedirectURL(p.ID), Scopes: append([]string{}, p.Upstream.Scopes...),
		GroupsClaim: p.Upstream.GroupsClaim, TrustEmail: p.Upstream.TrustEmail, JITProvisioningEnabled: p.JIT, GroupSyncPolicy: string(p.GroupSync),
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
}

// putOIDC writes into a provider what a body gives.
func putOIDC(p *signin.Provider, b wire.PutOIDCProvider) {
	set(&p.Name, b.Name)
	set(&p.Hint, b.DiscoveryHint)
	set(&p.Issuer, b.Issuer)
	set(&p.Upstream.ClientID, b.ClientID)
	set(&p.Upstream.GroupsClaim, b.GroupsClaim)
	set(&p.Upstream.TrustEmail, b.TrustEmail)
	set(&p.JIT, b.JITProvisioningEnabled)
	if b.Scopes != nil {
		p.Upstream.Scopes = b.Scopes
	}
	if b.GroupSyncPolicy != nil {
		p.GroupSync = signin.GroupSync(*b.GroupSyncPolicy)
	}
}

func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

func (s *server) createOIDCProvider(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.PutOIDCProvider](r)
	if err != nil {
		return err
	}
	n := signin.Provider{Protocol: signin.ProtocolOIDC, GroupSync: signin.SyncNone}
	putOIDC(&n, body)
	var secret string
	set(&secret, body.ClientSecret)
	p, err := s.Providers.CreateProvider(r.Context(), r.Caller(), r.OrgID(), n, secret)
	if err != nil {
		return err
	}
	w.Header().Set("Location", fmt.Sprintf("%s/%s", r.URL.Path, p.ID))
	return door.JSON(w, http.StatusCreated, s.oidcProvider(p))
}

func (s *server) updateOIDCProvider(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.PutOIDCProvider](r)
	if err != nil {
		return err
	}
	change := func(p *signin.Provider) { putOIDC(p, body) }
	if err := s.Providers.UpdateProvider(r.Context(), r.Caller(), r.OrgID(), providerID(r), signin.ProtocolOIDC, change, body.ClientSecret); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) deleteOIDCProvider(w http.ResponseWriter, r *door.Request) error {
	if err := s.Providers.DeleteProvider(r.Context(), r.Caller(), r.OrgID(), providerID(r), signin.ProtocolOIDC); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) showSAMLOptions(w http.ResponseWriter, r *door.Request) error {
	d, err := s.Providers.Provider(r.Context(), r.Caller(), r.OrgID(), providerID(r), signin.ProtocolSAML)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.SAMLOptions{AllowIDPInitiated: d.SAML.Unsolicited})
}

func (s *server) updateSAMLOptions(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.SAMLOptions](r)
	if err != nil {
		return err
	}
	change := func(p *signin.Provider) { p.SAML.Unsolicited = body.AllowIDPInitiated }
	if err := s.Providers.UpdateProvider(r.Context(), r.Caller(), r.OrgID(), providerID(r), signin.ProtocolSAML, change, nil); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) showBreakGlass(w http.ResponseWriter, r *door.Request) error {
	l, err := s.Providers.LoginPolicy(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.BreakGlass{UserID: l.BreakGlass})
}

func (s *server) updateBreakGlass(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.BreakGlass](r)
	if err != nil {
		return err
	}
	if err := s.Providers.BreakGlass(r.Context(), r.Caller(), r.OrgID(), body.UserID); err != nil {
		return err
	}
	return door.NoContent(w)
}
