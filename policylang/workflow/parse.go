package workflow

import (
	"slices"
	"strings"

	"espalier.dev/policylang/source"
)

// Bounds of a text, so that reading has a cost we know.
const (
	maxNesting     = 200    // blocks and brackets within one another
	maxOperators   = 10_000 // in a row
	maxUnclosed    = 10     // heredocs, each of which is looked for to the end of the file
	maxDiagnostics = 100    // of one definition
)

// Parse reads a text of definitions and nothing else.
func Parse(file *source.File) ([]*Definition, []source.Diagnostic) {
	var defs []*Definition
	var diags []source.Diagnostic
	for at := 0; ; {
		p := newParser(file, at)
		p.skipNewlines()
		if p.peek().kind == kindEnd {
			return defs, append(diags, p.diags...)
		}
		d := p.definition()
		if d != nil {
			defs = append(defs, d)
		}
		at = p.consumed
		diags = append(diags, p.diags...)
	}
}

// ParseDefinition reads the definition whose define stands at offset, in a file that holds more than that. It returns
// the offset behind its end, which is where the reader of the file goes on. The definition is never nil: what could
// not be read is left out of it and has its diagnostics.
func ParseDefinition(file *source.File, offset int) (*Definition, int, []source.Diagnostic) {
	p := newParser(file, offset)
	d := p.definition()
	if d == nil {
		d = &Definition{Span: source.Span{Start: offset, End: p.consumed}}
	}
	return d, p.consumed, p.diags
}

type parser struct {
	file     *source.File
	scan     scanner
	ahead    []token
	consumed int // where the last token taken ends
	brackets int // depth of ( [ {, within which line breaks are noise
	nesting  int
	diags    []source.Diagnostic
}

func newParser(file *source.File, offset int) *parser {
	p := &parser{file: file, consumed: offset}
	p.scan = scanner{file: file, at: offset, last: token{kind: kindNewline}, report: func(s source.Span, code, message string) {
		p.report(source.Diagnostic{Span: s, Code: code, Message: message})
	}}
	return p
}

func (p *parser) report(d source.Diagnostic) {
	d.File = p.file
	if len(p.diags) < maxDiagnostics {
		p.diags = append(p.diags, d)
	}
}

func (p *parser) fill(n int) {
	for len(p.ahead) <= n {
		t := p.scan.next()
		if t.kind != kindBad {
			p.ahead = append(p.ahead, t)
		}
	}
}

// peek is the token to come. Within brackets line breaks are skipped.
func (p *parser) peek() token {
	p.fill(0)
	for p.brackets > 0 && p.ahead[0].kind == kindNewline && p.ahead[0].text == "\n" {
		p.ahead = p.ahead[1:]
		p.fill(0)
	}
	return p.ahead[0]
}

// second is the token after the one to come.
func (p *parser) second() token {
	p.peek()
	p.fill(1)
	for i := 1; ; i++ {
		p.fill(i)
		if t := p.ahead[i]; p.brackets == 0 || t.kind != kindNewline {
			return t
		}
	}
}

func (p *parser) take() token {
	t := p.peek()
	if t.kind != kindEnd {
		p.ahead = p.ahead[1:]
		p.consumed = t.span.End
	}
	return t
}

func (p *parser) accept(op string) bool {
	if p.peek().is(op) {
		p.take()
		return true
	}
	return false
}

func (p *parser) acceptWord(w string) bool {
	if p.peek().word(w) {
		p.take()
		return true
	}
	return false
}

// bail unwinds to the statement that could not be read; its diagnostic is already there.
type bail struct{}

func (p *parser) fail(at source.Span, code, message, expected string) {
	p.report(source.Diagnostic{Span: at, Code: code, Message: message, Expected: expected})
	panic(bail{})
}

func (p *parser) unexpected(expected string) {
	t := p.peek()
	p.fail(t.span, "unexpected-token", "unexpected "+t.describe(), expected)
}

