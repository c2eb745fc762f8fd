package eval

import (
	"bytes"
	"encoding/json"
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
	if e.full() {
		return
	}
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

// beginning reads a JSON object or list until it has size bytes of it: what is not needed for an excerpt is not looked at.
// It reports false for what is neither, as far as it is read.
func beginning(text []byte, size int) (value.Value, bool) {
	if start := bytes.TrimSpace(text[:min(len(text), size)]); len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	b := beginner{d, int64(size)}
	v, err := b.value()
	return v, err == nil
}

type beginner struct {
	*json.Decoder
	size int64
}

// more reports whether there is another element, and it is wanted.
func (b beginner) more() bool { return b.InputOffset() < b.size && b.More() }

func (b beginner) value() (value.Value, error) {
	t, err := b.Token()
	if err != nil {
		return nil, err
	}
	if bracket, ok := t.(json.Delim); !ok {
		return value.From(t)
	} else if bracket == '[' {
		return b.list()
	}
	m := value.New()
	for b.more() {
		name, err := b.Token()
		if err != nil {
			return nil, err
		}
		v, err := b.value()
		if err != nil {
			return nil, err
		}
		m.Set(name.(string), v)
	}
	return m, b.end()
}

func (b beginner) list() (value.Value, error) {
	list := []value.Value{}
	for b.more() {
		v, err := b.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, b.end()
}

// end reads the closing bracket, unless enough has been read.
func (b beginner) end() error {
	if b.InputOffset() >= b.size {
		return nil
	}
	_, err := b.Token()
	return err
}
