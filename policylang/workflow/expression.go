package workflow

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"espalier.dev/policylang/source"
)

// binding is how tightly an operator holds its operands; ^ and unary operators hold tighter than all of these.
var binding = map[string]int{
	"||": 1, "&&": 2, "|": 3, "&": 4,
	"==": 5, "!=": 5, "=~": 5, "!~": 5, ">=": 5, "<=": 5, ">": 5, "<": 5,
	"<<": 6, "+": 7, "-": 7, "*": 8, "/": 8, "%": 8,
}

// condition is an expression that a following do does not belong to.
func (p *parser) condition() Expr { return p.expr() }

// expr reads an expression; an assignment is the loosest one and groups from the right. It is accepted everywhere:
// templates assign in conditions.
func (p *parser) expr() Expr {
	x := p.binary(1)
	if !p.peek().is("=") || !assignable(x) {
		return x
	}
	target := p.target(x)
	start := p.peek()
	if p.second().kind == kindIdent && p.brackets == 0 { // $x = map … is a statement, whose caller takes the =
		if w := p.second(); w.text == "map" || w.text == "concurrent" {
			if p.third().kind != kindOp {
				return x
			}
		}
	}
	p.take()
	p.lineBreakAfterComma()
	p.deeper(start.span)
	v := p.expr()
	p.nesting--
	return &AssignExpr{x.Pos().To(v.Pos()), target, v}
}

// third is the token two after the one to come, outside of brackets.
func (p *parser) third() token {
	p.fill(2)
	return p.ahead[2]
}

func assignable(x Expr) bool {
	for {
		switch e := x.(type) {
		case *VarExpr:
			return true
		case *IndexExpr:
			x = e.X
		default:
			return false
		}
	}
}

// binary reads operators that hold at least as tightly as floor. All group from the left.
func (p *parser) binary(floor int) Expr {
	x := p.unary()
	for n := 0; ; n++ {
		t := p.peek()
		level := binding[t.text]
		if t.kind != kindOp || level < floor || level == 0 {
			return x
		}
		if n == maxOperators {
			p.fail(t.span, "too-deep", "this expression is too long", "at most 10,000 operators in a row")
		}
		p.take()
		p.lineBreakAfterComma()
		y := p.binary(level + 1)
		x = &BinaryExpr{x.Pos().To(y.Pos()), t.text, x, y}
	}
}

func (p *parser) unary() Expr {
	t := p.peek()
	if t.is("!") || t.is("-") || t.is("+") {
		p.take()
		p.deeper(t.span)
		x := p.unary()
		p.nesting--
		return &UnaryExpr{t.span.To(x.Pos()), t.text, x}
	}
	return p.power()
}

func (p *parser) power() Expr {
	x := p.operand()
	if t := p.peek(); t.is("^") {
		p.take()
		p.deeper(t.span)
		y := p.unary() // groups from the right; an exponent may have a sign
		p.nesting--
		return &BinaryExpr{x.Pos().To(y.Pos()), "^", x, y}
	}
	return x
}

// operand reads a primary and what follows it: indices, slices, members.
func (p *parser) operand() Expr {
	x := p.primary()
	for levels := 0; ; levels++ {
		t := p.peek()
		switch {
		case levels > maxNesting:
			p.fail(t.span, "too-deep", "this is nested too deeply", "at most 200 levels")
		case t.is("["):
			x = p.index(x)
		case t.is(".") && p.second().kind == kindIdent:
			p.take()
			name := p.take()
			m := &MemberExpr{X: x, Name: name.text}
			if p.peek().is("(") {
				m.Called = true
				m.Args, _ = p.args()
			}
			m.Span = source.Span{Start: x.Pos().Start, End: p.consumed}
			x = m
		default:
			return x
		}
	}
}

// index reads [i], [a..b], [..b], [a..] and [..].
func (p *parser) index(x Expr) Expr {
	open := p.take()
	p.deeper(open.span)
	p.brackets++
	var from, to Expr
	if !p.peek().is("..") {
		from = p.expr()
	}
	sliced := p.accept("..")
	if sliced && !p.peek().is("]") {
		to = p.expr()
	}
	p.closeBracket("]")
	p.nesting--
	span := source.Span{Start: x.Pos().Start, End: p.consumed}
	if sliced {
		return &SliceExpr{span, x, from, to}
	}
	return &IndexExpr{span, x, from}
}

func (p *parser) primary() Expr {
	t := p.peek()
	switch t.kind {
	case kindVar:
		p.take()
		return &VarExpr{Var{t.span, t.text}}
	case kindNumber, kindDuration, kindString, kindTime, kindRegexp:
		p.take()
		return p.literal(t)
	case kindIdent:
		return p.named(t)
	case kindOp:
		switch t.text {
		case "(":
			return p.paren()
		case "[":
			return p.list()
		case "{":
			return p.hash()
		}
	}
	p.unexpected("a value")
	return nil
}

