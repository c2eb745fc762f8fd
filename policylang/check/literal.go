package check

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
	"text/template"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/source"
	policy "espalier.dev/policylang/syntax"
)

// literal says what is wrong with a text that is written in a language of its own. It returns nil if nothing is.
type literal func(text string) error

// literal checks such a text and reports false if it is wrong.
func (c *checker) literal(s *policy.String, kind literal, in *policy.Statement) bool {
	err := kind(s.Value)
	if err == nil {
		return true
	}
	d := source.Diagnostic{Span: s.Span, Code: "wrong-expression", Message: err.Error()}
	if in != nil {
		d.Message = in.Keyword.Name + ": " + d.Message
	}
	if e, ok := errors.AsType[*templateError](err); ok && s.Quote == policy.Heredoc {
		d.Span = c.heredocLine(s, e.line)
	}
	c.report(d)
	return false
}

// heredocLine is the text of the n-th line of a heredoc, from 1.
func (c *checker) heredocLine(s *policy.String, n int) source.Span {
	f := c.File.Source
	line := min(f.LineOf(s.Body.Start)+max(n, 1)-1, f.Lines())
	text := f.Line(line)
	start := f.LineStart(line)
	return source.Span{Start: start + len(text) - len(strings.TrimLeft(text, " \t")), End: start + len(text)}
}

func pathMode(text string) error {
	_, err := extract.ParseMode(text)
	return err
}

// markerPath is a JMESPath or, for XML, an XPath: which of them is decided by the datasource.
func markerPath(text string) error {
	err := extract.CheckJMESPath(text)
	if err != nil && extract.CheckXPath(text) == nil {
		return nil
	}
	return err
}

// numeric is a number in quotes, which published templates have.
func numeric(text string) error {
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return fmt.Errorf("%q is no number", text)
	}
	return nil
}

func tagLiteral(text string) error {
	if key, _, ok := strings.Cut(text, "="); !ok || strings.TrimSpace(key) == "" {
		return fmt.Errorf("%q is no tag: key=value", text)
	}
	return nil
}

// templateError is a mistake in a text template, with its line in it.
type templateError struct {
	line int
	text string
}

func (e *templateError) Error() string { return "the text template can't be read: " + e.text }

// textFunctions are what a text template may call besides the functions of Go.
var textFunctions = sync.OnceValue(func() template.FuncMap {
	names := template.FuncMap{}
	for _, name := range []string{
		"data", "parameters", "rs_org_id", "rs_org_name", "rs_project_id", "rs_project_name", "rs_cm_host", "rs_ss_host", "rs_optima_host", "rs_governance_host",
	} {
		names[name] = func() any { return nil }
	}
	return names
})

var templatePlace = regexp.MustCompile(`^template: t:(\d+)(?::\d+)?: (.*)`)

func textTemplate(text string) error {
	_, err := template.New("t").Funcs(textFunctions()).Parse(text)
	if err == nil {
		return nil
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	e := &templateError{line: 1, text: line}
	if m := templatePlace.FindStringSubmatch(e.text); m != nil {
		e.line, _ = strconv.Atoi(m[1])
		e.text = m[2]
	}
	return e
}

var backReference = regexp.MustCompile(`^\\[1-9]`)

// regexp checks a regular expression.
func (c *checker) regexp(x *policy.Regexp) bool {
	_, err := extract.Regexp(x)
	if err == nil {
		return true
	}
	problem := err.Error()
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		problem = string(e.Code)
		if e.Code == syntax.ErrInvalidPerlOp || e.Code == syntax.ErrInvalidNamedCapture || backReference.MatchString(e.Expr) {
			problem = "look-around and back-references are not supported"
		}
		problem += ": " + e.Expr
	}
	c.errorf("wrong-expression", x, "the regular expression can't be read: %s", problem)
	return false
}
