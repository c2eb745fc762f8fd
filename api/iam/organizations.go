package iam

import (
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/org"
	"espalier.dev/ref"
)

func (s *server) organizations() map[string]door.Handler {
	return map[string]door.Handler{
		"Organization#show":     s.showOrganization,
		"Organization#show_msp": s.showMSP,
		"Project#Index":         s.listProjects,
		"Capability#index":      s.listCapabilities,
		"Capability#show":       s.showCapability,
	}
}

func (s *server) showOrganization(w http.ResponseWriter, r *door.Request) error {
	o, err := s.Orgs.Organization(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, organization(o))
}

func organization(o org.Organization) wire.Organization {
	return wire.Organization{ID: o.ID, Kind: "iam#org", Name: o.Name, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

func (s *server) showMSP(w http.ResponseWriter, r *door.Request) error {
	o, err := s.Orgs.MSPOrganization(r.Context(), r.Caller(), r.OrgID(), ref.OrgID(r.Int64("targetOrgId")))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, organization(o))
}

func (s *server) listProjects(w http.ResponseWriter, r *door.Request) error {
	projects, err := s.Orgs.Projects(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := make([]wire.Project, len(projects))
	for i, p := range projects {
		list[i] = wire.Project{ID: p.ID, Kind: "iam:project", Ref: s.ref(p.Org, "project", p.ID.String()), Name: p.Name, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) listCapabilities(w http.ResponseWriter, r *door.Request) error {
	held, err := s.Orgs.Capabilities(r.Context(), r.Caller(), r.OrgID())
	if err != nil {
		return err
	}
	list := make([]wire.HeldCapability, len(held))
	for i, h := range held {
		list[i] = s.capability(r, h)
	}
	return door.JSON(w, http.StatusOK, list)
}

func (s *server) showCapability(w http.ResponseWriter, r *door.Request) error {
	h, err := s.Orgs.Capability(r.Context(), r.Caller(), r.OrgID(), r.String("capabilityName"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, s.capability(r, h))
}

// capability shows the end as it was stored; the view index leaves the text and the terms out.
func (s *server) capability(r *door.Request, h org.Held) wire.HeldCapability {
	c := wire.HeldCapability{Name: h.Name, Kind: "iam#capability", OrgID: r.OrgID(), ExpiresAt: h.ExpiresAt,
		OnboardingStatus: "completed", CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt}
	if r.String("view") == "index" {
		return c
	}
	c.Description = s.Catalog[h.Name].Description
	if h.Name == org.MSP {
		c.Terms = map[string]any{"maxDepth": h.Depth}
		if h.MaxWidth != nil {
			c.Terms["maxWidth"] = *h.MaxWidth
		}
	}
	return c
}
