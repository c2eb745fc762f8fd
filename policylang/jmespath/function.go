package jmespath

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"espalier.dev/policylang/value"
)

// param is what a parameter takes, as messages say it: the names of types, and of what an array must hold.
type param string

const (
	anything     param = "any value"
	aNumber      param = "a number"
	aString      param = "a string"
	anArray      param = "an array"
	anObject     param = "an object"
	anExpression param = "an expression (&name)"
	allStrings   param = "an array of strings"
	allNumbers   param = "an array of numbers"
	ordered      param = "an array of numbers or of strings"
	aSequence    param = "a string or an array"
	aContainer   param = "a string, an array or an object"
)

// elements reports whether an array holds what the parameter asks for.
func (p param) elements(v value.Value) bool {
	items, ok := v.([]value.Value)
	if !ok {
		return true
	}
	all := func(name string) bool {
		return !slices.ContainsFunc(items, func(e value.Value) bool { return typeName(e) != name })
	}
	switch p {
	case allStrings:
		return all("string")
	case allNumbers:
		return all("number")
	case ordered:
		return all("string") || all("number")
	}
	return true
}

// function is a function of the specification.
type function struct {
	params   []param
	variadic bool // the last parameter may be given several times
	apply    func(args []value.Value) (value.Value, error)
}

func (f function) param(i int) param { return f.params[min(i, len(f.params)-1)] }

var functions = map[string]function{
	"abs":         {params: []param{aNumber}, apply: abs},
	"avg":         {params: []param{allNumbers}, apply: avg},
	"ceil":        {params: []param{aNumber}, apply: rounded(math.Ceil)},
	"contains":    {params: []param{aSequence, anything}, apply: contains},
	"ends_with":   {params: []param{aString, aString}, apply: onStrings(func(a, b string) value.Value { return strings.HasSuffix(a, b) })},
	"floor":       {params: []param{aNumber}, apply: rounded(math.Floor)},
	"join":        {params: []param{aString, allStrings}, apply: join},
	"keys":        {params: []param{anObject}, apply: keys},
	"length":      {params: []param{aContainer}, apply: length},
	"map":         {params: []param{anExpression, anArray}, apply: mapped},
	"max":         {params: []param{ordered}, apply: extreme(1)},
	"max_by":      {params: []param{anArray, anExpression}, apply: extremeBy(1)},
	"merge":       {params: []param{anObject}, variadic: true, apply: merge},
	"min":         {params: []param{ordered}, apply: extreme(-1)},
	"min_by":      {params: []param{anArray, anExpression}, apply: extremeBy(-1)},
	"not_null":    {params: []param{anything}, variadic: true, apply: notNull},
	"reverse":     {params: []param{aSequence}, apply: reverse},
	"sort":        {params: []param{ordered}, apply: sorted},
	"sort_by":     {params: []param{anArray, anExpression}, apply: sortedBy},
	"starts_with": {params: []param{aString, aString}, apply: onStrings(func(a, b string) value.Value { return strings.HasPrefix(a, b) })},
	"sum":         {params: []param{allNumbers}, apply: func(args []value.Value) (value.Value, error) { return total(args[0].([]value.Value)), nil }},
	"to_array":    {params: []param{anything}, apply: toArray},
	"to_number":   {params: []param{anything}, apply: toNumber},
	"to_string":   {params: []param{anything}, apply: toString},
	"type":        {params: []param{anything}, apply: func(args []value.Value) (value.Value, error) { return typeName(args[0]), nil }},
	"values":      {params: []param{anObject}, apply: func(args []value.Value) (value.Value, error) { return valuesOf(args[0].(*value.Map)), nil }},
}

// typeName is what the function type gives.
func typeName(v value.Value) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case value.Number:
		return "number"
	case []value.Value:
		return "array"
	case *value.Map:
		return "object"
	}
	return "string"
}

func float(f float64) (value.Value, error) {
	n, ok := value.Float(f)
	if !ok {
		return nil, errors.New("the result is no number")
	}
	return n, nil
}

func abs(args []value.Value) (value.Value, error) {
	return value.Number(strings.TrimPrefix(string(args[0].(value.Number)), "-")), nil
}

func rounded(round func(float64) float64) func([]value.Value) (value.Value, error) {
	return func(args []value.Value) (value.Value, error) {
		n := args[0].(value.Number)
		if _, ok := n.Int64(); ok {
			return n, nil
		}
		return float(round(n.Float64()))
	}
}

// total adds numbers up, integers exactly as long as they fit 64 bits.
func total(list []value.Value) value.Value {
	whole, exact, sum := int64(0), true, 0.0
	for _, e := range list {
		n := e.(value.Number)
		i, ok := n.Int64()
		exact = exact && ok && !overflows(whole, i)
		whole += i
		sum += n.Float64()
	}
	if exact {
		return value.Int(whole)
	}
	n, _ := value.Float(max(-math.MaxFloat64, min(math.MaxFloat64, sum)))
	return n
}

func overflows(a, b int64) bool {
	return b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b
}

