package cli

import (
	"context"
	"fmt"
)

type customerTag struct {
	remote
	customerID
	Tags   []string `arg:"" optional:"" name:"tag" help:"Tags to add; one that is there already is harmless."`
	Remove []string `placeholder:"TAG" help:"Tag to remove; may be repeated."`
	jsonOutput
}

// Run removes, then adds, then lists, so that a full customer can change one tag for another.
func (v *customerTag) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	for _, tag := range v.Remove {
		if err := c.RemoveCustomerTag(ctx, org, v.ID, tag); err != nil {
			return fmt.Errorf("remove tag %q: %w", tag, err)
		}
	}
	if len(v.Tags) > 0 {
		if err := c.AddCustomerTags(ctx, org, v.ID, v.Tags); err != nil {
			return err
		}
	}
	tags, err := c.CustomerTags(ctx, org, v.ID)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, struct {
			CustomerID any      `json:"customerId"`
			Tags       []string `json:"tags"`
		}{v.ID, tags})
	}
	for _, tag := range tags {
		fmt.Fprintln(sh.Out, printable(tag, false))
	}
	return nil
}
