package term_test

import (
	"testing"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// TestCorpusExpressionsCompile reads every expression of the public templates that is written out.
func TestCorpusExpressionsCompile(t *testing.T) {
	t.Parallel()
	checks := map[string]func(string) error{"jmes_path": extract.CheckJMESPath, "jq": extract.CheckJQ, "xpath": extract.CheckXPath}
	uses := map[string]int{}
	for _, tpl := range langtest.Corpus(t) {
		f, _ := syntax.Parse(source.NewFile(tpl.Name, tpl.Text))
		f.Inspect(func(n syntax.Node) bool {
			c, ok := n.(*syntax.Call)
			if !ok || checks[c.Name.Name] == nil || len(c.Args) < 2 {
				return true
			}
			text, ok := c.Args[1].(*syntax.String)
			if !ok {
				return true
			}
			uses[c.Name.Name]++
			if err := checks[c.Name.Name](text.Value); err != nil {
				t.Errorf("%s:%v: %s %q: %v", tpl.Name, f.Source.Position(text.Span.Start), c.Name.Name, text.Value, err)
			}
			return true
		})
	}
	// The counts of the revision that the reference was made from; a later one may have more.
	for name, least := range map[string]int{"jmes_path": 17_509, "jq": 1_696, "xpath": 969} {
		if uses[name] < least {
			t.Errorf("%s: the corpus has %d uses, expected %d at least", name, uses[name], least)
		}
	}
}
