package sheet

import (
	"encoding/csv"
	"io"

	"espalier.dev/org"
)

// CSV writes customers as a CSV file in UTF-8 that [Read] takes.
type CSV struct{ out *csv.Writer }

// NewCSV begins a file. Little is held back; an error of w comes with a later Add, or with Close.
func NewCSV(w io.Writer) *CSV {
	c := &CSV{csv.NewWriter(w)}
	_ = c.out.Write(columns[:]) // kept by the writer, and given by Close
	return c
}

// Add writes a row.
func (c *CSV) Add(d org.Detail) error {
	cells := record(d)
	return c.out.Write(cells[:])
}

// Close writes what was held back. It does not close what is underneath.
func (c *CSV) Close() error {
	c.out.Flush()
	return c.out.Error()
}
