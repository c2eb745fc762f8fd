package msp

import (
	"fmt"
	"net/http"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/ref"
)

// list streams every customer that matches: these lists have no pages.
func (s *server) list(v version) door.Handler {
	return func(w http.ResponseWriter, r *door.Request) error {
		match, err := r.Filter("filter", org.NameFilter)
		if err != nil {
			return err
		}
		out := door.Stream(w)
		err = s.orgs.EachCustomer(r.Context(), r.Caller(), r.OrgID(), match, func(c org.Summary) error {
			return out.Add(summary(v, c))
		})
		return out.End(err)
	}
}

func (s *server) create(v version) door.Handler {
	return func(w http.ResponseWriter, r *door.Request) error {
		body, err := door.Body[wire.CreateCustomer](r)
		if err != nil {
			return err
		}
		c, err := s.orgs.CreateCustomer(r.Context(), r.Caller(), r.OrgID(), newCustomer(body))
		if err != nil {
			return err
		}
		return door.Created(w, location(v, r.OrgID(), c.ID))
	}
}

func (s *server) show(v version) door.Handler {
	return func(w http.ResponseWriter, r *door.Request) error {
		d, err := s.orgs.Customer(r.Context(), r.Caller(), r.OrgID(), customerID(r))
		if err != nil {
			return err
		}
		if r.String("view") == "index" {
			return door.JSON(w, http.StatusOK, summary(v, d.Summary))
		}
		return door.JSON(w, http.StatusOK, detail(v, d))
	}
}

func (s *server) update(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.UpdateCustomer](r)
	if err != nil {
		return err
	}
	patch := org.Patch{Name: body.Name, ExternalID: body.ExternalID, Description: body.Description}
	if body.Capabilities != nil {
		wishes := wishes(body.Capabilities)
		patch.Capabilities = &wishes
	}
	if body.Owners != nil {
		owners := owners(body.Owners)
		patch.Owners = &owners
	}
	if err := s.orgs.UpdateCustomer(r.Context(), r.Caller(), r.OrgID(), customerID(r), patch); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) delete(w http.ResponseWriter, r *door.Request) error {
	if err := s.orgs.DeleteCustomer(r.Context(), r.Caller(), r.OrgID(), customerID(r)); err != nil {
		return err
	}
	return door.NoContent(w)
}

func (s *server) bulkCreate(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.BulkCreate](r)
	if err != nil {
		return err
	}
	items := make([]org.NewCustomer, len(body.Customers))
	for i, c := range body.Customers {
		items[i] = newCustomer(c)
	}
	outcomes, err := s.orgs.CreateCustomers(r.Context(), r.Caller(), r.OrgID(), items)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, bulkResult(outcomes, r.String("status"), func(i int, item *wire.BulkItem) {
		item.CorrelationID = body.Customers[i].CorrelationID
		if item.CustomerID != 0 {
			item.Location = location(v2, r.OrgID(), item.CustomerID)
		}
	}))
}

func (s *server) bulkDelete(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.BulkDelete](r)
	if err != nil {
		return err
	}
	outcomes, err := s.orgs.DeleteCustomers(r.Context(), r.Caller(), r.OrgID(), body.CustomerIDs)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, bulkResult(outcomes, r.String("status"), func(int, *wire.BulkItem) {}))
}

// bulkResult counts all outcomes and shows those of the status that was asked for; "" shows all.
func bulkResult(outcomes []org.Outcome, status string, finish func(i int, item *wire.BulkItem)) wire.BulkResult {
	res := wire.BulkResult{Requested: len(outcomes), Results: []wire.BulkItem{}}
	for i, o := range outcomes {
		item := wire.BulkItem{CustomerID: o.Customer, Status: wire.BulkSuccess}
		if o.Err == nil {
			res.Successful++
		} else {
			res.Failed++
			item.Status, item.ErrorCode, item.ErrorMessage = wire.BulkFailed, bulkCode(o.Err), errs.Message(o.Err)
		}
		finish(i, &item)
		if status == "" || status == string(item.Status) {
			res.Results = append(res.Results, item)
		}
	}
	return res
}

// bulkCode names an error as bulk items do: in upper case, from an open set.
func bulkCode(err error) string {
	if code := errs.Code(err); code != "" {
		return strings.ToUpper(code)
	}
	if errs.KindOf(err) == errs.NotFound {
		return "NOT_FOUND"
	}
	return "INVALID_OPERATION"
}

