package filter

import (
	"iter"
	"strings"
)

// Expr is a filter that has been parsed. A nil and a zero Expr match everything. It is never changed and so is safe for
// concurrent use.
type Expr struct {
	root *node // nil: everything
}

// Term is one comparison of a filter.
type Term struct {
	Attr   string // as the filter spells it
	Op     Op
	Values []Value // one; of In one or more. Those of a Set are Text

	attr *Attr // its declaration
}

// node is a comparison, or others joined.
type node struct {
	join Join // 0: a comparison
	kids []*node
	term *Term
}

// join makes one node of several; operands that are joined alike are taken apart, so that a and (b and c) is one list.
func join(j Join, kids []*node) *node {
	if len(kids) == 1 {
		return kids[0]
	}
	n := &node{join: j, kids: make([]*node, 0, len(kids))}
	for _, kid := range kids {
		if kid.join == j {
			n.kids = append(n.kids, kid.kids...)
		} else {
			n.kids = append(n.kids, kid)
		}
	}
	return n
}

// MatchesAll reports whether the filter was empty.
func (e *Expr) MatchesAll() bool { return e == nil || e.root == nil }

// Terms yields the comparisons from left to right, for rules that ask which attributes are named.
func (e *Expr) Terms() iter.Seq[Term] {
	return func(yield func(Term) bool) {
		if !e.MatchesAll() {
			e.root.each(yield)
		}
	}
}

func (n *node) each(yield func(Term) bool) bool {
	if n.join == 0 {
		return yield(*n.term)
	}
	for _, kid := range n.kids {
		if !kid.each(yield) {
			return false
		}
	}
	return true
}

// String prints the filter in its canonical form: one blank between words, parentheses only where they are needed, times
// in UTC. Parsed again it is the same filter, unless it has grown beyond the length that Parse takes.
func (e *Expr) String() string {
	if e.MatchesAll() {
		return ""
	}
	var b strings.Builder
	e.root.print(&b)
	return b.String()
}

func (n *node) print(b *strings.Builder) {
	switch n.join {
	case 0:
		n.term.print(b)
	case Not:
		b.WriteString("not ")
		n.kids[0].printWithin(b, Not)
	default:
		for i, kid := range n.kids {
			if i > 0 {
				b.WriteString(" " + n.join.String() + " ")
			}
			kid.printWithin(b, n.join)
		}
	}
}

// printWithin prints an operand of j, in parentheses if it binds less.
func (n *node) printWithin(b *strings.Builder, j Join) {
	if n.join == Or || (n.join == And && j == Not) {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	n.print(b)
}

// String prints the comparison in its canonical form.
func (t Term) String() string {
	var b strings.Builder
	t.print(&b)
	return b.String()
}

func (t *Term) print(b *strings.Builder) {
	b.WriteString(t.Attr + " " + t.Op.String() + " ")
	if t.Op != In {
		b.WriteString(t.Values[0].String())
		return
	}
	for i, v := range t.Values {
		b.WriteString([]string{"[", ", "}[min(i, 1)])
		b.WriteString(v.String())
	}
	b.WriteByte(']')
}
