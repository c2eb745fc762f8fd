package scim

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	parser "github.com/scim2/filter-parser/v2"

	"espalier.dev/errs"
	"espalier.dev/filter"
)

// Filter selects resources. nil selects all.
type Filter struct {
	match func(values) bool
	keys  []Key
	words map[string]bool // attributes that it speaks of
}

// Key is something that an index of the database finds resources by.
type Key struct {
	Of   Index
	Text string
}

// Index says what a key is.
type Index uint8

// The indexes. Which of them there are differs between users and groups.
const (
	noIndex      Index = iota
	ByID               // of the resource
	ByUserName         // compared case-folded
	ByExternalID       // compared exactly
	ByEmail            // a user's, compared case-folded
	ByName             // a group's, compared case-folded
	ByMember           // a group's, by the id of a user
)

// Keys lists what resources are found by: whatever the filter selects has one of them. No keys: it may select anything.
func (f *Filter) Keys() []Key {
	if f == nil {
		return nil
	}
	return f.keys
}

// asks reports whether the filter speaks of an attribute, named in small letters.
func (f *Filter) asks(attribute string) bool { return f != nil && f.words[attribute] }

// selects reports whether the filter takes a resource of these values.
func (f *Filter) selects(v values) bool { return f == nil || f.match(v) }

// values is a resource, or one entry of a list in it, by the names of its attributes in small letters. An attribute is a string,
// a bool, a time.Time, values, or []values; one that is not there is unassigned.
type values map[string]any

// kind is how an attribute is compared.
type kind uint8

const (
	anyCase kind = iota // text, without regard to letter case
	exact               // text
	boolean
	instant
)

// attribute is what may be asked of one: a simple one of a kind, or one that has parts.
type attribute struct {
	kind  kind
	index Index
	parts map[string]attribute
}

// schema is the attributes of a resource by their names in small letters.
type schema struct {
	urn        string
	attributes map[string]attribute
}

// contactParts are those of an entry of emails and phoneNumbers.
func contactParts(index Index) map[string]attribute {
	return map[string]attribute{"value": {index: index}, "type": {}, "display": {}, "primary": {kind: boolean}}
}

var metaParts = map[string]attribute{"resourcetype": {}, "created": {kind: instant}, "lastmodified": {kind: instant}, "location": {kind: exact}}

