package own

import (
	"net/http"
	"slices"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/org"
	"espalier.dev/ref"
)

func (s *server) listCustomers(w http.ResponseWriter, r *door.Request) error {
	match, err := r.Filter("filter", org.CustomerFilter)
	if err != nil {
		return err
	}
	q := org.Query{Match: match, Limit: int(r.Int64("limit"))}
	attribute, direction, _ := strings.Cut(r.String("orderBy"), " ")
	q.Order, q.Desc = org.Order(attribute), direction == "desc"
	after, err := r.After(customerList...)
	if err != nil {
		return err
	}
	if after != nil {
		q.After = &org.Cursor{Number: after.Number, Text: after.Text, ID: ref.OrgID(after.ID)}
	}
	page, err := s.Orgs.Page(r.Context(), r.Caller(), r.OrgID(), q)
	if err != nil {
		return err
	}
	out := wire.CustomerPage{Values: make([]wire.Customer, len(page.Customers)), Total: page.Total}
	for i, d := range page.Customers {
		out.Values[i] = s.customer(d)
	}
	if page.Next != nil {
		out.NextPage = r.PageAfter(door.Position{Number: page.Next.Number, Text: page.Next.Text, ID: int64(page.Next.ID)}, customerList...)
	}
	return door.JSON(w, http.StatusOK, out)
}

// customerList is what makes another list of the one of customers.
var customerList = []string{"orderBy", "filter"}

func (s *server) showCustomer(w http.ResponseWriter, r *door.Request) error {
	d, err := s.Orgs.EffectiveCustomer(r.Context(), r.Caller(), r.OrgID(), ref.OrgID(r.Int64("customerId")))
	if err != nil {
		return err
	}
	c := s.customer(d)
	for i, held := range d.Capabilities {
		c.Capabilities[i].InUseByCustomers = &held.InUse
		c.Capabilities[i].Terms = terms(held.Held)
	}
	c.Owners = make([]wire.Owner, len(d.Owners))
	for i, u := range d.Owners {
		c.Owners[i] = wire.Owner{ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName}
	}
	slices.SortFunc(c.Owners, func(a, b wire.Owner) int { return strings.Compare(a.Email, b.Email) })
	return door.JSON(w, http.StatusOK, c)
}

// customer is what lists and the one shown have in common.
func (s *server) customer(d org.Detail) wire.Customer {
	c := wire.Customer{ID: d.ID, Name: d.Name, ExternalID: d.ExternalID, Description: d.Description, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
		NumberOfCustomers: d.Customers, Tags: d.Tags, Capabilities: make([]wire.Capability, len(d.Capabilities)), NextExpiresAt: d.NextEnd()}
	if c.Tags == nil {
		c.Tags = []string{}
	}
	now := s.Now()
	for i, h := range d.Capabilities {
		c.Capabilities[i] = capability(h.Held, now)
	}
	return c
}
