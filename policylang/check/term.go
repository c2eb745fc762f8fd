package check

import (
	"fmt"
	"slices"
	"strings"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// term checks a term and tells which types its value may have. It reports false if something in it was wrong, so that no
// second complaint about it follows.
func (c *checker) term(x syntax.Expr, around scope) (types, bool) {
	switch x := x.(type) {
	case *syntax.String:
		return text, true
	case *syntax.Number:
		return number, true
	case *syntax.Bool:
		return boolean, true
	case *syntax.Null:
		return null, true
	case *syntax.Regexp:
		return regex, c.regexp(x)
	case *syntax.Reference:
		return c.referred(x)
	case *syntax.Word:
		return c.word(x, around)
	case *syntax.Call:
		return c.call(x, around)
	case *syntax.List:
		ok := true
		for _, e := range x.Elems {
			_, fine := c.term(e, around)
			ok = ok && fine
		}
		return list, ok
	case *syntax.Object:
		return object, c.members(x, around)
	case *syntax.Unary:
		return number, c.operand(x.X, "-", around)
	case *syntax.Binary:
		left, right := c.operand(x.X, x.Op, around), c.operand(x.Y, x.Op, around)
		return number, left && right
	case *syntax.Paren:
		return c.term(x.X, around)
	}
	return unknown, false
}

func (c *checker) members(o *syntax.Object, around scope) bool {
	ok := true
	seen := make(map[string]bool)
	for _, p := range o.Pairs {
		if seen[p.Key.Name] {
			c.warnf("repeated-key", p.Key, "the key %s stands twice; the last one counts", p.Key.Name)
		}
		seen[p.Key.Name] = true
		_, fine := c.term(p.Value, around)
		ok = ok && fine
	}
	return ok
}

func (c *checker) operand(x syntax.Expr, op string, around scope) bool {
	got, ok := c.term(x, around)
	if ok && got&number == 0 {
		c.errorf("wrong-type", x, "%s takes numbers, not %s", op, got)
		return false
	}
	return ok
}

// referred is the type of what a reference stands for in a term.
func (c *checker) referred(x *syntax.Reference) (types, bool) {
	d := c.Target(x)
	if d == nil {
		return unknown, false // package resolve has said so
	}
	switch d.Kind {
	case resolve.Parameter:
		return parameterType(d.Block), true
	case resolve.Datasource, resolve.Resources:
		return unknown, true
	case resolve.Credentials, resolve.Auth:
		return unknown, true // handed on to a request by client $other
	}
	c.errorf("wrong-kind", x, "%s%s is a %s, which has no value", x.Sigil, x.Name, d.Kind)
	return unknown, false
}

// parameterType is the type of a parameter's value.
func parameterType(s *syntax.Statement) types {
	if t := s.Find("type"); t != nil {
		if name, ok := t.Arg(0).(*syntax.String); ok {
			switch name.Value {
			case "string":
				return text
			case "number":
				return number
			case "list":
				return list
			}
		}
	}
	return unknown
}

func (c *checker) word(x *syntax.Word, around scope) (types, bool) {
	w, ok := reserved[x.Name]
	if !ok {
		c.unknownWord(x, nil)
		return unknown, false
	}
	if w.where&^around != 0 {
		c.errorf("wrong-place", x, "%s is known only %s", x.Name, places[w.where])
		return unknown, false
	}
	return w.types, true
}

// unknownWord reports a word that means nothing, or nothing where one of the kinds is referred to.
func (c *checker) unknownWord(x *syntax.Word, kinds []resolve.Kind) {
	d := source.Diagnostic{Span: x.Span, Code: "unknown-word", Message: fmt.Sprintf("%s is no word of the language", x.Name)}
	known := c.Named(x.Name)
	_, isWord := reserved[x.Name]
	f, isFunction := functions[x.Name]
	switch {
	case known != nil:
		d.Message, d.Suggestion = fmt.Sprintf("%s without $ refers to nothing", x.Name), "$"+x.Name
	case isWord:
		d.Code, d.Message, d.Expected = "wrong-kind", fmt.Sprintf("%s refers to no block", x.Name), kindChoice(kinds)
	case isFunction:
		d.Message = fmt.Sprintf("%s is a function that takes %s", x.Name, count(len(f.params)))
	default:
		d.Suggestion = c.nearestWord(x.Name)
	}
	c.report(d)
}

func (c *checker) nearestWord(name string) string {
	var words []string
	for w := range reserved {
		words = append(words, w)
	}
	if near := source.Nearest(name, words); near != "" {
		return near
	}
	if c.guesses++; c.guesses > maxGuesses {
		return ""
	}
	words = words[:0]
	for _, d := range c.Decls {
		words = append(words, d.Name)
	}
	if near := source.Nearest(name, words); near != "" {
		return "$" + near
	}
	return ""
}

func (c *checker) call(x *syntax.Call, around scope) (types, bool) {
	f, known := functions[x.Name.Name]
	if !known {
		c.unknownFunction(x)
		for _, a := range x.Args {
			c.term(a, around)
		}
		return unknown, false
	}
	ok := true
	if f.where&^around != 0 {
		c.errorf("wrong-place", x.Name, "%s is known only %s", x.Name.Name, places[f.where])
		ok = false
	}
	if n := len(x.Args); n > len(f.params) && !f.variadic || n < len(f.params)-f.optional {
		c.report(source.Diagnostic{Span: x.Name.Span, Code: "argument-count", Message: fmt.Sprintf("%s takes %s, not %d", x.Name.Name, arity(f), n), Expected: signature(x.Name.Name, f)})
		ok = false
	}
	got := make([]types, len(x.Args))
	for i, a := range x.Args {
		var fine bool
		got[i], fine = c.term(a, around)
		if !fine {
			got[i] = unknown
			ok = false
			continue
		}
		ok = c.argument(x, f, i, got[i], around) && ok
	}
	if ok {
		c.comparison(x, got)
	}
	return c.result(x, f, got), ok
}

// argument checks the i-th argument of a call.
func (c *checker) argument(x *syntax.Call, f function, i int, got types, around scope) bool {
	if i >= len(f.params) {
		return true
	}
	if got&f.params[i] == 0 {
		c.report(source.Diagnostic{Span: x.Args[i].Pos(), Code: "wrong-type",
			Message: fmt.Sprintf("the %s argument of %s must be %s, not %s", ordinal(i), x.Name.Name, f.params[i], got), Expected: signature(x.Name.Name, f)})
		return false
	}
	if kind := f.literal[i]; kind != nil {
		if s, ok := x.Args[i].(*syntax.String); ok {
			return c.literal(s, kind, nil)
		}
	}
	return true
}

// result is what a call gives, as far as the arguments tell.
func (c *checker) result(x *syntax.Call, f function, got []types) types {
	switch {
	case x.Name.Name == "switch" && len(got) == 3:
		return got[1] | got[2]
	case x.Name.Name == "dec" && len(got) == 2 && got[0] == date && got[1] == date:
		return number
	case x.Name.Name == "inc" || x.Name.Name == "dec":
		if len(got) == 2 && got[0] == number {
			return number
		}
	}
	return f.result
}

func (c *checker) unknownFunction(x *syntax.Call) {
	var names []string
	for name := range functions {
		names = append(names, name)
	}
	d := source.Diagnostic{Span: x.Name.Span, Code: "unknown-function", Message: fmt.Sprintf("there is no function %s", x.Name.Name), Suggestion: source.Nearest(x.Name.Name, names)}
	if near := map[string]string{"gte": "ge", "lte": "le", "and": "logic_and", "or": "logic_or", "not": "logic_not", "length": "size", "len": "size", "concat": "join", "if": "switch"}[x.Name.Name]; near != "" {
		d.Suggestion = near
	}
	if _, ok := reserved[x.Name.Name]; ok {
		d.Message, d.Suggestion = fmt.Sprintf("%s is a word, no function", x.Name.Name), x.Name.Name
	}
	c.report(d)
}

// comparison warns of comparisons whose answer is known because the types differ.
func (c *checker) comparison(x *syntax.Call, got []types) {
	name := x.Name.Name
	if !slices.Contains([]string{"eq", "equals?", "ne", "lt", "le", "gt", "ge"}, name) || len(got) != 2 || got[0]&got[1] != 0 {
		return
	}
	if (got[0]|got[1])&null != 0 && strings.Contains("eq equals? ne", name) {
		return // whether something is null is a fair question
	}
	answer := "is never true"
	switch name {
	case "ne":
		answer = "is always true"
	case "lt", "le", "gt", "ge":
		answer = "fails"
	}
	c.warnf("mixed-comparison", x, "%s compares %s with %s, which %s", name, got[0], got[1], answer)
}

func arity(f function) string {
	if f.optional > 0 {
		return fmt.Sprintf("%d to %d arguments", len(f.params)-f.optional, len(f.params))
	}
	return count(len(f.params))
}

// signature shows what a function takes: get(a number, a list or null).
func signature(name string, f function) string {
	params := make([]string, len(f.params))
	for i, p := range f.params {
		params[i] = strings.TrimPrefix((p &^ (null | node)).String(), "null or ")
		if i >= len(f.params)-f.optional {
			params[i] = "[" + params[i] + "]"
		}
	}
	return name + "(" + strings.Join(params, ", ") + ")"
}

func ordinal(i int) string { return []string{"first", "second", "third"}[min(i, 2)] }
