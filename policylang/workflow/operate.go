package workflow

import (
	"cmp"
	"slices"
	"strings"
)

// operate computes x op y for every operator but && and ||, which do not always need y.
func (e *env) operate(op string, x, y Value) (Value, error) {
	switch op {
	case "+":
		return e.add(x, y)
	case "-":
		return subtract(x, y)
	case "*", "/", "%", "^":
		if isNumber(x) && isNumber(y) {
			return arithmetic(op, x, y)
		}
	case "==":
		return Bool(Equal(x, y)), nil
	case "!=":
		return Bool(!Equal(x, y)), nil
	case "<", "<=", ">", ">=":
		return order(op, x, y)
	case "=~", "!~":
		found, err := matches(x, y)
		return Bool(found == (op == "=~")), err
	case "&", "|":
		return both(op, x, y)
	case "<<":
		return appendTo(x, y)
	}
	return nil, operandFault(op, x, y)
}

func operandFault(op string, x, y Value) *Fault {
	return fault("%s %s %s is not defined", article(x), op, article(y))
}

func article(v Value) string {
	switch n := TypeName(v); n {
	case "null":
		return n
	case "array":
		return "an array"
	default:
		return "a " + n
	}
}

func (e *env) add(x, y Value) (Value, error) {
	switch a := x.(type) {
	case String:
		if b, ok := y.(String); ok {
			return a + b, nil
		}
		if isNumber(y) || e.lenient {
			return a + String(joinText(y)), nil
		}
		return nil, fault("a string + %s is not defined; to_s makes a string of anything", article(y))
	case Array:
		if b, ok := y.(Array); ok {
			return ArrayOf(append(slices.Clone(a.Items()), b.Items()...)...), nil
		}
	case Hash:
		if b, ok := y.(Hash); ok {
			return merge(a, b), nil
		}
	case Time:
		if n, ok := seconds(y); ok {
			return a + Time(n), nil
		}
	}
	if isNumber(x) && isNumber(y) {
		return arithmetic("+", x, y)
	}
	return nil, operandFault("+", x, y)
}

// merge keeps the left value where both have a key, as the published example does against its own text.
func merge(a, b Hash) Hash {
	for k, v := range b.All() {
		if _, there := a.Get(k); !there {
			a = a.With(k, v)
		}
	}
	return a
}

// seconds is a number as whole seconds.
func seconds(v Value) (int64, bool) {
	switch v := v.(type) {
	case Int:
		return int64(v), true
	case Float:
		if v > -1e15 && v < 1e15 {
			return int64(v), true
		}
	}
	return 0, false
}

func subtract(x, y Value) (Value, error) {
	if isNumber(x) && isNumber(y) {
		return arithmetic("-", x, y)
	}
	switch a := x.(type) {
	case Time:
		if b, ok := y.(Time); ok {
			return Int(a - b), nil
		}
		if n, ok := seconds(y); ok {
			return a - Time(n), nil
		}
	case Array:
		if b, ok := y.(Array); ok {
			left := slices.DeleteFunc(slices.Clone(a.Items()), func(v Value) bool { return holds(b, v) })
			return ArrayOf(left...), nil
		}
	}
	return nil, operandFault("-", x, y)
}

func holds(a Array, v Value) bool {
	return slices.ContainsFunc(a.Items(), func(w Value) bool { return Equal(v, w) })
}

// compare orders two values of one type that has an order.
func compare(x, y Value) (int, bool) {
	if isNumber(x) && isNumber(y) {
		return compareNumbers(x, y), true
	}
	switch a := x.(type) {
	case String:
		b, ok := y.(String)
		return cmp.Compare(a, b), ok
	case Time:
		b, ok := y.(Time)
		return cmp.Compare(a, b), ok
	}
	return 0, false
}

// order compares; of arrays it asks which is a subset of which.
func order(op string, x, y Value) (Value, error) {
	if a, ok := x.(Array); ok {
		if b, ok := y.(Array); ok {
			return subset(op, a, b), nil
		}
	}
	c, ok := compare(x, y)
	if !ok {
		return nil, operandFault(op, x, y)
	}
	switch op {
	case "<":
		return Bool(c < 0), nil
	case "<=":
		return Bool(c <= 0), nil
	case ">":
		return Bool(c > 0), nil
	}
	return Bool(c >= 0), nil
}

