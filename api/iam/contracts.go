package iam

import (
	"net/http"
	"slices"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/org"
	"espalier.dev/ref"
)

func (s *server) contracts() map[string]door.Handler {
	return map[string]door.Handler{
		"Contracts#index":      s.listContracts,
		"Contracts#show":       s.showContract,
		"Contracts#create":     s.createContract,
		"Contracts#update":     s.updateContract,
		"Contracts#activation": s.activateContract,
		"Contracts#delete":     s.deleteContract,
	}
}

// contractID is the one of the path.
func contractID(r *door.Request) ref.ContractID { return ref.ContractID(r.Int64("id")) }

func (s *server) listContracts(w http.ResponseWriter, r *door.Request) error {
	list, err := s.Orgs.Contracts(r.Context(), r.Caller(), r.OrgID(), org.ContractQuery{
		Initiator: ref.OrgID(r.Int64("init")), Target: ref.OrgID(r.Int64("target")), Latest: r.Bool("latest_only"),
	})
	if err != nil {
		return err
	}
	out := make([]wire.Contract, len(list))
	for i, c := range list {
		out[i] = contract(c, r.String("view"))
	}
	return door.JSON(w, http.StatusOK, out)
}

func (s *server) showContract(w http.ResponseWriter, r *door.Request) error {
	c, err := s.Orgs.Contract(r.Context(), r.Caller(), r.OrgID(), contractID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, contract(c, r.String("view")))
}

func (s *server) createContract(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateContract](r)
	if err != nil {
		return err
	}
	n := org.NewContract{Target: body.Target, Title: body.Title, Description: body.Description}
	for _, a := range body.Allowed {
		n.Allowed = append(n.Allowed, org.Allowance{Capability: a.Capability, Roles: a.Roles})
	}
	c, err := s.Orgs.Propose(r.Context(), r.Caller(), r.OrgID(), n)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, contract(c, "default"))
}

// updateContract and activateContract answer 200 without a body, as the contract has it.
func (s *server) updateContract(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.UpdateContract](r)
	if err != nil {
		return err
	}
	if err := s.Orgs.Seen(r.Context(), r.Caller(), r.OrgID(), contractID(r), body.LastSeen); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *server) activateContract(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.ActivateContract](r)
	if err != nil {
		return err
	}
	if err := s.Orgs.Activate(r.Context(), r.Caller(), r.OrgID(), contractID(r), body.Enable); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *server) deleteContract(w http.ResponseWriter, r *door.Request) error {
	if err := s.Orgs.DeleteContract(r.Context(), r.Caller(), r.OrgID(), contractID(r)); err != nil {
		return err
	}
	return door.NoContent(w)
}

// contract shows who and what; the view default also the roles by name and when, extended what the roles mean.
func contract(c org.Contract, view string) wire.Contract {
	out := wire.Contract{ID: c.ID, Initiator: c.Initiator, Target: c.Target, Title: c.Title, Status: string(c.State)}
	if view == "index" {
		return out
	}
	enabled := c.State == org.Approved
	out.Enable, out.Description, out.CreatedBy = &enabled, c.Description, c.CreatedBy
	out.CreatedAt, out.UpdatedAt, out.LastSeen = c.CreatedAt, c.UpdatedAt, c.LastSeen
	for _, a := range c.Allowed {
		allowed := wire.ContractCapability{Capability: a.Capability, Roles: make([]wire.ContractRole, len(a.Roles))}
		for i, name := range a.Roles {
			allowed.Roles[i].Name = name
			if j := slices.IndexFunc(access.Roles, func(r access.Role) bool { return r.Name == name }); view == "extended" && j >= 0 {
				role := access.Roles[j]
				allowed.Roles[i].DisplayName, allowed.Roles[i].Category = role.DisplayName, role.Capability
				allowed.Roles[i].Privileges = role.Privileges()
			}
		}
		out.Allowed = append(out.Allowed, allowed)
	}
	return out
}
