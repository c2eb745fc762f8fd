package check_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"espalier.dev/contract"
	"espalier.dev/contract/check"
	"espalier.dev/contract/opgen"
	"github.com/getkin/kin-openapi/openapi3"
)

func bodyOf(t testing.TB, api *contract.API, id string) int {
	t.Helper()
	for _, op := range api.Operations {
		if op.ID == id && op.Body != nil {
			return op.Body.Schema
		}
	}
	t.Fatalf("%s has no operation %s with a body", api.Name, id)
	return 0
}

// wrong is a body of a customer and everything that is wrong with it.
type wrong struct{ name, body, want string }

const good = `{"name":"Acme","capabilities":[{"name":"iam"}],"owners":[{"email":"ann@acme.example"}]}`

func with(member string) string { return strings.Replace(good, `{`, `{`+member+`,`, 1) }

var wrongCustomers = []wrong{
	{"good", good, ``},
	{"unknown member", with(`"colour":{"deep":[1,null]}`), ``},
	{"any case", strings.Replace(good, `"name":"Acme"`, `"Name":"Acme"`, 1), ``},
	{"escapes and pairs", with(`"description":"a\n\t\u00e9\ud83d\ude00\/"`), ``},
	{"null capability date", strings.Replace(good, `{"name":"iam"}`, `{"name":"iam","expiresAt":null}`, 1),
		`capabilities[0].expiresAt: must be a string, is null; leave the member out instead`},
	{"everything missing", `{}`, `capabilities: is needed; name: is needed; owners: is needed`},
	{"several at once", `{"name":"","capabilities":[{"name":"iam"},{"name":"-"},{"name":"msp","expiresAt":"soon"}],"owners":[{}]}`,
		`name: must not be empty; capabilities[1].name: must match ^[_a-zA-Z0-9][-_a-zA-Z0-9]{0,127}$, is "-"; ` +
			`capabilities[2].expiresAt: must be a time like 2027-06-30T00:00:00Z (RFC 3339), is "soon"; owners[0].email: is needed`},
	{"wrong types", `{"name":7,"capabilities":{},"owners":["ann"],"externalId":true}`,
		`name: must be a string, is a number; capabilities: must be a list, is an object; owners[0]: must be an object, is a string; externalId: must be a string, is a boolean`},
	{"too long", with(`"externalId":"` + strings.Repeat("é", 257) + `"`), `externalId: must have at most 256 characters, has 257`},
	{"just not too long", with(`"externalId":"` + strings.Repeat("é", 256) + `"`), ``},
	{"empty lists", `{"name":"A","capabilities":[],"owners":[]}`,
		`capabilities: must have at least 1 items, has 0; owners: must have at least 1 items, has 0`},
	{"given twice", with(`"name":"B"`), `name: is given twice; names that differ in case only are the same`},
	{"given twice in two cases", with(`"NAME":"B"`), `name: is given twice; names that differ in case only are the same`},
	{"unknown given twice", with(`"x":1,"X":2`), `X: is given twice; names that differ in case only are the same`},
	{"NUL", with(`"description":"a\u0000b"`), `description: must hold no control character, has U+0000`},
	{"bell", with(`"description":"a\u0007b"`), `description: must hold no control character, has U+0007`},
	{"bare line feed", with("\"description\":\"a\nb\""), `description: must write control characters as escapes, has a bare U+000A`},
	{"NUL in a member name", with(`"a\u0000":1`), `"a\x00": the name of the member must hold no control character, has U+0000`},
	{"broken UTF-8", with("\"description\":\"a\xffb\""), `description: is not well-formed UTF-8, at byte 2`},
	{"half a pair", with(`"description":"\ud83d"`), `description: holds half of a surrogate pair`},
	{"half a pair before another", with(`"description":"\ud83d\u0041"`), `description: holds half of a surrogate pair`},
	{"not an object", `[]`, `body: must be an object, is a list`},
	{"empty", ``, `body: the body is not JSON: it ends where a value should be`},
	{"cut off", `{"name":"A`, `name: the body is not JSON: it ends where the closing quote of a string should be`},
	{"cut off later", `{"name":"A",`, `body: the body is not JSON: it ends where a member name in double quotes should be`},
	{"trailing", good + `x`, `body: the body is not JSON: byte 88 is 'x', want the end of the body`},
	{"trailing comma", `{"name":"A",}`, `body: the body is not JSON: byte 13 is '}', want another value after the comma; `},
	{"single quotes", `{'name':'A'}`, `body: the body is not JSON: byte 2 is '\'', want a member name in double quotes`},
	{"bad escape", `{"name":"\q"}`, `name: the body is not JSON: byte 11 is 'q', want an escape such as \n`},
	{"bad number", with(`"x":01`), `x: the body is not JSON: byte 7 is '1', want a number without leading zeros`},
	{"too large a number", with(`"x":1e999`), `x: must be a number that 64 bits can hold, is 1e999`},
	{"too deep", with(`"x":` + strings.Repeat("[", 40)), `x` + strings.Repeat("[0]", 31) + `: is nested deeper than 32 levels`},
	{"not too deep", with(`"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31)), ``},
}

func TestJSON(t *testing.T) {
	t.Parallel()
	c := check.New(&opgen.MSP)
	schema := bodyOf(t, &opgen.MSP, "MSP Customer V2#CreateV2")
	for _, tt := range wrongCustomers {
		if got, want := text(c.JSON(schema, []byte(tt.body))), strings.TrimSuffix(tt.want, "; "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestJSONIntegers(t *testing.T) {
	t.Parallel()
	c := check.New(&opgen.MSP)
	schema := bodyOf(t, &opgen.MSP, "MSP Customer V2#BulkDeleteV2")
	const whole = `customerIds[0]: must be a whole number from -9223372036854775808 to 9223372036854775807, written without fraction or exponent, is `
	tests := []struct{ name, ids, want string }{
		{"least", `-9223372036854775808`, ``},
		{"greatest", `9223372036854775807`, ``},
		{"beyond", `9223372036854775808`, whole + `9223372036854775808`},
		{"fraction", `1.5`, whole + `1.5`},
		{"fraction of nothing", `1.0`, whole + `1.0`},
		{"exponent", `1e2`, whole + `1e2`},
		{"string", `"1"`, `customerIds[0]: must be a whole number, is a string`},
		{"too many", strings.Repeat(`1,`, 100) + `1`, `customerIds: must have 1 to 100 items, has 101`},
		{"many wrong", strings.Repeat(`"",`, 24) + `""`, `and 5 more`},
	}
	for _, tt := range tests {
		got := text(c.JSON(schema, []byte(`{"customerIds":[`+tt.ids+`]}`)))
		if got != tt.want && (tt.name != "many wrong" || !strings.HasSuffix(got, tt.want)) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	c := check.New(&opgen.Espalier)
	params := map[string]int{}
	for _, op := range opgen.Espalier.Operations {
		for _, p := range op.Params {
			if _, known := params[p.Name]; !known || op.ID == "Customer#index" { // names mean other things elsewhere
				params[p.Name] = p.Schema
			}
		}
	}
	tests := []struct{ param, in, want string }{
		{"orgId", "1", ``},
		{"orgId", "0", `orgId: must be a whole number from 1 to 9223372036854775807, is "0"`},
		{"orgId", "x", `orgId: must be a whole number from 1 to 9223372036854775807, written without fraction or exponent, is "x"`},
		{"orgId", "+1", `orgId: must be a whole number from 1 to 9223372036854775807, written without fraction or exponent, is "+1"`},
		{"limit", "1001", `limit: must be a whole number from 1 to 1000, is "1001"`},
		{"dryRun", "yes", `dryRun: must be true or false, is "yes"`},
		{"format", "pdf", `format: must be one of csv, xlsx, is "pdf"`},
		{"filter", "name eq '\x00'", `filter: must hold no control character, has U+0000`},
		{"filter", "\xff", `filter: is not well-formed UTF-8, at byte 1`},
		{"orderBy", "name desc", ``},
		{"orderBy", "name;drop", `orderBy: must match ^(name|createdAt|updatedAt|id|externalId|nextExpiresAt)( (asc|desc))?$, is "name;drop"`},
	}
	for _, tt := range tests {
		var v check.Violations
		c.Text(&v, tt.param, params[tt.param], tt.in)
		if got := text(v.Err()); got != tt.want {
			t.Errorf("%s=%q:\n got %s\nwant %s", tt.param, tt.in, got, tt.want)
		}
	}
}

// What the tables refuse for its meaning, an independent validator refuses too, and the other way round. It knows nothing
// of folded names, duplicates, control characters and unescaped text, so such bodies are left out.
func TestJSONAgreesWithKin(t *testing.T) {
	t.Parallel()
	corrected, err := contract.Corrected("msp")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(corrected)
	if err != nil {
		t.Fatal(err)
	}
	judge := doc.Paths.Value("/msp/v2/orgs/{orgId}/customers").Post.RequestBody.Value.Content["application/json"].Schema.Value
	c := check.New(&opgen.MSP)
	schema := bodyOf(t, &opgen.MSP, "MSP Customer V2#CreateV2")
	for _, tt := range wrongCustomers {
		var v any
		if json.Unmarshal([]byte(tt.body), &v) != nil || strings.Contains(tt.want, "twice") || strings.Contains(tt.want, "control") ||
			strings.Contains(tt.want, "UTF-8") || strings.Contains(tt.want, "surrogate") || tt.name == "any case" {
			continue
		}
		got, want := c.JSON(schema, []byte(tt.body)), judge.VisitJSON(v)
		if (got == nil) != (want == nil) {
			t.Errorf("%s: got %v, kin-openapi says %v", tt.name, got, want)
		}
	}
}

// Patterns are compiled at first use, and members are counted in 64 bits: every document has to fit.
func TestTablesFit(t *testing.T) {
	t.Parallel()
	for _, api := range opgen.All() {
		for i, s := range api.Schemas {
			if _, err := regexp.Compile(s.Pattern); err != nil {
				t.Errorf("%s schema %d: %v", api.Name, i, err)
			}
			if len(s.Properties) > 64 {
				t.Errorf("%s schema %d: %d members, want at most 64", api.Name, i, len(s.Properties))
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, tt := range wrongCustomers {
		f.Add([]byte(tt.body))
	}
	c := check.New(&opgen.MSP)
	schema := bodyOf(f, &opgen.MSP, "MSP Customer V2#CreateV2")
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, schema := range []int{0, schema} {
			err := c.JSON(schema, body)
			if err == nil && !json.Valid(body) {
				t.Errorf("JSON(%d, %q): accepted, and encoding/json refuses it", schema, body)
			}
			if err != nil && err.Error() == "" {
				t.Errorf("JSON(%d, %q): refused without a reason", schema, body)
			}
			if err != nil && strings.Contains(err.Error(), "is not JSON") && json.Valid(body) {
				t.Errorf("JSON(%d, %q): %v, and encoding/json takes it", schema, body, err)
			}
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	c := check.New(&opgen.MSP)
	schema := bodyOf(b, &opgen.MSP, "MSP Customer V2#CreateV2")
	b.ReportAllocs()
	for b.Loop() {
		if err := c.JSON(schema, []byte(good)); err != nil {
			b.Fatal(err)
		}
	}
}
