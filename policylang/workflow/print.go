package workflow

import (
	"strings"

	"espalier.dev/policylang/source"
)

// Print writes definitions in one layout: two blanks per level, a blank line between definitions, others kept but at
// most one at a time. A comment behind a statement stays there; one within a statement moves above it. The result
// parses to the same tree.
func Print(file *source.File, defs ...*Definition) string {
	var out []string
	for _, d := range defs {
		p := printer{file: file, comments: d.Comments}
		p.definition(d)
		out = append(out, p.b.String())
	}
	return strings.Join(out, "\n")
}

type printer struct {
	file     *source.File
	b        strings.Builder
	comments []Comment // those not printed yet
	depth    int
	last     int // line of the source printed last, 0 at the start of a block
}

// line prints text, which stood between start and end, with the comments before and behind it.
func (p *printer) line(start, end int, text string) {
	p.above(start, end)
	p.gap(start)
	p.indented(text)
	if bottom := p.file.LineOf(max(end-1, 0)); len(p.comments) > 0 && p.file.LineOf(p.comments[0].Span.Start) == bottom {
		p.b.WriteString(" " + p.comments[0].Text)
		p.comments = p.comments[1:]
	}
	p.b.WriteByte('\n')
	p.last = p.file.LineOf(max(end-1, 0))
}

// above prints the comments before end on lines of their own.
func (p *printer) above(start, end int) {
	for len(p.comments) > 0 && p.comments[0].Span.Start < end {
		at := p.comments[0].Span.Start
		p.gap(min(at, start))
		p.indented(p.comments[0].Text + "\n")
		p.last = p.file.LineOf(min(at, start))
		p.comments = p.comments[1:]
	}
}

// gap keeps a blank line that stood before offset.
func (p *printer) gap(offset int) {
	if p.last > 0 && p.file.LineOf(offset) > p.last+1 {
		p.b.WriteByte('\n')
	}
}

func (p *printer) indented(text string) {
	p.b.WriteString(strings.Repeat("  ", p.depth))
	p.b.WriteString(text)
}

// block prints a body and its end.
func (p *printer) block(body []Stmt, endAt int) {
	p.body(body)
	p.end(endAt)
}

func (p *printer) body(body []Stmt) {
	p.depth++
	p.last = 0
	for _, s := range body {
		p.stmt(s)
	}
	p.depth--
}

func (p *printer) end(at int) {
	p.depth++
	p.above(at, at)
	p.depth--
	p.last = 0
	p.line(at, at+len("end"), "end")
}

func (p *printer) definition(d *Definition) {
	head := "define " + d.Name
	headEnd := d.At.End
	if len(d.Params) > 0 {
		head += "(" + vars(d.Params) + ")"
		headEnd = d.Params[len(d.Params)-1].Span.End
	} else if strings.HasPrefix(p.file.Text[min(d.At.End, len(p.file.Text)):], "(") {
		head += "()"
	}
	if len(d.Returns) > 0 {
		head += " return " + vars(d.Returns)
		headEnd = d.Returns[len(d.Returns)-1].Span.End
	}
	attrs, headEnd := p.attrs(d.Attrs, " ", headEnd)
	p.line(d.Span.Start, headEnd, head+attrs+" do")
	p.block(d.Body, d.EndAt)
}

func vars(list []Var) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}

// attrs is the text of attributes, and where the last one ends; if there are none, "" and otherwise.
func (p *printer) attrs(list []Attr, before string, otherwise int) (string, int) {
	if len(list) == 0 {
		return "", otherwise
	}
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = a.Name + ": " + p.expr(a.Value)
	}
	return before + strings.Join(parts, ", "), list[len(list)-1].Span.End
}

func (p *printer) stmt(s Stmt) {
	start := s.Pos().Start
	whole := func(text string) { p.line(start, s.Pos().End, text) }
	switch s := s.(type) {
	case *SubStmt:
		attrs, end := p.attrs(s.Attrs, " ", start+len("sub"))
		p.line(start, end, "sub"+attrs+" do")
		p.block(s.Body, s.EndAt)
	case *ConcurrentStmt:
		head, end := "concurrent", start+len("concurrent")
		if len(s.Returns) > 0 {
			head += " return " + vars(s.Returns)
			end = s.Returns[len(s.Returns)-1].Span.End
		}
		attrs, end := p.attrs(s.Attrs, " ", end)
		p.line(start, end, head+attrs+" do")
		p.block(s.Body, s.EndAt)
	case *ForeachStmt:
		attrs, end := p.attrs(s.Attrs, " ", s.In.Pos().End)
		p.line(start, end, concurrently(s.Concurrent)+"foreach "+s.Var.Name+" in "+p.expr(s.In)+attrs+" do")
		p.block(s.Body, s.EndAt)
	case *MapStmt:
		attrs, end := p.attrs(s.Attrs, " ", s.Returns[len(s.Returns)-1].Span.End)
		p.line(start, end, p.targets(s.Targets)+" = "+concurrently(s.Concurrent)+"map "+s.Var.Name+" in "+p.expr(s.In)+" return "+vars(s.Returns)+attrs+" do")
		p.block(s.Body, s.EndAt)
	case *WhileStmt:
		attrs, end := p.attrs(s.Attrs, ", ", s.Cond.Pos().End)
		p.line(start, end, "while "+p.expr(s.Cond)+attrs+" do")
		p.block(s.Body, s.EndAt)
	case *IfStmt:
		p.ifStmt(s)
	case *CallStmt:
		whole(p.call(s))
	case *RaiseStmt:
		if s.Value == nil {
			whole("raise")
		} else {
			whole("raise " + p.expr(s.Value))
		}
	case *AssertStmt:
		whole("assert " + p.expr(s.Cond))
	case *TaskStmt:
		if s.Operand == nil {
			whole(s.Word)
		} else {
			whole(s.Word + " " + p.expr(s.Operand))
		}
	case *AssignStmt:
		whole(p.targets(s.Targets) + " = " + p.expr(s.Value))
	case *ExprStmt:
		whole(p.expr(s.X))
	}
}

