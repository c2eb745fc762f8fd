package filter_test

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"espalier.dev/filter"
)

func TestFold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
	}{
		{"capitals", "ACME Ltd.", "acme ltd."},
		{"sharp s", "Straße", "strasse"},
		{"capital sharp s", "STRAẞE", "strasse"},
		{"final sigma", "ΟΔΟΣ οδος", "οδοσ οδοσ"},
		{"accent apart", "E\u0301cole", "école"},
		{"accent in one", "ÉCOLE", "école"},
		{"Kelvin sign", "\u212a", "k"},
		{"dotted capital I", "İ", "i\u0307"},
		{"Cherokee small letter", "\uab70", "\u13a0"},
		{"Cherokee capital letter", "\u13a0", "\u13a0"},
		{"no case", "東京 42", "東京 42"},
	}
	for _, tt := range tests {
		if got := filter.Fold(tt.in); got != tt.want {
			t.Errorf("%s: Fold(%q): got %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestFoldOfEveryCharacter(t *testing.T) {
	t.Parallel()
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		once := filter.Fold(string(r))
		if twice := filter.Fold(once); twice != once {
			t.Errorf("Fold of %U: got %q, folded again %q, want the same", r, once, twice)
		}
	}
}

func TestFoldTwiceIsFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		once := filter.Fold(s)
		if twice := filter.Fold(once); twice != once {
			t.Fatalf("Fold(%q): got %q, folded again %q", s, once, twice)
		}
	})
}
