package value

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Value is one of nil (null), bool, Number, string, []Value, *Map, Date, or another Internal.
type Value = any

// Internal is a value that lives within one evaluation and that JSON has no type for, such as a node of an XML document.
type Internal interface {
	// Settle is what stands for the value once it is kept: a value that JSON has a type for.
	Settle() Value
	// Kind names the type in messages: "an XML node".
	Kind() string
}

// Date is an instant, which to_d and now give. Its zone is UTC.
type Date struct{ time.Time }

// NewDate is the instant t, in UTC and without a reading of the monotonic clock.
func NewDate(t time.Time) Date { return Date{t.Round(0).UTC()} }

// Settle is the date as RFC 3339 writes it.
func (d Date) Settle() Value { return d.Time.Format(time.RFC3339Nano) }

// Kind is "a date".
func (d Date) Kind() string { return "a date" }

// Kind names the type of v in messages: "null", "a boolean", "a number", "a string", "a list", "an object".
func Kind(v Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case Number:
		return "a number"
	case string:
		return "a string"
	case []Value:
		return "a list"
	case *Map:
		return "an object"
	case Internal:
		return v.Kind()
	}
	return fmt.Sprintf("a %T, which is no value", v)
}

// Truth is false for null, false, 0, "", an empty list and an empty object. Everything else is true.
func Truth(v Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case Number:
		return !v.zero()
	case string:
		return v != ""
	case []Value:
		return len(v) > 0
	case *Map:
		return v.Len() > 0
	case Date:
		return true
	case Internal:
		return Truth(v.Settle())
	}
	return true
}

// Text is v as a piece of a string: null is "", a number its shortest decimals, a list or an object its JSON.
func Text(v Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "true"
		}
		return "false"
	case Number:
		return v.Decimal()
	case string:
		return v
	case Internal:
		return Text(v.Settle())
	}
	return string(Encode(v))
}

// Settle replaces what is Internal, at every depth. It returns v itself if there is nothing to replace.
func Settle(v Value) Value {
	out, _ := settle(v)
	return out
}

// settle is Settle, and reports whether something was replaced.
func settle(v Value) (Value, bool) {
	switch v := v.(type) {
	case Internal:
		return v.Settle(), true
	case []Value:
		var out []Value
		for i, e := range v {
			s, replaced := settle(e)
			if replaced && out == nil {
				out = slices.Clone(v)
			}
			if replaced {
				out[i] = s
			}
		}
		if out != nil {
			return out, true
		}
	case *Map:
		var out *Map
		for k, e := range v.All() {
			s, replaced := settle(e)
			if replaced && out == nil {
				out = v.Clone()
			}
			if replaced {
				out.Set(k, s)
			}
		}
		if out != nil {
			return out, true
		}
	}
	return v, false
}

// Equal reports whether a and b have the same type and value. 1 equals 1.0; objects are equal whatever the order of
// their keys; an XML node stands for its text.
func Equal(a, b Value) bool {
	a, b = settled(a), settled(b)
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case Number:
		b, ok := b.(Number)
		return ok && a.Compare(b) == 0
	case Date:
		b, ok := b.(Date)
		return ok && a.Time.Equal(b.Time)
	case []Value:
		b, ok := b.([]Value)
		return ok && equalLists(a, b)
	case *Map:
		b, ok := b.(*Map)
		return ok && equalMaps(a, b)
	}
	return false
}

func settled(v Value) Value {
	if _, date := v.(Date); date {
		return v
	}
	if n, ok := v.(Internal); ok {
		return n.Settle()
	}
	return v
}

func equalLists(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) > 0 && &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalMaps(a, b *Map) bool {
	if a == b {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		if other, ok := b.Get(k); !ok || !Equal(v, other) {
			return false
		}
	}
	return true
}

// Compare orders two numbers, two strings (by code points) or two dates. It reports false for anything else.
func Compare(a, b Value) (int, bool) {
	a, b = settled(a), settled(b)
	switch a := a.(type) {
	case Number:
		if b, ok := b.(Number); ok {
			return a.Compare(b), true
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true // the order of UTF-8 is that of code points
		}
	case Date:
		if b, ok := b.(Date); ok {
			return a.Time.Compare(b.Time), true
		}
	}
	return 0, false
}

// Size estimates the bytes of memory that v takes. Parts that are shared count each time they occur.
func Size(v Value) int64 { return math.MaxInt64 - rest(v, math.MaxInt64) }

// Fits reports whether v takes no more than size bytes. It looks no further than that, so it ends soon even for a value
// that holds a part many times over.
func Fits(v Value, size int64) bool { return rest(v, size) >= 0 }

// rest is what v leaves of size, some negative number if v is too big.
func rest(v Value, size int64) int64 {
	switch v := v.(type) {
	case Number:
		return size - sizeOfText(len(v))
	case string:
		return size - sizeOfText(len(v))
	case []Value:
		size -= sizeOfList
		for i := 0; i < len(v) && size >= 0; i++ {
			size = rest(v[i], size-sizeOfSlot)
		}
		return size
	case *Map:
		size -= sizeOfMap
		for k, e := range v.All() {
			if size < 0 {
				break
			}
			size = rest(e, size-sizeOfMember(len(k)))
		}
		return size
	case Date:
		return size - sizeOfList
	case Internal:
		return rest(v.Settle(), size)
	}
	return size // null and booleans are in their slot
}

// What a value takes besides its parts, on a machine of 64 bits: headers of strings, slices and maps, and the slot of
// an interface.
const (
	sizeOfSlot   = 16
	sizeOfHeader = 16
	sizeOfList   = 24
	sizeOfMap    = 64
)

func sizeOfText(n int) int64   { return int64(cmp.Or(n, -sizeOfHeader) + sizeOfHeader) }
func sizeOfMember(n int) int64 { return sizeOfSlot + sizeOfHeader + int64(n) }
