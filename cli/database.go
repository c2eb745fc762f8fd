package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"espalier.dev/errs"
	"espalier.dev/store"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
)

// database is the flags of every verb that works on the data itself.
type database struct {
	Data        string `placeholder:"DIR" help:"Data folder, with an SQLite database in it."`
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"PostgreSQL database, postgres://user:password@host/name, in place of --data."`
	KeyFile     string `placeholder:"FILE" help:"Keys that seal secrets and sign the audit log; by default FILE is key in the data folder."`
}

// check refuses flags that do not say in which one place the data is.
func (d *database) check() error {
	switch {
	case d.Data == "" && d.DatabaseURL == "":
		return usageOf(errors.New("where is the data? give --data DIR or --database-url URL"))
	case d.Data != "" && d.DatabaseURL != "":
		return usageOf(errors.New("--data and --database-url exclude each other: the data is in one place"))
	case d.DatabaseURL != "" && d.KeyFile == "":
		return usageOf(errors.New("--database-url needs --key-file FILE: the keys are kept outside the database"))
	}
	return nil
}

// keyFile is where the keys are.
func (d *database) keyFile() string {
	if d.KeyFile != "" {
		return d.KeyFile
	}
	return filepath.Join(d.Data, "key")
}

// where is the flags that say where the data is, to be shown to strangers: without the address of the database.
func (d *database) where() string {
	if d.Data != "" {
		return "--data " + d.Data
	}
	return "--database-url … --key-file …"
}

// open opens the data alone; on SQLite it keeps others out.
func (d *database) open(ctx context.Context) (*store.DB, error) {
	return d.openWith(ctx, sqldb.Config{})
}

// openBeside opens the data for reading, also while a server runs.
func (d *database) openBeside(ctx context.Context) (*store.DB, error) {
	return d.openWith(ctx, sqldb.Config{ReadOnly: true})
}

func (d *database) openWith(ctx context.Context, cfg sqldb.Config) (*store.DB, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	cfg.Dir, cfg.URL = d.Data, d.DatabaseURL
	open := sqldb.OpenSQLite
	if d.DatabaseURL != "" {
		open = sqldb.OpenPostgres
	} else if cfg.ReadOnly && !exists(filepath.Join(d.Data, sqldb.FileName)) {
		return nil, errs.NotFoundf("there is no database in %s", d.Data)
	}
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return store.New(db), nil
}

// schema brings the schema up to date where it may: on SQLite always, on PostgreSQL if migrate says so. It refuses a database
// that this binary must not serve.
func (d *database) schema(ctx context.Context, db *store.DB, migrate bool) error {
	status, err := migrations.Check(ctx, db.DB, migrations.Files())
	if err != nil {
		return err
	}
	switch status.State {
	case migrations.Current, migrations.Newer:
		return nil
	case migrations.Refused:
		return errs.Conflictf("", "the database is refused: %s", status.Reason)
	}
	if d.DatabaseURL != "" && !migrate {
		return errs.Conflictf("", "the database's schema is %s, at %d of %d: run `espalier migrate`, or start with --migrate",
			status.State, status.Schema, status.Binary)
	}
	_, err = migrations.Migrate(ctx, db.DB, migrations.Files())
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// closing closes c at the end of a verb and keeps the first error.
func closing(c interface{ Close() error }, err *error) {
	if closed := c.Close(); *err == nil && closed != nil {
		*err = fmt.Errorf("close: %w", closed)
	}
}
