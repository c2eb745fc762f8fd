package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/treetest"
)

// place is where the data of a test is: the flags that say so, and the data itself while a server would have it.
type place struct {
	flags []string
	world *treetest.World
}

// eachPlace runs test with a tree in a data folder and, where there is a server for tests, in a PostgreSQL database. The
// database is open meanwhile, as under a running server.
func eachPlace(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := storetest.SQLiteDir(t, migrations.Files())
		db, err := sqldb.OpenSQLite(t.Context(), sqldb.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		w := treetest.Grow(t, db)
		test(t, place{[]string{"--data", dir, "--key-file", w.KeyFile}, w})
	})
	if os.Getenv(storetest.URLVariable) == "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgresURL(t, migrations.Files())
		db, err := sqldb.OpenPostgres(t.Context(), sqldb.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		w := treetest.Grow(t, db)
		test(t, place{[]string{"--database-url", url, "--key-file", w.KeyFile}, w})
	})
}

// atConsole runs a command line, wants an exit code, and returns what was printed: for programs, or why it was refused.
func atConsole(t *testing.T, code int, in string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(t.Context(), args, newShell(nil, strings.NewReader(in), &stdout, &stderr))
	if got != code {
		t.Errorf("espalier %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout.String(), stderr.String())
	}
	if stdout.Len() == 0 {
		return stderr.String()
	}
	return stdout.String()
}

// with adds the flags of a place to a command line.
func (p place) with(args ...string) []string { return append(args, p.flags...) }

// The drill of docs/operations.md, beside a running server.
func TestBackupDrill(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		file := filepath.Join(t.TempDir(), "espalier.backup")
		out := atConsole(t, ExitOK, "", p.with("backup", file)...)
		if !strings.Contains(out, "Wrote "+file) || !strings.Contains(out, "keep a copy of "+p.world.KeyFile) {
			t.Errorf("backup: got %s", out)
		}
		var held backupJSON
		if err := json.Unmarshal([]byte(atConsole(t, ExitOK, "", "restore", file, "--check", "--json")), &held); err != nil {
			t.Fatal(err)
		}
		if held.Schema < 1 || held.AuditHead == "" || len(held.Tables) < 10 {
			t.Errorf("restore --check: got %+v", held)
		}
		dir := filepath.Join(t.TempDir(), "drill")
		out = atConsole(t, ExitOK, "", "restore", file, "--data", dir)
		if !strings.Contains(out, "Put the key file that belongs to it at "+filepath.Join(dir, "key")) {
			t.Errorf("restore: got %s", out)
		}
		out = atConsole(t, ExitOK, "", "doctor", "--data", dir, "--key-file", p.world.KeyFile, "--audit-head", held.AuditHead)
		if !strings.Contains(out, "audit log: ok") || strings.Contains(out, "BAD") {
			t.Errorf("doctor: got %s", out)
		}
		out = atConsole(t, ExitRefused, "", "restore", file, "--data", dir)
		if !strings.Contains(out, "into an empty database only") {
			t.Errorf("restore over what is there: got %s", out)
		}
	})
}

func TestBackupThroughPipes(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		raw := atConsole(t, ExitOK, "", p.with("backup", "-")...)
		dir := t.TempDir()
		atConsole(t, ExitRefused, raw[:len(raw)-1], "restore", "-", "--data", dir)
		atConsole(t, ExitOK, raw, "restore", "-", "--data", dir)
	})
}

func TestDoctorFindings(t *testing.T) {
	t.Parallel()
	eachPlace(t, func(t *testing.T, p place) {
		p.world.Exec(t, `DELETE FROM project WHERE org_id = $1`, p.world.Root)
		out := atConsole(t, ExitNo, "", p.with("doctor")...)
		if !strings.Contains(out, "\nprojects: BAD: organizations without a project main: 1:") || !strings.Contains(out, "\nowners: ok\n") {
			t.Errorf("doctor: got %s", out)
		}
		var all examined
		if err := json.Unmarshal([]byte(atConsole(t, ExitNo, "", p.with("doctor", "--json")...)), &all); err != nil {
			t.Fatal(err)
		}
		if all.OK || len(all.Checks) < 10 {
			t.Errorf("doctor --json: got %+v", all)
		}
		atConsole(t, ExitUsage, "", p.with("doctor", "--audit-head", "12")...)
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := storetest.SQLiteDir(t, nil)
	atConsole(t, ExitNotFound, "", "migrate", "--data", dir)
	db, err := sqldb.OpenSQLite(t.Context(), sqldb.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if out := atConsole(t, ExitRefused, "", "migrate", "--data", dir); !strings.Contains(out, "in use by another espalier") {
		t.Errorf("migrate beside a server: got %s", out)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	places := [][]string{{"--data", dir}}
	if os.Getenv(storetest.URLVariable) != "" {
		places = append(places, []string{"--key-file", "none", "--database-url", storetest.PostgresURL(t, nil)})
	}
	for _, flags := range places {
		if out := atConsole(t, ExitNo, "", append([]string{"migrate", "--check"}, flags...)...); !strings.HasPrefix(out, "The schema is empty, at 0 of ") {
			t.Errorf("migrate --check of an empty database: got %s", out)
		}
		if out := atConsole(t, ExitOK, "", append([]string{"migrate"}, flags...)...); !strings.Contains(out, "Applied 0001_tree\n") {
			t.Errorf("migrate: got %s", out)
		}
		var s migrated
		if err := json.Unmarshal([]byte(atConsole(t, ExitOK, "", append([]string{"migrate", "--check", "--json"}, flags...)...)), &s); err != nil {
			t.Fatal(err)
		}
		if s.State != "current" || s.Schema != s.Binary || s.Applied != nil {
			t.Errorf("migrate --check: got %+v", s)
		}
	}
}
