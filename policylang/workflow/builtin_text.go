package workflow

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str is an argument that must be text; numbers and booleans are taken as their text.
func str(v Value, of string) (string, error) {
	switch v := v.(type) {
	case String:
		return string(v), nil
	case Int, Big, Float, Bool, Signer:
		return Text(v), nil
	}
	return "", fault("%s: expected a string, got %s", of, article(v))
}

// text1 makes a function of the language of one from text to text.
func text1(f func(string) string) func(*env, []Value) (Value, error) {
	return func(_ *env, a []Value) (Value, error) {
		s, err := str(a[0], "the argument")
		if err != nil {
			return nil, err
		}
		return String(f(s)), nil
	}
}

func toBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
func toHTML(s string) string   { return html.EscapeString(s) }
func fromHTML(s string) string { return html.UnescapeString(s) }
func downcase(s string) string { return strings.ToLower(s) }
func upcase(s string) string   { return strings.ToUpper(s) }
func strip(s string) string    { return strings.TrimFunc(s, blank) }
func lstrip(s string) string   { return strings.TrimLeftFunc(s, blank) }
func rstrip(s string) string   { return strings.TrimRightFunc(s, blank) }
func blank(r rune) bool        { return unicode.IsSpace(r) || r == 0 }

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + strings.ToLower(s[n:])
}

func fnFromBase64(_ *env, a []Value) (Value, error) {
	s, err := str(a[0], "from_base64")
	if err != nil {
		return nil, err
	}
	s = strings.TrimRight(strings.NewReplacer("\n", "", "\r", "", "-", "+", "_", "/").Replace(s), "=")
	raw, bad := base64.RawStdEncoding.DecodeString(s)
	if bad != nil {
		return nil, fault("from_base64: the text is no base64")
	}
	return String(raw), nil
}

// toURI escapes what RFC 3986 allows nowhere in a URI, and leaves its delimiters.
func toURI(s string) string { return percent(s, "-_.~:/?#[]@!$&'()*+,;=%") }

// toURIEsc escapes all but the unreserved characters.
func toURIEsc(s string) string { return percent(s, "-_.~") }

func percent(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isDigit(c) || isLetter(c) || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

func fnFromURI(_ *env, a []Value) (Value, error) {
	s, err := str(a[0], "from_uri")
	if err != nil {
		return nil, err
	}
	out, bad := url.PathUnescape(s)
	if bad != nil {
		return nil, fault("from_uri: %s", bad)
	}
	return String(out), nil
}

func fnReverse(_ *env, a []Value) (Value, error) {
	if list, ok := a[0].(Array); ok {
		items := slices.Clone(list.Items())
		slices.Reverse(items)
		return ArrayOf(items...), nil
	}
	s, err := str(a[0], "reverse")
	runes := []rune(s)
	slices.Reverse(runes)
	return String(runes), err
}

func fnGsub(e *env, a []Value) (Value, error) { return replace(e, a, "gsub", -1) }
func fnSub(e *env, a []Value) (Value, error)  { return replace(e, a, "sub", 1) }

// replace puts the third argument in place of matches: of a regexp, or of a plain string as it stands. In the
// replacement of a regexp \1 is its first group and \0 the match.
func replace(e *env, a []Value, of string, n int) (Value, error) {
	s, err := str(a[0], of)
	if err != nil {
		return nil, err
	}
	by, err := str(a[2], of)
	if err != nil {
		return nil, err
	}
	plain, isText := a[1].(String)
	if isText {
		if _, _, ok := delimited(string(plain)); !ok {
			return replacePlain(e, s, string(plain), by, n)
		}
	}
	re, err := pattern(a[1])
	if err != nil {
		return nil, err
	}
	return replaceMatches(e, re, s, by, n)
}

func replacePlain(e *env, s, old, by string, n int) (Value, error) {
	count := strings.Count(s, old)
	if n > 0 {
		count = min(count, n)
	}
	if err := e.fits(len(s) + count*len(by)); err != nil {
		return nil, err
	}
	return String(strings.Replace(s, old, by, n)), nil
}

func replaceMatches(e *env, re *regexp.Regexp, s, by string, n int) (Value, error) {
	var b strings.Builder
	at := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, n) {
		b.WriteString(s[at:m[0]])
		expand(&b, s, by, m)
		at = m[1]
		if err := e.fits(b.Len()); err != nil {
			return nil, err
		}
	}
	b.WriteString(s[at:])
	return String(b.String()), nil
}

// expand writes a replacement: \0 to \9 are groups of the match m, \\ is a backslash.
func expand(b *strings.Builder, s, by string, m []int) {
	for i := 0; i < len(by); i++ {
		if by[i] != '\\' || i+1 == len(by) || !isDigit(by[i+1]) && by[i+1] != '\\' {
			b.WriteByte(by[i])
			continue
		}
		i++
		if by[i] == '\\' {
			b.WriteByte('\\')
		} else if g := 2 * int(by[i]-'0'); g < len(m) && m[g] >= 0 {
			b.WriteString(s[m[g]:m[g+1]])
		}
	}
}

func fnInclude(_ *env, a []Value) (Value, error) {
	if list, ok := a[0].(Array); ok {
		return Bool(holds(list, a[1])), nil
	}
	s, err := str(a[0], "include?")
	if err != nil {
		return nil, err
	}
	part, err := str(a[1], "include?")
	return Bool(strings.Contains(s, part)), err
}

