package check

import (
	"fmt"
	"slices"
	"sync"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// Check says what is wrong with a template whose names are resolved. What a stage before has reported is not repeated.
func Check(t *resolve.Template) []source.Diagnostic {
	c := &checker{Template: t, meant: make(map[*syntax.Statement]string)}
	root := &syntax.Statement{Body: &syntax.Body{Items: t.File.Items}}
	c.body(root, whole(), everywhere)
	whole().rule(c, root)
	return c.diagnostics
}

type checker struct {
	*resolve.Template
	meant       map[*syntax.Statement]string // what misspelt statements were meant to be
	guesses     int                          // names that were compared with all names of the file
	diagnostics []source.Diagnostic
}

// maxGuesses bounds how many are.
const maxGuesses = 100

func (c *checker) report(d source.Diagnostic) {
	d.File = c.File.Source
	c.diagnostics = append(c.diagnostics, d)
}

func (c *checker) errorf(code string, n syntax.Node, format string, args ...any) {
	c.report(source.Diagnostic{Span: n.Pos(), Code: code, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) warnf(code string, n syntax.Node, format string, args ...any) {
	c.report(source.Diagnostic{Span: n.Pos(), Severity: source.Warning, Code: code, Message: fmt.Sprintf(format, args...)})
}

// statement checks a statement against its form.
func (c *checker) statement(s *syntax.Statement, f *form, around scope) {
	c.arguments(s, f, around)
	switch {
	case s.Body == nil && f.body == needsBody:
		c.errorf("missing-body", s, "%s needs a body: do ... end", f.word)
	case s.Body != nil && f.body == noBody:
		c.errorf("unexpected-body", s, "%s has no body", f.word)
	case s.Body != nil:
		inside := around | f.adds
		if f.scope != nil {
			inside = f.scope(s, inside)
		}
		c.body(s, f, inside)
	}
	if f.rule != nil {
		f.rule(c, s)
	}
}

// body checks what a body holds, and what it lacks.
func (c *checker) body(s *syntax.Statement, f *form, inside scope) {
	seen := make(map[string]*syntax.Statement)
	for _, i := range s.Body.Items {
		switch i := i.(type) {
		case *syntax.Statement:
			c.member(i, f, inside, seen)
		case *syntax.ObjectItem:
			if !f.objects {
				c.errorf("unexpected-object", i, "an object does not belong in %s", f.word)
			}
			c.term(i.Object, inside)
		case *syntax.Definition:
			if f != whole() {
				c.errorf("unknown-statement", i.Name, "define does not belong in %s: definitions stand by themselves", f.word)
			}
		}
	}
	for _, word := range f.need {
		if seen[word] == nil {
			c.missing(s, f, word)
		}
	}
}

// member checks a statement of a body.
func (c *checker) member(s *syntax.Statement, f *form, inside scope, seen map[string]*syntax.Statement) {
	word := s.Keyword.Name
	field := f.form(word)
	if field == nil {
		meant := c.unknownStatement(s, f)
		if f.open && meant == "" {
			c.terms(s, inside)
		}
		if field = f.form(meant); field == nil {
			return
		}
		word = meant
		c.meant[s] = meant
	}
	if first := seen[word]; first != nil && !field.repeat {
		c.repeated(s, first, f, word)
	} else if first == nil {
		seen[word] = s
	}
	c.statement(s, field, inside)
}

// repeated reports the second of two statements of which there can be one. Where both say the same nothing is in doubt.
func (c *checker) repeated(s, first *syntax.Statement, f *form, word string) {
	report, text := c.errorf, c.File.Source
	if s.Body == nil && text.Slice(s.Span) == text.Slice(first.Span) {
		report = c.warnf
	}
	report("repeated", s.Keyword, "%s stands twice in %s; the first is on line %d", word, f.word, text.LineOf(first.Span.Start))
}

// terms checks the arguments of a statement of which nothing else is known.
func (c *checker) terms(s *syntax.Statement, around scope) {
	for _, a := range s.Args {
		c.term(a.Value, around)
	}
}

// unknownStatement reports a word that is none of a body's statements. It returns the one that was meant, if that is clear.
func (c *checker) unknownStatement(s *syntax.Statement, f *form) (meant string) {
	word := s.Keyword.Name
	d := source.Diagnostic{Span: s.Keyword.Span, Code: "unknown-statement", Message: fmt.Sprintf("%s is no statement of %s", word, f.word)}
	d.Suggestion = source.Nearest(word, f.words())
	switch {
	case f.open && d.Suggestion == "":
		return ""
	case f.open:
		d.Severity = source.Warning
		c.report(d)
		return ""
	case f == whole() && (word == "import" || word == "package"):
		d.Message = word + " is not supported: policy templates stand by themselves; put the definitions into this file"
		d.Suggestion = ""
	case f == whole() && d.Suggestion == "" && s.Body != nil:
		d.Expected = "a block such as parameter, datasource or policy"
	case d.Suggestion == "" && f != whole():
		d.Expected = choice(f.words())
	}
	if where := homes(word); d.Suggestion == "" && where != "" {
		d.Message += "; it belongs in " + where
	}
	c.report(d)
	return d.Suggestion
}

// homes says where a statement belongs, "" if nowhere.
func homes(word string) string {
	list := parents()[word]
	return choice(list[:min(len(list), 4)])
}

// parents lists for each statement what it may stand in.
var parents = sync.OnceValue(func() map[string][]string {
	list := make(map[string][]string)
	seen := make(map[*form]bool)
	var visit func(f *form)
	visit = func(f *form) {
		if seen[f] {
			return
		}
		seen[f] = true
		for _, field := range f.fields {
			if f.word != "auth" && !slices.Contains(list[field.word], f.word) {
				list[field.word] = append(list[field.word], f.word)
			}
			visit(field)
		}
	}
	visit(whole())
	return list
})

// missing reports a statement that a body lacks.
func (c *checker) missing(s *syntax.Statement, f *form, word string) {
	if f == whole() {
		span := source.Span{}
		if len(c.File.Items) > 0 {
			span = c.File.Items[0].Pos()
		}
		c.report(source.Diagnostic{Span: span, Code: "missing-field", Message: "the template has no " + word})
		return
	}
	c.errorf("missing-field", s, "%s has no %s", title(s), word)
}

// title is how messages call a block: datasource ds_x.
func title(s *syntax.Statement) string {
	if name := s.Name(); name != nil && (resolve.KindOf(s.Keyword.Name) != resolve.None || s.Keyword.Name == "field") {
		return s.Keyword.Name + " " + name.Value
	}
	return s.Keyword.Name
}

// arguments checks a statement's arguments against the slots of its form.
func (c *checker) arguments(s *syntax.Statement, f *form, around scope) {
	n := 0
	for _, a := range s.Args {
		if a.Keyword != nil {
			c.keyword(a, f, around)
			continue
		}
		switch {
		case n < len(f.args):
			c.slot(a.Value, f.args[n], s, around)
		case f.rest != nil:
			c.slot(a.Value, *f.rest, s, around)
		case n == len(f.args):
			c.errorf("argument-count", a, "%s takes %s", f.word, count(len(f.args)))
			fallthrough
		default:
			c.term(a.Value, around)
		}
		n++
	}
	if least := len(f.args) - f.optional; n < least {
		c.errorf("argument-count", s.Keyword, "%s needs %s", f.word, needed(f, n))
	}
	for name := range f.keys {
		if s.Key(name) == nil && name == "type" {
			c.errorf("missing-keyword", s.Keyword, "%s needs a type: %s", f.word, choice(f.keys[name].oneOf))
		}
	}
}

// needed says which arguments are missing behind the first n.
func needed(f *form, n int) string {
	if n == 0 && f.named {
		return "a name in quotes"
	}
	s := f.args[n]
	switch {
	case len(f.args) == 2:
		return "a name and a value"
	case len(s.kinds) > 0:
		return kindChoice(s.kinds)
	case len(s.oneOf) > 0:
		return choice(s.oneOf)
	}
	return s.types.String()
}

func count(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// keyword checks a keyword argument.
func (c *checker) keyword(a *syntax.Arg, f *form, around scope) {
	name := a.Keyword.Name
	if s, ok := f.keys[name]; ok {
		c.slot(a.Value, s, nil, around)
		return
	}
	if f.anyKeys != nil {
		c.slot(a.Value, *f.anyKeys, nil, around)
		return
	}
	c.term(a.Value, around)
	if f.open {
		return
	}
	var known []string
	for k := range f.keys {
		known = append(known, k)
	}
	c.report(source.Diagnostic{Span: a.Keyword.Span, Code: "unknown-keyword", Message: fmt.Sprintf("%s takes no %s:", f.word, name), Suggestion: source.Nearest(name, known)})
}
