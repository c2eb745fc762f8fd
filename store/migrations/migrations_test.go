package migrations_test

import (
	"context"
	"flag"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

var update = flag.Bool("update", false, "write down the hashes of new migrations")

func TestFiles(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("hashes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		written = addHashes(t, string(written))
	}
	if err := migrations.Verify(migrations.Files(), string(written)); err != nil {
		t.Error(err)
	}
}

// addHashes writes down the hashes of files that have none; it changes no line that is there.
func addHashes(t *testing.T, written string) []byte {
	t.Helper()
	listed, err := migrations.Listing(migrations.Files())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(listed) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.Contains(written, "  "+path+"\n") {
			written += line
		}
	}
	if err := os.WriteFile("hashes.txt", []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
	return []byte(written)
}

func TestEnginesHaveOneSchema(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	found := map[string][]string{}
	t.Run("describe", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
			lines, err := storetest.Describe(context.Background(), db)
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			found[db.Dialect().Name] = lines
		})
	})
	if postgres, ok := found["postgres"]; ok {
		if diff := cmp.Diff(found["sqlite"], postgres); diff != "" {
			t.Errorf("the schemas differ (-sqlite +postgres):\n%s", diff)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const text = "-- oldest binary: 1\nSELECT 1;\n"
	tests := []struct {
		name  string
		files map[string]string
		drop  string // file whose hash was not written down
		want  string // part of the error; "" = none
	}{
		{"one for both", map[string]string{"0001_a.sql": text}, "", ""},
		{"a pair", map[string]string{"0001_a.sqlite.sql": text, "0001_a.postgres.sql": text}, "", ""},
		{"half a pair", map[string]string{"0001_a.sqlite.sql": text}, "", "0001_a: no file for postgres"},
		{"a pair that differs", map[string]string{"0001_a.sqlite.sql": text, "0001_b.postgres.sql": text}, "", "0001: the pair differs"},
		{"a gap", map[string]string{"0001_a.sql": text, "0003_c.sql": text}, "", "want number 0002 here"},
		{"one number twice", map[string]string{"0001_a.sql": text, "0001_b.sql": text}, "", "want number 0002 here"},
		{"no header", map[string]string{"0001_a.sql": "SELECT 1;"}, "", "-- oldest binary: N"},
		{"header of the future", map[string]string{"0001_a.sql": "-- oldest binary: 2\n"}, "", "want 1 to 1"},
		{"odd name", map[string]string{"1_a.sql": text}, "", "want a name like"},
		{"no hash", map[string]string{"0001_a.sql": text}, "0001_a.sql", "0001_a.sql has no line in hashes.txt"},
	}
	for _, tt := range tests {
		fsys := fstest.MapFS{}
		for path, text := range tt.files {
			fsys[path] = &fstest.MapFile{Data: []byte(text)}
		}
		hashes, err := migrations.Listing(fsys)
		if err != nil {
			t.Fatal(err)
		}
		if tt.drop != "" {
			hashes = ""
		}
		err = migrations.Verify(fsys, hashes)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Verify(%s): got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestVerifyFindsChangedAndLostFiles(t *testing.T) {
	t.Parallel()
	before, err := migrations.Listing(steps(2))
	if err != nil {
		t.Fatal(err)
	}
	changed := steps(2)
	changed["0002_note.sql"].Data = append(changed["0002_note.sql"].Data, "-- more\n"...)
	if err := migrations.Verify(changed, before); err == nil || !strings.Contains(err.Error(), "0002_note.sql was changed") {
		t.Errorf("Verify of a changed file: got %v", err)
	}
	if err := migrations.Verify(steps(1), before); err == nil || !strings.Contains(err.Error(), "0002_note.sql is gone") {
		t.Errorf("Verify of a lost file: got %v", err)
	}
}

// steps is a schema after n of its three migrations. The third can be served by binaries that know the second.
func steps(n int) fstest.MapFS {
	all := []struct{ path, text string }{
		{"0001_thing.sql", "-- oldest binary: 1\nCREATE TABLE thing (id @identity, name @text NOT NULL);\nCREATE INDEX thing_name ON thing (name);\n"},
		{"0002_note.sql", "-- oldest binary: 2\nALTER TABLE thing ADD COLUMN note @text NOT NULL DEFAULT '';\n"},
		{"0003_more.sql", "-- oldest binary: 2\nCREATE TABLE more (id @identity);\n"},
	}
	fsys := fstest.MapFS{}
	for _, f := range all[:n] {
		fsys[f.path] = &fstest.MapFile{Data: []byte(f.text)}
	}
	return fsys
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, nil, func(t *testing.T, db *sqldb.DB) {
		wantState(t, db, steps(3), migrations.Empty)
		if got := migrate(t, db, steps(1)); len(got) != 1 {
			t.Errorf("first Migrate: got %v, want one", got)
		}
		wantState(t, db, steps(1), migrations.Current)
		wantState(t, db, steps(3), migrations.Behind)
		if diff := cmp.Diff(migrate(t, db, steps(3)), []string{"0002_note", "0003_more"}); diff != "" {
			t.Errorf("second Migrate (-got +want):\n%s", diff)
		}
		wantState(t, db, steps(3), migrations.Current)
		if got := migrate(t, db, steps(3)); len(got) != 0 {
			t.Errorf("third Migrate: got %v, want none", got)
		}
	})
}

func TestOlderBinary(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, steps(3), func(t *testing.T, db *sqldb.DB) {
		wantState(t, db, steps(2), migrations.Newer)
		migrate(t, db, steps(2))

		wantState(t, db, steps(1), migrations.Refused)
		_, err := migrations.Migrate(context.Background(), db, steps(1))
		if err == nil || !strings.Contains(err.Error(), "0002_note needs a binary of schema 2 or later, and this one has 1") {
			t.Errorf("Migrate by a binary of schema 1: got %v", err)
		}
	})
}

func TestOtherBuild(t *testing.T) {
	t.Parallel()
	other := steps(3)
	other["0002_note.sql"].Data = append(other["0002_note.sql"].Data, "-- of a branch\n"...)
	storetest.RunWith(t, steps(2), func(t *testing.T, db *sqldb.DB) {
		_, err := migrations.Migrate(context.Background(), db, other)
		if err == nil || !strings.Contains(err.Error(), "0002_note was applied with another text") {
			t.Errorf("Migrate by another build: got %v", err)
		}
		wantState(t, db, steps(2), migrations.Current)
	})
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	bad := steps(3)
	bad["0002_note.sql"].Data = []byte("-- oldest binary: 1\nCREATE TABLE half (id @identity);\nINSERT INTO absent VALUES (1);\n")
	storetest.RunWith(t, nil, func(t *testing.T, db *sqldb.DB) {
		done, err := migrations.Migrate(context.Background(), db, bad)
		if err == nil || !strings.Contains(err.Error(), "migration 0002_note") {
			t.Errorf("Migrate: got %v, want an error that names the migration", err)
		}
		if diff := cmp.Diff(done, []string{"0001_thing"}); diff != "" {
			t.Errorf("applied before the failure (-got +want):\n%s", diff)
		}
		lines, err := storetest.Describe(context.Background(), db)
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(lines, "\n"); strings.Contains(all, "half") {
			t.Errorf("the failed migration left its table:\n%s", all)
		}
		migrate(t, db, steps(3))
	})
}

func TestServersThatStartTogether(t *testing.T) {
	t.Parallel()
	storetest.RunWith(t, nil, func(t *testing.T, db *sqldb.DB) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var all []string
		for range 4 {
			wg.Go(func() {
				done, err := migrations.Migrate(context.Background(), db, steps(3))
				if err != nil {
					t.Errorf("Migrate: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, done...)
			})
		}
		wg.Wait()
		if len(all) != 3 {
			t.Errorf("applied in all: got %v, want each of the three once", all)
		}
	})
}

func migrate(t *testing.T, db *sqldb.DB, fsys fs.FS) []string {
	t.Helper()
	done, err := migrations.Migrate(context.Background(), db, fsys)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func wantState(t *testing.T, db *sqldb.DB, fsys fs.FS, want migrations.State) {
	t.Helper()
	s, err := migrations.Check(context.Background(), db, fsys)
	if err != nil {
		t.Fatal(err)
	}
	if s.State != want {
		t.Errorf("Check: got %v (%+v), want %v", s.State, s, want)
	}
}
