package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"espalier.dev/contract/wire"
)

type customerShow struct {
	remote
	customerID
	jsonOutput
}

// Run shows one customer.
func (v *customerShow) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	customer, err := c.Customer(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, customer)
	}
	return printCustomer(sh.Out, customer)
}

// printCustomer prints what a customer is, then its capabilities, then its owners.
func printCustomer(w io.Writer, c wire.Customer) error {
	facts := table{}
	facts.add("Id", c.ID.String())
	facts.add("Name", c.Name)
	facts.add("External id", c.ExternalID)
	facts.add("Description", c.Description)
	facts.add("Tags", strings.Join(c.Tags, " "))
	facts.add("Customers", fmt.Sprint(c.NumberOfCustomers))
	facts.add("Created", instant(c.CreatedAt))
	facts.add("Changed", instant(c.UpdatedAt))

	capabilities := table{head: []string{"CAPABILITY", "STATE", "ENDS", "OWN END", "IN USE BELOW", "TERMS"}}
	for _, held := range c.Capabilities {
		state := "active"
		if !held.Active {
			state = "ended"
		}
		capabilities.add(held.Name, state, date(held.EffectiveExpiresAt), date(held.ExpiresAt), yes(held.InUseByCustomers), terms(held.Terms))
	}
	owners := table{head: []string{"OWNER", "NAME"}}
	for _, o := range c.Owners {
		owners.add(o.Email, strings.TrimSpace(o.FirstName+" "+o.LastName))
	}
	return printTables(w, facts, capabilities, owners)
}

func yes(b *bool) string {
	if b == nil || !*b {
		return ""
	}
	return "yes"
}

func terms(t *wire.MSPTerms) string {
	if t == nil {
		return ""
	}
	width := "any"
	if t.MaxWidth != nil {
		width = fmt.Sprint(*t.MaxWidth)
	}
	return fmt.Sprintf("depth %d, width %s", t.MaxDepth, width)
}
