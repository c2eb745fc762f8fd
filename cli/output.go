package cli

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"
)

// jsonOutput is the flag of every verb that prints something a program may want.
type jsonOutput struct {
	JSON bool `name:"json" help:"Print JSON for programs instead of text for people."`
}

// printJSON prints a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printable replaces what would move a terminal's cursor or change its colors: names come from other people, and
// a server may be anyone's. Line breaks are kept where lines is set.
func printable(s string, lines bool) string {
	return strings.Map(func(r rune) rune {
		if lines && (r == '\n' || r == '\t') {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
