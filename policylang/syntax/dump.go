package syntax

import (
	"fmt"
	"strings"
)

// Dump shows a tree for tests: an item a line, terms in parentheses, no places. Files that mean the same dump the same.
func Dump(f *File) string {
	var b strings.Builder
	dumpItems(&b, f.Items, 0)
	return b.String()
}

func dumpItems(b *strings.Builder, items []Item, depth int) {
	for _, i := range items {
		b.WriteString(strings.Repeat("  ", depth))
		switch i := i.(type) {
		case *ObjectItem:
			dumpExpr(b, i.Object)
			b.WriteByte('\n')
		case *Definition:
			fmt.Fprintf(b, "define %s%v return %v %q\n", i.Name.Name, idents(i.Params), idents(i.Returns), i.Text)
		case *Statement:
			b.WriteString(i.Keyword.Name)
			for _, a := range i.Args {
				b.WriteByte(' ')
				if a.Keyword != nil {
					fmt.Fprintf(b, "%s: ", a.Keyword.Name)
				}
				dumpExpr(b, a.Value)
			}
			if i.Body != nil {
				b.WriteString(" do")
			}
			b.WriteByte('\n')
			if i.Body != nil {
				dumpItems(b, i.Body.Items, depth+1)
			}
		}
	}
}

func idents(list []Ident) []string {
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = n.Name
	}
	return names
}

func dumpExpr(b *strings.Builder, x Expr) {
	switch x := x.(type) {
	case *String:
		fmt.Fprintf(b, "%q", x.Value)
	case *Number:
		b.WriteString(x.Text)
	case *Bool:
		fmt.Fprint(b, x.Value)
	case *Null:
		b.WriteString("null")
	case *Regexp:
		fmt.Fprintf(b, "/%s/%s", x.Pattern, x.Flags)
	case *Reference:
		b.WriteString(x.Sigil + x.Name)
	case *Word:
		b.WriteString(x.Name)
	case *Call:
		dumpList(b, "("+x.Name.Name, x.Args, ")")
	case *List:
		dumpList(b, "[", x.Elems, "]")
	case *Object:
		b.WriteByte('{')
		for _, p := range x.Pairs {
			fmt.Fprintf(b, " %q: ", p.Key.Name)
			dumpExpr(b, p.Value)
		}
		b.WriteByte('}')
	case *Unary:
		dumpList(b, "(-", []Expr{x.X}, ")")
	case *Binary:
		dumpList(b, "("+x.Op, []Expr{x.X, x.Y}, ")")
	case *Paren:
		dumpExpr(b, x.X)
	case *Bad:
		b.WriteString("<bad>")
	}
}

func dumpList(b *strings.Builder, open string, list []Expr, closing string) {
	b.WriteString(open)
	for _, x := range list {
		b.WriteByte(' ')
		dumpExpr(b, x)
	}
	b.WriteString(closing)
}
