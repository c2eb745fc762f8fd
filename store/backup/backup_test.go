package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/org"
	"espalier.dev/store/backup"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/treetest"
)

// eachPair runs test with a database that has the schema and an empty one, for every pair of engines.
func eachPair(t *testing.T, test func(t *testing.T, from, to *sqldb.DB)) {
	t.Helper()
	storetest.RunWith(t, migrations.Files(), func(t *testing.T, from *sqldb.DB) {
		t.Run("to sqlite", func(t *testing.T) { test(t, from, storetest.SQLite(t, nil)) })
		if os.Getenv(storetest.URLVariable) != "" {
			t.Run("to postgres", func(t *testing.T) { test(t, from, storetest.Postgres(t, nil)) })
		}
	})
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		w.Exec(t, `INSERT INTO user_group (org_id, name, name_folded, created_at, updated_at) VALUES ($1, 'Night shift', 'night shift', 1, 2)`, w.Root)
		first := write(t, db)
		there := storetest.SQLite(t, nil)
		if os.Getenv(storetest.URLVariable) != "" && db.Dialect().Name == "sqlite" {
			there = storetest.Postgres(t, nil)
		}
		restore(t, there, first)
		if diff := cmp.Diff(contents(t, write(t, there)), contents(t, first)); diff != "" {
			t.Errorf("in the other database (-got +want):\n%s", diff)
		}
		back := storetest.SQLite(t, nil)
		if db.Dialect().Name == "postgres" {
			back = storetest.Postgres(t, nil)
		}
		restore(t, back, write(t, there))
		if diff := cmp.Diff(contents(t, write(t, back)), contents(t, first)); diff != "" {
			t.Errorf("and back (-got +want):\n%s", diff)
		}
	})
}

// contents is the lines of a backup, without the header and what differs between databases by intent.
func contents(t *testing.T, raw []byte) []string {
	t.Helper()
	lines := strings.Split(string(unpack(t, raw)), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, `{"table":"audit_clock"`) })
	lines = slices.Delete(lines, i, i+2)
	return lines[1 : len(lines)-2]
}

func TestLifeGoesOnAfterRestore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		before := treetest.Grow(t, db)
		raw := write(t, db)
		engines := []*sqldb.DB{storetest.SQLite(t, nil)}
		if os.Getenv(storetest.URLVariable) != "" {
			engines = append(engines, storetest.Postgres(t, nil))
		}
		for _, to := range engines {
			s := restore(t, to, raw)
			w := treetest.Open(t, to, before.KeyFile)
			head, err := audit.ParseHead(s.AuditHead)
			if err != nil {
				t.Fatal(err)
			}
			if r := w.Verify(t, head); r.Finding != nil || r.Entries == 0 {
				t.Errorf("to %s: Verify: got %+v", to.Dialect().Name, r)
			}
			id := w.Create(t, before.Root, org.NewCustomer{Name: "New", Owners: []org.Owner{{Email: "new@example.com"}}})
			if id <= before.Deleted {
				t.Errorf("to %s: a new customer got id %d; %d was given out before", to.Dialect().Name, id, before.Deleted)
			}
			w.Seal(t)
			r := w.Verify(t, head)
			if r.Finding != nil || r.Head.Number != head.Number+1 || r.Unsealed != 0 {
				t.Errorf("to %s: Verify after a change: got %+v", to.Dialect().Name, r)
			}
		}
	})
}

