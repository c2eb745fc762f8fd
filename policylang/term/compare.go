package term

import (
	"fmt"

	"espalier.dev/policylang/value"
)

func eq(c *call) (value.Value, error) { return value.Equal(c.args[0], c.args[1]), nil }

func ne(c *call) (value.Value, error) { return !value.Equal(c.args[0], c.args[1]), nil }

// order is lt, le, gt and ge.
func order(c *call) (value.Value, error) {
	o, ok := value.Compare(c.args[0], c.args[1])
	if !ok {
		return nil, fmt.Errorf("two numbers, two strings or two dates have an order, not %s and %s", value.Kind(c.args[0]), value.Kind(c.args[1]))
	}
	switch c.x.Name.Name {
	case "lt":
		return o < 0, nil
	case "le":
		return o <= 0, nil
	case "gt":
		return o > 0, nil
	}
	return o >= 0, nil
}

// choose is switch(condition, a, b). The one that is not chosen is not evaluated.
func choose(c *call) (value.Value, error) {
	yes, err := c.truth(0)
	if err != nil {
		return nil, err
	}
	if yes {
		return c.term(c.x.Args[1])
	}
	return c.term(c.x.Args[2])
}

// logic is logic_and and logic_or. The second argument is not evaluated if the first decides.
func logic(c *call) (value.Value, error) {
	decides := c.x.Name.Name == "logic_or"
	left, err := c.truth(0)
	if err != nil || left == decides {
		return left, err
	}
	return c.truth(1)
}

// truth evaluates the i-th argument of a lazy function.
func (c *call) truth(i int) (bool, error) {
	v, err := c.term(c.x.Args[i])
	return value.Truth(v), err
}

func logicNot(c *call) (value.Value, error) { return !value.Truth(c.args[0]), nil }
