package source

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// widest is how many characters of a source line are shown; longer ones are cut around the caret.
const widest = 120

// Write prints a diagnostic for people: place and problem, the line, a caret, what was expected.
func Write(w io.Writer, d Diagnostic) error {
	var b strings.Builder
	at := d.File.Position(d.Span.Start)
	fmt.Fprintf(&b, "%s:%s: ", d.File.Name, at)
	if d.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(d.Message)
	b.WriteByte('\n')
	line, caret := excerpt(d.File.Line(at.Line), at.Column-1, width(d, at))
	fmt.Fprintf(&b, "  %s\n  %s\n", line, caret)
	if d.Suggestion != "" {
		fmt.Fprintf(&b, "  did you mean %s?\n", d.Suggestion)
	} else if d.Expected != "" {
		fmt.Fprintf(&b, "  expected %s\n", d.Expected)
	}
	_, err := io.WriteString(w, printable(b.String()))
	return err
}

// width is how many characters of the first line the span covers, at least one.
func width(d Diagnostic, at Position) int {
	lineEnd := d.File.LineStart(at.Line) + len(d.File.Line(at.Line))
	start := min(max(d.Span.Start, 0), len(d.File.Text))
	end := min(max(d.Span.End, start), max(lineEnd, start))
	return max(1, utf8.RuneCountInString(d.File.Text[start:end]))
}

// excerpt cuts a line to what fits, and makes the line of carets below it. Tabs stay tabs in both, so that they align.
func excerpt(line string, column, width int) (text, caret string) {
	runes := []rune(line)
	column = min(column, len(runes))
	from, to := 0, len(runes)
	if len(runes) > widest {
		from = max(0, min(column-widest/3, len(runes)-widest))
		to = from + widest
	}
	var pad strings.Builder
	text = string(runes[from:to])
	if from > 0 {
		text = "…" + text
		pad.WriteByte(' ')
	}
	if to < len(runes) {
		text += "…"
	}
	for _, r := range runes[from:column] {
		if r != '\t' {
			r = ' '
		}
		pad.WriteRune(r)
	}
	return text, pad.String() + strings.Repeat("^", max(1, min(width, to-column)))
}

// printable replaces what would move a terminal's cursor: a template may be anyone's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
