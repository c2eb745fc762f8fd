package doctor

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"espalier.dev/audit"
	"espalier.dev/keyring"
	"espalier.dev/store"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
)

// Config says what to look at.
type Config struct {
	DB      *store.DB
	KeyFile string
	Known   []audit.Head // heads of the audit log kept elsewhere
}

// Check is one thing that was looked at.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Said string `json:"said,omitempty"` // what is wrong and what to do; what was seen if it is right
}

// String is the check on a line: "owners: ok" or "owners: BAD: …".
func (c Check) String() string {
	switch {
	case !c.OK:
		return c.Name + ": BAD: " + c.Said
	case c.Said != "":
		return c.Name + ": ok, " + c.Said
	}
	return c.Name + ": ok"
}

func ok(name, format string, args ...any) Check {
	return Check{Name: name, OK: true, Said: fmt.Sprintf(format, args...)}
}

func bad(name, format string, args ...any) Check {
	return Check{Name: name, Said: fmt.Sprintf(format, args...)}
}

// Examine looks at everything. What cannot be looked at is not right.
func Examine(ctx context.Context, cfg Config) []Check {
	keys, err := keyring.Load(cfg.KeyFile)
	file := ok("key file", "%s", cfg.KeyFile)
	if err != nil {
		file = bad("key file", "%v", err)
	}
	schema := examineSchema(ctx, cfg.DB)
	all := []Check{file, schema}
	for _, r := range storageRules[cfg.DB.Dialect().Name] {
		all = append(all, r.examine(ctx, cfg.DB))
	}
	if !schema.OK {
		return append(all, bad("data", "not looked at, since the schema is not as it should be"))
	}
	for _, r := range treeRules {
		all = append(all, r.examine(ctx, cfg.DB))
	}
	if keys == nil {
		return append(all, bad("signing keys", "not looked at without a key file"), bad("audit log", "not looked at without a key file"))
	}
	return append(all, examineKeys(ctx, cfg.DB, keys), examineAudit(ctx, cfg.DB, keys, cfg.Known))
}

func examineSchema(ctx context.Context, db *store.DB) Check {
	const name = "schema"
	s, err := migrations.Check(ctx, db.DB, migrations.Files())
	switch {
	case err != nil:
		return unreadable(name, err)
	case s.State == migrations.Current:
		return ok(name, "at %d", s.Schema)
	case s.State == migrations.Newer:
		return ok(name, "at %d, newer than this binary's %d, which may serve it", s.Schema, s.Binary)
	case s.State == migrations.Refused:
		return bad(name, "%s", s.Reason)
	}
	return bad(name, "%s, at %d of %d: run espalier migrate", s.State, s.Schema, s.Binary)
}

// unreadable is a check that could not be made.
func unreadable(name string, err error) Check {
	return bad(name, "cannot be looked at: %v", err)
}

// examineKeys opens every signing key with the key file.
func examineKeys(ctx context.Context, db *store.DB, keys *keyring.Keyring) Check {
	const name = "signing keys"
	var closed []string
	n := 0
	err := db.Read(ctx, func(q *sqldb.Tx) error {
		return q.Rows(ctx, `SELECT id, private_sealed FROM signing_key ORDER BY id`, nil, func(scan func(...any) error) error {
			var id, text string
			if err := scan(&id, &text); err != nil {
				return err
			}
			n++
			sealed, err := base64.StdEncoding.DecodeString(text)
			if err == nil {
				_, err = keys.Open(sealed, []byte("signing_key/"+id))
			}
			if err != nil {
				closed = append(closed, id)
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return unreadable(name, err)
	case len(closed) > 0:
		return bad(name, "the key file does not open %s: put the key file back that the database was made with, or, if it is the right one, remove these rows of signing_key, which signs everybody out for at most an hour",
			strings.Join(closed, ", "))
	}
	return ok(name, "%d open with the key file", n)
}

// examineAudit verifies the chain and names the first thing that is wrong with it.
func examineAudit(ctx context.Context, db *store.DB, keys *keyring.Keyring, known []audit.Head) Check {
	const name = "audit log"
	var r audit.Report
	err := db.Audit().Snapshot(ctx, func(tx audit.Tx) (err error) {
		r, err = audit.Verify(ctx, tx, keys, known...)
		return err
	})
	switch {
	case err != nil:
		return unreadable(name, err)
	case r.Finding != nil && r.Finding.Kind == audit.CutOff:
		return bad(name, "%s: if an older backup was restored since, that is the reason; else keep the database as it is and compare it with a backup", r.Finding)
	case r.Finding != nil:
		return bad(name, "%s: somebody changed the database past the server; keep it as it is and compare it with a backup", r.Finding)
	case r.Seals == 0:
		return ok(name, "nothing sealed yet, %d entries to seal", r.Unsealed)
	}
	return ok(name, "%d entries in %d batches are as they were sealed, %d are past their time, %d to seal; head %s",
		r.Entries, r.Seals, r.Dropped, r.Unsealed, r.Head)
}
