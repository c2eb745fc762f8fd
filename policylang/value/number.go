package value

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number is a number as JSON writes it. The text is kept, so that long ids and prices such as 1.10 go out as they came
// in. Numbers of different text may be equal: use Equal or Compare.
type Number string

// Int is the number n.
func Int(n int64) Number { return Number(strconv.FormatInt(n, 10)) }

// Float is the number f, written as short as possible. It reports false for infinities and what is no number.
func Float(f float64) (Number, bool) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	if f == 0 {
		return "0", true
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return Number(strconv.FormatFloat(f, 'f', -1, 64)), true
	}
	return Number(strconv.FormatFloat(f, 'e', -1, 64)), true
}

// ParseNumber reads a number with blank space around it. It takes what JSON takes, and +1, 01, 1. and .5 besides.
func ParseNumber(text string) (Number, error) {
	text = strings.TrimSpace(text)
	if n := numberLength(text); n > 0 && n == len(text) && n <= maxNumber {
		return Number(text), nil
	}
	if len(text) <= maxNumber && strings.Trim(text, "0123456789+-.eE") == "" {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			if n, ok := Float(f); ok {
				return n, nil
			}
		}
	}
	return "", fmt.Errorf("%s is no number", quoteShort(text))
}

// maxNumber is how many bytes a number may have. No service writes that many, and arithmetic would get slow.
const maxNumber = 1000

// Int64 is the number as an integer. It reports false if it has a fraction or too many digits; 2.0 and 2e0 are 2.
func (n Number) Int64() (int64, bool) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i, true
	}
	d := n.decimal()
	if d.digits == "" {
		return 0, true
	}
	if d.exponent < len64(d.digits) || d.exponent > 19 {
		return 0, false
	}
	i, err := strconv.ParseInt(d.sign()+d.digits+strings.Repeat("0", int(d.exponent)-len(d.digits)), 10, 64)
	return i, err == nil
}

// Float64 is the nearest number of 64 bits, the greatest one instead of an infinity.
func (n Number) Float64() float64 {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil && math.IsInf(f, 0) {
		return math.Copysign(math.MaxFloat64, f)
	}
	return f
}

// Decimal is the number for people and for texts: its shortest decimals, integers without .0 and without an exponent.
// Numbers of more than 309 places keep their exponent.
func (n Number) Decimal() string {
	if plain(string(n)) {
		return string(n)
	}
	d := n.decimal()
	places := len64(d.digits)
	switch {
	case places == 0:
		return "0"
	case d.exponent > 309 || places-d.exponent > 309:
		return string(n)
	case d.exponent <= 0:
		return d.sign() + "0." + strings.Repeat("0", int(-d.exponent)) + d.digits
	case d.exponent >= places:
		return d.sign() + d.digits + strings.Repeat("0", int(d.exponent-places))
	}
	return d.sign() + d.digits[:d.exponent] + "." + d.digits[d.exponent:]
}

// plain reports whether a number is digits alone, other than -0: then it is its own shortest text.
func plain(text string) bool {
	if text == "-0" {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c != '-' || i > 0) {
			return false
		}
	}
	return true
}

// Compare orders two numbers exactly, whatever their length.
func (n Number) Compare(other Number) int {
	if n == other {
		return 0
	}
	a, b := n.decimal(), other.decimal()
	if c := cmp.Compare(a.signum(), b.signum()); c != 0 || a.digits == "" {
		return c
	}
	c := cmp.Or(cmp.Compare(a.exponent, b.exponent), strings.Compare(a.digits, b.digits))
	if a.negative {
		return -c
	}
	return c
}

// MarshalJSON writes the number's text.
func (n Number) MarshalJSON() ([]byte, error) { return Encode(n), nil }

func (n Number) zero() bool { return n.decimal().digits == "" }

// decimal is a number as ±0.digits × 10^exponent. The digits neither begin nor end with 0; those of zero are "".
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

func (n Number) decimal() decimal {
	text, negative := strings.CutPrefix(string(n), "-")
	mantissa, power := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		power = clampedInt(text[i+1:])
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	d := decimal{negative, strings.TrimRight(digits, "0"), power + len64(whole) - (len64(whole) + len64(fraction) - len64(digits))}
	if d.digits == "" {
		return decimal{}
	}
	return d
}

// clampedInt reads an exponent. One beyond all measure stays so, but doesn't overflow.
func clampedInt(text string) int64 {
	const most = 1 << 50
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil && strings.HasPrefix(text, "-") {
		return -most
	}
	if err != nil {
		return most
	}
	return min(max(i, -most), most)
}

func (d decimal) sign() string {
	if d.negative {
		return "-"
	}
	return ""
}

func (d decimal) signum() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func len64(s string) int64 { return int64(len(s)) }
