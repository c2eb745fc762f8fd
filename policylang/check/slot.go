package check

import (
	"fmt"
	"slices"
	"strings"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// slot checks an argument. The statement is the one it belongs to, nil for keyword arguments.
func (c *checker) slot(x syntax.Expr, s slot, in *syntax.Statement, around scope) {
	if len(s.kinds) > 0 {
		c.reference(x, s.kinds, in)
		return
	}
	got, ok := c.term(x, around|s.adds)
	if !ok {
		return
	}
	if s.written && !written(x) {
		c.report(source.Diagnostic{Span: x.Pos(), Code: "not-written-out", Message: subject(in) + " must be written out: it is read before anything is evaluated", Expected: s.types.String()})
		return
	}
	if got&s.types == 0 {
		c.report(source.Diagnostic{Span: x.Pos(), Code: "wrong-type", Message: fmt.Sprintf("%s must be %s, not %s", subject(in), s.expected(), got)})
		return
	}
	c.value(x, s, in)
}

// expected says what a slot takes.
func (s slot) expected() string {
	if len(s.oneOf) > 0 {
		return choice(s.oneOf)
	}
	return s.types.String()
}

// subject is how messages call the argument of a statement.
func subject(s *syntax.Statement) string {
	if s == nil {
		return "the value"
	}
	return s.Keyword.Name
}

// value checks a string or number that is written out.
func (c *checker) value(x syntax.Expr, s slot, in *syntax.Statement) {
	var value string
	switch x := x.(type) {
	case *syntax.String:
		value = x.Value
		if s.filled && strings.TrimSpace(value) == "" {
			c.errorf("empty", x, "%s must not be empty", subject(in))
			return
		}
		if s.kind != nil {
			c.literal(x, s.kind, in)
		}
	case *syntax.Number:
		value = x.Text
	default:
		return
	}
	if len(s.oneOf) == 0 || slices.Contains(s.oneOf, value) {
		return
	}
	d := source.Diagnostic{Span: x.Pos(), Code: "wrong-value", Message: fmt.Sprintf("%q is no %s", value, subject(in)), Expected: choice(s.oneOf)}
	if in == nil {
		d.Message = fmt.Sprintf("%q is not known here", value)
	}
	if near := source.Nearest(value, s.oneOf); near != "" {
		d.Suggestion = fmt.Sprintf("%q", near)
	}
	c.report(d)
}

// written reports whether a term is written out: literals, and lists and objects of them.
func written(x syntax.Expr) bool {
	ok := true
	syntax.Inspect(x, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.Reference, *syntax.Word, *syntax.Call:
			ok = false
		}
		return ok
	})
	return ok
}

// reference checks an argument that must refer to a block of one of the kinds.
func (c *checker) reference(x syntax.Expr, kinds []resolve.Kind, in *syntax.Statement) {
	switch x := x.(type) {
	case *syntax.Reference:
		d := c.Target(x)
		if d == nil || slices.Contains(kinds, d.Kind) {
			return
		}
		c.report(source.Diagnostic{Span: x.Span, Code: "wrong-kind", Message: fmt.Sprintf("%s refers to %s, not to a %s", subject(in), kindChoice(kinds), d.Kind)})
	case *syntax.Word:
		c.unknownWord(x, kinds)
	case *syntax.Bad:
	default:
		d := source.Diagnostic{Span: x.Pos(), Code: "wrong-kind", Message: fmt.Sprintf("%s refers to %s", subject(in), kindChoice(kinds)), Expected: "$ and its name"}
		if s, ok := x.(*syntax.String); ok {
			if known := c.Named(s.Value); known != nil && slices.Contains(kinds, known.Kind) {
				d.Suggestion = "$" + known.Name
			}
		}
		c.report(d)
	}
}

// kindChoice lists kinds for a sentence, without those of old templates where there are others.
func kindChoice(kinds []resolve.Kind) string {
	names := make([]string, 0, len(kinds))
	for i, k := range kinds {
		if i > 0 && (k == resolve.Auth || k == resolve.Resources) {
			continue
		}
		name := "a " + k.String()
		switch k {
		case resolve.Credentials, resolve.Resources:
			name = k.String()
		case resolve.Escalation, resolve.Auth:
			name = "an " + k.String()
		}
		names = append(names, name)
	}
	return choice(names)
}
