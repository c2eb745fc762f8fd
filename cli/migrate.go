package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"espalier.dev/errs"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
)

type migrateVerb struct {
	database
	Check bool `key:"-" help:"Change nothing; say how the schema stands, and exit 1 unless this binary may serve it as it is."`
	jsonOutput
}

// migrated is what 'espalier migrate --json' prints.
type migrated struct {
	State   string   `json:"state"`             // empty, behind, current, newer or refused
	Schema  int      `json:"schema"`            // number of the last migration that was applied
	Binary  int      `json:"binary"`            // number of the last one this binary knows
	Applied []string `json:"applied,omitempty"` // now
	Pending []string `json:"pending,omitempty"`
	Reason  string   `json:"reason,omitempty"` // why it is refused
}

// Run brings the schema up to date. Servers that start meanwhile wait.
func (v *migrateVerb) Run(ctx context.Context, sh *Shell) (err error) {
	if err := v.check(); err != nil {
		return err
	}
	if v.Data != "" && !exists(filepath.Join(v.Data, sqldb.FileName)) {
		return errs.NotFoundf("there is no database in %s: espalier init makes one", v.Data)
	}
	open := v.open
	if v.Check {
		open = v.openBeside
	}
	db, err := open(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	var applied []string
	if !v.Check {
		if applied, err = migrations.Migrate(ctx, db.DB, migrations.Files()); err != nil {
			return err
		}
	}
	s, err := migrations.Check(ctx, db.DB, migrations.Files())
	if err != nil {
		return err
	}
	if err := v.print(sh, s, applied); err != nil {
		return err
	}
	if s.State != migrations.Current && s.State != migrations.Newer {
		return errNo
	}
	return nil
}

func (v *migrateVerb) print(sh *Shell, s migrations.Status, applied []string) error {
	if v.JSON {
		return printJSON(sh.Out, migrated{s.State.String(), s.Schema, s.Binary, applied, s.Pending, s.Reason})
	}
	for _, name := range applied {
		fmt.Fprintln(sh.Out, "Applied "+name)
	}
	line := fmt.Sprintf("The schema is %s, at %d of %d", s.State, s.Schema, s.Binary)
	switch {
	case s.Reason != "":
		line += ": " + s.Reason
	case len(s.Pending) > 0:
		line += "; to apply: " + strings.Join(s.Pending, ", ")
	}
	_, err := fmt.Fprintln(sh.Out, line+".")
	return err
}
