package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strconv"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// Bounds of the contract.
const (
	MaxBulk = 100  // customers in a bulk call
	MaxPage = 1000 // customers on a page
)

// CustomerQuery says which customers are wanted, and in which order. The zero value is all of them in the server's order.
type CustomerQuery struct {
	Filter   string // "name co 'Acme' and tags eq 'tier:gold'"
	OrderBy  string // "name", "createdAt desc", "nextExpiresAt"
	PageSize int    // at most MaxPage; the server's own if zero
}

// CustomerPage returns one page; skipToken is "" for the first and [wire.CustomerPage.SkipToken] of the page before.
func (c *Client) CustomerPage(ctx context.Context, org ref.OrgID, q CustomerQuery, skipToken string) (wire.CustomerPage, error) {
	query := url.Values{}
	setIf(query, "filter", q.Filter)
	setIf(query, "orderBy", q.OrderBy)
	setIf(query, "skipToken", skipToken)
	if q.PageSize > 0 {
		query.Set("limit", strconv.Itoa(q.PageSize))
	}
	var page wire.CustomerPage
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/customers", org), query, nil, &page)
	return page, err
}

// Customers walks through all customers, a page at a time. An error ends the walk.
func (c *Client) Customers(ctx context.Context, org ref.OrgID, q CustomerQuery) iter.Seq2[wire.Customer, error] {
	return func(yield func(wire.Customer, error) bool) {
		for skip := ""; ; {
			page, err := c.CustomerPage(ctx, org, q, skip)
			if err != nil {
				yield(wire.Customer{}, err)
				return
			}
			for _, customer := range page.Values {
				if !yield(customer, nil) {
					return
				}
			}
			if skip = page.SkipToken(); skip == "" {
				return
			}
		}
	}
}

// Customer returns one customer with capabilities, owners and tags.
func (c *Client) Customer(ctx context.Context, org, id ref.OrgID) (wire.Customer, error) {
	var customer wire.Customer
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/customers/%d", org, id), nil, nil, &customer)
	return customer, err
}

// CreateCustomer makes a customer, which needs at least one capability and one owner, and returns its id.
func (c *Client) CreateCustomer(ctx context.Context, org ref.OrgID, n wire.CreateCustomer) (ref.OrgID, error) {
	header, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/msp/v2/orgs/%d/customers", org), nil, n, nil)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(path.Base(header.Get("Location")), 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("the customer was created, but the answer's Location %q does not name it", header.Get("Location"))
	}
	return ref.OrgID(id), nil
}

// UpdateCustomer changes a customer.
func (c *Client) UpdateCustomer(ctx context.Context, org, id ref.OrgID, change wire.UpdateCustomer) error {
	_, err := c.call(ctx, http.MethodPatch, fmt.Sprintf("/msp/v2/orgs/%d/customers/%d", org, id), nil, change, nil)
	return err
}

// DeleteCustomer deletes a customer. Nothing brings it back.
func (c *Client) DeleteCustomer(ctx context.Context, org, id ref.OrgID) error {
	_, err := c.call(ctx, http.MethodDelete, fmt.Sprintf("/msp/v2/orgs/%d/customers/%d", org, id), nil, nil, nil)
	return err
}

// DeleteCustomers deletes up to [MaxBulk] customers, each succeeding or failing alone.
func (c *Client) DeleteCustomers(ctx context.Context, org ref.OrgID, ids []ref.OrgID) (wire.BulkResult, error) {
	if len(ids) > MaxBulk {
		return wire.BulkResult{}, errors.New("a bulk delete takes at most 100 customers")
	}
	var out wire.BulkResult
	_, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/msp/v2/orgs/%d/customers/bulk-delete", org), nil, wire.BulkDelete{CustomerIDs: ids}, &out)
	return out, err
}

func setIf(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
