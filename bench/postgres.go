package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// postgresVariable names a server whose user may make databases; scripts/postgres.sh sets it.
const postgresVariable = "ESPALIER_TEST_POSTGRES_URL"

// database makes a database on the PostgreSQL server, dropped after the experiment, and returns its URL.
func (l *lab) database(ctx context.Context) (string, error) {
	at, err := url.Parse(os.Getenv(postgresVariable))
	if err != nil {
		return "", fmt.Errorf("%s: %w", postgresVariable, err)
	}
	name := "espalier_bench_" + strings.ToLower(rand.Text())
	server := at.String()
	if err := statement(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	l.later(func() error {
		return statement(context.WithoutCancel(ctx), server, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	at.Path = "/" + name
	return at.String(), nil
}

// statement runs one statement on a connection of its own.
func statement(ctx context.Context, url, text string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, text)
	return err
}

// postgresWorld makes a database whose root has so many customers.
func (l *lab) postgresWorld(ctx context.Context, customers int) (*world, error) {
	url, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := l.folder()
	if err != nil {
		return nil, err
	}
	w := &world{url: url, keys: filepath.Join(dir, "key")}
	w.where = []string{"--database-url", url, "--key-file", w.keys}
	if err := w.make(ctx, customers); err != nil {
		return nil, err
	}
	return w, statement(ctx, url, "VACUUM ANALYZE") // as autovacuum will have done
}

// pgbenchScale is that of the tables of pgbench, in 100,000 rows.
const pgbenchScale = 10

var pgbenchRate = regexp.MustCompile(`tps = ([0-9.]+)`)

// floorP is the transactions a second of pgbench -N, by as many clients.
func (l *lab) floorP(ctx context.Context) (floor, error) {
	bin := filepath.Join(os.Getenv("PGBIN"), "pgbench")
	if os.Getenv("PGBIN") == "" {
		bin = "/usr/lib/postgresql/15/bin/pgbench"
	}
	url, err := l.database(ctx)
	if err != nil {
		return floor{}, err
	}
	run := func(ctx context.Context, args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, bin, append(args, url)...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s: %w\n%s", bin, err, out)
		}
		return string(out), nil
	}
	if _, err := run(ctx, "-i", "-q", "-s", strconv.Itoa(pgbenchScale)); err != nil {
		return floor{}, err
	}
	during := strconv.Itoa(max(1, int(l.sizes.busy.Seconds())))
	return floor{"P", func(ctx context.Context) (float64, error) {
		out, err := run(ctx, "-N", "-n", "-c", strconv.Itoa(connections), "-j", strconv.Itoa(processors), "-T", during)
		if err != nil {
			return 0, err
		}
		m := pgbenchRate.FindStringSubmatch(out)
		if m == nil {
			return 0, fmt.Errorf("%s printed no rate:\n%s", bin, out)
		}
		return strconv.ParseFloat(m[1], 64)
	}}, nil
}
