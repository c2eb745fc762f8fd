package source

import (
	"slices"
	"strings"
)

// longest is how long a word may be to be a misspelling; comparing takes the square of it.
const longest = 80

// Nearest is the candidate that a misspelt word most likely meant, "" if none is near: at most one edit for three
// letters and less, two up to seven, three beyond. Swapping neighbours is one edit. Of equals the first in order wins.
func Nearest(word string, candidates []string) string {
	limit := 3
	switch n := len(word); {
	case n <= 3:
		limit = 1
	case n <= 7:
		limit = 2
	}
	if len(word) > longest {
		return ""
	}
	best, found := limit+1, ""
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c == word || len(c)-len(word) >= best || len(word)-len(c) >= best {
			continue
		}
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < best && d < len(c) {
			best, found = d, c
		}
	}
	return found
}

// distance counts the edits between two short words: insert, delete, replace, swap neighbours.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