func customerID(r *door.Request) ref.OrgID { return ref.OrgID(r.Int64("customerId")) }

func location(v version, parent, id ref.OrgID) string {
	return fmt.Sprintf("/msp/v%d/orgs/%d/customers/%d", v, parent, id)
}

func newCustomer(b wire.CreateCustomer) org.NewCustomer {
	return org.NewCustomer{Name: b.Name, ExternalID: b.ExternalID, Description: b.Description,
		Capabilities: wishes(b.Capabilities), Owners: owners(b.Owners)}
}

func wishes(list []wire.CapabilityRequest) []org.Wish {
	ws := make([]org.Wish, len(list))
	for i, c := range list {
		ws[i] = org.Wish{Name: c.Name, ExpiresAt: c.ExpiresAt, HasCustomExpiry: c.HasCustomExpiry}
	}
	return ws
}

func owners(list []wire.OwnerRequest) []org.Owner {
	os := make([]org.Owner, len(list))
	for i, o := range list {
		os[i] = org.Owner{Email: o.Email, FirstName: o.FirstName, LastName: o.LastName}
	}
	return os
}

// summary is a customer as lists and the view index show it.
func summary(v version, s org.Summary) wire.MSPCustomer {
	c := wire.MSPCustomer{ID: s.ID, Kind: "msp#customer", Name: s.Name, ExternalID: s.ExternalID, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}
	if v == v2 {
		c.NumberOfCustomers = &s.Customers
	}
	return c
}

func detail(v version, d org.Detail) wire.MSPCustomer {
	c := summary(v, d.Summary)
	c.Description = d.Description
	c.Capabilities = make([]wire.MSPCapability, len(d.Capabilities))
	for i, h := range d.Capabilities {
		c.Capabilities[i] = capability(v, h)
	}
	c.Owners = make([]wire.User, len(d.Owners))
	for i, u := range d.Owners {
		c.Owners[i] = user(u)
	}
	return c
}

// capability shows the end as it was stored, so that reading and writing back changes nothing.
func capability(v version, h org.DetailCapability) wire.MSPCapability {
	if v == v1 {
		return wire.MSPCapability{Name: h.Name}
	}
	custom := h.HasCustomExpiry()
	return wire.MSPCapability{Name: h.Name, ExpiresAt: h.ExpiresAt, HasCustomExpiry: &custom, InUseByCustomers: &h.InUse, OnboardingStatus: "completed"}
}

func user(u org.User) wire.User {
	status := "active"
	if u.State == org.Inactive {
		status = "inactive"
	}
	return wire.User{ID: u.ID, Kind: "iam#user", Ref: "iam#user:" + u.ID.String(), Email: u.Email,
		FirstName: u.FirstName, LastName: u.LastName, Status: status, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
}

// tagPage is how many customers a page of the selection by tags has.
const tagPage = 1000

func (s *server) listByTag(w http.ResponseWriter, r *door.Request) error {
	match, err := r.Filter("filter", org.TagFilter)
	if err != nil {
		return err
	}
	var after ref.OrgID
	if err := r.SkipToken(&after); err != nil {
		return err
	}
	ids, more, err := s.orgs.CustomersByTag(r.Context(), r.Caller(), r.OrgID(), match, after, tagPage)
	if err != nil {
		return err
	}
	page := wire.TaggedCustomers{Values: make([]wire.TaggedCustomer, len(ids))}
	for i, id := range ids {
		page.Values[i].ID = id
	}
	if more {
		page.NextPage = r.NextPage(ids[len(ids)-1])
	}
	return door.JSON(w, http.StatusOK, page)
}

func (s *server) showTags(w http.ResponseWriter, r *door.Request) error {
	tags, err := s.orgs.Tags(r.Context(), r.Caller(), r.OrgID(), customerID(r))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.Tags(tags))
}

func (s *server) addTags(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.AddTags](r)
	if err != nil {
		return err
	}
	all, err := s.orgs.AddTags(r.Context(), r.Caller(), r.OrgID(), customerID(r), wire.TagNames(body.Tags))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, wire.CustomerTags{OrgID: r.OrgID(), CustomerID: customerID(r), Tags: wire.Tags(all)})
}

func (s *server) removeTag(w http.ResponseWriter, r *door.Request) error {
	if err := s.orgs.RemoveTag(r.Context(), r.Caller(), r.OrgID(), customerID(r), r.String("tag")); err != nil {
		return err
	}
	return door.NoContent(w)
}
