package value

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits bound what a text may become, and what it takes to find something in a value. The zero value of a member is its
// default.
type Limits struct {
	Depth  int   // how deep lists and objects may nest; 1,000
	Memory int64 // bytes of memory, as Size counts them; 1 GiB
	Steps  int   // of one jq program or XPath; 2^25, which takes some seconds
}

// LimitError says that a text was refused because of a limit.
type LimitError struct {
	Limit   string // depth, memory or steps
	Message string
}

// Error is the message.
func (e *LimitError) Error() string { return e.Message }

// WithDefaults is l with its zeros replaced.
func (l Limits) WithDefaults() Limits {
	return Limits{Depth: cmp.Or(l.Depth, 1000), Memory: cmp.Or(l.Memory, 1<<30), Steps: cmp.Or(l.Steps, 1<<25)}
}

// Decode reads one JSON value within the default limits.
//
// Numbers keep their text, objects the order of their keys. Of a key given twice the last value counts, at the place of
// the first. A byte-order mark is skipped, and bytes that are no text become U+FFFD.
func Decode(text []byte) (Value, error) { return Limits{}.Decode(text) }

// Decode reads one JSON value within the limits. The error of one that is reached is a [*LimitError].
func (l Limits) Decode(text []byte) (Value, error) {
	l = l.WithDefaults()
	d := decoder{text: bytes.TrimPrefix(text, []byte("\ufeff")), Limits: l, left: l.Memory, texts: map[string]string{}, boxed: map[string]Value{}}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if d.space(); d.at < len(d.text) {
		return nil, d.errorf("there is text after the value")
	}
	return v, nil
}

// decoder reads JSON from a text. It recurses no deeper than Limits.Depth.
type decoder struct {
	Limits
	text []byte
	at   int
	left int64 // of Limits.Memory

	// Short texts occur many times in a list of similar objects, so each is kept once.
	texts map[string]string // keys
	boxed map[string]Value  // numbers and strings with their quotes, as they stand in the text
}

const (
	shortText = 32   // bytes up to which a text is looked for among those known
	knownMost = 4096 // how many are remembered
)

// beyond makes the error of a limit.
func (d *decoder) beyond(limit, format string, args ...any) error {
	return &LimitError{limit, d.errorf(format, args...).Error()}
}

func (d *decoder) errorf(format string, args ...any) error {
	line := 1 + bytes.Count(d.text[:min(d.at, len(d.text))], []byte("\n"))
	return fmt.Errorf("JSON, line %d, byte %d: %s", line, d.at, fmt.Sprintf(format, args...))
}

// unexpected says what stands where something else should.
func (d *decoder) unexpected(want string) error {
	if d.at >= len(d.text) {
		return d.errorf("it ends where %s should be", want)
	}
	return d.errorf("%s where %s should be", quoteShort(string(d.text[d.at:min(len(d.text), d.at+20)])), want)
}

func (d *decoder) take(n int64) error {
	if d.left -= n; d.left < 0 {
		return d.beyond("memory", "it takes more than %d MiB of memory", d.Memory>>20)
	}
	return nil
}

