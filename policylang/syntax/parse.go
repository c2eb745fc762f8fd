package syntax

import (
	"fmt"
	"unicode/utf8"

	"espalier.dev/policylang/source"
)

// Bounds, so that any bytes are read in short time and without using up the stack.
const (
	maxDepth  = 200 // of bodies, lists, calls and parentheses within one another
	maxErrors = 100 // diagnostics of one file; what follows is read but not talked about
)

// Parse reads a template. The tree holds what could be understood; each thing that could not has a diagnostic.
func Parse(file *source.File) (*File, []source.Diagnostic) {
	p := &parser{}
	p.s = scanner{file: file, src: file.Text, report: p.report}
	f := &File{Source: file}
	if !p.readable() {
		return f, p.diagnostics
	}
	p.advance()
	for p.tok.kind != kindEOF {
		f.Items = p.items(f.Items)
		if p.tok.word("end") {
			p.errorf("stray-end", p.tok.span, "", "end without a block that it could close")
			p.advance()
			p.endOfStatement()
		}
	}
	f.Comments = p.s.comments
	return f, p.diagnostics
}

type parser struct {
	s           scanner
	tok         token
	previous    kind         // of the token before tok
	lost        bool         // a list was never closed: the statement is given up, and what follows is a new one
	brackets    int          // lists, calls and parentheses that are open: line breaks mean nothing in them
	open        []*Statement // the statements whose bodies are being read
	depth       int
	diagnostics []source.Diagnostic
	lastError   int // line of the last diagnostic about a token, so that one line gets one
}

// readable refuses what is no text at all.
func (p *parser) readable() bool {
	text := p.s.src
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				p.report(newError(p.s.file, "not-text", source.Span{Start: i, End: i + 1}, "", "the file is not UTF-8 text"))
				return false
			}
		}
		if r == 0 {
			p.report(newError(p.s.file, "not-text", source.Span{Start: i, End: i + 1}, "", "the file holds a NUL character, so it is no text"))
			return false
		}
	}
	return true
}

func newError(f *source.File, code string, span source.Span, expected, format string, args ...any) source.Diagnostic {
	return source.Diagnostic{File: f, Span: span, Code: code, Message: fmt.Sprintf(format, args...), Expected: expected}
}

func (p *parser) report(d source.Diagnostic) {
	line := p.s.file.LineOf(d.Span.Start)
	if len(p.diagnostics) < maxErrors && line != p.lastError {
		p.diagnostics = append(p.diagnostics, d)
	}
	p.lastError = line
}

func (p *parser) errorf(code string, span source.Span, expected, format string, args ...any) {
	p.report(newError(p.s.file, code, span, expected, format, args...))
}

// unexpected reports the current token where something else should be.
func (p *parser) unexpected(expected, where string) {
	p.errorf("syntax", p.tok.span, expected, "%s does not belong %s", p.tok.name(), where)
}

func (p *parser) advance() token {
	t := p.tok
	p.tok, p.previous = p.s.next(), t.kind
	return t
}

// skipLines passes over line breaks where they mean nothing.
func (p *parser) skipLines() {
	for p.tok.kind == kindNewline {
		p.advance()
	}
}

// enter counts a level of nesting; it reports false when there are too many.
func (p *parser) enter() bool {
	p.depth++
	if p.depth == maxDepth {
		p.errorf("too-deep", p.tok.span, "", "nested more than %d levels deep", maxDepth)
	}
	return p.depth < maxDepth
}

func (p *parser) leave() { p.depth-- }

// items reads the items of a body, up to an end, or to the end of the file.
func (p *parser) items(list []Item) []Item {
	for {
		p.skipLines()
		if p.tok.kind == kindEOF || p.tok.word("end") || p.lostEnd() {
			return list
		}
		if i := p.item(); i != nil {
			list = append(list, i)
		}
	}
}

