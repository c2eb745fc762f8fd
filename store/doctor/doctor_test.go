package doctor_test

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"espalier.dev/audit"
	"espalier.dev/keyring"
	"espalier.dev/org"
	"espalier.dev/store"
	"espalier.dev/store/doctor"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/treetest"
)

func config(w *treetest.World) doctor.Config { return doctor.Config{DB: w.DB, KeyFile: w.KeyFile} }

// wantBad wants each of the checks to be BAD and to say what is wanted, and all others to be right.
func wantBad(t *testing.T, cfg doctor.Config, want map[string]string) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range doctor.Examine(t.Context(), cfg) {
		says, broken := want[c.Name]
		seen[c.Name] = true
		if c.OK == broken || !strings.Contains(c.Said, says) {
			t.Errorf("got %q, want BAD: %v, with %q", c, broken, says)
		}
	}
	for name := range want {
		if !seen[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
}

func TestRulesOfTheTree(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		wantBad(t, config(w), nil)

		// The tree: 1 Northwind over 2 Fabrikam and 3 Contoso; 4, 5, 6 below 2.
		for i := range 12 {
			id := w.Create(t, w.Root, org.NewCustomer{Name: fmt.Sprint("Extra ", i), Owners: []org.Owner{{Email: "extra@example.com"}}})
			w.Exec(t, `DELETE FROM project WHERE org_id = $1`, id)
		}
		w.Exec(t, `DELETE FROM access_rule WHERE org_id = 4`)
		w.Exec(t, `DELETE FROM membership WHERE org_id = 2 AND user_id = 1`)
		w.Exec(t, `DELETE FROM capability WHERE org_id = 5 AND name = 'iam'`)
		w.Exec(t, `INSERT INTO capability (org_id, name, created_at, updated_at) VALUES (6, 'secret', 1, 1)`)
		w.Exec(t, `UPDATE customer_count SET customers = customers + 1
			WHERE parent_id = 2 AND stripe = (SELECT MIN(stripe) FROM customer_count WHERE parent_id = 2)`)
		w.Exec(t, `UPDATE organization SET parent_id = 3 WHERE id = 3`)
		wantBad(t, config(w), map[string]string{
			"tree":                  "before their parent: 3: only a fault",
			"owners":                "without a user who owns them: 4: let",
			"memberships of owners": "2 (user 1): only",
			"capability iam":        "which all have: 5: give",
			"capabilities":          "what their parent lacks: 6 (secret): give",
			"projects":              "without a project main: 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 and 2 more: only",
			"customer counts":       "counted wrong: 1 (has 13, counts 14), 2 (has 3, counts 4), 3 (has 1, counts 0): only",
		})
	})
}

// What doctor says to do about a lost iam works.
func TestIAMCanBeGivenBack(t *testing.T) {
	t.Parallel()
	w := treetest.Grow(t, storetest.SQLite(t, migrations.Files()))
	w.Exec(t, `DELETE FROM capability WHERE name = 'iam'`)
	for id := w.Root; id < w.Deleted; id++ {
		if _, err := w.Orgs.SetCapability(t.Context(), w.By, org.SetCapability{Org: id, Name: org.IAM}); err != nil {
			t.Errorf("SetCapability of organization %d: %v", id, err)
		}
	}
	wantBad(t, config(w), nil)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		for _, id := range []string{"here", "moved"} {
			sealed, err := w.Keys.Seal([]byte("seed"), []byte("signing_key/here"))
			if err != nil {
				t.Fatal(err)
			}
			w.Exec(t, `INSERT INTO signing_key (id, alg, private_sealed, public_jwk, created_at, use_from_at, use_until_at, verify_until_at)
				VALUES ($1, 'EdDSA', $2, '{}', 1, 1, 2, 3)`, id, base64.StdEncoding.EncodeToString(sealed))
		}
		wantBad(t, config(w), map[string]string{"signing keys": "does not open moved:"})
		w.Exec(t, `DELETE FROM signing_key WHERE id = 'moved'`)
		wantBad(t, config(w), nil)

		other := config(w)
		other.KeyFile = filepath.Join(t.TempDir(), "key")
		if err := keyring.Create(other.KeyFile); err != nil {
			t.Fatal(err)
		}
		wantBad(t, other, map[string]string{"signing keys": "does not open here:", "audit log": "audit seal 1 was changed, or was made with another key file"})

		if err := os.Chmod(w.KeyFile, 0o640); err != nil {
			t.Fatal(err)
		}
		wantBad(t, config(w), map[string]string{"key file": "chmod 600", "signing keys": "not looked at", "audit log": "not looked at"})
	})
}

func TestAuditLog(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		head := w.Verify(t).Head
		cfg := config(w)
		cfg.Known = []audit.Head{head}
		wantBad(t, cfg, nil)
		cfg.Known = []audit.Head{{Number: head.Number + 5, MAC: head.MAC}}
		wantBad(t, cfg, map[string]string{"audit log": "was cut off after entry"})
		w.Exec(t, `UPDATE audit_entry SET action = 'customer.praise' WHERE id = 3`)
		wantBad(t, config(w), map[string]string{"audit log": "audit entry 3 was changed"})
	})
}

func TestSchema(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, nil, func(t *testing.T, db *sqldb.DB) {
		key := filepath.Join(t.TempDir(), "key")
		if err := keyring.Create(key); err != nil {
			t.Fatal(err)
		}
		wantBad(t, doctor.Config{DB: store.New(db), KeyFile: key}, map[string]string{"schema": "espalier migrate", "data": "not looked at"})
	})
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := sqldb.OpenSQLite(t.Context(), sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrations.Migrate(t.Context(), db, migrations.Files()); err != nil {
		t.Fatal(err)
	}
	w := treetest.Grow(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", filepath.Join(dir, sqldb.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, query := range []string{
		`DELETE FROM app_user WHERE id = 1`, // foreign keys are not on here
		`PRAGMA writable_schema = ON`,
		`UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'organization_parent') WHERE name = 'membership_user'`,
	} {
		if _, err := raw.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	beside, err := sqldb.OpenSQLite(t.Context(), sqldb.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	wantBad(t, doctor.Config{DB: store.New(beside), KeyFile: w.KeyFile}, map[string]string{
		"storage": "the database file is damaged", "references": "rows refer to rows that are not there: ",
	})
}

func TestLines(t *testing.T) {
	t.Parallel()
	got := []string{
		doctor.Check{Name: "owners", OK: true}.String(),
		doctor.Check{Name: "schema", OK: true, Said: "at 1"}.String(),
		doctor.Check{Name: "schema", Said: "behind"}.String(),
	}
	if diff := cmp.Diff(got, []string{"owners: ok", "schema: ok, at 1", "schema: BAD: behind"}); diff != "" {
		t.Errorf("lines (-got +want):\n%s", diff)
	}
}
