package sheet

import (
	"archive/zip"
	"fmt"
	"io"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"espalier.dev/errs"
	"espalier.dev/org"
)

// XLSX writes customers as a workbook of one sheet, in the columns of the CSV.
type XLSX struct {
	to   io.Writer
	file *excelize.File
	rows *excelize.StreamWriter
	next int // row
}

// sheetName is the name of the one sheet.
const sheetName = "Customers"

// widths are those of the columns, in characters.
var widths = [len(columns)]float64{36, 18, 48, 36, 48, 36}

// NewXLSX begins a workbook. Rows are gathered in memory, those beyond 16 MiB in a temporary file; w is written to by Close
// alone. Call Discard in the end, whatever happened.
func NewXLSX(w io.Writer) (*XLSX, error) {
	x := &XLSX{to: w, file: excelize.NewFile(), next: 1}
	if err := x.begin(); err != nil {
		x.Discard()
		return nil, fmt.Errorf("begin a workbook: %w", err)
	}
	return x, nil
}

// begin writes the heading, in bold, which stays in sight.
func (x *XLSX) begin() error {
	if err := x.file.SetSheetName("Sheet1", sheetName); err != nil {
		return err
	}
	bold, err := x.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	if x.rows, err = x.file.NewStreamWriter(sheetName); err != nil {
		return err
	}
	for i, width := range widths {
		if err := x.rows.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	if err := x.rows.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	return x.row(columns, excelize.RowOpts{StyleID: bold})
}

func (x *XLSX) row(cells [len(columns)]string, opts ...excelize.RowOpts) error {
	values := make([]any, len(cells))
	for i, c := range cells {
		if c != "" {
			values[i] = c
		}
	}
	err := x.rows.SetRow(fmt.Sprintf("A%d", x.next), values, opts...)
	x.next++
	return err
}

// Add writes a row. A cell that is longer than a spreadsheet takes is Invalid: cut short, it would be read back as another
// list.
func (x *XLSX) Add(d org.Detail) error {
	cells := record(d)
	for i, c := range cells {
		if n := units(c); n > excelize.TotalCellChars {
			return errs.Invalidf("customer %d: its %s take %d characters, and a cell of a spreadsheet holds %d; export as CSV", d.ID, columns[i], n, excelize.TotalCellChars)
		}
	}
	return x.row(cells)
}

// units is the length of a text as spreadsheets count.
func units(s string) int {
	if len(s) <= excelize.TotalCellChars {
		return len(s) // no more units than bytes
	}
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// Close writes the workbook. It does not close what is underneath.
func (x *XLSX) Close() error {
	if err := x.rows.Flush(); err != nil {
		return err
	}
	// Straight to where it goes: the library's own way holds the whole file in memory first.
	x.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(x.to) })
	return x.file.Write(io.Discard)
}

// Discard removes temporary files. It may be called twice.
func (x *XLSX) Discard() { _ = x.file.Close() }
