package script_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/script"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 890e6, time.UTC)

// run evaluates source with the variable arg set to a JSON text.
func run(t *testing.T, source, arg string) (script.Outcome, error) {
	t.Helper()
	return script.Local{}.Run(context.Background(), script.Call{
		Source: source,
		Params: []string{"arg"},
		Args:   []json.RawMessage{json.RawMessage(arg)},
		Result: "result",
		Now:    now,
		Limits: script.Limits{Time: 20 * time.Second},
	})
}

func TestResults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, source, arg, want string }{
		{"number", `result = 1.5`, `0`, `1.5`},
		{"text", `result = "a"`, `0`, `"a"`},
		{"truth", `result = true`, `0`, `true`},
		{"null", `result = null`, `0`, `null`},
		{"never assigned", `var x = 1`, `0`, `null`},
		{"undefined", `result = undefined`, `0`, `null`},
		{"declared", `var result = [1]`, `0`, `[1]`},
		{"declared with let", `let result = [1]`, `0`, `[1]`},
		{"list with undefined", `result = [1, undefined, 3]`, `0`, `[1,3]`},
		{"list with a hole", `result = [1,,3]; result[5] = 6`, `0`, `[1,3,6]`},
		{"list with null", `result = [1, null, 3]`, `0`, `[1,null,3]`},
		{"member undefined", `result = {a: undefined}`, `0`, `{"a":null}`},
		{"function", `result = function() {}`, `0`, `{}`},
		{"member function", `result = {f: function() {}}`, `0`, `{"f":{}}`},
		{"list of functions", `result = [function() {}]`, `0`, `[{}]`},
		{"date", `result = {d: new Date()}`, `0`, `{"d":{}}`},
		{"regexp", `result = /a/`, `0`, `{}`},
		{"error", `result = new Error("a")`, `0`, `{}`},
		{"toJSON of one's own", `result = {a: {b: 1, toJSON: function() { return 2 }}}`, `0`, `{"a":2}`},
		{"not a number", `result = [0/0, 1/0, -1/0]`, `0`, `[null,null,null]`},
		{"arguments", `result = (function() { return arguments })(1, 2)`, `0`, `{"0":1,"1":2}`},
		{"inherited", `function F() { this.a = 1 } F.prototype.b = 2; result = new F()`, `0`, `{"a":1}`},
		{"keys in order", `result = {b: 1, a: {d: 2, "c-": 3, c: 4}, "10": 5, "9": 6}`, `0`, `{"10":5,"9":6,"a":{"c":4,"c-":3,"d":2},"b":1}`},
		{"batch rows", `getIterator(arg).Each(appendToResult); appendToResult([3, 4])`, `[1, 2]`, `[1,2,3,4]`},
		{"batch without rows", `result = [9]; getIterator(arg).Each(appendToResult)`, `[]`, `[9]`},
		{"sloppy global", `function f() { result = arg * 2 } f()`, `4`, `8`},
		{"argument changed", `arg.push(3); result = arg`, `[1, 2]`, `[1,2,3]`},
		{"null comes as undefined", `result = [arg.a === undefined, arg.b[0] === undefined, "a" in arg, arg.b.length]`, `{"a": null, "b": [null, 1]}`, `[true,true,true,2]`},
		{"null alone", `result = typeof arg`, `null`, `"undefined"`},
		{"member __proto__", `result = [Object.keys(arg), {}.x]`, `{"__proto__": {"x": null}}`, `[["__proto__"]]`},
		{"missing comma", "result = {a: 1\n b: 2 'c': {d: 3\n4: 5}}", `0`, `{"a":1,"b":2,"c":{"4":5,"d":3}}`},
		{"missing comma after a wide text", `result = {é: "ü€𝄞" b: 2}`, `0`, `{"b":2,"é":"ü€𝄞"}`},
		{"for-in order", `result = []; for (var k in arg) result.push(k)`, `{"b": 1, "a": 2}`, `["b","a"]`},
		{"stringify order", `result = JSON.stringify(arg)`, `{"b": [{"d": 1, "c": 2}], "a": {}}`, `"{\"a\":{},\"b\":[{\"c\":2,\"d\":1}]}"`},
		{"stringify indented", `result = JSON.stringify(arg, null, 2)`, `{"b": {"d": 1, "c": []}, "a": 2}`,
			`"{\n  \"a\": 2,\n  \"b\": {\n    \"c\": [],\n    \"d\": 1\n  }\n}"`},
		{"stringify undefined", `result = typeof JSON.stringify(undefined)`, `0`, `"undefined"`},
		{"stringify a date", `result = JSON.stringify({d: new Date(0)})`, `0`, `"{\"d\":\"1970-01-01T00:00:00.000Z\"}"`},
		{"atob and btoa", `result = [atob("aMOp"), btoa("hé")]`, `0`, `["hé","aMOp"]`},
		{"hashHmac", `result = [hashHmac("sha256", "what do ya want for nothing?", "Jefe"), hashHmac("MD5", "", "").length]`, `0`,
			`["5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",32]`}, // RFC 4231, test case 2
		{"underscore", `result = _.chain(arg).filter(function(x) { return x > 1 }).map(function(x) { return x * x }).value()`, `[1, 2, 3]`, `[4,9]`},
		{"underscore again", `result = [typeof _.VERSION, _.pluck([{a: 1}], "a"), _.uniq([1, 1])]`, `0`, `["string",[1],[1]]`},
		{"underscore replaced", `_ = 3; result = _`, `0`, `3`},
		{"underscore beside exports", `exports = {}; module = {}; result = _.first([7])`, `0`, `7`},
		{"flags in a pattern", `result = [new RegExp("(?i)ab").test("xAB"), new RegExp("a", "g") instanceof RegExp, "a1a".replace(RegExp("a", "g"), "b")]`, `0`, `[true,true,"b1b"]`},
		{"line continued", "result = 'a\\\nb'", `0`, `"ab"`},
		{"reserved words as members", `result = {default: 1, class: 2}.default`, `0`, `1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := run(t, tt.source, tt.arg)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(out.JSON); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNumbersAndDates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ source, want string }{
		{`(2.5).toFixed()`, `"2"`},
		{`(3.5).toFixed(0)`, `"4"`},
		{`(0.125).toFixed(2)`, `"0.12"`},
		{`(-0.375).toFixed(2)`, `"-0.38"`},
		{`(1.005).toFixed(2)`, `"1.00"`},
		{`(1234.5678).toFixed(2)`, `"1234.57"`},
		{`(5).toFixed(2)`, `"5.00"`},
		{`(1e21).toFixed(2)`, `"1e+21"`},
		{`(1e25).toFixed(2)`, `"1e+25"`},
		{`(0/0).toFixed(2)`, `"NaN"`},
		{`new Date("2024").toISOString()`, `"2024-01-01T00:00:00.000Z"`},
		{`new Date("2024-02").getTime()`, `1706745600000`},
		{`new Date("2024-01-02T03:04").toJSON()`, `"2024-01-02T03:04:00.000Z"`},
		{`new Date("2024-01-02T03:04:05.678901+02:30").toISOString()`, `"2024-01-02T00:34:05.678Z"`},
		{`new Date("2024-01-02T03:04:05-0100").toISOString()`, `"2024-01-02T04:04:05.000Z"`},
		{`new Date("2024/01/02 03:04:05").toISOString()`, `"2024-01-02T03:04:05.000Z"`},
		{`new Date("2024-01-02 03:04:05").toISOString()`, `"Invalid Date"`},
		{`new Date("Jan 5, 2024").getTime()`, `null`},
		{`new Date("2024-02-30").getTime()`, `null`},
		{`new Date("rubbish").toISOString()`, `"Invalid Date"`},
		{`new Date("rubbish").toJSON()`, `null`},
		{`new Date("rubbish") + ""`, `"Invalid Date"`},
		{`new Date(undefined).toISOString()`, `"Invalid Date"`},
		{`new Date(2024, 0, 31, 12).toISOString()`, `"2024-01-31T12:00:00.000Z"`},
		{`new Date(new Date(5)).getTime()`, `5`},
		{`new Date(new Date(0) + "").getTime()`, `0`},
		{`new Date(0) + ""`, `"Thu, 01 Jan 1970 00:00:00 UTC"`},
		{`new Date(0).toUTCString()`, `"Thu, 01 Jan 1970 00:00:00 GMT"`},
		{`new Date(0).toDateString()`, `"Thu, 01 Jan 1970"`},
		{`new Date(0).toTimeString()`, `"00:00:00 UTC"`},
		{`new Date(0).toLocaleString()`, `"1970-01-01 00:00:00"`},
		{`new Date(0).toLocaleDateString()`, `"1970-01-01"`},
		{`new Date(0).toLocaleTimeString()`, `"00:00:00"`},
		{`new Date(0).getTimezoneOffset()`, `0`},
		{`(function() { var d = new Date(0); d.setDate(d.getDate() - 1); return d.toISOString() })()`, `"1969-12-31T00:00:00.000Z"`},
		{`new Date() instanceof Date && new Date().constructor === Date && typeof Date() === "string"`, `true`},
		{`new Date().toISOString().slice(0, 16)`, `"2026-03-04T05:06"`},
		{`Date.now() - new Date().getTime() <= 0`, `true`},
		{`(function() { var end = Date.now() + 3; while (Date.now() < end); return "runs on" })()`, `"runs on"`},
	} {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			out, err := run(t, "result = "+tt.source, `0`)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(out.JSON); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, source string
		want         script.Error
	}{
		{"unknown name", "\n  x", script.Error{Message: "ReferenceError: 'x' is not defined", Line: 2}},
		{"unknown function", "f(1)", script.Error{Message: "ReferenceError: 'f' is not defined", Line: 1}},
		{"not a function", "f = 3\n\nf()", script.Error{Message: "TypeError: 'f' is not a function", Line: 3}},
		{"not a method", "f = {}\nf.größe (2)", script.Error{Message: "TypeError: 'größe' is not a function", Line: 2}},
		{"not a result", "f = function() {}\nf()()", script.Error{Message: "TypeError: not a function", Line: 2}},
		{"member of undefined", "var a\na.x", script.Error{Message: "TypeError: Cannot access member 'x' of undefined", Line: 2}},
		{"assignment to a member of null", "var a = null\na.x = 1", script.Error{Message: "TypeError: Cannot access member 'x' of null", Line: 2}},
		{"computed member", "var a\na[1 + 1]", script.Error{Message: "TypeError: Cannot access member of undefined", Line: 2}},
		{"inside of underscore", "\n_.each([1], function(v) {\n v.a.b })", script.Error{Message: "TypeError: Cannot access member 'b' of undefined", Line: 3}},
		{"thrown text", "throw 'no rows'", script.Error{Message: "no rows"}},
		{"thrown null", "throw null", script.Error{Message: "null"}},
		{"thrown error", "\nthrow new Error('no rows')", script.Error{Message: "Error: no rows", Line: 2}},
		{"unreadable", "var a = 1\nvar = 2", script.Error{Message: "SyntaxError: variable name expected", Line: 2}},
		{"not a missing comma", "a = {\nb: 1; c: 2}", script.Error{Message: "SyntaxError: expecting '}'", Line: 2}},
		{"circular result", "result = {}; result.a = result", script.Error{Message: "TypeError: circular reference"}},
		{"atob", "\natob('*')", script.Error{Message: "Error: atob was given what is not base64", Line: 2}},
		{"hashHmac of another kind", "hashHmac('crc', 'a', 'b')", script.Error{Message: "Error: hashHmac knows sha256, sha512, sha1 and md5, and was given crc", Line: 1}},
		{"nothing to import", "import os from 'os'", script.Error{Message: "SyntaxError: expecting '('", Line: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, tt.source, `0`)
			got, ok := errors.AsType[*script.Error](err)
			if !ok {
				t.Fatalf("got %v (%T), want an *Error", err, err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	out, err := run(t, `
		console.log("a", 1, true, null, undefined)
		console.dir({b: [1, undefined], a: function() {}})
		var loop = {}; loop.loop = loop
		console.log("x", loop)
		console.log(new Array(20001).join("y"))
		result = 1`, `0`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`console.log: "a" 1 true null null`,
		"console.dir: >\n  {\n    \"a\": {},\n    \"b\": [\n      1\n    ]\n  }",
		"console.log: >\n  \"x\"\n  \"[circular reference]\"",
		`console.log: "` + strings.Repeat("y", 10<<10-2) + " ... 9763 bytes omitted",
	}
	if diff := cmp.Diff(want, out.Logs); diff != "" {
		t.Error(diff)
	}
	out, _ = run(t, `for (var i = 0; i < 500; i++) console.log(new Array(10000).join("y"))`, `0`)
	if n := len(strings.Join(out.Logs, "")); n > 2<<20 {
		t.Errorf("%d bytes of logs are kept", n)
	}
}

