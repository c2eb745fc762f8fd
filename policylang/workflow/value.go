package workflow

import (
	"iter"
	"maps"
	"math/big"
	"slices"
)

// Value is a value of the language. nil is null. Values never change: what looks like a change makes a new value, so
// they may be shared between variables and tasks.
type Value interface{ typeName() string }

// The types of values, nil apart.
type (
	// Bool is true or false.
	Bool bool
	// Int is an integer that fits 64 bits.
	Int int64
	// Big is an integer that does not.
	Big struct{ n *big.Int }
	// Float is any other number. It is never infinite, and always a number.
	Float float64
	// String is text, or the bytes of an answer that is not text.
	String string
	// Time is a datetime, in seconds since 1970 UTC.
	Time int64
	// Regexp is a pattern and its flags, of i, m, x.
	Regexp struct{ Pattern, Flags string }
	// Signer names the credential that signs a request; the host holds the credential.
	Signer string
	// Array is a list. The zero value is an empty one.
	Array struct {
		s     *arrayStore
		n     int
		size  int
		depth int
	}
	// Hash is a map from strings that keeps the order of its keys. The zero value is an empty one.
	Hash struct {
		s     *hashStore
		n     int
		size  int
		depth int
	}
)

func (Bool) typeName() string   { return "boolean" }
func (Int) typeName() string    { return "number" }
func (Big) typeName() string    { return "number" }
func (Float) typeName() string  { return "number" }
func (String) typeName() string { return "string" }
func (Time) typeName() string   { return "datetime" }
func (Regexp) typeName() string { return "regexp" }
func (Signer) typeName() string { return "signer" }
func (Array) typeName() string  { return "array" }
func (Hash) typeName() string   { return "hash" }

// TypeName is what the function type answers for v.
func TypeName(v Value) string {
	if v == nil {
		return "null"
	}
	return v.typeName()
}

// Truth is false for null and false only: 0, "", [] and {} are true.
func Truth(v Value) bool {
	b, isBool := v.(Bool)
	return v != nil && (!isBool || bool(b))
}

// arrayStore holds the elements of several arrays that grew from one another: each sees the first n. Only the longest
// may grow in place, so appending one by one costs constant time each, and no array ever sees a change.
type arrayStore struct{ items []Value }

// ArrayOf makes an array.
func ArrayOf(items ...Value) Array {
	a := Array{s: &arrayStore{slices.Clone(items)}, n: len(items)}
	for _, v := range items {
		a.size += Size(v)
		a.depth = max(a.depth, 1+depth(v))
	}
	return a
}

// Len is the number of elements.
func (a Array) Len() int { return a.n }

// At is the element at i, which must be within the array.
func (a Array) At(i int) Value { return a.s.items[:a.n][i] }

// Items are the elements. The caller leaves them as they are.
func (a Array) Items() []Value {
	if a.s == nil {
		return nil
	}
	return a.s.items[:a.n:a.n]
}

// Append is the array with v behind it.
func (a Array) Append(v Value) Array {
	if a.s == nil || a.n != len(a.s.items) {
		a.s = &arrayStore{slices.Clone(a.Items())}
	}
	a.s.items = append(a.s.items, v)
	a.n++
	a.size += Size(v)
	a.depth = max(a.depth, 1+depth(v))
	return a
}

// With is the array with v at i; beyond its end it is filled with null.
func (a Array) With(i int, v Value) Array {
	items := slices.Clone(a.Items())
	for len(items) <= i {
		items = append(items, nil)
	}
	items[i] = v
	return ArrayOf(items...)
}

// hashStore is to hashes what arrayStore is to arrays.
type hashStore struct {
	keys   []string
	values []Value
	index  map[string]int
}

// Len is the number of members.
func (h Hash) Len() int { return h.n }

// Get is the member k, and whether there is one.
func (h Hash) Get(k string) (Value, bool) {
	if h.s == nil {
		return nil, false
	}
	i, ok := h.s.index[k]
	if !ok || i >= h.n {
		return nil, false
	}
	return h.s.values[i], true
}

// Keys are the keys in order. The caller leaves them as they are.
func (h Hash) Keys() []string {
	if h.s == nil {
		return nil
	}
	return h.s.keys[:h.n:h.n]
}

// All yields the members in order.
func (h Hash) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i, k := range h.Keys() {
			if !yield(k, h.s.values[i]) {
				return
			}
		}
	}
}

// With is the hash with member k set to v: in its place if it was there, else behind the others.
func (h Hash) With(k string, v Value) Hash {
	h.depth = max(h.depth, 1+depth(v))
	old, there := h.Get(k)
	if there || h.s == nil || h.n != len(h.s.keys) {
		h = h.clone()
	}
	if there {
		h.s.values[h.s.index[k]] = v
		h.size += Size(v) - Size(old)
		return h
	}
	h.s.index[k] = h.n
	h.s.keys = append(h.s.keys, k)
	h.s.values = append(h.s.values, v)
	h.n++
	h.size += len(k) + valueOverhead + Size(v)
	return h
}

func (h Hash) clone() Hash {
	if h.s == nil {
		return Hash{s: &hashStore{index: map[string]int{}}, depth: h.depth}
	}
	s := &hashStore{keys: slices.Clone(h.Keys()), values: slices.Clone(h.s.values[:h.n])}
	if h.n == len(h.s.keys) {
		s.index = maps.Clone(h.s.index)
	} else {
		s.index = make(map[string]int, h.n)
		for i, k := range s.keys {
			s.index[k] = i
		}
	}
	return Hash{s, h.n, h.size, h.depth}
}

// valueOverhead is what a value counts beside its text, in bytes.
const valueOverhead = 16

// Size is the memory that v would take if nothing of it were shared, in bytes, roughly.
func Size(v Value) int {
	switch v := v.(type) {
	case String:
		return valueOverhead + len(v)
	case Big:
		return valueOverhead + v.n.BitLen()/8
	case Regexp:
		return valueOverhead + len(v.Pattern)
	case Array:
		return valueOverhead + v.size
	case Hash:
		return valueOverhead + v.size
	}
	return valueOverhead
}

// maxValueDepth bounds the nesting of a value, so that walking one cannot exhaust the stack.
const maxValueDepth = 400

// depth is the nesting of v: 0 for what holds nothing, at least that of its deepest member else.
func depth(v Value) int {
	switch v := v.(type) {
	case Array:
		return v.depth
	case Hash:
		return v.depth
	}
	return 0
}

// Equal compares deeply. Values of different types differ; integers and floats are one type. The order of the keys of
// a hash does not matter.
func Equal(a, b Value) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case Int, Big, Float:
		return isNumber(b) && compareNumbers(a, b) == 0
	case Array:
		y, ok := b.(Array)
		return ok && slices.EqualFunc(x.Items(), y.Items(), Equal)
	case Hash:
		y, ok := b.(Hash)
		if !ok || x.Len() != y.Len() {
			return false
		}
		for k, v := range x.All() {
			if w, there := y.Get(k); !there || !Equal(v, w) {
				return false
			}
		}
		return true
	}
	return a == b // the other types are comparable
}
