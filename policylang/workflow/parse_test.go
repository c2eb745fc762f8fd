package workflow

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/source"
)

// treeDiff compares trees without their places and spelling. Of comments only the texts count.
func treeDiff(a, b []*Definition) string {
	var x, y strings.Builder
	for _, d := range a {
		dump(&x, reflect.ValueOf(d), 0)
	}
	for _, d := range b {
		dump(&y, reflect.ValueOf(d), 0)
	}
	if x.String() == y.String() {
		return ""
	}
	return textDiff(x.String(), y.String())
}

// dump writes a tree, a field a line.
func dump(b *strings.Builder, v reflect.Value, depth int) {
	indent := strings.Repeat(" ", depth)
	if v.IsValid() && v.CanInterface() {
		if value, ok := v.Interface().(Value); ok {
			fmt.Fprintf(b, "%s %s\n", TypeName(value), Text(value))
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			dump(b, v.Elem(), depth)
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, v.Index(i), depth+1)
		}
	case reflect.Struct:
		fmt.Fprintf(b, "%s%s\n", indent, v.Type().Name())
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case f.Type == reflect.TypeFor[source.Span](), f.Name == "EndAt", f.Name == "At", f.Name == "Raw":
			default:
				fmt.Fprintf(b, "%s%s:\n", indent, f.Name)
				dump(b, v.Field(i), depth+1)
			}
		}
	default:
		if v.IsValid() {
			fmt.Fprintf(b, "%s%v\n", indent, v)
		}
	}
}

func textDiff(a, b string) string {
	return cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n"))
}

// everything holds each statement, attribute, operator and kind of literal.
const everything = `# above
define everything($a, @servers, $$g) return $x, $y on_error: skip, on_rollback: undo($a) do
  $x = 1; $y = 2.5
  $h = {"a": 1, b: [1, 2,], $x => null, }
  $h["a"]["b"] = 'it\'s'
  $t = d"2024/01/31 10:00:00 PM" + 2m30s # behind
  $r = [1..3]
  $s = $r[0..-1] + $r[..1] + $r[1..]
  $l << 1 << 2

  # before if
  if $x =~ /a\/[/b]/i && !($y !~ "x") || nil
    # within
  elsif $s = "x"
    raise
  else
    raise "no " +
      "good"
  end
  if (1 < 2) && (2 >= 1)
    assert -2 ^ 2 % 3 == 1 & 2 | 3
  end
  foreach $v in $r do
    call other.name($v, k: 1) retrieve $p, $q
  end
  concurrent foreach $v in $r task_prefix: "t", wait_task: 1 do
    log_info("x")
  end
  concurrent return $p timeout: 5m, on_timeout: retry do
    sub task_name: "one" do
      $p = 1
    end
  end
  $a, $b = concurrent map $v in [1, 2] return $z, $w do
    $z = $v * 2
  end
  $c = map($h, "a", "b")
  while ($x != 3) && (now() <= $t) do
    $x = $x + 1
    sleep(1)
  end
  sub timeout: 20m, on_timeout: late(1), on_error: retry do
    sub("a", "b", "c")
  end
  call bare
  @s = @servers.launch(a: 1)
  rs_cm.audit_entries.create(audit_entry: {
    "summary": <<-EOS
      text
    EOS
  })
  cancel_task one
  abort_task
  wait_task ["a", "b"]
  wait_task 2
  cancel
  abort
  exit
  # last
end
`

func TestEveryStatementParsesAndRoundTrips(t *testing.T) {
	t.Parallel()
	f := source.NewFile("everything", []byte(everything))
	defs, diags := Parse(f)
	for _, d := range diags {
		t.Errorf("%s: %s, expected %s", f.Position(d.Span.Start), d.Message, d.Expected)
	}
	if len(defs) != 1 || len(defs[0].Body) < 20 {
		t.Fatalf("got %d definitions", len(defs))
	}
	roundTrip(t, f, defs)
	printed := Print(f, defs...)
	for _, want := range []string{"# above\n", "# behind\n", "# before if\n", "# within\n", "# last\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is lost in\n%s", want, printed)
		}
	}
}