func (p *parser) expect(op, after string) token {
	if !p.peek().is(op) {
		p.unexpected(op + " " + after)
	}
	return p.take()
}

func (p *parser) expectWord(w, after string) token {
	if !p.peek().word(w) {
		p.unexpected(w + " " + after)
	}
	return p.take()
}

// guarded runs read and reports whether it came to its end.
func (p *parser) guarded(read func()) (ok bool) {
	nesting := p.nesting
	defer func() {
		if r := recover(); r != nil {
			if _, mine := r.(bail); !mine {
				panic(r)
			}
			p.brackets, p.nesting = 0, nesting
		}
	}()
	read()
	return true
}

func (p *parser) deeper(at source.Span) {
	if p.nesting++; p.nesting > maxNesting {
		p.fail(at, "too-deep", "this is nested too deeply", "at most 200 levels")
	}
}

func (p *parser) skipNewlines() {
	for p.peek().kind == kindNewline {
		p.take()
	}
}

// skipLine drops what is left of a line that could not be read, and returns the last token of it.
func (p *parser) skipLine() (last token) {
	p.brackets = 0
	for t := p.peek(); t.kind != kindEnd && t.kind != kindNewline; t = p.peek() {
		last = p.take()
	}
	return last
}

// definition reads define … end, or nothing if no define stands here: then it skips to the next one.
func (p *parser) definition() *Definition {
	start := p.peek().span
	if !p.peek().word("define") {
		p.report(source.Diagnostic{Span: start, Code: "unexpected-token", Message: "unexpected " + p.peek().describe(), Expected: "define"})
		for t := p.peek(); t.kind != kindEnd && !t.word("define"); t = p.peek() {
			p.take()
		}
		return nil
	}
	p.take()
	d := &Definition{}
	if !p.guarded(func() { p.head(d) }) {
		p.skipLine()
	}
	what := strings.TrimSpace("define " + d.Name)
	d.Body = p.block(what, start, "end")
	d.EndAt = p.close(what, start)
	d.Span = source.Span{Start: start.Start, End: p.consumed}
	d.Comments = slices.DeleteFunc(p.scan.comments, func(c Comment) bool { return c.Span.Start > d.EndAt })
	return d
}

// head reads name(params) return vars attrs do.
func (p *parser) head(d *Definition) {
	d.Name, d.At = p.dotted("of the definition")
	if p.accept("(") {
		p.brackets++
		for !p.peek().is(")") {
			d.Params = append(d.Params, p.variable("as a parameter"))
			if !p.accept(",") {
				break
			}
		}
		p.closeBracket(")")
	}
	if p.acceptWord("return") {
		d.Returns = p.variables("to return")
	}
	d.Attrs = p.attrs()
	p.acceptWord("do")
	p.endOfLine("the end of the line after the head of a definition")
}

// closeBracket takes the closing bracket and leaves its depth.
func (p *parser) closeBracket(op string) {
	if !p.peek().is(op) {
		p.unexpected(op)
	}
	p.take()
	p.brackets--
}

func (p *parser) endOfLine(expected string) {
	switch t := p.peek(); {
	case t.kind == kindNewline:
		p.take()
	case t.kind == kindEnd:
	default:
		p.unexpected(expected)
	}
}

// dotted reads a name of a definition.
func (p *parser) dotted(of string) (string, source.Span) {
	t := p.peek()
	if t.kind != kindIdent || keywords[t.text] && !p.nameLike(t.text) {
		p.unexpected("the name " + of)
	}
	p.take()
	name, span := t.text, t.span
	for p.peek().is(".") && p.second().kind == kindIdent {
		p.take()
		part := p.take()
		name, span = name+"."+part.text, span.To(part.span)
	}
	return name, span
}

// nameLike reports whether a keyword may also be a name.
func (p *parser) nameLike(w string) bool {
	return w == "sub" || w == "map" || w == "assert" || w == "call"
}

