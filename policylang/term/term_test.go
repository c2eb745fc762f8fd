package term_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"espalier.dev/policylang/check"
	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/term"
	"espalier.dev/policylang/value"
)

// world is a scope over fixed values.
type world struct {
	names  map[string]value.Value // references and words
	asked  []string               // names looked up, in order
	field  string
	marker string
}

func (w *world) lookup(name string) (value.Value, error) {
	w.asked = append(w.asked, name)
	if v, ok := w.names[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("%s stands for nothing here", name)
}

func (w *world) Reference(r *syntax.Reference) (value.Value, error) {
	return w.lookup(r.Sigil + r.Name)
}
func (w *world) Word(name string) (value.Value, error) { return w.lookup(name) }
func (w *world) Now() time.Time                        { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
func (w *world) Marker() string                        { return w.marker }
func (w *world) Field() string                         { return w.field }

func (w *world) Header(name string) (string, bool) {
	return "next", strings.EqualFold(name, "X-Cursor")
}

func (w *world) Secret(_ context.Context, name string) (string, error) {
	if name != "KEY" {
		return "", fmt.Errorf("there is no secret %s", name)
	}
	return "s3cret", nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{names: map[string]value.Value{"rs_org_id": value.Int(12345678), "f1_app_host": "app.example.com", "policy_id": ""}, field: "port"}
	for name, text := range map[string]string{
		"$ds":       `{"id":12345678901234567890,"price":1.10,"port":80,"tags":["a","b"],"none":null}`,
		"$rows":     `[{"name":"one","size":1,"meta":{"a":1,"b":2}},{"name":"two","size":"1"}]`,
		"$empty":    `[]`,
		"$nothing":  `null`,
		"$kilo":     `1e3`,
		"$big":      `1.5e300`,
		"$param":    `["x","y"]`,
		"response":  `{"items":[{"id":1},{"id":2}],"list":[[1],[2]],"one":{"id":1}}`,
		"$resource": `{"links":[{"rel":"parent","href":"/p"},{"rel":"self","href":"/r/1"}]}`,
	} {
		v, err := value.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		w.names[name] = v
	}
	doc, err := extract.Decode(extract.XML, []byte(`<r><item port="8080"><name>one</name><size>7</size></item><item><name>two</name></item><n/></r>`), "", value.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	w.names["$xml"] = doc
	return w
}

// parse reads a term, and gives the text that its spans count in.
func parse(t testing.TB, text string) (syntax.Expr, *source.File) {
	t.Helper()
	f, diagnostics := syntax.Parse(source.NewFile("t", []byte("check "+text+"\n")))
	if len(diagnostics) > 0 || len(f.Items) != 1 {
		t.Fatalf("%s can't be read: %v", text, diagnostics)
	}
	return f.Items[0].(*syntax.Statement).Arg(0), f.Source
}

func program() *term.Program {
	return term.New(func() time.Time { return time.Unix(0, 0) }, value.Limits{Steps: 1 << 20})
}

// cases are terms and the JSON of their values, by function.
var cases = map[string]map[string]string{
	"literals": {
		`"a"`: `"a"`, `12`: `12`, `1.50`: `1.50`, `true`: `true`, `null`: `null`, `nil`: `null`, `[1, "a", [ ]]`: `[1,"a",[]]`,
		`{ "b": 1, a: { } }`: `{"b":1,"a":{}}`, `{ "a": 1, "b": 2, "a": 3 }`: `{"a":3,"b":2}`, `rs_org_id`: `12345678`, `$ds`: `{"id":12345678901234567890,"price":1.10,"port":80,"tags":["a","b"],"none":null}`,
	},
	"operators": {
		`24*3600`: `86400`, `1 + 2 * 3`: `7`, `(1 + 2) * 3`: `9`, `7 / 2`: `3.5`, `6 / 2`: `3`, `7 % 2`: `1`, `-3`: `-3`, `-(1 + 2)`: `-3`, `10 - 2 - 3`: `5`, `0.1 + 0.2`: `0.30000000000000004`,
		`12345678901234567890 + 1`: `12345678901234567891`, `1.0 + 1`: `2`,
	},
	"val": {
		`val($ds, "id")`: `12345678901234567890`, `val($ds, "price")`: `1.10`, `val($ds, "absent")`: `null`, `val($nothing, "a")`: `null`, `val(val($ds, "absent"), "a")`: `null`, `val($ds, "a.b")`: `null`,
		`val(xpath($xml, "//item"), "name")`: `"one"`, `val(xpath($xml, "//item"), "port")`: `"8080"`,
	},
	"vals":      {`vals($rows, "name")`: `["one","two"]`, `vals($rows, "meta")`: `[{"a":1,"b":2},null]`, `vals($nothing, "a")`: `[]`, `vals($empty, "a")`: `[]`},
	"from":      {`from($ds)`: `80`, `from($nothing)`: `null`, `from(xpath($xml, "//item"))`: `"8080"`},
	"get":       {`get(0, $param)`: `"x"`, `get(1, $param)`: `"y"`, `get(2, $param)`: `null`, `get(-1, $param)`: `null`, `get(0, $nothing)`: `null`, `get(1, split(f1_app_host, "app."))`: `"example.com"`, `get(1.0, $param)`: `"y"`},
	"first":     {`first($param)`: `"x"`, `first($empty)`: `null`, `first($nothing)`: `null`},
	"last":      {`last($param)`: `"y"`, `last($empty)`: `null`, `last($nothing)`: `null`},
	"size":      {`size($param)`: `2`, `size($ds)`: `5`, `size("äö")`: `2`, `size($nothing)`: `0`, `size($empty)`: `0`, `size(xpath($xml, "//name"))`: `3`},
	"header":    {`header("x-cursor")`: `"next"`, `header("absent")`: `null`},
	"href":      {`href($resource)`: `"/r/1"`, `href($ds)`: `null`, `href($nothing)`: `null`},
	"hrefs":     {`hrefs([$resource, $ds])`: `["/r/1",null]`, `hrefs($nothing)`: `[]`},
	"jmes_path": {`jmes_path($rows, "[*].name")`: `["one","two"]`, `jmes_path($ds, "price")`: `1.10`, `jmes_path($ds, "a.b")`: `null`, `jmes_path($nothing, "a")`: `null`},
	"jq": {
		`jq(response, ".items[].id")`: `1`, `jq(response, ".items[].id", "array")`: `[1,2]`, `jq(response, ".items[].id", "simple_element")`: `1`, `jq(response, ".absent")`: `null`, `jq(response, "empty")`: `null`,
		`jq(response, "$marker")`: `""`, `jq($ds, "now")`: `0`,
	},
	"xpath": {
		`xpath($xml, "//item/name")`: `"one"`, `xpath($xml, "//item/name", "array")`: `["one","two"]`, `xpath($xml, "//absent")`: `null`, `xpath($xml, "//absent", "array")`: `[]`, `xpath($nothing, "a")`: `null`,
		`xpath($xml, "//n")`: `""`, `xpath($xml, "//item/@port")`: `"8080"`, `xpath(xpath($xml, "//item"), "size")`: `"7"`,
	},
	"contains": {
		`contains([1, 100], 100)`: `true`, `contains([100], "100")`: `false`, `contains([1], 1.0)`: `true`, `contains($param, "x")`: `true`, `contains($param, "z")`: `false`, `contains(["abc"], /B/i)`: `true`, `contains(["abc"], /z/)`: `false`, `contains([5], /5/)`: `false`,
		`contains($rows, { "meta": { "a": 1 } })`: `true`, `contains($rows, { "meta": { "a": 2 } })`: `false`, `contains($rows, { "name": /^tw/ })`: `true`, `contains($rows, { "other": null })`: `false`, `contains($nothing, 1)`: `false`,
		`contains("abc", "b")`: `true`, `contains("abc", /c$/)`: `true`, `contains("a1", 1)`: `false`, `contains([null], null)`: `true`, `contains(xpath($xml, "//name", "array"), "two")`: `true`, `contains(xpath($xml, "//name", "array"), /^t/)`: `true`,
	},
	"select": {`select([1, 2, "1"], 1)`: `[1]`, `select(["abc", "b", 5], /b/)`: `["abc","b"]`, `select($rows, { "size": "1" })`: `[{"name":"two","size":"1"}]`, `select($nothing, 1)`: `[]`},

	"eq": {
		`eq(2, "2")`: `false`, `eq(1, 1.0)`: `true`, `eq(null, null)`: `true`, `eq(null, false)`: `false`, `eq($empty, "")`: `false`, `eq([1, [2]], [1.0, [2]])`: `true`, `eq({ "a": 1, "b": 2 }, { "b": 2, "a": 1 })`: `true`, `eq(0, 1)`: `false`,
		`eq(val($ds, "absent"), "")`: `false`, `eq(xpath($xml, "//name"), "one")`: `true`,
	},
	"equals?": {`equals?(2, "2")`: `false`, `equals?("a", "a")`: `true`},
	"ne":      {`ne(2, "2")`: `true`, `ne(1, 1.0)`: `false`},
	"lt":      {`lt(1, 2)`: `true`, `lt(2, 2)`: `false`, `lt("B", "a")`: `true`, `lt(10, 9)`: `false`, `lt(now, to_d("2030-01-01"))`: `true`},
	"le":      {`le(2, 2.0)`: `true`, `le(3, 2)`: `false`},
	"gt":      {`gt(3, 2)`: `true`, `gt(2, 2)`: `false`},
	"ge":      {`ge(2, 2)`: `true`, `ge("a", "b")`: `false`},
	"switch":  {`switch(policy_id, policy_id, "none")`: `"none"`, `switch(1, "a", "b")`: `"a"`, `switch($empty, 1, 2)`: `2`, `switch(true, "a", $absent)`: `"a"`, `switch(null, $absent, "b")`: `"b"`},
	"logic_and": {
		`logic_and(1, "a")`: `true`, `logic_and(1, 0)`: `false`, `logic_and(false, $absent)`: `false`,
	},
	"logic_or":  {`logic_or(0, "a")`: `true`, `logic_or(0, [ ])`: `false`, `logic_or(true, $absent)`: `true`},
	"logic_not": {`logic_not("")`: `true`, `logic_not([0])`: `false`, `logic_not(null)`: `true`},

	"inc":  {`inc(1, 2)`: `3`, `inc(0.5, 1)`: `1.5`, `inc(to_d("2026-01-01"), 86400)`: `"2026-01-02T00:00:00Z"`, `inc(to_d("2026-01-01"), 0.25)`: `"2026-01-01T00:00:00.25Z"`},
	"dec":  {`dec(1, 2)`: `-1`, `dec(to_d("2026-01-02"), to_d("2026-01-01"))`: `86400`, `dec(to_d("2026-01-01"), to_d("2026-01-01T00:00:00.5Z"))`: `-0.5`, `dec(to_d("2026-01-02"), 86400)`: `"2026-01-01T00:00:00Z"`, `lt(dec(now, to_d("2026-01-01")), prod(2, 24*3600))`: `true`, `dec(to_d("2026-01-01"), to_d("1000-01-01"))`: `32377449600`},
	"prod": {`prod(3, 86400)`: `259200`, `prod(0.5, 4)`: `2`, `prod(12345678901234567890, 10)`: `123456789012345678900`},
	"div":  {`div(7, 2)`: `3.5`, `div(6, 3)`: `2`, `div(1, 3)`: `0.3333333333333333`},
	"mod":  {`mod(7, 3)`: `1`, `mod(-7, 2)`: `-1`, `mod(7.5, 2)`: `1.5`},
	"join": {`join(["/orgs/", rs_org_id, "/x"])`: `"/orgs/12345678/x"`, `join(["a", "b"], ", ")`: `"a, b"`, `join([1.0, $kilo, null, true, 1.10])`: `"11000true1.1"`, `join($nothing)`: `""`, `join([$param])`: `"[\"x\",\"y\"]"`, `join(xpath($xml, "//name", "array"), ",")`: `"one,two"`},
	"split": {
		`split("a,b,,c", ",")`: `["a","b","","c"]`, `split($nothing, ",")`: `[]`, `split("a1b22c", /[0-9]+/)`: `["a","b","c"]`, `split("abc", "")`: `["a","b","c"]`, `split("abc", "x")`: `["abc"]`, `split(xpath($xml, "//name"), "n")`: `["o","e"]`,
	},
	"ljust": {`ljust("ab", 5, "xyz")`: `"abxyz"`, `ljust("ab", 6, "xyz")`: `"abxyzx"`, `ljust("ab", 1, "x")`: `"ab"`, `ljust(7, 3, "ü")`: `"7üü"`},
	"rjust": {`rjust("7", 3, "0")`: `"007"`, `rjust(7, 4, "ab")`: `"aba7"`, `rjust("", 2, "-")`: `"--"`},
	"to_n":  {`to_n("12")`: `12`, `to_n(" 1.50 ")`: `1.50`, `to_n(7)`: `7`, `to_n(xpath($xml, "//size"))`: `7`, `to_n("12345678901234567890")`: `12345678901234567890`},
	"to_s":  {`to_s(12)`: `"12"`, `to_s(1.0)`: `"1"`, `to_s("a")`: `"a"`, `to_s(rs_org_id)`: `"12345678"`, `to_s($param)`: `"[\"x\",\"y\"]"`, `to_s(null)`: `""`, `to_s(true)`: `"true"`, `to_s({ "b": 1, "a": [ ] })`: `"{\"b\":1,\"a\":[]}"`},
	"to_b":  {`to_b("x")`: `true`, `to_b("false")`: `true`, `to_b(0)`: `false`, `to_b("")`: `false`, `to_b([ ])`: `false`, `to_b({ })`: `false`, `to_b(null)`: `false`, `to_b(xpath($xml, "//n"))`: `false`, `to_b(now)`: `true`},
	"to_d": {
		`to_d("2026-01-02")`: `"2026-01-02T00:00:00Z"`, `to_d("2026-01-02T03:04:05.5+01:00")`: `"2026-01-02T02:04:05.5Z"`, `to_d("2026-01-02T03:04:05")`: `"2026-01-02T03:04:05Z"`, `to_d("2026-01-02T03:04:05+0000")`: `"2026-01-02T03:04:05Z"`, `to_d("2026-01-02 03:04:05 UTC")`: `"2026-01-02T03:04:05Z"`,
		`to_d("2026-01-02 03:04:05 +0200")`: `"2026-01-02T01:04:05Z"`, `to_d("Fri, 02 Jan 2026 03:04:05 GMT")`: `"2026-01-02T03:04:05Z"`, `to_d("Jan 2, 2026")`: `"2026-01-02T00:00:00Z"`, `to_d("2026/01/02")`: `"2026-01-02T00:00:00Z"`, `to_d("20260102T030405Z")`: `"2026-01-02T03:04:05Z"`, `to_d("20260102")`: `"2026-01-02T00:00:00Z"`,
		`to_d("1767323045")`: `"2026-01-02T03:04:05Z"`, `to_d("1767323045500")`: `"2026-01-02T03:04:05.5Z"`, `to_d(now)`: `"2026-01-02T03:04:05Z"`, `to_d("2026-01")`: `"2026-01-01T00:00:00Z"`,
	},
	"now":  {`now`: `"2026-01-02T03:04:05Z"`, `now()`: `"2026-01-02T03:04:05Z"`},
	"cred": {`cred("KEY")`: `"s3cret"`},
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	for function, terms := range cases {
		for text, want := range terms {
			x, _ := parse(t, text)
			got, err := program().Eval(t.Context(), newWorld(t), x)
			if err != nil || string(value.Encode(got)) != want {
				t.Errorf("%s: %s: got %s, %v, want %s", function, text, value.Encode(got), err, want)
			}
		}
	}
}

// TestEveryFunctionIsTried compares with what package check lets through.
func TestEveryFunctionIsTried(t *testing.T) {
	t.Parallel()
	want := check.Functions()
	got := slices.Sorted(maps.Keys(cases))
	for _, name := range want {
		if _, tried := slices.BinarySearch(got, name); !tried && !slices.Contains([]string{"any", "all", "none"}, name) {
			t.Errorf("no case tries %s", name)
		}
	}
}

func TestErrorsHaveAPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, at, want string }{
		{`join([val($rows, "a")])`, `$rows`, `val: argument 1 has no member "a": it is a list, not an object`},
		{`val($ds, 1)`, `1`, "val: argument 2 must be a string, not a number"},
		{`vals([1], "a")`, `[1]`, `vals: argument 1 has no member "a": it is a number, not an object`},
		{`get("0", $param)`, `"0"`, "get: argument 1 must be a number, not a string"},
		{`get(0.5, $param)`, `0.5`, "get: argument 1 must be a whole number, not 0.5"},
		{`get(0, "x")`, `"x"`, "get: argument 2 must be a list, not a string"},
		{`first("x")`, `"x"`, "first: argument 1 must be a list, not a string"},
		{`size(1)`, `1`, "size: argument 1 must be a list, an object or a string, not a number"},
		{`contains($ds, 1)`, `$ds`, "contains: argument 1 must be a list or a string, not an object"},
		{`lt(1, "2")`, `lt(1, "2")`, "lt: two numbers, two strings or two dates have an order, not a number and a string"},
		{`gt(null, 1)`, `gt(null, 1)`, "not null and a number"},
		{`div(1, 0)`, `div(1, 0)`, "div: division by zero"},
		{`mod(1, 0.0)`, `mod(1, 0.0)`, "mod: division by zero"},
		{`1 / 0`, `1 / 0`, "/: division by zero"},
		{`"a" + 1`, `"a"`, "+: takes numbers, not a string"},
		{`prod("2", 3)`, `"2"`, "prod: argument 1 must be a number, not a string"},
		{`prod($big, $big)`, `prod($big, $big)`, "prod: the result is too great"},
		{`inc(now, 1000000000000)`, `1000000000000`, "inc: argument 2 is too great"},
		{`inc(now, now)`, `now`, "inc: argument 2 must be a number, not a date"},
		{`join("a")`, `"a"`, "join: argument 1 must be a list, not a string"},
		{`join([ ], 1)`, `1`, "join: argument 2 must be a string, not a number"},
		{`split(1, ",")`, `1`, "split: argument 1 must be a string, not a number"},
		{`split("a", 1)`, `1`, "split: argument 2 must be a string or a regular expression, not a number"},
		{`ljust("a", 3, "")`, `""`, "ljust: argument 3 must not be empty"},
		{`rjust("a", 1000000000, "x")`, `1000000000`, "rjust: argument 2 must be no more than 1048576"},
		{`to_n("x")`, `to_n("x")`, `to_n: "x" is no number`},
		{`to_n(null)`, `null`, "to_n: argument 1 must be a string or a number, not null"},
		{`to_d("soon")`, `"soon"`, `to_d: argument 1 is no date in a form that is known: "soon"`},
		{`to_d(null)`, `null`, "to_d: argument 1 must be a string or a date, not null"},
		{`cred("NO")`, `cred("NO")`, "cred: there is no secret NO"},
		{`jmes_path($ds, "[")`, `jmes_path($ds, "[")`, "jmes_path: the JMESPath can't be read"},
		{`jq($ds, ".port.a")`, `jq($ds, ".port.a")`, "jq: the jq program fails"},
		{`jq($ds, ".", "all")`, `"all"`, `jq: argument 3 "all" is no mode`},
		{`xpath($ds, "a")`, `xpath($ds, "a")`, "xpath: an XPath looks into XML, not into an object"},
		{`any("a")`, `any("a")`, "any: it selects resources of a product that is no more"},
		{`join([1, $absent])`, `$absent`, "$absent stands for nothing here"},
		{`switch($absent, 1, 2)`, `$absent`, "$absent stands for nothing here"},
		{`frobnicate(1)`, `frobnicate`, "there is no function frobnicate"},
		{`eq(1)`, `eq`, "eq: takes 2 arguments, not 1"},
		{`join()`, `join`, "join: takes 1 to 2 arguments, not 0"},
		{`size()`, `size`, "size: takes 1 argument, not 0"},
		{`/(/`, `/(/`, "missing closing"},
	} {
		x, file := parse(t, c.text)
		got, err := program().Eval(t.Context(), newWorld(t), x)
		placed, ok := errors.AsType[*term.Error](err)
		if !ok || got != nil || !strings.Contains(err.Error(), c.want) || file.Slice(placed.Span) != c.at {
			t.Errorf("%s: got %v, %v, want an error at %s with %q", c.text, got, err, c.at, c.want)
			if ok {
				t.Errorf("\tit is at %s", file.Slice(placed.Span))
			}
		}
	}
}

func TestFromNeedsAField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.field = ""
	x, _ := parse(t, "from($ds)")
	if _, err := program().Eval(t.Context(), w, x); err == nil || !strings.Contains(err.Error(), "it stands in no field") {
		t.Errorf("got %v", err)
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`jmes_path(response, "items")`:                        `[{"id":1},{"id":2}]`,
		`jmes_path(response, "one")`:                          `[{"id":1}]`,
		`jmes_path(response, "absent")`:                       `[]`,
		`jq(response, ".items[]")`:                            `[{"id":1},{"id":2}]`,
		`(jq(response, ".items[]"))`:                          `[{"id":1},{"id":2}]`,
		`jq(response, ".items")`:                              `[{"id":1},{"id":2}]`,
		`jq(response, ".items[] | select(.id == 2)")`:         `[{"id":2}]`,
		`jq(response, ".items[]", "simple_element")`:          `[{"id":1}]`,
		`jq(response, ".list[]", "array")`:                    `[[1],[2]]`,
		`jq(response, ".absent")`:                             `[]`,
		`jq(response, "empty")`:                               `[]`,
		`xpath($xml, "//item/name")`:                          `["one","two"]`,
		`xpath($xml, "//item/name", "simple_element")`:        `["one"]`,
		`xpath($xml, "//absent")`:                             `[]`,
		`$param`:                                              `["x","y"]`,
		`$nothing`:                                            `[]`,
		`jmes_path(jq(response, ".items[].id", "array"), "")`: "",
	} {
		x, _ := parse(t, text)
		got, err := program().Collect(t.Context(), newWorld(t), x)
		if want == "" {
			if err == nil {
				t.Errorf("%s: got %v, %v, want an error", text, got, err)
			}
			continue
		}
		if err != nil || string(value.Encode(got)) != want {
			t.Errorf("%s: got %s, %v, want %s", text, value.Encode(got), err, want)
		}
	}
}

