package org

import (
	"context"
	"time"

	"espalier.dev/access"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Order is what a page of customers is sorted by.
type Order string

// The orders of a page.
const (
	ByID         Order = "id"
	ByName       Order = "name"
	ByExternalID Order = "externalId"
	ByCreated    Order = "createdAt"
	ByUpdated    Order = "updatedAt"
	ByNextEnd    Order = "nextExpiresAt"
)

// Query asks for a page of customers.
type Query struct {
	Match *filter.Expr // nil: all
	Order Order
	Desc  bool
	After *Cursor // nil: from the beginning
	Limit int     // 1..1000
}

// Cursor is the last row of a page: its sort key and its id, by which the next page begins.
type Cursor struct {
	Number int64  // key of a number or time, µs
	Text   string // key of a text
	ID     ref.OrgID
}

// Page is some customers in order.
type Page struct {
	Customers []Detail // without owners
	Total     int64    // all that match
	Next      *Cursor  // nil: the last page
}

// Page returns a page of the direct customers of parent, with tags, capabilities and the ends that count.
func (s *Service) Page(ctx context.Context, by access.Caller, parent ref.OrgID, q Query) (Page, error) {
	return readOne(ctx, s, by, access.CustomerIndex, parent, func(tx Tx) (Page, error) {
		above, err := held(ctx, tx, parent)
		if err != nil {
			return Page{}, err
		}
		page, err := tx.CustomerPage(ctx, parent, q, ends(above))
		if err != nil {
			return Page{}, err
		}
		for i := range page.Customers {
			page.Customers[i].under(above)
		}
		return page, nil
	})
}

// ends is the ends of a parent's capabilities by name; one without an end is left out.
func ends(above []Held) map[string]time.Time {
	m := make(map[string]time.Time)
	for _, h := range above {
		if !h.Ends.IsZero() && h.Name != IAM {
			m[h.Name] = h.Ends
		}
	}
	return m
}

// under fills in what the capabilities of its parent make of those of a customer.
func (d *Detail) under(above []Held) {
	for i, c := range d.Capabilities {
		d.Capabilities[i].Held, _ = c.Capability.under(false, above)
	}
}
