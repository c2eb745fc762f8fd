package workflow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON writes v compactly, members in their order. Datetimes, regexps and signers become strings.
func JSON(v Value) string {
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

func writeJSON(b *strings.Builder, v Value) {
	switch v := v.(type) {
	case nil, Bool, Int, Big, Float:
		b.WriteString(Text(v))
	case Array:
		b.WriteByte('[')
		for i, item := range v.Items() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, item)
		}
		b.WriteByte(']')
	case Hash:
		b.WriteByte('{')
		for i, k := range v.Keys() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSONString(b, k)
			b.WriteByte(':')
			writeJSON(b, v.s.values[i])
		}
		b.WriteByte('}')
	case Time:
		writeJSONString(b, v.utc().Format(timeLayout))
	default:
		writeJSONString(b, Text(v))
	}
}

// writeJSONString escapes what JSON demands and nothing else; bytes that are no text become U+FFFD.
func writeJSONString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ':
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// FromJSON reads one JSON value. Integers keep all their digits and objects the order of their keys; of a key given
// twice the last value counts.
func FromJSON(text string) (Value, error) { return decodeJSON(text, nil) }

// decodeJSON reads a value; untag, if there is one, sees every object.
func decodeJSON(text string, untag func(Hash) (Value, error)) (Value, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	r := jsonReader{d, untag}
	v, err := r.value(0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("text after the value, at byte %d", d.InputOffset())
	}
	return v, nil
}

type jsonReader struct {
	d     *json.Decoder
	untag func(Hash) (Value, error)
}

func (r jsonReader) value(depth int) (Value, error) {
	t, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	limit := maxValueDepth
	if r.untag != nil { // a tag adds two levels to the one it stands for
		limit *= 3
	}
	if depth > limit {
		return nil, fmt.Errorf("nested more than %d levels deep", limit)
	}
	switch t := t.(type) {
	case bool:
		return Bool(t), nil
	case string:
		return String(t), nil
	case json.Number:
		return parseNumber(t.String()), nil
	case json.Delim:
		if t == '[' {
			return r.array(depth)
		}
		return r.hash(depth)
	}
	return nil, nil
}

func (r jsonReader) array(depth int) (Value, error) {
	a := Array{}
	for r.d.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a = a.Append(v)
	}
	_, err := r.d.Token()
	return a, err
}

func (r jsonReader) hash(depth int) (Value, error) {
	h := Hash{}
	for r.d.More() {
		k, err := r.d.Token()
		if err != nil {
			return nil, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		key, _ := k.(string)
		h = h.With(key, v)
	}
	if _, err := r.d.Token(); err != nil {
		return nil, err
	}
	if r.untag != nil {
		return r.untag(h)
	}
	return h, nil
}

// stored is a value in a saved state. What JSON has no type for stands in an object with one key that begins with $:
//
//	{"$time":1706738400} {"$float":"2"} {"$regexp":["a+","i"]} {"$signer":"auth_aws"} {"$bytes":"/w=="}
//
// and a hash that could be taken for one is written as {"$hash":[key, value]}.
type stored struct{ Value }

// MarshalJSON writes the value with its type.
func (v stored) MarshalJSON() ([]byte, error) { return []byte(JSON(tag(v.Value))), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *stored) UnmarshalJSON(text []byte) (err error) {
	v.Value, err = decodeJSON(string(bytes.TrimSpace(text)), untag)
	return err
}

func tag(v Value) Value {
	one := func(k string, v Value) Value { return Hash{}.With(k, v) }
	switch v := v.(type) {
	case Time:
		return one("$time", Int(v))
	case Float:
		return one("$float", String(strconv.FormatFloat(float64(v), 'g', -1, 64)))
	case Regexp:
		return one("$regexp", ArrayOf(String(v.Pattern), String(v.Flags)))
	case Signer:
		return one("$signer", String(v))
	case String:
		if !utf8.ValidString(string(v)) {
			return one("$bytes", String(base64.StdEncoding.EncodeToString([]byte(v))))
		}
	case Array:
		out := Array{}
		for _, item := range v.Items() {
			out = out.Append(tag(item))
		}
		return out
	case Hash:
		out := Hash{}
		for k, item := range v.All() {
			out = out.With(k, tag(item))
		}
		if looksTagged(v) {
			k := v.Keys()[0]
			inner, _ := out.Get(k)
			return one("$hash", ArrayOf(String(k), inner))
		}
		return out
	}
	return v
}

func looksTagged(h Hash) bool { return h.Len() == 1 && strings.HasPrefix(h.Keys()[0], "$") }

func untag(h Hash) (Value, error) {
	if !looksTagged(h) {
		return h, nil
	}
	k := h.Keys()[0]
	inner, _ := h.Get(k)
	switch v := inner.(type) {
	case Int:
		if k == "$time" {
			return Time(v), nil
		}
	case String:
		switch k {
		case "$float":
			f, err := strconv.ParseFloat(string(v), 64)
			return Float(f), err
		case "$signer":
			return Signer(v), nil
		case "$bytes":
			raw, err := base64.StdEncoding.DecodeString(string(v))
			return String(raw), err
		}
	case Array:
		switch {
		case k == "$regexp" && v.Len() == 2:
			return Regexp{Text(v.At(0)), Text(v.At(1))}, nil
		case k == "$hash" && v.Len() == 2:
			return Hash{}.With(Text(v.At(0)), v.At(1)), nil
		}
	}
	return h, nil
}
