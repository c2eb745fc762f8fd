package script_test

import (
	"testing"

	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// unread are the scripts of the public templates that can't be read, as template: script. The list may only shrink.
var unread = []string{}

// Every script of the public templates can be read.
func TestCorpusScripts(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, name := range unread {
		known[name] = true
	}
	count, good := 0, 0
	for _, tt := range langtest.Corpus(t) {
		tree, _ := syntax.Parse(source.NewFile(tt.Name, tt.Text))
		for name, code := range scripts(tree) {
			count++
			err := script.Parse(code)
			if err == nil {
				good++
			}
			if id := tt.Name + ": " + name; (err != nil) != known[id] {
				t.Errorf("%s: got %v, listed as unread: %v", id, err, known[id])
			}
		}
	}
	t.Logf("%d of %d scripts can be read", good, count)
}

// scripts are the sources of a template's scripts by name.
func scripts(tree *syntax.File) map[string]string {
	out := make(map[string]string)
	for _, item := range tree.Items {
		s, ok := item.(*syntax.Statement)
		if !ok || s.Keyword.Name != "script" {
			continue
		}
		if code := s.Find("code"); code != nil {
			if text, ok := code.Arg(0).(*syntax.String); ok {
				out[s.Name().Value] = text.Value
			}
		}
	}
	return out
}
