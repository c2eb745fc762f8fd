package policylang_test

import (
	"strings"
	"testing"

	"espalier.dev/policylang"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/source"
)

// Every public template is accepted.
func TestCorpus(t *testing.T) {
	t.Parallel()
	good, warnings := 0, make(map[string]int)
	list := langtest.Corpus(t)
	for _, tt := range list {
		ds := policylang.Check(tt.Name, tt.Text)
		if source.Errors(ds) == 0 {
			good++
		}
		for _, d := range ds {
			if d.Severity == source.Warning {
				warnings[d.Code]++
				continue
			}
			var b strings.Builder
			if err := source.Write(&b, d); err != nil {
				t.Fatal(err)
			}
			t.Error(b.String())
		}
	}
	t.Logf("%d of %d templates are accepted; warnings: %v", good, len(list), warnings)
}
