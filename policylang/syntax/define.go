package syntax

import (
	"strings"

	"espalier.dev/policylang/source"
)

// definitionAhead reports whether a name follows the word define, which was just read.
func (s *scanner) definitionAhead() bool {
	rest := strings.TrimLeft(s.src[s.pos:s.lineEnd(s.pos)], " \t")
	return rest != "" && letter(rest[0])
}

// definition reads a define block: its head here, the rest as a stretch of the source. The current token is define.
func (p *parser) definition() *Definition {
	d := &Definition{}
	start := p.tok.span.Start
	cut := actionScanner{src: p.s.src, pos: p.tok.span.End}
	cut.head(d)
	if d.Name.Name == "" {
		p.errorf("syntax", p.tok.span, "", "define needs a name")
		d.Name.Span = p.tok.span
	}
	if !cut.block() {
		p.errorf("missing-end", source.Span{Start: start, End: d.Name.Span.End}, "", "define %s has no end", d.Name.Name)
		cut.pos = lostDefinitionEnd(p.s.src, d.Name.Span.End)
	}
	d.Span = source.Span{Start: start, End: cut.pos}
	d.Text = p.s.src[start:cut.pos]
	p.s.pos, p.s.heredoc = cut.pos, 0
	p.advance()
	p.endOfStatement()
	return d
}

// lostDefinitionEnd is where a definition without an end was meant to end: at an end in the first column, or before the
// next block there, or the next define.
func lostDefinitionEnd(src string, from int) int {
	for {
		i := strings.IndexByte(src[from:], '\n')
		if i < 0 {
			return len(src)
		}
		from += i + 1
		line, _, _ := strings.Cut(src[from:], "\n")
		if strings.TrimRight(line, " \t") == "end" {
			return from + len("end")
		}
		if opensBlock(line) {
			return from - 1
		}
	}
}

// actionScanner finds the end of a definition. It reads the action language only as far as that asks for: strings,
// comments, regular expressions, and the words that open and close blocks.
type actionScanner struct {
	src  string
	pos  int
	term bool // the last token may end a term, so that a / divides
	open int  // up to here no regular expression ends: the line was searched before
}

// head reads name, parameters and returned names.
func (a *actionScanner) head(d *Definition) {
	save := *a
	if kind, start := a.next(); kind == actionWord && a.src[start:a.pos] != "do" {
		d.Name = a.name(start)
		for a.peekByte() == '.' { // name.space
			a.pos++
			a.next()
			d.Name = a.name(start)
		}
	} else {
		*a = save
	}
	if a.pos < len(a.src) && strings.HasPrefix(strings.TrimLeft(a.src[a.pos:], " \t"), "(") {
		a.next()
		d.Params = a.names(")")
	}
	save = *a
	if kind, start := a.next(); kind == actionWord && a.src[start:a.pos] == "return" {
		d.Returns = a.names("\n")
		return
	}
	*a = save
}

func (a *actionScanner) name(start int) Ident {
	return Ident{at{source.Span{Start: start, End: a.pos}}, a.src[start:a.pos]}
}

// names reads $a, @b up to the mark given, a do or a line break after which the list does not go on.
func (a *actionScanner) names(until string) []Ident {
	var list []Ident
	for {
		save := *a
		kind, start := a.next()
		text := a.src[start:a.pos]
		switch {
		case kind == actionEOF, text == until:
			if until == "\n" {
				*a = save
			}
			return list
		case kind == actionVariable:
			list = append(list, a.name(start))
		case kind == actionWord:
			*a = save
			return list
		}
	}
}