func (p *parser) variable(as string) Var {
	t := p.peek()
	if t.kind != kindVar {
		p.unexpected("a variable " + as)
	}
	p.take()
	return Var{t.span, t.text}
}

// variables reads a list of variables; a comma before an attribute is left to the attributes.
func (p *parser) variables(as string) []Var {
	list := []Var{p.variable(as)}
	for p.peek().is(",") && p.second().kind == kindVar {
		p.take()
		list = append(list, p.variable(as))
	}
	return list
}

var blockAttrs = []string{"on_error", "on_timeout", "on_rollback", "timeout", "task_name", "task_prefix", "task_label", "wait_task"}

// attrs reads name: value pairs, after a comma or not.
func (p *parser) attrs() []Attr {
	var list []Attr
	for {
		if p.peek().is(",") && p.second().kind == kindIdent {
			p.take()
			p.lineBreakAfterComma()
		}
		t := p.peek()
		if t.kind != kindIdent || !p.second().is(":") {
			return list
		}
		p.take()
		p.take()
		v := p.attrValue()
		list = append(list, Attr{t.span.To(v.Pos()), t.text, v})
	}
}

func (p *parser) lineBreakAfterComma() {
	for p.peek().kind == kindNewline && p.peek().text == "\n" {
		p.take()
	}
}

// attrValue reads skip, retry, a handler with or without arguments, or an expression.
func (p *parser) attrValue() Expr {
	t := p.peek()
	if t.kind != kindIdent || t.text == "true" || t.text == "false" || t.text == "null" || t.text == "nil" {
		return p.expr()
	}
	name, at := p.dotted("of a handler")
	if !p.peek().is("(") {
		return &NameExpr{at, name}
	}
	args, wide := p.args()
	return &CallExpr{source.Span{Start: at.Start, End: p.consumed}, name, at, args, wide}
}

// block reads statements up to one of the words that end it.
func (p *parser) block(what string, opened source.Span, ends ...string) []Stmt {
	var body []Stmt
	for {
		p.skipNewlines()
		t := p.peek()
		if t.kind == kindEnd || t.kind == kindIdent && slices.Contains(ends, t.text) {
			return body
		}
		if t.word("define") && p.second().kind == kindIdent { // the end of this one was forgotten
			return body
		}
		var s Stmt
		ok := p.guarded(func() {
			s = p.statement()
			if next := p.peek(); next.kind != kindNewline && next.kind != kindEnd && !(next.kind == kindIdent && (slices.Contains(ends, next.text) || next.text == "end")) {
				p.afterStatement(s, next)
			}
		})
		if s != nil {
			body = append(body, s)
		}
		if !ok {
			p.recover(t)
		}
	}
}

// recover goes on at the next line after the statement that began with t could not be read, taking at least a token.
// If that line opens a block, the block is read too, so that its end closes nothing else.
func (p *parser) recover(t token) {
	if p.peek().span == t.span {
		p.take()
	}
	if do := p.skipLine(); do.word("do") && p.nesting < maxNesting {
		p.nesting++
		p.block("the block", do.span, "end")
		p.close("the block", do.span)
		p.nesting--
	}
}

// afterStatement explains what stands between a statement and the end of its line.
func (p *parser) afterStatement(s Stmt, next token) {
	if x, ok := s.(*ExprStmt); ok {
		if name, ok := x.X.(*NameExpr); ok {
			if near := source.Nearest(name.Name, statementWords); near != "" {
				p.report(source.Diagnostic{Span: name.Span, Code: "unknown-statement", Message: `"` + name.Name + `" begins no statement`, Suggestion: near})
				panic(bail{})
			}
		}
	}
	p.fail(next.span, "unexpected-token", "unexpected "+next.describe(), "the end of the line, or an operator")
}

var statementWords = []string{
	"sub", "concurrent", "foreach", "while", "if", "call", "raise", "assert", "cancel", "abort", "cancel_task", "abort_task", "wait_task", "exit", "end", "else", "elsif",
}

