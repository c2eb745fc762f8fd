package script

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestSortKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"empty", `{}`, `{}`},
		{"number", `-1.5e3`, `-1.5e3`},
		{"in order", `{"a":1,"b":2}`, `{"a":1,"b":2}`},
		{"out of order", `{"b":[1,2],"a":{"d":null,"c":"x"}}`, `{"a":{"c":"x","d":null},"b":[1,2]}`},
		{"marks in texts", `{"b":"}\"{,","a":"\\"}`, `{"a":"\\","b":"}\"{,"}`},
		{"a key that starts like another", `{"a-":1,"a":2,"":3}`, `{"":3,"a":2,"a-":1}`},
		{"the same key twice", `{"b":1,"a":2,"a":3}`, `{"a":2,"a":3,"b":1}`},
		{"indented", "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}", "{\n  \"a\": [\n    2\n  ],\n  \"b\": 1\n}"},
		{"list of objects", `[{"b":1,"a":2},{"d":1,"c":2}]`, `[{"a":2,"b":1},{"c":2,"d":1}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(sortKeys([]byte(tt.in))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Whatever it is given it returns, nothing lost; what is JSON keeps its meaning.
func FuzzSortKeys(f *testing.F) {
	for _, seed := range []string{`{"b":{"d":1,"c":[{}]},"a":"\""}`, `{`, `{"a"`, `{"a":`, `[{,}]`, `{"b":1,"a"}`, `"\`, `]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := sortKeys(in)
		if len(out) != len(in) {
			t.Fatalf("%q became %q", in, out)
		}
		var before, after any
		if json.Unmarshal(in, &before) != nil {
			return
		}
		if err := json.Unmarshal(out, &after); err != nil || !reflect.DeepEqual(before, after) && !twice(in) {
			t.Fatalf("%q became %q: %v", in, out, err)
		}
	})
}

// twice says whether a key might be in an object twice, under two spellings: then the last one wins, and order matters.
func twice(text []byte) bool {
	for _, c := range text {
		if c == '\\' || c >= 0x80 {
			return true
		}
	}
	return false
}
