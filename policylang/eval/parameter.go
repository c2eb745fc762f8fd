package eval

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// Parameter is a value that whoever applies the policy chooses.
type Parameter struct {
	Name, Label, Description, Category string
	// Type is string, number or list, which is one of strings.
	Type string
	// Default is nil if a value must be chosen.
	Default value.Value
	// Allowed are the values that there are to choose from, for a list its elements; none if any will do.
	Allowed []value.Value
	// Pattern is what the value, or each element, must match; nil if there is none.
	Pattern *regexp.Regexp
	// MinLength and MaxLength bound characters or elements, MinValue and MaxValue a number; nil if there is no bound.
	MinLength, MaxLength, MinValue, MaxValue *float64
	// NoEcho keeps the value out of logs.
	NoEcho bool
	// Constraint tells users what is wrong with a value that is refused; empty for the messages of this package.
	Constraint string
}

func (c *compiler) parameter(d *resolve.Decl) Parameter {
	b := d.Block
	find := func(word string) syntax.Expr { return arg(b.Find(word)) }
	p := Parameter{
		Name: d.Name, Label: written(find("label")), Description: written(find("description")), Category: written(find("category")),
		Type: written(find("type")), Constraint: written(find("constraint_description")),
		Default: literal(find("default")), NoEcho: literal(find("no_echo")) == true,
		MinLength: bound(find("min_length")), MaxLength: bound(find("max_length")),
		MinValue: bound(find("min_value")), MaxValue: bound(find("max_value")),
	}
	for _, x := range plain(b.Find("allowed_values")) {
		if list, ok := literal(x).([]value.Value); ok {
			p.Allowed = append(p.Allowed, list...)
		} else {
			p.Allowed = append(p.Allowed, literal(x))
		}
	}
	if x, ok := find("allowed_pattern").(*syntax.Regexp); ok {
		var err error
		if p.Pattern, err = extract.Regexp(x); err != nil {
			c.fail(x, "allowed_pattern of parameter %s: %v", d.Name, err)
		}
	}
	return p
}

// literal is the value of a term that is written out; nil for any other.
func literal(x syntax.Expr) value.Value {
	switch x := x.(type) {
	case *syntax.String:
		return x.Value
	case *syntax.Number:
		return value.Number(x.Text)
	case *syntax.Bool:
		return x.Value
	case *syntax.Paren:
		return literal(x.X)
	case *syntax.Unary:
		if n, ok := literal(x.X).(value.Number); ok {
			return value.Number("-" + string(n))
		}
	case *syntax.List:
		list := make([]value.Value, len(x.Elems))
		for i, e := range x.Elems {
			list[i] = literal(e)
		}
		return list
	}
	return nil
}

func bound(x syntax.Expr) *float64 {
	v := literal(x)
	if v == nil {
		return nil
	}
	n, err := value.ParseNumber(value.Text(v))
	if err != nil {
		return nil
	}
	f := n.Float64()
	return &f
}

// Parse reads a value from text, as it is given on a command line: a list as JSON or with commas between its elements.
func (p Parameter) Parse(text string) (value.Value, error) {
	switch p.Type {
	case "number":
		n, err := value.ParseNumber(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		return n, nil
	case "list":
		trimmed := strings.TrimSpace(text)
		if trimmed == "" {
			return []value.Value{}, nil
		}
		if strings.ContainsAny(trimmed[:1], `[{"`) {
			v, err := value.Decode([]byte(trimmed))
			if err != nil {
				return nil, fmt.Errorf("%s begins like JSON but is none: %w", p.Name, err)
			}
			if one, ok := v.(string); ok {
				v = []value.Value{one}
			}
			return v, nil
		}
		var list []value.Value
		for part := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(part))
		}
		return list, nil
	}
	return text, nil
}

// Accept says why a value is refused, nil if it is not.
func (p Parameter) Accept(v value.Value) error {
	problem := p.problem(v)
	switch {
	case problem == "":
		return nil
	case p.Constraint != "":
		problem += "; " + strings.TrimSpace(p.Constraint)
	}
	return fmt.Errorf("%s %s", p.Name, problem)
}

func (p Parameter) problem(v value.Value) string {
	switch v := v.(type) {
	case string:
		if p.Type == "string" {
			return first(p.element(v), p.length(utf8.RuneCountInString(v), "characters"))
		}
	case value.Number:
		if p.Type == "number" {
			return p.number(v)
		}
	case []value.Value:
		if p.Type == "list" {
			return p.list(v)
		}
	}
	return fmt.Sprintf("is %s: expected a %s", value.Kind(v), p.Type)
}

func (p Parameter) list(list []value.Value) string {
	for i, e := range list {
		if _, ok := e.(string); !ok {
			return fmt.Sprintf("has as element %d %s: expected strings", i+1, value.Kind(e))
		}
		if problem := p.element(e); problem != "" {
			return fmt.Sprintf("has an element %d that %s", i+1, problem)
		}
	}
	return p.length(len(list), "elements")
}

// element checks a string, a number, or an element of a list.
func (p Parameter) element(v value.Value) string {
	if text, ok := v.(string); ok && p.Pattern != nil && !p.Pattern.MatchString(text) {
		return fmt.Sprintf("does not match %s", p.Pattern)
	}
	if len(p.Allowed) == 0 || slices.ContainsFunc(p.Allowed, func(a value.Value) bool { return value.Equal(a, v) }) {
		return ""
	}
	choice := make([]string, len(p.Allowed))
	for i, a := range p.Allowed {
		choice[i] = string(value.Encode(a))
	}
	return "is none of " + cut(strings.Join(choice, ", "), 500)
}

func (p Parameter) number(v value.Number) string {
	n := v.Float64()
	switch {
	case p.MinValue != nil && n < *p.MinValue:
		return fmt.Sprintf("is %s: expected at least %v", v, *p.MinValue)
	case p.MaxValue != nil && n > *p.MaxValue:
		return fmt.Sprintf("is %s: expected at most %v", v, *p.MaxValue)
	}
	return p.element(v)
}

func (p Parameter) length(n int, of string) string {
	switch {
	case p.MinLength != nil && float64(n) < *p.MinLength:
		return fmt.Sprintf("has %d %s: expected at least %v", n, of, *p.MinLength)
	case p.MaxLength != nil && float64(n) > *p.MaxLength:
		return fmt.Sprintf("has %d %s: expected at most %v", n, of, *p.MaxLength)
	}
	return ""
}

func first(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}

// Parameters are what the template asks for, in the order in which they are shown.
func (p *Program) Parameters() []Parameter { return slices.Clone(p.parameters) }

// Bind gives every parameter its value: the one that was chosen, or its default. The error names all that is wrong.
func (p *Program) Bind(chosen map[string]value.Value) (*value.Map, error) {
	values := value.New()
	var wrong []error
	names := make([]string, len(p.parameters))
	for i, q := range p.parameters {
		names[i] = q.Name
		v, ok := chosen[q.Name]
		switch {
		case ok:
			if err := q.Accept(v); err != nil {
				wrong = append(wrong, err)
			}
		case q.Default != nil:
			v = q.Default
		default:
			wrong = append(wrong, fmt.Errorf("%s has no default, so that it must be given: %s", q.Name, q.Label))
		}
		values.Set(q.Name, v)
	}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		if slices.Contains(names, name) {
			continue
		}
		err := fmt.Errorf("the template has no parameter %s", name)
		if near := source.Nearest(name, names); near != "" {
			err = fmt.Errorf("%w: did you mean %s?", err, near)
		}
		wrong = append(wrong, err)
	}
	return values, errors.Join(wrong...)
}