// The URNs of the two resources, which are also their schemas' ids.
const (
	UserURN  = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

var userSchema = schema{UserURN, map[string]attribute{
	"id":           {kind: exact, index: ByID},
	"externalid":   {kind: exact, index: ByExternalID},
	"username":     {index: ByUserName},
	"active":       {kind: boolean},
	"name":         {parts: map[string]attribute{"givenname": {}, "familyname": {}, "formatted": {}}},
	"emails":       {parts: contactParts(ByEmail)},
	"phonenumbers": {parts: contactParts(noIndex)},
	"meta":         {parts: metaParts},
}}

var groupSchema = schema{GroupURN, map[string]attribute{
	"id":          {kind: exact, index: ByID},
	"externalid":  {kind: exact, index: ByExternalID},
	"displayname": {index: ByName},
	"members":     {parts: map[string]attribute{"value": {kind: exact, index: ByMember}, "display": {}, "type": {}, "$ref": {kind: exact}}},
	"meta":        {parts: metaParts},
}}

// UserFilter reads a filter of users; "" selects all.
func UserFilter(text string) (*Filter, error) { return userSchema.filter(text) }

// GroupFilter reads a filter of user groups; "" selects all.
func GroupFilter(text string) (*Filter, error) { return groupSchema.filter(text) }

func (s schema) filter(text string) (*Filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	return s.compile("filter", text)
}

// compile reads a filter; member is what messages call it.
func (s schema) compile(member, text string) (*Filter, error) {
	p, err := rewrite(member, text)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseFilter([]byte(p.text))
	if err != nil {
		return nil, errs.Invalidf(`%s: character %s: cannot be read; want comparisons such as userName eq "ann@acme.example", joined by and, or, not`, member, position(err))
	}
	c := compiler{schema: s, member: member, text: text, inner: p.inner, words: map[string]bool{}}
	match, keys, err := c.expression(tree)
	if err != nil {
		return nil, err
	}
	return &Filter{match, keys, c.words}, nil
}

var parserPosition = regexp.MustCompile(`\[\d+:0*(\d+)\]`)

// position is where the parser stopped; it is no better than the parser, which goes back to the last place where it had a choice.
func position(err error) string {
	if m := parserPosition.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return "1"
}

// compiler turns a tree of the parser into a function.
type compiler struct {
	schema schema
	member string
	text   string
	inner  []string
	words  map[string]bool // attributes that were met
}

type predicate = func(values) bool

// wrong is an error about a word of the filter.
func (c compiler) wrong(word, format string, args ...any) error {
	at := max(0, strings.Index(strings.ToLower(c.text), strings.ToLower(word)))
	return errs.Invalidf("%s: character %d: %s", c.member, utf8.RuneCountInString(c.text[:at])+1, fmt.Sprintf(format, args...))
}

func (c compiler) expression(e parser.Expression) (predicate, []Key, error) {
	switch e := e.(type) {
	case *parser.LogicalExpression:
		return c.logical(e)
	case *parser.NotExpression:
		match, _, err := c.expression(e.Expression)
		return func(v values) bool { return !match(v) }, nil, err
	case *parser.AttributeExpression:
		return c.comparison(e)
	}
	return nil, nil, errs.Invalidf("%s: character 1: is more than can be read here", c.member)
}

// logical keeps of two sets of keys the one that is enough: for and either, for or both together.
func (c compiler) logical(e *parser.LogicalExpression) (predicate, []Key, error) {
	left, leftKeys, err := c.expression(e.Left)
	if err != nil {
		return nil, nil, err
	}
	right, rightKeys, err := c.expression(e.Right)
	if err != nil {
		return nil, nil, err
	}
	if e.Operator == parser.AND {
		keys := leftKeys
		if keys == nil || rightKeys != nil && len(rightKeys) < len(keys) {
			keys = rightKeys
		}
		return func(v values) bool { return left(v) && right(v) }, keys, nil
	}
	var keys []Key
	if leftKeys != nil && rightKeys != nil {
		keys = append(append(keys, leftKeys...), rightKeys...)
	}
	return func(v values) bool { return left(v) || right(v) }, keys, nil
}

// comparison is that of a simple attribute, of a part of another, or of what stood in brackets.
func (c compiler) comparison(e *parser.AttributeExpression) (predicate, []Key, error) {
	path := e.AttributePath
	if urn := path.URI(); urn != "" && !strings.EqualFold(urn, c.schema.urn) {
		return nil, nil, c.wrong(urn, "%s is no schema of these resources, want %s", urn, c.schema.urn)
	}
	name, sub := strings.ToLower(path.AttributeName), strings.ToLower(path.SubAttributeName())
	a, ok := c.schema.attributes[name]
	if !ok {
		return nil, nil, c.wrong(path.AttributeName, "there is no attribute %.64s", path.AttributeName)
	}
	c.words[name] = true
	if n, bracketed := strings.CutPrefix(sub, mark); bracketed {
		return c.bracketed(name, a, n)
	}
	_, list := a.parts["value"]
	switch {
	case a.parts == nil && sub != "":
		return nil, nil, c.wrong(path.AttributeName, "%s has no parts", path.AttributeName)
	case a.parts != nil && sub == "" && e.Operator == parser.PR:
		return func(v values) bool { return len(entries(v[name])) > 0 }, nil, nil
	case a.parts != nil && sub == "" && list:
		sub = "value" // members eq "12"
	case a.parts != nil && sub == "":
		return nil, nil, c.wrong(path.AttributeName, "%s has parts: name one of them", path.AttributeName)
	}
	leaf := a
	if sub != "" {
		if leaf, ok = a.parts[sub]; !ok {
			return nil, nil, c.wrong(path.AttributeName, "%s has no part %.64s", path.AttributeName, path.SubAttributeName())
		}
	}
	return c.leaf(e, leaf, func(v values) []any { return leaves(v[name], sub) })
}

// bracketed compares the entries of a list one by one.
func (c compiler) bracketed(name string, a attribute, number string) (predicate, []Key, error) {
	var n int
	if _, err := fmt.Sscan(number, &n); err != nil || n >= len(c.inner) {
		return nil, nil, c.wrong(name, "there is no such attribute")
	}
	if a.parts == nil {
		return nil, nil, c.wrong(name, "%s has no parts to be asked for in brackets", name)
	}
	inner, err := schema{c.schema.urn, a.parts}.compile(c.member, c.inner[n])
	if err != nil {
		return nil, nil, err
	}
	return func(v values) bool {
		for _, entry := range entries(v[name]) {
			if inner.match(entry) {
				return true
			}
		}
		return false
	}, inner.keys, nil
}

// entries are what has parts: one, or each of a list.
func entries(v any) []values {
	switch v := v.(type) {
	case values:
		return []values{v}
	case []values:
		return v
	}
	return nil
}

// leaves are the values to be compared: of the attribute itself, or of a part of it.
func leaves(v any, sub string) []any {
	if sub == "" {
		if v == nil {
			return nil
		}
		return []any{v}
	}
	var list []any
	for _, entry := range entries(v) {
		if one, ok := entry[sub]; ok {
			list = append(list, one)
		}
	}
	return list
}

// leaf compares simple values: it is true where one of them is as asked for, and for ne where none is equal.
func (c compiler) leaf(e *parser.AttributeExpression, a attribute, of func(values) []any) (predicate, []Key, error) {
	one, err := c.compare(e, a.kind)
	if err != nil {
		return nil, nil, err
	}
	some := func(v values) bool {
		for _, value := range of(v) {
			if one(value) {
				return true
			}
		}
		return false
	}
	switch {
	case e.Operator == parser.PR, e.Operator == parser.NE && e.CompareValue == nil:
		return func(v values) bool { return len(of(v)) > 0 }, nil, nil
	case e.Operator == parser.EQ && e.CompareValue == nil:
		return func(v values) bool { return len(of(v)) == 0 }, nil, nil
	case e.Operator == parser.NE:
		return func(v values) bool { return !some(v) }, nil, nil
	case e.Operator == parser.EQ && a.index != noIndex:
		return some, []Key{{a.index, valueText(e.CompareValue)}}, nil
	}
	return some, nil, nil
}

// valueText is what a value is as text: ids are numbers that travel as text, and some send them bare. The parser leaves escapes in.
func valueText(v any) string {
	if text, ok := v.(string); ok {
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text)
	}
	return fmt.Sprint(v)
}

