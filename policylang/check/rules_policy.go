package check

import (
	"fmt"
	"strings"

	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

func policyRule(c *checker, s *syntax.Statement) {
	if s.Body != nil && len(s.Statements()) == 0 {
		c.errorf("missing-field", s, "%s validates nothing: it needs a validate or a validate_each", title(s))
	}
}

func validateRule(c *checker, s *syntax.Statement) {
	if s.Body == nil {
		return
	}
	if s.Find("detail_template") == nil && s.Find("export") == nil {
		c.errorf("missing-field", s, "%s has neither detail_template nor export", s.Keyword.Name)
	}
	if in, ex := s.Find("hash_include"), s.Find("hash_exclude"); in != nil && ex != nil {
		c.errorf("exclusive", ex, "a validation has hash_include or hash_exclude, not both")
	}
	var last *syntax.Statement // a check behind which nothing is reached
	for _, st := range s.Statements() {
		if st.Keyword.Name != "check" {
			continue
		}
		if last != nil {
			c.warnf("unreachable", st, "this check is never reached: the one on line %d always fails", c.File.Source.LineOf(last.Span.Start))
			return
		}
		truth, known := constant(st.Arg(0))
		if known && truth {
			c.warnf("constant-check", st, "this check never fails")
		}
		if known && !truth {
			last = st
		}
	}
}

// constant is the truth of a term that is written out; known is false if it depends on anything.
func constant(x syntax.Expr) (truth, known bool) {
	switch x := x.(type) {
	case *syntax.Bool:
		return x.Value, true
	case *syntax.Null:
		return false, true
	case *syntax.String:
		return x.Value != "", true
	case *syntax.Number:
		return strings.Trim(x.Text, "0.") != "", true
	case *syntax.List:
		return len(x.Elems) > 0, true
	case *syntax.Object:
		return len(x.Pairs) > 0, true
	case *syntax.Paren:
		return constant(x.X)
	case *syntax.Call:
		return constantCall(x)
	}
	return false, false
}

// constantCall knows the comparison of two literals, as in check eq(0, 1), the idiom for an incident in each run.
func constantCall(x *syntax.Call) (truth, known bool) {
	if len(x.Args) != 2 || x.Name.Name != "eq" && x.Name.Name != "ne" {
		return false, false
	}
	a, aok := scalarText(x.Args[0])
	b, bok := scalarText(x.Args[1])
	return (a == b) == (x.Name.Name == "eq"), aok && bok
}

// scalarText is a text that differs for strings, numbers and booleans that differ.
func scalarText(x syntax.Expr) (string, bool) {
	switch x := x.(type) {
	case *syntax.String:
		return "s" + x.Value, true
	case *syntax.Number:
		return "n" + x.Text, true
	case *syntax.Bool:
		return fmt.Sprint("b", x.Value), true
	}
	return "", false
}

func exportRule(c *checker, s *syntax.Statement) {
	if s.Body == nil {
		return
	}
	fields, id := 0, false
	for _, f := range s.Statements() {
		if f.Keyword.Name != "field" {
			continue
		}
		fields++
		if name := f.Name(); name != nil && name.Value == "id" {
			id = true
		}
		if format := f.Find("format"); format != nil {
			c.format(format)
		}
	}
	if fields == 0 {
		c.errorf("missing-field", s, "export has no field")
	}
	if level := s.Find("resource_level"); level != nil {
		if v, ok := level.Arg(0).(*syntax.Bool); ok && v.Value && !id {
			c.errorf("missing-field", level, "resource_level true asks for a field id, by which rows are told apart")
		}
	}
	c.uniqueFields(s)
}

// format warns of formats that nobody knows; they count as left.
func (c *checker) format(s *syntax.Statement) {
	v, ok := s.Arg(0).(*syntax.String)
	if !ok {
		return
	}
	known := []string{"left", "right", "center", "link-external", "currency"}
	first, _, _ := strings.Cut(v.Value, " ") // right $%.2f
	for _, k := range known {
		if first == k {
			return
		}
	}
	d := source.Diagnostic{Span: v.Span, Severity: source.Warning, Code: "wrong-value", Message: fmt.Sprintf("%q is no format, so the column stands left", v.Value), Expected: choice(known)}
	if near := source.Nearest(v.Value, known); near != "" {
		d.Suggestion = fmt.Sprintf("%q", near)
	}
	c.report(d)
}

// runRule: an argument for each parameter of the definition.
func runRule(c *checker, s *syntax.Statement) {
	name := s.Name()
	if name == nil {
		return
	}
	d := c.Definitions[name.Value]
	got := len(plain(s)) - 1
	if d == nil || got == len(d.Params) {
		return
	}
	names := []string{fmt.Sprintf("%q", name.Value)}
	for _, p := range d.Params {
		names = append(names, p.Name)
	}
	c.report(source.Diagnostic{Span: s.Span, Code: "argument-count", Message: fmt.Sprintf("definition %s has %s, and gets %d", name.Value, parameterCount(len(d.Params)), got), Expected: join(names)})
}
