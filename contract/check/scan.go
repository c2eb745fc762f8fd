package check

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"espalier.dev/contract"
)

// scanner reads a JSON text (RFC 8259) once and checks it on the way.
type scanner struct {
	Violations
	c     *Checker
	data  []byte
	pos   int
	path  []byte // of the value at hand: owners[0].email
	depth int
	dead  bool // the text is no JSON; what comes after means nothing
}

var anyValue = &contract.Schema{}

func (s *scanner) document(schema int) {
	s.value(&s.c.api.Schemas[schema])
	if s.space(); !s.dead && s.pos < len(s.data) {
		s.broken("the end of the body")
	}
}

// broken notes where the text stops being JSON, and ends the scan.
func (s *scanner) broken(want string) {
	if s.dead {
		return
	}
	s.dead = true
	if s.pos >= len(s.data) {
		s.Add(string(s.path), "the body is not JSON: it ends where %s should be", want)
		return
	}
	r, _ := utf8.DecodeRune(s.data[s.pos:])
	s.Add(string(s.path), "the body is not JSON: byte %d is %q, want %s", s.pos+1, r, want)
}

func (s *scanner) space() {
	for s.pos < len(s.data) && (s.data[s.pos] == ' ' || s.data[s.pos] == '\n' || s.data[s.pos] == '\t' || s.data[s.pos] == '\r') {
		s.pos++
	}
}

// next skips space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.dead || s.pos >= len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func (s *scanner) value(want *contract.Schema) {
	switch b := s.next(); {
	case b == '{':
		s.nested("an object", contract.Object, want, (*scanner).object)
	case b == '[':
		s.nested("a list", contract.Array, want, (*scanner).array)
	case b == '"':
		s.text(want)
	case b == '-' || b >= '0' && b <= '9':
		s.number(want)
	case s.word("true"), s.word("false"):
		s.expect(want, contract.Boolean, "a boolean")
	case s.word("null"):
		if want.Type != contract.Any {
			s.Add(string(s.path), "must be %s, is null; leave the member out instead", typeNames[want.Type])
		}
	default:
		s.broken("a value")
	}
}

func (s *scanner) word(w string) bool {
	if s.dead || !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return false
	}
	s.pos += len(w)
	return true
}

var typeNames = [...]string{"any value", "an object", "a list", "a string", "a whole number", "a number", "a boolean"}

// expect notes a value of another type, and returns the schema that its inside is checked against.
func (s *scanner) expect(want *contract.Schema, got contract.Type, name string) *contract.Schema {
	if want.Type == got || want.Type == contract.Any {
		return want
	}
	s.Add(string(s.path), "must be %s, is %s", typeNames[want.Type], name)
	return anyValue
}

func (s *scanner) nested(name string, got contract.Type, want *contract.Schema, inside func(*scanner, *contract.Schema)) {
	if s.depth == MaxDepth {
		s.dead = true
		s.Add(string(s.path), "is nested deeper than %d levels", MaxDepth)
		return
	}
	want = s.expect(want, got, name)
	s.pos++
	s.depth++
	inside(s, want)
	s.depth--
}

func (s *scanner) array(want *contract.Schema) {
	items := &s.c.api.Schemas[want.Items]
	n, outer := 0, len(s.path)
	for closed := s.next() == ']'; !closed && !s.dead; n++ {
		s.path = append(strconv.AppendInt(append(s.path, '['), int64(n), 10), ']')
		s.value(items)
		s.path = s.path[:outer]
		closed = s.separator(']')
	}
	if s.dead {
		return
	}
	s.pos++
	if n < want.MinItems || want.MaxItems > 0 && n > want.MaxItems {
		s.Add(string(s.path), "must have %s, has %d", between(want.MinItems, want.MaxItems, "items"), n)
	}
}

// separator stands after a value in a list or an object; it reports whether the end has come, and leaves the end unread.
func (s *scanner) separator(end byte) (closed bool) {
	switch b := s.next(); {
	case b == end:
		return true
	case b == ',':
		s.pos++
		if s.next() == end {
			s.broken("another value after the comma")
		}
	default:
		s.broken("a comma or " + strconv.Quote(string(end)))
	}
	return false
}

func (s *scanner) object(want *contract.Schema) {
	m := members{schema: want}
	outer := len(s.path)
	for closed := s.next() == '}'; !closed && !s.dead; {
		if s.next() != '"' {
			s.broken("a member name in double quotes")
			return
		}
		name, fault := s.quoted()
		if s.dead {
			return
		}
		member, ok := m.add(name)
		s.enter(name)
		if fault != "" {
			s.Add(strconv.QuoteToASCII(string(s.path)), "the name of the member %s", fault)
		} else if !ok {
			s.Add(string(s.path), "is given twice; names that differ in case only are the same")
		}
		if s.next() != ':' {
			s.broken("a colon")
			return
		}
		s.pos++
		s.value(&s.c.api.Schemas[member])
		s.path = s.path[:outer]
		closed = s.separator('}')
	}
	if s.dead {
		return
	}
	s.pos++
	for i := range want.Properties {
		if p := &want.Properties[i]; p.Required && m.seen&(1<<i) == 0 {
			s.enter(p.Name)
			s.Add(string(s.path), "is needed")
			s.path = s.path[:outer]
		}
	}
}

