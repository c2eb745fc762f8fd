package workflow

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// compiled keeps the regexps seen last, by pattern and flags: a loop uses the same one over and over.
var compiled = struct {
	sync.Mutex
	byText map[string]*regexp.Regexp
}{byText: map[string]*regexp.Regexp{}}

const maxCompiled = 200

// compileRegexp turns a pattern with Ruby's meaning into one of ours, which takes linear time whatever it matches:
// ^ and $ are ends of lines, m lets the point match a line break, x ignores blanks and comments. Looking ahead or
// behind and references to a group within the pattern are beyond it, and are refused.
func compileRegexp(pattern, flags string) (*regexp.Regexp, error) {
	key := flags + "/" + pattern
	compiled.Lock()
	defer compiled.Unlock()
	if re, ok := compiled.byText[key]; ok {
		return re, nil
	}
	text := pattern
	if strings.Contains(flags, "x") {
		text = dropBlanks(text)
	}
	mode := "m"
	if strings.Contains(flags, "i") {
		mode += "i"
	}
	if strings.Contains(flags, "m") {
		mode += "s"
	}
	re, err := regexp.Compile("(?" + mode + ")" + rubyEscapes(text))
	if err != nil {
		return nil, fmt.Errorf("this regular expression is not supported: %w", err)
	}
	if len(compiled.byText) >= maxCompiled {
		clear(compiled.byText)
	}
	compiled.byText[key] = re
	return re, nil
}

// rubyEscapes replaces the escapes that Ruby has and RE2 has not: \h, \H, \Z, and \/.
func rubyEscapes(s string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			class = c == '[' || class && c != ']'
			b.WriteByte(c)
			continue
		}
		i++
		switch next := s[i]; {
		case next == 'h' && class:
			b.WriteString("0-9a-fA-F")
		case next == 'h':
			b.WriteString("[0-9a-fA-F]")
		case next == 'H' && !class:
			b.WriteString("[^0-9a-fA-F]")
		case next == 'Z':
			b.WriteString(`(?:\n?\z)`)
		case next >= 0x80: // a letter beyond ASCII means itself
			b.WriteByte(next)
		default:
			b.WriteByte('\\')
			b.WriteByte(next)
		}
	}
	return b.String()
}

// dropBlanks removes what the flag x ignores.
func dropBlanks(s string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		case class:
			class = c != ']'
			b.WriteByte(c)
		case c == '#':
			i = lineEnd(s, i)
		case c == ' ' || c == '\t' || c == '\n':
		default:
			class = c == '['
			b.WriteByte(c)
		}
	}
	return b.String()
}

// pattern is what v means where a regexp is expected: a regexp, a string "/re/i", or a string that is the pattern.
func pattern(v Value) (*regexp.Regexp, error) {
	switch v := v.(type) {
	case Regexp:
		return compile(v.Pattern, v.Flags)
	case String:
		if p, flags, ok := delimited(string(v)); ok {
			return compile(p, flags)
		}
		return compile(string(v), "")
	}
	return nil, fault("expected a regular expression, got %s", TypeName(v))
}

func compile(p, flags string) (*regexp.Regexp, error) {
	re, err := compileRegexp(p, flags)
	if err != nil {
		return nil, fault("%s", err)
	}
	return re, nil
}

// delimited splits "/re/imx".
func delimited(s string) (pattern, flags string, ok bool) {
	if !strings.HasPrefix(s, "/") {
		return "", "", false
	}
	last := strings.LastIndexByte(s, '/')
	flags = s[last+1:]
	if last < 2 || strings.Trim(flags, "imx") != "" {
		return "", "", false
	}
	return s[1:last], flags, true
}
