package cli

import (
	"context"
	"errors"
	"fmt"

	"espalier.dev/contract/wire"
)

type customerUpdate struct {
	remote
	customerID
	Name        *string     `key:"customer-name" placeholder:"NAME" help:"New name."`
	Owner       []ownerFlag `key:"customer-owner" placeholder:"EMAIL" help:"The owners from now on, as ann@acme.example or 'Ann Lee <ann@acme.example>'; may be repeated."`
	Capability  []grantFlag `key:"customer-capability" placeholder:"NAME[@DATE]" help:"The capabilities from now on; one that is left out is withdrawn; may be repeated."`
	ExternalID  *string     `key:"customer-external-id" name:"external-id" placeholder:"KEY" help:"Your own key for the customer; empty for none."`
	Description *string     `key:"customer-description" placeholder:"TEXT" help:"Free text; empty for none."`
	jsonOutput
}

// Run changes a customer.
func (v *customerUpdate) Run(ctx context.Context, sh *Shell) error {
	if v.Name == nil && v.Owner == nil && v.Capability == nil && v.ExternalID == nil && v.Description == nil {
		return usageOf(errors.New("nothing to change: give at least one of --name, --owner, --capability, --external-id, --description"))
	}
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	err = c.UpdateCustomer(ctx, org, v.ID, wire.UpdateCustomer{
		Name: v.Name, ExternalID: v.ExternalID, Description: v.Description,
		Capabilities: grants(v.Capability), Owners: owners(v.Owner),
	})
	if err != nil {
		return err
	}
	if !v.JSON {
		_, err := fmt.Fprintf(sh.Out, "Changed customer %d.\n", v.ID)
		return err
	}
	customer, err := c.Customer(ctx, org, v.ID)
	if err != nil {
		return fmt.Errorf("customer %d was changed: %w", v.ID, err)
	}
	return printJSON(sh.Out, customer)
}
