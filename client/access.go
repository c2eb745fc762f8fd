package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// AccessQuery is a question about a privilege in an organization.
type AccessQuery struct {
	Privilege string
	Project   ref.ProjectID // 0: the organization as a whole
}

func (q AccessQuery) values() url.Values {
	v := url.Values{"privilege": {q.Privilege}}
	if q.Project != 0 {
		v.Set("projectId", q.Project.String())
	}
	return v
}

// ExplainAccess tells whether somebody has a privilege, and why: a user by number or e-mail, or service-account:4.
func (c *Client) ExplainAccess(ctx context.Context, org ref.OrgID, who string, q AccessQuery) (wire.AccessExplanation, error) {
	v := q.values()
	v.Set("user", who)
	var e wire.AccessExplanation
	_, err := c.call(ctx, "GET", fmt.Sprintf("/espalier/v1/orgs/%d/access/explain", org), v, nil, &e)
	return e, err
}

// WhoHas goes through everybody who has a privilege, users first, by number. An error is the last thing it gives.
func (c *Client) WhoHas(ctx context.Context, org ref.OrgID, q AccessQuery) iter.Seq2[wire.AccessExplanation, error] {
	return func(yield func(wire.AccessExplanation, error) bool) {
		v := q.values()
		v.Set("limit", strconv.Itoa(1000))
		for {
			var page wire.AccessPage
			if _, err := c.call(ctx, "GET", fmt.Sprintf("/espalier/v1/orgs/%d/access/who", org), v, nil, &page); err != nil {
				yield(wire.AccessExplanation{}, err)
				return
			}
			for _, e := range page.Values {
				if !yield(e, nil) {
					return
				}
			}
			if page.SkipToken() == "" {
				return
			}
			v.Set("skipToken", page.SkipToken())
		}
	}
}
