package workflow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"espalier.dev/policylang/source"
)

// said is diagnostics, one a line: place, code, message, expectation, suggestion.
func said(list []source.Diagnostic) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%s %s %s", d.File.Position(d.Span.Start), d.Code, d.Message)
		if d.Expected != "" {
			b.WriteString("; expected " + d.Expected)
		}
		if d.Suggestion != "" {
			b.WriteString("; did you mean " + d.Suggestion)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestWrongTextsAreExplained(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no definition", "$x = 1\n", `1:1 unexpected-token unexpected "$x"; expected define`},
		{"several", "define a() do\n  $x = = 1\n  $y = (1 + 2\n  $z = 3\n  $w = [1,, 2]\nend\ndefine b() do\nend", "2:8 unexpected-token unexpected \"=\"; expected a value\n4:3 unexpected-token unexpected \"$z\"; expected )\n5:11 unexpected-token unexpected \",\"; expected a value"},
		{"misspelt", "define a() do\n  forech $x in [1] do\n  end\nend", "2:3 unknown-statement \"forech\" begins no statement; did you mean foreach"},
		{"missing end", "define a() do\n  if true\n    $x = 1\nend\ndefine b() do\nend", "1:1 missing-end define a has no end; expected end"},
		{"missing do", "define a() do\n  foreach $x in [1]\n    $y = 1\n  end\nend", "2:20 missing-do foreach needs a do at the end of its line; expected do"},
		{"do after if", "define a() do\n  if true do\n  end\nend", "2:11 do-after-if if takes no do; expected the end of the line"},
		{"unclosed string", "define a() do\n  $x = 'abc\n  $y = 1\nend", "2:8 unclosed-string this string is not closed"},
		{"unclosed heredoc", "define a() do\n  $x = <<-EOS\n  text\nend", "2:8 unclosed-string no line ends this text: expected one that holds only EOS"},
		{"bad regexp", "define a() do\n  $x = \"a\" =~ /(?<=a)b/\nend", "2:15 bad-regexp this regular expression is not supported: error parsing regexp: invalid named capture: `(?<=a)b`"},
		{"bad date", "define a() do\n  $x = d\"soon\"\nend", `2:8 bad-datetime this is no date and time; expected d"2024/01/31 10:00:00 PM"`},
		{"assignment to a value", "define a() do\n  f(1) = 2\n  1 = 2\nend", "2:8 unexpected-token unexpected \"=\"; expected the end of the line, or an operator\n3:5 unexpected-token unexpected \"=\"; expected the end of the line, or an operator"},
		{"strange character", "define a() do\n  $x = 1 ~ 2\n  $ = 1\nend", "2:10 unexpected-character unexpected character \"~\"\n2:12 unexpected-token unexpected \"2\"; expected the end of the line, or an operator\n3:3 unexpected-character \"$\" is not followed by a name\n3:5 unexpected-token unexpected \"=\"; expected a value"},
		{"misplaced", "define a() do\n  else\n  map $x in [1] return $y do\n  end\nend", "2:3 misplaced-word \"else\" has nothing to belong to here; expected a statement\n3:3 map-without-target map needs variables to give its lists to; expected $list = map …"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, diags := Parse(source.NewFile("x", []byte(tt.text)))
			if got := said(diags); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"right", everything, "27:5 undefined-definition"},
		{"unknown function", "define a() do\n  tojson(1)\nend", "2:3 unknown-function there is no function tojson; did you mean to_json"},
		{"definition as a function", "define a() do\n  a()\nend", "2:3 unknown-function a is a definition, which only call can run; did you mean call a"},
		{"arguments of a function", "define a() do\n  join()\n  size([1], [2])\nend", "2:3 wrong-arguments join(array, separator): got 0 arguments\n3:3 wrong-arguments size(x): got 2 arguments"},
		{"calls", "define a($x) return $y do\n  $y = $x\n  call a()\n  call a(1, 2)\n  call ab(1)\n  call a(1) retrieve $p, $q\nend", "3:8 missing-arguments define a takes 1 argument, got 0: the others are null\n4:8 wrong-arguments define a takes 1 argument, got 2\n5:8 undefined-definition there is no define ab: the call fails when it is reached\n6:8 missing-returns define a returns 1 value, not 2: the others are null"},
		{"duplicates", "define a($x, $x) do\nend\ndefine a() do\nend", "1:14 duplicate-parameter $x is a parameter twice\n3:8 duplicate-definition define a stands in this template twice"},
		{"attributes", "define a() do\n  sub on_eror: skip, wait_task: 1, on_error: 5 do\n  end\n  sub on_rollback: skip, on_timeout: later() do\n  end\nend", "2:7 unknown-attribute on_eror is no attribute of sub; did you mean on_error\n2:22 unknown-attribute wait_task cannot stand at sub\n2:46 bad-attribute on_error takes skip, retry or a handler\n4:20 bad-attribute on_rollback takes a handler, not skip\n4:26 no-timeout without a timeout here, this handles only the timeouts of blocks within\n4:38 undefined-definition there is no define later: the call fails when it is reached"},
		{"variables", "define a($data) do\n  log_info($dta)\n  log_info($$auth_awz)\n  sub on_error: h() do\n  end\nend\ndefine h() do\n  log_info($data)\nend", "2:12 unset-variable $dta is never set in this definition, so it is null; did you mean $data\n3:12 unset-variable $$auth_awz is neither a credential nor ever set; did you mean $$auth_aws"},
		{"conditions and values", "define a($x) do\n  if $x = 1\n  end\n  $x == 1\nend", "2:6 assignment-in-condition this condition assigns to $x and is the value assigned; did you mean ==\n4:3 no-effect this computes a value that nothing uses"},
		{"requests", "define a() do\n  http_get(url: \"x\", header: {})\nend", "2:30 unknown-argument header is no argument of http_get and is ignored; did you mean headers"},
		{"resources", "define a() do\n  rs_cm.servers.get()\n  delete(1)\nend", "2:3 resources-gone resources belong to a product that is gone: this fails when it is reached\n3:3 resources-gone resources belong to a product that is gone: this fails when it is reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := source.NewFile("x", []byte(tt.text))
			defs, diags := Parse(f)
			if len(diags) > 0 {
				t.Fatalf("does not parse: %s", said(diags))
			}
			list := Check(f, defs, Context{Signers: []string{"auth_aws"}})
			if tt.name == "right" {
				if source.Errors(list) > 0 {
					t.Errorf("got %s, want warnings only", said(list))
				}
				return
			}
			if got := said(list); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestHostileTexts gives texts that tempt a reader to take long, or to nest without end.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for name, body := range map[string]string{
		"brackets":   strings.Repeat("[", n),
		"parens":     "$x = " + strings.Repeat("(", n) + strings.Repeat(")", n),
		"signs":      "$x = " + strings.Repeat("-", n) + "1",
		"operators":  "$x = 1" + strings.Repeat(" + 1", n),
		"powers":     "$x = 1" + strings.Repeat(" ^ 1", n),
		"indices":    "$x" + strings.Repeat("[1]", n),
		"assigns":    strings.Repeat("$x = ", n) + "1",
		"blocks":     strings.Repeat("if true\n", n),
		"heredocs":   strings.Repeat("$x = <<A ", n),
		"quotes":     strings.Repeat("\"'", n),
		"defines":    strings.Repeat("define ", n),
		"ends":       strings.Repeat("end\n", n),
		"bad bytes":  strings.Repeat("\xff~", n),
		"attributes": "sub " + strings.Repeat("a: ", n),
		"commas":     "$x" + strings.Repeat(", $x", n),
		"durations":  "$x = " + strings.Repeat("9d", n),
		"digits":     "$x = " + strings.Repeat("9", n),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := source.NewFile("x", []byte("define main() do\n"+body+"\nend\n"))
			start := time.Now()
			defs, _ := Parse(f)
			Check(f, defs, Context{})
			Compile(f, defs)
			Print(f, defs...)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%d bytes took %s", len(f.Text), took)
			}
		})
	}
}
