package incident

import (
	"fmt"
	"regexp"
	"strings"

	"espalier.dev/policylang/jmespath"
	"espalier.dev/policylang/message"
	"espalier.dev/policylang/value"
)

// export is the table of an incident.
type export struct {
	path          *jmespath.Path // to the rows within the data, nil if the data are the rows
	resourceLevel bool
	columns       []column
}

type column struct {
	name, label string
	path        *jmespath.Path // nil for the member with the column's name
	format      format
}

// Align is where the text of a column stands.
type Align string

// The alignments.
const (
	Left   Align = "left"
	Right  Align = "right"
	Center Align = "center"
)

// format is how a column shows its values.
type format struct {
	align  Align
	link   bool   // values are TEXT||URL
	money  bool   // two decimals, groups of three digits
	printf string // a verb for one number, with text around it; "" for none
}

// safeVerb is a format with one verb, of a width that no one can mind.
var safeVerb = regexp.MustCompile(`^(?:[^%]|%%)*%[-+ 0#]*\d{0,2}(?:\.\d{1,2})?([dfeEgGsv])(?:[^%]|%%)*$`)

// parseFormat reads left, right, center, link-external, currency, or an alignment and a format of printf. Anything else is
// left.
func parseFormat(text string) format {
	word, verb, _ := strings.Cut(strings.TrimSpace(text), " ")
	f := format{align: Left}
	switch word {
	case "right", "center":
		f.align = Align(word)
	case "link-external":
		f.link = true
	case "currency":
		f.align, f.money = Right, true
	}
	if verb = strings.TrimSpace(verb); safeVerb.MatchString(verb) {
		f.printf = verb
	}
	return f
}

// Table is the table of an incident, for people.
type Table struct {
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"`
	// ResourceLevel is set if actions may run on rows that are chosen by their ID.
	ResourceLevel bool `json:"resourceLevel,omitempty"`
}

// Column is a column of a table.
type Column struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Align Align  `json:"align"`
	// Link is set if cells may have an address.
	Link bool `json:"link,omitempty"`
}

// Row is a row of a table.
type Row struct {
	// ID is the text of the field id; empty if the table has no such field.
	ID    string `json:"id,omitempty"`
	Cells []Cell `json:"cells"`
}

// Cell is a value as it is shown.
type Cell struct {
	Text string `json:"text"`
	URL  string `json:"url,omitempty"` // of a link, http, https or mailto
	// Number is set if the value is a number or looks like one.
	Number bool `json:"number,omitempty"`
}

// Rows are the violating rows: those that the path of the export leads to, or the elements of the data; an object is one.
func (p *Plan) Rows(validation int, data value.Value) []value.Value {
	if v := p.validation(validation); v != nil {
		return v.rows(data)
	}
	return nil
}

func (v *validation) rows(data value.Value) []value.Value {
	if v.export != nil && v.export.path != nil && data != nil {
		found, err := v.export.path.Search(data)
		if err != nil {
			return nil
		}
		data = found
	}
	switch d := data.(type) {
	case nil:
		return nil
	case []value.Value:
		return d
	}
	return []value.Value{data}
}

// Table is the table of a validation's violation data; nil if the validation exports none.
func (p *Plan) Table(validation int, data value.Value) *Table {
	if v := p.validation(validation); v != nil && v.export != nil {
		return v.export.table(v.rows(data))
	}
	return nil
}

func (e *export) table(rows []value.Value) *Table {
	t := &Table{ResourceLevel: e.resourceLevel, Columns: make([]Column, len(e.columns)), Rows: make([]Row, len(rows))}
	for i, c := range e.columns {
		t.Columns[i] = Column{Name: c.name, Label: c.label, Align: c.align(), Link: c.format.link}
	}
	for i, r := range rows {
		cells := make([]Cell, len(e.columns))
		for j, c := range e.columns {
			cells[j] = c.cell(c.value(r))
		}
		t.Rows[i] = Row{ID: e.id(r), Cells: cells}
	}
	return t
}

func (c column) align() Align {
	if c.format.align == "" {
		return Left
	}
	return c.format.align
}

// id is what tells a row from others: the text of its field id.
func (e *export) id(row value.Value) string {
	for _, c := range e.columns {
		if c.name == "id" {
			text, _, _ := strings.Cut(value.Text(c.value(row)), "||")
			return text
		}
	}
	return ""
}

// value is what a row has for a column; null if the path leads nowhere or can't be followed.
func (c column) value(row value.Value) value.Value {
	if c.path != nil {
		v, err := c.path.Search(row)
		if err != nil {
			return nil
		}
		return v
	}
	if m, ok := row.(*value.Map); ok {
		v, _ := m.Get(c.name)
		return v
	}
	if c.name == "value" { // of a list of texts or numbers
		return row
	}
	return nil
}

func (c column) cell(v value.Value) Cell {
	text := value.Text(v)
	if c.format.link {
		label, address, found := strings.Cut(text, "||")
		if !found {
			return Cell{Text: text}
		}
		return Cell{Text: label, URL: message.Link(address)}
	}
	n, err := value.ParseNumber(text)
	number := err == nil && text != ""
	switch {
	case !number:
		return Cell{Text: text}
	case c.format.printf != "":
		return Cell{Text: printed(c.format.printf, n), Number: true}
	case c.format.money:
		return Cell{Text: money(n), Number: true}
	}
	return Cell{Text: text, Number: true}
}

// printed shows a number under a verb of either kind.
func printed(format string, n value.Number) string {
	verb := safeVerb.FindStringSubmatch(format)[1]
	switch i, whole := n.Int64(); {
	case verb == "d" && whole:
		return fmt.Sprintf(format, i)
	case verb == "d":
		return fmt.Sprintf(format, int64(n.Float64()))
	case verb == "s" || verb == "v":
		return fmt.Sprintf(format, n.Decimal())
	}
	return fmt.Sprintf(format, n.Float64())
}

// money is a number with two decimals and its digits in groups of three.
func money(n value.Number) string {
	text, sign := fmt.Sprintf("%.2f", n.Float64()), ""
	if strings.HasPrefix(text, "-") {
		text, sign = text[1:], "-"
	}
	whole, cents, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole + "." + cents
}