func (p *parser) item() Item {
	switch {
	case p.tok.word("define") && p.s.definitionAhead():
		return p.definition()
	case p.tok.is("{"):
		start := p.tok.span
		o := &ObjectItem{Object: p.object()}
		o.Span = start.To(o.Object.Span)
		if !p.tok.word("end") { // do { ... } end may stand on one line
			p.endOfStatement()
		}
		return o
	case p.tok.kind != kindIdent:
		p.unexpected("a statement, which begins with a word", "at the beginning of a statement")
		p.skipStatement()
		return nil
	}
	return p.statement()
}

// statement reads a word, its arguments and its body.
func (p *parser) statement() *Statement {
	p.lost = false
	s := &Statement{}
	s.Keyword = p.identifier()
	s.Span = s.Keyword.Span
	if p.tok.is("(") && p.tok.span.Start == s.Span.End {
		s.Parens = true
		s.Span = s.Span.To(p.sequence(")", "arguments", func() { s.Args = append(s.Args, p.argument()) }))
	} else if p.tok.beginsTerm() && !p.tok.word("do") {
		s.Args = p.arguments()
	}
	if n := len(s.Args); n > 0 {
		s.Span = s.Span.To(s.Args[n-1].Span)
	}
	switch {
	case p.lost && p.previous == kindNewline:
		return s
	case p.tok.word("do"):
		if !p.body(s, p.advance().span) {
			return s
		}
	case p.lostDo(s):
		p.errorf("missing-do", s.Span, "do at the end of the line", "%s has a body but no do", s.Keyword.Name)
		if !p.body(s, source.Span{Start: s.Span.End, End: s.Span.End}) {
			return s
		}
	}
	p.endOfStatement()
	return s
}

// body reads what stands between do and end. It reports false if there is no end.
func (p *parser) body(s *Statement, do source.Span) bool {
	s.Body = &Body{Do: do}
	s.Body.Span = do
	if p.tok.kind != kindNewline && p.tok.kind != kindEOF && !p.tok.word("end") && !p.tok.is("{") {
		p.unexpected("the end of the line", "after do")
		p.skipLine()
	}
	p.open = append(p.open, s)
	if p.enter() {
		s.Body.Items = p.items(nil)
	} else {
		p.skipBody()
	}
	p.leave()
	p.open = p.open[:len(p.open)-1]
	if p.tok.word("end") {
		s.Body.End = p.advance().span
		s.Body.Span = do.To(s.Body.End)
		return true
	}
	s.Body.Span.End = p.tok.span.Start
	s.Body.End = source.Span{Start: p.tok.span.Start, End: p.tok.span.Start}
	p.lastError = 0 // each block that lacks its end is told of, and on the line of its own do
	p.errorf("missing-end", s.Span, "", "%s has no end", describe(s))
	return false
}

// describe is how messages call a statement: its word, and its name if it has one.
func describe(s *Statement) string {
	if name := s.Name(); name != nil && len(name.Value) < 80 {
		return fmt.Sprintf("%s %q", s.Keyword.Name, name.Value)
	}
	return s.Keyword.Name
}

// endOfStatement expects the end of the line, and passes over what stands before it.
func (p *parser) endOfStatement() {
	if p.tok.kind == kindNewline || p.tok.kind == kindEOF {
		return
	}
	if p.tok.word("end") && len(p.open) > 0 && len(p.open[len(p.open)-1].Body.Items) == 0 {
		return // do host "x" end on one line: told of at the do
	}
	p.unexpected("the end of the line", "after a statement")
	p.skipStatement()
}

// skipLine passes over the rest of the line.
func (p *parser) skipLine() (last token) {
	for p.tok.kind != kindNewline && p.tok.kind != kindEOF {
		last = p.advance()
	}
	return last
}

// skipStatement passes over the rest of the line, and over the body that it opens.
func (p *parser) skipStatement() {
	if p.skipLine().word("do") {
		p.skipBody()
		if p.tok.word("end") {
			p.advance()
			p.skipLine()
		}
	}
}

