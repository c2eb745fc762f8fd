package eval

import (
	"strings"

	"espalier.dev/policylang/value"
)

// excerpt is the beginning of a value as JSON, with an indentation of two. Members that carry secrets are hidden.
func excerpt(v value.Value, size int) string {
	e := excerpter{size: size}
	e.value(v, "\n")
	if e.full() {
		e.b.WriteString("\n...")
	}
	return e.b.String()
}

// excerpter stops writing when it has enough, so that a value of any size costs the same.
type excerpter struct {
	b    strings.Builder
	size int
}

func (e *excerpter) full() bool { return e.b.Len() >= e.size }

func (e *excerpter) value(v value.Value, line string) {
	switch v := v.(type) {
	case []value.Value:
		e.list(v, line)
	case *value.Map:
		e.object(v, line)
	case string:
		e.text(v)
	default:
		e.b.Write(value.Encode(v))
	}
}

// text writes a string, of a long one the beginning.
func (e *excerpter) text(s string) {
	if left := max(e.size-e.b.Len(), 0); len(s) > left {
		s = strings.ToValidUTF8(s[:left], "")
	}
	e.b.Write(value.Encode(s))
}

func (e *excerpter) list(list []value.Value, line string) {
	if len(list) == 0 {
		e.b.WriteString("[]")
		return
	}
	for i, v := range list {
		e.b.WriteString(opening(i, "[") + line + "  ")
		if e.value(v, line+"  "); e.full() {
			return
		}
	}
	e.b.WriteString(line + "]")
}

func (e *excerpter) object(m *value.Map, line string) {
	if m.Len() == 0 {
		e.b.WriteString("{}")
		return
	}
	i := 0
	for name, v := range m.All() {
		e.b.WriteString(opening(i, "{") + line + "  ")
		i++
		e.text(name)
		e.b.WriteString(": ")
		if v != nil && secretName(name) {
			v = hidden
		}
		if e.value(v, line+"  "); e.full() {
			return
		}
	}
	e.b.WriteString(line + "}")
}

// opening is what stands before the i-th member.
func opening(i int, bracket string) string {
	if i == 0 {
		return bracket
	}
	return ","
}
