package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
)

// members is a JSON object in order, in which a name may come twice.
type members []member

type member struct {
	name  string
	value any
}

// literal is JSON as it stands, also what is none.
type literal string

// encode writes a tree of members, lists, literals and plain values.
func encode(v any) []byte {
	var b bytes.Buffer
	switch v := v.(type) {
	case literal:
		return []byte(v)
	case members:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(encode(m.name))
			b.WriteByte(':')
			b.Write(encode(m.value))
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(encode(item))
		}
		b.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // samples are plain
		}
		return text
	}
	return b.Bytes()
}

// mutation is a body with one thing wrong.
type mutation struct {
	what  string // is wrong
	place string // of it, as the message has to name it: owners[0].email
	body  []byte
}

// mutator makes mutations of a body.
type mutator struct {
	ignored map[string]string // members of which the length does not matter, with the reason
	list    []mutation
}

// node is a value in a body: put returns the body with another value in its place.
type node struct {
	schema *openapi3.Schema
	value  any
	place  string
	put    func(any) any
}

func (m *mutator) add(n node, what string, value any) {
	m.list = append(m.list, mutation{what, n.place, encode(n.put(value))})
}

// walk mutates a value and all that is in it.
func (m *mutator) walk(n node) {
	m.types(n)
	switch v := n.value.(type) {
	case members:
		m.object(n, v)
	case []any:
		m.array(n, v)
	}
	switch {
	case n.schema.Type.Is("string"):
		m.text(n)
	case n.schema.Type.Is("integer"):
		m.integer(n)
	}
}

// types puts values of all other types.
func (m *mutator) types(n node) {
	for name, value := range map[string]literal{"string": `"x"`, "integer": `5`, "boolean": `true`, "array": `[]`, "object": `{}`, "null": `null`} {
		if !n.schema.Type.Is(name) && n.place != "" {
			m.add(n, "a value of type "+name, value)
		}
	}
}

func (m *mutator) object(n node, v members) {
	for i, one := range v {
		at := node{n.schema.Properties[one.name].Value, one.value, strings.TrimPrefix(n.place+"."+one.name, "."), func(value any) any {
			changed := slices.Clone(v)
			changed[i].value = value
			return n.put(changed)
		}}
		m.walk(at)
		if slices.Contains(n.schema.Required, one.name) {
			m.list = append(m.list, mutation{"it is missing", at.place, encode(n.put(slices.Delete(slices.Clone(v), i, i+1)))})
		}
		for what, name := range map[string]string{"it is given twice": one.name, "it is given twice in two letter cases": otherCase(one.name)} {
			m.list = append(m.list, mutation{what, strings.TrimPrefix(n.place+"."+name, "."), encode(n.put(append(slices.Clone(v), member{name, one.value})))})
		}
	}
}

