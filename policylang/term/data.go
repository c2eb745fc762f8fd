package term

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/value"
)

// val(object, key) is a member, null if there is none.
func val(c *call) (value.Value, error) {
	key, err := c.text(1)
	if err != nil {
		return nil, err
	}
	return c.member(0, c.args[0], key)
}

// from(object) is the member with the field's own name.
func from(c *call) (value.Value, error) {
	field := c.scope.Field()
	if field == "" {
		return nil, errors.New("it stands in no field, whose name would be looked for")
	}
	return c.member(0, c.args[0], field)
}

// member is a member of v, which is or stands in the i-th argument.
func (c *call) member(i int, v value.Value, key string) (value.Value, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *value.Map:
		m, _ := v.Get(key)
		return m, nil
	case *extract.Node:
		return v.Member(key), nil
	}
	return nil, c.blame(i, fmt.Errorf("has no member %q: it is %s, not an object", key, value.Kind(v)))
}

// vals(list, key) is that member of each element.
func vals(c *call) (value.Value, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	key, err := c.text(1)
	if err != nil {
		return nil, err
	}
	out := make([]value.Value, len(list))
	for i, e := range list {
		if out[i], err = c.member(0, e, key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// get(i, list) is an element, null outside of the list.
func get(c *call) (value.Value, error) {
	i, err := c.integer(0)
	if err != nil {
		return nil, err
	}
	list, err := c.list(1)
	if err != nil || i < 0 || i >= int64(len(list)) {
		return nil, err
	}
	return list[i], nil
}

func first(c *call) (value.Value, error) {
	list, err := c.list(0)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

func last(c *call) (value.Value, error) {
	list, err := c.list(0)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[len(list)-1], nil
}

// size(x) counts elements, members or characters. Null has none.
func size(c *call) (value.Value, error) {
	switch v := c.settled(0).(type) {
	case nil:
		return value.Int(0), nil
	case string:
		return value.Int(int64(utf8.RuneCountInString(v))), nil
	case []value.Value:
		return value.Int(int64(len(v))), nil
	case *value.Map:
		return value.Int(int64(v.Len())), nil
	}
	return nil, c.wrong(0, "a list, an object or a string")
}

// contains(list, x) tells whether an element matches; contains(text, x) whether a part of the text does.
func contains(c *call) (value.Value, error) {
	if text, ok := c.settled(0).(string); ok {
		switch x := c.settled(1).(type) {
		case string:
			return strings.Contains(text, x), nil
		case Regexp:
			return x.MatchString(text), nil
		}
		return false, nil
	}
	list, err := c.list(0)
	if err != nil {
		return nil, c.wrong(0, "a list or a string")
	}
	for _, e := range list {
		if matches(e, c.args[1]) {
			return true, nil
		}
	}
	return false, nil
}

// select(list, x) is the elements that match.
func selected(c *call) (value.Value, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	out := []value.Value{}
	for _, e := range list {
		if matches(e, c.args[1]) {
			out = append(out, e)
		}
	}
	return out, nil
}

// matches reports whether v is equal to x, or is a string that the regular expression x finds something in, or has all
// members of the object x, and each of them matches.
func matches(v, x value.Value) bool {
	switch x := x.(type) {
	case Regexp:
		if n, ok := v.(*extract.Node); ok {
			v = n.Settle()
		}
		text, ok := v.(string)
		return ok && x.MatchString(text)
	case *value.Map:
		m, ok := v.(*value.Map)
		if !ok {
			return false
		}
		for k, want := range x.All() {
			if got, ok := m.Get(k); !ok || !matches(got, want) {
				return false
			}
		}
		return true
	}
	return value.Equal(v, x)
}

func header(c *call) (value.Value, error) {
	name, err := c.text(0)
	if err != nil {
		return nil, err
	}
	if h, ok := c.scope.Header(name); ok {
		return h, nil
	}
	return nil, nil
}

func href(c *call) (value.Value, error) { return selfLink(c.args[0]), nil }

func hrefs(c *call) (value.Value, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	out := make([]value.Value, len(list))
	for i, e := range list {
		out[i] = selfLink(e)
	}
	return out, nil
}

// selfLink finds the link of a resource to itself: {"links": [{"rel": "self", "href": "/api/x/1"}]}. It is null if there is
// none.
func selfLink(v value.Value) value.Value {
	resource, _ := v.(*value.Map)
	links, _ := resource.Get("links")
	list, _ := links.([]value.Value)
	for _, e := range list {
		link, _ := e.(*value.Map)
		if rel, _ := link.Get("rel"); rel == "self" {
			to, _ := link.Get("href")
			return to
		}
	}
	return nil
}

func jmesPath(c *call) (value.Value, error) {
	path, err := c.text(1)
	if err != nil {
		return nil, err
	}
	return c.Paths.JMESPath(c.args[0], path)
}

func jq(c *call) (value.Value, error) {
	program, err := c.expression()
	if err != nil {
		return nil, err
	}
	return c.Paths.JQ(c.ctx, c.args[0], program, c.scope.Marker(), c.mode)
}

func xPath(c *call) (value.Value, error) {
	path, err := c.expression()
	if err != nil {
		return nil, err
	}
	return c.Paths.XPath(c.ctx, c.args[0], path, c.mode)
}

// expression reads the second argument, and the third, which is the mode.
func (c *call) expression() (string, error) {
	text, err := c.text(1)
	if err != nil || len(c.args) < 3 {
		return text, err
	}
	mode, err := c.text(2)
	if err != nil {
		return "", err
	}
	if c.mode, err = extract.ParseMode(mode); err != nil {
		return "", c.blame(2, err)
	}
	return text, nil
}

func ofTags(*call) (value.Value, error) {
	return nil, errors.New("it selects resources of a product that is no more, and has no value")
}