func (s *scanner) enter(name string) {
	if len(s.path) > 0 {
		s.path = append(s.path, '.')
	}
	s.path = append(s.path, cut(name)...)
}

// members keeps which members of one object were met.
type members struct {
	schema *contract.Schema
	seen   uint64 // bit i: schema.Properties[i]; the generator's test holds them to 64
	others map[string]bool
}

// add notes a member and returns the schema of its value; false if it was there before.
func (m *members) add(name string) (schema int, ok bool) {
	for i := range m.schema.Properties {
		if p := &m.schema.Properties[i]; p.Name == name || strings.EqualFold(p.Name, name) {
			ok = m.seen&(1<<i) == 0
			m.seen |= 1 << i
			return p.Schema, ok
		}
	}
	key := name
	if len(m.schema.Properties) > 0 {
		key = fold(name) // an object used as a map tells its keys apart by case
	}
	if m.others == nil {
		m.others = map[string]bool{}
	}
	ok = !m.others[key]
	m.others[key] = true
	return m.schema.AdditionalValues, ok
}

// fold returns the same text for all names that strings.EqualFold calls equal.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
			least = min(least, o)
		}
		return least
	}, name)
}

func (s *scanner) number(want *contract.Schema) {
	start := s.pos
	s.word("-")
	whole := s.digits()
	if whole > 1 && s.data[s.pos-whole] == '0' {
		s.pos -= whole - 1
		s.broken("a number without leading zeros")
		return
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		s.digits()
	}
	if s.pos < len(s.data) && (s.data[s.pos] == 'e' || s.data[s.pos] == 'E') {
		s.pos++
		if !s.word("+") {
			s.word("-")
		}
		s.digits()
	}
	if s.dead {
		return
	}
	if want.Type == contract.Any || want.Type == contract.Integer || want.Type == contract.Number {
		text := string(s.data[start:s.pos])
		s.c.number(&s.Violations, string(s.path), want, text, cut(text))
		return
	}
	s.expect(want, contract.Number, "a number")
}

// digits reads one digit or more and returns how many.
func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.broken("a digit")
	}
	return s.pos - start
}

func (s *scanner) text(want *contract.Schema) {
	text, fault := s.quoted()
	if s.dead {
		return
	}
	if fault != "" {
		s.Add(string(s.path), "%s", fault)
		return
	}
	if want.Type == contract.String {
		s.c.string(&s.Violations, string(s.path), want, text)
		return
	}
	s.expect(want, contract.String, "a string")
}

// quoted reads a string and returns it unescaped, and what makes it unfit.
func (s *scanner) quoted() (text, fault string) {
	s.pos++
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] != '"' && s.data[s.pos] != '\\' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '"' { // most strings have no escape
		text = string(s.data[start:s.pos])
	} else {
		text, fault = s.escaped(start)
	}
	if s.pos >= len(s.data) {
		s.broken("the closing quote of a string")
	}
	if s.dead {
		return "", ""
	}
	if raw := s.data[start:s.pos]; fault == "" {
		if i := bytes.IndexFunc(raw, func(r rune) bool { return r < 0x20 }); i >= 0 {
			fault = "must write control characters as escapes, has a bare " + control(raw[i])
		} else {
			fault = textFault(text)
		}
	}
	s.pos++
	return text, fault
}

// escaped reads the rest of a string whose first escape is at hand, up to the closing quote.
func (s *scanner) escaped(start int) (text, fault string) {
	out := append([]byte(nil), s.data[start:s.pos]...)
	for s.pos < len(s.data) && s.data[s.pos] != '"' && !s.dead {
		if s.data[s.pos] != '\\' {
			out = append(out, s.data[s.pos])
			s.pos++
			continue
		}
		s.pos++
		r := s.escape()
		if utf16.IsSurrogate(r) {
			fault = "holds half of a surrogate pair"
			r = utf8.RuneError
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out), fault
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads what follows a backslash: one character, which may be a whole surrogate pair.
func (s *scanner) escape() rune {
	if s.pos >= len(s.data) {
		return 0
	}
	if r, ok := escapes[s.data[s.pos]]; ok {
		s.pos++
		return r
	}
	if s.data[s.pos] != 'u' {
		s.broken(`an escape such as \n`)
		return 0
	}
	s.pos++
	r := s.hex()
	if !utf16.IsSurrogate(r) || !bytes.HasPrefix(s.data[s.pos:], []byte(`\u`)) {
		return r
	}
	before := s.pos
	s.pos += 2
	if pair := utf16.DecodeRune(r, s.hex()); pair != utf8.RuneError {
		return pair
	}
	s.pos = before // the second is a character of its own
	return r
}

func (s *scanner) hex() rune {
	if s.pos+4 <= len(s.data) {
		if n, err := strconv.ParseUint(string(s.data[s.pos:s.pos+4]), 16, 16); err == nil {
			s.pos += 4
			return rune(n)
		}
	}
	s.broken("four hexadecimal digits")
	return 0
}