// close takes the end of a block and returns its offset.
func (p *parser) close(what string, opened source.Span) int {
	t := p.peek()
	if t.word("end") {
		p.take()
		return t.span.Start
	}
	p.report(source.Diagnostic{Span: opened, Code: "missing-end", Message: strings.TrimSpace(what) + " has no end", Expected: "end"})
	return t.span.Start
}

func (p *parser) statement() Stmt {
	t := p.peek()
	p.deeper(t.span)
	defer func() { p.nesting-- }()
	if t.kind == kindVar {
		return p.assignmentOrExpr()
	}
	if t.kind != kindIdent || p.second().is("(") && p.nameLike(t.text) && t.text != "call" && t.text != "assert" {
		return p.exprStmt()
	}
	switch t.text {
	case "sub":
		return p.sub()
	case "concurrent":
		return p.concurrent()
	case "foreach":
		return p.foreach(false)
	case "while":
		return p.while()
	case "if":
		return p.ifStmt()
	case "call":
		return p.call()
	case "raise":
		return p.raise()
	case "assert":
		p.take()
		s := &AssertStmt{Cond: p.expr()}
		s.Span = source.Span{Start: t.span.Start, End: p.consumed}
		return s
	case "cancel", "abort", "exit", "cancel_task", "abort_task", "wait_task":
		return p.task()
	case "map":
		p.fail(t.span, "map-without-target", "map needs variables to give its lists to", "$list = map …")
	case "elsif", "else", "do", "in", "return", "retrieve", "end":
		p.fail(t.span, "misplaced-word", t.describe()+" has nothing to belong to here", "a statement")
	}
	return p.exprStmt()
}

