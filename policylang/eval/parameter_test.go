package eval_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/value"
)

const parameters = `
parameter "p_text" do
  type "string"
  label "text"
  default "a-1"
  allowed_pattern /^[a-z]-\d$/i
  constraint_description "a letter, a dash, a digit"
end

parameter "p_choice" do
  type "string"
  label "choice"
  default "Yes"
  allowed_values "Yes", "No"
end

parameter "p_list" do
  type "list"
  label "list"
  default []
  allowed_values ["x", "y"]
  max_length 2
end

parameter "p_number" do
  type "number"
  label "number"
  default -5
  min_value -10
  max_value 10.5
end

parameter "p_level" do
  type "number"
  label "level"
  default 1.0
  allowed_values 1, 2, 3
end

parameter "p_needed" do
  type "string"
  label "must be given"
  min_length 2
end

datasource "ds_a" do
  field "x", $p_text
end
`

func TestBind(t *testing.T) {
	t.Parallel()
	p := compile(t, parameters+policyOf("ds_a"))
	tests := []struct {
		name, chosen, want string
	}{
		{"defaults", `{"p_needed": "ok"}`, ""},
		{"all", `{"p_text": "Z-9", "p_choice": "No", "p_list": ["x", "y"], "p_number": 10.5, "p_level": 3.0, "p_needed": "üü"}`, ""},
		{"nothing", `{}`, "p_needed has no default, so that it must be given: must be given"},
		{"pattern", `{"p_needed": "ok", "p_text": "aa"}`, "p_text does not match (?mi)^[a-z]-\\d$; a letter, a dash, a digit"},
		{"an empty string is tried too", `{"p_needed": "ok", "p_text": ""}`, "p_text does not match"},
		{"choice", `{"p_needed": "ok", "p_choice": "yes"}`, `p_choice is none of "Yes", "No"`},
		{"element", `{"p_needed": "ok", "p_list": ["x", "z"]}`, `p_list has an element 2 that is none of "x", "y"`},
		{"element of another type", `{"p_needed": "ok", "p_list": [1]}`, "p_list has as element 1 a number: expected strings"},
		{"too many", `{"p_needed": "ok", "p_list": ["x", "x", "y"]}`, "p_list has 3 elements: expected at most 2"},
		{"too small", `{"p_needed": "ok", "p_number": -10.01}`, "p_number is -10.01: expected at least -10"},
		{"too great", `{"p_needed": "ok", "p_number": 11}`, "p_number is 11: expected at most 10.5"},
		{"too short", `{"p_needed": "ü"}`, "p_needed has 1 characters: expected at least 2"},
		{"type", `{"p_needed": 5}`, "p_needed is a number: expected a string"},
		{"unknown", `{"p_needed": "ok", "p_texd": "a"}`, "the template has no parameter p_texd: did you mean p_text?"},
		{"all that is wrong", `{"p_level": 4, "p_number": null}`, "p_number is null: expected a number\np_level is none of 1, 2, 3\np_needed has no default"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			chosen := make(map[string]value.Value)
			v, err := value.Decode([]byte(test.chosen))
			if err != nil {
				t.Fatal(err)
			}
			for name, option := range v.(*value.Map).All() {
				chosen[name] = option
			}
			_, err = p.Bind(chosen)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("Bind: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("Bind: got %v, want %q", err, test.want)
			}
		})
	}
}

func TestParseOption(t *testing.T) {
	t.Parallel()
	p := compile(t, parameters+policyOf("ds_a"))
	for _, test := range []struct{ name, text, want string }{
		{"p_text", ` a,b `, `" a,b "`},
		{"p_list", `a, b,c`, `["a","b","c"]`},
		{"p_list", ``, `[]`},
		{"p_list", `["a", "b,c"]`, `["a","b,c"]`},
		{"p_list", `"a,b"`, `["a,b"]`},
		{"p_list", `["a`, "p_list begins like JSON but is none"},
		{"p_number", `1.50`, `1.50`},
		{"p_number", `+5`, `5`},
		{"p_number", `12345678901234567890`, `12345678901234567890`},
		{"p_number", `five`, `p_number: "five" is no number`},
		{"p_number", `NaN`, `p_number: "NaN" is no number`},
	} {
		for _, q := range p.Parameters() {
			if q.Name != test.name {
				continue
			}
			got, err := q.Parse(test.text)
			if err != nil {
				if !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("Parse(%q): %v, want %s", test.text, err, test.want)
				}
			} else if diff := cmp.Diff(test.want, string(value.Encode(got))); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", test.text, diff)
			}
		}
	}
}
