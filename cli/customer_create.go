package cli

import (
	"context"
	"fmt"

	"espalier.dev/contract/wire"
)

type customerCreate struct {
	remote
	Name        string      `arg:"" help:"Name of the customer."`
	Owner       []ownerFlag `key:"customer-owner" required:"" placeholder:"EMAIL" help:"Owner, as ann@acme.example or 'Ann Lee <ann@acme.example>'; may be repeated."`
	Capability  []grantFlag `key:"customer-capability" default:"iam" placeholder:"NAME[@DATE]" help:"Capability, with an end of its own if a date follows; may be repeated."`
	ExternalID  string      `key:"customer-external-id" name:"external-id" placeholder:"KEY" help:"Your own key for the customer."`
	Description string      `key:"customer-description" placeholder:"TEXT" help:"Free text."`
	Tag         []string    `key:"customer-tag" placeholder:"TAG" help:"Tag to begin with; may be repeated."`
	jsonOutput
}

// Run creates a customer and shows it.
func (v *customerCreate) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	id, err := c.CreateCustomer(ctx, org, wire.CreateCustomer{
		Name: v.Name, ExternalID: v.ExternalID, Description: v.Description,
		Capabilities: grants(v.Capability), Owners: owners(v.Owner),
	})
	if err != nil {
		return err
	}
	if len(v.Tag) > 0 {
		if err := c.AddCustomerTags(ctx, org, id, v.Tag); err != nil {
			return fmt.Errorf("customer %d was created without its tags: %w", id, err)
		}
	}
	if !v.JSON {
		_, err := fmt.Fprintf(sh.Out, "Created customer %d.\n", id)
		return err
	}
	customer, err := c.Customer(ctx, org, id)
	if err != nil {
		return fmt.Errorf("customer %d was created: %w", id, err)
	}
	return printJSON(sh.Out, customer)
}
