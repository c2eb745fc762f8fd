package message

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// The library bounds neither loops nor output, so each template is given actions that count: one where a body begins, two
// around a whole template, and a function behind each value that is printed. Their names are not known when a template is
// read, so that none can call them.
const (
	stepName  = "_step"
	enterName = "_enter"
	leaveName = "_leave"
	showName  = "_show"
)

// instrument puts the counting actions into a template and those that it defines.
func instrument(t *template.Template) {
	for _, one := range t.Templates() {
		if one.Tree == nil || one.Root == nil {
			continue
		}
		count(one.Root)
		nodes := append([]parse.Node{action(enterName, one.Root.Pos)}, one.Root.Nodes...)
		one.Root.Nodes = append(nodes, action(leaveName, one.Root.Pos))
	}
}

// count puts a counting action at the beginning of each body, and a function behind what each action prints.
func count(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				n.Pipe.Cmds = append(n.Pipe.Cmds, command(showName, n.Pos))
			}
		case *parse.IfNode:
			branches(&n.BranchNode)
		case *parse.WithNode:
			branches(&n.BranchNode)
		case *parse.RangeNode:
			branches(&n.BranchNode)
		}
	}
	list.Nodes = append([]parse.Node{action(stepName, list.Pos)}, list.Nodes...)
}

func branches(b *parse.BranchNode) {
	count(b.List)
	count(b.ElseList)
}

func command(name string, at parse.Pos) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: at, Args: []parse.Node{parse.NewIdentifier(name).SetPos(at)}}
}

func action(name string, at parse.Pos) *parse.ActionNode {
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: at, Pipe: &parse.PipeNode{NodeType: parse.NodePipe, Pos: at, Cmds: []*parse.CommandNode{command(name, at)}}}
}

// meter is one execution: what it has used, and what it has printed.
type meter struct {
	ctx    context.Context
	limits Limits
	steps  int
	depth  int
	making int // bytes that functions may still make
	out    strings.Builder

	limit, reached string // the limit that ended it, and in words
}

var errOver = errors.New("a limit was reached")

func (m *meter) over(limit, format string, args ...any) error {
	m.limit, m.reached = limit, limit+": "+fmt.Sprintf(format, args...)
	return errOver
}

// Write takes what the template prints.
func (m *meter) Write(text []byte) (int, error) {
	if m.out.Len()+len(text) > m.limits.Bytes {
		return 0, m.over("bytes", "it prints more than %d bytes", m.limits.Bytes)
	}
	return m.out.Write(text)
}

func (m *meter) step() (string, error) {
	if m.steps++; m.steps > m.limits.Steps {
		return "", m.over("steps", "it takes more than %d steps", m.limits.Steps)
	}
	if m.steps%64 == 0 && m.ctx.Err() != nil {
		return "", m.over("time", "it takes longer than %s", m.limits.Time)
	}
	return "", nil
}

func (m *meter) enter() (string, error) {
	if m.depth++; m.depth > m.limits.Depth {
		return "", m.over("depth", "its templates are more than %d deep within one another", m.limits.Depth)
	}
	return m.step()
}

func (m *meter) leave() string {
	m.depth--
	return ""
}

// show lets a value be printed if it is not too long for that.
func (m *meter) show(v any) (any, error) {
	if left := m.limits.Bytes - m.out.Len(); length(v, left) > left {
		return nil, m.over("bytes", "it prints more than %d bytes", m.limits.Bytes)
	}
	return v, nil
}

// make takes n bytes for what a function is about to make.
func (m *meter) make(n int) error {
	if m.making -= n; m.making < 0 {
		return m.over("bytes", "its functions make more than %d bytes", 8*m.limits.Bytes)
	}
	_, err := m.step()
	return err
}

// length is about how many bytes a value has when it is printed; it stops counting at more than most.
func length(v any, most int) int {
	n := 8
	switch v := v.(type) {
	case string:
		n = len(v)
	case numeral:
		n = len(v)
	case []any:
		for _, e := range v {
			if n += 1 + length(e, most-n); n > most {
				break
			}
		}
	case map[string]any:
		for k, e := range v {
			if n += 6 + len(k) + length(e, most-n); n > most {
				break
			}
		}
	}
	return n
}