func TestEveryTableIsInABackup(t *testing.T) {
	t.Parallel()
	create := regexp.MustCompile(`(?m)^CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)
	want := map[string]bool{}
	paths, err := fs.Glob(migrations.Files(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := fs.ReadFile(migrations.Files(), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range create.FindAllStringSubmatch(string(text), -1) {
			want[m[1]] = true
		}
	}
	delete(want, "schema_version")
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		s, err := backup.Check(t.Context(), bytes.NewReader(write(t, db)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, c := range s.Tables {
			got[c.Table] = true
			if (c.Rows > 0) != backup.Seeded[c.Table] {
				t.Errorf("table %s has %d rows in a new database; the list of tables that migrations fill says otherwise", c.Table, c.Rows)
			}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("tables in a backup (-got +want):\n%s", diff)
		}
	})
}

func TestSnapshotBesideWriters(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			var err error
			for i := 0; err == nil && ctx.Err() == nil; i++ {
				_, err = w.Orgs.CreateCustomer(t.Context(), w.By, w.Parent, org.NewCustomer{
					Name: fmt.Sprint("Busy ", i), Owners: []org.Owner{{Email: "busy@example.com"}}})
			}
			done <- err
		}()
		for range 3 {
			to := storetest.SQLite(t, nil)
			restore(t, to, write(t, db))
			r := treetest.Open(t, to, w.KeyFile)
			counted := r.Count(t, `SELECT SUM(customers) FROM customer_count WHERE parent_id = $1`, w.Parent)
			if n := r.Count(t, `SELECT count(*) FROM organization WHERE parent_id = $1`, w.Parent); n != counted {
				t.Errorf("the backup has %d customers and counts %d", n, counted)
			}
			if v := r.Verify(t); v.Finding != nil {
				t.Errorf("Verify: %v", v.Finding)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestDamage(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, migrations.Files())
	treetest.Grow(t, db)
	raw := write(t, db)
	plain := string(unpack(t, raw))
	edit := func(old, new string) []byte {
		if !strings.Contains(plain, old) {
			t.Fatalf("the backup has no %q", old)
		}
		return pack(t, strings.Replace(plain, old, new, 1))
	}
	schema := regexp.MustCompile(`"schema":[0-9]+,"migrations":\[`).FindString(plain)
	flipped := slices.Clone(raw)
	flipped[len(raw)/2] ^= 0x10
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"empty", nil, "this is no backup of Espalier"},
		{"something else", []byte("PK\x03\x04 a zip file, it may be"), "this is no backup of Espalier"},
		{"something else, packed", pack(t, "hello\n"), "this is no backup of Espalier"},
		{"cut in the packed bytes", raw[:len(raw)*2/3], "cut off"},
		{"cut by some bytes", raw[:len(raw)-3], "cut off"},
		{"cut after a line", pack(t, plain[:strings.Index(plain, `{"table":"project"`)]), "cut off"},
		{"cut before the trailer", pack(t, plain[:strings.Index(plain, `{"rows"`)]), "cut off"},
		{"a bit", flipped, "damaged"},
		{"a name", edit("Contoso", "Contosa"), "damaged"},
		{"a row that breaks a constraint", edit(`"Contoso"`, `""`), "damaged"},
		{"a row too short", edit(`,"Contoso"`, ``), "damaged"},
		{"a line of nonsense", edit(`{"table":"project"`, "{}\n"+`{"table":"project"`), "damaged"},
		{"a table renamed", edit(`{"table":"project"`, `{"table":"projects"`), "damaged"},
		{"a table twice", edit(`{"table":"project"`, `{"table":"organization"`), "damaged"},
		{"more after the end", append(slices.Clone(raw), pack(t, "[1]\n")...), "damaged"},
		{"a later format", edit(`"version":1,"product":"v1"`, `"version":2,"product":"v9"`), "format 2, and this binary reads 1: use v9"},
		{"a newer schema", edit(schema, `"schema":1000,"migrations":[`), "schema 1000"},
		{"another build", edit(`"hash":"`, `"hash":"0`), "made by another build"},
	}
	storetest.RunWith(t, nil, func(t *testing.T, to *sqldb.DB) {
		for _, tt := range tests {
			_, err := backup.Restore(t.Context(), to, bytes.NewReader(tt.raw))
			if errs.KindOf(err) != errs.Unprocessable || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: Restore: got %v, want Unprocessable with %q", tt.name, err, tt.want)
			}
		}
		restore(t, to, raw) // nothing is left of the others
	})
}

func TestEveryCutIsRefused(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, migrations.Files())
	treetest.Grow(t, db)
	raw := write(t, db)
	if _, err := backup.Check(t.Context(), bytes.NewReader(raw)); err != nil {
		t.Fatalf("Check of the whole: %v", err)
	}
	for n := range raw {
		if _, err := backup.Check(t.Context(), bytes.NewReader(raw[:n])); errs.KindOf(err) != errs.Unprocessable {
			t.Errorf("Check of the first %d of %d bytes: got %v", n, len(raw), err)
		}
	}
}

func TestRestoreRefusesWhatIsNotEmpty(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w := treetest.Grow(t, db)
		raw := write(t, db)
		_, err := backup.Restore(t.Context(), db, bytes.NewReader(raw))
		if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "organization (6)") {
			t.Errorf("Restore over a tree: got %v, want Conflict that names the organizations", err)
		}
		if r := w.Verify(t); r.Finding != nil || w.Count(t, `SELECT count(*) FROM audit_clock`) != 1 {
			t.Errorf("the refused restore changed something: %+v", r)
		}
	})
}

func TestTwoRestoresAtOnce(t *testing.T) {
	t.Parallel()
	from := storetest.SQLite(t, migrations.Files())
	treetest.Grow(t, from)
	raw := write(t, from)
	storetest.RunWith(t, nil, func(t *testing.T, to *sqldb.DB) {
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := backup.Restore(t.Context(), to, bytes.NewReader(raw))
				results <- err
			}()
		}
		a, b := <-results, <-results
		if a == nil {
			a, b = b, a
		}
		if b != nil || errs.KindOf(a) != errs.Conflict {
			t.Errorf("two restores: got %v and %v, want one to be refused", a, b)
		}
	})
}

func TestRestoreOfAnOlderSchema(t *testing.T) {
	t.Parallel()
	later := fstest.MapFS{}
	paths, err := fs.Glob(migrations.Files(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := fs.ReadFile(migrations.Files(), path)
		if err != nil {
			t.Fatal(err)
		}
		later[path] = &fstest.MapFile{Data: text}
	}
	number := len(paths) // the ledger is number 0
	later[fmt.Sprintf("%04d_later.sql", number)] = &fstest.MapFile{Data: []byte("-- oldest binary: 1\nCREATE TABLE later (id @identity);\n")}

	eachPair(t, func(t *testing.T, from, to *sqldb.DB) {
		raw := write(t, from)
		if _, err := backup.RestoreWith(t.Context(), to, bytes.NewReader(raw), later); err != nil {
			t.Fatal(err)
		}
		s, err := migrations.Check(t.Context(), to, later)
		if err != nil || s.State != migrations.Current || s.Schema != number {
			t.Errorf("Check: got %+v, %v, want the later schema", s, err)
		}
		_, err = backup.RestoreWith(t.Context(), to, bytes.NewReader(raw), later)
		if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "no tables were made yet") {
			t.Errorf("Restore into a later schema: got %v, want Conflict", err)
		}
	})
}

func TestBackupOfNothing(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, nil, func(t *testing.T, db *sqldb.DB) {
		if _, err := backup.Write(t.Context(), db, io.Discard, "v1"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Write: got %v, want NotFound", err)
		}
	})
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, migrations.Files())
	treetest.Grow(t, db)
	path := filepath.Join(t.TempDir(), "espalier.backup")
	if err := os.WriteFile(path, []byte("an older one"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := backup.WriteFile(t.Context(), db, path, "v1")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := backup.Check(t.Context(), f); err != nil || got.Rows() != s.Rows() || got.Rows() == 0 {
		t.Errorf("Check: got %d rows, %v, want %d", got.Rows(), err, s.Rows())
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	if err := os.WriteFile(path+".part", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.WriteFile(t.Context(), db, path, "v1"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("WriteFile beside another: got %v, want Conflict", err)
	}
}

func TestFailedWriteFileLeavesTheOlderOne(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, nil)
	path := filepath.Join(t.TempDir(), "espalier.backup")
	if err := os.WriteFile(path, []byte("an older one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.WriteFile(t.Context(), db, path, "v1"); err == nil {
		t.Error("WriteFile of an empty database: got no error")
	}
	if text, err := os.ReadFile(path); string(text) != "an older one" {
		t.Errorf("the older backup: got %q, %v", text, err)
	}
	if _, err := os.Stat(path + ".part"); !os.IsNotExist(err) {
		t.Errorf("the unfinished file: got %v, want none", err)
	}
}

func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.OneOf(
			rapid.Just[any](nil),
			rapid.Map(rapid.Int64(), func(n int64) any { return n }),
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) any { return string(b) }),
		)).Draw(t, "row")
		line, err := backup.EncodeRow(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := backup.DecodeRow(line)
		if err != nil || len(got) != len(want) || len(want) > 0 && !cmp.Equal(got, want) {
			t.Errorf("a row as %s: got %v, %v, want %v", line, got, err, want)
		}
	})
}

func write(t *testing.T, db *sqldb.DB) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := backup.Write(t.Context(), db, &b, "v1"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restore(t *testing.T, db *sqldb.DB, raw []byte) backup.Summary {
	t.Helper()
	s, err := backup.Restore(t.Context(), db, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unpack(t *testing.T, raw []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func pack(t *testing.T, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
