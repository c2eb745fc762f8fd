package own

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
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
	if q.After, err = after(r); err != nil {
		return err
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
		out.NextPage = r.NextPage(position{Of: asked(r), Number: page.Next.Number, Text: page.Next.Text, ID: page.Next.ID})
	}
	return door.JSON(w, http.StatusOK, out)
}

// position is where a page ended, and of which question.
type position struct {
	Of     string    `json:"of"`
	Number int64     `json:"n,omitempty"`
	Text   string    `json:"t,omitempty"`
	ID     ref.OrgID `json:"id"`
}

// after is where the page before ended, nil for the first page.
func after(r *door.Request) (*org.Cursor, error) {
	var p position
	if err := r.SkipToken(&p); err != nil || !r.Given("skipToken") {
		return nil, err
	}
	if p.Of != asked(r) || strings.ContainsRune(p.Text, 0) { // no database takes a NUL
		return nil, errs.Invalidf("skipToken: is of another list, filter or order; follow nextPage as it stands")
	}
	return &org.Cursor{Number: p.Number, Text: p.Text, ID: p.ID}, nil
}

// asked is a mark of what a list was asked for: a position in one order means nothing in another.
func asked(r *door.Request) string {
	attribute, direction, _ := strings.Cut(r.String("orderBy"), " ")
	sum := sha256.Sum256([]byte(r.URL.Path + "\n" + attribute + " " + cmp.Or(direction, "asc") + "\n" + r.String("filter")))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

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
