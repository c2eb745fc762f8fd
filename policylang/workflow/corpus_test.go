package workflow

import (
	"strings"
	"testing"

	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/source"
)

// corpusFiles are the published templates. They are not ours to commit.
func corpusFiles(t *testing.T) []*source.File {
	t.Helper()
	var files []*source.File
	for _, template := range langtest.Corpus(t) {
		files = append(files, source.NewFile(template.Name, template.Text))
	}
	return files
}

// defines yields the offset of every define at the start of a line.
func defines(f *source.File, yield func(offset int)) {
	for at := 0; at < len(f.Text); {
		if strings.HasPrefix(f.Text[at:], "define ") {
			yield(at)
		}
		next := strings.IndexByte(f.Text[at:], '\n')
		if next < 0 {
			return
		}
		at += next + 1
	}
}

func TestCorpusParsesAndRoundTrips(t *testing.T) {
	t.Parallel()
	definitions, faulty, seen := 0, 0, map[string]bool{}
	for _, f := range corpusFiles(t) {
		var defs []*Definition
		defines(f, func(at int) {
			d, end, diags := ParseDefinition(f, at)
			definitions++
			if want := at + strings.Index(f.Text[at:], "\nend") + len("\nend"); end != want {
				t.Errorf("%s: define %s ends at %s, want %s", f.Name, d.Name, f.Position(end), f.Position(want))
			}
			for _, diag := range diags {
				t.Errorf("%s:%s: %s, expected %s", f.Name, f.Position(diag.Span.Start), diag.Message, diag.Expected)
			}
			faulty += min(len(diags), 1)
			if text := f.Text[at:end]; !seen[text] { // most are copies of others
				seen[text] = true
				defs = append(defs, d)
			}
		})
		roundTrip(t, f, defs)
	}
	t.Logf("%d of %d definitions parse", definitions-faulty, definitions)
}

// roundTrip checks that what is printed parses to the same trees, with as many comments, and prints the same again.
func roundTrip(t *testing.T, f *source.File, defs []*Definition) {
	t.Helper()
	printed := source.NewFile(f.Name, []byte(Print(f, defs...)))
	again, diags := Parse(printed)
	if len(diags) > 0 {
		t.Errorf("%s: printed text: %s at %s in\n%s", f.Name, diags[0].Message, printed.Position(diags[0].Span.Start), printed.Text)
		return
	}
	if d := treeDiff(defs, again); d != "" {
		t.Errorf("%s: printed text is another program:\n%s", f.Name, d)
	}
	if twice := Print(printed, again...); twice != printed.Text {
		t.Errorf("%s: printing twice differs:\n%s", f.Name, textDiff(printed.Text, twice))
	}
}

func TestCorpusChecksAndCompiles(t *testing.T) {
	t.Parallel()
	definitions, warnings := 0, map[string]int{}
	for _, f := range corpusFiles(t) {
		var defs []*Definition
		defines(f, func(at int) {
			d, _, _ := ParseDefinition(f, at)
			defs = append(defs, d)
		})
		definitions += len(defs)
		Compile(f, defs)
		for _, d := range Check(f, defs, Context{}) {
			warnings[d.Code]++
			if d.Severity == source.Error {
				t.Errorf("%s:%s: %s", f.Name, f.Position(d.Span.Start), d.Message)
			}
		}
	}
	t.Logf("%d definitions check, with warnings %v", definitions, warnings)
}
