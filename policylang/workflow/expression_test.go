package workflow

import (
	"context"
	"testing"
)

// evaluate gives an expression's value in readable form, or its error.
func evaluate(t *testing.T, expr string, c Config) string {
	t.Helper()
	p := compileText(t, "define main() return $r do\n$r = "+expr+"\nend\n")
	m, err := Start(p, "main", nil, c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Step(context.Background(), newHost(nil))
	if err != nil {
		t.Fatal(err)
	}
	return outcomeText(s)
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ expr, want string }{
		// Literals.
		{`[1, 2.50, 1e3, 2m30s, 1d]`, `[1, 2.5, 1000, 150, 86400]`},
		{`'a\'b\n' + "c\"\n\s\q"`, `"a'b\\nc\"\n q"`},
		{"<<-EOS + 'x'\n  a\n  EOS", `"  a\nx"`},
		{"<<~EOS\n  a\n   b\n  EOS", `"a\n b\n"`},
		{`to_n(d"2024/01/31 10:00:00 PM")`, `1706738400`},
		{`[1..3] + ["a-8".."a-10"]`, `[1, 2, 3, "a-8", "a-9", "a-10"]`},
		{`{"b": 1, a: 2, "b" => 3}`, `{"b": 3, "a": 2}`},

		// Precedence.
		{`1 + 2 * 3 ^ 2`, `19`}, {`-2 ^ 2`, `-4`}, {`2 ^ 3 ^ 2`, `512`}, {`2 ^ -1`, `0.5`},
		{`1 + 1 == 2 && !false`, `true`}, {`[] << 1 + 2`, `[3]`}, {`1 < 2 == true`, `true`}, {`7 - 2 - 1`, `4`},

		// Numbers.
		{`7 / 2`, `3`}, {`-7 / 2`, `-4`}, {`7 / -2`, `-4`}, {`-7 % 3`, `2`}, {`7 % -3`, `-2`}, {`7 / 2.0`, `3.5`}, {`-7.5 % 2`, `0.5`},
		{`9223372036854775807 + 1`, `9223372036854775808`}, {`9223372036854775808 - 1`, `9223372036854775807`}, {`2 ^ 70 / 2 ^ 60`, `1024`},
		{`0.1 + 0.2`, `0.30000000000000004`}, {`1.0 + 1`, `2`}, {`1e21`, `1000000000000000000000`}, {`1 / 0`, `runtime: division by zero`}, {`1.5 / 0`, `runtime: division by zero`},
		{`2 ^ 2 ^ 40`, `runtime: the number has more than 4096 bits`}, {`10.0 ^ 999`, `runtime: 10 ^ 999 is not a number`}, {`1 == 1.0`, `true`}, {`9007199254740993 == 9007199254740992.0`, `false`},

		// Addition and its kin.
		{`"a" + "b"`, `"ab"`}, {`"n" + 1.50`, `"n1.5"`}, {`"a" + null`, `runtime: a string + null is not defined; to_s makes a string of anything`},
		{`"a" + true`, `runtime: a string + a boolean is not defined; to_s makes a string of anything`}, {`1 + "a"`, `runtime: a number + a string is not defined`},
		{`[1] + [2]`, `[1, 2]`}, {`{a: 1, b: 2} + {b: 3, c: 4}`, `{"a": 1, "b": 2, "c": 4}`}, {`[1, 2, 1, 3] - [1]`, `[2, 3]`},
		{`type(now() + 5)`, `"datetime"`}, {`now() + 7200 - now()`, `7200`}, {`now() < now() + 1`, `true`},

		// Comparison.
		{`"1" == 1`, `false`}, {`[1, {a: 2}] == [1.0, {a: 2}]`, `true`}, {`{a: 1, b: 2} == {b: 2, a: 1}`, `true`}, {`null == false`, `false`},
		{`"a" < "b"`, `true`}, {`1 < "b"`, `runtime: a number < a string is not defined`}, {`null > 1`, `runtime: null > a number is not defined`},
		{`[1] < [1, 2]`, `true`}, {`[1, 2] <= [2, 1]`, `true`}, {`[1, 2] < [2, 1]`, `false`}, {`[1, 2] > [2]`, `true`},
		{`"stopped" =~ /^(stopped|stopping)$/`, `true`}, {`"x" !~ "STOP"`, `true`}, {`"stopped" =~ "/STOP/i"`, `true`}, {`[1, 2] =~ 2`, `true`}, {`{a: 1} =~ "a"`, `true`},
		{`null !~ "available"`, `true`}, {`"a/b" =~ /a\/[/b]/`, `true`}, {`"A B" =~ /a \ b # c/ix`, `true`}, {`"a\nb" =~ /a.b/`, `false`}, {`"a\nb" =~ /a.b/m`, `true`}, {`"f0" =~ /\A\h+\Z/`, `true`},

		// Logic.
		{`0 && "x"`, `"x"`}, {`null || false`, `false`}, {`!0`, `false`}, {`!null`, `true`}, {`6 & 3`, `2`}, {`[1, 2] & [2, 3]`, `[2]`}, {`[1, 1] | [2]`, `[1, 2]`},

		// Indices and slices.
		{`{a: {b: 1}}["a"]["b"]`, `1`}, {`{}["a"]`, `null`}, {`{}["a"]["b"]`, `runtime: null["b"]: there is nothing to take a member of`},
		{`[1, 2][1]`, `2`}, {`[1, 2][-1]`, `2`}, {`[1, 2][9]`, `null`}, {`[1]["a"]`, `runtime: an array has no member "a": it is indexed by whole numbers`},
		{`[1, 2, 3, 4][1..2]`, `[2, 3]`}, {`[1, 2, 3][1..]`, `[2, 3]`}, {`[1, 2, 3][..1]`, `[1, 2]`}, {`[1, 2, 3][0..99]`, `[1, 2, 3]`}, {`[1, 2, 3][-2..-1]`, `[2, 3]`},
		{`[1, 2, 3][2..1]`, `[]`}, {`[1][5..9]`, `[]`}, {`"häuser"[1..2]`, `"äu"`}, {`"abc"[-1]`, `"c"`}, {`{1: "a"}[1]`, `"a"`},

		// Lists.
		{`[size([1, 2]), size({a: 1}), size("äö")]`, `[2, 1, 2]`}, {`[first([1, 2]), last([1, 2]), first([]), last([])]`, `[1, 2, null, null]`},
		{`sort([3, 1, 2.5])`, `[1, 2.5, 3]`}, {`sort([{a: {b: 2}}, {a: {b: 1}}], "a/b")`, `[{"a": {"b": 1}}, {"a": {"b": 2}}]`}, {`sort(["a", "c", "b"], null, "desc")`, `["c", "b", "a"]`}, {`sort([1, "a"])`, `runtime: sort: a string and a number have no order`},
		{`[contains?([1, 2], [2]), contains?([1], [1, 2]), contains?(["a"], "a")]`, `[true, false, true]`},
		{`[empty?([]), empty?(""), empty?({a: 1}), any?([null, 1]), any?([]), any?(["abc"], "/B/i"), all?([], 1), all?([1, 1], 1), all?([1, 2], 1)]`, `[true, true, false, true, false, true, true, true, false]`},
		{`select([{a: 1, b: "xy"}, {a: 2, b: "z"}], {b: "/^x/"})`, `[{"a": 1, "b": "xy"}]`}, {`unique([1, 1.0, "1", [2], [2]])`, `[1, "1", [2]]`},
		{`[equals?(1, 1), switch(0, "a", "b"), logic_and(1, null), logic_or(null, 1), logic_not(1)]`, `[true, "a", false, true, false]`},
		{`[keys({b: 1, a: 2}), values({b: 1, a: 2}), map({a: {b: 7}}, "a", "b"), map({}, "a", "b")]`, `[["b", "a"], [1, 2], 7, null]`},
		{`join(["/orgs/", 42, "/", 1.0, null, true, {a: 1}])`, `"/orgs/42/1true{\"a\":1}"`}, {`join([1, 2], ", ")`, `"1, 2"`}, {`join(null)`, `""`},
		{`reverse([1, 2]) + [reverse("aä")]`, `[2, 1, "äa"]`},

		// Conversion.
		{`[type(1), type("a"), type(true), type(now()), type(null), type([]), type({})]`, `["number", "string", "boolean", "datetime", "null", "array", "hash"]`},
		{`inspect(null)`, `"null"`}, {`inspect({a: [1, "x", null]})`, `"{\"a\": [1, \"x\", null]}"`},
		{`[to_s("a"), to_s(null), to_s(1.0), to_s([1, "a"]), to_s(d"2024/01/31 10:00:00 PM")]`, `["a", "null", "1", "[1,\"a\"]", "d\"2024/01/31 10:00:00 PM\""]`},
		{`[to_n("12"), to_n(" 1.5 "), to_n("x"), to_n("12x"), to_n(true), to_n(null), to_n("-3e2"), to_n("."), to_n("+4")]`, `[12, 1.5, 0, 0, 1, 0, -300, 0, 4]`},
		{`[to_b("true"), to_b("x"), to_b(2), to_b(0), to_b(true), to_b(null)]`, `[true, false, true, false, true, false]`},
		{`to_n(to_d("2024-01-31T22:00:00Z"))`, `1706738400`}, {`to_n(to_d("2024/01/31 22:00:00 +0000")) - to_n(to_d(1706738400))`, `0`}, {`to_d("soon")`, `runtime: to_d: "soon" is no date that we know`},
		{`to_a({a: 1})`, `[["a", 1]]`}, {`to_json({b: [1, 1.50, null, "ä\n\u"], a: {}})`, `"{\"b\":[1,1.5,null,\"ä\\nu\"],\"a\":{}}"`},
		{`from_json("{\"z\":12345678901234567890,\"a\":[1.0,true]}")`, `{"z": 12345678901234567890, "a": [1, true]}`}, {`from_json("{")`, `runtime: from_json: unexpected EOF`}, {`from_json("1 2")`, `runtime: from_json: text after the value, at byte 3`},

		// Codecs.
		{`[to_base64("äb"), from_base64("w6Ri"), from_base64("w6Ri\n")]`, `["w6Ri", "äb", "äb"]`}, {`from_base64("?")`, `runtime: from_base64: the text is no base64`},
		{`[to_html("<a b=\"c\">&"), from_html("&lt;&amp;&#228;")]`, `["&lt;a b=&#34;c&#34;&gt;&amp;", "<&ä"]`},
		{`[to_uri("a b/ä?x=1"), to_uri_esc("a b/ä"), from_uri("a%20b%2F")]`, `["a%20b/%C3%A4?x=1", "a%20b%2F%C3%A4", "a b/"]`},

		// Text.
		{`[capitalize("hELLO"), downcase("ÄB"), upcase("äb"), strip(" a\n"), lstrip(" a "), rstrip(" a ")]`, `["Hello", "äb", "ÄB", "a", "a ", " a"]`},
		{`[pluralize("policy"), pluralize("address"), pluralize("person"), pluralize("servers"), pluralize("status"), singularize("policies"), singularize("addresses"), singularize("boxes"), singularize("glass"), singularize("keys")]`, `["policies", "addresses", "people", "servers", "statuses", "policy", "address", "box", "glass", "key"]`},
		{`[gsub("a.b.c", ".", "-"), gsub("a1b22", /\d+/, "<\0>"), gsub("ab", "/(a)(b)/", "\\2\\1"), sub("aa", "a", "b"), gsub("a/b", "/", "%2F")]`, `["a-b-c", "a<0>b<0>", "ba", "ba", "a%2Fb"]`},
		{`[include?("abc", "b"), include?(["a"], "a"), index("häh", "h", 1), index("a", "b"), rindex("haha", "ha"), rindex("haha", "ha", 1), index("ab1", /\d/)]`, `[true, true, 2, null, 2, 0, 2]`},
		{`[insert("0830", 2, ":"), insert("ab", -1, "c"), insert("ab", -2, "c")]`, `["08:30", "abc", "acb"]`}, {`insert("ab", 9, "c")`, `runtime: insert: 9 is out of range`},
		{`[ljust("a", 4), rjust("a", 4, "xy"), rjust("abc", 2)]`, `["a   ", "xyxa", "abc"]`}, {`lines("a\nb")`, `["a\n", "b"]`},
		{`[split("a,b,,", ","), split("a1b2c", /\d/), split(" a  b "), split("a-b", "/-/"), split("ab", ""), split("a/b", "/"), split(null, ",")]`, `[["a", "b"], ["a", "b", "c"], ["a", "b"], ["a", "b"], ["a", "b"], ["a", "b"], []]`},

		// Time and chance.
		{`strftime(d"2024/01/05 03:04:05 PM", "%Y/%m/%d %H:%M:%S %j %-d|%e|%3d|%_m|%I:%M %p %P %a %^A %b %B %y %Z %z %s %% %U %V %u %F %T %q")`, `"2024/01/05 15:04:05 005 5| 5|005| 1|03:04 PM pm Fri FRIDAY Jan January 24 UTC +0000 1704467045 % 00 01 5 2024-01-05 15:04:05 %q"`},
		{`[rand(10), rand(), uuid()]`, `[0, 0, "00000000-0000-4000-8000-000000000000"]`},

		// Others.
		{`xpath("<a><b x='1'>t</b><b>u</b></a>", "//b")`, `["t", "u"]`}, {`xpath("<a><b class='k l'><c id='i'>t</c></b></a>", "css:b.k > #i")`, `["t"]`}, {`xpath("<a>", "//b")`, `runtime: xpath: the text is no XML: XML syntax error on line 1: unexpected EOF`},
		{`jwt_encode("HS256", {a: 1}, "0123456789abcdef0123456789abcdef")`, `"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.aGbK1_nONSboObac6DmY6vyqQ9kmIV84Amg_V0YAg5I"`},
		{`jwt_encode("RS256", {a: 1}, "no key")`, `runtime: jwt_encode: the key is no PEM block`},
		{`tag_value(["x:y=1", "x:z=2"], "x:z")`, `"2"`}, {`signer("auth_a")`, `auth_a`}, {`to_object({a: 1})`, `{"a": 1}`},
		{`size(1)`, `runtime: size of a number is not defined`}, {`keys([])`, `runtime: keys: expected a hash, got an array`}, {`upcase(null)`, `runtime: the argument: expected a string, got null`},
	} {
		if got := evaluate(t, tt.expr, Config{}); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.expr, got, tt.want)
		}
	}
}

