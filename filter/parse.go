package filter

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a filter, so that its cost has one.
const (
	maxDepth  = 32  // of parentheses and nots within one another
	maxTerms  = 100 // comparisons
	maxValues = 100 // in one list
)

// Parse reads a filter that may ask for what s declares. An empty text, or one of blanks, gives an Expr that matches
// everything. The error is a *SyntaxError, about the first thing that is wrong.
func Parse(text string, s *Schema) (*Expr, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := parser{schema: s, tokens: tokens}
	if p.peek().kind == end {
		return &Expr{}, nil
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.trailing(t)
	}
	return &Expr{root: root}, nil
}

type parser struct {
	schema *Schema
	tokens []token // those not taken yet; the last is end
	depth  int
	terms  int
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

// spelled is the token's text as a word of the language, "" if it can be none.
func (p *parser) spelled(t token) string {
	switch {
	case t.kind != word:
		return ""
	case p.schema.anyCase:
		return strings.ToLower(t.text)
	}
	return t.text
}

func (t token) is(m string) bool { return t.kind == mark && t.text == m }

func (p *parser) or() (*node, error)  { return p.joined(Or, p.and) }
func (p *parser) and() (*node, error) { return p.joined(And, p.unary) }

// joined reads operands that j stands between.
func (p *parser) joined(j Join, operand func() (*node, error)) (*node, error) {
	first, err := operand()
	if err != nil {
		return nil, err
	}
	kids := []*node{first}
	for p.spelled(p.peek()) == j.String() {
		if err := p.allow(j, p.take()); err != nil {
			return nil, err
		}
		kid, err := operand()
		if err != nil {
			return nil, err
		}
		kids = append(kids, kid)
	}
	return join(j, kids), nil
}

// allow refuses a way to combine that the list does not take.
func (p *parser) allow(j Join, t token) error {
	switch {
	case p.schema.joins&j != 0:
		return nil
	case p.schema.joins == 0:
		return errorAt(t.pos, "%v cannot be used here; want one comparison", j)
	}
	return errorAt(t.pos, "%v cannot be used here; want %s", j, choice(inQuotes(p.schema.joins)))
}

func (p *parser) unary() (*node, error) {
	t := p.peek()
	not := p.spelled(t) == Not.String()
	if !not && !t.is("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errorAt(t.pos, "is nested too deeply; want at most %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	p.take()
	if not {
		if err := p.allow(Not, t); err != nil {
			return nil, err
		}
		kid, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &node{join: Not, kids: []*node{kid}}, nil
	}
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	if closing := p.peek(); !closing.is(")") {
		if closing.kind == end {
			return nil, errorAt(closing.pos, "want ) for the ( at character %d", t.pos)
		}
		return nil, p.trailing(closing)
	}
	p.take()
	return inner, nil
}

func (p *parser) comparison() (*node, error) {
	attr, name, err := p.attribute()
	if err != nil {
		return nil, err
	}
	if p.terms++; p.terms > maxTerms {
		return nil, errorAt(name.pos, "is one comparison too many; want at most %d", maxTerms)
	}
	op, err := p.operator(attr, name)
	if err != nil {
		return nil, err
	}
	t := &Term{Attr: name.text, Op: op, attr: attr}
	if op == In {
		t.Values, err = p.list(t)
	} else {
		t.Values = make([]Value, 1)
		t.Values[0], err = p.value(t)
	}
	if err != nil {
		return nil, err
	}
	return &node{term: t}, nil
}

func (p *parser) attribute() (*Attr, token, error) {
	t := p.take()
	names := p.schema.names()
	if t.kind != word {
		return nil, t, errorAt(t.pos, "want an attribute (%s), got %v", choice(names), t)
	}
	if a := p.schema.attr(t.text); a != nil {
		return a, t, nil
	}
	if like := nearest(t.text, names); like != "" {
		return nil, t, errorAt(t.pos, "%v is no attribute here; did you mean %s? Known: %s", t, like, strings.Join(names, ", "))
	}
	return nil, t, errorAt(t.pos, "%v is no attribute here; known: %s", t, strings.Join(names, ", "))
}

func (p *parser) operator(a *Attr, name token) (Op, error) {
	t := p.take()
	bit, known := parseOne(p.spelled(t), opNames[:])
	allowed := choice(strings.Fields(a.Ops.String()))
	switch lower := strings.ToLower(t.text); {
	case t.kind != word:
		return 0, errorAt(t.pos, "want an operator of %v (%s), got %v", name, allowed, t)
	case !known && slices.Contains(opNames[:], lower):
		return 0, errorAt(t.pos, "%v is no operator; operators are written in small letters: %s", t, lower)
	case !known:
		return 0, errorAt(t.pos, "%v is no operator; %v takes %s", t, name, allowed)
	case a.Ops&Op(bit) == 0:
		return 0, errorAt(t.pos, "%v cannot be asked of %v; it takes %s", Op(bit), name, allowed)
	}
	return Op(bit), nil
}

// list reads ['a', 'b'].
func (p *parser) list(term *Term) ([]Value, error) {
	if t := p.take(); !t.is("[") {
		return nil, errorAt(t.pos, "want a list in brackets, such as %s, got %v", "["+sample(term.attr.Type)+"]", t)
	}
	var values []Value
	for {
		t := p.peek()
		v, err := p.value(term)
		if err != nil {
			return nil, err
		}
		if values = append(values, v); len(values) > maxValues {
			return nil, errorAt(t.pos, "is one value too many; want at most %d in a list", maxValues)
		}
		switch t := p.take(); {
		case t.is("]"):
			return values, nil
		case !t.is(","):
			return nil, errorAt(t.pos, "want , or ] in a list, got %v", t)
		}
	}
}

// value reads a value of the type that the attribute compares by.
func (p *parser) value(term *Term) (Value, error) {
	t := p.take()
	if t.kind == end || t.kind == mark {
		return Value{}, errorAt(t.pos, "want a value for %s, such as %s, got %v", term.Attr, sample(term.attr.Type), t)
	}
	switch typ := term.attr.Type; {
	case typ == Number && t.kind == word:
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return NumberOf(n), nil
		}
	case typ == Bool && t.kind != quoted && (t.text == "true" || t.text == "false"):
		return BoolOf(t.text == "true"), nil
	case typ == Time:
		if at, ok := parseTime(t.text); ok {
			return Value{typ: Time, number: at.UnixMicro()}, nil
		}
		if _, ok := parseTime(strings.Replace(t.text, " ", "+", 1)); ok {
			return Value{}, errorAt(t.pos, "%v has a blank where a time has +; in a URL, + is written %%2B", t)
		}
	case (typ == Text || typ == Set) && t.kind == text:
		return FoldedText(t.text, Fold(t.text)), nil
	}
	return Value{}, errorAt(t.pos, "%s is %v; want %s, got %v", term.Attr, term.attr.Type, shape[term.attr.Type], t)
}

// shape says how a value of a type is written.
var shape = map[Type]string{
	Text:   "text in single quotes, such as 'acme'",
	Number: "a whole number without quotes, such as 42",
	Bool:   "true or false",
	Time:   "a time such as '2026-11-25T08:00:00Z' or '2026-11-25'",
	Set:    "text in single quotes, such as 'tier:gold'",
}

// sample is the example at the end of a type's shape.
func sample(t Type) string {
	words := strings.Fields(shape[t])
	return words[len(words)-1]
}

// parseTime reads RFC 3339 or a date, whose year is still one of four digits in UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			at = at.UTC()
			return at, at.Year() >= 1 && at.Year() <= 9999
		}
	}
	return time.Time{}, false
}

// trailing is the error about a token after a whole expression.
func (p *parser) trailing(t token) error {
	lower := strings.ToLower(t.text)
	switch {
	case t.is(")"):
		return errorAt(t.pos, "this ) closes nothing")
	case t.kind == word && slices.Contains(joinNames[:], lower) && lower != t.text:
		return errorAt(t.pos, "%v is written in small letters: %s", t, lower)
	case p.schema.joins&(And|Or) == 0:
		return errorAt(t.pos, "want the end, got %v", t)
	}
	return errorAt(t.pos, "want %s, got %v", choice(append(inQuotes(p.schema.joins&(And|Or)), "the end")), t)
}

// inQuotes lists the ways to combine so that a sentence about them can be read: "and", "or".
func inQuotes(joins Join) []string {
	words := strings.Fields(joins.String())
	for i, w := range words {
		words[i] = strconv.Quote(w)
	}
	return words
}
