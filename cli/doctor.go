package cli

import (
	"context"
	"fmt"
	"slices"

	"espalier.dev/audit"
	"espalier.dev/store/doctor"
)

type doctorVerb struct {
	database
	AuditHead []string `key:"-" placeholder:"N:MAC" help:"Head of the audit log as the server's log or a backup has it, so that a log that was cut off since is noticed; may be repeated."`
	jsonOutput
}

// examined is what 'espalier doctor --json' prints.
type examined struct {
	OK     bool           `json:"ok"`
	Checks []doctor.Check `json:"checks"`
}

// Run looks at everything, changes nothing, and may run beside a server.
func (v *doctorVerb) Run(ctx context.Context, sh *Shell) (err error) {
	var known []audit.Head
	for _, text := range v.AuditHead {
		head, err := audit.ParseHead(text)
		if err != nil {
			return usageOf(err)
		}
		known = append(known, head)
	}
	db, err := v.openBeside(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	checks := doctor.Examine(ctx, doctor.Config{DB: db, KeyFile: v.keyFile(), Known: known})
	if err := ctx.Err(); err != nil {
		return err
	}
	whole := !slices.ContainsFunc(checks, func(c doctor.Check) bool { return !c.OK })
	if v.JSON {
		err = printJSON(sh.Out, examined{whole, checks})
	} else {
		err = printChecks(sh, checks)
	}
	if err == nil && !whole {
		return errNo
	}
	return err
}

func printChecks(sh *Shell, checks []doctor.Check) error {
	for _, c := range checks {
		if _, err := fmt.Fprintln(sh.Out, printable(c.String(), false)); err != nil {
			return err
		}
	}
	return nil
}
