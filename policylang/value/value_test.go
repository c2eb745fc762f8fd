package value_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/value"
)

func decode(t *testing.T, text string) value.Value {
	t.Helper()
	v, err := value.Decode([]byte(text))
	if err != nil {
		t.Fatalf("Decode(%s): %v", text, err)
	}
	return v
}

func TestTruthFollowsTheChecklist(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"null": false, "false": false, "0": false, "-0": false, "0.0": false, "0e5": false, `""`: false, "[]": false, "{}": false,
		"true": true, "1": true, "-1": true, "0.1": true, "1e-400": true, `"0"`: true, `" "`: true, `"false"`: true, "[null]": true, `{"a":null}`: true,
	} {
		if got := value.Truth(decode(t, text)); got != want {
			t.Errorf("Truth(%s): got %v, want %v", text, got, want)
		}
	}
	if !value.Truth(value.NewDate(time.Unix(0, 0))) {
		t.Error("Truth of a date: got false, want true")
	}
}

func TestEqualAsksForTypeAndValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2", `"2"`, false},
		{"1", "1.0", true},
		{"100", "1e2", true},
		{"0", "-0", true},
		{"12345678901234567890", "12345678901234567891", false},
		{"null", "null", true},
		{"null", "false", false},
		{"null", `""`, false},
		{"null", "0", false},
		{"[1,[2]]", "[1.0,[2]]", true},
		{"[1,2]", "[2,1]", false},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`{"a":null}`, `{"b":null}`, false},
		{"[]", `""`, false},
		{"[]", "{}", false},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if got := value.Equal(decode(t, pair[0]), decode(t, pair[1])); got != c.want {
				t.Errorf("Equal(%s, %s): got %v, want %v", pair[0], pair[1], got, c.want)
			}
		}
	}
}

func TestCompareOrdersOneTypeOnly(t *testing.T) {
	t.Parallel()
	early, late := value.NewDate(time.Unix(1, 0)), value.NewDate(time.Unix(2, 0))
	for _, c := range []struct {
		a, b value.Value
		want int
		ok   bool
	}{
		{value.Number("2"), value.Number("10"), -1, true},
		{value.Number("-2"), value.Number("-10"), 1, true},
		{value.Number("1e1000000000000000000000"), value.Number("1"), 1, true},
		{value.Number("1e-1000000000000000000000"), value.Number("0"), 1, true},
		{value.Number("12345678901234567890"), value.Number("12345678901234567891"), -1, true},
		{"B", "a", -1, true},
		{"\uffff", "\U00010000", -1, true}, // by code points, not by UTF-16
		{early, late, -1, true},
		{value.Number("1"), "1", 0, false},
		{nil, nil, 0, false},
		{early, "2020-01-01", 0, false},
		{true, false, 0, false},
	} {
		if got, ok := value.Compare(c.a, c.b); got != c.want || ok != c.ok {
			t.Errorf("Compare(%v, %v): got %d, %v, want %d, %v", c.a, c.b, got, ok, c.want, c.ok)
		}
	}
}

func TestTextOfValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"null": "", "true": "true", "false": "false", `"a b"`: "a b",
		"12": "12", "-0": "0", "1.0": "1", "1.10": "1.1", "1e3": "1000", "12E-1": "1.2", "1e-7": "0.0000001", "-2.50e1": "-25",
		"12345678901234567890": "12345678901234567890", "1e400": "1e400", "1e-400": "1e-400", "1e20": "100000000000000000000", "0.000": "0",
		`[1, "a", null]`: `[1,"a",null]`, `{"b": 1.10, "a": {}}`: `{"b":1.10,"a":{}}`,
	} {
		if got := value.Text(decode(t, text)); got != want {
			t.Errorf("Text(%s): got %q, want %q", text, got, want)
		}
	}
	if got, want := value.Text(value.NewDate(time.Unix(1, 0))), "1970-01-01T00:00:01Z"; got != want {
		t.Errorf("Text of a date: got %q, want %q", got, want)
	}
}

func TestDecodeKeepsOrderAndDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" [ 1 , 2.50 , -0.0, 1E+5 ] \n":      "[1,2.50,-0.0,1E+5]",
		`{"z":1,"a":{"y":[],"b":{}}}`:        "",
		`{"a":1,"b":2,"a":3}`:                `{"a":3,"b":2}`,
		"\ufeff{}":                           "{}",
		`"\u00e9\n\t\"\\\/\b\f\r\u0001"`:     `"é\n\t\"\\/\u0008\u000c\r\u0001"`,
		`"\ud83d\ude00 \ud83d \ude00"`:       "\"😀 \ufffd \ufffd\"",
		"\"a\xffb\"":                         "\"a\ufffdb\"",
		`"<&>\u2028"`:                        "\"<&>\u2028\"",
		`{"__proto__":{"x":1},"":null}`:      "",
		`12345678901234567890123456789012.5`: "",
	} {
		if want == "" {
			want = in
		}
		if got := string(value.Encode(decode(t, in))); got != want {
			t.Errorf("Encode(Decode(%s)): got %s, want %s", in, got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                               "it ends where a value should be",
		"nul":                            "a value should be",
		"[1,]":                           "a value should be",
		"[1 2]":                          "a comma or ]",
		`{"a" 1}`:                        "a colon",
		`{a:1}`:                          "a key in quotes",
		`{"a":1`:                         "it ends where a comma or }",
		`"abc`:                           "a string doesn't end",
		`"abc\`:                          "a string doesn't end",
		"\"a\nb\"":                       "control character",
		`"\x"`:                           "an escape that means nothing",
		`"\u12"`:                         "an escape that means nothing",
		"1 2":                            "text after the value",
		"01":                             "text after the value",
		"1.":                             "a number",
		"-":                              "a number",
		"+1":                             "a value",
		"NaN":                            "a value",
		"[\n\n<html>":                    "line 3, byte 3",
		strings.Repeat("[", 1<<20):       "more than 1000 levels",
		strings.Repeat(`{"a":`, 1<<20):   "more than 1000 levels",
		strings.Repeat("9", 1<<20):       "a number has more than 1000 digits",
		`"` + strings.Repeat("a", 1<<20): "a string doesn't end",
	} {
		_, err := value.Decode([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("Decode(%.40s): got %v, want an error with %q", in, err, want)
		}
	}
}

func TestDecodeStopsAtItsMemory(t *testing.T) {
	t.Parallel()
	limits := value.Limits{Memory: 1 << 20}
	for name, in := range map[string]string{
		"zeros":   "[0" + strings.Repeat(",0", 1<<18) + "]",
		"lists":   "[[]" + strings.Repeat(",[]", 1<<17) + "]",
		"objects": "[{}" + strings.Repeat(",{}", 1<<16) + "]",
		"text":    `"` + strings.Repeat("a", 2<<20) + `"`,
		"key":     `{"` + strings.Repeat("a", 2<<20) + `":1}`,
	} {
		if _, err := limits.Decode([]byte(in)); err == nil || !strings.Contains(err.Error(), "more than 1 MiB of memory") {
			t.Errorf("%s: got %v, want the limit named", name, err)
		}
	}
	text := []byte(`{"list":[1,"two",{"three":null}],"text":"` + strings.Repeat("a", 1000) + `"}`)
	v, err := value.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int64{value.Size(v) - 10, 2 * value.Size(v)} {
		_, err := value.Limits{Memory: memory}.Decode(text)
		if fits := memory > value.Size(v); (err == nil) != fits {
			t.Errorf("Decode of %d bytes of values within %d: got %v", value.Size(v), memory, err)
		}
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	m := value.New()
	var keys []string
	for i := range 40 {
		k := strings.Repeat("k", i)
		m.Set(k, i)
		keys = append(keys, k)
	}
	m.Set(keys[3], "again")
	m.Delete(keys[0])
	m.Delete("absent")
	if diff := cmp.Diff(keys[1:], m.Keys()); diff != "" {
		t.Error(diff)
	}
	for i, k := range keys[1:] {
		v, ok := m.Get(k)
		if want := any(i + 1); !ok || i != 2 && v != want || i == 2 && v != "again" {
			t.Errorf("Get(%d): got %v, %v", i+1, v, ok)
		}
	}
	if _, ok := m.Get(keys[0]); ok {
		t.Error("Get of a deleted member: got one")
	}
	c := m.Clone()
	c.Set("new", 1)
	if _, ok := m.Get("new"); ok {
		t.Error("a clone shares its members")
	}
	var none *value.Map
	if _, ok := none.Get("a"); ok || none.Len() != 0 || len(none.Keys()) != 0 {
		t.Error("a nil map is not empty")
	}
}

func TestMapInStructs(t *testing.T) {
	t.Parallel()
	var s struct{ Fields *value.Map }
	text := `{"Fields":{"b":1.50,"a":[true]}}`
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(s); err != nil || string(got) != text {
		t.Errorf("got %s, %v, want %s", got, err, text)
	}
	if err := json.Unmarshal([]byte(`{"Fields":[1]}`), &s); err == nil || !strings.Contains(err.Error(), "a list where an object should be") {
		t.Errorf("a list as a map: got %v", err)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[value.Number]int64{"0": 0, "-0": 0, "7": 7, "2.0": 2, "2e0": 2, "12.5e1": 125, "-9223372036854775808": math.MinInt64, "9223372036854775807": math.MaxInt64, "1e18": 1e18} {
		if got, ok := text.Int64(); !ok || got != want {
			t.Errorf("Int64(%s): got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []value.Number{"0.5", "9223372036854775808", "1e19", "1e99999999999999999999", "1e-1"} {
		if got, ok := text.Int64(); ok {
			t.Errorf("Int64(%s): got %d, want none", text, got)
		}
	}
	for text, want := range map[string]value.Number{" 12 ": "12", "+1": "1", "01": "1", "1.": "1", ".5": "0.5", "1.10": "1.10", "-1e3": "-1e3", "12345678901234567890": "12345678901234567890"} {
		if got, err := value.ParseNumber(text); err != nil || got != want {
			t.Errorf("ParseNumber(%q): got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "0x10", "1_000", "Inf", "NaN", "1,5", "1 2", "--1", "+1e999", strings.Repeat("1", 2000)} {
		if got, err := value.ParseNumber(text); err == nil {
			t.Errorf("ParseNumber(%.20q): got %q, want an error", text, got)
		}
	}
	if got := value.Number("1e999").Float64(); got != math.MaxFloat64 {
		t.Errorf("Float64(1e999): got %v", got)
	}
}

func TestPlainAndBack(t *testing.T) {
	t.Parallel()
	v := decode(t, `{"a":[1,2.5,1e2,true,null,"x"],"id":12345678901234567890,"price":1.10}`)
	want := map[string]any{"a": []any{int64(1), 2.5, int64(100), true, nil, "x"}, "id": json.Number("12345678901234567890"), "price": 1.1}
	if diff := cmp.Diff(want, value.Plain(v)); diff != "" {
		t.Error(diff)
	}
	back, err := value.From(want)
	if err != nil || !value.Equal(v, back) {
		t.Errorf("From: got %s, %v", value.Encode(back), err)
	}
	for _, c := range []struct{ in, want any }{
		{7, value.Number("7")}, {uint64(math.MaxUint64), value.Number("18446744073709551615")}, {math.Inf(1), nil}, {math.NaN(), nil},
		{new(big.Int).Lsh(big.NewInt(1), 70), value.Number("1180591620717411303424")}, {1e21, value.Number("1e+21")}, {1e-7, value.Number("1e-07")}, {math.Nextafter(0.3, 1), value.Number("0.30000000000000004")},
		{[]string{"a"}, []value.Value{"a"}},
	} {
		got, err := value.From(c.in)
		if err != nil {
			t.Errorf("From(%v): %v", c.in, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("From(%v): %s", c.in, diff)
		}
	}
	if _, err := value.From(struct{}{}); err == nil {
		t.Error("From(struct{}{}): got no error")
	}
}

func TestEncodeSorted(t *testing.T) {
	t.Parallel()
	if got, want := string(value.EncodeSorted(decode(t, `[{"b":1,"a":{"d":1,"c":2}}]`))), `[{"a":{"c":2,"d":1},"b":1}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// leaf is an internal value that stands for a string.
type leaf string

func (l leaf) Settle() value.Value { return string(l) }
func (leaf) Kind() string          { return "a leaf" }

func TestSettle(t *testing.T) {
	t.Parallel()
	v := decode(t, `{"a":[1]}`)
	if got := value.Settle(v); got != v {
		t.Error("a value without anything internal is copied")
	}
	m := value.New()
	m.Set("list", []value.Value{"x", leaf("y"), []value.Value{leaf("z")}})
	m.Set("at", value.NewDate(time.Unix(0, 0)))
	if got, want := string(value.Encode(value.Settle(m))), `{"list":["x","y",["z"]],"at":"1970-01-01T00:00:00Z"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if list, _ := m.Get("list"); list.([]value.Value)[1] != value.Value(leaf("y")) {
		t.Error("settling changed the value itself")
	}
	if !value.Equal(leaf("y"), "y") || value.Truth(leaf("")) || value.Kind(leaf("")) != "a leaf" {
		t.Error("a leaf is not like its text")
	}
}

func TestSharedPartsAreNotWalkedForever(t *testing.T) {
	t.Parallel()
	v := value.Value("x")
	for range 100 {
		v = []value.Value{v, v}
	}
	if value.Fits(v, 1<<20) {
		t.Error("2^100 strings fit a mebibyte")
	}
	if !value.Equal(v, v) {
		t.Error("a value doesn't equal itself")
	}
	if text := value.Value("text"); !value.Fits(text, value.Size(text)) || value.Fits(text, value.Size(text)-1) {
		t.Error("a value of n bytes fits something other than n")
	}
}

// FuzzDecode compares with the JSON package of Go: what one takes the other takes, and it means the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,-0,1e5,null,true,"x\u00e9\ud83d\ude00"],"a":{}}`, "[", `"\ud800"`, "1.0e+3", " [ ] ", "\xff", `"\xff"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := value.Decode(text)
		if err != nil {
			var other any
			if json.Unmarshal(text, &other) == nil && !strings.Contains(err.Error(), "more than") {
				t.Fatalf("Decode(%q): %v, but it is JSON", text, err)
			}
			return
		}
		out := value.Encode(v)
		if !json.Valid(out) {
			t.Fatalf("Encode(%q) is no JSON: %q", text, out)
		}
		again, err := value.Decode(out)
		if err != nil || !value.Equal(v, again) || string(value.Encode(again)) != string(out) {
			t.Fatalf("%q became %q, then %q, %v", text, out, value.Encode(again), err)
		}
		if back, err := value.From(value.Plain(v)); err != nil || !value.Equal(v, back) {
			t.Fatalf("From(Plain(%q)): %q, %v", out, value.Encode(back), err)
		}
	})
}
