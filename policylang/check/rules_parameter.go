package check

import (
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/syntax"
)

// limits are the constraints of a parameter.
type limits struct {
	kind             types
	allowed          []syntax.Expr
	pattern          *regexp.Regexp
	minLen, maxLen   *float64
	minimum, maximum *float64
}

// parameterRule: constraints fit the type, and the default satisfies them.
func parameterRule(c *checker, s *syntax.Statement) {
	l := limits{kind: parameterType(s)}
	if s.Body == nil || l.kind == unknown {
		return
	}
	if values, pattern := s.Find("allowed_values"), s.Find("allowed_pattern"); values != nil && pattern != nil {
		c.errorf("exclusive", pattern, "%s has allowed_values or allowed_pattern, not both", title(s))
	}
	fits := map[string]types{
		"min_length": text | list, "max_length": text | list, "min_value": number, "max_value": number, "allowed_pattern": text | list,
	}
	for _, st := range s.Statements() {
		if on, ok := fits[st.Keyword.Name]; ok && on&l.kind == 0 {
			c.errorf("wrong-place", st, "%s is for %s; %s is %s", st.Keyword.Name, plural(on), title(s), l.kind)
			return
		}
	}
	l.read(s)
	c.allowedTypes(s, l)
	l.bounds(c, s)
	if d := s.Find("default"); d != nil && d.Arg(0) != nil {
		c.defaultValue(d, l)
	}
}

func plural(t types) string {
	switch t {
	case number:
		return "numbers"
	case text | list:
		return "strings and lists"
	}
	return t.String()
}

func (l *limits) read(s *syntax.Statement) {
	l.allowed = plain(s.Find("allowed_values"))
	if len(l.allowed) == 1 {
		if all, ok := l.allowed[0].(*syntax.List); ok {
			l.allowed = all.Elems
		}
	}
	if st := s.Find("allowed_pattern"); st != nil {
		if x, ok := st.Arg(0).(*syntax.Regexp); ok {
			l.pattern, _ = extract.Regexp(x)
		}
	}
	for word, to := range map[string]**float64{"min_length": &l.minLen, "max_length": &l.maxLen, "min_value": &l.minimum, "max_value": &l.maximum} {
		if st := s.Find(word); st != nil {
			if n, ok := numeral(st.Arg(0)); ok {
				*to = &n
			}
		}
	}
}

// bounds: the least is no more than the greatest.
func (l *limits) bounds(c *checker, s *syntax.Statement) {
	if l.minLen != nil && l.maxLen != nil && *l.minLen > *l.maxLen {
		c.errorf("wrong-value", s.Find("max_length"), "max_length is less than min_length, so no value is right")
	}
	if l.minimum != nil && l.maximum != nil && *l.minimum > *l.maximum {
		c.errorf("wrong-value", s.Find("max_value"), "max_value is less than min_value, so no value is right")
	}
}

// numeral is the value of a number that is written out, with or without a minus or quotes.
func numeral(x syntax.Expr) (float64, bool) {
	switch x := x.(type) {
	case *syntax.Number:
		n, err := strconv.ParseFloat(x.Text, 64)
		return n, err == nil
	case *syntax.String:
		n, err := strconv.ParseFloat(x.Value, 64)
		return n, err == nil
	case *syntax.Unary:
		n, ok := numeral(x.X)
		return -n, ok
	case *syntax.Paren:
		return numeral(x.X)
	}
	return 0, false
}

// allowedTypes: allowed values are of the parameter's type, or of its elements'.
func (c *checker) allowedTypes(s *syntax.Statement, l limits) {
	want := l.kind
	if want == list {
		want = text
	}
	for _, v := range l.allowed {
		if got := literalType(v); got&want == 0 {
			c.errorf("wrong-type", v, "allowed_values of %s must be %s, not %s", title(s), want, got)
			return
		}
	}
}

func literalType(x syntax.Expr) types {
	switch x.(type) {
	case *syntax.String:
		return text
	case *syntax.Number:
		return number
	case *syntax.Bool:
		return boolean
	case *syntax.List:
		return list
	case *syntax.Object:
		return object
	case *syntax.Regexp:
		return regex
	case *syntax.Null:
		return null
	}
	if _, ok := numeral(x); ok {
		return number
	}
	return unknown
}

// defaultValue: the default is of the parameter's type and satisfies its constraints.
func (c *checker) defaultValue(d *syntax.Statement, l limits) {
	x := d.Arg(0)
	if got := literalType(x); got&l.kind == 0 {
		c.errorf("wrong-type", x, "the default must be %s, not %s", l.kind, got)
		return
	}
	problem := ""
	switch x := x.(type) {
	case *syntax.String:
		problem = l.refuses(x)
		if problem == "" {
			problem = l.length(utf8.RuneCountInString(x.Value), "characters")
		}
	case *syntax.List:
		problem = l.length(len(x.Elems), "elements")
		for _, e := range x.Elems {
			if got := literalType(e); got&text == 0 {
				c.errorf("wrong-type", e, "the elements of a list are strings, not %s", got)
				return
			}
			if problem == "" {
				problem = l.refuses(e)
			}
		}
	default:
		problem = l.number(x)
	}
	if problem != "" {
		c.errorf("wrong-default", x, "the default is refused by the parameter itself: %s", problem)
	}
}

// refuses says why a string, or a number among allowed values, is not allowed.
func (l *limits) refuses(x syntax.Expr) string {
	s, isText := x.(*syntax.String)
	if isText && l.pattern != nil && !l.pattern.MatchString(s.Value) {
		return fmt.Sprintf("%q does not match allowed_pattern", s.Value)
	}
	if len(l.allowed) == 0 {
		return ""
	}
	n, isNumber := numeral(x)
	for _, v := range l.allowed {
		if a, ok := v.(*syntax.String); ok && isText && a.Value == s.Value {
			return ""
		}
		if a, ok := numeral(v); ok && isNumber && a == n {
			return ""
		}
	}
	if isText {
		return fmt.Sprintf("%q is none of the allowed_values", s.Value)
	}
	return fmt.Sprintf("%v is none of the allowed_values", n)
}

func (l *limits) length(n int, of string) string {
	switch {
	case l.minLen != nil && float64(n) < *l.minLen:
		return fmt.Sprintf("it has %d %s and min_length is %v", n, of, *l.minLen)
	case l.maxLen != nil && float64(n) > *l.maxLen:
		return fmt.Sprintf("it has %d %s and max_length is %v", n, of, *l.maxLen)
	}
	return ""
}

func (l *limits) number(x syntax.Expr) string {
	n, ok := numeral(x)
	switch {
	case !ok:
		return ""
	case l.minimum != nil && n < *l.minimum:
		return fmt.Sprintf("%v is less than min_value %v", n, *l.minimum)
	case l.maximum != nil && n > *l.maximum:
		return fmt.Sprintf("%v is more than max_value %v", n, *l.maximum)
	}
	return l.refuses(x)
}
