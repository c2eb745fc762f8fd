package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command finds the command lines of the handbook: what follows espalier up to a comment or another program.
var command = regexp.MustCompile(`(?m)^(?:ExecStart=/usr/local/bin/|podman exec NAME /)?espalier ([^|>#\n]*)`)

// The command lines in the handbook are ones that the program takes.
func TestHandbookCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := command.FindAllStringSubmatch(string(text), -1)
	if len(found) < 10 {
		t.Fatalf("found %d command lines in the handbook", len(found))
	}
	for _, m := range found {
		var out bytes.Buffer
		parser, err := newParser(newShell(nil, strings.NewReader(""), &out, &out))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(words(m[1])); err != nil {
			t.Errorf("espalier %s: %v", m[1], err)
		}
	}
}

// words splits a command line at spaces outside of double quotes.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}
