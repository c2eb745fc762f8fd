package jmespath_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	library "github.com/jmespath/go-jmespath"

	"espalier.dev/policylang/jmespath"
	"espalier.dev/policylang/value"
)

func decode(t testing.TB, text string) value.Value {
	t.Helper()
	v, err := value.Decode([]byte(text))
	if err != nil {
		t.Fatalf("Decode(%s): %v", text, err)
	}
	return v
}

// TestCompliance runs the official suite, which the library ships.
func TestCompliance(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/jmespath/go-jmespath").Output()
	if err != nil {
		t.Fatalf("where the suite is: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "compliance", "*.json"))
	if len(files) < 16 {
		t.Fatalf("the suite has %d files, want 16", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suites []struct {
			Given json.RawMessage
			Cases []struct {
				Expression string
				Result     json.RawMessage
				Error      string
			}
		}
		if err := json.Unmarshal(text, &suites); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range suites {
			given := decode(t, string(s.Given))
			for _, c := range s.Cases {
				got, err := search(c.Expression, given)
				switch {
				case c.Error != "" && err == nil:
					t.Errorf("%s: %s: got %s, want an error (%s)", filepath.Base(file), c.Expression, value.Encode(got), c.Error)
				case c.Error == "" && err != nil:
					t.Errorf("%s: %s: %v", filepath.Base(file), c.Expression, err)
				case c.Error == "" && c.Result != nil && !value.Equal(got, decode(t, string(c.Result))):
					t.Errorf("%s: %s: got %s, want %s", filepath.Base(file), c.Expression, value.Encode(got), c.Result)
				}
			}
		}
	}
}

func search(expression string, v value.Value) (value.Value, error) {
	p, err := jmespath.Compile(expression)
	if err != nil {
		return nil, err
	}
	return p.Search(v)
}

func TestOrderAndDigitsAreKept(t *testing.T) {
	t.Parallel()
	given := decode(t, `{"z":{"id":12345678901234567890,"price":1.10},"a":{"id":12345678901234567891,"price":2.50},"m":{"id":7,"price":1e2}}`)
	for expression, want := range map[string]string{
		"*.id":                 "[12345678901234567890,12345678901234567891,7]",
		"values(@)[0]":         `{"id":12345678901234567890,"price":1.10}`,
		"keys(@)":              `["z","a","m"]`,
		"z.{p: price, i: id}":  `{"p":1.10,"i":12345678901234567890}`,
		"z.id == a.id":         "false",
		"z.id < a.id":          "true",
		"sort(*.id)":           "[7,12345678901234567890,12345678901234567891]",
		"max_by(*, &id).price": "2.50",
		"sum(*.price)":         "103.6",
		"sum([`1`, `2`])":      "3",
		"abs(`-1.50`)":         "1.50",
		"to_string(z.price)":   `"1.10"`,
		"to_number('0.50')":    "0.50",
		"merge(z, m)":          `{"id":7,"price":1e2}`,
		"avg(*.price)":         "34.53333333333333",
		"ceil(z.price)":        "2",
		"length('äöü')":        "3",
		"reverse('äö')":        `"öä"`,
		"avg(`[]`)":            "null",
	} {
		got, err := search(expression, given)
		if err != nil || string(value.Encode(got)) != want {
			t.Errorf("%s: got %s, %v, want %s", expression, value.Encode(got), err, want)
		}
	}
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":              "the end where an expression should be (at byte 0)",
		"a.":            "the end after a dot, where a name should be (at byte 2)",
		"a..b":          ". after a dot",
		"a = b":         "equality is ==",
		"a[b]":          "a name in brackets",
		"a[1":           "the end where ] should be",
		"a[::0]":        "must not be 0",
		"foo(@)":        "there is no function foo",
		"length()":      "length takes 1 arguments, not 0",
		"sort_by(@, a)": "argument 2 of sort_by must be an expression",
		"length(&a)":    "argument 1 of length must be a string, an array or an object",
		"'abc":          "' is never closed",
		"`{`":           "no JSON",
		"a $ b":         "'$' has no meaning here",
		"{a}":           "} where : should be",
		"[99999999999]": "no number for an index",
		strings.Repeat("(", 300) + "a" + strings.Repeat(")", 300): "nested more than 200 levels",
		"a" + strings.Repeat(".a", 2000):                          "more than 1000 links",
		"@" + strings.Repeat(" | [@, @]", 40):                     "copies its input",
		"@" + strings.Repeat(" | join('', [@, @])", 40):           "copies its input",
		"map(&[@, @]" + strings.Repeat(" | [@,@]", 40) + ", @)":   "copies its input",
	} {
		_, err := jmespath.Compile(expression)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want an error with %q", expression, err, want)
		}
	}
	for expression, want := range map[string]string{
		"length(`1`)":                           "argument 1 of length must be a string, an array or an object, not a number",
		"join(',', 'abc')":                      "argument 2 of join must be an array of strings, not a string",
		"join(',', [`1`])":                      "argument 2 of join must be an array of strings, not a list",
		"sort_by(@, &a)":                        "argument 1 of sort_by must be an array, not null",
		"sort_by([{a:`1`},{a:'b'}], &a)":        "numbers alone or strings alone",
		"max(['a', `1`])":                       "argument 1 of max must be an array of numbers or of strings",
		"a[?length(@) > `1`] || length(`true`)": "not a boolean",
	} {
		v := value.Value(nil)
		if strings.Contains(expression, "{a:") {
			v = value.New()
		}
		if strings.HasPrefix(expression, "join(',', [") || strings.HasPrefix(expression, "max") {
			v = true
		}
		if _, err := search(expression, v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", expression, err, want)
		}
	}
}

// FuzzCompile compares with the library: what this package compiles the library compiles, and both find the same where
// the order of members plays no part.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"a.b[0]", "a[?b > `1`].c | [0]", "*.a[].b", "{x: a, y: \"b c\"}", "a[1:-1:2]", "sort_by(a, &b)[*].b", "!a || b && 'c'", "a[*][*][]", "[?a==b][]", "a.*.b[?@]"} {
		f.Add(s)
	}
	const text = `{"a":{"b":[1,2,[3,{"c":null}]],"c":"x"},"b c":[{"b":2,"a":[true]},{"b":1,"a":[]}],"n":1.5}`
	var native any
	if err := json.Unmarshal([]byte(text), &native); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		p, err := jmespath.Compile(expression)
		if err != nil {
			return
		}
		got, err := p.Search(decode(t, text))
		lib, libErr := library.Compile(expression)
		if libErr != nil {
			t.Fatalf("%q: got a path, but the library says %v", expression, libErr)
		}
		if strings.ContainsAny(expression, "*&") || strings.Contains(expression, "keys") || strings.Contains(expression, "values") {
			return // the library's order is random, and it swallows errors
		}
		want, libErr := lib.Search(native)
		if err != nil || libErr != nil {
			return
		}
		v, err := value.From(want)
		if err != nil || !value.Equal(got, v) {
			t.Fatalf("%q: got %s, want %s", expression, value.Encode(got), value.Encode(v))
		}
	})
}
