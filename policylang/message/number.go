package message

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"espalier.dev/policylang/value"
)

// Numbers keep their kind, by which the library indexes and counts, and know how to print themselves: in decimals, and
// under verbs that Go keeps for the other kind, for authors never see which kind a number of JSON is.
type (
	integer int64
	real    float64
	numeral string // a number that neither of these holds without a loss
)

func number(n value.Number) any {
	if i, ok := n.Int64(); ok {
		return integer(i)
	}
	f := n.Float64()
	if same, ok := value.Float(f); ok && same.Compare(n) == 0 {
		return real(f)
	}
	return numeral(n)
}

// Format prints the number as any verb asks.
func (n integer) Format(s fmt.State, verb rune) {
	if strings.ContainsRune("dboOxXcqU", verb) {
		fmt.Fprintf(s, fmt.FormatString(s, verb), int64(n))
		return
	}
	format(s, verb, value.Int(int64(n)))
}

// Format prints the number as any verb asks.
func (n real) Format(s fmt.State, verb rune) { format(s, verb, numberOf(float64(n))) }

// Format prints the number as any verb asks.
func (n numeral) Format(s fmt.State, verb rune) { format(s, verb, value.Number(n)) }

func format(s fmt.State, verb rune, n value.Number) {
	switch verb {
	case 'v', 's':
		fmt.Fprintf(s, fmt.FormatString(s, 's'), n.Decimal())
	case 'd':
		if i, ok := n.Int64(); ok {
			fmt.Fprintf(s, fmt.FormatString(s, 'd'), i)
			return
		}
		fmt.Fprintf(s, fmt.FormatString(s, 's'), n.Decimal())
	default:
		fmt.Fprintf(s, fmt.FormatString(s, verb), n.Float64())
	}
}

func numberOf(f float64) value.Number {
	n, ok := value.Float(f)
	if !ok {
		n, _ = value.Float(math.MaxFloat64)
	}
	return n
}

// numeric is a value as a number of the language, if it is one of any kind.
func numeric(v any) (value.Number, bool) {
	if n, ok := v.(numeral); ok {
		return value.Number(n), true
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return value.Int(r.Int()), true
	case r.CanFloat():
		return numberOf(r.Float()), true
	}
	return "", false
}
