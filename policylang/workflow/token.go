package workflow

import "espalier.dev/policylang/source"

// kind is what a token is.
type kind uint8

const (
	kindEnd      kind = iota
	kindNewline       // a line break or a semicolon; noise within brackets
	kindIdent         // foreach, to_json, contains?
	kindVar           // $x, $$x, @x, @@x; the text keeps its sigils
	kindNumber        // 12, 5.5, 1e3
	kindDuration      // 30s, 2m30s
	kindString        // quoted or heredoc; cooked holds the value
	kindTime          // d"2024/01/31 10:00:00 PM"
	kindRegexp        // /re/imx
	kindOp            // punctuation and operators
	kindBad           // a byte that begins nothing, already reported
)

type token struct {
	kind   kind
	text   string // as written
	cooked string // of strings and datetimes: the value; of regexps: the pattern
	flags  string // of regexps
	span   source.Span
}

func (t token) is(op string) bool  { return t.kind == kindOp && t.text == op }
func (t token) word(w string) bool { return t.kind == kindIdent && t.text == w }
func (t token) describe() string {
	switch t.kind {
	case kindEnd:
		return "the end of the text"
	case kindNewline:
		return "the end of the line"
	case kindString:
		return "a string"
	}
	return `"` + t.text + `"`
}

// endsTerm reports whether a term may end with the token, so that a slash after it divides and << appends.
func (t token) endsTerm() bool {
	switch t.kind {
	case kindVar, kindNumber, kindDuration, kindString, kindTime, kindRegexp:
		return true
	case kindIdent:
		return !keywords[t.text]
	case kindOp:
		return t.text == ")" || t.text == "]" || t.text == "}"
	}
	return false
}

// keywords are the words that begin or divide a statement. A name may be none of them, except sub, map and assert, which
// are functions before a parenthesis.
var keywords = map[string]bool{
	"define": true, "return": true, "do": true, "end": true, "sub": true, "concurrent": true, "foreach": true, "map": true,
	"in": true, "while": true, "if": true, "elsif": true, "else": true, "call": true, "retrieve": true, "raise": true,
	"assert": true, "cancel": true, "abort": true, "cancel_task": true, "abort_task": true, "wait_task": true, "exit": true,
}
