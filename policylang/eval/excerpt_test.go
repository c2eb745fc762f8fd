package eval

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBodyText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 10_000)
	tests := []struct{ name, body, want string }{
		{"JSON", `{"a":[1,{}],"n":12345678901234567890}`, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"n\": 12345678901234567890\n}"},
		{"secrets", `[{"Access-Token":"x","password":{"deep":1},"secret":null,"nextToken":"y"}]`,
			"[\n  {\n    \"Access-Token\": \"(hidden)\",\n    \"password\": \"(hidden)\",\n    \"secret\": null,\n    \"nextToken\": \"y\"\n  }\n]"},
		{"form", "grant_type=x&client_secret=abc&password=d e", "grant_type=x&client_secret=(hidden)&password=(hidden) e"},
		{"text that begins like a number", "1,2\n3,4", "1,2\n3,4"},
		{"text that begins like a list", "[link](x)", "[link](x)"},
		{"bytes that are no text", "a\xffb", "a\uFFFDb"},
		{"nothing", "", ""},
	}
	for _, test := range tests {
		if got := bodyText([]byte(test.body)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	for _, body := range []string{long, `{"a":"` + long + `"}`, "[" + strings.Repeat(`{"password":"x"},`, 5000) + "1]", strings.Repeat("[", 100_000)} {
		got := bodyText([]byte(body))
		if len(got) > 2*bodyExcerpt || !utf8.ValidString(got) || !strings.HasSuffix(got, "\n...") || strings.Contains(got, `"x"`) {
			t.Errorf("the excerpt of %.20q: got %d bytes, %.300q", body, len(got), got)
		}
	}
}

func TestFenced(t *testing.T) {
	t.Parallel()
	if got, want := fenced("", "a```b"), "````\na```b\n````"; got != want {
		t.Errorf("fenced: got %q, want %q", got, want)
	}
}
