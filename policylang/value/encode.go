package value

import (
	"slices"
	"unicode/utf8"
)

// Encode writes v as JSON without blank space, members in their order, numbers as they came.
func Encode(v Value) []byte { return encoder{}.append(nil, v) }

// EncodeSorted writes v as Encode does, but the members of every object in the order of their keys: logs, exports and
// hashes don't depend on the order in which a service sends its members.
func EncodeSorted(v Value) []byte { return encoder{sorted: true}.append(nil, v) }

// Append is Encode to the end of dst.
func Append(dst []byte, v Value) []byte { return encoder{}.append(dst, v) }

type encoder struct{ sorted bool }

func (e encoder) append(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case Number:
		return append(dst, v...)
	case string:
		return appendString(dst, v)
	case []Value:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.append(dst, x)
		}
		return append(dst, ']')
	case *Map:
		return e.appendMap(dst, v)
	case Internal:
		return e.append(dst, v.Settle())
	}
	return append(dst, "null"...)
}

func (e encoder) appendMap(dst []byte, m *Map) []byte {
	dst = append(dst, '{')
	first := true
	member := func(k string, v Value) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, k), ':')
		dst = e.append(dst, v)
	}
	if e.sorted {
		keys := m.Keys()
		slices.Sort(keys)
		for _, k := range keys {
			v, _ := m.Get(k)
			member(k, v)
		}
	} else {
		for k, v := range m.All() {
			member(k, v)
		}
	}
	return append(dst, '}')
}

const hex = "0123456789abcdef"

// appendString writes a string. Only what must be escaped is; bytes that are no text become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
