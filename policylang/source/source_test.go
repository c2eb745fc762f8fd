package source

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPositions(t *testing.T) {
	t.Parallel()
	f := NewFile("a.pt", []byte("\ufeffone\r\ntwo äöü x\rthree"))
	if want := "one\ntwo äöü x\nthree"; f.Text != want {
		t.Fatalf("Text = %q, want %q", f.Text, want)
	}
	for _, tt := range []struct {
		at   string
		want Position
	}{
		{"one", Position{1, 1}}, {"\ntwo", Position{1, 4}}, {"two", Position{2, 1}}, {"x", Position{2, 9}}, {"three", Position{3, 1}},
	} {
		offset := strings.Index(f.Text, tt.at)
		if got := f.Position(offset); got != tt.want {
			t.Errorf("Position(%q) = %v, want %v", tt.at, got, tt.want)
		}
		if got := f.Offset(tt.want); got != offset {
			t.Errorf("Offset(%v) = %d, want %d", tt.want, got, offset)
		}
	}
	if got := f.Position(999); got != (Position{3, 6}) {
		t.Errorf("Position beyond the text = %v, want 3:6", got)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100) + " here " + strings.Repeat("b", 100)
	for _, tt := range []struct {
		name, text, at string
		d              Diagnostic
		want           string
	}{
		{"suggestion", "x\n\thots \"a\"\n", "hots", Diagnostic{Message: `"hots" is no statement of request`, Suggestion: "host", Expected: "not shown"},
			"a.pt:2:2: \"hots\" is no statement of request\n  \thots \"a\"\n  \t^^^^\n  did you mean host?\n"},
		{"warning, expected", "x 5\n", "5", Diagnostic{Severity: Warning, Message: "m", Expected: "a string"},
			"a.pt:1:3: warning: m\n  x 5\n    ^\n  expected a string\n"},
		{"control characters", "x \x1b[31m\n", "x", Diagnostic{Message: "m\x07"},
			"a.pt:1:1: m\ufffd\n  x \ufffd[31m\n  ^\n"},
		{"long line", long, "here", Diagnostic{Message: "m"},
			"a.pt:1:102: m\n  …" + strings.Repeat("a", 39) + " here " + strings.Repeat("b", 75) + "…\n  " + strings.Repeat(" ", 41) + "^^^^\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.d.File = NewFile("a.pt", []byte(tt.text))
			start := strings.Index(tt.text, tt.at)
			tt.d.Span = Span{start, start + len(tt.at)}
			var b strings.Builder
			if err := Write(&b, tt.d); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(b.String(), tt.want); diff != "" {
				t.Errorf("got (-) want (+):\n%s", diff)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	f := NewFile("a.pt", []byte("one\ntwo"))
	d := Diagnostic{File: f, Span: Span{4, 7}, Severity: Warning, Code: "c", Message: "m", Suggestion: "s"}
	got, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"file":"a.pt","start":{"line":2,"column":1},"end":{"line":2,"column":4},"severity":"warning","code":"c","message":"m","suggestion":"s"}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSARIF(t *testing.T) {
	t.Parallel()
	f := NewFile("a.pt", []byte("one\ntwo"))
	var b strings.Builder
	if err := WriteSARIF(&b, "espalier", "1", []Diagnostic{
		{File: f, Span: Span{0, 3}, Code: "c", Message: "m", Expected: "e"},
		{File: f, Span: Span{4, 7}, Code: "d", Severity: Warning, Message: "n"},
		{File: f, Span: Span{5, 7}, Code: "c", Message: "o"},
	}); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(b.String()), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Tool.Driver.Rules) != 2 || run.Results[2].RuleIndex != 0 || run.Results[1].Level != Warning || run.Results[0].Message.Text != "m; expected e" {
		t.Errorf("SARIF run = %+v", run)
	}
	if got, want := run.Results[1].Locations[0].Physical.Region, (sarifRegion{2, 1, 2, 4}); got != want {
		t.Errorf("region = %v, want %v", got, want)
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	a, b := NewFile("a", []byte("12345")), NewFile("b", nil)
	d := func(f *File, at int, s Severity, m string) Diagnostic {
		return Diagnostic{File: f, Span: Span{at, at}, Severity: s, Message: m}
	}
	var got []string
	for _, d := range Sort([]Diagnostic{d(b, 0, Error, "5"), d(a, 3, Error, "4"), d(a, 1, Warning, "3"), d(a, 1, Error, "2"), d(a, 0, Error, "1"), d(a, 0, Error, "1")}) {
		got = append(got, d.Message)
	}
	if diff := cmp.Diff(got, []string{"1", "2", "3", "4", "5"}); diff != "" {
		t.Error(diff)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"host", "header", "path", "parameter", "datasource", "to_n"}
	for word, want := range map[string]string{
		"hots": "host", "Host": "host", "heaer": "header", "datasorce": "datasource", "paramters": "parameter", "xyz": "", "zebra": "", "to_m": "to_n", "h": "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
