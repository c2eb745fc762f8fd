package eval_test

import (
	"testing"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// Every public template becomes a program.
func TestCorpusCompiles(t *testing.T) {
	t.Parallel()
	for _, f := range langtest.Corpus(t) {
		tree, _ := syntax.Parse(source.NewFile(f.Name, f.Text))
		tmpl, _ := resolve.Resolve(tree)
		if _, err := eval.Compile(tmpl); err != nil {
			t.Error(err)
		}
	}
}
