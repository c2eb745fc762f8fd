package filter

import (
	"fmt"
	"strings"
	"time"
)

// Value is what a row holds for an attribute, and what a comparison asks for. The zero Value is absent.
type Value struct {
	typ      Type
	isFolded bool // folded is filled
	text     string
	folded   string
	number   int64 // Number; Time in µs since 1970 UTC; Bool as 0 or 1
	texts    []string
}

// TextOf is a Value of type Text.
func TextOf(s string) Value { return Value{typ: Text, text: s} }

// FoldedText is TextOf for a row that keeps Fold(s) beside s, which spares the folding.
func FoldedText(s, folded string) Value {
	return Value{typ: Text, text: s, isFolded: true, folded: folded}
}

// NumberOf is a Value of type Number.
func NumberOf(n int64) Value { return Value{typ: Number, number: n} }

// BoolOf is a Value of type Bool.
func BoolOf(b bool) Value {
	if b {
		return Value{typ: Bool, number: 1}
	}
	return Value{typ: Bool}
}

// TimeOf is a Value of type Time, cut to the microsecond. The zero time is absent.
func TimeOf(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{typ: Time, number: t.UnixMicro()}
}

// SetOf is a Value of type Set. Without elements it is an empty set, of which ne is true and all else false.
func SetOf(texts []string) Value { return Value{typ: Set, texts: texts} }

// Type returns the type of the value, 0 if it is absent.
func (v Value) Type() Type { return v.typ }

// Text returns a Text, "" for any other type.
func (v Value) Text() string { return v.text }

// Number returns a Number, 0 for any other type.
func (v Value) Number() int64 {
	if v.typ != Number {
		return 0
	}
	return v.number
}

// Bool returns a Bool, false for any other type.
func (v Value) Bool() bool { return v.typ == Bool && v.number != 0 }

// Time returns a Time in UTC, the zero time for any other type.
func (v Value) Time() time.Time {
	if v.typ != Time {
		return time.Time{}
	}
	return time.UnixMicro(v.number).UTC()
}

// String spells the value as a filter does; a set as a list.
func (v Value) String() string {
	switch v.typ {
	case Text:
		return quote(v.text)
	case Number:
		return fmt.Sprint(v.number)
	case Bool:
		return fmt.Sprint(v.number != 0)
	case Time:
		return "'" + v.Time().Format("2006-01-02T15:04:05.999999Z07:00") + "'"
	case Set:
		quoted := make([]string, len(v.texts))
		for i, s := range v.texts {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return "absent"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
