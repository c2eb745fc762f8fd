package clienttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// create answers 201 with Location and no body.
func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var in wire.CreateCustomer
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Refuse(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	c := wire.Customer{Name: in.Name, ExternalID: in.ExternalID, Description: in.Description}
	set(&c, in.Capabilities, in.Owners)
	w.Header().Set("Location", fmt.Sprintf("/msp/v2/orgs/%d/customers/%d", Org, s.insert(c).ID))
	w.WriteHeader(http.StatusCreated)
}

// set turns what was asked into what is shown.
func set(c *wire.Customer, grants []wire.CapabilityRequest, owners []wire.OwnerRequest) {
	if grants != nil {
		c.Capabilities = nil
	}
	for _, g := range grants {
		held := wire.Capability{Name: g.Name, Active: true}
		if g.ExpiresAt != nil {
			held.ExpiresAt, held.EffectiveExpiresAt = *g.ExpiresAt, *g.ExpiresAt
			held.HasCustomExpiry, held.Active = true, g.ExpiresAt.After(Now)
		}
		c.Capabilities = append(c.Capabilities, held)
	}
	if owners != nil {
		c.Owners = nil
	}
	for i, o := range owners {
		c.Owners = append(c.Owners, wire.Owner{ID: ref.UserID(50 + i), Email: o.Email, FirstName: o.FirstName, LastName: o.LastName})
	}
}

func (s *Server) update(w http.ResponseWriter, r *http.Request) {
	c := s.find(w, r)
	if c == nil {
		return
	}
	var in wire.UpdateCustomer
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Refuse(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	replace(&c.Name, in.Name)
	replace(&c.ExternalID, in.ExternalID)
	replace(&c.Description, in.Description)
	set(c, in.Capabilities, in.Owners)
	w.WriteHeader(http.StatusNoContent)
}

func replace(to, from *string) {
	if from != nil {
		*to = *from
	}
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	c := s.find(w, r)
	switch {
	case c == nil:
	case c.NumberOfCustomers > 0:
		w.Header().Set("Content-Type", "application/json") // 409 has two members in this version
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(wire.ShortError{Name: "organization_has_children", Message: hasChildren(*c)})
	default:
		s.remove(c.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

func hasChildren(c wire.Customer) string {
	return fmt.Sprintf("customer %d has %d customers; delete them first", c.ID, c.NumberOfCustomers)
}

func (s *Server) bulkDelete(w http.ResponseWriter, r *http.Request) {
	var in wire.BulkDelete
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.CustomerIDs) == 0 || len(in.CustomerIDs) > client.MaxBulk {
		Refuse(w, http.StatusBadRequest, "bad_request", "customerIds: want 1 to 100 ids")
		return
	}
	out := wire.BulkResult{Requested: len(in.CustomerIDs)}
	for _, id := range in.CustomerIDs {
		result := wire.BulkItem{CustomerID: id, Status: wire.BulkSuccess}
		at := slices.IndexFunc(s.customers, func(c wire.Customer) bool { return c.ID == id })
		switch {
		case at < 0:
			result = wire.BulkItem{CustomerID: id, Status: wire.BulkFailed, ErrorCode: "NOT_FOUND", ErrorMessage: fmt.Sprintf("customer %d does not exist", id)}
		case s.customers[at].NumberOfCustomers > 0:
			result = wire.BulkItem{CustomerID: id, Status: wire.BulkFailed, ErrorCode: "INVALID_OPERATION", ErrorMessage: hasChildren(s.customers[at])}
		default:
			s.remove(id)
		}
		if result.Status == wire.BulkSuccess {
			out.Successful++
		} else {
			out.Failed++
		}
		out.Results = append(out.Results, result)
	}
	reply(w, http.StatusOK, out)
}

func (s *Server) customerTags(w http.ResponseWriter, r *http.Request) {
	if c := s.find(w, r); c != nil {
		reply(w, http.StatusOK, wire.Tags(c.Tags))
	}
}

func (s *Server) addTags(w http.ResponseWriter, r *http.Request) {
	c := s.find(w, r)
	if c == nil {
		return
	}
	var in wire.AddTags
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Tags) == 0 {
		Refuse(w, http.StatusBadRequest, "bad_request", "tags: want 1 to 25 tags")
		return
	}
	c.Tags = append(c.Tags, wire.TagNames(in.Tags)...)
	slices.Sort(c.Tags)
	c.Tags = slices.Compact(c.Tags)
	reply(w, http.StatusCreated, wire.CustomerTags{OrgID: Org, CustomerID: c.ID, Tags: wire.Tags(c.Tags)})
}

func (s *Server) removeTag(w http.ResponseWriter, r *http.Request) {
	c := s.find(w, r)
	if c == nil {
		return
	}
	at := slices.Index(c.Tags, r.PathValue("tag"))
	if at < 0 {
		Refuse(w, http.StatusNotFound, "not_found", fmt.Sprintf("customer %d has no tag %q", c.ID, r.PathValue("tag")))
		return
	}
	c.Tags = slices.Delete(c.Tags, at, at+1)
	w.WriteHeader(http.StatusNoContent)
}
