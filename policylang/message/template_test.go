package message_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/message"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

const rows = `[{"id":"a","n":1234567,"price":25.5,"big":12345678901234567890,"whole":3,"none":null},{"id":"b","n":2,"price":0.1}]`

func data(t testing.TB) *message.Data {
	t.Helper()
	v, err := value.Decode([]byte(rows))
	if err != nil {
		t.Fatal(err)
	}
	p := value.New()
	p.Set("param_mode", "strict")
	p.Set("param_days", value.Number("30"))
	return message.NewData(v, p, map[string]value.Value{"rs_org_id": value.Int(1000000), "rs_project_name": "Blue", "policy_id": "hidden"})
}

func TestExecute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"text alone", "plain & <b>", "plain & <b>"},
		{"count", "{{ len data }} rows", "2 rows"},
		{"range and dot", "{{ range data }}{{ .id }};{{ end }}", "a;b;"},
		{"first row", "{{ with index data 0 }}{{ .id }}{{ end }}", "a"},
		{"variables", "{{ range $i, $r := data }}{{ $i }}{{ $r.id }} {{ end }}", "0a 1b "},
		{"a field behind a function", "{{ parameters.param_mode }}", "strict"},
		{"words", "{{ rs_org_id }} {{ rs_project_name }} [{{ rs_cm_host }}]", "1000000 Blue []"},
		{"the root has them too", "{{ .rs_org_id }} {{ (index .data 1).id }}", "1000000 b"},
		{"integers print their digits", "{{ (index data 0).n }} {{ (index data 0).big }}", "1234567 12345678901234567890"},
		{"fractions", "{{ (index data 0).price }}", "25.5"},
		{"null and missing", "{{ (index data 0).none }} {{ (index data 0).absent }}", "<no value> <no value>"},
		{"verbs fit both kinds", `{{ with index data 0 }}{{ printf "%.2f|%d|%v|%s|%6.1f|%-4d|" .whole .whole .n .n .price .whole }}{{ end }}`, "3.00|3|1234567|1234567|  25.5|3   |"},
		{"kinds compare", `{{ with index data 0 }}{{ eq .whole 3 }} {{ gt .price 2 }} {{ lt .whole 3.5 }} {{ ge .big .n }} {{ ne .id "a" }}{{ end }}`, "true true true true false"},
		{"eq with several", `{{ eq parameters.param_mode "lax" "strict" }}`, "true"},
		{"types differ", `{{ eq parameters.param_days "30" }} {{ eq nil nil }}`, "false true"},
		{"over null", "{{ range (index data 0).none }}x{{ else }}nothing{{ end }}", "nothing"},
		{"templates", `{{ define "row" }}<{{ .id }}>{{ end }}{{ range data }}{{ template "row" . }}{{ end }}`, "<a><b>"},
		{"break", "{{ range data }}{{ .id }}{{ break }}{{ end }}", "a"},
		{"assignment prints nothing", "{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "2"},
		{"and, or, not", `{{ if and data (not (index data 0).none) }}y{{ end }}`, "y"},
		{"escapers", `{{ "<a>" | html }} {{ urlquery "a b" }} {{ js "'" }}`, `&lt;a&gt; a+b \'`},
		{"a number in index and slice", `{{ index data (index data 0).whole | printf "%v" }}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := message.Parse(c.in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parsed.Execute(t.Context(), data(t), message.Limits{})
			if c.want == "" {
				if err == nil {
					t.Errorf("got %q, want an error", got)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestParseNamesTheLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		line     int
		want     string
	}{
		{"open action", "a\n{{ if data }}", 2, "unexpected EOF"},
		{"unknown function", "a\n\n{{ dat }}", 3, `function "dat" not defined`},
		{"hidden function", "{{ _step }}", 1, `function "_step" not defined`},
		{"too long", strings.Repeat("x", 300<<10), 1, "at most"},
		{"deep parentheses", "{{ " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + " }}", 1, "depth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := message.Parse(c.in)
			e, ok := errors.AsType[*message.ParseError](err)
			if !ok || e.Line != c.line || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %v, want line %d: %s", err, c.line, c.want)
			}
		})
	}
}

func TestExecuteNamesTheLine(t *testing.T) {
	t.Parallel()
	parsed, err := message.Parse("a\n{{ index data 7 }}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parsed.Execute(t.Context(), data(t), message.Limits{})
	if want := "line 2 of the text template: at <index data 7>: error calling index: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestHostileTemplates: whatever a template does, it ends, at the limit that is named.
func TestHostileTemplates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, limit string }{
		{"a range without end", "{{ range 1000000000 }}{{ end }}", "steps"},
		{"ranges within ranges", "{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}", "steps"},
		{"recursion", `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, "depth"},
		{"recursion that doubles", `{{ define "a" }}{{ if . }}{{ template "a" (slice . 1) }}{{ template "a" (slice . 1) }}{{ end }}{{ end }}{{ template "a" "` + strings.Repeat("x", 150) + `" }}`, "steps"},
		{"huge output", `{{ range 1000000 }}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{ end }}`, "bytes"},
		{"a text that doubles", `{{ $x := "xxxxxxxx" }}{{ range 1000 }}{{ $x = print $x $x }}{{ end }}`, "bytes"},
		{"wide numbers", `{{ printf "%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d%1000000d" 1 2 3 4 5 6 7 8 9 }}`, "bytes"},
		{"a width among the arguments", `{{ range 100 }}{{ $x := printf "%*d" 900000 1 }}{{ end }}`, "bytes"},
		{"one argument many times", `{{ $x := printf "%50000d" 1 }}{{ $y := printf "` + strings.Repeat("%[1]s", 10_000) + `" $x }}`, "bytes"},
		{"text that no function shortens", `{{ $x := printf "%900000d" 1 }}{{ range 1000 }}{{ $y := html $x }}{{ end }}`, "bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := message.Parse(c.in)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parsed.Execute(t.Context(), data(t), message.Limits{Steps: 200_000, Time: time.Minute})
			e, ok := errors.AsType[*message.ExecError](err)
			if !ok || e.Limit != c.limit {
				t.Errorf("got %v, want limit %s", err, c.limit)
			}
		})
	}
}