func (d *decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next skips blank space and is the byte after it, 0 at the end.
func (d *decoder) next() byte {
	d.space()
	if d.at < len(d.text) {
		return d.text[d.at]
	}
	return 0
}

func (d *decoder) value(depth int) (Value, error) {
	if depth > d.Depth {
		return nil, d.beyond("depth", "it is nested more than %d levels deep", d.Depth)
	}
	switch c := d.next(); {
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.list(depth)
	case c == '"':
		return d.boxedString()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case d.word("null"):
		return nil, nil
	case d.word("true"):
		return true, nil
	case d.word("false"):
		return false, nil
	}
	return nil, d.unexpected("a value")
}

func (d *decoder) word(w string) bool {
	if !bytes.HasPrefix(d.text[d.at:], []byte(w)) {
		return false
	}
	d.at += len(w)
	return true
}

func (d *decoder) list(depth int) (Value, error) {
	d.at++
	list := []Value{}
	if err := d.take(sizeOfList); err != nil {
		return nil, err
	}
	if d.next() == ']' {
		d.at++
		return list, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := d.take(sizeOfSlot); err != nil {
			return nil, err
		}
		list = append(list, v)
		switch d.next() {
		case ',':
			d.at++
		case ']':
			d.at++
			return list, nil
		default:
			return nil, d.unexpected("a comma or ]")
		}
	}
}

func (d *decoder) object(depth int) (Value, error) {
	d.at++
	m := New()
	if err := d.take(sizeOfMap); err != nil {
		return nil, err
	}
	if d.next() == '}' {
		d.at++
		return m, nil
	}
	for {
		if err := d.member(m, depth); err != nil {
			return nil, err
		}
		switch d.next() {
		case ',':
			d.at++
		case '}':
			d.at++
			return m, nil
		default:
			return nil, d.unexpected("a comma or }")
		}
	}
}

func (d *decoder) member(m *Map, depth int) error {
	if d.next() != '"' {
		return d.unexpected("a key in quotes")
	}
	key, err := d.key()
	if err != nil {
		return err
	}
	if d.next() != ':' {
		return d.unexpected("a colon")
	}
	d.at++
	v, err := d.value(depth + 1)
	if err != nil {
		return err
	}
	m.Set(key, v)
	return d.take(sizeOfMember(len(key)))
}

func (d *decoder) key() (string, error) {
	raw, escaped, err := d.quoted()
	if err != nil {
		return "", err
	}
	if known, ok := d.texts[string(raw)]; ok {
		return known, nil
	}
	key, err := d.unquote(raw, escaped)
	if err == nil && len(raw) <= shortText && len(d.texts) < knownMost {
		d.texts[string(raw)] = key
	}
	return key, err
}

func (d *decoder) boxedString() (Value, error) {
	start := d.at
	raw, escaped, err := d.quoted()
	if err != nil {
		return nil, err
	}
	return d.box(d.text[start:d.at], func() (Value, error) { return d.unquote(raw, escaped) })
}

func (d *decoder) number() (Value, error) {
	n := numberLength(d.text[d.at:])
	if n == 0 {
		return nil, d.unexpected("a number")
	}
	if n > maxNumber {
		return nil, d.errorf("a number has more than %d digits", maxNumber)
	}
	raw := d.text[d.at : d.at+n]
	d.at += n
	return d.box(raw, func() (Value, error) { return Number(raw), nil })
}

// box is the value of a text, one and the same where it occurs again.
func (d *decoder) box(raw []byte, read func() (Value, error)) (Value, error) {
	if err := d.take(sizeOfText(len(raw))); err != nil {
		return nil, err
	}
	if len(raw) > shortText {
		return read()
	}
	if known, ok := d.boxed[string(raw)]; ok {
		return known, nil
	}
	v, err := read()
	if err == nil && len(d.boxed) < knownMost {
		d.boxed[string(raw)] = v
	}
	return v, err
}

// quoted reads a string and gives what stands between its quotes, and whether there are escapes in it.
func (d *decoder) quoted() (raw []byte, escaped bool, err error) {
	start := d.at + 1
	for i := start; i < len(d.text); i++ {
		switch c := d.text[i]; {
		case c == '"':
			d.at = i + 1
			return d.text[start:i], escaped, nil
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			d.at = i
			return nil, false, d.errorf("a control character stands unescaped in a string")
		}
	}
	return nil, false, d.errorf("a string doesn't end")
}

func (d *decoder) unquote(raw []byte, escaped bool) (string, error) {
	if !escaped {
		return strings.ToValidUTF8(string(raw), "\ufffd"), nil
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		r, n := unescape(raw[i:])
		if n == 0 {
			return "", d.errorf("a string has an escape that means nothing: %s", quoteShort(string(raw[i:min(len(raw), i+6)])))
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return strings.ToValidUTF8(string(out), "\ufffd"), nil
}

// unescape reads the escape that raw begins with, and its length. Half a pair of surrogates becomes U+FFFD.
func unescape(raw []byte) (rune, int) {
	if len(raw) < 2 {
		return 0, 0
	}
	switch c := raw[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := hex4(raw)
		if !ok {
			return 0, 0
		}
		if utf16.IsSurrogate(r) {
			if low, ok := hex4(raw[6:]); ok {
				if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
					return both, 12
				}
			}
		}
		return r, 6
	}
	return 0, 0
}

// hex4 reads \uXXXX.
func hex4(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(n), err == nil
}

// numberLength is the length of the number that s begins with, 0 if it doesn't begin with one.
func numberLength[T string | []byte](s T) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// quoteShort quotes a text for a message, its beginning if it is long.
func quoteShort(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "…"
	}
	return strconv.Quote(s)
}
