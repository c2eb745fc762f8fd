package espalier_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	gotoken "go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "espalier.dev"

// ladder is the rungs that imports go down, from the ground up. A package imports lower rungs only, and its own folder.
var ladder = [][]string{
	{"ref", "errs", "filter"},
	{"contract", "policylang", "access", "audit", "egress", "keyring"},
	{"org", "iam", "credential", "notify", "token"},
	{"scim", "signin", "openid"},
	{"policy"},
	{"store", "jobs", "runner", "api", "console", "client"},
	{"cli"},
	{"cmd", "e2e", "bench", "torture"},
}

// sideways are the imports within a rung, from a folder to another, each with its reason.
var sideways = map[[2]string]string{
	{"audit", "access"}:  "an entry's actor is the caller",
	{"openid", "signin"}: "who signs in to an application has signed in here, and the application's session is one of that user's",
}

// islands import the first rung only.
var islands = []string{"contract", "policylang", "schedule"}

type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// folder is the first part of a package's path in the module, "" for the root and for packages of others.
func folder(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

func rung(folder string) int {
	return slices.IndexFunc(ladder, func(r []string) bool { return slices.Contains(r, folder) })
}

func TestImportsGoDownTheLadder(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		from := folder(p.ImportPath)
		if from == "" || from == "examples" {
			continue
		}
		if rung(from) < 0 {
			t.Errorf("%s: folder %s has no rung: give it one, and a line in doc.go", p.ImportPath, from)
			continue
		}
		for _, path := range p.Imports {
			to := folder(path)
			switch {
			case to == "" || to == from:
			case slices.Contains(islands, from) && rung(to) > 0:
				t.Errorf("%s imports %s: %s is an island and imports the first rung only", p.ImportPath, path, from)
			case rung(to) > rung(from):
				t.Errorf("%s imports %s, which stands higher: what is lower must not know what is built on it", p.ImportPath, path)
			case rung(to) == rung(from) && sideways[[2]string{from, to}] == "":
				t.Errorf("%s imports %s of its own rung: move what they share down, or give the reason in sideways", p.ImportPath, path)
			}
		}
	}
}

func TestOnlyTheStoreKnowsADriver(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			if driver := path == "database/sql" || strings.HasPrefix(path, "modernc.org/sqlite") || strings.HasPrefix(path, "github.com/jackc/pgx"); driver && !slices.Contains([]string{"store", "bench", "torture"}, folder(p.ImportPath)) {
				t.Errorf("%s imports %s: only the store talks to a database", p.ImportPath, path)
			}
		}
	}
}

// heavy are modules that are too much for the one binary, each with its reason. A test may use them.
var heavy = map[string]string{
	"github.com/xuri/excelize":      "it compiles 1.3 MiB of regular expressions before main, 5 ms of every start (docs/adr/0017)",
	"github.com/getkin/kin-openapi": "reading the documents with it takes longer than the rest of a start; contract/opgen has them as tables (docs/adr/0004)",
}

func TestTheBinaryIsQuickToStart(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "./cmd/espalier").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		for module, reason := range heavy {
			if path == module || strings.HasPrefix(path, module+"/") {
				t.Errorf("cmd/espalier is linked with %s: %s", path, reason)
			}
		}
	}
}

func TestPackagesHaveADocAndAName(t *testing.T) {
	t.Parallel()
	banned := []string{"util", "utils", "common", "models", "helpers", "pkg", "misc", "shared"}
	for _, p := range packages(t) {
		if slices.Contains(banned, p.Name) {
			t.Errorf("%s: %s says nothing of what is inside", p.ImportPath, p.Name)
		}
		if !documented(t, p) {
			t.Errorf("%s has no doc comment", p.ImportPath)
		}
	}
}

func documented(t *testing.T, p pkg) bool {
	for _, f := range p.GoFiles {
		file, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc != nil {
			return true
		}
	}
	return false
}