func TestLenientConcatenation(t *testing.T) {
	t.Parallel()
	if got, want := evaluate(t, `"a" + null + true + [1]`, Config{Lenient: true}), `"atrue[1]"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFunctionsDescribeThemselves(t *testing.T) {
	t.Parallel()
	for name, b := range builtins {
		if b.signature == "" || b.meaning == "" {
			t.Errorf("%s has no signature or meaning", name)
		}
		if b.most >= 0 && b.least > b.most {
			t.Errorf("%s takes at least %d and at most %d arguments", name, b.least, b.most)
		}
	}
}

func TestStoredValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	for _, v := range []Value{
		nil, Bool(true), Int(-5), parseNumber("123456789012345678901234567890"), Float(2), Float(0.1), String("ä\u0000\""), String("\xff\xfe"), Time(5),
		Regexp{"a", "i"}, Signer("auth"), Array{}, ArrayOf(Float(1), nil), Hash{}, Hash{}.With("$time", Int(1)), Hash{}.With("$x", Hash{}.With("$hash", Time(2))), Hash{}.With("z", Int(1)).With("a", Time(2)),
	} {
		text, err := stored{v}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var back stored
		if err := back.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		if !Equal(back.Value, v) || TypeName(back.Value) != TypeName(v) || Inspect(back.Value) != Inspect(v) {
			t.Errorf("%s came back from %s as %s", Inspect(v), text, Inspect(back.Value))
		}
	}
}

func TestValuesNeverChange(t *testing.T) {
	t.Parallel()
	a := ArrayOf(Int(1))
	b, c := a.Append(Int(2)), a.Append(Int(3))
	d := b.With(0, Int(9))
	if got, want := Inspect(ArrayOf(a, b, c, d)), "[[1], [1, 2], [1, 3], [9, 2]]"; got != want {
		t.Errorf("arrays: got %s, want %s", got, want)
	}
	h := Hash{}.With("a", Int(1))
	i, j := h.With("b", Int(2)), h.With("c", Int(3))
	k := i.With("a", Int(9))
	if got, want := Inspect(ArrayOf(h, i, j, k)), `[{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "c": 3}, {"a": 9, "b": 2}]`; got != want {
		t.Errorf("hashes: got %s, want %s", got, want)
	}
	if _, ok := h.Get("b"); ok {
		t.Error("a hash sees a member of one that grew from it")
	}
}