func otherCase(name string) string {
	r := []rune(name)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

func (m *mutator) array(n node, v []any) {
	if len(v) == 0 { // nothing is valid in it here, as where user groups are named and there is none
		m.add(n, "an item of another kind", []any{members{}})
		return
	}
	if n.schema.MinItems > 0 {
		m.add(n, "too few items", []any{})
	}
	if n.schema.MaxItems != nil {
		many := make([]any, *n.schema.MaxItems+1)
		for i := range many {
			many[i] = v[0]
		}
		m.add(n, "too many items", many)
	}
	m.walk(node{n.schema.Items.Value, v[0], n.place + "[0]", func(item any) any { return n.put([]any{item}) }})
}

// overlong is longer than any text that the product takes, in characters.
const overlong = 100_000

func (m *mutator) text(n node) {
	for what, value := range map[string]literal{
		"a control character":         `"a\u0001b"`,
		"a NUL":                       `"a\u0000b"`,
		"a control character, raw":    "\"a\x01b\"",
		"broken UTF-8":                "\"a\xff\xfeb\"",
		"half of a surrogate pair":    `"a\ud800b"`,
		"an escape that is none":      `"a\qb"`,
		"a delete character":          "\"a\x7fb\"",
		"UTF-8 of a surrogate":        "\"a\xed\xa0\x80b\"",
		"UTF-8 longer than necessary": "\"a\xc0\x80b\"",
	} {
		m.add(n, what, value)
	}
	if n.schema.MinLength > 0 {
		m.add(n, "an empty text", "")
	}
	switch {
	case n.schema.MaxLength != nil:
		m.add(n, "a text that is too long by one", strings.Repeat("é", int(*n.schema.MaxLength)+1))
	case m.ignored[n.place] == "":
		m.add(n, "a text that is much too long", strings.Repeat("x", overlong))
	}
	if n.schema.Format == "date-time" {
		m.add(n, "no time", "yesterday")
		m.add(n, "a day that does not exist", "2027-02-30T00:00:00Z")
	}
	if len(n.schema.Enum) > 0 {
		m.add(n, "none of the choices", "nope")
	}
	if text, ok := misfit(n.schema.Pattern); ok {
		m.add(n, "what the pattern does not match", text)
	}
	if strings.HasSuffix(n.place, "email") {
		m.add(n, "no address", "nobody")
		m.add(n, "a header in an address", "a@b.example\nBcc: c@d.example")
	}
}

// misfit is a short text that a pattern does not match.
func misfit(pattern string) (string, bool) {
	re, err := regexp.Compile(pattern)
	if pattern == "" || err != nil {
		return "", false
	}
	for _, text := range []string{"-", "!", "é !"} {
		if !re.MatchString(text) {
			return text, true
		}
	}
	return "", false
}

func (m *mutator) integer(n node) {
	for _, value := range []literal{"9223372036854775808", "-9223372036854775809", "99999999999999999999999999", "1e400", "1.5", "1e2", "01", "-"} {
		m.add(n, "the number "+string(value), value)
	}
	if n.schema.Min != nil {
		m.add(n, "a number below the least", literal(fmt.Sprintf("%.0f", *n.schema.Min-1)))
	}
}

// wholeBodies is what is wrong with a body as a whole; the message names the body, or the header that says what it is.
func wholeBodies(valid []byte) []mutation {
	const megabytes = 10 << 20
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	return []mutation{
		{"half of it", "", valid[:len(valid)/2]},
		{"more after its end", "body", append(slices.Clone(valid), " x"...)},
		{"two bodies", "body", append(slices.Clone(valid), valid...)},
		{"a list", "body", []byte(`[]`)},
		{"a text", "body", []byte(`"x"`)},
		{"null", "body", []byte(`null`)},
		{"no JSON", "body", []byte(`hello`)},
		{"a byte order mark", "body", append([]byte("\xef\xbb\xbf"), valid...)},
		{"10 MB", "body", []byte(`{"x":"` + strings.Repeat("x", megabytes) + `"}`)},
		{"10 MB of space", "body", bytes.Repeat([]byte(" "), megabytes)},
		{"deep nesting", "deep", []byte(`{"deep":` + deep + `}`)},
		{"deep nesting that does not end", "deep", []byte(`{"deep":` + strings.Repeat(`{"a":`, 10_000))},
		{"a name that is no UTF-8", "", []byte("{\"a\xff\":1}")},
	}
}

// wrongMedia is what a body may not be said to be.
var wrongMedia = []string{"text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "nonsense;;"}

// wrongFilters is filters that cannot be read, each with what the message has to say beside a position.
var wrongFilters = []string{
	"name", "name co", "name co x", "name co 'x", "(name co 'x'", "name co 'x')", "name co 'x' and", "and", "name co 'x' name co 'y'", "name EQ 'x'",
	"name gt 'x'", "nope eq 'x'", "tags gt 'x'", "name co 'a\x01b'", "'x' eq name", "()", strings.Repeat("(", 1000), "name eq 5",
	strings.Repeat("(", 1000) + "name eq 'x'" + strings.Repeat(")", 1000),
}

// wrongTexts is what no parameter is, escaped for a URL, by type.
var wrongTexts = map[string][]string{
	"integer": {"abc", "0", "-1", "1.5", "9223372036854775808", "99999999999999999999999999", "1e3", "%2B1", "%201", "%00", "%FF", "0x10", "%D9%A3"},
	"boolean": {"maybe", "1", "TRUE", "%00"},
	"string":  {"a%00b", "a%01b", "a%FFb", "%ED%A0%80"},
}
