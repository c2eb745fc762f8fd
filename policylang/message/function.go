package message

import (
	"fmt"
	"strings"
	"sync"
	"text/template"
)

// known are the functions that a template may name; what they do is decided when it is executed.
var known = sync.OnceValue(func() template.FuncMap {
	m := &meter{}
	all := m.functions(NewData(nil, nil, nil))
	for _, hidden := range []string{stepName, enterName, leaveName, showName} {
		delete(all, hidden)
	}
	return all
})

// functions are those of the language, those that count, and those of the library that compare or make text: the library's
// own don't know our numbers, and make texts of any length.
func (m *meter) functions(d *Data) template.FuncMap {
	all := template.FuncMap{
		stepName: m.step, enterName: m.enter, leaveName: m.leave, showName: m.show,
		"eq": m.eq, "ne": m.ne, "lt": m.order(func(c int) bool { return c < 0 }), "le": m.order(func(c int) bool { return c <= 0 }),
		"gt": m.order(func(c int) bool { return c > 0 }), "ge": m.order(func(c int) bool { return c >= 0 }),
		"print": m.text(fmt.Sprint), "println": m.text(fmt.Sprintln), "printf": m.printf,
		"html": m.text(template.HTMLEscaper), "js": m.text(template.JSEscaper), "urlquery": m.text(template.URLQueryEscaper),
	}
	for name, v := range d.root() {
		all[name] = func() any { return v }
	}
	return all
}

// escaped is how many bytes one byte may become: JSEscaper writes \u0026.
const escaped = 6

// text guards a function that makes text of its arguments.
func (m *meter) text(made func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		need := 1
		for _, a := range args {
			need += escaped * (1 + length(a, m.making))
		}
		if err := m.make(need); err != nil {
			return "", err
		}
		return made(args...), nil
	}
}

// widest is what the library takes for a width or a precision.
const widest = 1_000_000

func (m *meter) printf(format string, args ...any) (string, error) {
	if err := m.make(printed(format, args, m.making)); err != nil {
		return "", err
	}
	return fmt.Sprintf(format, args...), nil
}

// printed is at least how many bytes printf makes: each verb may print the longest argument, as wide as the widest number
// in the format, or among the arguments if the format takes widths from there. Beyond most it need not be exact.
func printed(format string, args []any, most int) int {
	verbs := strings.Count(format, "%")
	wide, longest := widestNumber(format), 0
	for _, a := range args {
		longest = max(longest, escaped*length(a, most))
		if n, ok := numeric(a); ok && strings.Contains(format, "*") {
			if i, ok := n.Int64(); ok {
				wide = max(wide, int(min(max(i, -i), widest)))
			}
		}
	}
	const marks = 64 // the digits of a number, or %!d(string=…)
	each := min(wide+longest+marks, most+1)
	if verbs > 0 && each > most/verbs {
		return most + 1
	}
	return len(format) + verbs*each + len(args)*each
}

// widestNumber is the greatest number that is written in a format.
func widestNumber(format string) int {
	greatest, n := 0, 0
	for _, c := range []byte(format) {
		if c < '0' || c > '9' {
			n = 0
			continue
		}
		n = min(10*n+int(c-'0'), widest)
		greatest = max(greatest, n)
	}
	return greatest
}

// eq reports whether a equals one of the others, as the library's does.
func (m *meter) eq(a any, others ...any) (bool, error) {
	if len(others) == 0 {
		return false, fmt.Errorf("eq needs two values or more")
	}
	for _, b := range others {
		same, err := m.same(a, b)
		if same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func (m *meter) ne(a, b any) (bool, error) {
	same, err := m.same(a, b)
	return !same, err
}

// same compares two simple values. Those of different types differ.
func (m *meter) same(a, b any) (bool, error) {
	if _, err := m.step(); err != nil {
		return false, err
	}
	for _, v := range []any{a, b} {
		switch v.(type) {
		case []any, map[string]any:
			return false, fmt.Errorf("lists and objects can't be compared")
		}
	}
	x, isNumber := numeric(a)
	y, areNumbers := numeric(b)
	if isNumber && areNumbers {
		return x.Compare(y) == 0, nil
	}
	return !isNumber && !areNumbers && a == b, nil
}

func (m *meter) order(holds func(c int) bool) func(a, b any) (bool, error) {
	return func(a, b any) (bool, error) {
		if _, err := m.step(); err != nil {
			return false, err
		}
		x, isNumber := numeric(a)
		y, areNumbers := numeric(b)
		s, isText := a.(string)
		t, areTexts := b.(string)
		switch {
		case isNumber && areNumbers:
			return holds(x.Compare(y)), nil
		case isText && areTexts:
			return holds(strings.Compare(s, t)), nil
		}
		return false, fmt.Errorf("only two numbers or two strings have an order")
	}
}
