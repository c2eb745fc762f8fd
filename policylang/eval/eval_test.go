package eval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"espalier.dev/policylang/check"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/replay"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

var update = flag.Bool("update", false, "rewrite what the evaluations of testdata give")

var engine script.Local

// now is when recorded worlds are.
var now = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

var words = eval.Words{
	OrgID: 7000000001, OrgName: "Acme", ProjectID: 42, ProjectName: "Main", PolicyID: "pol-1",
	Hosts: map[string]string{"rs_optima_host": "optima.example.com", "rs_governance_host": "governance.example.com", "f1_app_host": "app.example.com"},
}

// compile makes a program of a template, whose head is filled in if it has none.
func compile(t testing.TB, text string) *eval.Program {
	t.Helper()
	if !strings.Contains(text, "rs_pt_ver") {
		text += "\nname \"t\"\nrs_pt_ver 20180301\nshort_description \"\"\n"
	}
	tree, wrong := syntax.Parse(source.NewFile("t.pt", []byte(text)))
	tmpl, names := resolve.Resolve(tree)
	wrong = append(append(wrong, names...), check.Check(tmpl)...)
	for _, d := range wrong {
		if d.Severity == source.Error {
			t.Fatalf("line %d: %s", d.File.LineOf(d.Span.Start), d.Message)
		}
	}
	p, err := eval.Compile(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTemplates evaluates the templates of testdata in their recorded worlds. The files template.pt and exchanges.json are
// given, options.json and retrieve may be; want.json and want.md are what comes out.
func TestTemplates(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := evaluate(t, a)
			for i := range 3 {
				if again := evaluate(t, a); again["want.json"] != got["want.json"] || again["want.md"] != got["want.md"] {
					t.Errorf("evaluation %d gives something else:\n%s", i+2, cmp.Diff(got, again))
				}
			}
			compare(t, name, a, got)
		})
	}
}

func evaluate(t *testing.T, a *txtar.Archive) map[string]string {
	world := replay.World{Now: now}
	in := eval.Input{Words: words, Options: make(map[string]value.Value)}
	retrieve := false
	var p *eval.Program
	for _, f := range a.Files {
		var err error
		switch f.Name {
		case "template.pt":
			p = compile(t, string(f.Data))
		case "exchanges.json":
			world.Exchanges, err = replay.Exchanges(f.Data)
		case "options.json":
			var v value.Value
			if v, err = value.Decode(f.Data); err == nil {
				for name, option := range v.(*value.Map).All() {
					in.Options[name] = option
				}
			}
		case "retrieve":
			retrieve = true
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	host := replay.NewHost(world, engine)
	var res eval.Result
	if retrieve {
		res = p.Retrieve(context.Background(), host, in)
	} else {
		res = p.Evaluate(context.Background(), host, in)
	}
	if err := host.Complaint(); err != nil {
		t.Error(err)
	}
	if host.Logged() != res.Log {
		t.Errorf("the host got another log:\n%s", cmp.Diff(res.Log, host.Logged()))
	}
	log := res.Log
	res.Log = ""
	return map[string]string{"want.json": indented(t, res), "want.md": log}
}

func indented(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func compare(t *testing.T, name string, a *txtar.Archive, got map[string]string) {
	t.Helper()
	seen := 0
	for i, f := range a.Files {
		text, ok := got[f.Name]
		if !ok {
			continue
		}
		seen++
		if *update {
			a.Files[i].Data = []byte(text)
		} else if diff := cmp.Diff(text, string(f.Data)); diff != "" {
			t.Errorf("%s (-got +want):\n%s", f.Name, diff)
		}
	}
	if !*update {
		if seen != len(got) {
			t.Errorf("%s holds %d of %d results: run with -update", name, seen, len(got))
		}
		return
	}
	for _, want := range []string{"want.json", "want.md"} {
		if seen == 0 {
			a.Files = append(a.Files, txtar.File{Name: want, Data: []byte(got[want])})
		}
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
