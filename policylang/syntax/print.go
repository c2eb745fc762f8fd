package syntax

import (
	"strings"

	"espalier.dev/policylang/source"
)

// Print writes a file anew: two blanks a level, one blank between things, at most one blank line between statements. What
// it prints parses to the same tree, with the same comments. The file must have been parsed without errors.
func Print(f *File) string {
	p := &printer{file: f.Source, comments: f.Comments}
	p.items(f.Items, len(f.Source.Text))
	return p.b.String()
}

type printer struct {
	file     *source.File
	b        strings.Builder
	depth    int
	comments []Comment // those not yet printed
	heredocs []*String // those whose lines follow the line being printed
	last     int       // line of the source that was last printed, 0 at the start of a file or body
}

// items prints what a body holds, and the comments before the offset end.
func (p *printer) items(items []Item, end int) {
	for _, i := range items {
		span := i.Pos()
		p.commentsBefore(span.Start)
		p.space(span.Start)
		p.indent()
		switch i := i.(type) {
		case *Statement:
			p.statement(i)
		case *ObjectItem:
			p.expr(i.Object)
			p.endLine(i.Span.End)
		case *Definition:
			p.b.WriteString(i.Text)
			p.endLine(i.Span.End)
		}
	}
	p.commentsBefore(end)
}

func (p *printer) statement(s *Statement) {
	p.b.WriteString(s.Keyword.Name)
	if s.Parens {
		p.list("(", ")", s.Span, len(s.Args), func(i int) source.Span { return s.Args[i].Span }, func(i int) { p.arg(s.Args[i]) })
	} else {
		p.arguments(s.Args)
	}
	if s.Body == nil {
		p.endLine(s.Span.End)
		return
	}
	p.b.WriteString(" do")
	p.endLine(s.Body.Do.End)
	p.depth++
	p.last = 0
	p.items(s.Body.Items, s.Body.End.Start)
	p.depth--
	p.indent()
	p.b.WriteString("end")
	p.endLine(s.Body.End.End)
}

// arguments prints a, b on one line, or a line each where a comment stands among them.
func (p *printer) arguments(args []*Arg) {
	broken := false
	for i, a := range args {
		if i > 0 && p.commentBefore(a.Span.Start) {
			if !broken {
				p.depth++
				broken = true
			}
			p.endLine(args[i-1].Span.End)
			p.commentsBefore(a.Span.Start)
			p.indent()
		} else {
			p.b.WriteByte(' ')
		}
		p.arg(a)
		if i < len(args)-1 {
			p.b.WriteByte(',')
		}
	}
	if broken {
		p.depth--
	}
}

func (p *printer) arg(a *Arg) {
	if a.Keyword != nil {
		p.b.WriteString(p.file.Slice(a.Keyword.Span))
		p.b.WriteString(": ")
	}
	p.expr(a.Value)
}

func (p *printer) expr(x Expr) {
	switch x := x.(type) {
	case *String:
		p.b.WriteString(p.file.Slice(x.Span))
		if x.Quote == Heredoc {
			p.heredocs = append(p.heredocs, x)
		}
	case *Call:
		p.b.WriteString(x.Name.Name)
		p.list("(", ")", x.Span, len(x.Args), func(i int) source.Span { return x.Args[i].Pos() }, func(i int) { p.expr(x.Args[i]) })
	case *List:
		p.list("[", "]", x.Span, len(x.Elems), func(i int) source.Span { return x.Elems[i].Pos() }, func(i int) { p.expr(x.Elems[i]) })
	case *Object:
		p.list("{", "}", x.Span, len(x.Pairs), func(i int) source.Span { return x.Pairs[i].Span }, func(i int) { p.pair(x.Pairs[i]) })
	case *Unary:
		p.b.WriteByte('-')
		p.expr(x.X)
	case *Binary:
		p.expr(x.X)
		p.b.WriteString(" " + x.Op + " ")
		p.expr(x.Y)
	case *Paren:
		p.b.WriteByte('(')
		p.expr(x.X)
		p.b.WriteByte(')')
	default:
		p.b.WriteString(p.file.Slice(x.Pos()))
	}
}

func (p *printer) pair(m Pair) {
	p.b.WriteString(p.file.Slice(m.Key.Span))
	p.b.WriteString(": ")
	p.expr(m.Value)
}

// list prints elements between marks: on one line if that is how they were written, else each on its own.
func (p *printer) list(opening, closing string, span source.Span, n int, place func(int) source.Span, element func(int)) {
	p.b.WriteString(opening)
	if !strings.Contains(p.file.Slice(span), "\n") {
		for i := range n {
			if i > 0 {
				p.b.WriteString(", ")
			}
			element(i)
		}
		p.b.WriteString(closing)
		return
	}
	p.depth++
	last := span.Start
	for i := range n {
		if i > 0 {
			p.b.WriteByte(',')
		}
		p.endLine(last)
		p.commentsBefore(place(i).Start)
		p.indent()
		element(i)
		last = place(i).End
	}
	p.endLine(last)
	p.commentsBefore(span.End)
	p.depth--
	p.indent()
	p.b.WriteString(closing)
}

// endLine ends the line being printed: the comment that stood behind it, the lines of its heredocs. The offset is that of
// what was printed last.
func (p *printer) endLine(offset int) {
	line := p.file.LineOf(offset)
	if len(p.comments) > 0 && !p.comments[0].Own && p.file.LineOf(p.comments[0].Span.Start) <= line {
		p.b.WriteByte(' ')
		p.b.WriteString(p.comments[0].Text)
		p.comments = p.comments[1:]
	}
	p.b.WriteByte('\n')
	p.last = line
	for _, h := range p.heredocs {
		p.b.WriteString(p.file.Slice(h.Body))
		if h.Dash != 0 {
			p.indent()
		}
		p.b.WriteString(h.ID + "\n")
		p.last = max(p.last, p.file.LineOf(h.Body.End))
	}
	p.heredocs = p.heredocs[:0]
}

// commentBefore reports whether a comment that is not yet printed begins before the offset.
func (p *printer) commentBefore(offset int) bool {
	return len(p.comments) > 0 && p.comments[0].Span.Start < offset
}

// commentsBefore prints the comments up to an offset, each on its own line.
func (p *printer) commentsBefore(offset int) {
	for p.commentBefore(offset) {
		c := p.comments[0]
		p.comments = p.comments[1:]
		p.space(c.Span.Start)
		p.indent()
		p.b.WriteString(c.Text + "\n")
		p.last = p.file.LineOf(c.Span.Start)
	}
}

// space keeps a blank line that stood before the offset.
func (p *printer) space(offset int) {
	line := p.file.LineOf(offset)
	if p.last > 0 && line > p.last+1 && strings.TrimSpace(p.file.Line(line-1)) == "" {
		p.b.WriteByte('\n')
	}
}

func (p *printer) indent() {
	for range p.depth {
		p.b.WriteString("  ")
	}
}
