package langtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"espalier.dev/policylang/source"
)

// Chunks runs check on each chunk of the files that match the pattern. Lines of --- part the chunks of a file. A line that
// must get diagnostics carries a regular expression for each, behind ###, which check does not see:
//
//	hots "x" ### "hots is no statement of request.*did you mean host"
//
// What is matched is [Line]. A diagnostic that no line asked for fails the test, as does one that did not come.
func Chunks(t *testing.T, pattern string, check func(f *source.File) []source.Diagnostic) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line := 1
		for _, chunk := range strings.Split(string(text), "\n---\n") {
			first := line
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(path), first), func(t *testing.T) {
				t.Parallel()
				runChunk(t, path, first, chunk, check)
			})
			line += strings.Count(chunk, "\n") + 2
		}
	}
}

// Line is a diagnostic as chunked files see it: "warning: m (did you mean x)" or "m (expected y)".
func Line(d source.Diagnostic) string {
	s := d.Message
	if d.Severity == source.Warning {
		s = "warning: " + s
	}
	if d.Suggestion != "" {
		return s + " (did you mean " + d.Suggestion + ")"
	}
	if d.Expected != "" {
		return s + " (expected " + d.Expected + ")"
	}
	return s
}

func runChunk(t *testing.T, path string, first int, chunk string, check func(f *source.File) []source.Diagnostic) {
	want := make(map[int][]string)
	lines := strings.Split(chunk, "\n")
	for i, line := range lines {
		code, expect, found := strings.Cut(line, "###")
		if !found {
			continue
		}
		lines[i] = strings.TrimRight(code, " ")
		want[i+1] = quoted(t, expect)
	}
	f := source.NewFile(path, []byte(strings.Join(lines, "\n")))
	for _, d := range check(f) {
		n := f.LineOf(d.Span.Start)
		if !take(t, want, n, Line(d)) {
			t.Errorf("%s:%d: not asked for: %s [%s]", path, first+n-1, Line(d), d.Code)
		}
	}
	for n, missing := range want {
		for _, m := range missing {
			t.Errorf("%s:%d: no diagnostic matches %q", path, first+n-1, m)
		}
	}
}

// take removes the expectation of a line that the text matches.
func take(t *testing.T, want map[int][]string, line int, text string) bool {
	for i, expr := range want[line] {
		ok, err := regexp.MatchString(expr, text)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			want[line] = append(want[line][:i], want[line][i+1:]...)
			return true
		}
	}
	return false
}

// quoted reads the strings "a" "b" of a line, with the escapes of Go.
func quoted(t *testing.T, s string) []string {
	var list []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			t.Fatalf("### %s: expected a quoted regular expression", s)
		}
		s = s[len(q):]
		text, _ := strconv.Unquote(q)
		list = append(list, text)
	}
	return list
}
