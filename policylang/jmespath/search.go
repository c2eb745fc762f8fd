package jmespath

import (
	"fmt"
	"strings"

	"espalier.dev/policylang/value"
)

// Path is a compiled expression. It may be used by several goroutines.
type Path struct {
	root node
	text string
}

// maxCopies bounds how many times an expression may put its input into its result, as [@, @] | [@, @] does four times.
const maxCopies = 1000

// maxSteps bounds the work of one search.
const maxSteps = 1 << 25

// Compile reads an expression. Its error is an *Error.
func Compile(text string) (*Path, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := parser{expression: text, tokens: tokens}
	root, err := p.parse(0)
	if err != nil {
		return nil, err
	}
	if err := p.expect(end); err != nil {
		return nil, err
	}
	if root.copies() > maxCopies {
		return nil, &Error{text, 0, fmt.Sprintf("the expression copies its input more than %d times", maxCopies)}
	}
	return &Path{root, text}, nil
}

// String is the expression.
func (p *Path) String() string { return p.text }

// Search finds what the path leads to, nil if that is nothing. The result may share parts with v.
func (p *Path) Search(v value.Value) (value.Value, error) {
	return p.root.search(&run{left: maxSteps}, v)
}

// run is one search.
type run struct{ left int }

func (r *run) take(steps int) error {
	if r.left -= steps; r.left < 0 {
		return &value.LimitError{Limit: "steps", Message: fmt.Sprintf("the JMESPath takes more than %d steps", maxSteps)}
	}
	return nil
}

// node is a part of an expression.
type node interface {
	search(*run, value.Value) (value.Value, error)
	// copies is how many times the input may stand in the result, at most maxCopies+1.
	copies() int
}

type (
	current  struct{}
	constant struct{ v value.Value }
	field    string
	index    int
	slice    struct{ parts [3]*int }
	then     struct{ left, right node }
	or       struct{ left, right node }
	and      struct{ left, right node }
	not      struct{ x node }
	list     []node
	hash     struct {
		keys   []string
		values []node
	}
	members    struct{ x node } // the values of an object, as a list
	flatten    struct{ x node }
	projection struct {
		list      node
		condition node // nil if every element counts
		right     node
	}
	comparison struct {
		op          string
		left, right node
	}
	call struct {
		name     string
		function function
		args     []node
	}
	expression struct{ node } // &x, as an argument
)

func times(a, b int) int { return min(a*b, maxCopies+1) }

func sum(nodes []node) int {
	n := 0
	for _, x := range nodes {
		n = min(n+x.copies(), maxCopies+1)
	}
	return n
}

func (current) copies() int      { return 1 }
func (constant) copies() int     { return 1 }
func (field) copies() int        { return 1 }
func (index) copies() int        { return 1 }
func (slice) copies() int        { return 1 }
func (n then) copies() int       { return times(n.left.copies(), n.right.copies()) }
func (n or) copies() int         { return max(n.left.copies(), n.right.copies()) }
func (n and) copies() int        { return max(n.left.copies(), n.right.copies()) }
func (n not) copies() int        { return n.x.copies() }
func (n list) copies() int       { return sum(n) }
func (n hash) copies() int       { return sum(n.values) }
func (n members) copies() int    { return n.x.copies() }
func (n flatten) copies() int    { return n.x.copies() }
func (n projection) copies() int { return times(n.list.copies(), n.right.copies()) }
func (n comparison) copies() int { return max(n.left.copies(), n.right.copies()) }

func (n call) copies() int {
	product := 1
	var others []node
	for _, a := range n.args {
		if x, ok := a.(expression); ok {
			product = times(product, x.copies())
		} else {
			others = append(others, a)
		}
	}
	return times(product, sum(others))
}

func (current) search(_ *run, v value.Value) (value.Value, error) { return v, nil }

func (n constant) search(*run, value.Value) (value.Value, error) { return n.v, nil }

func (n field) search(_ *run, v value.Value) (value.Value, error) {
	if m, ok := v.(*value.Map); ok {
		found, _ := m.Get(string(n))
		return found, nil
	}
	return nil, nil
}

func (n index) search(_ *run, v value.Value) (value.Value, error) {
	items, _ := v.([]value.Value)
	i := int(n)
	if i < 0 {
		i += len(items)
	}
	if i < 0 || i >= len(items) {
		return nil, nil
	}
	return items[i], nil
}

func (n slice) search(r *run, v value.Value) (value.Value, error) {
	items, ok := v.([]value.Value)
	if !ok {
		return nil, nil
	}
	step := 1
	if n.parts[2] != nil {
		step = *n.parts[2]
	}
	from, to := bounds(n.parts[0], n.parts[1], len(items), step)
	out := []value.Value{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		out = append(out, items[i])
	}
	return out, r.take(len(out))
}

// bounds are the first index of a slice, and the one it stops at.
func bounds(from, to *int, length, step int) (int, int) {
	least, most := 0, length
	if step < 0 {
		least, most = -1, length-1
	}
	place := func(i *int, missing int) int {
		if i == nil {
			return missing
		}
		at := *i
		if at < 0 {
			at += length
		}
		return min(max(at, least), most)
	}
	if step < 0 {
		return place(from, most), place(to, least)
	}
	return place(from, least), place(to, most)
}

