package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"espalier.dev/contract/wire"
)

type customerImport struct {
	remote
	File   string `arg:"" help:"CSV file, - for the input."`
	DryRun bool   `help:"Check every row and change nothing."`
	jsonOutput
}

// Help is the longer text of the verb.
func (v *customerImport) Help() string {
	return `The first line names the columns, in any order: name, externalId, description, capabilities, owners, tags.
Several values in a cell are parted by ';'. A capability may carry its end (policy@2027-06-30), an owner a name
(Ann Lee <ann@acme.example>). A row is matched by externalId, else by name. An empty cell keeps what is there. Every
row is checked before anything is changed; if one is refused nothing is, and the exit code is 1.`
}

// Run sends the file and prints what became of it.
func (v *customerImport) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	in := sh.In
	if v.File != "-" {
		f, err := os.Open(v.File)
		if err != nil {
			return usageOf(err)
		}
		defer f.Close()
		in = f
	}
	progress, done := showProgress(sh.Err)
	result, err := c.ImportCustomers(ctx, org, in, v.DryRun, progress)
	done()
	if err != nil {
		return err
	}
	return v.report(sh, result)
}

// showProgress returns what draws a bar on a terminal and what removes it again; elsewhere both do nothing.
func showProgress(w io.Writer) (show func(wire.ImportProgress), done func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	show = func(p wire.ImportProgress) {
		if bar == nil {
			bar = progressbar.NewOptions(p.Total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("Importing"),
				progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
				progressbar.OptionSetWidth(40), progressbar.OptionThrottle(50*time.Millisecond))
		}
		_ = bar.Set(p.Done) // a bar that cannot be drawn is no reason to stop
	}
	done = func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
	return show, done
}

func (v *customerImport) report(sh *Shell, result wire.ImportResult) error {
	if v.JSON {
		if err := printJSON(sh.Out, result); err != nil {
			return err
		}
	} else if err := printImport(sh.Out, result); err != nil {
		return err
	}
	if result.Failed > 0 {
		return errNo
	}
	return nil
}

// printImport prints the rows that were refused, then the sums.
func printImport(w io.Writer, result wire.ImportResult) error {
	refused := table{head: []string{"ROW", "COLUMN", "REASON"}}
	for _, row := range result.Rows {
		for _, e := range row.Errors {
			refused.add(strconv.Itoa(row.Row), e.Column, e.Message)
		}
	}
	if len(refused.rows) > 0 {
		if err := refused.print(w); err != nil {
			return err
		}
	}
	verb := ""
	if !result.Applied {
		verb = "would be "
	}
	_, err := fmt.Fprintf(w, "%s: %d %screated, %d %supdated, %d unchanged, %d refused.\n",
		count(result.Total, "row", "rows"), result.Created, verb, result.Updated, verb, result.Unchanged, result.Failed)
	if err == nil && !result.Applied && !result.DryRun {
		_, err = fmt.Fprintln(w, "Nothing was changed: correct the rows that were refused and import again.")
	}
	return err
}
