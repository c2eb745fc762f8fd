package value

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"
)

// Plain is v in Go's own types, for libraries and text templates: nil, bool, string, []any, map[string]any; an integer
// as int64, another number as float64, and as json.Number where that would lose digits. Nothing in it is shared with v.
func Plain(v Value) any {
	switch v := v.(type) {
	case Number:
		return plainNumber(v)
	case []Value:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Plain(e)
		}
		return out
	case *Map:
		out := make(map[string]any, v.Len())
		for k, e := range v.All() {
			out[k] = Plain(e)
		}
		return out
	case Internal:
		return Plain(v.Settle())
	}
	return v
}

func plainNumber(n Number) any {
	if i, ok := n.Int64(); ok {
		return i
	}
	f := n.Float64()
	if same, ok := Float(f); ok && same.Compare(n) == 0 {
		return f
	}
	return json.Number(n)
}

// From is a value of Go's own types: what Plain gives, all integers, floats, times, lists and maps of strings. The keys
// of a map are sorted, for it has no order. An infinity, or what is no number, becomes null as it does in JSON.
func From(v any) (Value, error) {
	switch v := v.(type) {
	case nil, bool, string, Number, *Map, Internal:
		return v, nil
	case json.Number:
		return ParseNumber(string(v))
	case int:
		return Int(int64(v)), nil
	case int32:
		return Int(int64(v)), nil
	case int64:
		return Int(v), nil
	case uint64:
		return Number(strconv.FormatUint(v, 10)), nil
	case float64:
		if n, ok := Float(v); ok {
			return n, nil
		}
		return nil, nil
	case time.Time:
		return NewDate(v), nil
	case *big.Int:
		return ParseNumber(v.String())
	case []string:
		return fromList(v)
	case []any:
		return fromList(v)
	case map[string]any:
		return fromMap(v)
	case map[string]string:
		return fromMap(v)
	}
	return nil, wrongKind(v, "a value")
}

func fromList[T any](list []T) (Value, error) {
	out := make([]Value, len(list))
	for i, e := range list {
		v, err := From(e)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func fromMap[T any](m map[string]T) (Value, error) {
	out := New()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, err := From(m[k])
		if err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	return out, nil
}

func wrongKind(v Value, want string) error { return fmt.Errorf("%s where %s should be", Kind(v), want) }
