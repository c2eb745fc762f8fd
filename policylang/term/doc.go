// Package term evaluates terms: the literals, references, words, operators and functions of the template language.
//
//	p := term.New(time.Now, value.Limits{})            // one for a template: it keeps what it compiled
//	v, err := p.Eval(ctx, scope, x)                     // x is a syntax.Expr
//	rows, err := p.Collect(ctx, scope, x)               // x is the term of a collect
//
// A Scope says what names stand for where the term is. Package check knows which function takes what and may stand where,
// and a template that it accepts calls none with a wrong number of arguments; here is what the functions do. Arguments are
// evaluated from the left, but switch, logic_and and logic_or evaluate only those they need. Every error is an *Error, which
// has the place in the template.
package term
