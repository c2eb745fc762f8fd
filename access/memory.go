package access

import "time"

// maxKept bounds each memory; at the bound it starts anew, which costs a read per entry and nothing else. An organization
// takes about half a kilobyte.
const maxKept = 200_000

// memory is what a Guard keeps of one kind, by id. V is a pointer: nil is nothing known.
type memory[K comparable, V any] struct {
	kept map[K]kept[V]
}

type kept[V any] struct {
	value V
	until int64 // ns since 1970; 0: for ever
}

func (m *memory[K, V]) get(id K, now time.Time) (v V) {
	k, ok := m.kept[id]
	if ok && (k.until == 0 || now.UnixNano() < k.until) {
		v = k.value
	}
	return v
}

func (m *memory[K, V]) put(id K, v V, until time.Time) {
	if len(m.kept) >= maxKept {
		m.clear()
	}
	k := kept[V]{value: v}
	if !until.IsZero() {
		k.until = until.UnixNano()
	}
	m.kept[id] = k
}

func (m *memory[K, V]) drop(id K) { delete(m.kept, id) }

func (m *memory[K, V]) clear() { m.kept = make(map[K]kept[V]) }
