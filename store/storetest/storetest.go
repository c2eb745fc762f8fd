package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
)

// URLVariable names the environment variable that holds the URL of a PostgreSQL server for tests. Its user must be
// allowed to make databases.
const URLVariable = "ESPALIER_TEST_POSTGRES_URL"

// Run runs test on each engine, in parallel, with a database of its own that has the product's schema.
func Run(t *testing.T, test func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	RunWith(t, migrations.Files(), test)
}

// RunWith is Run with the migrations of fsys; nil leaves the database empty.
func RunWith(t *testing.T, fsys fs.FS, test func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t, fsys))
	})
	if os.Getenv(URLVariable) != "" {
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			test(t, Postgres(t, fsys))
		})
	}
}

// SQLite opens a fresh SQLite database with the migrations of fsys, closed when the test ends.
func SQLite(t testing.TB, fsys fs.FS) *sqldb.DB {
	t.Helper()
	return open(t, sqldb.OpenSQLite, sqldb.Config{Dir: SQLiteDir(t, fsys)})
}

// Postgres makes a fresh database with the migrations of fsys on the server that URLVariable names, and opens it. It is
// closed and dropped when the test ends.
func Postgres(t testing.TB, fsys fs.FS) *sqldb.DB {
	t.Helper()
	return open(t, sqldb.OpenPostgres, sqldb.Config{URL: PostgresURL(t, fsys)})
}

func open(t testing.TB, with func(context.Context, sqldb.Config) (*sqldb.DB, error), cfg sqldb.Config) *sqldb.DB {
	t.Helper()
	db, err := with(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// once makes something the first time it is asked for by a name, and remembers it.
type once[T any] struct {
	mu   sync.Mutex
	made map[string]T
}

func (o *once[T]) get(name string, build func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if v, ok := o.made[name]; ok {
		return v, nil
	}
	v, err := build()
	if err != nil {
		return v, err
	}
	if o.made == nil {
		o.made = make(map[string]T)
	}
	o.made[name] = v
	return v, nil
}

var (
	sqliteFiles       once[[]byte]   // the database file by fingerprint
	postgresTemplates once[struct{}] // made and checked in this process
)

// SQLiteDir makes a data folder whose database has the migrations of fsys.
func SQLiteDir(t testing.TB, fsys fs.FS) string {
	t.Helper()
	dir := t.TempDir()
	if fsys == nil {
		return dir
	}
	file, err := sqliteFiles.get(fingerprint(t, fsys), func() ([]byte, error) { return buildSQLite(t.TempDir(), fsys) })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, sqldb.FileName), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func buildSQLite(dir string, fsys fs.FS) ([]byte, error) {
	ctx := context.Background()
	db, err := sqldb.OpenSQLite(ctx, sqldb.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	_, err = migrations.Migrate(ctx, db, fsys)
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, sqldb.FileName))
}

func fingerprint(t testing.TB, fsys fs.FS) string {
	t.Helper()
	f, err := migrations.Fingerprint(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// PostgresURL makes a database with the migrations of fsys and returns its URL; it is dropped when the test ends.
func PostgresURL(t testing.TB, fsys fs.FS) string {
	t.Helper()
	server := os.Getenv(URLVariable)
	if server == "" {
		t.Fatalf("%s is not set: run the test with scripts/postgres.sh run", URLVariable)
	}
	template := "template1"
	if fsys != nil {
		template = "espalier_template_" + fingerprint(t, fsys)[:16]
		if _, err := postgresTemplates.get(template, func() (struct{}, error) { return struct{}{}, buildPostgres(server, template, fsys) }); err != nil {
			t.Fatal(err)
		}
	}
	name := "espalier_test_" + strings.ToLower(rand.Text())
	if err := admin(server, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return databaseURL(t, server, name)
}

// buildPostgres makes the template unless another test program did. It gets its name only when it is complete.
func buildPostgres(server, template string, fsys fs.FS) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext('espalier_template'))"); err != nil { // until conn is closed
		return err
	}
	var made bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", template).Scan(&made); err != nil || made {
		return err
	}
	draft := template + "_draft"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if err := migratePostgres(ctx, server, draft, fsys); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+template)
	return err
}

func migratePostgres(ctx context.Context, server, name string, fsys fs.FS) error {
	at, err := onDatabase(server, name)
	if err != nil {
		return err
	}
	db, err := sqldb.OpenPostgres(ctx, sqldb.Config{URL: at})
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = migrations.Migrate(ctx, db, fsys)
	return err
}

// admin runs one statement on the server, on a connection of its own.
func admin(server, sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

func databaseURL(t testing.TB, server, name string) string {
	t.Helper()
	at, err := onDatabase(server, name)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func onDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s: %w", URLVariable, err)
	}
	u.Path = "/" + name
	return u.String(), nil
}
