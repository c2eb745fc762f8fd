package filter

import (
	"fmt"
	"strings"
)

// SyntaxError says where a filter is wrong and what would be right. It may be shown to whoever wrote the filter.
type SyntaxError struct {
	Pos int // in characters, from 1; one beyond the last when something is missing at the end
	Msg string
}

// Error is Message of the member filter.
func (e *SyntaxError) Error() string { return e.Message("filter") }

// Message is the text for an errs.Invalid about the member that held the filter:
//
//	filter: character 6: EQ is no operator; operators are written in small letters: eq
func (e *SyntaxError) Message(member string) string {
	return fmt.Sprintf("%s: character %d: %s", member, e.Pos, e.Msg)
}

func errorAt(pos int, format string, args ...any) error {
	return &SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}

// choice lists words for a sentence: "a", "a or b", "a, b or c".
func choice(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// nearest returns the word most like the one asked for, "" if none is within two edits and half its length.
func nearest(asked string, words []string) string {
	best, least := "", min(2, len(asked)/2)+1
	for _, w := range words {
		if d := edits(Fold(asked), Fold(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// edits counts the letters to insert, remove or exchange that make a into b, a swap of neighbours counting as one.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	table := make([][]int, len(x)+1) // table[i][j]: from the first i of x to the first j of y
	for i := range table {
		table[i] = make([]int, len(y)+1)
		for j := range table[i] {
			if i == 0 || j == 0 {
				table[i][j] = i + j
				continue
			}
			d := table[i-1][j-1]
			if x[i-1] != y[j-1] {
				d++
			}
			table[i][j] = min(d, table[i-1][j]+1, table[i][j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				table[i][j] = min(table[i][j], table[i-2][j-2]+1)
			}
		}
	}
	return table[len(x)][len(y)]
}
