package source

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity tells whether a template with this diagnostic may be used.
type Severity int

// The severities. The zero value is an error: forgetting to say is the safe way round.
const (
	Error   Severity = iota // the template is refused
	Warning                 // it runs, perhaps not as its author meant
)

// String is the word for a severity.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText writes the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Severity) UnmarshalText(text []byte) error {
	switch string(text) {
	case "error":
		*s = Error
	case "warning":
		*s = Warning
	default:
		return fmt.Errorf("severity %q: expected error or warning", text)
	}
	return nil
}

// Diagnostic is one thing to say about a file.
type Diagnostic struct {
	File     *File
	Span     Span // what it is about
	Severity Severity
	// Code names the rule, for programs and for searching: lower case words with hyphens. It never changes its meaning.
	Code string
	// Message is one sentence without a full stop, understood without the source at hand.
	Message string
	// Expected lists what would have been right here, "" where the message says it all.
	Expected string
	// Suggestion is the one word or text that was probably meant, "" if none is near.
	Suggestion string
}

// Sort orders diagnostics by file, place, severity and message, and drops repetitions.
func Sort(list []Diagnostic) []Diagnostic {
	slices.SortStableFunc(list, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File.Name, b.File.Name),
			cmp.Compare(a.Span.Start, b.Span.Start),
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.CompactFunc(list, func(a, b Diagnostic) bool {
		return a.File.Name == b.File.Name && a.Span == b.Span && a.Code == b.Code && a.Message == b.Message
	})
}

// Errors counts the diagnostics that refuse the template.
func Errors(list []Diagnostic) int {
	n := 0
	for _, d := range list {
		if d.Severity == Error {
			n++
		}
	}
	return n
}