func (p *parser) literal(t token) Expr {
	l := &Literal{Span: t.span, Raw: t.text}
	switch t.kind {
	case kindNumber:
		l.Value = parseNumber(t.text)
	case kindDuration:
		l.Value = durationSeconds(t.text)
	case kindString:
		l.Value = String(t.cooked)
		if strings.HasPrefix(t.text, "<<") {
			l.Raw = ""
		}
	case kindRegexp:
		l.Value = Regexp{t.cooked, t.flags}
		if _, err := compileRegexp(t.cooked, t.flags); err != nil {
			p.report(source.Diagnostic{Span: t.span, Code: "bad-regexp", Message: err.Error()})
		}
	case kindTime:
		at, err := time.ParseInLocation(timeLayout, t.cooked, time.UTC)
		if err != nil {
			at, err = time.ParseInLocation("2006/01/02 15:04:05", t.cooked, time.UTC)
		}
		if err != nil {
			p.report(source.Diagnostic{Span: t.span, Code: "bad-datetime", Message: "this is no date and time", Expected: `d"2024/01/31 10:00:00 PM"`})
		}
		l.Value = Time(at.Unix())
	}
	return l
}

func durationSeconds(text string) Value {
	total := new(big.Int)
	for text != "" {
		n := digits(text)
		part, _ := new(big.Int).SetString(text[:n], 10)
		total.Add(total, part.Mul(part, big.NewInt(unitSeconds(text[n]))))
		text = text[n+1:]
	}
	return normal(total)
}

// named reads true, false, null, a function, or a bare name that a member follows.
func (p *parser) named(t token) Expr {
	switch t.text {
	case "true", "false":
		p.take()
		return &Literal{t.span, Bool(t.text == "true"), t.text}
	case "null", "nil":
		p.take()
		return &Literal{t.span, nil, t.text}
	}
	if p.second().is("(") {
		p.take()
		args, wide := p.args()
		return &CallExpr{source.Span{Start: t.span.Start, End: p.consumed}, t.text, t.span, args, wide}
	}
	if keywords[t.text] {
		p.unexpected("a value")
	}
	p.take()
	return &NameExpr{t.span, t.text}
}

func (p *parser) paren() Expr {
	open := p.take()
	p.deeper(open.span)
	p.brackets++
	x := p.expr()
	p.closeBracket(")")
	p.nesting--
	return &ParenExpr{source.Span{Start: open.span.Start, End: p.consumed}, x}
}

// list reads [a, b] and [a..b].
func (p *parser) list() Expr {
	open := p.take()
	p.deeper(open.span)
	p.brackets++
	var items []Expr
	for !p.peek().is("]") {
		items = append(items, p.expr())
		if len(items) == 1 && p.accept("..") {
			to := p.expr()
			p.closeBracket("]")
			p.nesting--
			return &RangeExpr{source.Span{Start: open.span.Start, End: p.consumed}, items[0], to}
		}
		if !p.accept(",") {
			break
		}
	}
	p.closeBracket("]")
	p.nesting--
	span := source.Span{Start: open.span.Start, End: p.consumed}
	return &ListExpr{span, items, p.wide(span)}
}

// wide reports whether a span was written over several lines.
func (p *parser) wide(s source.Span) bool { return strings.IndexByte(p.file.Slice(s), '\n') >= 0 }

func (p *parser) hash() Expr {
	open := p.take()
	p.deeper(open.span)
	p.brackets++
	h := &HashExpr{}
	for !p.peek().is("}") {
		k := p.peek()
		var key Expr
		switch k.kind {
		case kindString, kindNumber:
			p.take()
			key = p.literal(k)
		case kindIdent:
			p.take()
			key = &Literal{k.span, String(k.text), k.text}
		case kindVar:
			key = p.operand()
		default:
			p.unexpected("a key")
		}
		if !p.accept("=>") {
			p.expect(":", "after a key")
		}
		h.Pairs = append(h.Pairs, Pair{key, p.expr()})
		if !p.accept(",") {
			break
		}
	}
	p.closeBracket("}")
	p.nesting--
	h.Span = source.Span{Start: open.span.Start, End: p.consumed}
	h.Wide = p.wide(h.Span)
	return h
}

// args reads ( … ), and whether they stand on several lines.
func (p *parser) args() ([]Arg, bool) {
	open := p.take()
	p.deeper(open.span)
	p.brackets++
	var list []Arg
	for !p.peek().is(")") {
		a := Arg{}
		if k := p.peek(); (k.kind == kindIdent || k.kind == kindString) && p.second().is(":") {
			p.take()
			p.take()
			a.Key, a.Raw = k.text, k.text
			if k.kind == kindString {
				a.Key, a.Raw = k.cooked, k.text
				if strings.HasPrefix(k.text, "<<") {
					a.Raw = strconv.Quote(k.cooked)
				}
			}
		}
		a.Value = p.expr()
		list = append(list, a)
		if !p.accept(",") {
			break
		}
	}
	p.closeBracket(")")
	p.nesting--
	return list, p.wide(source.Span{Start: open.span.Start, End: p.consumed})
}
