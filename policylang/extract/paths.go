package extract

import (
	"context"
	"fmt"
	"sync"
	"time"

	"espalier.dev/policylang/jmespath"
	"espalier.dev/policylang/value"
)

// Mode is how many of the values found count.
type Mode uint8

// The modes of jq and xpath.
const (
	Simple Mode = iota // the first one, null if there is none
	Array              // all, as a list
	// Rows is Array, what a collect asks for. But where a jq program plainly gives one list, as .items and [.items[] | .id]
	// do, the elements of that list count.
	Rows
)

// ParseMode reads a mode as templates write it.
func ParseMode(text string) (Mode, error) {
	switch text {
	case "simple_element":
		return Simple, nil
	case "array":
		return Array, nil
	}
	return Simple, fmt.Errorf(`%q is no mode: "simple_element" or "array"`, text)
}

// Paths evaluates expressions. Each is compiled once, so a template should have one for all its evaluations. Several
// goroutines may use it.
type Paths struct {
	now    func() time.Time
	limits value.Limits
	jmes   cache[*jmespath.Path]
	jqs    cache[*jqProgram]
	xpaths cache[*xPath]
}

// NewPaths makes one. The limits bound each expression; the function now of jq asks the clock.
func NewPaths(now func() time.Time, limits value.Limits) *Paths {
	return &Paths{now: now, limits: limits}
}

// JMESPath is what a JMESPath finds in v, null if that is nothing.
func (p *Paths) JMESPath(v value.Value, expression string) (value.Value, error) {
	path, err := p.jmes.get(expression, compileJMESPath)
	if err != nil {
		return nil, err
	}
	return path.Search(v)
}

// JQ is what a jq program gives for v. The marker is that of the page before, "" for the first page and where there are
// none.
func (p *Paths) JQ(ctx context.Context, v value.Value, program, marker string, mode Mode) (value.Value, error) {
	code, err := p.jqs.get(program, func(text string) (*jqProgram, error) { return compileJQ(text, p.now) })
	if err != nil {
		return nil, err
	}
	found, err := code.run(ctx, v, marker, mode != Simple, p.limits)
	if list, ok := mode.of(found).([]value.Value); ok && mode == Rows && code.single && len(list) == 1 {
		return list[0], err
	}
	return mode.of(found), err
}

// XPath is what an XPath finds in v: a node, a list of nodes, of which each is looked at, or the text of a document.
// Elements found are *Node, attributes and texts strings.
func (p *Paths) XPath(ctx context.Context, v value.Value, expression string, mode Mode) (value.Value, error) {
	path, err := p.xpaths.get(expression, compileXPath)
	if err != nil {
		return nil, err
	}
	nodes, err := nodesOf(v, p.limits)
	if err != nil {
		return nil, err
	}
	var found []value.Value
	for _, n := range nodes {
		some, err := path.find(ctx, n, mode != Simple, p.limits)
		if err != nil {
			return nil, err
		}
		if found = append(found, some...); mode == Simple && len(found) > 0 {
			break
		}
	}
	return mode.of(found), nil
}

// nodesOf are the nodes that an XPath starts from. What is no XML has none.
func nodesOf(v value.Value, l value.Limits) ([]*Node, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *Node:
		return []*Node{v}, nil
	case string:
		return textNodes(v, l)
	case []value.Value:
		var nodes []*Node
		for _, e := range v {
			some, err := nodesOf(e, l)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, some...)
		}
		return nodes, nil
	}
	return nil, fmt.Errorf("an XPath looks into XML, not into %s", value.Kind(v))
}

// textNodes reads a string that is a document. Any other is an element that holds it, since the text of an element is all
// that a datasource keeps of it.
func textNodes(text string, l value.Limits) ([]*Node, error) {
	if len(text) > 0 && text[0] == '<' {
		v, err := Decode(XML, []byte(text), "", l)
		if err != nil {
			return nil, err
		}
		return []*Node{v.(*Node)}, nil
	}
	n := &Node{kind: element}
	n.add(&Node{kind: textNode, text: text})
	return []*Node{n}, nil
}

func (m Mode) of(found []value.Value) value.Value {
	switch {
	case m == Simple && len(found) == 0:
		return nil
	case m == Simple:
		return found[0]
	case found == nil:
		return []value.Value{}
	}
	return found
}

func compileJMESPath(text string) (*jmespath.Path, error) {
	path, err := jmespath.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the JMESPath can't be read: %w", err)
	}
	return path, nil
}

// CheckJMESPath says what is wrong with a JMESPath, nil if nothing is.
func CheckJMESPath(text string) error {
	_, err := compileJMESPath(text)
	return err
}

// CheckJQ says what is wrong with a jq program, nil if nothing is.
func CheckJQ(text string) error {
	_, err := compileJQ(text, time.Now)
	return err
}

// CheckXPath says what is wrong with an XPath, nil if nothing is.
func CheckXPath(text string) error {
	_, err := compileXPath(text)
	return err
}

// cache keeps what was compiled, by its text.
type cache[T any] struct {
	mu    sync.Mutex
	known map[string]T
}

// A template may make its expressions of data, so a cache is bounded: in how many it keeps, and in the bytes of each.
const (
	maxKnown = 5000
	maxText  = 1 << 14
)

func (c *cache[T]) get(text string, compile func(string) (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known[text]; ok {
		return known, nil
	}
	made, err := compile(text)
	if err != nil || len(text) > maxText {
		return made, err
	}
	if c.known == nil || len(c.known) >= maxKnown {
		c.known = map[string]T{}
	}
	c.known[text] = made
	return made, nil
}
