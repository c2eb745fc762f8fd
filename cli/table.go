package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// columns measures text in columns of a terminal, the same in every locale.
var columns = &runewidth.Condition{StrictEmojiNeutral: true}

// table is rows for people: columns parted by spaces, a head in capitals or none. Cells come from other people; they
// are printed without anything that moves a terminal's cursor.
type table struct {
	head []string // nil for none
	rows [][]string
}

// add adds a row; every row of a table has the same number of cells.
func (t *table) add(cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell, false)
	}
	t.rows = append(t.rows, cells)
}

// print writes the table. The last column is not padded, so that long reasons do not fill lines with spaces.
func (t *table) print(w io.Writer) error {
	rows := t.rows
	if t.head != nil {
		rows = slices.Insert(slices.Clone(rows), 0, t.head)
	}
	var widths []int
	for _, row := range rows {
		widths = append(widths, make([]int, max(0, len(row)-len(widths)))...)
		for i, cell := range row {
			widths[i] = max(widths[i], columns.StringWidth(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(columns.FillRight(cell, widths[i]) + "  ")
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// printTables prints tables with an empty line between them, those without rows left out.
func printTables(w io.Writer, tables ...table) error {
	tables = slices.DeleteFunc(tables, func(t table) bool { return len(t.rows) == 0 })
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := t.print(w); err != nil {
			return err
		}
	}
	return nil
}

// instant is a point of time for people, in UTC as everywhere in the product.
func instant(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// date is the end of a capability: the day, and the time unless that is midnight.
func date(at time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case at.UTC().Equal(at.UTC().Truncate(24 * time.Hour)):
		return at.UTC().Format(time.DateOnly)
	default:
		return at.UTC().Format("2006-01-02 15:04 UTC")
	}
}

// everInstant is an instant that may not have been yet.
func everInstant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return instant(t)
}