func TestTimeIsALimit(t *testing.T) {
	t.Parallel()
	parsed, err := message.Parse("{{ range 1000000000 }}{{ end }}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parsed.Execute(t.Context(), data(t), message.Limits{Time: time.Nanosecond})
	if e, ok := errors.AsType[*message.ExecError](err); !ok || e.Limit != "time" {
		t.Errorf("got %v, want limit time", err)
	}
}

func TestPrintingEverythingIsBounded(t *testing.T) {
	t.Parallel()
	list := make([]value.Value, 100_000)
	for i := range list {
		list[i] = strings.Repeat("x", 100)
	}
	parsed, err := message.Parse("{{ data }}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parsed.Execute(t.Context(), message.NewData(list, nil, nil), message.Limits{})
	if e, ok := errors.AsType[*message.ExecError](err); !ok || e.Limit != "bytes" {
		t.Errorf("got %v, want limit bytes", err)
	}
}

// TestCorpus: every text template of the public templates parses.
func TestCorpus(t *testing.T) {
	t.Parallel()
	n := 0
	for _, c := range langtest.Corpus(t) {
		f := source.NewFile(c.Name, c.Text)
		tree, _ := syntax.Parse(f)
		tree.Inspect(func(node syntax.Node) bool {
			s, ok := node.(*syntax.Statement)
			if !ok || !strings.HasSuffix(s.Keyword.Name, "_template") {
				return true
			}
			text, ok := s.Arg(0).(*syntax.String)
			if !ok {
				t.Errorf("%s: %s takes no string", f.Name, s.Keyword.Name)
				return true
			}
			n++
			if _, err := message.Parse(text.Value); err != nil {
				t.Errorf("%s:%s: %v", f.Name, f.Position(s.Span.Start), err)
			}
			return true
		})
	}
	if n < 4_222 {
		t.Errorf("found %d text templates, want 4,222", n)
	}
}
