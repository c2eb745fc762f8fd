package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"espalier.dev/errs"
	"espalier.dev/org"
)

// maxValues is how many values a cell may have, far beyond any rule, so that a file cannot blow up in memory.
const maxValues = 1000

// Read reads a CSV file (RFC 4180) in UTF-8, with or without a byte order mark, whose first line names the columns: in any
// order and letter case, each at most once. What is wrong with a row is told in it; what is wrong with the file as a whole is
// errs.Invalid with the line. Blank lines and rows without any value are passed over.
func Read(r io.Reader) ([]org.Row, error) {
	text, err := unmarked(r)
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(text)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	heading, err := readRecord(in)
	if errors.Is(err, io.EOF) {
		return nil, errs.Invalidf("the file is empty; want a first line that names the columns: %s", strings.Join(columns[:], ","))
	}
	if err != nil {
		return nil, err
	}
	places, err := parseHeading(heading)
	if err != nil {
		return nil, err
	}
	rows := []org.Row{}
	for {
		cells, err := readRecord(in)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(cells, func(c string) bool { return c != "" }) {
			continue
		}
		if len(rows) == org.MaxImport {
			return nil, errs.Invalidf("the file has more than %d rows; want at most that, so split it", org.MaxImport)
		}
		line, _ := in.FieldPos(0)
		rows = append(rows, places.row(line, cells))
	}
}

// The marks that a file may begin with.
var (
	utf8Mark   = []byte("\xef\xbb\xbf")
	utf16Marks = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}
)

// unmarked passes over a byte order mark.
func unmarked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	start, _ := b.Peek(len(utf8Mark)) // an error comes again with the first record
	for _, mark := range utf16Marks {
		if bytes.HasPrefix(start, mark) {
			return nil, errs.Invalidf("the file is in UTF-16; save it as CSV in UTF-8")
		}
	}
	if bytes.Equal(start, utf8Mark) {
		_, _ = b.Discard(len(utf8Mark))
	}
	return b, nil
}

// readRecord reads one record of well-formed text.
func readRecord(in *csv.Reader) ([]string, error) {
	cells, err := in.Read()
	if err != nil {
		return nil, explain(err)
	}
	for i, c := range cells {
		if !utf8.ValidString(c) {
			valid := strings.ToValidUTF8(c, "\x00")
			line, _ := in.FieldPos(i)
			line += strings.Count(valid[:strings.IndexByte(valid, 0)], "\n")
			return nil, errs.Invalidf("line %d: is not well-formed UTF-8; save the file as CSV in UTF-8", line)
		}
	}
	return cells, nil
}

// explain makes a sentence of what the reader of CSV says. An error of the connection stays what it is.
func explain(err error) error {
	p, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case ok && errors.Is(p.Err, csv.ErrBareQuote):
		return errs.Invalidf(`line %d, at byte %d: a quote stands inside a value without quotes; put the value in quotes and write the quote twice`, p.Line, p.Column)
	case ok:
		return errs.Invalidf(`line %d, at byte %d: the value in quotes that begins in line %d does not end rightly; write each quote inside it twice, and one at its end`, p.Line, p.Column, p.StartLine)
	case errs.KindOf(err) != errs.Internal:
		return err
	}
	return &errs.Error{Kind: errs.Invalid, Msg: "the file could not be read to its end", Err: err}
}

// places says which column each cell of a row is of.
type places []string

// parseHeading reads the first line.
func parseHeading(cells []string) (places, error) {
	var p places
	var unknown []string
	for i, cell := range cells {
		name := strings.TrimSpace(cell)
		at := slices.IndexFunc(columns[:], func(c string) bool { return strings.EqualFold(c, name) })
		switch {
		case name == "":
			return nil, errs.Invalidf("line 1: column %d has no name; known are %s", i+1, strings.Join(columns[:], ", "))
		case at < 0:
			unknown = append(unknown, fmt.Sprintf("%q", short(name)))
			continue
		case slices.Contains(p, columns[at]):
			return nil, errs.Invalidf("line 1: column %s is there twice", columns[at])
		}
		p = append(p, columns[at])
	}
	if len(unknown) > 0 {
		return nil, errs.Invalidf("line 1: unknown columns: %s; known are %s, with commas between them", strings.Join(unknown[:min(len(unknown), 10)], ", "), strings.Join(columns[:], ", "))
	}
	if !slices.Contains(p, org.ColumnName) && !slices.Contains(p, org.ColumnExternalID) {
		return nil, errs.Invalidf("line 1: names neither name nor externalId; want one, to know customers by")
	}
	return p, nil
}

// row reads the cells of a row.
func (p places) row(line int, cells []string) org.Row {
	r := org.Row{Line: line}
	if len(cells) != len(p) {
		r.Errors = append(r.Errors, org.RowError{Message: fmt.Sprintf("has %d cells, and the heading has %d; put a value with commas in quotes", len(cells), len(p))})
		return r
	}
	for i, cell := range cells {
		text := plain(cell)
		switch p[i] {
		case org.ColumnName:
			r.Name = text
		case org.ColumnExternalID:
			r.ExternalID = text
		case org.ColumnDescription:
			r.Description = text
		case org.ColumnCapabilities:
			r.Capabilities = list(&r, p[i], text, ParseCapability)
		case org.ColumnOwners:
			r.Owners = list(&r, p[i], text, ParseOwner)
		case org.ColumnTags:
			r.Tags = list(&r, p[i], text, func(tag string) (string, error) { return tag, nil })
		}
	}
	return r
}

// list reads the values of a cell and notes in the row what is wrong with them. nil: the cell is empty, or wrong.
func list[T any](r *org.Row, column, text string, parse func(string) (T, error)) []T {
	if n := strings.Count(text, ";"); n > maxValues {
		r.Errors = append(r.Errors, org.RowError{Column: column, Message: fmt.Sprintf("has %d semicolons; want at most %d values", n, maxValues)})
		return nil
	}
	values := split(text)
	if values == nil {
		return nil
	}
	items := make([]T, 0, len(values))
	for i, v := range values {
		item, err := parse(v)
		if err != nil {
			r.Errors = append(r.Errors, org.RowError{Column: column, Message: fmt.Sprintf("%s[%d]: %v", column, i, err)})
			continue
		}
		items = append(items, item)
	}
	if len(items) == 0 && len(values) > 0 {
		return nil
	}
	return items
}
