package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// AuditQuery selects entries of the audit log; the zero value selects those of the organization alone.
type AuditQuery struct {
	Filter    string
	Customers bool // what was done in direct customers from the organization, too
}

func (q AuditQuery) values() url.Values {
	v := url.Values{}
	setIf(v, "filter", q.Filter)
	if q.Customers {
		v.Set("customers", "true")
	}
	return v
}

// AuditPage returns a page of entries, newest first; skipToken is "" for the first.
func (c *Client) AuditPage(ctx context.Context, org ref.OrgID, q AuditQuery, limit int, skipToken string) (wire.AuditPage, error) {
	query := q.values()
	query.Set("limit", strconv.Itoa(limit))
	setIf(query, "skipToken", skipToken)
	var page wire.AuditPage
	_, err := c.call(ctx, http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/audit", org), query, nil, &page)
	return page, err
}

// ExportAudit returns entries, oldest first, one in JSON a line. With follow it goes on with new ones until ctx ends; a line
// without anything says that there are none at present.
func (c *Client) ExportAudit(ctx context.Context, org ref.OrgID, q AuditQuery, follow bool) (io.ReadCloser, error) {
	r, err := newRequest(http.MethodGet, fmt.Sprintf("/espalier/v1/orgs/%d/audit/export", org), q.values(), nil)
	if err != nil {
		return nil, err
	}
	if follow {
		r.query.Set("follow", "true")
	}
	r.accept = ndjson
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	return &stream{ReadCloser: resp.Body, client: c, ctx: ctx}, nil
}
