package syntax

import (
	"strings"

	"espalier.dev/policylang/source"
)

// quoted reads "..." or '...', which may go over several lines.
func (s *scanner) quoted(quote byte) token {
	start := s.pos
	end := -1
	if !s.unended[string(quote)] {
		end = closing(s.src, start+1, quote)
		s.remember(string(quote), end)
	}
	if end < 0 || s.swallows(start, end) {
		end = s.lineEnd(start)
		s.errorf("open-string", source.Span{Start: start, End: start + 1}, "", "the string that begins here has no closing %c", quote)
		s.pos = end
	} else {
		s.pos = end + 1
	}
	str := &String{at: at{s.since(start)}, Raw: quote == '\''}
	raw := s.src[start+1 : max(end, start+1)]
	if quote == '\'' {
		str.Quote = Single
		str.Value = source.UnescapeSingle(raw)
	} else {
		str.Value = source.Unescape(raw)
	}
	return token{kind: kindString, span: str.Span, str: str}
}

// closing finds the quote that ends a string, -1 if there is none.
func closing(src string, from int, quote byte) int {
	for i := from; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case quote:
			return i
		}
	}
	return -1
}

// remember keeps that a search for what closes a string failed: from further on it fails too.
func (s *scanner) remember(closing string, found int) {
	if found < 0 {
		if s.unended == nil {
			s.unended = make(map[string]bool)
		}
		s.unended[closing] = true
	}
}

// swallows reports whether a string that goes over lines has really lost its closing quote: the one found is then the
// first of another string, with text right after it.
func (s *scanner) swallows(start, end int) bool {
	if end+1 >= len(s.src) || !strings.Contains(s.src[start:end], "\n") {
		return false
	}
	c := s.src[end+1]
	return letter(c) || digit(c) || c == '$' || c == '/' || c == '.' || c == '*' || c == '<'
}

// heredocAhead reports whether << with an ID stands at the position.
func (s *scanner) heredocAhead() bool {
	_, ok := heredocHead(s.src[s.pos:])
	return ok
}

// head is the opening of a heredoc.
type head struct {
	id     string
	dash   byte
	raw    bool
	length int
}

func heredocHead(src string) (head, bool) {
	rest, ok := strings.CutPrefix(src, "<<")
	if !ok || rest == "" {
		return head{}, false
	}
	var h head
	if rest[0] == '-' || rest[0] == '~' {
		h.dash, rest = rest[0], rest[1:]
	}
	quote := byte(0)
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		quote, rest = rest[0], rest[1:]
	}
	n := 0
	for n < len(rest) && (letter(rest[n]) || digit(rest[n])) {
		n++
	}
	if n == 0 || quote == 0 && digit(rest[0]) {
		return head{}, false
	}
	h.id, rest = rest[:n], rest[n:]
	if quote != 0 {
		if rest == "" || rest[0] != quote {
			return head{}, false
		}
		rest = rest[1:]
	}
	h.raw = quote == '\''
	h.length = len(src) - len(rest)
	return h, true
}

// heredocToken reads a heredoc's opening, and its lines, which begin below the present line.
func (s *scanner) heredocToken() token {
	start := s.pos
	h, _ := heredocHead(s.src[start:])
	s.pos += h.length
	str := &String{at: at{s.since(start)}, Quote: Heredoc, ID: h.id, Raw: h.raw, Dash: h.dash}
	from := s.heredoc
	if from == 0 {
		from = min(s.lineEnd(s.pos)+1, len(s.src))
	}
	end, after := s.terminator(from, h)
	if end < 0 {
		s.errorf("open-heredoc", str.Span, "a line that is exactly "+h.id, "the text that begins here is never ended")
		end, after = s.lostTerminator(from, h)
	}
	str.Body = source.Span{Start: from, End: end}
	str.Value = s.src[from:end]
	if h.dash == '~' {
		str.Value = dedent(str.Value)
	}
	if !h.raw {
		str.Value = source.Unescape(str.Value)
	}
	s.heredoc = max(after, 1)
	return token{kind: kindString, span: str.Span, str: str}
}

// terminator finds the line that ends a heredoc: where it begins, and where the next line does; -1 if there is none.
func (s *scanner) terminator(from int, h head) (begin, after int) {
	key := "<<" + h.id
	if h.dash != 0 {
		key = "<<-" + h.id
	}
	if s.unended[key] {
		return -1, -1
	}
	begin, after = s.findLine(from, func(line string) bool {
		if h.dash != 0 {
			line = strings.TrimLeft(line, " \t")
		}
		return line == h.id
	})
	s.remember(key, begin)
	return begin, after
}

// lostTerminator finds where a heredoc that is never ended was meant to end: at its ID with blanks around it, else before
// the end of its block, so that the rest of the file is still read.
func (s *scanner) lostTerminator(from int, h head) (begin, after int) {
	begin, after = s.findLine(from, func(line string) bool {
		return strings.TrimSpace(line) == h.id || strings.TrimSpace(line) == "end" || opensBlock(line)
	})
	switch {
	case begin < 0:
		return len(s.src), len(s.src)
	case strings.TrimSpace(s.src[begin:s.lineEnd(begin)]) == h.id:
		return begin, after
	}
	return begin, begin
}

func (s *scanner) findLine(from int, is func(line string) bool) (begin, after int) {
	for from < len(s.src) {
		end := s.lineEnd(from)
		if is(s.src[from:end]) {
			return from, min(end+1, len(s.src))
		}
		from = end + 1
	}
	return -1, -1
}

// dedent takes away the blanks that all lines with text begin with.
func dedent(text string) string {
	lines := strings.SplitAfter(text, "\n")
	least := -1
	for _, l := range lines {
		if body := strings.TrimLeft(l, " \t"); strings.TrimSpace(body) != "" && (least < 0 || len(l)-len(body) < least) {
			least = len(l) - len(body)
		}
	}
	for i, l := range lines {
		blank := len(l) - len(strings.TrimLeft(l, " \t"))
		lines[i] = l[min(blank, max(least, 0)):]
	}
	return strings.Join(lines, "")
}
