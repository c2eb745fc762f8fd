package workflow

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func fnSize(_ *env, a []Value) (Value, error) {
	switch x := a[0].(type) {
	case nil:
		return Int(0), nil
	case Array:
		return Int(x.Len()), nil
	case Hash:
		return Int(x.Len()), nil
	case String:
		return Int(utf8.RuneCountInString(string(x))), nil
	}
	return nil, fault("size of %s is not defined", article(a[0]))
}

// array is an argument that must be a list; null counts as an empty one.
func array(v Value, of string) (Array, error) {
	switch x := v.(type) {
	case nil:
		return Array{}, nil
	case Array:
		return x, nil
	}
	return Array{}, fault("%s: expected an array, got %s", of, article(v))
}

func fnFirst(_ *env, a []Value) (Value, error) { return end(a[0], "first", false) }
func fnLast(_ *env, a []Value) (Value, error)  { return end(a[0], "last", true) }

func end(v Value, of string, last bool) (Value, error) {
	list, err := array(v, of)
	if err != nil || list.Len() == 0 {
		return nil, err
	}
	if last {
		return list.At(list.Len() - 1), nil
	}
	return list.At(0), nil
}

// fnSort sorts elements of one type that has an order, or by a member of theirs that a path such as a/b leads to.
func fnSort(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "sort")
	if err != nil {
		return nil, err
	}
	by, descending := opt(a, 1), opt(a, 2) == Value(String("desc"))
	var wrong error
	items := slices.Clone(list.Items())
	slices.SortStableFunc(items, func(x, y Value) int {
		x, y = member(x, by), member(y, by)
		c, ok := compare(x, y)
		if !ok && wrong == nil {
			wrong = fault("sort: %s and %s have no order", article(x), article(y))
		}
		if descending {
			return -c
		}
		return c
	})
	return ArrayOf(items...), wrong
}

// member follows a path of keys with / between them; null is the value itself.
func member(v, path Value) Value {
	if path == nil {
		return v
	}
	for part := range strings.SplitSeq(Text(path), "/") {
		h, ok := v.(Hash)
		if !ok {
			return nil
		}
		v, _ = h.Get(part)
	}
	return v
}

func fnContains(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "contains?")
	if err != nil {
		return nil, err
	}
	wanted, ok := a[1].(Array)
	if !ok {
		wanted = ArrayOf(a[1])
	}
	return subset("<=", wanted, list), nil
}

func fnEmpty(_ *env, a []Value) (Value, error) {
	n, err := fnSize(nil, a)
	return Bool(n == Value(Int(0))), err
}

// meets reports whether v is what is wanted: true, equal to it, or matched by "/re/".
func meets(v Value, wanted []Value) (bool, error) {
	if len(wanted) == 0 {
		return Truth(v), nil
	}
	switch w := wanted[0].(type) {
	case Regexp:
		return matches(v, w)
	case String:
		if _, _, ok := delimited(string(w)); ok {
			s, isText := v.(String)
			if !isText {
				return false, nil
			}
			return matches(s, w)
		}
	}
	return Equal(v, wanted[0]), nil
}

func fnAny(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "any?")
	for _, v := range list.Items() {
		if ok, err := meets(v, a[1:]); ok || err != nil {
			return Bool(ok), err
		}
	}
	return Bool(false), err
}

func fnAll(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "all?")
	for _, v := range list.Items() {
		if ok, err := meets(v, a[1:]); !ok || err != nil {
			return Bool(false), err
		}
	}
	return Bool(err == nil), err
}

// fnSelect keeps the hashes that have all members of the second argument, whose values may be "/re/".
func fnSelect(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "select")
	if err != nil {
		return nil, err
	}
	want, ok := a[1].(Hash)
	if !ok {
		return nil, fault("select: expected a hash to compare with, got %s", article(a[1]))
	}
	out := Array{}
	for _, v := range list.Items() {
		h, isHash := v.(Hash)
		fits := isHash
		for k, w := range want.All() {
			got, there := h.Get(k)
			met, err := meets(got, []Value{w})
			if err != nil {
				return nil, err
			}
			fits = fits && there && met
		}
		if fits {
			out = out.Append(v)
		}
	}
	return out, nil
}

func fnUnique(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "unique")
	out := Array{}
	for _, v := range list.Items() {
		if !holds(out, v) {
			out = out.Append(v)
		}
	}
	return out, err
}

func fnEquals(_ *env, a []Value) (Value, error)   { return Bool(Equal(a[0], a[1])), nil }
func fnLogicAnd(_ *env, a []Value) (Value, error) { return Bool(Truth(a[0]) && Truth(a[1])), nil }
func fnLogicOr(_ *env, a []Value) (Value, error)  { return Bool(Truth(a[0]) || Truth(a[1])), nil }
func fnLogicNot(_ *env, a []Value) (Value, error) { return Bool(!Truth(a[0])), nil }
func fnSame(_ *env, a []Value) (Value, error)     { return a[0], nil }
func fnType(_ *env, a []Value) (Value, error)     { return String(TypeName(a[0])), nil }
func fnInspect(_ *env, a []Value) (Value, error)  { return String(Inspect(a[0])), nil }
func fnToS(_ *env, a []Value) (Value, error)      { return String(Text(a[0])), nil }
func fnToJSON(_ *env, a []Value) (Value, error)   { return String(JSON(a[0])), nil }

func fnSwitch(_ *env, a []Value) (Value, error) {
	if Truth(a[0]) {
		return a[1], nil
	}
	return a[2], nil
}

func hash(v Value, of string) (Hash, error) {
	h, ok := v.(Hash)
	if !ok {
		return h, fault("%s: expected a hash, got %s", of, article(v))
	}
	return h, nil
}

