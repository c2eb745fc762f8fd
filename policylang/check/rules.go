package check

import (
	"fmt"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// templateRule: one policy, and no more.
func templateRule(c *checker, s *syntax.Statement) {
	var first *syntax.Statement
	for _, p := range s.Statements() {
		switch {
		case p.Keyword.Name != "policy":
		case first == nil:
			first = p
		default:
			c.errorf("repeated", p, "a template has one policy; the first is on line %d", c.File.Source.LineOf(first.Span.Start))
		}
	}
}

// tenancyRule: with credentials a policy can run in one project at a time only.
func tenancyRule(c *checker, s *syntax.Statement) {
	if v, ok := s.Arg(0).(*syntax.String); !ok || v.Value != "multi" {
		return
	}
	for _, d := range c.Decls {
		if d.Kind == resolve.Credentials || d.Kind == resolve.Auth {
			c.errorf("wrong-value", s, "a template with credentials can't have the tenancy multi")
			return
		}
	}
}

// exactlyOne: one statement in the body, not several.
func exactlyOne(c *checker, s *syntax.Statement) {
	if s.Body == nil {
		return
	}
	list := s.Statements()
	switch {
	case len(list) == 0:
		c.errorf("missing-field", s, "%s says nothing: it needs one of its statements", s.Keyword.Name)
	case len(list) > 1:
		c.errorf("exclusive", list[1], "%s takes one statement: %s is there already", s.Keyword.Name, list[0].Keyword.Name)
	}
	for _, u := range list {
		if v, ok := u.Arg(0).(*syntax.Bool); ok && u.Keyword.Name == "uri" && !v.Value {
			c.errorf("wrong-value", u, "uri can only be true: leave it out if the marker is no address")
		}
	}
}

// authRule: only the login that is no more goes without a body.
func authRule(c *checker, s *syntax.Statement) {
	if scheme, ok := s.Key("type").(*syntax.String); ok && s.Body == nil && scheme.Value != "rightscale" {
		c.errorf("missing-body", s, "auth of the type %s needs a body: do ... end", scheme.Value)
	}
}

func resourcesRule(c *checker, s *syntax.Statement) {
	c.warnf("defunct", s, "resources lists objects of a product that is no more; evaluating it fails")
}

// datasourceRule: one way to get the data.
func datasourceRule(c *checker, s *syntax.Statement) {
	if s.Body == nil {
		return
	}
	var ways []*syntax.Statement
	for _, w := range []string{"request", "run_script", "field"} {
		if st := c.findMeant(s, w); st != nil {
			ways = append(ways, st)
		}
	}
	switch {
	case len(ways) == 0:
		c.errorf("missing-field", s, "%s has none of request, run_script and field", title(s))
	case len(ways) > 1:
		c.errorf("exclusive", ways[1].Keyword, "%s has a %s already; it takes one of request, run_script and field", title(s), ways[0].Keyword.Name)
	}
	script, request := s.Find("run_script"), c.findMeant(s, "request")
	if it := s.Find("iterate"); it != nil && script != nil {
		c.errorf("exclusive", it, "iterate is for requests; a script loops by itself: hand it the list")
	}
	if r := s.Find("result"); r != nil && request == nil && len(ways) > 0 {
		c.errorf("exclusive", r, "result shapes the response of a request, and %s makes none", title(s))
	}
}

// findMeant finds a statement of a body, also one that is misspelt so that it is clear what was meant.
func (c *checker) findMeant(s *syntax.Statement, word string) *syntax.Statement {
	if st := s.Find(word); st != nil {
		return st
	}
	for _, st := range s.Statements() {
		if c.meant[st] == word {
			return st
		}
	}
	return nil
}

// requestRule: a script alone, or a host.
func requestRule(c *checker, s *syntax.Statement) {
	if s.Body == nil {
		return
	}
	if script := c.findMeant(s, "run_script"); script != nil {
		for _, st := range s.Statements() {
			if st != script {
				c.errorf("exclusive", st.Keyword, "a request with a run_script holds nothing else: the script gives the %s", st.Keyword.Name)
				return
			}
		}
		return
	}
	if c.findMeant(s, "host") == nil {
		c.errorf("missing-field", s, "request has neither host nor run_script")
	}
	if body, field := s.Find("body"), s.Find("body_field"); body != nil && field != nil {
		c.errorf("exclusive", body, "a request has body or body_field, not both")
	}
}

// runScriptRule: an argument for each parameter of the script.
func runScriptRule(c *checker, s *syntax.Statement) {
	ref, ok := s.Arg(0).(*syntax.Reference)
	if !ok {
		return
	}
	d := c.Target(ref)
	if d == nil || d.Kind != resolve.Script {
		return
	}
	params := plain(d.Block.Find("parameters"))
	got := len(plain(s)) - 1
	if got == len(params) {
		return
	}
	expected := "nothing behind $" + d.Name
	if len(params) > 0 {
		names := make([]string, len(params))
		for i, p := range params {
			names[i] = "?"
			if s, ok := p.(*syntax.String); ok {
				names[i] = s.Value
			}
		}
		expected = fmt.Sprintf("$%s, then %s", d.Name, join(names))
	}
	c.report(source.Diagnostic{Span: s.Span, Code: "argument-count", Message: fmt.Sprintf("script %s has %s, and gets %d", d.Name, parameterCount(len(params)), got), Expected: expected})
}

// plain lists the arguments of a statement that have no keyword; none if there is no statement.
func plain(s *syntax.Statement) []syntax.Expr {
	if s == nil {
		return nil
	}
	var list []syntax.Expr
	for _, a := range s.Args {
		if a.Keyword == nil {
			list = append(list, a.Value)
		}
	}
	return list
}

func parameterCount(n int) string {
	switch n {
	case 0:
		return "no parameters"
	case 1:
		return "one parameter"
	}
	return fmt.Sprintf("%d parameters", n)
}

func join(words []string) string {
	s := ""
	for i, w := range words {
		if i > 0 {
			s += ", "
		}
		s += w
	}
	return s
}

// resultRule: text takes the whole response; collect makes the objects, fields make one.
func resultRule(c *checker, s *syntax.Statement) {
	encoding, collect, member := s.Find("encoding"), s.Find("collect"), s.Find("field")
	if encoding != nil {
		if v, ok := encoding.Arg(0).(*syntax.String); ok && v.Value == "text" {
			for _, st := range []*syntax.Statement{collect, member} {
				if st != nil {
					c.errorf("exclusive", st.Keyword, "with the encoding text the whole response is the value; %s takes nothing from it", st.Keyword.Name)
					return
				}
			}
		}
	}
	if collect != nil && member != nil {
		c.errorf("exclusive", member, "a result has fields or a collect, not both; put the field into the collect")
	}
	c.uniqueFields(s)
}

func collectRule(c *checker, s *syntax.Statement) {
	if s.Body != nil && len(s.Body.Items) == 0 {
		c.errorf("missing-field", s, "collect has no field")
	}
	c.uniqueFields(s)
}

// uniqueFields: of two fields with one name the first would be lost.
func (c *checker) uniqueFields(s *syntax.Statement) {
	seen := make(map[string]bool)
	for _, f := range s.Statements() {
		name := f.Name()
		if f.Keyword.Name != "field" || name == nil {
			continue
		}
		if seen[name.Value] {
			c.warnf("repeated-key", name, "the field %s stands twice; the last one counts", name.Value)
		}
		seen[name.Value] = true
	}
}

// fieldRule: a value, or a collect.
func fieldRule(c *checker, s *syntax.Statement) {
	value := s.Arg(1) != nil
	switch {
	case s.Body == nil && !value:
		c.errorf("missing-field", s, "%s has no value", title(s))
	case s.Body != nil && value:
		c.errorf("exclusive", s.Arg(1), "%s has a value or a collect, not both", title(s))
	case s.Body == nil:
	default:
		list := s.Statements()
		if len(list) != 1 || list[0].Keyword.Name != "collect" {
			c.errorf("missing-field", s, "the body of %s is one collect", title(s))
		}
	}
}

// scriptRule: where a script gives and takes its values.
func scriptRule(c *checker, s *syntax.Statement) {
	if code := s.Find("code"); code != nil {
		if v, ok := code.Arg(0).(*syntax.String); ok && v.Value == "" {
			c.warnf("empty", code, "%s has an empty code, so its value is null", title(s))
		}
	}
}

func scriptParametersRule(c *checker, s *syntax.Statement) {
	seen := make(map[string]bool)
	for _, p := range plain(s) {
		name, ok := p.(*syntax.String)
		if !ok {
			continue
		}
		if seen[name.Value] {
			c.warnf("repeated-key", name, "the parameter %s stands twice; the last one counts", name.Value)
		}
		seen[name.Value] = true
	}
}
