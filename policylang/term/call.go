package term

import (
	"fmt"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// call is a function with its arguments.
type call struct {
	*evaluation
	x    *syntax.Call
	args []value.Value // nil for a lazy function
	mode extract.Mode
}

// lazy are the functions that evaluate their own arguments.
var lazy = map[string]bool{"switch": true, "logic_and": true, "logic_or": true}

// apply is what a function does, nil for what is no function. Package check has what each takes.
func apply(name string) func(*call) (value.Value, error) {
	switch name {
	case "val":
		return val
	case "vals":
		return vals
	case "from":
		return from
	case "get":
		return get
	case "first":
		return first
	case "last":
		return last
	case "size":
		return size
	case "contains":
		return contains
	case "select":
		return selected
	case "header":
		return header
	case "href":
		return href
	case "hrefs":
		return hrefs
	case "jmes_path":
		return jmesPath
	case "jq":
		return jq
	case "xpath":
		return xPath
	case "any", "all", "none":
		return ofTags
	}
	return applyScalar(name)
}

// applyScalar is apply for comparison, logic, arithmetic and texts.
func applyScalar(name string) func(*call) (value.Value, error) {
	switch name {
	case "eq", "equals?":
		return eq
	case "ne":
		return ne
	case "lt", "le", "gt", "ge":
		return order
	case "switch":
		return choose
	case "logic_and", "logic_or":
		return logic
	case "logic_not":
		return logicNot
	case "inc":
		return inc
	case "dec":
		return dec
	case "prod", "div", "mod":
		return calculate
	case "join":
		return join
	case "split":
		return split
	case "ljust", "rjust":
		return justify
	case "to_n":
		return toNumber
	case "to_s":
		return toString
	case "to_b":
		return toBoolean
	case "to_d":
		return toDate
	case "now":
		return now
	case "cred":
		return cred
	}
	return nil
}

// wrong is the error of the i-th argument, which should have been something else.
func (c *call) wrong(i int, want string) error {
	return c.blame(i, fmt.Errorf("must be %s, not %s", want, value.Kind(c.args[i])))
}

// blame places an error at the i-th argument.
func (c *call) blame(i int, err error) error {
	return &Error{Span: c.x.Args[i].Pos(), Function: c.x.Name.Name, Argument: i + 1, Err: err}
}

// settled is the i-th argument, the text of it if it is an XML node.
func (c *call) settled(i int) value.Value {
	if n, ok := c.args[i].(*extract.Node); ok {
		return n.Settle()
	}
	return c.args[i]
}

func (c *call) text(i int) (string, error) {
	if s, ok := c.settled(i).(string); ok {
		return s, nil
	}
	return "", c.wrong(i, "a string")
}

func (c *call) number(i int) (value.Number, error) {
	if n, ok := c.args[i].(value.Number); ok {
		return n, nil
	}
	return "", c.wrong(i, "a number")
}

func (c *call) integer(i int) (int64, error) {
	n, err := c.number(i)
	if err != nil {
		return 0, err
	}
	whole, ok := n.Int64()
	if !ok {
		return 0, c.blame(i, fmt.Errorf("must be a whole number, not %s", n))
	}
	return whole, nil
}

// list is the i-th argument, an empty list for null.
func (c *call) list(i int) ([]value.Value, error) {
	switch v := c.args[i].(type) {
	case nil:
		return nil, nil
	case []value.Value:
		return v, nil
	}
	return nil, c.wrong(i, "a list")
}
