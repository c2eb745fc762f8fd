package policylang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/source"
)

func lines(ds []source.Diagnostic) []string {
	var list []string
	for _, d := range ds {
		list = append(list, d.File.Position(d.Span.Start).String()+" "+langtest.Line(d))
	}
	return list
}

// Templates that use the language as it is meant have no errors, and no warnings either.
func TestGood(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/good/*.pt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(policylang.Check(path, text)); len(got) > 0 {
			t.Errorf("%s:\n%s", path, strings.Join(got, "\n"))
		}
	}
}

const broken = `name "Broken"
rs_pt_ver 20180301
short_description "five mistakes"
%s "ds_a" do
  request do
    auth auth_a
    path "/"
  end
end
datasource "ds_b" do
  run_script $js_a, $ds_a, $nothing
end
datasource "ds_c" do
end
script "js_a", type: "javascript" do
  parameters "a", "b"
  result "r"
  code "r = a"
end
policy "p" do
  validate $ds_b do
    summary_template "x"
    detail_template "x"
    check eq(0, 1)
    escalate $esc
  end
end
`

// A misspelt block has one error of its own and does not hide what is wrong in it.
func TestMistakesAreToldTogether(t *testing.T) {
	t.Parallel()
	want := []string{
		"5:3 request has neither host nor run_script",
		"6:10 auth_a is no word of the language",
		"11:28 $nothing is not declared",
		"13:1 datasource ds_c has none of request, run_script and field",
		"25:14 $esc is not declared",
	}
	errors := func(word string) []string {
		var list []source.Diagnostic
		for _, d := range policylang.Check("x.pt", []byte(strings.Replace(broken, "%s", word, 1))) {
			if d.Severity == source.Error {
				list = append(list, d)
			}
		}
		return lines(list)
	}
	if diff := cmp.Diff(errors("datasource"), want); diff != "" {
		t.Errorf("got (-) want (+):\n%s", diff)
	}
	want = append([]string{"4:1 datasuorce is no statement of the template (did you mean datasource)"}, want...)
	if diff := cmp.Diff(errors("datasuorce"), want); diff != "" {
		t.Errorf("misspelt: got (-) want (+):\n%s", diff)
	}
}

// A mistake of syntax does not bring complaints about what it made unreadable, nor hide the others.
func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	langtest.Chunks(t, "testdata/errors/*.pt", func(f *source.File) []source.Diagnostic {
		return policylang.Check(f.Name, []byte(f.Text))
	})
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{
		"datasource \"a\" do\n run_script $b\nend\n", "parameter \"x\" do\nend\n", "xyzzy \"a\" do\n", "name foo(foo(", "a $bcdefgh\n",
		"datasource \"a%d\" do\n run_script $zzzz\nend\n", "define a%d\nend\n", "escalation \"a%d\" do\n run \"zzz\"\nend\n", "a [1, ",
		"escalation \"e\" do\n request_approval do\n", "request_approval do\n",
	} {
		var b strings.Builder
		for i := 0; b.Len() < 100_000; i++ {
			b.WriteString(strings.Replace(unit, "%d", strings.Repeat("i", i%17)+string(rune('a'+i%26)), 1))
		}
		start := time.Now()
		policylang.Check("x.pt", []byte(b.String()))
		if took := time.Since(start); took > time.Second {
			t.Errorf("100 KB of %q took %v", unit, took)
		}
	}
}

// Texts in other languages, whose parsers are not ours, keep the bound too.
func TestHostileLiterals(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"(", "[", "a[", "!", "a.", "a|", "{a:", "//", "a/", "[*]", "-", "[?a", "if ", "{{", "{{if (", "{{with a}}", "(?:", "a{9}", "try ", "reduce ", ".[", "not(", "@", "'", "`"} {
		body := strings.Repeat(unit, 30_000/len(unit))
		template := "datasource \"a\" do\n request do\n host \"x\"\n end\n result do\n" +
			" field \"a\", jmes_path(response, \"" + body + "\")\n field \"b\", jq(response, \"" + body + "\")\n field \"c\", xpath(response, \"" + body + "\")\n" +
			" field \"d\", split(response, /" + body + "/)\n end\nend\npolicy \"p\" do\n validate $a do\n summary_template \"" + body + "\"\n end\nend\n"
		start := time.Now()
		policylang.Check("x.pt", []byte(template))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("30 KB of %q took %v", unit, took)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.pt", "check/testdata/*.pt", "resolve/testdata/*.pt", "syntax/testdata/errors/*.pt"} {
		files, _ := filepath.Glob(pattern)
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, d := range policylang.Check("x.pt", text) {
			var b strings.Builder
			if err := source.Write(&b, d); err != nil {
				t.Fatal(err)
			}
			if _, err := d.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
