package scim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	parser "github.com/scim2/filter-parser/v2"

	"espalier.dev/errs"
)

// Operation is one change of a PATCH. Source: RFC 7644, section 3.5.2, and what directories make of it: Op in any letter case,
// booleans as text, paths as names of members of a value.
type Operation struct {
	Op    string
	Path  string          // "": the value is an object of attributes
	Value json.RawMessage // nil: none
}

// verb is what an operation does.
type verb string

const (
	add     verb = "add"
	replace verb = "replace"
	remove  verb = "remove"
)

// maxOperations is how many a PATCH may have.
const maxOperations = 1000

// step is one attribute to be changed.
type step struct {
	verb  verb
	attr  string  // in small letters
	sub   string  // likewise; "" for the attribute itself
	where *Filter // entries of a list that are meant; nil: all
	fill  values  // what an entry is like that where looks for, if it is to be made
	value json.RawMessage
	place string // for messages: operations[0].value
}

func (s step) wrong(format string, args ...any) error {
	return errs.Invalidf("%s: %s", s.place, fmt.Sprintf(format, args...))
}

// steps takes operations apart. What is of no attribute known here is left out: a directory sends all it has.
func (s schema) steps(ops []Operation) ([]step, error) {
	if len(ops) > maxOperations {
		return nil, errs.Invalidf("operations: must be at most %d, are %d", maxOperations, len(ops))
	}
	var list []step
	for i, op := range ops {
		place := fmt.Sprintf("operations[%d]", i)
		v := verb(strings.ToLower(op.Op))
		if v != add && v != replace && v != remove {
			return nil, errs.Invalidf("%s.op: must be add, replace or remove, is %.64q", place, op.Op)
		}
		if len(op.Path) > maxFilter {
			return nil, errs.Invalidf("%s.path: must have at most %d bytes, has %d", place, maxFilter, len(op.Path))
		}
		if op.Path != "" {
			one, ok, err := s.step(v, op.Path, op.Value, place+".path", place+".value")
			if err != nil {
				return nil, err
			}
			if ok {
				list = append(list, one)
			}
			continue
		}
		if v == remove {
			return nil, errs.Invalidf("%s.path: is needed to remove something", place)
		}
		several, err := s.members(v, op.Value, place+".value")
		if err != nil {
			return nil, err
		}
		list = append(list, several...)
	}
	return list, nil
}

// members takes a value without a path apart: each of its members is a path.
func (s schema) members(v verb, value json.RawMessage, place string) ([]step, error) {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil || object == nil {
		return nil, errs.Invalidf("%s: must be an object of attributes, since no path is given", place)
	}
	var list []step
	for _, name := range sortedKeys(object) {
		if strings.EqualFold(name, s.urn) { // attributes below their schema's name
			below, err := s.members(v, object[name], place+"."+name)
			if err != nil {
				return nil, err
			}
			list = append(list, below...)
			continue
		}
		one, ok, err := s.step(v, name, object[name], place, place+"."+name)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, one)
		}
	}
	return list, nil
}

func sortedKeys(m map[string]json.RawMessage) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readOnly is what a server says of a resource, whatever a directory sends.
var readOnly = []string{"id", "meta", "schemas"}

// step reads a path: attribute, attribute.part, attribute[filter] or attribute[filter].part, with the schema's name before it or not.
func (s schema) step(v verb, path string, value json.RawMessage, pathPlace, place string) (step, bool, error) {
	head, bracket, tail, err := splitPath(pathPlace, path)
	if err != nil {
		return step{}, false, err
	}
	parsed, err := parser.ParsePath([]byte(head))
	if err != nil {
		return step{}, false, errs.Invalidf(`%s: %.64q is no path; want one such as active, name.givenName or members[value eq "12"]`, pathPlace, path)
	}
	if urn := parsed.AttributePath.URI(); urn != "" && !strings.EqualFold(urn, s.urn) {
		return step{}, false, nil // of an extension
	}
	one := step{verb: v, attr: strings.ToLower(parsed.AttributePath.AttributeName), value: value, place: place}
	one.sub = strings.ToLower(parsed.AttributePath.SubAttributeName())
	if tail != "" {
		one.sub = strings.ToLower(tail)
	}
	a, known := s.attributes[one.attr]
	if !known || slices.Contains(readOnly, one.attr) {
		return step{}, false, nil
	}
	if bracket == nil {
		return one, true, nil
	}
	if _, list := a.parts["value"]; !list {
		return step{}, false, errs.Invalidf("%s: %s is no list that could be chosen from", pathPlace, parsed.AttributePath.AttributeName)
	}
	if one.where, err = (schema{s.urn, a.parts}).compile(pathPlace, *bracket); err != nil {
		return step{}, false, err
	}
	one.fill = fill(*bracket)
	return one, true, nil
}

