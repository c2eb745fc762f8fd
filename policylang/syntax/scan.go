package syntax

import (
	"strings"
	"unicode/utf8"

	"espalier.dev/policylang/source"
)

// scanner cuts a source into tokens, one at a time: the parser decides where a define block is skipped.
type scanner struct {
	file     *source.File
	src      string
	pos      int
	previous token // decides whether / divides or begins a regular expression
	heredoc  int   // where the lines of the next heredoc begin: after those of the ones opened on this line; 0 if none
	comments []Comment
	unended  map[string]bool // quotes and heredoc IDs that are not closed anywhere behind, so that it is searched once
	report   func(source.Diagnostic)
}

// next returns the next token. At the end of the file it returns kindEOF again and again.
func (s *scanner) next() token {
	s.blanks()
	t := s.scan()
	if t.text == "" {
		t.text = s.src[t.span.Start:t.span.End]
	}
	s.previous = t
	return t
}

// blanks skips what separates tokens and keeps the comments.
func (s *scanner) blanks() {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == ' ' || c == '\t' || c == '\f' || c == '\v':
			s.pos++
		case c == '\\' && s.peek(1) == '\n':
			s.pos += 2
		case c == '#':
			s.comment()
		default:
			return
		}
	}
}

func (s *scanner) comment() {
	start := s.pos
	s.pos = s.lineEnd(start)
	own := s.previous.kind == kindNewline || s.previous.span.End == 0
	if before := s.src[strings.LastIndexByte(s.src[:start], '\n')+1 : start]; !own {
		own = strings.TrimLeft(before, " \t") == ""
	}
	text := strings.TrimRight(s.src[start:s.pos], " \t")
	s.comments = append(s.comments, Comment{source.Span{Start: start, End: s.pos}, text, own})
}

func (s *scanner) scan() token {
	start := s.pos
	if s.pos >= len(s.src) {
		return token{kind: kindEOF, span: source.Span{Start: len(s.src), End: len(s.src)}}
	}
	switch c := s.src[s.pos]; {
	case c == '\n':
		return s.newline()
	case letter(c):
		s.ident()
		return token{kind: kindIdent, span: s.since(start)}
	case digit(c):
		return s.number()
	case c == '"' || c == '\'':
		return s.quoted(c)
	case c == '$' || c == '@':
		return s.reference()
	case c == '<' && s.heredocAhead():
		return s.heredocToken()
	case c == '/' && !s.previous.endsTerm():
		return s.regexp()
	case c == '=' && s.peek(1) == '>':
		s.pos += 2
		return token{kind: kindMark, span: s.since(start)}
	case strings.IndexByte("()[]{},:+-*/%", c) >= 0:
		s.pos++
		return token{kind: kindMark, span: s.since(start)}
	}
	return s.stray()
}

// endsTerm reports whether a term may end with the token, so that a / after it divides.
func (t token) endsTerm() bool {
	switch t.kind {
	case kindString, kindNumber, kindRegexp, kindReference:
		return true
	}
	return t.is(")") || t.is("]") || t.is("}")
}

// newline ends a line and passes over the lines of the heredocs opened on it.
func (s *scanner) newline() token {
	start := s.pos
	s.pos++
	if s.heredoc > s.pos {
		s.pos = s.heredoc
	}
	s.heredoc = 0
	return token{kind: kindNewline, span: source.Span{Start: start, End: start + 1}, text: "\n"}
}

func (s *scanner) ident() {
	for s.pos < len(s.src) && (letter(s.src[s.pos]) || digit(s.src[s.pos])) {
		s.pos++
	}
	if s.peek(0) == '?' {
		s.pos++
	}
}

func (s *scanner) number() token {
	start := s.pos
	for digit(s.peek(0)) {
		s.pos++
	}
	if s.peek(0) == '.' && digit(s.peek(1)) {
		for s.pos++; digit(s.peek(0)); {
			s.pos++
		}
	}
	if letter(s.peek(0)) {
		s.ident()
		s.errorf("bad-number", s.since(start), "", "%s is no number", s.src[start:s.pos])
	}
	return token{kind: kindNumber, span: s.since(start)}
}

func (s *scanner) reference() token {
	start := s.pos
	s.pos++
	if s.peek(0) == s.src[start] && letter(s.peek(1)) {
		s.pos++
		s.ident()
		s.errorf("bad-reference", s.since(start), "", "%s is a global of define blocks and means nothing outside of them", s.src[start:s.pos])
		return token{kind: kindReference, span: s.since(start), text: s.src[start+1 : s.pos]}
	}
	if !letter(s.peek(0)) {
		s.errorf("bad-reference", s.since(start), "a name right after it", "%s alone refers to nothing", s.src[start:s.pos])
		return token{kind: kindReference, span: s.since(start)}
	}
	for letter(s.peek(0)) || digit(s.peek(0)) {
		s.pos++
	}
	return token{kind: kindReference, span: s.since(start)}
}

// regexp reads /pattern/flags, which ends on its line.
func (s *scanner) regexp() token {
	start := s.pos
	class := false // inside [...] a / is a character
	end := s.lineEnd(start)
	for s.pos++; s.pos < end; s.pos++ {
		switch s.src[s.pos] {
		case '\\':
			if s.pos+1 < end {
				s.pos++
			}
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if class && strings.IndexByte(s.src[s.pos+1:end], '/') >= 0 {
				continue // another / follows, so this one may be a character of the class
			}
			for s.pos++; strings.IndexByte("imx", s.peek(0)) >= 0 && s.peek(0) != 0; {
				s.pos++
			}
			return token{kind: kindRegexp, span: s.since(start)}
		}
	}
	s.errorf("open-regexp", source.Span{Start: start, End: start + 1}, "", "the regular expression has no closing / on its line")
	return token{kind: kindRegexp, span: s.since(start)}
}

// stray passes over characters that begin nothing, all that stand together.
func (s *scanner) stray() token {
	start := s.pos
	for s.pos < len(s.src) {
		r, size := utf8.DecodeRuneInString(s.src[s.pos:])
		if r < utf8.RuneSelf && (r <= ' ' || letter(byte(r)) || digit(byte(r)) || strings.ContainsRune(`"'$@()[]{},:#\/`, r)) && s.pos > start {
			break
		}
		s.pos += size
	}
	return token{kind: kindStray, span: s.since(start)}
}

func (s *scanner) peek(n int) byte {
	if s.pos+n >= len(s.src) {
		return 0
	}
	return s.src[s.pos+n]
}

func (s *scanner) since(start int) source.Span { return source.Span{Start: start, End: s.pos} }

// lineEnd is the offset of the line break at or after pos, or the end of the file.
func (s *scanner) lineEnd(pos int) int { return lineEnd(s.src, pos) }

func (s *scanner) errorf(code string, span source.Span, expected, format string, args ...any) {
	s.report(newError(s.file, code, span, expected, format, args...))
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
