package main

import (
	"fmt"
	"time"
)

// unit is what a figure is measured in.
type unit int

const (
	seconds unit = iota
	perSecond
	memory
)

// mebi is the bytes of a MiB.
const mebi = 1 << 20

// text writes a value for people.
func (u unit) text(v float64) string {
	switch u {
	case perSecond:
		return fmt.Sprintf("%.0f/s", v)
	case memory:
		return fmt.Sprintf("%.1f MiB", v/mebi)
	}
	switch d := time.Duration(v * float64(time.Second)); {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.0f ns", v*1e9)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.0f µs", v*1e6)
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", v*1e3)
	}
	return fmt.Sprintf("%.1f s", v)
}
