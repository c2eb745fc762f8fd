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
	"time"

	"espalier.dev/ref"
)

// Bounds of the contract.
const (
	MaxBulk = 100  // customers in a bulk call
	MaxPage = 1000 // customers on a page
)

// Customer is a direct customer of an organization.
type Customer struct {
	ID                ref.OrgID    `json:"id"`
	Name              string       `json:"name"`
	ExternalID        string       `json:"externalId,omitempty"` // the parent's own key for it
	Description       string       `json:"description,omitempty"`
	CreatedAt         time.Time    `json:"createdAt"`
	UpdatedAt         time.Time    `json:"updatedAt"`
	NumberOfCustomers int          `json:"numberOfCustomers"` // its direct customers
	Tags              []string     `json:"tags"`              // sorted
	Capabilities      []Capability `json:"capabilities"`      // by name
	NextExpiresAt     *time.Time   `json:"nextExpiresAt,omitempty"`
	Owners            []User       `json:"owners,omitempty"` // by e-mail; only where one customer is shown
}

// User is a person.
type User struct {
	ID        ref.UserID `json:"id"`
	Email     string     `json:"email"`
	FirstName string     `json:"firstName,omitempty"`
	LastName  string     `json:"lastName,omitempty"`
}

// CustomerQuery says which customers are wanted, and in which order. The zero value is all of them in the server's order.
type CustomerQuery struct {
	Filter   string // "name co 'Acme' and tags eq 'tier:gold'"
	OrderBy  string // "name", "createdAt desc", "nextExpiresAt"
	PageSize int    // at most MaxPage; the server's own if zero
}

// CustomerPage is a part of a list.
type CustomerPage struct {
	Values   []Customer `json:"values"`
	Total    int        `json:"total"`              // of all pages
	NextPage string     `json:"nextPage,omitempty"` // "" on the last page
}

// CustomerPage returns one page; skipToken is "" for the first and [CustomerPage.SkipToken] of the page before.
func (c *Client) CustomerPage(ctx context.Context, org ref.OrgID, q CustomerQuery, skipToken string) (CustomerPage, error) {
	query := url.Values{}
	setIf(query, "filter", q.Filter)
	setIf(query, "orderBy", q.OrderBy)
	setIf(query, "skipToken", skipToken)
	if q.PageSize > 0 {
		query.Set("limit", strconv.Itoa(q.PageSize))
	}
	var page CustomerPage
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/customers", org), query, nil, &page)
	return page, err
}

// SkipToken is the token of the page that follows, "" on the last page. Nothing else of the address is used, since a
// proxy may have changed it.
func (p CustomerPage) SkipToken() string {
	next, err := url.Parse(p.NextPage)
	if err != nil {
		return ""
	}
	return next.Query().Get("skipToken")
}

// Customers walks through all customers, a page at a time. An error ends the walk.
func (c *Client) Customers(ctx context.Context, org ref.OrgID, q CustomerQuery) iter.Seq2[Customer, error] {
	return func(yield func(Customer, error) bool) {
		for skip := ""; ; {
			page, err := c.CustomerPage(ctx, org, q, skip)
			if err != nil {
				yield(Customer{}, err)
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
func (c *Client) Customer(ctx context.Context, org, id ref.OrgID) (Customer, error) {
	var customer Customer
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/customers/%d", org, id), nil, nil, &customer)
	return customer, err
}

// Grant is a capability as a request names it.
type Grant struct {
	Name            string     `json:"name"`
	ExpiresAt       *time.Time `json:"expiresAt,omitempty"`       // nil follows the parent
	HasCustomExpiry *bool      `json:"hasCustomExpiry,omitempty"` // nil: true with a date, false without
}

// Owner is an owner as a request names it.
type Owner struct {
	Email     string `json:"email"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
}

// NewCustomer is what a customer is made of. At least one capability and one owner are needed.
type NewCustomer struct {
	Name         string  `json:"name"`
	ExternalID   string  `json:"externalId,omitempty"`
	Description  string  `json:"description,omitempty"`
	Capabilities []Grant `json:"capabilities"`
	Owners       []Owner `json:"owners"`
}

// CreateCustomer makes a customer and returns its id.
func (c *Client) CreateCustomer(ctx context.Context, org ref.OrgID, n NewCustomer) (ref.OrgID, error) {
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

// CustomerChange is what an update sets: nil keeps what is, a list replaces the whole list.
type CustomerChange struct {
	Name         *string `json:"name,omitempty"`
	ExternalID   *string `json:"externalId,omitempty"`
	Description  *string `json:"description,omitempty"`
	Capabilities []Grant `json:"capabilities,omitzero"`
	Owners       []Owner `json:"owners,omitzero"`
}

// UpdateCustomer changes a customer.
func (c *Client) UpdateCustomer(ctx context.Context, org, id ref.OrgID, change CustomerChange) error {
	_, err := c.call(ctx, http.MethodPatch, fmt.Sprintf("/msp/v2/orgs/%d/customers/%d", org, id), nil, change, nil)
	return err
}

// DeleteCustomer deletes a customer. Nothing brings it back.
func (c *Client) DeleteCustomer(ctx context.Context, org, id ref.OrgID) error {
	_, err := c.call(ctx, http.MethodDelete, fmt.Sprintf("/msp/v2/orgs/%d/customers/%d", org, id), nil, nil, nil)
	return err
}

// BulkDelete is the answer of a bulk delete.
type BulkDelete struct {
	Requested  int          `json:"totalRequested"`
	Successful int          `json:"totalSuccessful"`
	Failed     int          `json:"totalFailed"`
	Results    []BulkResult `json:"results"`
}

// BulkResult is what became of one customer of a bulk delete.
type BulkResult struct {
	CustomerID   ref.OrgID `json:"customerId"`
	Status       string    `json:"status"` // "success" or "failed"
	ErrorCode    string    `json:"errorCode,omitempty"`
	ErrorMessage string    `json:"errorMessage,omitempty"`
}

// Succeeded reports that the customer is gone.
func (r BulkResult) Succeeded() bool { return r.Status == "success" }

// DeleteCustomers deletes up to [MaxBulk] customers, each succeeding or failing alone.
func (c *Client) DeleteCustomers(ctx context.Context, org ref.OrgID, ids []ref.OrgID) (BulkDelete, error) {
	if len(ids) > MaxBulk {
		return BulkDelete{}, errors.New("a bulk delete takes at most 100 customers")
	}
	in := map[string][]ref.OrgID{"customerIds": ids}
	var out BulkDelete
	_, err := c.call(ctx, http.MethodPost, fmt.Sprintf("/msp/v2/orgs/%d/customers/bulk-delete", org), nil, in, &out)
	return out, err
}

func setIf(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
