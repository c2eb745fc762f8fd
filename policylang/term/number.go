package term

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"time"

	"espalier.dev/policylang/value"
)

// arithmetic are the operators. Integers are calculated exactly, whatever their length.
var arithmetic = map[string]func(a, b value.Number) (value.Number, error){
	"+": operation((*big.Int).Add, func(a, b float64) float64 { return a + b }),
	"-": operation((*big.Int).Sub, func(a, b float64) float64 { return a - b }),
	"*": operation((*big.Int).Mul, func(a, b float64) float64 { return a * b }),
	"/": divide,
	"%": remainder,
}

func operation(whole func(z, a, b *big.Int) *big.Int, float func(a, b float64) float64) func(a, b value.Number) (value.Number, error) {
	return func(a, b value.Number) (value.Number, error) {
		if x, y, ok := integers(a, b); ok {
			return integer(whole(new(big.Int), x, y))
		}
		return finite(float(a.Float64(), b.Float64()))
	}
}

// divide gives a fraction unless the result is whole: 7 / 2 is 3.5.
func divide(a, b value.Number) (value.Number, error) {
	if !value.Truth(b) {
		return "", errors.New("division by zero")
	}
	if x, y, ok := integers(a, b); ok {
		if q, r := new(big.Int).QuoRem(x, y, new(big.Int)); r.Sign() == 0 {
			return integer(q)
		}
	}
	return finite(a.Float64() / b.Float64())
}

// remainder has the sign of a: -7 % 2 is -1.
func remainder(a, b value.Number) (value.Number, error) {
	if !value.Truth(b) {
		return "", errors.New("division by zero")
	}
	if x, y, ok := integers(a, b); ok {
		return integer(new(big.Int).Rem(x, y))
	}
	return finite(math.Mod(a.Float64(), b.Float64()))
}

// maxPlaces bounds the integers that are calculated exactly, so that 1e999999999 takes no memory.
const maxPlaces = 300

// integers reads two numbers that are integers.
func integers(a, b value.Number) (x, y *big.Int, ok bool) {
	if x, ok = whole(a); !ok {
		return nil, nil, false
	}
	y, ok = whole(b)
	return x, y, ok
}

func whole(n value.Number) (*big.Int, bool) {
	text := n.Decimal()
	if len(text) > maxPlaces || strings.ContainsAny(text, ".eE") {
		return nil, false
	}
	return new(big.Int).SetString(text, 10)
}

func integer(i *big.Int) (value.Number, error) { return value.ParseNumber(i.String()) }

func finite(f float64) (value.Number, error) {
	n, ok := value.Float(f)
	if !ok {
		return "", errors.New("the result is too great")
	}
	return n, nil
}

// calculate is prod, div and mod.
func calculate(c *call) (value.Value, error) {
	return c.calculate(map[string]string{"prod": "*", "div": "/", "mod": "%"}[c.x.Name.Name])
}

func (c *call) calculate(op string) (value.Value, error) {
	a, err := c.number(0)
	if err != nil {
		return nil, err
	}
	b, err := c.number(1)
	if err != nil {
		return nil, err
	}
	n, err := arithmetic[op](a, b)
	return n, err
}

// inc(a, b) is a + b; a may be a date and b seconds.
func inc(c *call) (value.Value, error) {
	if d, ok := c.args[0].(value.Date); ok {
		return c.moved(d, 1)
	}
	return c.calculate("+")
}

// dec(a, b) is a - b; a may be a date and b seconds, or both may be dates, which are seconds apart.
func dec(c *call) (value.Value, error) {
	a, ok := c.args[0].(value.Date)
	if !ok {
		return c.calculate("-")
	}
	if b, ok := c.args[1].(value.Date); ok {
		whole := a.Unix() - b.Unix() // a Duration would end after 292 years
		if nanos := a.Nanosecond() - b.Nanosecond(); nanos != 0 {
			n, err := finite(float64(whole) + float64(nanos)/1e9)
			return n, err
		}
		return value.Int(whole), nil
	}
	return c.moved(a, -1)
}

// moved is a date, moved by the second argument.
func (c *call) moved(d value.Date, sign float64) (value.Value, error) {
	seconds, err := c.number(1)
	if err != nil {
		return nil, err
	}
	const most = 1e11 // some 3,000 years
	s := sign * seconds.Float64()
	if math.Abs(s) > most {
		return nil, c.blame(1, errors.New("is too great: no calendar goes that far"))
	}
	fraction := s - math.Trunc(s)
	return value.NewDate(time.Unix(d.Unix()+int64(s), int64(d.Nanosecond())+int64(math.Round(fraction*1e9)))), nil
}
