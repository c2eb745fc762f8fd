package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"sync"
	"unicode/utf16"

	"espalier.dev/errs"
	"espalier.dev/org"
)

// XLSX writes customers as a workbook of one sheet, in the columns of the CSV. Every cell is text, so nothing becomes a number,
// a date or a formula.
type XLSX struct {
	file *zip.Writer
	rows io.Writer // the sheet inside the file
	row  bytes.Buffer
	next int // number of the next row
	err  error
}

// What a sheet holds at most (ECMA-376 part 1, 18.3; the length of a cell as the programs that read it have it).
const (
	maxRows = 1 << 20
	maxCell = 32767 // UTF-16 units
)

// Numbers of the styles that the workbook has.
const (
	styleText = iota
	styleHeading
)

// NewXLSX begins a workbook. Little is held back; an error of w comes with a later Add, or with Close.
func NewXLSX(w io.Writer) *XLSX {
	x := &XLSX{file: zip.NewWriter(w), next: 1}
	for _, p := range workbook {
		x.rows, x.err = x.file.Create(p.name)
		if x.err == nil {
			_, x.err = io.WriteString(x.rows, xml.Header+p.text)
		}
		if x.err != nil {
			return x
		}
	}
	x.err = x.add(columns, styleHeading)
	return x
}

// Add writes a row. A cell that is longer than a spreadsheet takes is Invalid: cut short, it would be read back as another
// list.
func (x *XLSX) Add(d org.Detail) error {
	if x.err != nil {
		return x.err
	}
	if x.next > maxRows {
		return errs.Invalidf("the customers are more than the %d rows of a spreadsheet; export as CSV, or a part of them by a filter", maxRows)
	}
	cells := record(d)
	for i, c := range cells {
		if n := units(c); n > maxCell {
			return errs.Invalidf("customer %d: its %s take %d characters, and a cell of a spreadsheet holds %d; export as CSV", d.ID, columns[i], n, maxCell)
		}
	}
	x.err = x.add(cells, styleText)
	return x.err
}

// add writes the cells that are not empty.
func (x *XLSX) add(cells [len(columns)]string, style int) error {
	x.row.Reset()
	fmt.Fprintf(&x.row, `<row r="%d">`, x.next)
	for i, c := range cells {
		if c == "" {
			continue
		}
		fmt.Fprintf(&x.row, `<c r="%c%d" s="%d" t="inlineStr"><is><t xml:space="preserve">`, 'A'+i, x.next, style)
		if err := xml.EscapeText(&x.row, []byte(literal(c))); err != nil {
			return err
		}
		x.row.WriteString(`</t></is></c>`)
	}
	x.row.WriteString("</row>")
	x.next++
	_, err := x.row.WriteTo(x.rows)
	return err
}

// coded is how a cell's text names a character by its number, such as _x000D_ (ECMA-376 part 1, 22.9.2.19).
var coded = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`_(x[0-9A-Fa-f]{4}_)`) })

// literal keeps what looks like the number of a character from being read as one, by naming its underscore so.
func literal(text string) string {
	return coded().ReplaceAllString(text, "_x005F_$1")
}

// units is the length of a text as spreadsheets count.
func units(s string) int {
	if len(s) <= maxCell {
		return len(s) // no more units than bytes
	}
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// Close writes the end of the workbook. It does not close what is underneath.
func (x *XLSX) Close() error {
	if x.err == nil {
		_, x.err = io.WriteString(x.rows, "</sheetData></worksheet>")
	}
	if x.err == nil {
		x.err = x.file.Close()
	}
	return x.err
}

// part is a file inside the workbook.
type part struct{ name, text string }

const (
	relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	packaging = "http://schemas.openxmlformats.org/package/2006"
	mainSpace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	mediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml"
)

// workbook is the least that a workbook of one sheet consists of: two styles, plain and bold, and a sheet whose first row stays
// in sight. The sheet comes last and is open at its end, where the rows go.
var workbook = []part{
	{"[Content_Types].xml", `<Types xmlns="` + packaging + `/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + mediaType + `.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + mediaType + `.styles+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + mediaType + `.worksheet+xml"/></Types>`},
	{"_rels/.rels", `<Relationships xmlns="` + packaging + `/relationships">` +
		`<Relationship Id="rId1" Type="` + relations + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + packaging + `/relationships">` +
		`<Relationship Id="rId1" Type="` + relations + `/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="` + relations + `/styles" Target="styles.xml"/></Relationships>`},
	{"xl/workbook.xml", `<workbook xmlns="` + mainSpace + `" xmlns:r="` + relations + `"><bookViews><workbookView/></bookViews>` +
		`<sheets><sheet name="Customers" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/styles.xml", `<styleSheet xmlns="` + mainSpace + `">` +
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
		`<cellXfs count="2"><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
		`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>` +
		`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`},
	{"xl/worksheets/sheet1.xml", `<worksheet xmlns="` + mainSpace + `"><sheetViews><sheetView workbookViewId="0">` +
		`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>` +
		`<cols><col min="1" max="1" width="36" customWidth="1"/><col min="2" max="2" width="18" customWidth="1"/>` + // in characters
		`<col min="3" max="3" width="48" customWidth="1"/><col min="4" max="4" width="36" customWidth="1"/>` +
		`<col min="5" max="5" width="48" customWidth="1"/><col min="6" max="6" width="36" customWidth="1"/></cols><sheetData>`},
}
