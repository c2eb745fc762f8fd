package syntax

import "espalier.dev/policylang/source"

// kind is the kind of a token.
type kind uint8

const (
	kindEOF kind = iota
	kindNewline
	kindIdent
	kindString
	kindNumber
	kindRegexp
	kindReference
	kindMark  // one of ( ) [ ] { } , : => + - * / %
	kindStray // characters that begin nothing
)

// token is one token. Its text is that of its span; values of strings are worked out when it is scanned.
type token struct {
	kind kind
	span source.Span
	text string // as written; of a heredoc the opening only
	str  *String
}

// is reports whether the token is the given mark.
func (t token) is(mark string) bool { return t.kind == kindMark && t.text == mark }

// word reports whether the token is the given identifier.
func (t token) word(w string) bool { return t.kind == kindIdent && t.text == w }

// name is how messages call the token.
func (t token) name() string {
	switch t.kind {
	case kindEOF:
		return "the end of the file"
	case kindNewline:
		return "the end of the line"
	case kindString:
		return "a string"
	case kindNumber:
		return "the number " + t.text
	case kindRegexp:
		return "a regular expression"
	}
	return t.text
}

// beginsTerm reports whether a term may begin with the token.
func (t token) beginsTerm() bool {
	switch t.kind {
	case kindIdent, kindString, kindNumber, kindRegexp, kindReference:
		return true
	}
	return t.is("(") || t.is("[") || t.is("{") || t.is("-")
}