func (p *parser) sub() Stmt {
	start := p.take().span
	s := &SubStmt{Attrs: p.attrs()}
	s.Body, s.EndAt = p.doBlock("sub", start)
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

// doBlock reads do … end. A missing do is reported and read over.
func (p *parser) doBlock(what string, start source.Span) ([]Stmt, int) {
	if !p.acceptWord("do") {
		t := p.peek()
		if t.kind != kindNewline {
			p.unexpected("do")
		}
		p.report(source.Diagnostic{Span: t.span, Code: "missing-do", Message: what + " needs a do at the end of its line", Expected: "do"})
	}
	body := p.block(what, start, "end")
	return body, p.close(what, start)
}

func (p *parser) concurrent() Stmt {
	start := p.peek().span
	if p.second().word("foreach") {
		p.take()
		s := p.foreach(true).(*ForeachStmt)
		s.Span.Start = start.Start
		return s
	}
	p.take()
	s := &ConcurrentStmt{}
	if p.acceptWord("return") {
		s.Returns = p.variables("to return")
	}
	s.Attrs = p.attrs()
	s.Body, s.EndAt = p.doBlock("concurrent", start)
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

func (p *parser) foreach(concurrent bool) Stmt {
	start := p.take().span
	s := &ForeachStmt{Concurrent: concurrent, Var: p.variable("for each element")}
	p.expectWord("in", "before the list")
	s.In = p.expr()
	s.Attrs = p.attrs()
	s.Body, s.EndAt = p.doBlock("foreach", start)
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

func (p *parser) mapStmt(start source.Span, targets []Target) Stmt {
	s := &MapStmt{Targets: targets, Concurrent: p.acceptWord("concurrent")}
	p.expectWord("map", "after concurrent")
	s.Var = p.variable("for each element")
	p.expectWord("in", "before the list")
	s.In = p.expr()
	p.expectWord("return", "with the variables that map collects")
	s.Returns = p.variables("to collect")
	s.Attrs = p.attrs()
	s.Body, s.EndAt = p.doBlock("map", start)
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

func (p *parser) while() Stmt {
	start := p.take().span
	s := &WhileStmt{Cond: p.condition()}
	s.Attrs = p.attrs()
	s.Body, s.EndAt = p.doBlock("while", start)
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

func (p *parser) ifStmt() Stmt {
	start := p.peek().span
	s := &IfStmt{}
	for {
		t := p.take() // if, elsif or else
		arm := Arm{At: t.span.Start}
		if t.text != "else" {
			arm.Cond = p.condition()
			if p.peek().word("do") {
				p.report(source.Diagnostic{Span: p.peek().span, Code: "do-after-if", Message: "if takes no do", Expected: "the end of the line"})
				p.take()
			}
			if !p.acceptWord("then") {
				p.endOfLine("the end of the line after the condition")
			}
			arm.Body = p.block(t.text, t.span, "elsif", "else", "end")
		} else {
			arm.Body = p.block(t.text, t.span, "end")
		}
		s.Arms = append(s.Arms, arm)
		if next := p.peek(); next.word("elsif") || next.word("else") {
			continue
		}
		s.EndAt = p.close("if", start)
		s.Span = source.Span{Start: start.Start, End: p.consumed}
		return s
	}
}

func (p *parser) call() Stmt {
	start := p.take().span
	s := &CallStmt{}
	s.Name, s.At = p.dotted("of a definition")
	if p.peek().is("(") {
		s.Args, _ = p.args()
	}
	if p.acceptWord("retrieve") {
		s.Retrieve = p.variables("for a returned value")
	}
	s.Attrs = p.attrs()
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

func (p *parser) raise() Stmt {
	start := p.take().span
	s := &RaiseStmt{}
	if t := p.peek(); t.kind != kindNewline && t.kind != kindEnd && !t.word("end") {
		s.Value = p.expr()
	}
	s.Span = source.Span{Start: start.Start, End: p.consumed}
	return s
}

func (p *parser) task() Stmt {
	t := p.take()
	s := &TaskStmt{Word: t.text}
	if next := p.peek(); next.kind != kindNewline && next.kind != kindEnd && !next.word("end") && strings.HasSuffix(t.text, "_task") {
		if next.kind == kindIdent && !p.second().is("(") {
			name := p.take()
			s.Operand = &NameExpr{name.span, name.text}
		} else {
			s.Operand = p.expr()
		}
	}
	s.Span = source.Span{Start: t.span.Start, End: p.consumed}
	return s
}

func (p *parser) exprStmt() Stmt {
	x := p.expr()
	return &ExprStmt{source.Span{Start: x.Pos().Start, End: p.consumed}, x}
}

// assignmentOrExpr reads what begins with a variable.
func (p *parser) assignmentOrExpr() Stmt {
	start := p.peek().span
	x := p.expr()
	if a, ok := x.(*AssignExpr); ok {
		return &AssignStmt{a.Span, []Target{a.Target}, a.Value}
	}
	if !p.peek().is(",") && !p.peek().is("=") {
		return &ExprStmt{source.Span{Start: start.Start, End: p.consumed}, x}
	}
	targets := []Target{p.target(x)}
	for p.accept(",") {
		targets = append(targets, p.target(p.operand()))
	}
	p.expect("=", "after the variables")
	p.lineBreakAfterComma()
	if p.startsMap() {
		return p.mapStmt(start, targets)
	}
	v := p.expr()
	return &AssignStmt{source.Span{Start: start.Start, End: p.consumed}, targets, v}
}

func (p *parser) startsMap() bool {
	t := p.peek()
	return t.word("map") && !p.second().is("(") || t.word("concurrent") && p.second().word("map")
}

// target turns what was read as an expression into what can be assigned to.
func (p *parser) target(x Expr) Target {
	t := Target{Span: x.Pos()}
	for {
		switch e := x.(type) {
		case *VarExpr:
			t.Var = e.Var
			slices.Reverse(t.Index)
			return t
		case *IndexExpr:
			t.Index = append(t.Index, e.Index)
			x = e.X
		default:
			p.fail(x.Pos(), "not-assignable", "this cannot be assigned to", "a variable, or a member of one")
		}
	}
}
