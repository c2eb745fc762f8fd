package script

import (
	"bytes"
	"slices"
	"strings"
)

// sortKeys puts the members of every object of a JSON text in the order of their keys, and leaves all else as it is,
// blanks included. The text must be what JSON.stringify made; of other text it returns something of the same length.
func sortKeys(text []byte) []byte {
	if bytes.IndexByte(text, '{') < 0 {
		return text
	}
	s := sorter{in: text, out: make([]byte, 0, len(text))}
	s.value()
	return append(s.out, s.in[s.pos:]...)
}

type sorter struct {
	in  []byte
	pos int
	out []byte
	// open are the members read so far of all objects around pos, the innermost object's last.
	open []member
}

// member is where a member stands in the output, from its key to the end of its value.
type member struct {
	start, keyEnd, end int
}

// value copies one value and the blanks before it.
func (s *sorter) value() {
	s.blanks()
	switch s.peek() {
	case '{':
		s.object()
	case '[':
		s.array()
	case '"':
		s.text()
	default:
		start := s.pos
		for s.pos < len(s.in) && strings.IndexByte(",]} \n\t\r", s.in[s.pos]) < 0 {
			s.pos++
		}
		s.out = append(s.out, s.in[start:s.pos]...)
	}
}

func (s *sorter) peek() byte {
	if s.pos < len(s.in) {
		return s.in[s.pos]
	}
	return 0
}

// take copies n bytes.
func (s *sorter) take(n int) {
	end := min(s.pos+n, len(s.in))
	s.out = append(s.out, s.in[s.pos:end]...)
	s.pos = end
}

// blanks copies the blanks of an indented text. A gap of JSON.stringify may be any characters; the prelude sees to it
// that only blanks come here.
func (s *sorter) blanks() {
	for s.pos < len(s.in) && s.in[s.pos] <= ' ' {
		s.take(1)
	}
}

func (s *sorter) text() {
	end := s.pos + 1
	for end < len(s.in) && s.in[end] != '"' {
		if s.in[end] == '\\' {
			end++
		}
		end++
	}
	s.take(end + 1 - s.pos)
}

func (s *sorter) array() {
	s.take(1)
	for s.blanks(); s.pos < len(s.in) && s.peek() != ']'; s.blanks() {
		before := s.pos
		s.value()
		s.blanks()
		if s.peek() == ',' || s.pos == before {
			s.take(1)
		}
	}
	s.take(1)
}

func (s *sorter) object() {
	s.take(1)
	first := len(s.open)
	sorted := true
	for s.blanks(); s.pos < len(s.in) && s.peek() != '}'; s.blanks() {
		m := member{start: len(s.out)}
		before := s.pos
		if s.peek() == '"' {
			s.text()
		}
		m.keyEnd = len(s.out)
		s.blanks()
		if s.peek() == ':' {
			s.take(1)
			s.value()
		}
		m.end = len(s.out)
		sorted = sorted && (len(s.open) == first || bytes.Compare(s.key(s.open[len(s.open)-1]), s.key(m)) <= 0)
		s.open = append(s.open, m)
		s.blanks()
		if s.peek() == ',' || s.pos == before {
			s.take(1)
		}
	}
	if !sorted {
		s.reorder(s.open[first:])
	}
	s.open = s.open[:first]
	s.take(1)
}

// key is a member's key with its first quote, but not its last, which would put "a-" before "a".
func (s *sorter) key(m member) []byte {
	return s.out[m.start:max(m.start, m.keyEnd-1)]
}

// reorder writes the members of one object anew in the order of their keys, with what stood between them in its place.
func (s *sorter) reorder(ms []member) {
	start := ms[0].start
	old := bytes.Clone(s.out[start:])
	order := slices.Clone(ms)
	slices.SortStableFunc(order, func(a, b member) int { return bytes.Compare(s.key(a), s.key(b)) })
	w := s.out[:start]
	for i, m := range order {
		w = append(w, old[m.start-start:m.end-start]...)
		gap := old[ms[i].end-start:]
		if i+1 < len(ms) {
			gap = gap[:ms[i+1].start-ms[i].end]
		}
		w = append(w, gap...)
	}
	s.out = w
}
