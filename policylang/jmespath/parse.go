package jmespath

import (
	"fmt"
)

// Error is a mistake in an expression.
type Error struct {
	Expression string
	At         int // byte
	Message    string
}

// Error says what is wrong and where.
func (e *Error) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Message, e.At) }

// power is how strongly a token binds what stands before it.
var power = map[kind]int{
	"|": 1, "||": 2, "&&": 3, "==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
	"[]": 9, "*": 20, "[?": 21, ".": 40, "!": 45, "{": 50, "[": 55, "(": 60,
}

// projectionEnds: a token that binds weaker ends what is applied to every element of a projection.
const projectionEnds = 10

// maxDepth bounds how deep expressions nest.
const maxDepth = 200

type parser struct {
	expression string
	tokens     []token // the rest; never empty, for the last one is end
	depth      int
}

func (p *parser) peek() kind { return p.tokens[0].kind }

func (p *parser) second() kind {
	if len(p.tokens) < 2 {
		return end
	}
	return p.tokens[1].kind
}

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) errorf(t token, format string, args ...any) error {
	return &Error{p.expression, t.at, fmt.Sprintf(format, args...)}
}

func (p *parser) expect(k kind) error {
	if p.peek() != k {
		return p.errorf(p.tokens[0], "%s where %s should be", p.peek(), k)
	}
	p.next()
	return nil
}

// parse reads an expression up to a token that binds no stronger than least.
func (p *parser) parse(least int) (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf(p.tokens[0], "the expression is nested more than %d levels deep", maxDepth)
	}
	defer func() { p.depth-- }()
	left, err := p.prefix(p.next())
	for links := 0; err == nil && least < power[p.peek()]; links++ {
		if links > 5*maxDepth {
			return nil, p.errorf(p.tokens[0], "the expression has more than %d links", 5*maxDepth)
		}
		left, err = p.infix(left, p.next())
	}
	return left, err
}

// prefix reads what begins with t.
func (p *parser) prefix(t token) (node, error) {
	switch t.kind {
	case literal:
		return constant{t.value}, nil
	case name:
		if p.peek() == "(" {
			p.next()
			return p.call(t)
		}
		return field(t.text), nil
	case quoted:
		if p.peek() == "(" {
			return nil, p.errorf(t, "the name of a function stands without quotes")
		}
		return field(t.text), nil
	case "@":
		return current{}, nil
	case "*":
		return p.project(members{current{}}, power["*"])
	case "[?":
		return p.filter(current{})
	case "[]":
		return p.project(flatten{current{}}, power["[]"])
	case "[":
		return p.bracket(current{}, true)
	case "{":
		return p.hash()
	case "!":
		x, err := p.parse(power["!"])
		return not{x}, err
	case "(":
		x, err := p.parse(0)
		if err != nil {
			return nil, err
		}
		return x, p.expect(")")
	}
	return nil, p.errorf(t, "%s where an expression should be", t.kind)
}

// infix reads what t joins to left.
func (p *parser) infix(left node, t token) (node, error) {
	switch t.kind {
	case ".":
		if p.peek() == "*" {
			p.next()
			return p.project(members{left}, power["."])
		}
		right, err := p.afterDot(power["."])
		return then{left, right}, err
	case "|":
		right, err := p.parse(power["|"])
		return then{left, right}, err
	case "||":
		right, err := p.parse(power["||"])
		return or{left, right}, err
	case "&&":
		right, err := p.parse(power["&&"])
		return and{left, right}, err
	case "==", "!=", "<", "<=", ">", ">=":
		right, err := p.parse(power[t.kind])
		return comparison{string(t.kind), left, right}, err
	case "[?":
		return p.filter(left)
	case "[]":
		return p.project(flatten{left}, power["[]"])
	case "[":
		return p.bracket(left, false)
	}
	return nil, p.errorf(t, "%s has no meaning here", t.kind)
}

// afterDot reads what may follow a dot.
func (p *parser) afterDot(least int) (node, error) {
	switch p.peek() {
	case name, quoted, "*":
		return p.parse(least)
	case "[":
		p.next()
		return p.list()
	case "{":
		p.next()
		return p.hash()
	}
	return nil, p.errorf(p.tokens[0], "%s after a dot, where a name should be", p.peek())
}