// block passes over the rest of a definition, from after its head to its end. It reports false if there is none.
func (a *actionScanner) block() bool {
	depth, header, brackets := 1, true, 0
	begin := false // a statement may begin here
	for {
		kind, start := a.next()
		switch kind {
		case actionEOF:
			return false
		case actionMark:
			switch a.src[start] {
			case '(', '[', '{':
				brackets++
			case ')', ']', '}':
				brackets = max(0, brackets-1)
			case '\n':
				header = header && (brackets > 0 || a.afterComma(start))
				begin = brackets == 0
				continue
			case ';':
				begin = true
				continue
			}
		case actionWord:
			switch word := a.src[start:a.pos]; {
			case a.isKey():
			case word == "do" && header:
				header, begin = false, true
				continue
			case word == "do", word == "if" && begin:
				depth++
				begin, brackets = word == "do", 0
				continue
			case word == "else":
				begin = true
				continue
			case word == "end" && begin, word == "end" && brackets == 0:
				if depth--; depth == 0 {
					return true
				}
			case a.opensAnother(start):
				return false
			}
		}
		begin = false
	}
}

// opensAnother reports whether a definition, which can't stand in another, or a block begins with the word at start. It
// must be the first of its line; brackets that were never closed do not hide it.
func (a *actionScanner) opensAnother(start int) bool {
	word := a.src[start:a.pos]
	if word != "define" && !topLevel[word] {
		return false
	}
	before := strings.TrimRight(a.src[:start], " \t")
	if !strings.HasSuffix(before, "\n") {
		return false
	}
	return word == "define" || len(before) == start && opensBlock(a.src[start:lineEnd(a.src, start)])
}

// afterComma reports whether the line that ends at pos ends with a comma.
func (a *actionScanner) afterComma(pos int) bool {
	return strings.HasSuffix(strings.TrimRight(a.src[:pos], " \t"), ",")
}

// isKey reports whether the word just read is a key, if: ..., rather than a word of the language.
func (a *actionScanner) isKey() bool { return a.peekByte() == ':' }

func (a *actionScanner) peekByte() byte {
	if a.pos < len(a.src) {
		return a.src[a.pos]
	}
	return 0
}

type actionKind uint8

const (
	actionEOF actionKind = iota
	actionWord
	actionVariable
	actionOther // a string, a number, a regular expression
	actionMark
)

// next reads a token; pos is behind it.
func (a *actionScanner) next() (kind actionKind, start int) {
	a.blanks()
	start = a.pos
	if start >= len(a.src) {
		return actionEOF, start
	}
	c := a.src[start]
	switch {
	case letter(c):
		a.word()
		a.term = false
		return actionWord, start
	case digit(c):
		a.word()
		a.term = true
		return actionOther, start
	case c == '$' || c == '@' || c == '.':
		for a.pos++; a.peekByte() == '$' || a.peekByte() == '@' || a.peekByte() == '.'; {
			a.pos++
		}
		a.word()
		a.term = true
		return actionVariable, start
	case c == '"' || c == '\'':
		a.pos = len(a.src)
		if end := closing(a.src, start+1, c); end >= 0 {
			a.pos = end + 1
		}
		a.term = true
		return actionOther, start
	case c == '/' && !a.term:
		a.regexp()
		a.term = true
		return actionOther, start
	}
	a.pos++
	a.term = c == ')' || c == ']' || c == '}'
	return actionMark, start
}

func (a *actionScanner) blanks() {
	for a.pos < len(a.src) {
		switch a.src[a.pos] {
		case ' ', '\t', '\r', '\f', '\v':
			a.pos++
		case '#':
			a.pos = lineEnd(a.src, a.pos)
		default:
			return
		}
	}
}

func (a *actionScanner) word() {
	for a.pos < len(a.src) && (letter(a.src[a.pos]) || digit(a.src[a.pos]) || a.src[a.pos] == '?') {
		a.pos++
	}
}

// regexp passes over /.../ if it ends on its line, else over the / alone.
func (a *actionScanner) regexp() {
	end := a.pos
	if a.pos >= a.open {
		end = lineEnd(a.src, a.pos)
	}
	for i := a.pos + 1; i < end; i++ {
		switch a.src[i] {
		case '\\':
			i++
		case '/':
			a.pos = i + 1
			a.word()
			return
		}
	}
	a.open = max(a.open, end)
	a.pos++
}

func lineEnd(src string, pos int) int {
	if i := strings.IndexByte(src[pos:], '\n'); i >= 0 {
		return pos + i
	}
	return len(src)
}