// runeSearch is where part is in s, counting characters, from the offset on (or down from it, if last).
func runeSearch(a []Value, of string, last bool) (Value, error) {
	s, err := str(a[0], of)
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	offset := 0
	if last {
		offset = len(runes)
	}
	if n, ok := seconds(opt(a, 2)); ok {
		if n < 0 {
			n += int64(len(runes))
		}
		if n < 0 || n > int64(len(runes)) && !last {
			return nil, nil
		}
		offset = int(min(n, int64(len(runes))))
	}
	if re, ok := a[1].(Regexp); ok {
		return regexpSearch(re, runes, offset, last)
	}
	part, err := str(a[1], of)
	if err != nil {
		return nil, err
	}
	at := -1
	if last {
		to := min(offset+utf8.RuneCountInString(part), len(runes))
		head := string(runes[:to])
		if at = strings.LastIndex(head, part); at >= 0 {
			at = utf8.RuneCountInString(head[:at])
		}
	} else if at = strings.Index(string(runes[offset:]), part); at >= 0 {
		at = offset + utf8.RuneCountInString(string(runes[offset:])[:at])
	}
	if at < 0 {
		return nil, nil
	}
	return Int(at), nil
}

func regexpSearch(r Regexp, runes []rune, offset int, last bool) (Value, error) {
	re, err := pattern(r)
	if err != nil {
		return nil, err
	}
	s := string(runes)
	var found Value
	for _, m := range re.FindAllStringIndex(s, -1) {
		at := utf8.RuneCountInString(s[:m[0]])
		switch {
		case last && at <= offset:
			found = Int(at)
		case !last && at >= offset:
			return Int(at), nil
		}
	}
	return found, nil
}

func fnIndex(_ *env, a []Value) (Value, error)  { return runeSearch(a, "index", false) }
func fnRindex(_ *env, a []Value) (Value, error) { return runeSearch(a, "rindex", true) }

// fnInsert puts text before the character at an index; a negative one counts from the end and inserts behind it.
func fnInsert(_ *env, a []Value) (Value, error) {
	if list, ok := a[0].(Array); ok {
		at, err := insertAt(a[1], list.Len())
		if err != nil {
			return nil, err
		}
		return ArrayOf(slices.Insert(slices.Clone(list.Items()), at, a[2])...), nil
	}
	s, err := str(a[0], "insert")
	if err != nil {
		return nil, err
	}
	part, err := str(a[2], "insert")
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	at, err := insertAt(a[1], len(runes))
	if err != nil {
		return nil, err
	}
	return String(string(runes[:at]) + part + string(runes[at:])), nil
}

func insertAt(v Value, n int) (int, error) {
	i, ok := seconds(v)
	if i < 0 {
		i += int64(n) + 1
	}
	if !ok || i < 0 || i > int64(n) {
		return 0, fault("insert: %s is out of range", Inspect(v))
	}
	return int(i), nil
}

func fnLjust(e *env, a []Value) (Value, error) { return just(e, a, "ljust", false) }
func fnRjust(e *env, a []Value) (Value, error) { return just(e, a, "rjust", true) }

func just(e *env, a []Value, of string, left bool) (Value, error) {
	s, err := str(a[0], of)
	if err != nil {
		return nil, err
	}
	pad := " "
	if len(a) > 2 {
		if pad, err = str(a[2], of); err != nil {
			return nil, err
		}
	}
	width, ok := seconds(a[1])
	if !ok || pad == "" {
		return nil, fault("%s: expected a width and a pad that is not empty", of)
	}
	missing := width - int64(utf8.RuneCountInString(s))
	if missing <= 0 {
		return String(s), nil
	}
	if err := e.fits(int(min(missing, 1<<40)) * len(pad)); err != nil {
		return nil, err
	}
	fill := []rune(strings.Repeat(pad, int(missing)/utf8.RuneCountInString(pad)+1))[:missing]
	if left {
		return String(string(fill) + s), nil
	}
	return String(s + string(fill)), nil
}

func fnLines(_ *env, a []Value) (Value, error) {
	s, err := str(a[0], "lines")
	sep := "\n"
	if len(a) > 1 && err == nil {
		sep, err = str(a[1], "lines")
	}
	out := Array{}
	if err == nil && s != "" {
		for _, part := range strings.SplitAfter(s, sep) {
			if part != "" {
				out = out.Append(String(part))
			}
		}
	}
	return out, err
}

// fnSplit cuts text at a separator, a string or a regexp. As in Ruby, empty parts at the end are dropped, and " " or
// none means runs of blanks.
func fnSplit(_ *env, a []Value) (Value, error) {
	if a[0] == nil {
		return Array{}, nil
	}
	s, err := str(a[0], "split")
	if err != nil {
		return nil, err
	}
	parts, err := splitParts(s, opt(a, 1))
	if err != nil {
		return nil, err
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	out := Array{}
	for _, p := range parts {
		out = out.Append(String(p))
	}
	return out, nil
}

func splitParts(s string, sep Value) ([]string, error) {
	switch x := sep.(type) {
	case nil:
		return strings.Fields(s), nil
	case String:
		if _, _, ok := delimited(string(x)); ok && len(x) > 2 {
			break
		}
		if x == " " {
			return strings.Fields(s), nil
		}
		return strings.Split(s, string(x)), nil
	}
	re, err := pattern(sep)
	if err != nil {
		return nil, err
	}
	return re.Split(s, -1), nil
}