// compare is the comparison of one value; for ne it says what is equal.
func (c compiler) compare(e *parser.AttributeExpression, k kind) (func(any) bool, error) {
	operator, want := e.Operator, valueText(e.CompareValue)
	if operator == parser.NE {
		operator = parser.EQ
	}
	name := e.AttributePath.AttributeName
	switch k {
	case boolean:
		if operator != parser.EQ && operator != parser.PR {
			return nil, c.wrong(name, "%s is true or false, and %s compares no such values", name, operator)
		}
		return func(v any) bool { return strings.EqualFold(fmt.Sprint(v), want) }, nil
	case instant:
		at, err := time.Parse(time.RFC3339, want)
		if err != nil && operator != parser.PR && e.CompareValue != nil {
			return nil, c.wrong(name, "%s is a time, want one like 2027-06-30T00:00:00Z", name)
		}
		holds, ok := ordered[operator]
		if !ok && operator != parser.PR {
			return nil, c.wrong(name, "%s is a time, and %s compares no times", name, operator)
		}
		return func(v any) bool { return holds(v.(time.Time).Compare(at)) }, nil
	}
	if k == anyCase {
		want = filter.Fold(want)
	}
	return func(v any) bool {
		have := v.(string)
		if k == anyCase {
			have = filter.Fold(have)
		}
		return holds(operator, have, want)
	}, nil
}

// ordered are the operators that ask for an order.
var ordered = map[parser.CompareOperator]func(int) bool{
	parser.EQ: func(n int) bool { return n == 0 },
	parser.GT: func(n int) bool { return n > 0 },
	parser.GE: func(n int) bool { return n >= 0 },
	parser.LT: func(n int) bool { return n < 0 },
	parser.LE: func(n int) bool { return n <= 0 },
}

// holds compares two texts.
func holds(operator parser.CompareOperator, have, want string) bool {
	switch operator {
	case parser.CO:
		return strings.Contains(have, want)
	case parser.SW:
		return strings.HasPrefix(have, want)
	case parser.EW:
		return strings.HasSuffix(have, want)
	}
	compare, ok := ordered[operator]
	return ok && compare(strings.Compare(have, want))
}