func subset(op string, a, b Array) Bool {
	if op[0] == '>' {
		a, b = b, a
	}
	for _, v := range a.Items() {
		if !holds(b, v) {
			return false
		}
	}
	if len(op) == 2 {
		return true
	}
	return Bool(slices.ContainsFunc(b.Items(), func(v Value) bool { return !holds(a, v) }))
}

// matches is =~: text against a regexp, an array that holds a value, a hash that has a key. null matches nothing.
func matches(x, y Value) (bool, error) {
	switch a := x.(type) {
	case nil:
		return false, nil
	case Array:
		return holds(a, y), nil
	case Hash:
		_, there := a.Get(joinText(y))
		return there, nil
	}
	re, err := pattern(y)
	if err != nil {
		return false, err
	}
	return re.MatchString(Text(x)), nil
}

// both is & and |: of arrays the elements in both or in any, each once; of integers bit by bit; else of truth.
func both(op string, x, y Value) (Value, error) {
	a, okA := x.(Array)
	b, okB := y.(Array)
	if okA && okB {
		var out []Value
		all := append(slices.Clone(a.Items()), b.Items()...)
		for _, v := range all {
			if (op == "|" || holds(a, v) && holds(b, v)) && !holds(ArrayOf(out...), v) {
				out = append(out, v)
			}
		}
		return ArrayOf(out...), nil
	}
	if i, ok := x.(Int); ok {
		if j, ok := y.(Int); ok {
			if op == "&" {
				return i & j, nil
			}
			return i | j, nil
		}
	}
	if op == "&" {
		return Bool(Truth(x) && Truth(y)), nil
	}
	return Bool(Truth(x) || Truth(y)), nil
}

func appendTo(x, y Value) (Value, error) {
	switch a := x.(type) {
	case Array:
		return a.Append(y), nil
	case String:
		if b, ok := y.(String); ok {
			return a + b, nil
		}
	case nil:
		return nil, fault("null << %s: set the variable to [] first", TypeName(y))
	}
	return nil, operandFault("<<", x, y)
}

func unaryOp(op string, x Value) (Value, error) {
	switch {
	case op == "!":
		return Bool(!Truth(x)), nil
	case !isNumber(x):
		return nil, fault("%s%s is not defined", op, article(x))
	case op == "-":
		if f, ok := x.(Float); ok {
			return -f, nil
		}
		return arithmetic("-", Int(0), x)
	}
	return x, nil
}

// index is x[i]. What a hash or an array does not have is null; null has no members at all.
func index(x, i Value) (Value, error) {
	switch a := x.(type) {
	case nil:
		return nil, fault("null[%s]: there is nothing to take a member of", Inspect(i))
	case Hash:
		k, err := key(i)
		if err != nil {
			return nil, err
		}
		v, _ := a.Get(k)
		return v, nil
	case Array:
		n, ok := i.(Int)
		if !ok {
			return nil, fault("an array has no member %s: it is indexed by whole numbers", Inspect(i))
		}
		if at, ok := within(int64(n), a.Len()); ok {
			return a.At(at), nil
		}
		return nil, nil
	case String:
		n, ok := i.(Int)
		if !ok {
			return nil, fault("a string has no member %s: it is indexed by whole numbers", Inspect(i))
		}
		runes := []rune(string(a))
		if at, ok := within(int64(n), len(runes)); ok {
			return String(runes[at]), nil
		}
		return nil, nil
	}
	return nil, fault("%s has no members", article(x))
}

