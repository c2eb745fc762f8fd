package value

import (
	"iter"
	"slices"
)

// Map is an object: members under string keys, in the order in which the keys came. A nil *Map is an empty one that
// can't be filled.
type Map struct {
	keys   []string
	values []Value
	index  map[string]int // nil while there are few members
}

// few is up to how many members looking at every key is faster than an index.
const few = 12

// New makes an empty object.
func New() *Map { return &Map{} }

// Len is the number of members.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Get finds a member, and reports whether there is one.
func (m *Map) Get(key string) (Value, bool) {
	if i := m.find(key); i >= 0 {
		return m.values[i], true
	}
	return nil, false
}

// Set adds a member, or replaces the value of one, which keeps its place.
func (m *Map) Set(key string, v Value) {
	if i := m.find(key); i >= 0 {
		m.values[i] = v
		return
	}
	m.keys, m.values = append(m.keys, key), append(m.values, v)
	switch {
	case m.index != nil:
		m.index[key] = len(m.keys) - 1
	case len(m.keys) > few:
		m.reindex()
	}
}

// Delete takes a member out, if there is one.
func (m *Map) Delete(key string) {
	i := m.find(key)
	if i < 0 {
		return
	}
	m.keys, m.values = slices.Delete(m.keys, i, i+1), slices.Delete(m.values, i, i+1)
	if m.index != nil {
		m.reindex()
	}
}

func (m *Map) reindex() {
	m.index = make(map[string]int, 2*len(m.keys))
	for i, k := range m.keys {
		m.index[k] = i
	}
}

func (m *Map) find(key string) int {
	if m == nil {
		return -1
	}
	if m.index != nil {
		if i, ok := m.index[key]; ok {
			return i
		}
		return -1
	}
	return slices.Index(m.keys, key)
}

// Keys are the keys in their order.
func (m *Map) Keys() []string {
	if m == nil {
		return nil
	}
	return slices.Clone(m.keys)
}

// All goes through the members in their order.
func (m *Map) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if m == nil {
			return
		}
		for i, k := range m.keys {
			if !yield(k, m.values[i]) {
				return
			}
		}
	}
}

// Clone copies the object, not what its members hold.
func (m *Map) Clone() *Map {
	out := New()
	for k, v := range m.All() {
		out.Set(k, v)
	}
	return out
}

// MarshalJSON writes the object, members in their order.
func (m *Map) MarshalJSON() ([]byte, error) { return Encode(m), nil }

// UnmarshalJSON reads an object into m, which loses what it held.
func (m *Map) UnmarshalJSON(text []byte) error {
	v, err := Decode(text)
	if err != nil {
		return err
	}
	read, ok := v.(*Map)
	if !ok {
		return wrongKind(v, "an object")
	}
	*m = *read
	return nil
}