// project reads what is applied to every element of list.
func (p *parser) project(list node, least int) (node, error) {
	right, err := p.projected(least)
	return projection{list, nil, right}, err
}

func (p *parser) projected(least int) (node, error) {
	switch k := p.peek(); {
	case power[k] < projectionEnds:
		return current{}, nil
	case k == "[" || k == "[?":
		return p.parse(least)
	case k == ".":
		p.next()
		return p.afterDot(least)
	}
	return nil, p.errorf(p.tokens[0], "%s has no meaning here", p.peek())
}

// filter reads what stands between [? and ].
func (p *parser) filter(left node) (node, error) {
	condition, err := p.parse(0)
	if err != nil {
		return nil, err
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	if p.peek() == "[]" {
		return projection{left, condition, current{}}, nil
	}
	right, err := p.projected(power["[?"])
	return projection{left, condition, right}, err
}

// bracket reads what follows [: an index, a slice, a star, and at the start of an expression a list.
func (p *parser) bracket(left node, first bool) (node, error) {
	switch k := p.peek(); {
	case k == ":" || k == number && p.second() == ":":
		s, err := p.slice()
		if err != nil {
			return nil, err
		}
		return p.project(then{left, s}, power["*"])
	case k == number:
		i := p.next().n
		return then{left, index(i)}, p.expect("]")
	case k == "*" && p.second() == "]":
		p.next()
		p.next()
		return p.project(left, power["*"])
	case first:
		return p.list()
	}
	return nil, p.errorf(p.tokens[0], "%s in brackets, where a number, a slice or * should be", p.peek())
}

// slice reads from:to:step], each of which may be missing.
func (p *parser) slice() (node, error) {
	var parts [3]*int
	for i := 0; p.peek() != "]"; {
		switch t := p.next(); {
		case t.kind == ":" && i < 2:
			i++
		case t.kind == number && parts[i] == nil:
			parts[i] = &t.n
		default:
			return nil, p.errorf(t, "%s in a slice: expected [from:to:step]", t.kind)
		}
	}
	if parts[2] != nil && *parts[2] == 0 {
		return nil, p.errorf(p.tokens[0], "the step of a slice must not be 0")
	}
	return slice{parts}, p.expect("]")
}

// list reads a, b].
func (p *parser) list() (node, error) {
	items, err := p.items("]")
	return list(items), err
}

// items reads expressions with commas between them, and what closes them.
func (p *parser) items(closing kind) ([]node, error) {
	var out []node
	for {
		x, err := p.parse(0)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
		if p.peek() != "," {
			return out, p.expect(closing)
		}
		p.next()
	}
}

// hash reads key: a, key: b}.
func (p *parser) hash() (node, error) {
	var h hash
	for {
		key := p.next()
		if key.kind != name && key.kind != quoted {
			return nil, p.errorf(key, "%s where a key should be", key.kind)
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		x, err := p.parse(0)
		if err != nil {
			return nil, err
		}
		h.keys, h.values = append(h.keys, key.text), append(h.values, x)
		if p.peek() != "," {
			return h, p.expect("}")
		}
		p.next()
	}
}

// call reads the arguments of a function.
func (p *parser) call(t token) (node, error) {
	f, ok := functions[t.text]
	if !ok {
		return nil, p.errorf(t, "there is no function %s", t.text)
	}
	c := call{name: t.text, function: f}
	for p.peek() != ")" {
		if len(c.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		x, err := p.argument()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, x)
	}
	p.next()
	if n := len(c.args); n < len(f.params) || n > len(f.params) && !f.variadic {
		return nil, p.errorf(t, "%s takes %d arguments, not %d", t.text, len(f.params), n)
	}
	for i, a := range c.args {
		if _, isExpression := a.(expression); isExpression != (f.param(i) == anExpression) {
			return nil, p.errorf(t, "argument %d of %s must be %s", i+1, t.text, f.param(i))
		}
	}
	return c, nil
}

// argument reads an argument, which may be &expression.
func (p *parser) argument() (node, error) {
	if p.peek() != "&" {
		return p.parse(0)
	}
	p.next()
	x, err := p.parse(0)
	return expression{x}, err
}
