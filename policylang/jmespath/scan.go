package jmespath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"espalier.dev/policylang/value"
)

// kind is the kind of a token. Those of one or two characters are their own text.
type kind string

const (
	end     kind = "the end"
	name    kind = "a name"
	quoted  kind = "a quoted name"
	literal kind = "a literal"
	number  kind = "a number"
)

type token struct {
	kind  kind
	at    int
	text  string      // of a name
	value value.Value // of a literal
	n     int         // of a number
}

// marks are the tokens without a content, longer ones first.
var marks = []string{"[?", "[]", "||", "&&", "==", "!=", "<=", ">=", ".", "*", ",", ":", "{", "}", "[", "]", "(", ")", "@", "|", "&", "<", ">", "!"}

// scan splits an expression into tokens. The last one is end.
func scan(text string) ([]token, error) {
	var list []token
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(" \t\n\r", text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return append(list, token{kind: end, at: at}), nil
		}
		t, n, err := scanOne(text[at:])
		if err != nil {
			return nil, &Error{text, at, err.Error()}
		}
		t.at = at
		list = append(list, t)
		at += n
	}
}

// scanOne reads the token that s begins with, and its length.
func scanOne(s string) (token, int, error) {
	switch c := s[0]; {
	case c == '"':
		return scanQuoted(s)
	case c == '\'':
		return scanRaw(s)
	case c == '`':
		return scanLiteral(s)
	case c == '-' || isDigit(c):
		n := 1
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		i, err := strconv.ParseInt(s[:n], 10, 32)
		if err != nil {
			return token{}, 0, fmt.Errorf("%s is no number for an index", s[:n])
		}
		return token{kind: number, n: int(i)}, n, nil
	case isLetter(c):
		n := 1
		for n < len(s) && (isLetter(s[n]) || isDigit(s[n])) {
			n++
		}
		return token{kind: name, text: s[:n]}, n, nil
	}
	for _, m := range marks {
		if strings.HasPrefix(s, m) {
			return token{kind: kind(m)}, len(m), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(s)
	if r == '=' {
		return token{}, 0, fmt.Errorf("= is no operator: equality is ==")
	}
	return token{}, 0, fmt.Errorf("%q has no meaning here", r)
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// until is the text before the next mark that no backslash stands before, and the length with both marks.
func until(s string, mark byte) (string, int, error) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case mark:
			return s[1:i], i + 1, nil
		}
	}
	return "", 0, fmt.Errorf("%c is never closed", mark)
}

func scanQuoted(s string) (token, int, error) {
	_, n, err := until(s, '"')
	if err != nil {
		return token{}, 0, err
	}
	v, err := value.Decode([]byte(s[:n]))
	text, _ := v.(string)
	if err != nil || text == "" {
		return token{}, 0, fmt.Errorf("%s is no quoted name", s[:n])
	}
	return token{kind: quoted, text: text}, n, nil
}

func scanRaw(s string) (token, int, error) {
	inner, n, err := until(s, '\'')
	return token{kind: literal, value: strings.ReplaceAll(inner, `\'`, `'`)}, n, err
}

func scanLiteral(s string) (token, int, error) {
	inner, n, err := until(s, '`')
	if err != nil {
		return token{}, 0, err
	}
	v, err := value.Decode([]byte(strings.ReplaceAll(inner, "\\`", "`")))
	if err != nil {
		return token{}, 0, fmt.Errorf("what stands between ` and ` is no JSON: %w", err)
	}
	return token{kind: literal, value: v}, n, nil
}
