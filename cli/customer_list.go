package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

type customerList struct {
	remote
	Filter  string `placeholder:"EXPR" help:"Only those that match, such as \"name co 'Acme' and tags eq 'tier:gold'\"."`
	OrderBy string `placeholder:"ATTR" default:"name" help:"name, id, externalId, createdAt, updatedAt or nextExpiresAt, with 'desc' behind it for the other way."`
	Limit   int    `placeholder:"N" default:"100" help:"How many at most."`
	All     bool   `help:"Every one, without a limit."`
	jsonOutput
}

// Validate is called by kong.
func (v *customerList) Validate() error {
	if v.Limit < 1 {
		return errors.New("--limit: want 1 or more; --all lists every customer")
	}
	return nil
}

// Run lists customers. The JSON is one page of the API, however many pages were read for it.
func (v *customerList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	page, err := v.read(ctx, c, org)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, page)
	}
	t := table{head: []string{"ID", "NAME", "EXTERNAL ID", "CAPABILITIES", "NEXT END", "TAGS"}}
	for _, customer := range page.Values {
		t.add(customer.ID.String(), customer.Name, customer.ExternalID, capabilityNames(customer.Capabilities),
			date(customer.NextExpiresAt), strings.Join(customer.Tags, " "))
	}
	if err := t.print(sh.Out); err != nil {
		return err
	}
	if int64(len(page.Values)) < page.Total {
		fmt.Fprintf(sh.Err, "%d of %d customers; --all lists every one.\n", len(page.Values), page.Total)
	}
	return nil
}

// read follows the pages until there are enough customers.
func (v *customerList) read(ctx context.Context, c *client.Client, org ref.OrgID) (wire.CustomerPage, error) {
	q := client.CustomerQuery{Filter: v.Filter, OrderBy: v.OrderBy, PageSize: client.MaxPage}
	list := wire.CustomerPage{Values: []wire.Customer{}}
	for skip := ""; ; {
		if !v.All {
			q.PageSize = min(client.MaxPage, v.Limit-len(list.Values))
		}
		page, err := c.CustomerPage(ctx, org, q, skip)
		if err != nil {
			return list, err
		}
		list.Values = append(list.Values, page.Values...)
		list.Total, list.NextPage, skip = page.Total, page.NextPage, page.SkipToken()
		if skip == "" || !v.All && len(list.Values) >= v.Limit {
			return list, nil
		}
	}
}

// capabilityNames lists names, those that have ended in parentheses.
func capabilityNames(list []wire.Capability) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Name
		if !c.Active {
			names[i] = "(" + c.Name + ")"
		}
	}
	return strings.Join(names, " ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
