package resolve_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

func TestNames(t *testing.T) {
	t.Parallel()
	langtest.Chunks(t, "testdata/*.pt", func(f *source.File) []source.Diagnostic {
		tree, ds := syntax.Parse(f)
		_, more := resolve.Resolve(tree)
		return append(ds, more...)
	})
}

func TestReads(t *testing.T) {
	t.Parallel()
	tree, _ := syntax.Parse(source.NewFile("x.pt", []byte(`
datasource "a" do
  iterate $c
  run_script $js, $b, $c
end
datasource "b" do
end
datasource "c" do
end
`)))
	tmpl, _ := resolve.Resolve(tree)
	var got []string
	for _, d := range tmpl.Reads(tmpl.Named("a")) {
		got = append(got, d.Name)
	}
	if diff := cmp.Diff(got, []string{"c", "b"}); diff != "" {
		t.Error(diff)
	}
	if d := tmpl.Named("b"); d == nil || d.Kind != resolve.Datasource {
		t.Errorf("Named(b) = %v", d)
	}
}