// What a script does to its world is gone with it.
func TestEveryRunHasAWorldOfItsOwn(t *testing.T) {
	t.Parallel()
	if _, err := run(t, `
		_.map([], _.identity); Object.prototype.leak = 1; Array.prototype.push = null; JSON.stringify = null; Array.isArray = null
		Date.now = null; _.map = null; String.prototype.includes = null; leaked = 2; result = {a: [1]}`, `0`); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, `result = [typeof leaked, {}.leak, typeof _.map, typeof Date.now, JSON.stringify({a: 1})]`, `0`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.JSON), `["undefined","function","function","{\"a\":1}"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Every function of Underscore 1.4.4, which the templates were written for, is there.
func TestUnderscoreFunctions(t *testing.T) {
	t.Parallel()
	names := strings.Fields(`each forEach map collect reduce foldl inject reduceRight foldr find detect filter select where
		findWhere reject every all some any contains include invoke pluck max min sortBy groupBy countBy shuffle toArray size
		first head take initial last rest tail drop compact flatten without union intersection difference uniq unique zip object
		indexOf lastIndexOf sortedIndex range bind bindAll memoize delay defer throttle debounce once after wrap compose keys
		values pairs invert functions methods extend pick omit defaults clone tap has isEqual isEmpty isElement isObject isArray
		isArguments isFunction isString isNumber isFinite isBoolean isDate isRegExp isNaN isNull isUndefined noConflict identity
		times random mixin uniqueId escape unescape result template chain`)
	arg, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, `result = _.reject(arg, function(n) { return _.isFunction(_[n]) })`, string(arg))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out.JSON); got != `[]` {
		t.Errorf("missing: %s", got)
	}
}

// Nothing but the language and what the package's comment lists is in reach.
func TestNoHost(t *testing.T) {
	t.Parallel()
	out, err := run(t, `
		var names = Object.getOwnPropertyNames((new Function("return this"))())
		result = _.filter(names, function(n) { return /^[a-z_]/.test(n) }).sort().join(" ")`, `0`)
	if err != nil {
		t.Fatal(err)
	}
	want := `"_ appendToResult arg atob btoa console decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval ` +
		`getIterator globalThis hashHmac isFinite isNaN names parseFloat parseInt result undefined unescape"`
	if got := string(out.JSON); got != want && got != strings.Replace(want, " result", "", 1) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestRandomIsRepeatable(t *testing.T) {
	t.Parallel()
	const source = `result = []; for (var i = 0; i < 100; i++) result.push(Math.random())`
	a, err := run(t, source, `0`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := run(t, source, `0`)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.JSON) != string(b.JSON) {
		t.Error("two runs of the same call drew different numbers")
	}
	var drawn []float64
	if err := json.Unmarshal(a.JSON, &drawn); err != nil {
		t.Fatal(err)
	}
	seen := make(map[float64]bool)
	for _, x := range drawn {
		if x < 0 || x >= 1 || seen[x] {
			t.Errorf("drew %v, which is outside [0, 1) or came before", x)
		}
		seen[x] = true
	}
}

func TestCallsThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]script.Call{
		"an argument is missing": {Source: "1", Params: []string{"a"}, Result: "r"},
		"result is no name":      {Source: "1", Result: "a b"},
		"argument is no JSON":    {Source: "1", Params: []string{"a"}, Args: []json.RawMessage{[]byte("{")}, Result: "r"},
	} {
		if out, err := (script.Local{}).Run(context.Background(), c); err == nil {
			t.Errorf("%s: got %s, want an error", name, out.JSON)
		}
	}
}