// within turns an index that may count from the end into one that does not, and reports whether it is below n.
func within(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

// key is a value as the key of a hash.
func key(v Value) (string, error) {
	switch v.(type) {
	case nil, Array, Hash:
		return "", fault("%s cannot be a key", article(v))
	}
	return Text(v), nil
}

// slice is x[from..to], both ends included and clipped to what there is. nil ends are the first and the last.
func slice(x, from, to Value) (Value, error) {
	var n int
	var runes []rune
	switch a := x.(type) {
	case Array:
		n = a.Len()
	case String:
		runes = []rune(string(a))
		n = len(runes)
	default:
		return nil, fault("%s has no parts", article(x))
	}
	first, err := bound(from, 0, n)
	if err != nil {
		return nil, err
	}
	last, err := bound(to, int64(n)-1, n)
	if err != nil {
		return nil, err
	}
	first, end := max(first, 0), min(last+1, int64(n))
	first = min(first, max(end, 0))
	if a, ok := x.(Array); ok {
		return ArrayOf(a.Items()[first:max(end, first)]...), nil
	}
	return String(runes[first:max(end, first)]), nil
}

func bound(v Value, otherwise int64, n int) (int64, error) {
	switch i := v.(type) {
	case nil:
		return otherwise, nil
	case Int:
		if i < 0 {
			return int64(i) + int64(n), nil
		}
		return min(int64(i), int64(n)), nil
	}
	return 0, fault("%s is no end of a slice: expected a whole number", article(v))
}

// setIn is x with the member that path leads to set by change. A missing hash on the way is made.
func setIn(x Value, path []Value, change func(Value) (Value, error)) (Value, error) {
	if len(path) == 0 {
		return change(x)
	}
	switch a := x.(type) {
	case nil:
		k, err := key(path[0])
		if err != nil {
			return nil, err
		}
		if _, number := path[0].(Int); number {
			return nil, fault("null[%s]: there is nothing to set a member of", Inspect(path[0]))
		}
		v, err := setIn(nil, path[1:], change)
		return Hash{}.With(k, v), err
	case Hash:
		k, err := key(path[0])
		if err != nil {
			return nil, err
		}
		old, _ := a.Get(k)
		v, err := setIn(old, path[1:], change)
		if err != nil {
			return nil, err
		}
		return a.With(k, v), nil
	case Array:
		n, ok := path[0].(Int)
		at, inside := within(int64(n), a.Len())
		if !ok || at < 0 || at > a.Len()+maxGap {
			return nil, fault("an array of %d elements has no place for [%s]", a.Len(), Inspect(path[0]))
		}
		var old Value
		if inside {
			old = a.At(at)
		}
		v, err := setIn(old, path[1:], change)
		if err != nil {
			return nil, err
		}
		return a.With(at, v), nil
	}
	return nil, fault("%s has no members to set", article(x))
}

// maxGap is how far behind the end of an array an assignment may reach; null fills the gap.
const maxGap = 1000

// rangeOf is [a..b]: whole numbers, or strings that end in a number.
func rangeOf(from, to Value, limit int) (Value, error) {
	if a, ok := from.(String); ok {
		b, ok := to.(String)
		if !ok {
			return nil, fault("%s..%s is no range", TypeName(from), TypeName(to))
		}
		return stringRange(string(a), string(b), limit)
	}
	a, okA := from.(Int)
	b, okB := to.(Int)
	if !okA || !okB {
		return nil, fault("%s..%s is no range", TypeName(from), TypeName(to))
	}
	return numberRange("", 0, int64(a), int64(b), limit)
}

func numberRange(prefix string, width int, from, to int64, limit int) (Value, error) {
	if to >= from && uint64(to-from) >= uint64(limit) {
		return nil, &Fault{Type: "limit", Message: "a range may have " + Text(Int(limit)) + " elements"}
	}
	out := Array{}
	for i := from; i <= to; i++ {
		var v Value = Int(i)
		if prefix != "" || width > 0 {
			digits := Text(Int(i))
			v = String(prefix + strings.Repeat("0", max(width-len(digits), 0)) + digits)
		}
		out = out.Append(v)
		if i == to { // to may be the greatest number there is
			break
		}
	}
	return out, nil
}

func stringRange(a, b string, limit int) (Value, error) {
	headA, numA := splitNumber(a)
	headB, numB := splitNumber(b)
	from, okA := parseNumber(numA).(Int)
	to, okB := parseNumber(numB).(Int)
	if headA != headB || numA == "" || numB == "" || !okA || !okB {
		return nil, fault(`"%s".."%s" is no range: expected the same text followed by numbers`, a, b)
	}
	return numberRange(headA, len(numA), int64(from), int64(to), limit)
}

func splitNumber(s string) (head, number string) {
	head = strings.TrimRight(s, "0123456789")
	return head, s[len(head):]
}
