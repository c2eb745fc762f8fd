package filter

import (
	"cmp"
	"fmt"
	"strings"
)

// Match reports whether a row is among what the filter asks for. row gives the row's value of an attribute, named as the
// filter spells it; it panics on a value of another type than declared. Nothing is allocated, except to fold text beyond
// ASCII that row gives without its folded form.
func (e *Expr) Match(row func(attr string) Value) bool {
	return e.MatchesAll() || e.root.match(row)
}

// match is no method of an interface, so that row stays on the stack of the caller.
func (n *node) match(row func(attr string) Value) bool {
	switch n.join {
	case And:
		for _, kid := range n.kids {
			if !kid.match(row) {
				return false
			}
		}
		return true
	case Or:
		for _, kid := range n.kids {
			if kid.match(row) {
				return true
			}
		}
		return false
	case Not:
		return !n.kids[0].match(row)
	}
	v := row(n.term.Attr)
	return n.term.match(&v)
}

func (t *Term) match(v *Value) bool {
	switch {
	case v.typ == 0:
		return t.Op == Ne
	case v.typ != t.attr.Type:
		panic(fmt.Sprintf("filter: a row's %s is %v; it is declared as %v", t.Attr, v.typ, t.attr.Type))
	case v.typ == Set:
		return t.matchSet(v)
	}
	return t.matchOne(v)
}

// matchSet asks whether some element matches; of ne, whether every one does.
func (t *Term) matchSet(v *Value) bool {
	for _, s := range v.texts {
		one := Value{typ: Text, text: s}
		if t.matchOne(&one) != (t.Op == Ne) {
			return t.Op != Ne
		}
	}
	return t.Op == Ne
}

func (t *Term) matchOne(v *Value) bool {
	want := &t.Values[0]
	switch t.Op {
	case Co:
		if v.isFolded {
			return strings.Contains(v.folded, want.folded)
		}
		return containsFold(v.text, want.folded)
	case Eq, Has:
		return t.equal(v, want)
	case Ne:
		return !t.equal(v, want)
	case In:
		for i := range t.Values {
			if t.equal(v, &t.Values[i]) {
				return true
			}
		}
		return false
	case Gt:
		return t.compare(v, want) > 0
	case Lt:
		return t.compare(v, want) < 0
	case Ge:
		return t.compare(v, want) >= 0
	default: // Le
		return t.compare(v, want) <= 0
	}
}

func (t *Term) equal(v, want *Value) bool {
	switch {
	case want.typ != Text:
		return v.number == want.number
	case !t.attr.AnyCase:
		return v.text == want.text
	case v.isFolded:
		return v.folded == want.folded
	}
	return equalFold(v.text, want.folded)
}

// compare orders text by its bytes, as the columns of a store do.
func (t *Term) compare(v, want *Value) int {
	switch {
	case want.typ != Text:
		return cmp.Compare(v.number, want.number)
	case !t.attr.AnyCase:
		return strings.Compare(v.text, want.text)
	case v.isFolded:
		return strings.Compare(v.folded, want.folded)
	}
	return strings.Compare(Fold(v.text), want.folded)
}
