package iam

import (
	"fmt"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
	"espalier.dev/signin"
)

func (s *server) identityProviders() map[string]door.Handler {
	return map[string]door.Handler{
		"SAML2 Identity Provider#index":                s.listProviders,
		"SAML2 Identity Provider#show":                 s.showProvider,
		"SAML2 Identity Provider#create":               s.createProvider,
		"SAML2 Identity Provider#update":               s.updateProvider,
		"SAML2 Identity Provider#delete":               s.deleteProvider,
		"SAML2 Identity Provider#metadata":             s.showMetadata,
		"SAML2 Identity Provider Signing Key#index":    s.listSigningKeys,
		"SAML2 Identity Provider Signing Key#show":     s.showSigningKey,
		"SAML2 Identity Provider Signing Key#generate": s.generateSigningKey,
		"SAML2 Single Identity Provider#show":          s.showSingleProvider,
		"Org Login Policy#show":                        s.showLoginPolicy,
		"Org Login Policy#update":                      s.updateLoginPolicy,
	}
}

// providerID is the one of the path.
func providerID(r *door.Request, param string) ref.ProviderID {
	return ref.ProviderID(r.String(param))
}

func (s *server) listProviders(w http.ResponseWriter, r *door.Request) error {
	providers, err := s.Providers.Providers(r.Context(), r.Caller(), r.OrgID(), signin.ProtocolSAML)
	if err != nil {
		return err
	}
	list := make([]wire.IdentityProvider, len(providers))
	for i, p := range providers {
		if list[i], err = s.identityProvider(p, r.String("view")); err != nil {
			return err
		}
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showProvider(w http.ResponseWriter, r *door.Request) error {
	d, err := s.Providers.Provider(r.Context(), r.Caller(), r.OrgID(), providerID(r, "id"), signin.ProtocolSAML)
	if err != nil {
		return err
	}
	view := r.String("view")
	out, err := s.identityProvider(d.Provider, view)
	if err != nil {
		return err
	}
	if view == "extended" {
		out.Domains, out.RequestSigningKeys = domains(d.Domains), signingKeys(r.OrgID(), d.Keys)
	}
	return door.JSON(w, http.StatusOK, out)
}

func truth(b bool) string { return fmt.Sprint(b) }

// identityProvider shows a provider: in the view index what it is called, else how it is set.
func (s *server) identityProvider(p signin.Provider, view string) (wire.IdentityProvider, error) {
	out := wire.IdentityProvider{ID: p.ID, Kind: "iam#saml2-idp", OrgID: p.Org, Name: p.Name, DiscoveryHint: p.Hint, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	if view == "index" {
		return out, nil
	}
	details, err := p.SAML.Details()
	if err != nil {
		return out, err
	}
	out.IssuerURI, out.SSOURL, out.LogoutRedirectURL = p.Issuer, p.SAML.SSOURL, p.SAML.LogoutURL
	out.ACSURL, out.AudienceURI = s.Providers.ACSURL(p.ID), s.Providers.Audience(p.ID)
	out.RequestBinding, out.RequestSignatureAlgorithm, out.RequestSigningKeyID = p.SAML.Binding, p.SAML.RequestAlgorithm, p.SAML.SigningKey
	out.ResponseSignatureAlgorithm, out.ResponseSignatureVerification = p.SAML.ResponseAlgorithm, p.SAML.Verification
	out.SignAuthnRequests, out.JITProvisioningEnabled, out.GroupSyncPolicy = truth(p.SAML.SignRequests), truth(p.JIT), string(p.GroupSync)
	out.CertificatePublicKey = p.SAML.Certificate
	out.CertificateDetails = &wire.CertificateDetails{Subject: details.Subject, Fingerprint: details.Fingerprint, ExpiresAt: details.ExpiresAt}
	return out, nil
}

// put writes into a provider what a body gives.
func put(p *signin.Provider, b wire.PutIdentityProvider) {
	set(&p.Name, b.Name)
	set(&p.Hint, b.DiscoveryHint)
	set(&p.Issuer, b.IssuerURI)
	set(&p.SAML.SSOURL, b.SSOURL)
	set(&p.SAML.LogoutURL, b.LogoutRedirectURL)
	set(&p.SAML.Binding, b.RequestBinding)
	set(&p.SAML.RequestAlgorithm, b.RequestSignatureAlgorithm)
	set(&p.SAML.SigningKey, b.RequestSigningKeyID)
	set(&p.SAML.ResponseAlgorithm, b.ResponseSignatureAlgorithm)
	set(&p.SAML.Verification, b.ResponseSignatureVerification)
	set(&p.SAML.Certificate, b.CertificatePublicKey)
	if b.SignAuthnRequests != nil {
		p.SAML.SignRequests = *b.SignAuthnRequests == "true"
	}
	if b.JITProvisioningEnabled != nil {
		p.JIT = *b.JITProvisioningEnabled == "true"
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

func (s *server) createProvider(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.PutIdentityProvider](r)
	if err != nil {
		return err
	}
	body.RequestSigningKeyID = nil // a provider has no keys before it is there
	n := signin.Provider{Protocol: signin.ProtocolSAML, GroupSync: signin.SyncNone}
	put(&n, body)
	p, err := s.Providers.CreateProvider(r.Context(), r.Caller(), r.OrgID(), n, "")
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.URL.Path+"/"+string(p.ID))
	return door.JSON(w, http.StatusCreated, wire.ProviderID{ID: p.ID})
}

func (s *server) updateProvider(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.PutIdentityProvider](r)
	if err != nil {
		return err
	}
	change := func(p *signin.Provider) { put(p, body) }
	if err := s.Providers.UpdateProvider(r.Context(), r.Caller(), r.OrgID(), providerID(r, "id"), signin.ProtocolSAML, change, nil); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) deleteProvider(w http.ResponseWriter, r *door.Request) error {
	if err := s.Providers.DeleteProvider(r.Context(), r.Caller(), r.OrgID(), providerID(r, "id"), signin.ProtocolSAML); err != nil {
		return err
	}
	return door.NoContent(w)
}

// showMetadata sends what is to be given to the identity provider, as a file.
func (s *server) showMetadata(w http.ResponseWriter, r *door.Request) error {
	id := providerID(r, "id").Canonical()
	text, err := s.Providers.Metadata(r.Context(), r.Caller(), r.OrgID(), id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/samlmetadata+xml")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="espalier-%s.xml"`, id))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text) // a client that went away needs no answer
	return nil
}

func (s *server) listSigningKeys(w http.ResponseWriter, r *door.Request) error {
	keys, err := s.Providers.SigningKeys(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, signingKeys(r.OrgID(), keys))
}

func (s *server) showSigningKey(w http.ResponseWriter, r *door.Request) error {
	k, err := s.Providers.SigningKey(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"), ref.SigningKeyID(r.String("id")))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, signingKey(r.OrgID(), k))
}

func (s *server) generateSigningKey(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.GenerateSigningKey](r)
	if err != nil {
		return err
	}
	of := providerID(r, "identityProviderId").Canonical()
	k, err := s.Providers.GenerateKey(r.Context(), r.Caller(), r.OrgID(), of, body.ValidityYears)
	if err != nil {
		return err
	}
	w.Header().Set("Location", fmt.Sprintf("/iam/v1/orgs/%d/idps/%s/signing-keys/%s", r.OrgID(), of, k.ID))
	out := signingKey(r.OrgID(), k)
	out.Kind = "" // which this one answer does not declare
	return door.JSON(w, http.StatusCreated, out)
}

func signingKeys(org ref.OrgID, keys []signin.SigningKey) []wire.SigningKey {
	list := make([]wire.SigningKey, len(keys))
	for i, k := range keys {
		list[i] = signingKey(org, k)
	}
	return list
}

func signingKey(org ref.OrgID, k signin.SigningKey) wire.SigningKey {
	return wire.SigningKey{ID: k.ID, Kind: "iam#saml2-idp-signing-key", OrgID: org, IdentityProviderID: k.Provider, KeyData: k.Certificate,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt}
}

// showSingleProvider answers anybody.
func (s *server) showSingleProvider(w http.ResponseWriter, r *door.Request) error {
	id, err := s.Providers.SingleProvider(r.Context(), r.OrgID())
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.ProviderID{ID: id})
}

func (s *server) showLoginPolicy(w http.ResponseWriter, r *door.Request) error {
	l, err := s.Providers.LoginPolicy(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.LoginPolicy{Kind: "iam#org-login-policy", EnforceSSO: l.EnforceSSO, DefaultIDPID: l.Default})
}

func (s *server) updateLoginPolicy(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.UpdateLoginPolicy](r)
	if err != nil {
		return err
	}
	change := signin.LoginPolicyChange{EnforceSSO: body.LoginPolicy.EnforceSSO, Default: body.LoginPolicy.DefaultIDPID}
	if err := s.Providers.UpdateLoginPolicy(r.Context(), r.Caller(), r.OrgID(), change); err != nil {
		return err
	}
	return door.NoContent(w)
}
