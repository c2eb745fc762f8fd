package message

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Tables and bare links are read here: the library has both, in a package that makes every start of a process 3 ms longer.

// pipes makes a table of a paragraph in which a line of dashes and pipes stands below another line.
type pipes struct{}

// Transform makes the table. Lines above it stay a paragraph; those below are its rows, which may be shorter than its head.
func (pipes) Transform(p *ast.Paragraph, r text.Reader, _ parser.Context) {
	lines, source := p.Lines(), r.Source()
	for i := 1; i < lines.Len(); i++ {
		line := lines.At(i)
		columns := alignments(line.Value(source))
		if columns == nil {
			continue
		}
		if len(cells(lines.At(i-1), source)) != len(columns) {
			return
		}
		table := tables.NewTable()
		table.Alignments = columns
		table.AppendChild(table, tables.NewTableHeader(row(lines.At(i-1), columns, source)))
		for j := i + 1; j < lines.Len(); j++ {
			table.AppendChild(table, row(lines.At(j), columns, source))
		}
		parent := p.Parent()
		parent.InsertAfter(parent, p, table)
		lines.SetSliced(0, i-1)
		if lines.Len() == 0 {
			parent.RemoveChild(parent, p)
			return
		}
		last := lines.At(lines.Len() - 1)
		lines.Set(lines.Len()-1, last.TrimRightSpace(source))
		return
	}
}

// alignments reads a line of dashes, nil if it is none: |:--|--:|:-:|---|
func alignments(line []byte) []tables.Alignment {
	text := strings.TrimSpace(string(line))
	if !strings.Contains(text, "|") || strings.Trim(text, "|:- \t") != "" {
		return nil
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "|"), "|")
	var list []tables.Alignment
	for column := range strings.SplitSeq(text, "|") {
		column = strings.TrimSpace(column)
		dashes, left := strings.CutPrefix(column, ":")
		dashes, right := strings.CutSuffix(dashes, ":")
		if dashes == "" || strings.Trim(dashes, "-") != "" {
			return nil
		}
		switch {
		case left && right:
			list = append(list, tables.AlignCenter)
		case left:
			list = append(list, tables.AlignLeft)
		case right:
			list = append(list, tables.AlignRight)
		default:
			list = append(list, tables.AlignNone)
		}
	}
	return list
}

// cells are the stretches between the pipes of a line. A pipe behind a backslash does not count.
func cells(line text.Segment, source []byte) []text.Segment {
	line = line.TrimLeftSpace(source)
	line = line.TrimRightSpace(source)
	start, end := line.Start, line.Stop
	if start < end && source[start] == '|' {
		start++
	}
	if start < end && source[end-1] == '|' && source[end-2] != '\\' {
		end--
	}
	var list []text.Segment
	add := func(from, to int) {
		cell := text.NewSegment(from, to)
		cell = cell.TrimLeftSpace(source)
		list = append(list, cell.TrimRightSpace(source))
	}
	for i := start; i < end; i++ {
		if source[i] == '|' && source[i-1] != '\\' {
			add(start, i)
			start = i + 1
		}
	}
	add(start, end)
	return list
}

func row(line text.Segment, columns []tables.Alignment, source []byte) *tables.TableRow {
	r := tables.NewTableRow(columns)
	for i, segment := range cells(line, source) {
		if i == len(columns) {
			break
		}
		c := tables.NewTableCell()
		c.Alignment = columns[i]
		c.Lines().Append(segment)
		r.AppendChild(r, c)
	}
	return r
}

func (safe) table(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	end := "</tbody>\n</table>\n"
	if n.FirstChild() == n.LastChild() {
		end = "</table>\n"
	}
	return either(w, entering, "<table>\n", end)
}

func (safe) tableHeader(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	end := "</tr>\n</thead>\n"
	if n.NextSibling() != nil {
		end += "<tbody>\n"
	}
	return either(w, entering, "<thead>\n<tr>\n", end)
}

func (safe) tableRow(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	return either(w, entering, "<tr>\n", "</tr>\n")
}

func (safe) tableCell(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	name, align := "td", ""
	if n.Parent().Kind() == tables.KindTableHeader {
		name = "th"
	}
	if a := n.(*tables.TableCell).Alignment; a != tables.AlignNone {
		align = ` align="` + a.String() + `"`
	}
	return either(w, entering, "<"+name+align+">", "</"+name+">\n")
}

func either(w util.BufWriter, entering bool, begin, end string) (ast.WalkStatus, error) {
	if !entering {
		begin = end
	}
	_, err := w.WriteString(begin)
	return ast.WalkContinue, err
}

// bareLinks makes links of addresses in running text.
type bareLinks struct{}

// Trigger is what may stand before an address; the library also asks where a line begins.
func (bareLinks) Trigger() []byte { return []byte{' ', '('} }

// Parse makes a link of the http:// or https:// that stands here. It ends at a blank or a mark of HTML; punctuation at its
// end, and a parenthesis that was opened before it, belong to the sentence.
func (bareLinks) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, segment := block.PeekLine()
	before := 0
	if len(line) > 0 && (line[0] == ' ' || line[0] == '(') {
		before = 1
	}
	line = line[before:]
	if segment.Padding > 0 || pc.IsInLinkLabel() || !bytes.HasPrefix(line, []byte("http://")) && !bytes.HasPrefix(line, []byte("https://")) {
		return nil
	}
	end := bytes.IndexAny(line, " \t\r\n<>\"`|")
	if end < 0 {
		end = len(line)
	}
	open := bytes.Count(line[:end], []byte("(")) - bytes.Count(line[:end], []byte(")"))
	for end > 0 && (strings.IndexByte(".,:;!?'*_~\\", line[end-1]) >= 0 || line[end-1] == ')' && open < 0) {
		if line[end-1] == ')' {
			open++
		}
		end--
	}
	address := line[:end]
	if Link(string(address)) == "" {
		return nil
	}
	start := segment.Start + before
	if before > 0 {
		ast.MergeOrAppendTextSegment(parent, segment.WithStop(start))
	}
	block.Advance(before + end)
	return ast.NewAutoLink(ast.AutoLinkURL, ast.NewTextSegment(text.NewSegment(start, start+end)))
}
