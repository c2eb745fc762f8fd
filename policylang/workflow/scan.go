package workflow

import (
	"strings"
	"unicode/utf8"

	"espalier.dev/policylang/source"
)

// scanner cuts a file into tokens, on demand: what stands after the end of a definition is not ours to read.
type scanner struct {
	file     *source.File
	at       int
	last     token // the one before, newlines included
	heredoc  []pending
	unclosed int // heredocs without an end so far
	comments []Comment
	report   func(source.Span, string, string)
}

// pending is a heredoc whose opening was read and whose body begins on the next line.
type pending struct {
	id                   string
	indented, raw, strip bool
	opening              source.Span
	after                int // where the line behind its body begins
}

var operators = []string{
	"..", "=>", "==", "!=", "=~", "!~", ">=", "<=", "<<", "&&", "||",
	"(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "<", ">", "!", "+", "-", "*", "/", "%", "^", "&", "|",
}

func (s *scanner) next() token {
	s.blanks()
	t := s.scan()
	s.last = t
	return t
}

// blanks skips what separates tokens: blanks, comments, a backslash before a line break.
func (s *scanner) blanks() {
	text := s.file.Text
	for s.at < len(text) {
		switch c := text[s.at]; {
		case c == ' ' || c == '\t' || c == '\f' || c == '\v':
			s.at++
		case c == '\\' && strings.HasPrefix(text[s.at:], "\\\n"):
			s.at += 2
		case c == '#':
			start := s.at
			s.at = lineEnd(text, s.at)
			s.comments = append(s.comments, Comment{Span: source.Span{Start: start, End: s.at}, Text: strings.TrimRight(text[start:s.at], " \t")})
		default:
			return
		}
	}
}

func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

func (s *scanner) scan() token {
	text, start := s.file.Text, s.at
	if start >= len(text) {
		return token{kind: kindEnd, span: source.Span{Start: len(text), End: len(text)}}
	}
	switch c := text[start]; {
	case c == '\n':
		s.at++
		s.skipHeredocs()
		return token{kind: kindNewline, text: "\n", span: source.Span{Start: start, End: start + 1}}
	case c == ';':
		return s.emit(kindNewline, 1)
	case c == 'd' && strings.HasPrefix(text[start:], `d"`):
		return s.quoted(kindTime, start+1)
	case isLetter(c):
		return s.ident()
	case c == '$' || c == '@':
		return s.variable(c)
	case isDigit(c):
		return s.number()
	case c == '"' || c == '\'':
		return s.quoted(kindString, start)
	case c == '/' && !s.last.endsTerm():
		return s.regexp()
	case c == '<' && !s.last.endsTerm() && strings.HasPrefix(text[start:], "<<"):
		if t, ok := s.openHeredoc(); ok {
			return t
		}
	}
	for _, op := range operators {
		if strings.HasPrefix(text[start:], op) {
			return s.emit(kindOp, len(op))
		}
	}
	_, n := utf8.DecodeRuneInString(text[start:])
	t := s.emit(kindBad, n)
	s.report(t.span, "unexpected-character", "unexpected character "+quoteRune(t.text))
	return t
}

func quoteRune(s string) string {
	if r, _ := utf8.DecodeRuneInString(s); r == utf8.RuneError || r < ' ' {
		return "that cannot be shown"
	}
	return `"` + s + `"`
}

func (s *scanner) emit(k kind, n int) token {
	t := token{kind: k, text: s.file.Text[s.at : s.at+n], span: source.Span{Start: s.at, End: s.at + n}}
	s.at += n
	return t
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// identLen is how many bytes at the start of s form a name.
func identLen(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || n > 0 && isDigit(s[n])) {
		n++
	}
	return n
}

func (s *scanner) ident() token {
	n := identLen(s.file.Text[s.at:])
	if rest := s.file.Text[s.at+n:]; strings.HasPrefix(rest, "?") {
		n++
	}
	return s.emit(kindIdent, n)
}

func (s *scanner) variable(sigil byte) token {
	n := 1
	if strings.HasPrefix(s.file.Text[s.at+1:], string(sigil)) {
		n = 2
	}
	name := identLen(s.file.Text[s.at+n:])
	if name == 0 {
		t := s.emit(kindBad, n)
		s.report(t.span, "unexpected-character", `"`+t.text+`" is not followed by a name`)
		return t
	}
	return s.emit(kindVar, n+name)
}

// number reads 12, 5.5, 1e3 and durations such as 2m30s. A point counts only before a digit: 1..3 is a range.
func (s *scanner) number() token {
	text := s.file.Text[s.at:]
	n := digits(text)
	if d, ok := durationLen(text); ok {
		return s.emit(kindDuration, d)
	}
	if strings.HasPrefix(text[n:], ".") {
		if d := digits(text[n+1:]); d > 0 {
			n += 1 + d
		}
	}
	if n < len(text) && (text[n] == 'e' || text[n] == 'E') {
		exp := n + 1
		if exp < len(text) && (text[exp] == '+' || text[exp] == '-') {
			exp++
		}
		if d := digits(text[exp:]); d > 0 {
			n = exp + d
		}
	}
	return s.emit(kindNumber, n)
}