func TestOnlyWhatIsNeededIsEvaluated(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`switch($empty, $ds, $param)`:     "$empty $param",
		`logic_or($ds, $param)`:           "$ds",
		`logic_and($empty, $param)`:       "$empty",
		`logic_or($empty, $param)`:        "$empty $param",
		`join([$param, $empty, $ds])`:     "$param $empty $ds",
		`eq(first($param), last($empty))`: "$param $empty",
	} {
		w := newWorld(t)
		x, _ := parse(t, text)
		if _, err := program().Eval(t.Context(), w, x); err != nil || strings.Join(w.asked, " ") != want {
			t.Errorf("%s: asked for %v, %v, want %s", text, w.asked, err, want)
		}
	}
}

func TestMarkerAndCancellation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.marker = "41"
	x, _ := parse(t, `jq(response, "$marker | tonumber + 1")`)
	if got, err := program().Eval(t.Context(), w, x); err != nil || got != value.Value(value.Int(42)) {
		t.Errorf("got %v, %v, want 42", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x, _ = parse(t, `jq(response, "def f: f; f")`)
	if _, err := program().Eval(ctx, w, x); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if _, err := program().Eval(t.Context(), w, x); err == nil {
		t.Error("endless: got no error")
	} else if limit, ok := errors.AsType[*value.LimitError](err); !ok || limit.Limit != "steps" {
		t.Errorf("endless: got %v, want the limit of steps", err)
	}
}

// FuzzEval evaluates whatever parses: no panic, and every error has a place within the template.
func FuzzEval(f *testing.F) {
	for _, terms := range cases {
		for text := range terms {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, diagnostics := syntax.Parse(source.NewFile("t", []byte("check "+text+"\n")))
		if len(diagnostics) > 0 || len(file.Items) != 1 {
			return
		}
		statement, ok := file.Items[0].(*syntax.Statement)
		if !ok || statement.Arg(0) == nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		v, err := program().Eval(ctx, newWorld(t), statement.Arg(0))
		if err == nil {
			if _, err := value.Decode(value.Encode(value.Settle(v))); err != nil {
				t.Fatalf("%s gives what is no JSON: %v", text, err)
			}
			return
		}
		if placed, ok := errors.AsType[*term.Error](err); !ok || placed.Span.Start < 0 || placed.Span.End > len(file.Source.Text) {
			t.Fatalf("%s: %v has no place", text, err)
		}
	})
}
