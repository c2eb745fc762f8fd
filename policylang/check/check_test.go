package check_test

import (
	"slices"
	"strings"
	"testing"

	"espalier.dev/policylang/check"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// What every template needs; a chunk gets those that it does not hold itself, behind its last line.
var needed = []string{
	`name "n"`,
	`rs_pt_ver 20180301`,
	`short_description "s"`,
	"datasource \"ds_needed\" do\n request do\n host \"h\"\n end\nend",
	"policy \"needed\" do\n validate $ds_needed do\n summary_template \"\"\n detail_template \"\"\n check false\n end\nend",
}

func complete(text string) string {
	for _, n := range needed {
		word, _, _ := strings.Cut(n, " ")
		if word == "datasource" || !strings.Contains("\n"+text, "\n"+word+" ") {
			text += "\n" + n
		}
	}
	return text + "\n"
}

func TestErrors(t *testing.T) {
	t.Parallel()
	langtest.Chunks(t, "testdata/*.pt", func(f *source.File) []source.Diagnostic {
		if !strings.HasPrefix(f.Text, "# whole") {
			f = source.NewFile(f.Name, []byte(complete(f.Text)))
		}
		tree, ds := syntax.Parse(f)
		tmpl, names := resolve.Resolve(tree)
		ds = append(append(ds, names...), check.Check(tmpl)...)
		return slices.DeleteFunc(ds, func(d source.Diagnostic) bool { return d.Code == "unused" })
	})
}
