package extract

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/antchfx/xpath"

	"espalier.dev/policylang/value"
)

// xPath is a compiled XPath. Evaluating it changes it, so that one does at a time.
type xPath struct {
	mu       sync.Mutex
	text     string
	expr     *xpath.Expr
	prefixed bool // whether it names prefixes
}

func compileXPath(text string) (*xPath, error) {
	expr, err := xpath.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the XPath can't be read: %s", firstLine(err))
	}
	return &xPath{text: text, expr: expr, prefixed: prefixedName.MatchString(literals.ReplaceAllString(text, "''"))}, nil
}

var (
	literals     = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	prefixedName = regexp.MustCompile(`(^|[^:\w.-])[\w.-]+:([\w*])`)
)

// find evaluates the expression at a node. Nodes are *Node, attributes and calculated texts strings.
func (x *xPath) find(ctx context.Context, at *Node, all bool, l value.Limits) (found []value.Value, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, x.recovered(p)
		}
	}()
	most := l.WithDefaults().Steps
	s := &steps{ctx: ctx, left: most, most: most}
	switch v := x.expr.Evaluate(&navigator{node: at, attribute: -1, prefixed: x.prefixed, steps: s}).(type) {
	case *xpath.NodeIterator:
		for v.MoveNext() {
			found = append(found, v.Current().(*navigator).value())
			if !all {
				break
			}
		}
	case float64:
		n, ok := value.Float(v)
		if ok {
			found = append(found, n)
		}
	default: // a string or a boolean
		found = append(found, v)
	}
	return found, nil
}

// recovered is the error of what the library or the navigator panicked with. The expression may be in any state then.
func (x *xPath) recovered(p any) error {
	x.expr = xpath.MustCompile(x.text)
	if s, ok := p.(stopped); ok {
		return s.err
	}
	return fmt.Errorf("the XPath %s can't be evaluated: %v", x.text, p)
}

// stopped is what the navigator panics with to end an evaluation.
type stopped struct{ err error }

type steps struct {
	ctx        context.Context
	left, most int
}

func (s *steps) take(n int) {
	before := s.left
	s.left -= n
	if s.left < 0 {
		panic(stopped{stepsError("the XPath", s.most)})
	}
	if before>>12 != s.left>>12 {
		if err := context.Cause(s.ctx); err != nil {
			panic(stopped{err})
		}
	}
}

func stepsError(what string, most int) error {
	return &value.LimitError{Limit: "steps", Message: fmt.Sprintf("%s takes more than %d steps", what, most)}
}

// navigator walks a tree for the library. Unless the expression names prefixes, those of the document don't count.
type navigator struct {
	node      *Node
	attribute int // of the node, -1 for the node itself
	prefixed  bool
	steps     *steps
}

var _ xpath.NodeNavigator = (*navigator)(nil)

func (n *navigator) value() value.Value {
	if n.attribute >= 0 {
		return n.node.attributes[n.attribute].value
	}
	if n.node.kind == textNode {
		return n.node.text
	}
	return n.node
}

func (n *navigator) NodeType() xpath.NodeType {
	switch {
	case n.attribute >= 0:
		return xpath.AttributeNode
	case n.node.kind == textNode:
		return xpath.TextNode
	case n.node.kind == document:
		return xpath.RootNode
	}
	return xpath.ElementNode
}

func (n *navigator) LocalName() string {
	if n.attribute >= 0 {
		return n.node.attributes[n.attribute].name
	}
	return n.node.name
}

func (n *navigator) Prefix() string {
	switch {
	case !n.prefixed:
		return ""
	case n.attribute >= 0:
		return n.node.attributes[n.attribute].prefix
	}
	return n.node.prefix
}

func (n *navigator) Value() string {
	s := value.Text(n.value())
	n.steps.take(1 + len(s)/16)
	return s
}

func (n *navigator) Copy() xpath.NodeNavigator {
	n.steps.take(1)
	c := *n
	return &c
}

func (n *navigator) move(to *Node) bool {
	n.steps.take(1)
	if n.attribute >= 0 || to == nil {
		return false
	}
	n.node = to
	return true
}

func (n *navigator) MoveToRoot() {
	n.attribute = -1
	for n.move(n.node.parent) {
	}
}

func (n *navigator) MoveToParent() bool {
	if n.attribute >= 0 {
		n.attribute = -1
		return true
	}
	return n.move(n.node.parent)
}

func (n *navigator) MoveToNextAttribute() bool {
	n.steps.take(1)
	if n.attribute >= len(n.node.attributes)-1 {
		return false
	}
	n.attribute++
	return true
}

func (n *navigator) MoveToChild() bool    { return n.move(n.node.first) }
func (n *navigator) MoveToNext() bool     { return n.move(n.node.next) }
func (n *navigator) MoveToPrevious() bool { return n.move(n.node.previous) }

func (n *navigator) MoveToFirst() bool {
	if n.attribute >= 0 || n.node.previous == nil {
		return false
	}
	return n.move(n.node.parent.first)
}

func (n *navigator) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*navigator)
	if ok {
		n.node, n.attribute = o.node, o.attribute
	}
	return ok
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