func concurrently(yes bool) string {
	if yes {
		return "concurrent "
	}
	return ""
}

func (p *printer) ifStmt(s *IfStmt) {
	for i, arm := range s.Arms {
		word, end := "if", arm.At+len("else")
		switch {
		case arm.Cond == nil:
			word = "else"
		case i > 0:
			word = "elsif"
		}
		if arm.Cond != nil {
			word += " " + p.expr(arm.Cond)
			end = arm.Cond.Pos().End
		}
		if i > 0 {
			p.depth++
			p.above(arm.At, arm.At)
			p.depth--
			p.last = 0
		}
		p.line(arm.At, end, word)
		p.body(arm.Body)
	}
	p.end(s.EndAt)
}

func (p *printer) call(s *CallStmt) string {
	text := "call " + s.Name + p.args(s.Args, strings.Contains(p.file.Slice(s.Span), "(\n"))
	if len(s.Retrieve) > 0 {
		text += " retrieve " + vars(s.Retrieve)
	}
	sep := " "
	if len(s.Retrieve) > 0 {
		sep = ", "
	}
	attrs, _ := p.attrs(s.Attrs, sep, 0)
	return text + attrs
}

func (p *printer) targets(list []Target) string {
	parts := make([]string, len(list))
	for i, t := range list {
		parts[i] = t.Var.Name
		for _, x := range t.Index {
			parts[i] += "[" + p.expr(x) + "]"
		}
	}
	return strings.Join(parts, ", ")
}

// expr is the text of an expression that begins on a line of the present depth.
func (p *printer) expr(e Expr) string {
	switch e := e.(type) {
	case *Literal:
		if e.Raw == "" {
			return quote(Text(e.Value))
		}
		return e.Raw
	case *VarExpr:
		return e.Name
	case *NameExpr:
		return e.Name
	case *ListExpr:
		return p.brackets("[", "]", e.Wide, len(e.Items), func(i int) string { return p.expr(e.Items[i]) })
	case *RangeExpr:
		return "[" + p.expr(e.From) + ".." + p.expr(e.To) + "]"
	case *HashExpr:
		if len(e.Pairs) > 0 && !e.Wide {
			return "{ " + p.brackets("", "", false, len(e.Pairs), func(i int) string { return p.pair(e.Pairs[i]) }) + " }"
		}
		return p.brackets("{", "}", e.Wide, len(e.Pairs), func(i int) string { return p.pair(e.Pairs[i]) })
	case *CallExpr:
		return e.Name + p.args(e.Args, e.Wide)
	case *IndexExpr:
		return p.expr(e.X) + "[" + p.expr(e.Index) + "]"
	case *SliceExpr:
		return p.expr(e.X) + "[" + p.optional(e.From) + ".." + p.optional(e.To) + "]"
	case *MemberExpr:
		if !e.Called {
			return p.expr(e.X) + "." + e.Name
		}
		return p.expr(e.X) + "." + e.Name + p.args(e.Args, false)
	case *UnaryExpr:
		return e.Op + p.expr(e.X)
	case *BinaryExpr:
		return p.expr(e.X) + " " + e.Op + " " + p.expr(e.Y)
	case *ParenExpr:
		return "(" + p.expr(e.X) + ")"
	case *AssignExpr:
		return p.targets([]Target{e.Target}) + " = " + p.expr(e.Value)
	}
	return ""
}

func (p *printer) optional(e Expr) string {
	if e == nil {
		return ""
	}
	return p.expr(e)
}

func (p *printer) pair(pair Pair) string { return p.expr(pair.Key) + ": " + p.expr(pair.Value) }

func (p *printer) args(list []Arg, wide bool) string {
	return p.brackets("(", ")", wide, len(list), func(i int) string {
		if list[i].Key != "" || list[i].Raw != "" {
			return list[i].Raw + ": " + p.expr(list[i].Value)
		}
		return p.expr(list[i].Value)
	})
}

// brackets prints n items between brackets, one a line if they were written over several.
func (p *printer) brackets(open, close string, wide bool, n int, item func(int) string) string {
	if n == 0 {
		return open + close
	}
	sep, parts := ", ", make([]string, n)
	if wide {
		p.depth++
		indent := "\n" + strings.Repeat("  ", p.depth)
		open, sep, close = open+indent, ","+indent, indent[:len(indent)-2]+close
	}
	for i := range parts {
		parts[i] = item(i)
	}
	if wide {
		p.depth--
	}
	return open + strings.Join(parts, sep) + close
}

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// quote writes a string in double quotes.
func quote(s string) string { return `"` + quoteEscapes.Replace(s) + `"` }
