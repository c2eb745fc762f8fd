package iam

import (
	"fmt"
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/signin"
)

func (s *server) domains() map[string]door.Handler {
	return map[string]door.Handler{
		"SAML2 Domain#index":    s.listDomains,
		"SAML2 Domain#show":     s.showDomain,
		"SAML2 Domain#register": s.registerDomain,
		"SAML2 Domain#delete":   s.deleteDomain,
		"SAML2 Domain#verify":   s.verifyDomain,
	}
}

func (s *server) listDomains(w http.ResponseWriter, r *door.Request) error {
	list, err := s.Providers.Domains(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, domains(list))
}

func (s *server) showDomain(w http.ResponseWriter, r *door.Request) error {
	d, err := s.Providers.Domain(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"), r.String("name"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, Domain(d))
}

func (s *server) registerDomain(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.RegisterDomain](r)
	if err != nil {
		return err
	}
	d, err := s.Providers.RegisterDomain(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"), body.Name)
	if err != nil {
		return err
	}
	w.Header().Set("Location", fmt.Sprintf("/iam/v1/orgs/%d/idps/%s/domains/%s", d.Org, d.Provider, d.Name))
	return door.JSON(w, http.StatusCreated, Domain(d))
}

func (s *server) deleteDomain(w http.ResponseWriter, r *door.Request) error {
	if err := s.Providers.DeleteDomain(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"), r.String("name")); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) verifyDomain(w http.ResponseWriter, r *door.Request) error {
	d, err := s.Providers.ProveDomain(r.Context(), r.Caller(), r.OrgID(), providerID(r, "identityProviderId"), r.String("name"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, Domain(d))
}

func domains(list []signin.Domain) []wire.Domain {
	out := make([]wire.Domain, len(list))
	for i, d := range list {
		out[i] = Domain(d)
	}
	return out
}

// Domain is a domain as the contract shows it, in each of its APIs: its code until it is verified, then when it was.
func Domain(d signin.Domain) wire.Domain {
	out := wire.Domain{Name: d.Name, Kind: "iam#saml2-idp-domain", OrgID: d.Org, IdentityProviderID: d.Provider, CreatedAt: d.CreatedAt, VerifiedAt: d.VerifiedAt}
	if d.VerifiedAt.IsZero() {
		out.VerificationCode = d.Code
	}
	return out
}
