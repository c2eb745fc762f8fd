package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLength bounds a filter, in characters.
const maxLength = 4096

type tokenKind uint8

const (
	end    tokenKind = iota
	word             // attribute, operator, number, true, bare time
	text             // in single quotes
	quoted           // in double quotes
	mark             // one of ( ) [ ] ,
)

// token is one piece of a filter.
type token struct {
	kind tokenKind
	text string // as written; of quoted ones what stands between the quotes
	pos  int    // of its first character, from 1
}

// String names the token for an error, shortened.
func (t token) String() string {
	const most = 40
	s := t.text
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	switch t.kind {
	case end:
		return "the end"
	case text:
		return "the text '" + s + "'"
	case quoted:
		return "\"" + s + "\""
	}
	return s
}

// scan cuts a filter into tokens; the last one is end.
func scan(filter string) ([]token, error) {
	if n := utf8.RuneCountInString(filter); n > maxLength {
		return nil, errorAt(maxLength+1, "is %d characters long; want at most %d", n, maxLength)
	}
	if !utf8.ValidString(filter) {
		return nil, errorAt(1+wellFormed(filter), "is not well-formed UTF-8")
	}
	s := scanner{text: []rune(filter)}
	var tokens []token
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.kind == end {
			return tokens, nil
		}
	}
}

// wellFormed counts the characters before the first byte that is none.
func wellFormed(s string) (n int) {
	for {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size < 2 {
			return n
		}
		s = s[size:]
		n++
	}
}

type scanner struct {
	text []rune
	at   int
}

func (s *scanner) next() (token, error) {
	for s.at < len(s.text) && unicode.IsSpace(s.text[s.at]) {
		s.at++
	}
	pos := s.at + 1
	if s.at == len(s.text) {
		return token{end, "", pos}, nil
	}
	switch r := s.text[s.at]; {
	case r == '\'':
		return s.quoted(text, r)
	case r == '"':
		return s.quoted(quoted, r)
	case strings.ContainsRune("()[],", r):
		s.at++
		return token{mark, string(r), pos}, nil
	case isWordRune(r):
		start := s.at
		for s.at < len(s.text) && isWordRune(s.text[s.at]) {
			s.at++
		}
		return token{word, string(s.text[start:s.at]), pos}, nil
	default:
		return token{}, errorAt(pos, "%q has no meaning here; operators are words, such as eq, and text stands in single quotes", r)
	}
}

// quoted reads up to the closing mark; a mark written twice stands for itself.
func (s *scanner) quoted(kind tokenKind, closing rune) (token, error) {
	pos := s.at + 1
	var b strings.Builder
	for s.at++; s.at < len(s.text); s.at++ {
		r := s.text[s.at]
		switch {
		case r == closing && s.at+1 < len(s.text) && s.text[s.at+1] == closing:
			s.at++
		case r == closing:
			s.at++
			return token{kind, b.String(), pos}, nil
		case unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t':
			return token{}, errorAt(s.at+1, "is the control character %U", r)
		}
		b.WriteRune(r)
	}
	return token{}, errorAt(pos, "this %c is never closed; a quote inside text is written twice: 'O''Brien'", closing)
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.:+-", r)
}
