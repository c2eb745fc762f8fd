package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

type customerDelete struct {
	remote
	IDs []ref.OrgID `arg:"" name:"id" help:"Ids of the customers."`
	Yes bool        `short:"y" help:"Do not ask."`
	jsonOutput
}

// Validate is called by kong.
func (v *customerDelete) Validate() error {
	for _, id := range v.IDs {
		if err := positive(id); err != nil {
			return err
		}
	}
	return nil
}

// Run asks, then deletes: one customer by its own call, several in bulk, each succeeding or failing alone.
func (v *customerDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(v.IDs)))
	if err := v.confirm(sh, org, ids); err != nil {
		return err
	}
	if len(ids) == 1 {
		return v.deleteOne(ctx, sh, c, org, ids[0])
	}
	total := wire.BulkResult{Results: []wire.BulkItem{}}
	for chunk := range slices.Chunk(ids, client.MaxBulk) {
		part, err := c.DeleteCustomers(ctx, org, chunk)
		if err != nil {
			return fmt.Errorf("%s deleted so far: %w", count(total.Successful, "customer", "customers"), err)
		}
		total.Requested += part.Requested
		total.Successful += part.Successful
		total.Failed += part.Failed
		total.Results = append(total.Results, part.Results...)
	}
	return v.report(sh, total)
}

func (v *customerDelete) deleteOne(ctx context.Context, sh *Shell, c *client.Client, org, id ref.OrgID) error {
	if err := c.DeleteCustomer(ctx, org, id); err != nil {
		return err
	}
	done := wire.BulkResult{Requested: 1, Successful: 1, Results: []wire.BulkItem{{CustomerID: id, Status: wire.BulkSuccess}}}
	return v.report(sh, done)
}

// confirm asks a person, and refuses where there is none to ask.
func (v *customerDelete) confirm(sh *Shell, org ref.OrgID, ids []ref.OrgID) error {
	if v.Yes {
		return nil
	}
	if !sh.Interactive() {
		return usageOf(errors.New("nobody is here to confirm the delete: give --yes"))
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	fmt.Fprintf(sh.Err, "Delete %s of organization %d (%s)? Nothing brings them back. [y/N] ",
		count(len(ids), "customer", "customers"), org, strings.Join(names, ", "))
	answer, _ := bufio.NewReader(sh.In).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		fmt.Fprintln(sh.Err, "Nothing was deleted.")
		return errNo
	}
	return nil
}

func (v *customerDelete) report(sh *Shell, done wire.BulkResult) error {
	if v.JSON {
		if err := printJSON(sh.Out, done); err != nil {
			return err
		}
	} else {
		t := table{head: []string{"ID", "CODE", "REASON"}}
		for _, r := range done.Results {
			if r.Status != wire.BulkSuccess {
				t.add(r.CustomerID.String(), r.ErrorCode, r.ErrorMessage)
			}
		}
		if done.Failed > 0 {
			if err := t.print(sh.Out); err != nil {
				return err
			}
		}
		fmt.Fprintf(sh.Out, "Deleted %s.\n", count(done.Successful, "customer", "customers"))
	}
	if done.Failed > 0 {
		return errNo
	}
	return nil
}