// splitPath takes the filter out of a path; nil: it has none.
func splitPath(place, path string) (head string, bracket *string, tail string, err error) {
	open := strings.IndexByte(path, '[')
	if open < 0 {
		return path, nil, "", nil
	}
	shut := strings.LastIndexByte(path, ']')
	tail = ""
	if shut > open {
		tail = path[shut+1:]
	}
	if shut < open || tail != "" && !strings.HasPrefix(tail, ".") {
		return "", nil, "", errs.Invalidf("%s: %.64q has a bracket without the other", place, path)
	}
	inside := path[open+1 : shut]
	return path[:open], &inside, strings.TrimPrefix(tail, "."), nil
}

// fill is what an entry has to be like for a filter of equalities joined by and; nil for another filter.
func fill(text string) values {
	p, err := rewrite("path", text)
	if err != nil {
		return nil
	}
	tree, err := parser.ParseFilter([]byte(p.text))
	if err != nil {
		return nil
	}
	v := values{}
	if !gather(tree, v) {
		return nil
	}
	return v
}

func gather(e parser.Expression, into values) bool {
	switch e := e.(type) {
	case *parser.LogicalExpression:
		return e.Operator == parser.AND && gather(e.Left, into) && gather(e.Right, into)
	case *parser.AttributeExpression:
		into[strings.ToLower(e.AttributePath.AttributeName)] = valueText(e.CompareValue)
		return e.Operator == parser.EQ
	}
	return false
}

// string is the value as a text; null and nothing are "".
func (s step) string() (string, error) {
	if len(s.value) == 0 || string(s.value) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(s.value, &text) != nil {
		return "", s.wrong("must be a text, is %.64s", s.value)
	}
	return text, nil
}

// boolean is the value as one; Entra ID sends "True" and "False".
func (s step) boolean() (bool, error) { return readBool(s.value, s.place) }

func readBool(value json.RawMessage, place string) (bool, error) {
	switch strings.ToLower(strings.Trim(string(value), `"`)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errs.Invalidf("%s: must be true or false, is %.64s", place, value)
}

// apply changes a person by the operations, in their order.
func (p *Person) apply(ops []Operation) error {
	steps, err := userSchema.steps(ops)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := p.take(s); err != nil {
			return err
		}
	}
	return nil
}

func (p *Person) take(s step) (err error) {
	switch s.attr {
	case "active":
		if s.verb == remove {
			return s.wrong("active cannot be removed; replace it by false")
		}
		p.Active, err = s.boolean()
	case "username":
		if s.verb == remove {
			return s.wrong("userName cannot be removed")
		}
		p.UserName, err = s.string()
	case "externalid":
		p.ExternalID, err = s.text()
	case "name":
		err = p.takeName(s)
	case "emails":
		p.Emails, err = s.contacts(p.Emails)
	case "phonenumbers":
		p.Phones, err = s.contacts(p.Phones)
	}
	return err
}

// text is the value as a text, "" where it is to be removed.
func (s step) text() (string, error) {
	if s.verb == remove {
		return "", nil
	}
	return s.string()
}

func (p *Person) takeName(s step) (err error) {
	switch {
	case s.sub == "givenname":
		p.GivenName, err = s.text()
	case s.sub == "familyname":
		p.FamilyName, err = s.text()
	case s.sub != "": // formatted and others say nothing more
	case s.verb == remove:
		p.GivenName, p.FamilyName = "", ""
	default:
		var parts map[string]json.RawMessage
		if json.Unmarshal(s.value, &parts) != nil || parts == nil {
			return s.wrong("must be an object with givenName and familyName, is %.64s", s.value)
		}
		for _, part := range sortedKeys(parts) {
			below := step{verb: s.verb, attr: "name", sub: strings.ToLower(part), value: parts[part], place: s.place + "." + part}
			if err := p.takeName(below); err != nil {
				return err
			}
		}
	}
	return err
}

