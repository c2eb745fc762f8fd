package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
)

// auditVerb is the verbs about the audit log of an organization.
type auditVerb struct {
	List   auditList   `cmd:"" help:"List what was done, newest first."`
	Export auditExport `cmd:"" help:"Write the log as lines of JSON, oldest first; with --follow, as it grows."`
}

// auditFlags select entries.
type auditFlags struct {
	remote
	Filter    string `placeholder:"EXPR" help:"Only those that match, such as \"action co 'customer.' and timestamp ge '2026-01-01'\"."`
	Customers bool   `help:"What was done in customers from the organization, too."`
}

func (v *auditFlags) query() client.AuditQuery {
	return client.AuditQuery{Filter: v.Filter, Customers: v.Customers}
}

type auditList struct {
	auditFlags
	Limit int `placeholder:"N" default:"50" help:"How many at most."`
	jsonOutput
}

// Validate is called by kong.
func (v *auditList) Validate() error {
	if v.Limit < 1 {
		return errors.New("--limit: want 1 or more; 'espalier audit export' writes everything")
	}
	return nil
}

// Run lists entries. The JSON is one page of the API, however many pages were read for it.
func (v *auditList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list := wire.AuditPage{Values: []wire.AuditEntry{}}
	for skip := ""; ; {
		page, err := c.AuditPage(ctx, org, v.query(), min(client.MaxPage, v.Limit-len(list.Values)), skip)
		if err != nil {
			return err
		}
		list.Values, list.NextPage = append(list.Values, page.Values...), page.NextPage
		if skip = wire.SkipToken(page.NextPage); skip == "" || len(list.Values) >= v.Limit {
			break
		}
	}
	if v.JSON {
		return printJSON(sh.Out, list)
	}
	t := table{head: []string{"TIME", "WHO", "ACTION", "TARGET", "ORGANIZATION"}}
	for _, e := range list.Values {
		t.add(e.Timestamp.Local().Format(time.DateTime), who(e.Actor), e.Action, e.Target.Kind+" "+e.Target.ID, fmt.Sprintf("%d %s", e.OrgID, e.OrgName))
	}
	return t.print(sh.Out)
}

// who is the name that people know somebody by.
func who(a wire.AuditActor) string {
	switch {
	case a.Email != "":
		return a.Email
	case a.Name != "":
		return a.Name
	case a.ID != 0:
		return fmt.Sprintf("%s %d", a.Kind, a.ID)
	}
	return a.Kind
}

type auditExport struct {
	auditFlags
	File   string `arg:"" optional:"" default:"-" help:"File to write, - for the output."`
	Follow bool   `help:"Go on with new entries until stopped; to the output alone."`
}

// Run writes the log. A file appears whole or not at all.
func (v *auditExport) Run(ctx context.Context, sh *Shell) error {
	if v.Follow && v.File != "-" {
		return usageOf(errors.New("--follow has no end, and a file appears when it is whole: send the output where you want it"))
	}
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	body, err := c.ExportAudit(ctx, org, v.query(), v.Follow)
	if err != nil {
		return err
	}
	defer body.Close()
	if v.File != "-" {
		return writeWhole(v.File, body)
	}
	if !v.Follow {
		_, err = io.Copy(sh.Out, body)
		return err
	}
	return copyLines(sh.Out, body)
}

// copyLines leaves the lines out that only say that there is nothing.
func copyLines(to io.Writer, from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			if _, err := to.Write(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
