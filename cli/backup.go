package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"espalier.dev/store/backup"
)

// standard is the file name that stands for the standard input or output.
const standard = "-"

// backupJSON is what the verbs of backups print with --json.
type backupJSON struct {
	File      string         `json:"file"`
	Product   string         `json:"product"` // version that made it
	MadeAt    time.Time      `json:"madeAt"`
	Engine    string         `json:"engine"`
	Schema    int            `json:"schema"`
	AuditHead string         `json:"auditHead,omitempty"`
	Tables    []backup.Count `json:"tables"`
}

func printBackup(w io.Writer, done, file string, s backup.Summary, asJSON bool) error {
	if asJSON {
		return printJSON(w, backupJSON{file, s.Product, s.MadeAt, s.Engine, s.Schema, s.AuditHead, s.Tables})
	}
	head := s.AuditHead
	if head == "" {
		head = "none yet"
	}
	_, err := fmt.Fprintln(w, printable(fmt.Sprintf("%s %s: %d rows of %d tables, as of %s, schema %d, by espalier %s.\nHead of the audit log: %s",
		done, file, s.Rows(), len(s.Tables), instant(s.MadeAt), s.Schema, s.Product, head), true))
	return err
}

type backupVerb struct {
	database
	File string `arg:"" help:"File to write; - for the standard output."`
	jsonOutput
}

// Run writes a backup, beside a running server or without one.
func (v *backupVerb) Run(ctx context.Context, sh *Shell) (err error) {
	db, err := v.openBeside(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	product := BuildVersion().Version
	if v.File == standard {
		if isTerminal(sh.Out) {
			return usageOf(errors.New("a backup is not for a terminal: name a file, or pass it on with | or >"))
		}
		s, err := backup.Write(ctx, db.DB, sh.Out, product)
		if err != nil {
			return err
		}
		return printBackup(sh.Err, "Wrote", "the standard output", s, v.JSON)
	}
	s, err := backup.WriteFile(ctx, db.DB, v.File, product)
	if err != nil {
		return err
	}
	if err := printBackup(sh.Out, "Wrote", v.File, s, v.JSON); err != nil || v.JSON {
		return err
	}
	_, err = fmt.Fprintf(sh.Out, "The keys are not in it: keep a copy of %s in another place.\n", v.keyFile())
	return err
}

type restoreVerb struct {
	database
	File  string `arg:"" help:"Backup to read; - for the standard input."`
	Check bool   `key:"-" help:"Restore nothing and ask for no database; read the whole backup and say what it holds."`
	jsonOutput
}

// Run restores a backup into an empty database.
func (v *restoreVerb) Run(ctx context.Context, sh *Shell) (err error) {
	in := sh.In
	if v.File != standard {
		f, err := os.Open(v.File)
		if err != nil {
			return usageOf(fmt.Errorf("open the backup: %w", err))
		}
		defer f.Close()
		in = f
	}
	if v.Check {
		s, err := backup.Check(ctx, in)
		if err != nil {
			return err
		}
		return printBackup(sh.Out, "Whole:", v.File, s, v.JSON)
	}
	db, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	s, err := backup.Restore(ctx, db.DB, in)
	if err != nil {
		return err
	}
	if err := printBackup(sh.Out, "Restored", v.File, s, v.JSON); err != nil || v.JSON {
		return err
	}
	if !exists(v.keyFile()) {
		fmt.Fprintf(sh.Out, "Put the key file that belongs to it at %s.\n", v.keyFile())
	}
	_, err = fmt.Fprintln(sh.Out, "See that all is well: espalier doctor")
	return err
}