func (n then) search(r *run, v value.Value) (value.Value, error) {
	left, err := n.left.search(r, v)
	if err != nil {
		return nil, err
	}
	return n.right.search(r, left)
}

func (n or) search(r *run, v value.Value) (value.Value, error) {
	left, err := n.left.search(r, v)
	if err != nil || truth(left) {
		return left, err
	}
	return n.right.search(r, v)
}

func (n and) search(r *run, v value.Value) (value.Value, error) {
	left, err := n.left.search(r, v)
	if err != nil || !truth(left) {
		return left, err
	}
	return n.right.search(r, v)
}

func (n not) search(r *run, v value.Value) (value.Value, error) {
	x, err := n.x.search(r, v)
	return !truth(x), err
}

// truth is that of the language, but every number is true.
func truth(v value.Value) bool {
	_, isNumber := v.(value.Number)
	return isNumber || value.Truth(v)
}

func (n list) search(r *run, v value.Value) (value.Value, error) {
	if v == nil {
		return nil, nil
	}
	out := make([]value.Value, len(n))
	for i, x := range n {
		var err error
		if out[i], err = x.search(r, v); err != nil {
			return nil, err
		}
	}
	return out, r.take(len(out))
}

func (n hash) search(r *run, v value.Value) (value.Value, error) {
	if v == nil {
		return nil, nil
	}
	out := value.New()
	for i, key := range n.keys {
		x, err := n.values[i].search(r, v)
		if err != nil {
			return nil, err
		}
		out.Set(key, x)
	}
	return out, r.take(len(n.keys))
}

func (n members) search(r *run, v value.Value) (value.Value, error) {
	x, err := n.x.search(r, v)
	m, ok := x.(*value.Map)
	if err != nil || !ok {
		return nil, err
	}
	return valuesOf(m), r.take(m.Len())
}

func valuesOf(m *value.Map) []value.Value {
	out := make([]value.Value, 0, m.Len())
	for _, e := range m.All() {
		out = append(out, e)
	}
	return out
}

func (n flatten) search(r *run, v value.Value) (value.Value, error) {
	x, err := n.x.search(r, v)
	items, ok := x.([]value.Value)
	if err != nil || !ok {
		return nil, err
	}
	out := make([]value.Value, 0, len(items))
	for _, e := range items {
		if inner, ok := e.([]value.Value); ok {
			out = append(out, inner...)
		} else {
			out = append(out, e)
		}
	}
	return out, r.take(len(out))
}

func (n projection) search(r *run, v value.Value) (value.Value, error) {
	x, err := n.list.search(r, v)
	items, ok := x.([]value.Value)
	if err != nil || !ok {
		return nil, err
	}
	if err := r.take(len(items)); err != nil {
		return nil, err
	}
	out := []value.Value{}
	for _, e := range items {
		if n.condition != nil {
			keep, err := n.condition.search(r, e)
			if err != nil {
				return nil, err
			}
			if !truth(keep) {
				continue
			}
		}
		found, err := n.right.search(r, e)
		if err != nil {
			return nil, err
		}
		if found != nil {
			out = append(out, found)
		}
	}
	return out, nil
}

func (n comparison) search(r *run, v value.Value) (value.Value, error) {
	left, err := n.left.search(r, v)
	if err != nil {
		return nil, err
	}
	right, err := n.right.search(r, v)
	if err != nil {
		return nil, err
	}
	switch n.op {
	case "==":
		return value.Equal(left, right), nil
	case "!=":
		return !value.Equal(left, right), nil
	}
	a, ok := left.(value.Number)
	b, both := right.(value.Number)
	if !ok || !both {
		return nil, nil // only numbers have an order here
	}
	order := a.Compare(b)
	switch n.op {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

func (n call) search(r *run, v value.Value) (value.Value, error) {
	args := make([]value.Value, len(n.args))
	for i, a := range n.args {
		if x, ok := a.(expression); ok {
			args[i] = func(v value.Value) (value.Value, error) { return x.node.search(r, v) }
			continue
		}
		found, err := a.search(r, v)
		if err != nil {
			return nil, err
		}
		if s, ok := found.(value.Internal); ok {
			found = s.Settle()
		}
		if err := n.function.param(i).check(found); err != nil {
			return nil, fmt.Errorf("argument %d of %s must be %s", i+1, n.name, err)
		}
		if err := r.take(weight(found)); err != nil {
			return nil, err
		}
		args[i] = found
	}
	out, err := n.function.apply(args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	return out, nil
}

// weight is how much work a function may have with an argument.
func weight(v value.Value) int {
	switch v := v.(type) {
	case string:
		return 1 + len(v)/16
	case []value.Value:
		return 1 + len(v)
	case *value.Map:
		return 1 + v.Len()
	}
	return 1
}

// check reports what an argument should have been.
func (p param) check(v value.Value) error {
	types, _, _ := strings.Cut(string(p), " of ")
	if p == anything || strings.Contains(types, typeName(v)) && p.elements(v) {
		return nil
	}
	return fmt.Errorf("%s, not %s", p, value.Kind(v))
}
