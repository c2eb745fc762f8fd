package filter_test

import (
	"os"
	"strings"
	"testing"

	"espalier.dev/filter"
)

// TestHandbook parses every example of the handbook's page and compares every error that it shows.
func TestHandbook(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/filters.md")
	if err != nil {
		t.Fatalf("read the page: %v", err)
	}
	examples, refused := blocks(string(page), "filter"), blocks(string(page), "filter-error")
	if len(examples) < 10 || len(refused) < 2 || len(refused)%2 != 0 {
		t.Fatalf("the page has %d examples and %d lines of errors, want at least 10 and pairs", len(examples), len(refused))
	}
	for _, text := range examples {
		if _, err := filter.Parse(text, everything); err != nil {
			t.Errorf("Parse(%s): got %v, want none", text, err)
		}
	}
	for i := 0; i < len(refused); i += 2 {
		if _, err := filter.Parse(refused[i], customers); err == nil || err.Error() != refused[i+1] {
			t.Errorf("Parse(%s): got %v, want %s", refused[i], err, refused[i+1])
		}
	}
}

// blocks returns the lines of the page's fenced blocks of a language.
func blocks(page, language string) (lines []string) {
	_, rest, found := strings.Cut(page, "```"+language+"\n")
	for found {
		var block string
		block, rest, _ = strings.Cut(rest, "```")
		lines = append(lines, strings.Split(strings.TrimSpace(block), "\n")...)
		_, rest, found = strings.Cut(rest, "```"+language+"\n")
	}
	return lines
}
