package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is how two texts are made alike that differ in letter case, or in how accents are put together, only: Unicode's
// full case folding between normalizations, so that STRASSE, straße and Straße are one. Every folded column is filled by
// it. Fold(Fold(s)) is Fold(s). Source: The Unicode Standard, section 3.13, D145, composed at the end to keep it short
// and so that a bare e is not found in é.
func Fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	folded := cases.Fold().String(norm.NFD.String(s)) // a Caser has state: one per call
	return norm.NFC.String(strings.Map(foldCherokee, folded))
}

// foldCherokee makes capitals of Cherokee letters. Theirs is the one script that folds to capitals; x/text exchanges its
// letters instead, golang/go#46101.
func foldCherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}

// containsFold is strings.Contains(Fold(s), folded) that allocates only beyond ASCII.
func containsFold(s, folded string) bool {
	if !isASCII(s) {
		return strings.Contains(Fold(s), folded)
	}
	for len(s) >= len(folded) {
		if hasPrefixLower(s, folded) {
			return true // at once for an empty one
		}
		s = s[1:]
	}
	return false
}

// equalFold is Fold(s) == folded that allocates only beyond ASCII.
func equalFold(s, folded string) bool {
	if !isASCII(s) {
		return Fold(s) == folded
	}
	return len(s) == len(folded) && hasPrefixLower(s, folded)
}

// hasPrefixLower reports whether s, which is ASCII and no shorter than folded, begins with it once in lower case.
func hasPrefixLower(s, folded string) bool {
	for i := range len(folded) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != folded[i] {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
