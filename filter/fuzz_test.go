package filter_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"espalier.dev/filter"
)

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "name co 'acme' and not (tags has 'tier:gold' or count in [1, -2])",
		`createdAt ge "2026-11-25T08:00:00.5+02:00" and dryRun eq true`,
		"label.cost:centre ne 'O''Brien' or createdBy.email eq '\u0130'",
		"((name eq 'a'", "name eq 'a\x00'", "name eq 'a\xff'",
	} {
		f.Add(text)
	}
	const maxLength = 4096 // printing may make a filter longer than Parse takes
	f.Fuzz(func(t *testing.T, text string) {
		first, err := filter.Parse(text, everything)
		if err != nil {
			at, ok := errors.AsType[*filter.SyntaxError](err)
			if !ok || at.Pos < 1 || at.Pos > utf8.RuneCountInString(text)+1 {
				t.Fatalf("Parse(%q): got %v, want a SyntaxError within the text", text, err)
			}
			return
		}
		first.Match(func(string) filter.Value { return filter.Value{} })
		var args []any
		first.SQL(columns, sqlite{}, &args)
		printed := first.String()
		if utf8.RuneCountInString(printed) > maxLength {
			return
		}
		second, err := filter.Parse(printed, everything)
		if err != nil {
			t.Fatalf("Parse(%q), printed from %q: %v", printed, text, err)
		}
		if second.String() != printed {
			t.Fatalf("printed again from %q: got %q, want %q", text, second, printed)
		}
	})
}