// contacts changes a list.
func (s step) contacts(present []Contact) ([]Contact, error) {
	list := slices.Clone(present)
	chosen := func(c Contact) bool { return s.where.selects(contactValues([]Contact{c})[0]) }
	switch {
	case s.sub != "":
		return s.parts(list, chosen)
	case s.verb == remove:
		return s.without(list, chosen)
	}
	given, err := readContacts(s.value, s.place)
	if err != nil {
		return nil, err
	}
	switch {
	case s.verb == add:
	case s.where == nil:
		list = nil
	default:
		list = slices.DeleteFunc(list, chosen)
	}
	for _, c := range given {
		list = join(list, c)
	}
	return list, nil
}

// join adds a contact that is not there yet. There is one primary.
func join(list []Contact, c Contact) []Contact {
	same := func(o Contact) bool { return o.Value == c.Value && strings.EqualFold(o.Type, c.Type) }
	if c.Primary {
		for i := range list {
			list[i].Primary = false
		}
	}
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i] = c
		return list
	}
	return append(list, c)
}

// without takes out what the path or the value names; everything where neither names anything.
func (s step) without(list []Contact, chosen func(Contact) bool) ([]Contact, error) {
	if s.where != nil || len(s.value) == 0 || string(s.value) == "null" {
		return slices.DeleteFunc(list, chosen), nil
	}
	named, err := readContacts(s.value, s.place)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(c Contact) bool {
		return slices.ContainsFunc(named, func(n Contact) bool { return n.Value == c.Value && (n.Type == "" || strings.EqualFold(n.Type, c.Type)) })
	}), nil
}

// parts changes a part of the chosen entries. One that the path looks for and does not find is made: so directories fill in what
// was empty.
func (s step) parts(list []Contact, chosen func(Contact) bool) ([]Contact, error) {
	if s.verb != remove && !slices.ContainsFunc(list, chosen) && (s.where == nil || s.fill != nil) {
		list = append(list, contactOf(s.fill))
	}
	for i := range list {
		if s.where == nil || chosen(list[i]) {
			if err := s.part(&list[i]); err != nil {
				return nil, err
			}
		}
	}
	return slices.DeleteFunc(list, func(c Contact) bool { return c.Value == "" }), nil
}

// contactOf is an entry of what a path says of it. Those with a value of their own keep it.
func contactOf(v values) (c Contact) {
	c.Value, _ = v["value"].(string)
	c.Type, _ = v["type"].(string)
	primary, _ := v["primary"].(string)
	c.Primary = strings.EqualFold(primary, "true")
	return c
}

func (s step) part(c *Contact) (err error) {
	switch s.sub {
	case "value":
		c.Value, err = s.text()
	case "type":
		c.Type, err = s.text()
	case "primary":
		c.Primary = false
		if s.verb != remove {
			c.Primary, err = s.boolean()
		}
	}
	return err
}

// readContacts takes one or several, as objects or as bare texts.
func readContacts(value json.RawMessage, place string) ([]Contact, error) {
	items := []json.RawMessage{value}
	if text := strings.TrimSpace(string(value)); text == "" || text == "null" {
		return nil, nil
	} else if text[0] == '[' {
		if err := json.Unmarshal(value, &items); err != nil {
			return nil, errs.Invalidf("%s: is no list", place)
		}
	}
	var list []Contact
	for i, item := range items {
		c, err := readContact(item, fmt.Sprintf("%s[%d]", place, i))
		if err != nil {
			return nil, err
		}
		if c.Value != "" {
			list = join(list, c)
		}
	}
	return list, nil
}

func readContact(item json.RawMessage, place string) (Contact, error) {
	var text string
	if json.Unmarshal(item, &text) == nil {
		return Contact{Value: text}, nil
	}
	var c struct {
		Value, Type *string
		Primary     json.RawMessage
	}
	if err := json.Unmarshal(item, &c); err != nil {
		return Contact{}, errs.Invalidf("%s: must be an object with value and type, is %.64s", place, item)
	}
	out := Contact{}
	if c.Value != nil {
		out.Value = *c.Value
	}
	if c.Type != nil {
		out.Type = *c.Type
	}
	if len(c.Primary) > 0 && string(c.Primary) != "null" {
		var err error
		if out.Primary, err = readBool(c.Primary, place+".primary"); err != nil {
			return Contact{}, err
		}
	}
	return out, nil
}