func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func durationLen(s string) (int, bool) {
	n := 0
	for {
		d := digits(s[n:])
		if d == 0 || n+d >= len(s) || unitSeconds(s[n+d]) == 0 {
			break
		}
		n += d + 1
	}
	return n, n > 0 && (n == len(s) || !isLetter(s[n]) && !isDigit(s[n]))
}

func unitSeconds(unit byte) int64 {
	switch unit {
	case 's':
		return 1
	case 'm':
		return 60
	case 'h':
		return 3600
	case 'd':
		return 86400
	}
	return 0
}

// quoted reads a string whose quote stands at open; the token begins where the scanner is.
func (s *scanner) quoted(k kind, open int) token {
	text, quote := s.file.Text, s.file.Text[open]
	end := open + 1
	for end < len(text) && text[end] != quote {
		if text[end] == '\\' {
			end++
		}
		end++
	}
	closed := end < len(text)
	if !closed { // give up at the end of the line, so that the rest is still read
		end = lineEnd(text, open)
	}
	body := text[open+1 : end]
	if closed {
		end++
	}
	t := s.emit(k, end-s.at)
	if !closed {
		s.report(source.Span{Start: t.span.Start, End: open + 1}, "unclosed-string", "this string is not closed")
	}
	if t.cooked = source.UnescapeSingle(body); quote == '"' {
		t.cooked = source.Unescape(body)
	}
	return t
}

// regexp reads /pattern/flags; escapes stay as they are, for the regexp engine.
func (s *scanner) regexp() token {
	text, end, class := s.file.Text, s.at+1, false
	for end < len(text) && text[end] != '\n' && (text[end] != '/' || class) {
		switch text[end] {
		case '\\':
			end++
		case '[':
			class = true
		case ']':
			class = false
		}
		end++
	}
	if end >= len(text) || text[end] != '/' {
		t := s.emit(kindBad, 1)
		s.report(t.span, "unclosed-regexp", "this regular expression is not closed")
		return t
	}
	pattern := text[s.at+1 : end]
	end++
	flags := end
	for end < len(text) && strings.IndexByte("imx", text[end]) >= 0 {
		end++
	}
	t := s.emit(kindRegexp, end-s.at)
	t.cooked, t.flags = pattern, text[flags:end]
	return t
}

// openHeredoc reads <<ID, <<-ID, <<~ID and their quoted forms, and the body from the lines below.
func (s *scanner) openHeredoc() (token, bool) {
	text := s.file.Text
	p, at := pending{}, s.at+2
	if at < len(text) && (text[at] == '-' || text[at] == '~') {
		p.indented, p.strip = true, text[at] == '~'
		at++
	}
	var quote byte
	if at < len(text) && (text[at] == '\'' || text[at] == '"') {
		quote = text[at]
		p.raw = quote == '\''
		at++
	}
	n := identLen(text[at:])
	if n == 0 || s.unclosed >= maxUnclosed {
		return token{}, false
	}
	p.id = text[at : at+n]
	at += n
	if quote != 0 {
		if at >= len(text) || text[at] != quote {
			return token{}, false
		}
		at++
	}
	from := lineEnd(text, at) + 1
	if len(s.heredoc) > 0 {
		from = s.heredoc[len(s.heredoc)-1].after
	}
	t := s.emit(kindString, at-s.at)
	p.opening = t.span
	t.cooked = s.heredocBody(&p, from)
	s.heredoc = append(s.heredoc, p)
	return t, true
}

// heredocBody finds the terminator of p at or after from, and returns the text before it.
func (s *scanner) heredocBody(p *pending, from int) string {
	text := s.file.Text
	for at := from; at < len(text); {
		end := lineEnd(text, at)
		line := text[at:end]
		if p.indented {
			line = strings.TrimLeft(line, " \t")
		}
		if strings.TrimRight(line, " \t") == p.id {
			p.after = min(end+1, len(text))
			body := text[from:at]
			if p.strip {
				body = stripIndent(body)
			}
			if p.raw {
				return body
			}
			return source.Unescape(body)
		}
		at = end + 1
	}
	s.report(p.opening, "unclosed-string", "no line ends this text: expected one that holds only "+p.id)
	p.after = min(from, len(text))
	s.unclosed++
	return ""
}

// stripIndent drops the indentation that all lines share, blank lines apart.
func stripIndent(s string) string {
	lines := strings.SplitAfter(s, "\n")
	common := -1
	for _, l := range lines {
		if trimmed := strings.TrimLeft(l, " \t"); strings.TrimSpace(l) != "" && (common < 0 || len(l)-len(trimmed) < common) {
			common = len(l) - len(trimmed)
		}
	}
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			lines[i] = l[common:]
		}
	}
	return strings.Join(lines, "")
}

// skipHeredocs moves past the bodies that belong to the line just ended.
func (s *scanner) skipHeredocs() {
	for _, p := range s.heredoc {
		s.at = max(s.at, p.after)
	}
	s.heredoc = nil
}
