package message

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"
)

// plainText writes the nodes of a text without their marks.
type plainText struct {
	source []byte
	out    strings.Builder
}

// blocks writes what stands in a block. Prefix is what its lines begin with.
func (p *plainText) blocks(parent ast.Node, prefix string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.PreviousSibling() != nil && !tight(n) {
			p.out.WriteString("\n")
		}
		p.block(n, prefix)
	}
}

// tight reports whether no empty line stands before a block.
func tight(n ast.Node) bool {
	switch n.Kind() {
	case ast.KindListItem:
		list, ok := n.Parent().(*ast.List)
		return ok && list.IsTight
	case ast.KindList:
		return n.Parent().Kind() == ast.KindListItem
	case tables.KindTableRow:
		return true
	}
	return false
}

func (p *plainText) block(n ast.Node, prefix string) {
	switch n := n.(type) {
	case *ast.Document, *tables.Table:
		p.blocks(n, prefix)
	case *ast.Blockquote:
		p.blocks(n, prefix+"> ")
	case *ast.List:
		p.list(n, prefix)
	case *ast.ThematicBreak:
		p.out.WriteString(prefix + "---\n")
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		p.lines(string(n.Lines().Value(p.source)), prefix+"  ", prefix+"  ")
	case *ast.HTMLBlock:
		p.lines(blockText(n, p.source), prefix, prefix)
	case *tables.TableHeader, *tables.TableRow:
		var cells []string
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, p.inline(c))
		}
		p.lines(strings.Join(cells, " | "), prefix, prefix)
	default:
		p.lines(p.inline(n), prefix, prefix)
	}
}

func (p *plainText) list(l *ast.List, prefix string) {
	number := l.Start
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		if item.PreviousSibling() != nil && !tight(item) {
			p.out.WriteString("\n")
		}
		mark := "- "
		if l.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		hang := strings.Repeat(" ", len(mark))
		part := &plainText{source: p.source}
		part.blocks(item, "")
		p.lines(part.out.String(), prefix+mark, prefix+hang)
	}
}

// lines writes a text, its first line behind one prefix and the others behind another.
func (p *plainText) lines(text, first, others string) {
	prefix := first
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		p.out.WriteString(strings.TrimRight(prefix+line, " \t") + "\n")
		prefix = others
	}
}

// inline is the text within a paragraph, a heading or a cell.
func (p *plainText) inline(parent ast.Node) string {
	var b strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(unescaped(n, p.source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteString("\n")
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.RawHTML:
			if raw := string(n.Segments.Value(p.source)); lineBreak(raw) {
				b.WriteString("\n")
			} else {
				b.WriteString(raw)
			}
		case *ast.AutoLink:
			b.Write(n.Label(p.source))
		case *ast.Link:
			b.WriteString(followed(p.inline(n), string(n.Destination)))
		case *ast.Image:
			b.WriteString(followed(p.inline(n), string(n.Destination)))
		default:
			b.WriteString(p.inline(n))
		}
	}
	return b.String()
}

// unescaped is a stretch of text without backslashes and entities, which mean nothing in code.
func unescaped(n *ast.Text, source []byte) []byte {
	raw := n.Value(source)
	if n.IsRaw() {
		return raw
	}
	return util.UnescapePunctuations(util.ResolveNumericReferences(util.ResolveEntityNames(raw)))
}

// followed is the text of a link and its address, unless that is all there is.
func followed(label, address string) string {
	to := Link(address)
	switch {
	case to == "" || to == label:
		return label
	case label == "":
		return to
	}
	return label + " (" + to + ")"
}
