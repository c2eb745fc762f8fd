package extract

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"espalier.dev/policylang/value"
)

// Encoding is how a body is read.
type Encoding string

// The encodings. No encoding at all is JSON.
const (
	JSON Encoding = "json"
	XML  Encoding = "xml"
	CSV  Encoding = "csv"
	Text Encoding = "text"
)

// Decode reads a body. The content type, which may be "", is asked for the character set alone.
//
// JSON becomes what package value makes of it; XML a *Node, the document; CSV a list with an object for each row under the
// first; text a string. An empty body is null, and "" as text.
func Decode(e Encoding, body []byte, contentType string, l value.Limits) (value.Value, error) {
	body, known, err := utf8Body(body, contentType)
	if err != nil {
		return nil, err
	}
	if e == Text {
		return strings.ToValidUTF8(string(body), "\ufffd"), nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	switch e {
	case JSON, "":
		return l.Decode(body)
	case XML:
		return parseXML(body, known, l)
	case CSV:
		return parseCSV(body, l)
	}
	return nil, fmt.Errorf("there is no encoding %q: json, xml, csv or text", string(e))
}

// utf8Body is the body in UTF-8: a byte-order mark tells what it is in, or else the content type. It reports whether one of
// them did.
func utf8Body(body []byte, contentType string) ([]byte, bool, error) {
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return body[3:], true, nil
	}
	if bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.HasPrefix(body, []byte("\xff\xfe")) {
		body, err := unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Bytes(body)
		return body, true, err
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || isUTF8(params["charset"]) {
		return body, params["charset"] != "", nil // a content type that can't be read says nothing
	}
	charset, err := htmlindex.Get(params["charset"])
	if err != nil {
		return nil, false, fmt.Errorf("the answer is in the character set %q, which is not known", params["charset"])
	}
	body, err = charset.NewDecoder().Bytes(body)
	return body, true, err
}

func isUTF8(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return true
	}
	return false
}

// What a row and a cell take besides the text of the cell, as value.Size counts them.
const (
	sizeOfRow  = 80
	sizeOfCell = 64
)

// parseCSV reads rows under a first one that names the columns. A cell that a row lacks is null.
func parseCSV(body []byte, l value.Limits) (value.Value, error) {
	budget := newBudget("CSV", l)
	r := csv.NewReader(bytes.NewReader(body))
	r.FieldsPerRecord, r.ReuseRecord, r.LazyQuotes = -1, true, true
	first, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("CSV: %w", err)
	}
	columns := append([]string(nil), first...)
	rows := []value.Value{}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("CSV: %w", err)
		}
		row, err := csvRow(columns, cells, budget)
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("CSV, line %d: %w", line, err)
		}
		rows = append(rows, row)
	}
}

func csvRow(columns, cells []string, budget *budget) (*value.Map, error) {
	row := value.New()
	for i, c := range columns {
		if err := budget.take(sizeOfCell); err != nil {
			return nil, err
		}
		if i >= len(cells) {
			row.Set(c, nil)
			continue
		}
		if err := budget.take(len(cells[i])); err != nil {
			return nil, err
		}
		row.Set(c, strings.ToValidUTF8(strings.Clone(cells[i]), "\ufffd"))
	}
	if extra := cells[min(len(columns), len(cells)):]; strings.Join(extra, "") != "" {
		return nil, fmt.Errorf("the row has %d cells, but the first row names %d columns", len(cells), len(columns))
	}
	return row, budget.take(sizeOfRow)
}

// budget is what a body may take of memory.
type budget struct {
	what string
	most int64
	left int64
}

func newBudget(what string, l value.Limits) *budget {
	l = l.WithDefaults()
	return &budget{what, l.Memory, l.Memory}
}

func (b *budget) take(bytes int) error {
	if b.left -= int64(bytes); b.left < 0 {
		return &value.LimitError{Limit: "memory", Message: fmt.Sprintf("%s: it takes more than %d MiB of memory", b.what, b.most>>20)}
	}
	return nil
}