func avg(args []value.Value) (value.Value, error) {
	list := args[0].([]value.Value)
	if len(list) == 0 {
		return nil, nil
	}
	return float(total(list).(value.Number).Float64() / float64(len(list)))
}

func contains(args []value.Value) (value.Value, error) {
	if s, ok := args[0].(string); ok {
		part, ok := args[1].(string)
		return ok && strings.Contains(s, part), nil
	}
	return slices.ContainsFunc(args[0].([]value.Value), func(e value.Value) bool { return value.Equal(e, args[1]) }), nil
}

func onStrings(f func(a, b string) value.Value) func([]value.Value) (value.Value, error) {
	return func(args []value.Value) (value.Value, error) { return f(args[0].(string), args[1].(string)), nil }
}

func join(args []value.Value) (value.Value, error) {
	var parts []string
	for _, e := range args[1].([]value.Value) {
		parts = append(parts, value.Text(e))
	}
	return strings.Join(parts, args[0].(string)), nil
}

func keys(args []value.Value) (value.Value, error) {
	out := []value.Value{}
	for k := range args[0].(*value.Map).All() {
		out = append(out, k)
	}
	return out, nil
}

func length(args []value.Value) (value.Value, error) {
	switch v := args[0].(type) {
	case string:
		return value.Int(int64(utf8.RuneCountInString(v))), nil
	case []value.Value:
		return value.Int(int64(len(v))), nil
	}
	return value.Int(int64(args[0].(*value.Map).Len())), nil
}

// each applies the expression argument f to every element.
func each(f value.Value, list value.Value) ([]value.Value, error) {
	apply := f.(func(value.Value) (value.Value, error))
	items := list.([]value.Value)
	out := make([]value.Value, len(items))
	for i, e := range items {
		var err error
		if out[i], err = apply(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func mapped(args []value.Value) (value.Value, error) {
	out, err := each(args[0], args[1])
	return out, err
}

func extreme(sign int) func([]value.Value) (value.Value, error) {
	return func(args []value.Value) (value.Value, error) {
		items := args[0].([]value.Value)
		return most(items, items, sign), nil
	}
}

func extremeBy(sign int) func([]value.Value) (value.Value, error) {
	return func(args []value.Value) (value.Value, error) {
		ranks, err := ranks(args)
		if err != nil {
			return nil, err
		}
		return most(args[0].([]value.Value), ranks, sign), nil
	}
}

// most is the first element with the greatest rank, or with the least if sign is -1.
func most(items, ranks []value.Value, sign int) value.Value {
	if len(items) == 0 {
		return nil
	}
	best := 0
	for i := range ranks {
		if c, _ := value.Compare(ranks[i], ranks[best]); c*sign > 0 {
			best = i
		}
	}
	return items[best]
}

// ranks are what the elements are compared by.
func ranks(args []value.Value) ([]value.Value, error) {
	out, err := each(args[1], args[0])
	if err == nil && !ordered.elements(out) {
		err = fmt.Errorf("the expression must give numbers alone or strings alone")
	}
	return out, err
}

func sorted(args []value.Value) (value.Value, error) {
	items := args[0].([]value.Value)
	return arranged(items, items), nil
}

func sortedBy(args []value.Value) (value.Value, error) {
	ranks, err := ranks(args)
	if err != nil {
		return nil, err
	}
	return arranged(args[0].([]value.Value), ranks), nil
}

// arranged are the elements in the order of their ranks.
func arranged(items, ranks []value.Value) []value.Value {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		c, _ := value.Compare(ranks[a], ranks[b])
		return c
	})
	out := make([]value.Value, len(items))
	for i, from := range order {
		out[i] = items[from]
	}
	return out
}

func merge(args []value.Value) (value.Value, error) {
	out := value.New()
	for _, a := range args {
		for k, v := range a.(*value.Map).All() {
			out.Set(k, v)
		}
	}
	return out, nil
}

func notNull(args []value.Value) (value.Value, error) {
	for _, a := range args {
		if a != nil {
			return a, nil
		}
	}
	return nil, nil
}

func reverse(args []value.Value) (value.Value, error) {
	if s, ok := args[0].(string); ok {
		runes := []rune(s)
		slices.Reverse(runes)
		return string(runes), nil
	}
	out := slices.Clone(args[0].([]value.Value))
	slices.Reverse(out)
	return out, nil
}

func toArray(args []value.Value) (value.Value, error) {
	if _, ok := args[0].([]value.Value); ok {
		return args[0], nil
	}
	return []value.Value{args[0]}, nil
}

func toNumber(args []value.Value) (value.Value, error) {
	switch v := args[0].(type) {
	case value.Number:
		return v, nil
	case string:
		if n, err := value.ParseNumber(v); err == nil {
			return n, nil
		}
	}
	return nil, nil
}

func toString(args []value.Value) (value.Value, error) {
	if s, ok := args[0].(string); ok {
		return s, nil
	}
	return string(value.Encode(args[0])), nil
}
