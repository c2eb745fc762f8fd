package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"espalier.dev/errs"
)

// Bounds of a filter. The parser takes 0.1 s for 500 comparisons, and calls itself for each parenthesis.
const (
	maxFilter = 4096 // bytes
	maxNested = 16
)

// plain is a filter in the words that the parser knows. Two things it does not: texts in single quotes or with escapes such as
// \u00e9, and all but the simplest filter in brackets. So a text is written anew, and what stands in brackets is taken out:
//
//	emails[type eq "work" and primary eq true].value eq 'ann@acme.example'
//	emails.v__0 pr     inner[0]: (type eq "work" and primary eq true) and value eq "ann@acme.example"
//
// That a sub-attribute follows the brackets is not in RFC 7644's grammar for filters; Entra ID sends it.
type plain struct {
	text  string
	inner []string
}

// mark begins the name of what was taken out of brackets; no attribute is called so.
const mark = "v__"

// rewriter reads a filter once.
type rewriter struct {
	in     string
	at     int // byte
	out    strings.Builder
	inner  []string
	member string // for messages
}

func rewrite(member, text string) (plain, error) {
	if len(text) > maxFilter {
		return plain{}, errs.Invalidf("%s: must have at most %d bytes, has %d", member, maxFilter, len(text))
	}
	r := &rewriter{in: text, member: member}
	if err := r.run(); err != nil {
		return plain{}, err
	}
	return plain{strings.TrimSpace(r.out.String()), r.inner}, nil
}

// wrong is an error at a byte, told as a character.
func (r *rewriter) wrong(at int, format string, args ...any) error {
	return errs.Invalidf("%s: character %d: %s", r.member, utf8.RuneCountInString(r.in[:at])+1, fmt.Sprintf(format, args...))
}

func (r *rewriter) run() error {
	depth := 0
	for r.at < len(r.in) {
		switch c := r.in[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
			r.out.WriteByte(' ')
		case '"', '\'':
			text, err := r.quoted()
			if err != nil {
				return err
			}
			r.out.WriteString(text)
		case '[':
			if err := r.brackets(); err != nil {
				return err
			}
		case ']':
			return r.wrong(r.at, "] closes nothing")
		default:
			depth += map[byte]int{'(': 1, ')': -1}[c]
			if depth > maxNested {
				return r.wrong(r.at, "parentheses are nested deeper than %d", maxNested)
			}
			if strings.HasPrefix(r.in[r.at:], mark) {
				return r.wrong(r.at, "there is no such attribute")
			}
			r.at++
			r.out.WriteByte(c)
		}
	}
	return nil
}

// quoted reads a text in either kind of quotes and writes it as the parser takes it.
func (r *rewriter) quoted() (string, error) {
	start, quote := r.at, r.in[r.at]
	for r.at++; r.at < len(r.in); r.at++ {
		switch r.in[r.at] {
		case '\\':
			r.at++
		case quote:
			r.at++
			body := r.in[start+1 : r.at-1]
			if quote == '\'' {
				body = strings.ReplaceAll(strings.ReplaceAll(body, `\'`, `'`), `"`, `\"`)
			}
			var text string
			if json.Unmarshal([]byte(`"`+body+`"`), &text) != nil {
				return "", r.wrong(start, "the text cannot be read: escapes are those of JSON")
			}
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`, nil
		}
	}
	return "", r.wrong(start, "the text has no closing quote")
}

// brackets takes out what stands in them, with the comparison of a sub-attribute that may follow.
func (r *rewriter) brackets() error {
	start := r.at
	for r.at++; r.at < len(r.in) && r.in[r.at] != ']'; {
		switch r.in[r.at] {
		case '"', '\'':
			if _, err := r.quoted(); err != nil {
				return err
			}
		case '[':
			return r.wrong(r.at, "brackets within brackets")
		default:
			r.at++
		}
	}
	if r.at == len(r.in) {
		return r.wrong(start, "[ is not closed")
	}
	inner := r.in[start+1 : r.at]
	r.at++
	if r.at < len(r.in) && r.in[r.at] == '.' {
		r.at++
		rest, err := r.comparison()
		if err != nil {
			return err
		}
		inner = "(" + inner + ") and " + rest
	}
	fmt.Fprintf(&r.out, ".%s%d pr", mark, len(r.inner))
	r.inner = append(r.inner, inner)
	return nil
}

// comparison is three words, or two with pr, as they stand.
func (r *rewriter) comparison() (string, error) {
	start := r.at
	r.word()
	r.space()
	operator := r.at
	r.word()
	if strings.EqualFold(r.in[operator:r.at], "pr") {
		return r.in[start:r.at], nil
	}
	r.space()
	if r.at < len(r.in) && (r.in[r.at] == '"' || r.in[r.at] == '\'') {
		_, err := r.quoted()
		return r.in[start:r.at], err
	}
	r.word()
	return r.in[start:r.at], nil
}

func (r *rewriter) space() {
	for r.at < len(r.in) && r.in[r.at] == ' ' {
		r.at++
	}
}

func (r *rewriter) word() {
	for r.at < len(r.in) && !strings.ContainsRune(" ()[]\"'", rune(r.in[r.at])) {
		r.at++
	}
}
