package source

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// File is a named text. Its line breaks are line feeds and it has no byte-order mark, whatever it was read from.
type File struct {
	// Name is shown in front of every diagnostic; usually a path.
	Name string
	// Text is what all offsets count in, in bytes.
	Text string

	lines []int // offset of the first byte of each line
}

// NewFile takes a text as it was read: a byte-order mark is dropped, \r\n and \r become \n.
func NewFile(name string, text []byte) *File {
	s := strings.TrimPrefix(string(text), "\ufeff")
	if strings.ContainsRune(s, '\r') {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	f := &File{Name: name, Text: s, lines: []int{0}}
	for i := 0; i < len(s); {
		next := strings.IndexByte(s[i:], '\n')
		if next < 0 {
			break
		}
		i += next + 1
		f.lines = append(f.lines, i)
	}
	return f
}

// Span is a stretch of a file: byte offsets, the end not included.
type Span struct{ Start, End int }

// To is the span from the start of s to the end of other.
func (s Span) To(other Span) Span { return Span{s.Start, max(s.End, other.End)} }

// Contains reports whether the byte at offset belongs to s.
func (s Span) Contains(offset int) bool { return s.Start <= offset && offset < s.End }

// Position is a place for people: both count from 1, the column in characters.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// String writes line:column.
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// LineOf is the number of the line that holds offset, from 1. An offset beyond the text is on the last line.
func (f *File) LineOf(offset int) int {
	return sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset })
}

// Position finds the place of an offset.
func (f *File) Position(offset int) Position {
	offset = min(max(offset, 0), len(f.Text))
	line := f.LineOf(offset)
	return Position{line, utf8.RuneCountInString(f.Text[f.lines[line-1]:offset]) + 1}
}

// Offset is the inverse of Position. A place outside of the text gives the nearest offset within it.
func (f *File) Offset(p Position) int {
	if p.Line < 1 {
		return 0
	}
	if p.Line > len(f.lines) {
		return len(f.Text)
	}
	line, start := f.Line(p.Line), f.lines[p.Line-1]
	column := 1
	for i := range line {
		if column >= p.Column {
			return start + i
		}
		column++
	}
	return start + len(line)
}

// Lines is how many lines the file has; the text after the last line break counts as one.
func (f *File) Lines() int { return len(f.lines) }

// LineStart is the offset of the first byte of a line, which counts from 1.
func (f *File) LineStart(line int) int { return f.lines[line-1] }

// Line is the text of a line, which counts from 1, without its line break.
func (f *File) Line(line int) string {
	if line == len(f.lines) {
		return f.Text[f.lines[line-1]:]
	}
	return f.Text[f.lines[line-1] : f.lines[line]-1]
}

// Slice is the text of a span.
func (f *File) Slice(s Span) string { return f.Text[s.Start:s.End] }
