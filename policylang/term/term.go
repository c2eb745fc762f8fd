package term

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"espalier.dev/policylang/check"
	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// Program evaluates the terms of one template and keeps the expressions that it compiled. Several goroutines may use it.
type Program struct {
	// Paths are the expressions, for paths that stand outside of terms, as in a pagination.
	Paths *extract.Paths

	regexps sync.Map // *syntax.Regexp to Regexp
}

// New makes one. The clock is that of jq; the limits bound each expression.
func New(now func() time.Time, l value.Limits) *Program {
	return &Program{Paths: extract.NewPaths(now, l)}
}

// Error is what went wrong in a term.
type Error struct {
	Span     source.Span // the argument if there is one, or else the call or the name
	Function string      // or operator; "" if none is to blame
	Argument int         // from 1; 0 if none is to blame
	Err      error
}

// Error says what went wrong, the function first.
func (e *Error) Error() string {
	switch {
	case e.Function == "":
		return e.Err.Error()
	case e.Argument == 0:
		return e.Function + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s: argument %d %s", e.Function, e.Argument, e.Err)
}

// Unwrap is the error without the place.
func (e *Error) Unwrap() error { return e.Err }

// Regexp is a regular expression, which only the arguments of some functions may be.
type Regexp struct {
	*regexp.Regexp
	Literal *syntax.Regexp
}

// Settle is the expression as it stands in the template.
func (r Regexp) Settle() value.Value { return "/" + r.Literal.Pattern + "/" + r.Literal.Flags }

// Kind is "a regular expression".
func (r Regexp) Kind() string { return "a regular expression" }

// Eval evaluates a term.
func (p *Program) Eval(ctx context.Context, s Scope, x syntax.Expr) (value.Value, error) {
	return (&evaluation{p, ctx, s}).term(x)
}

// Collect evaluates the term of a collect: jq and xpath give all that they find. Null is an empty list, and what is no list
// is the one element of a list.
func (p *Program) Collect(ctx context.Context, s Scope, x syntax.Expr) ([]value.Value, error) {
	for paren, ok := x.(*syntax.Paren); ok; paren, ok = x.(*syntax.Paren) {
		x = paren.X
	}
	e := &evaluation{p, ctx, s}
	if c, ok := x.(*syntax.Call); ok {
		v, err := e.call(c, extract.Rows)
		return rows(v), err
	}
	v, err := e.term(x)
	return rows(v), err
}

func rows(v value.Value) []value.Value {
	switch v := v.(type) {
	case nil:
		return []value.Value{}
	case []value.Value:
		return v
	}
	return []value.Value{v}
}

// evaluation is the evaluation of one term.
type evaluation struct {
	*Program
	ctx   context.Context
	scope Scope
}

func (e *evaluation) term(x syntax.Expr) (value.Value, error) {
	v, err := e.atom(x)
	if err != nil {
		if _, placed := errors.AsType[*Error](err); !placed {
			err = &Error{Span: x.Pos(), Err: err}
		}
		return nil, err
	}
	return v, nil
}

func (e *evaluation) atom(x syntax.Expr) (value.Value, error) {
	switch x := x.(type) {
	case *syntax.String:
		return x.Value, nil
	case *syntax.Number:
		n, err := value.ParseNumber(x.Text)
		return n, err
	case *syntax.Bool:
		return x.Value, nil
	case *syntax.Null:
		return nil, nil
	case *syntax.Regexp:
		return e.regexp(x)
	case *syntax.Reference:
		return e.scope.Reference(x)
	case *syntax.Word:
		return e.word(x)
	case *syntax.Call:
		return e.call(x, extract.Simple)
	case *syntax.List:
		return e.list(x)
	case *syntax.Object:
		return e.object(x)
	case *syntax.Unary:
		return e.operator(x, "-", &syntax.Number{Text: "0"}, x.X)
	case *syntax.Binary:
		return e.operator(x, x.Op, x.X, x.Y)
	case *syntax.Paren:
		return e.term(x.X)
	}
	return nil, errors.New("this is no term")
}

// regexp compiles a regular expression when it is met first.
func (p *Program) regexp(x *syntax.Regexp) (value.Value, error) {
	if known, ok := p.regexps.Load(x); ok {
		return known, nil
	}
	re, err := extract.Regexp(x)
	if err != nil {
		return nil, err
	}
	known := Regexp{re, x}
	p.regexps.Store(x, known)
	return known, nil
}

// word is a reserved word, or a function without arguments that stands without parentheses.
func (e *evaluation) word(x *syntax.Word) (value.Value, error) {
	if x.Name == "now" {
		return value.NewDate(e.scope.Now()), nil
	}
	return e.scope.Word(x.Name)
}

func (e *evaluation) list(x *syntax.List) (value.Value, error) {
	out := make([]value.Value, 0, len(x.Elems))
	for _, elem := range x.Elems {
		v, err := e.term(elem)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (e *evaluation) object(x *syntax.Object) (value.Value, error) {
	out := value.New()
	for _, p := range x.Pairs {
		v, err := e.term(p.Value)
		if err != nil {
			return nil, err
		}
		out.Set(p.Key.Name, v)
	}
	return out, nil
}

// operator evaluates an infix operator of numbers.
func (e *evaluation) operator(x syntax.Expr, op string, operands ...syntax.Expr) (value.Value, error) {
	var numbers [2]value.Number
	for i, o := range operands {
		v, err := e.term(o)
		if err != nil {
			return nil, err
		}
		n, ok := v.(value.Number)
		if !ok {
			return nil, &Error{Span: o.Pos(), Function: op, Err: fmt.Errorf("takes numbers, not %s", value.Kind(v))}
		}
		numbers[i] = n
	}
	n, err := arithmetic[op](numbers[0], numbers[1])
	if err != nil {
		return nil, &Error{Span: x.Pos(), Function: op, Err: err}
	}
	return n, nil
}

// call calls a function. The mode is that of jq and xpath where they are not told.
func (e *evaluation) call(x *syntax.Call, mode extract.Mode) (value.Value, error) {
	name := x.Name.Name
	do := apply(name)
	least, most, _ := check.Arity(name)
	switch n := len(x.Args); {
	case do == nil:
		return nil, &Error{Span: x.Name.Span, Err: fmt.Errorf("there is no function %s", name)}
	case n < least || most >= 0 && n > most:
		return nil, &Error{Span: x.Name.Span, Function: name, Err: fmt.Errorf("takes %s, not %d", argumentCount(least, most), n)}
	}
	c := &call{evaluation: e, x: x, mode: mode}
	if !lazy[name] {
		c.args = make([]value.Value, len(x.Args))
		for i, a := range x.Args {
			v, err := e.term(a)
			if err != nil {
				return nil, err
			}
			c.args[i] = v
		}
	}
	v, err := do(c)
	if err != nil {
		if _, placed := errors.AsType[*Error](err); !placed {
			err = &Error{Span: x.Pos(), Function: name, Err: err}
		}
		return nil, err
	}
	return v, nil
}

func argumentCount(least, most int) string {
	switch {
	case least == most && least == 1:
		return "1 argument"
	case least == most:
		return fmt.Sprintf("%d arguments", least)
	case most < 0:
		return fmt.Sprintf("%d arguments or more", least)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}