// skipBody passes over a body, up to its end, with the bodies inside of it.
func (p *parser) skipBody() {
	open := 1
	for last := p.tok; p.tok.kind != kindEOF && !p.lostEnd(); last = p.advance() {
		if p.tok.word("end") && last.kind == kindNewline {
			if open--; open == 0 {
				return
			}
		}
		if last.word("do") && p.tok.kind == kindNewline {
			open++
		}
	}
}

func (p *parser) identifier() Ident {
	t := p.advance()
	return Ident{at{t.span}, t.text}
}

// arguments reads a, b, k: v up to the end of the line; a comma continues on the next.
func (p *parser) arguments() []*Arg {
	var list []*Arg
	for {
		list = append(list, p.argument())
		switch {
		case p.lost:
			return list
		case p.tok.is(","):
			p.advance()
			p.skipLines()
			if !p.tok.beginsTerm() {
				p.unexpected("another argument", "after a comma")
				return list
			}
		case p.tok.beginsTerm() && !p.tok.word("do") && !p.tok.word("end"):
			p.errorf("missing-comma", p.tok.span, "", "there is no comma before %s", p.tok.name())
		default:
			return list
		}
	}
}

func (p *parser) argument() *Arg {
	a := &Arg{at: at{p.tok.span}}
	if key := p.keyword(); key != nil {
		a.Keyword = key
		p.skipLines()
	}
	a.Value = p.term()
	a.Span = a.Span.To(a.Value.Pos())
	return a
}

// keyword reads name: or "name": and returns nil if none stands here.
func (p *parser) keyword() *Ident {
	if p.tok.kind != kindIdent && p.tok.kind != kindString || p.s.peek(0) != ':' {
		return nil
	}
	t := p.advance()
	p.advance()
	if t.str != nil {
		return &Ident{at{t.span}, t.str.Value}
	}
	return &Ident{at{t.span}, t.text}
}

// sequence reads elements parted by commas up to the closing mark; the current token is the opening one. If the mark does
// not come, the span is that of the opening one.
func (p *parser) sequence(closing, what string, element func()) source.Span {
	opening := p.advance()
	p.brackets++
	defer func() { p.brackets-- }()
	p.skipLines()
	for !p.tok.is(closing) {
		switch {
		case p.tok.kind == kindEOF, p.tok.word("end"), p.tok.word("do"), p.lostEnd():
			p.unclosed(opening, closing, what)
			return opening.span
		case p.tok.is(")"), p.tok.is("]"), p.tok.is("}"):
			p.unexpected("a comma or "+closing, "among "+what)
			return opening.span // perhaps it closes what is around
		case !p.tok.beginsTerm():
			p.unexpected("a comma or "+closing, "among "+what)
			p.advance()
			p.skipLines()
			continue
		}
		element()
		if p.lost || !p.afterElement(opening, closing, what) {
			return opening.span
		}
	}
	return opening.span.To(p.advance().span)
}

// afterElement reads the comma behind an element. It reports false where the list was meant to end.
func (p *parser) afterElement(opening token, closing, what string) bool {
	p.skipLines()
	switch {
	case p.tok.is(","):
		p.advance()
		p.skipLines()
	case p.previous != kindNewline && p.tok.beginsTerm() && !p.tok.word("do") && !p.tok.word("end"):
		p.errorf("missing-comma", p.tok.span, "", "there is no comma before %s", p.tok.name())
	case p.tok.kind == kindIdent && p.s.peek(0) != ':' && p.s.peek(0) != '(':
		p.unclosed(opening, closing, what)
		return false
	case p.tok.beginsTerm():
		p.errorf("missing-comma", p.tok.span, "", "there is no comma at the end of the line before")
	}
	return true
}

// unclosed gives up a list at a word that begins a new statement, or ends the one around.
func (p *parser) unclosed(opening token, closing, what string) {
	p.errorf("unclosed", opening.span, closing, "the %s that begins the %s is not closed", opening.text, what)
	p.lost = true
}
