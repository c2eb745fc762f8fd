package workflow

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxBits bounds integers, so that 2 ^ 2 ^ 40 ends.
const maxBits = 4096

func isNumber(v Value) bool {
	switch v.(type) {
	case Int, Big, Float:
		return true
	}
	return false
}

// normal is an integer in its smallest type.
func normal(n *big.Int) Value {
	if n.IsInt64() {
		return Int(n.Int64())
	}
	return Big{n}
}

// parseNumber reads a number as the scanner and JSON write it. All digits of an integer are kept.
func parseNumber(text string) Value {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Int(i)
	}
	if !strings.ContainsAny(text, ".eE") && len(text) <= maxBits/4 {
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return Big{n}
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && math.IsInf(f, 0) {
		return Float(math.Copysign(math.MaxFloat64, f))
	}
	return Float(f)
}

func toBig(v Value) (*big.Int, bool) {
	switch v := v.(type) {
	case Int:
		return big.NewInt(int64(v)), true
	case Big:
		return v.n, true
	}
	return nil, false
}

func toFloat(v Value) float64 {
	switch v := v.(type) {
	case Int:
		return float64(v)
	case Big:
		f, _ := new(big.Float).SetInt(v.n).Float64()
		return f
	case Float:
		return float64(v)
	}
	return 0
}

// compareNumbers compares exactly, integers with floats too.
func compareNumbers(a, b Value) int {
	if x, ok := a.(Int); ok {
		if y, ok := b.(Int); ok {
			return cmp.Compare(x, y)
		}
	}
	if x, ok := a.(Float); ok {
		if y, ok := b.(Float); ok {
			return cmp.Compare(x, y)
		}
	}
	return exact(a).Cmp(exact(b))
}

func exact(v Value) *big.Float {
	if n, ok := toBig(v); ok {
		return new(big.Float).SetInt(n)
	}
	return big.NewFloat(toFloat(v))
}

// arithmetic computes a op b for two numbers. Of integers it gives an integer: / rounds down and the sign of % is that
// of b, as in Ruby.
func arithmetic(op string, a, b Value) (Value, error) {
	x, xInt := toBig(a)
	y, yInt := toBig(b)
	if xInt && yInt {
		return integers(op, x, y)
	}
	f, g := toFloat(a), toFloat(b)
	var r float64
	switch op {
	case "+":
		r = f + g
	case "-":
		r = f - g
	case "*":
		r = f * g
	case "/":
		if g == 0 {
			return nil, fault("division by zero")
		}
		r = f / g
	case "%":
		if g == 0 {
			return nil, fault("division by zero")
		}
		r = f - g*math.Floor(f/g)
	case "^":
		r = math.Pow(f, g)
	}
	if math.IsInf(r, 0) || math.IsNaN(r) {
		return nil, fault("%s %s %s is not a number", Text(a), op, Text(b))
	}
	return Float(r), nil
}

func integers(op string, x, y *big.Int) (Value, error) {
	r := new(big.Int)
	switch op {
	case "+":
		r.Add(x, y)
	case "-":
		r.Sub(x, y)
	case "*":
		r.Mul(x, y)
	case "/", "%":
		if y.Sign() == 0 {
			return nil, fault("division by zero")
		}
		q, m := new(big.Int).DivMod(x, y, new(big.Int)) // Euclid: 0 <= m < |y|
		if y.Sign() < 0 && m.Sign() > 0 {
			q.Sub(q, big.NewInt(1))
			m.Add(m, y)
		}
		if r = q; op == "%" {
			r = m
		}
	case "^":
		return power(x, y)
	}
	if r.BitLen() > maxBits {
		return nil, fault("the number has more than %d bits", maxBits)
	}
	return normal(r), nil
}

func power(x, y *big.Int) (Value, error) {
	if y.Sign() < 0 {
		return arithmetic("^", Float(toFloat(normal(x))), normal(y))
	}
	if x.BitLen() > 1 && (!y.IsInt64() || int64(x.BitLen()-1)*min(y.Int64(), maxBits+1) > maxBits) {
		return nil, fault("the number has more than %d bits", maxBits)
	}
	return normal(new(big.Int).Exp(x, y, nil)), nil
}

// numberText writes the shortest decimal: no exponent, no .0.
func numberText(v Value) string {
	switch v := v.(type) {
	case Int:
		return strconv.FormatInt(int64(v), 10)
	case Big:
		return v.n.String()
	case Float:
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	}
	return ""
}
