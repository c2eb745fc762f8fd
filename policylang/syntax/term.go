package syntax

// precedence of the operators between terms.
var precedence = map[string]int{"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}

// term reads a term.
func (p *parser) term() Expr { return p.binary(1) }

// binary reads operands joined by operators of at least the precedence given.
func (p *parser) binary(least int) Expr {
	x := p.factor()
	for {
		rank := precedence[p.tok.text]
		if p.tok.kind != kindMark || rank < least || p.lost {
			return x
		}
		op := p.advance().text
		if p.brackets > 0 {
			p.skipLines()
		}
		y := p.binary(rank + 1)
		x = &Binary{at{x.Pos().To(y.Pos())}, op, x, y}
	}
}

func (p *parser) factor() Expr {
	start := p.tok
	if !p.enter() {
		p.leave()
		p.skipLine()
		return &Bad{at{start.span}}
	}
	defer p.leave()
	switch start.kind {
	case kindString:
		p.advance()
		return start.str
	case kindNumber:
		p.advance()
		return &Number{at{start.span}, start.text}
	case kindRegexp:
		p.advance()
		return newRegexp(start)
	case kindReference:
		p.advance()
		return &Reference{at{start.span}, start.text[:1], start.text[1:]}
	case kindIdent:
		return p.wordOrCall()
	}
	switch {
	case start.is("["):
		return p.list()
	case start.is("{"):
		return p.object()
	case start.is("-"):
		p.advance()
		x := p.factor()
		return &Unary{at{start.span.To(x.Pos())}, x}
	case start.is("("):
		return p.paren()
	}
	p.unexpected("a term", "here")
	return &Bad{at{start.span}}
}

func newRegexp(t token) *Regexp {
	end := len(t.text)
	for end > 1 && t.text[end-1] != '/' {
		end--
	}
	if end <= 1 { // not closed, and told of
		return &Regexp{at{t.span}, t.text[1:], ""}
	}
	return &Regexp{at{t.span}, t.text[1 : end-1], t.text[end:]}
}

func (p *parser) wordOrCall() Expr {
	t := p.advance()
	if p.tok.is("(") && p.tok.span.Start == t.span.End {
		return p.call(t)
	}
	switch t.text {
	case "true", "false":
		return &Bool{at{t.span}, t.text == "true"}
	case "null", "nil":
		return &Null{at{t.span}}
	case "do", "end":
		p.errorf("syntax", t.span, "a term", "%s does not belong here", t.text)
		return &Bad{at{t.span}}
	}
	return &Word{at{t.span}, t.text}
}

func (p *parser) call(name token) *Call {
	c := &Call{Name: Ident{at{name.span}, name.text}}
	c.Span = name.span.To(p.sequence(")", "arguments", func() { c.Args = append(c.Args, p.term()) }))
	return c
}

func (p *parser) list() *List {
	l := &List{}
	l.Span = p.sequence("]", "elements", func() { l.Elems = append(l.Elems, p.term()) })
	return l
}

func (p *parser) object() *Object {
	o := &Object{}
	o.Span = p.sequence("}", "members", func() { o.Pairs = append(o.Pairs, p.pair()) })
	return o
}

// pair reads "key": value, key: value or "key" => value.
func (p *parser) pair() Pair {
	var pair Pair
	pair.Span = p.tok.span
	if p.tok.kind != kindIdent && p.tok.kind != kindString {
		p.unexpected("a key", "among members")
		pair.Value = p.term()
		return pair
	}
	key := p.advance()
	pair.Key, pair.Quoted = Ident{at{key.span}, key.text}, key.str
	if key.str != nil {
		pair.Key.Name = key.str.Value
	}
	if !p.tok.is(":") && !p.tok.is("=>") {
		p.unexpected(": and a value", "after a key")
		pair.Value = &Bad{at{p.tok.span}}
		return pair
	}
	p.advance()
	p.skipLines()
	pair.Value = p.term()
	pair.Span = pair.Span.To(pair.Value.Pos())
	return pair
}

func (p *parser) paren() Expr {
	opening := p.advance()
	p.brackets++
	p.skipLines()
	x := p.term()
	p.skipLines()
	p.brackets--
	if !p.tok.is(")") {
		p.lost = true
		p.errorf("unclosed", opening.span, ")", "the ( is not closed")
		return &Paren{at{opening.span.To(x.Pos())}, x}
	}
	return &Paren{at{opening.span.To(p.advance().span)}, x}
}
