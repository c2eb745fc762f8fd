package migrations

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"espalier.dev/store/sqldb"
)

//go:embed *.sql
var files embed.FS

// Files returns the product's own migrations.
func Files() fs.FS { return files }

// ledger is the file that makes schema_version; it bears number 0.
const ledger = "0000_schema_version.sql"

var (
	fileName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+(?:\.(sqlite|postgres))?\.sql$`)
	header   = regexp.MustCompile(`^-- oldest binary: ([0-9]+)\n`)
)

// migration is one file as it runs on one engine.
type migration struct {
	version int
	oldest  int    // number of the oldest binary that can serve the schema after it
	name    string // without engine and .sql: 0007_incident
	hash    string // of the file as it lies there
	text    string // with the engine's words in place of @identity and the like
}

// load reads what runs on the engine of d, in order. Numbers run from 1 without gaps.
func load(fsys fs.FS, d *sqldb.Dialect) ([]migration, error) {
	paths, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	var list []migration
	for _, path := range paths {
		parts := fileName.FindStringSubmatch(path)
		if parts == nil {
			return nil, fmt.Errorf("migration %s: want a name like 0007_incident.sql or 0007_incident.sqlite.sql", path)
		}
		if path == ledger || parts[2] != "" && parts[2] != d.Name {
			continue
		}
		m, err := read(fsys, path, d)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	for i, m := range list {
		if m.version != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d here for %s: numbers run from 0001 without gaps, once each", m.name, i+1, d.Name)
		}
	}
	return list, nil
}

func read(fsys fs.FS, path string, d *sqldb.Dialect) (migration, error) {
	raw, err := fs.ReadFile(fsys, path)
	if err != nil {
		return migration{}, err
	}
	name, _, _ := strings.Cut(path, ".")
	m := migration{name: name, hash: sum(raw), text: spell(string(raw), d)}
	m.version, err = strconv.Atoi(path[:4])
	if err != nil {
		return migration{}, err
	}
	first := header.FindSubmatch(raw)
	if first == nil {
		return migration{}, fmt.Errorf("migration %s: its first line must say which binaries can serve the schema after it: -- oldest binary: N", path)
	}
	m.oldest, err = strconv.Atoi(string(first[1]))
	if err != nil || m.oldest < 1 || m.oldest > m.version {
		return migration{}, fmt.Errorf("migration %s: oldest binary %s: want 1 to %d", path, first[1], m.version)
	}
	return m, nil
}

func spell(text string, d *sqldb.Dialect) string {
	return strings.NewReplacer("@identity", d.Identity, "@text", d.Text, " @clustered", d.Clustered, "\n@postgres ", "\n"+d.OnlyPostgres).Replace(text)
}

func sum(raw []byte) string {
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

// Fingerprint names the content of all migrations, so that a database made from them can be kept and used again.
func Fingerprint(fsys fs.FS) (string, error) {
	listed, err := listing(fsys)
	return sum([]byte(listed)), err
}

// listing is the content of hashes.txt for the files as they are: "<hash>  <file>" by line, as sha256sum writes it.
func listing(fsys fs.FS) (string, error) {
	paths, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, path := range paths {
		raw, err := fs.ReadFile(fsys, path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum(raw), path)
	}
	return b.String(), nil
}

// Verify reports everything that is wrong with the files: names, numbers, headers, pairs, and differences from the
// hashes that were written down in the form of hashes.txt.
func Verify(fsys fs.FS, hashes string) error {
	var all []error
	var sqlite, postgres sqldb.Dialect
	sqlite.Name, postgres.Name = "sqlite", "postgres"
	a, err := load(fsys, &sqlite)
	all = append(all, err)
	b, err := load(fsys, &postgres)
	all = append(all, err, comparePairs(a, b), compareHashes(fsys, hashes))
	return errors.Join(all...)
}

// comparePairs reports migrations that one engine has and the other lacks, or has by another name or header.
func comparePairs(a, b []migration) error {
	var all []error
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			all = append(all, fmt.Errorf("migration %s: no file for sqlite", b[i].name))
		case i >= len(b):
			all = append(all, fmt.Errorf("migration %s: no file for postgres", a[i].name))
		case a[i].name != b[i].name || a[i].oldest != b[i].oldest:
			all = append(all, fmt.Errorf("migration %04d: the pair differs: %s, oldest binary %d, and %s, oldest binary %d",
				i+1, a[i].name, a[i].oldest, b[i].name, b[i].oldest))
		}
	}
	return errors.Join(all...)
}

func compareHashes(fsys fs.FS, written string) error {
	found, err := listing(fsys)
	if err != nil {
		return err
	}
	is, was := byFile(found), byFile(written)
	var all []error
	for path, hash := range was {
		switch is[path] {
		case hash:
		case "":
			all = append(all, fmt.Errorf("migration %s is gone: databases that it made are in use", path))
		default:
			all = append(all, fmt.Errorf("migration %s was changed after its hash was written down: add a new migration instead (if it was never released, drop its line from hashes.txt and run go test ./store/migrations -update)", path))
		}
	}
	for path := range is {
		if was[path] == "" {
			all = append(all, fmt.Errorf("migration %s has no line in hashes.txt: run go test ./store/migrations -update", path))
		}
	}
	return errors.Join(all...)
}

func byFile(listing string) map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(listing) {
		if hash, path, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			m[path] = hash
		}
	}
	return m
}
