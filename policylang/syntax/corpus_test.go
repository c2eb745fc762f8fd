package syntax_test

import (
	"strings"
	"testing"

	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// Every public template parses, and what Print makes of it is the same template.
func TestCorpus(t *testing.T) {
	t.Parallel()
	good := 0
	list := langtest.Corpus(t)
	for _, tt := range list {
		f, ds := syntax.Parse(source.NewFile(tt.Name, tt.Text))
		for _, d := range ds {
			var b strings.Builder
			source.Write(&b, d)
			t.Error(b.String())
		}
		if len(ds) == 0 {
			good++
		}
		roundTrip(t, f)
	}
	t.Logf("%d of %d templates parse", good, len(list))
}

// roundTrip prints a tree, parses what was printed and compares.
func roundTrip(t *testing.T, f *syntax.File) {
	t.Helper()
	text := syntax.Print(f)
	again, ds := syntax.Parse(source.NewFile(f.Source.Name, []byte(text)))
	if len(ds) > 0 {
		t.Fatalf("%s: printed, it has %d diagnostics, first at %s: %s\n%s", f.Source.Name, len(ds), again.Source.Position(ds[0].Span.Start), ds[0].Message, clip(text))
	}
	if got, want := syntax.Dump(again), syntax.Dump(f); got != want {
		t.Fatalf("%s: printed and parsed, the tree differs from\n%s\nit is\n%s\nof\n%s", f.Source.Name, clip(want), clip(got), clip(text))
	}
	if got, want := comments(again), comments(f); got != want {
		t.Fatalf("%s: printed and parsed, the comments are %q, want %q", f.Source.Name, clip(got), clip(want))
	}
	if twice := syntax.Print(again); twice != text {
		t.Fatalf("%s: printed twice, it changes:\n%s\nthen\n%s", f.Source.Name, clip(text), clip(twice))
	}
}

func comments(f *syntax.File) string {
	var b strings.Builder
	for _, c := range f.Comments {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

func clip(s string) string {
	if len(s) > 3000 {
		return s[:3000] + "..."
	}
	return s
}