func fnKeys(_ *env, a []Value) (Value, error) {
	h, err := hash(a[0], "keys")
	out := Array{}
	for _, k := range h.Keys() {
		out = out.Append(String(k))
	}
	return out, err
}

func fnValues(_ *env, a []Value) (Value, error) {
	h, err := hash(a[0], "values")
	out := Array{}
	for _, v := range h.All() {
		out = out.Append(v)
	}
	return out, err
}

// fnMap looks a value up in a table of two levels; what is missing on the way is null.
func fnMap(_ *env, a []Value) (Value, error) {
	h, err := hash(a[0], "map")
	if err != nil {
		return nil, err
	}
	k, err := key(a[1])
	if err != nil {
		return nil, err
	}
	inner, there := h.Get(k)
	if !there || inner == nil {
		return nil, nil
	}
	return index(inner, a[2])
}

func fnJoin(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "join")
	if err != nil {
		return nil, err
	}
	parts := make([]string, list.Len())
	for i, v := range list.Items() {
		parts[i] = joinText(v)
	}
	return String(strings.Join(parts, joinText(opt(a, 1)))), nil
}

func fnToN(_ *env, a []Value) (Value, error) {
	switch x := a[0].(type) {
	case nil:
		return Int(0), nil
	case Bool:
		if x {
			return Int(1), nil
		}
		return Int(0), nil
	case Time:
		return Int(x), nil
	case String:
		return leadingNumber(strings.TrimSpace(string(x))), nil
	}
	if isNumber(a[0]) {
		return a[0], nil
	}
	return nil, fault("to_n of %s is not defined", article(a[0]))
}

// leadingNumber reads a text that is a number, and 0 if it is none.
func leadingNumber(s string) Value {
	body := strings.TrimLeft(s, "+-")
	if len(s)-len(body) > 1 {
		return Int(0)
	}
	n := digits(body)
	rest := body[n:]
	if strings.HasPrefix(rest, ".") {
		rest = rest[1+digits(rest[1:]):]
	}
	if len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') && n > 0 {
		exp := strings.TrimLeft(rest[1:], "+-")
		if len(rest)-1-len(exp) <= 1 && digits(exp) > 0 {
			rest = exp[digits(exp):]
		}
	}
	if rest != "" || strings.Trim(body, ".") == "" {
		return Int(0)
	}
	return parseNumber(strings.TrimPrefix(s, "+"))
}

func fnToB(_ *env, a []Value) (Value, error) {
	switch x := a[0].(type) {
	case String:
		return Bool(x == "true"), nil
	case Int, Big, Float:
		return Bool(compareNumbers(x, Int(0)) != 0), nil
	}
	return Bool(Truth(a[0])), nil
}

var dateLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	timeLayout, "2006/01/02 15:04:05 -0700", "2006/01/02 15:04:05", "2006/01/02 15:04", "2006/01/02",
	time.RFC1123Z, time.RFC1123, time.RFC850, time.ANSIC, time.UnixDate, "2 Jan 2006 15:04:05", "2 Jan 2006", "Jan 2, 2006", "January 2, 2006", "20060102T150405Z", "20060102",
}

// fnToD reads a number as seconds since 1970, and text in any of the usual forms; without a zone it is UTC.
func fnToD(_ *env, a []Value) (Value, error) {
	switch x := a[0].(type) {
	case Time:
		return x, nil
	case Int, Float:
		n, ok := seconds(x)
		if ok {
			return Time(n), nil
		}
	case String:
		text := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(string(x), `d"`), `"`))
		for _, layout := range dateLayouts {
			if t, err := time.Parse(layout, text); err == nil {
				return Time(t.Unix()), nil
			}
		}
		return nil, fault("to_d: %q is no date that we know", text)
	}
	return nil, fault("to_d of %s is not defined", article(a[0]))
}

func fnToA(_ *env, a []Value) (Value, error) {
	switch x := a[0].(type) {
	case Array:
		return x, nil
	case nil:
		return Array{}, nil
	case Hash:
		out := Array{}
		for k, v := range x.All() {
			out = out.Append(ArrayOf(String(k), v))
		}
		return out, nil
	}
	return ArrayOf(a[0]), nil
}

func fnFromJSON(_ *env, a []Value) (Value, error) {
	s, err := str(a[0], "from_json")
	if err != nil {
		return nil, err
	}
	v, bad := FromJSON(s)
	if bad != nil {
		return nil, fault("from_json: %s", bad)
	}
	return v, nil
}

// fnTagValue finds namespace:name=value in a list of tags, texts or hashes with a name.
func fnTagValue(_ *env, a []Value) (Value, error) {
	list, err := array(a[0], "tag_value")
	if err != nil {
		return nil, err
	}
	prefix := joinText(a[1]) + "="
	for _, v := range list.Items() {
		if h, ok := v.(Hash); ok {
			v, _ = h.Get("name")
		}
		if value, ok := strings.CutPrefix(joinText(v), prefix); ok {
			return String(value), nil
		}
	}
	return nil, nil
}

func fnNow(e *env, _ []Value) (Value, error) { return Time(e.now().Unix()), nil }

func fnSigner(_ *env, a []Value) (Value, error) {
	if s, ok := a[0].(Signer); ok {
		return s, nil
	}
	s, err := str(a[0], "signer")
	return Signer(s), err
}

// fnRand needs the host's randomness, so that a recorded run repeats.
func fnRand(e *env, a []Value) (Value, error) {
	raw, err := e.random(8)
	if err != nil {
		return nil, fault("rand: %s", err)
	}
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	limit, ok := seconds(opt(a, 0))
	if !ok || cmp.Compare(limit, 0) <= 0 {
		return Float(float64(n>>11) / (1 << 53)), nil
	}
	return Int(n % uint64(limit)), nil
}
