package syntax_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("%s: got (-) want (+):\n%s", path, diff)
	}
}

func TestTrees(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/trees/*.pt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, ds := syntax.Parse(source.NewFile(path, text))
		for _, d := range ds {
			t.Errorf("%s: %s", f.Source.Position(d.Span.Start), d.Message)
		}
		base := strings.TrimSuffix(path, ".pt")
		golden(t, base+".tree", syntax.Dump(f))
		golden(t, base+".printed", syntax.Print(f))
		roundTrip(t, f)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	langtest.Chunks(t, "testdata/errors/*.pt", func(f *source.File) []source.Diagnostic {
		_, ds := syntax.Parse(f)
		return ds
	})
}

func TestNotText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"latin 1": "name \"M\xfcnchen\"\n", "NUL": "name\x00"} {
		if _, ds := syntax.Parse(source.NewFile("x.pt", []byte(text))); len(ds) != 1 || ds[0].Code != "not-text" {
			t.Errorf("%s: got %v, want one not-text", name, ds)
		}
	}
}

// Whatever is given, it takes no more than a second for 100 KB.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"[", "(", "{ a: ", "a(", "-", "a do\n", "end\n", "\"", "'\n", "<<-A\n", "<<-A, ", "/", "1 + ", "define a\n", "define a($", "{", "a, ", "$", "\xc2\xa7", "if\n", "#\n", "a [\n",
		"a <<-A\nend\n", `\"` + "\n", "define a /\\/", "/[/", " define a\n if\nend\n", "define a($b)\nif (\nend\n", "a \"\n\"a\n", "request\n\n"} {
		text := strings.Repeat(unit, 100_000/len(unit))
		start := time.Now()
		f, ds := syntax.Parse(source.NewFile("x.pt", []byte(text)))
		if took := time.Since(start); took > time.Second {
			t.Errorf("100 KB of %q took %v", unit, took)
		}
		if len(ds) > 100 {
			t.Errorf("100 KB of %q: %d diagnostics", unit, len(ds))
		}
		f.Inspect(func(syntax.Node) bool { return true })
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/trees/*.pt", "testdata/errors/*.pt"} {
		files, _ := filepath.Glob(pattern)
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			for _, chunk := range strings.Split(string(text), "\n---\n") {
				f.Add(chunk)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, ds := syntax.Parse(source.NewFile("x.pt", []byte(text)))
		file.Inspect(func(n syntax.Node) bool {
			if s := n.Pos(); s.Start < 0 || s.Start > s.End || s.End > len(file.Source.Text) {
				t.Fatalf("%T has the span %v", n, s)
			}
			return true
		})
		for _, d := range ds {
			file.Source.Position(d.Span.Start)
		}
		if len(ds) == 0 {
			roundTrip(t, file)
		}
	})
}
