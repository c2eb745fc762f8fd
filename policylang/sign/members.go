package sign

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// members reads the members of an object and gathers what is wrong with them.
type members struct {
	prefix   string // of the names in problems, as clientCredentialsParams.
	in       map[string]member
	known    []string // names that were asked for, in order
	problems *[]Problem
}

type member struct {
	name  string // as given
	value any
}

// need says whether a member must be there.
type need bool

const (
	required need = true
	optional need = false
)

func newMembers(in map[string]any) *members {
	m := &members{problems: new([]Problem)}
	m.fill(in)
	return m
}

func (m *members) fill(in map[string]any) {
	m.in = make(map[string]member, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if in[name] == nil {
			continue
		}
		if first, ok := m.in[folded(name)]; ok {
			m.wrong(name, fmt.Sprintf("is given a second time, after %s", first.name))
			continue
		}
		m.in[folded(name)] = member{name, in[name]}
	}
}

// folded makes clientId, client_id and ClientID one.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func (m *members) wrong(name, msg string) {
	*m.problems = append(*m.problems, Problem{Member: m.prefix + name, Msg: msg})
}

func (m *members) has(name string) bool {
	_, ok := m.in[folded(name)]
	return ok
}

// take returns the value of a member, nil if it is absent, and remembers that the name is a good one.
func (m *members) take(name string) any {
	if !slices.Contains(m.known, name) {
		m.known = append(m.known, name)
	}
	return m.in[folded(name)].value
}

// rest complains of the members that nobody asked for.
func (m *members) rest() {
	good := make(map[string]bool)
	for _, name := range m.known {
		good[folded(name)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(m.in)) {
		if !good[key] {
			m.wrong(m.in[key].name, "is no member here; there are "+listed(m.known))
		}
	}
}

func (m *members) text(name string, n need) string {
	value := m.take(name)
	text, isText := value.(string)
	switch {
	case value == nil && n == required, isText && text == "" && n == required:
		m.wrong(name, "is missing")
	case value != nil && !isText:
		m.wrong(name, "must be a text")
	}
	return text
}

func (m *members) secret(name string, n need) Secret { return Secret(m.text(name, n)) }

// or is a text that stands for a value of its own when it is absent or empty.
func (m *members) or(name, absent string) string {
	if text := m.text(name, optional); text != "" {
		return text
	}
	return absent
}

// word is one of a few, the first if it is absent.
func (m *members) word(name string, words ...string) string {
	word := m.or(name, words[0])
	if !slices.Contains(words, word) {
		m.wrong(name, "must be "+strings.Join(words, " or "))
		return words[0]
	}
	return word
}

// matching is a required text of a form.
func (m *members) matching(name string, form *regexp.Regexp, example string) string {
	text := m.text(name, required)
	if text != "" && !form.MatchString(text) {
		m.wrong(name, "must read like "+example)
	}
	return text
}

// number is a whole number within bounds.
func (m *members) number(name string, absent, least, most int) int {
	value := m.take(name)
	if value == nil {
		return absent
	}
	n, ok := whole(value)
	if !ok || n < int64(least) || n > int64(most) {
		if least == most {
			m.wrong(name, fmt.Sprintf("must be %d", least))
		} else {
			m.wrong(name, fmt.Sprintf("must be a whole number from %d to %d", least, most))
		}
		return absent
	}
	return int(n)
}

// whole reads the numbers that decoders of JSON and YAML make.
func whole(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	case json.Number:
		i, err := strconv.ParseInt(n.String(), 10, 64)
		return i, err == nil
	default:
		return 0, false
	}
}

func (m *members) flag(name string) bool {
	value := m.take(name)
	flag, ok := value.(bool)
	if value != nil && !ok {
		m.wrong(name, "must be true or false")
	}
	return flag
}

// texts is a list of texts.
func (m *members) texts(name string) []string {
	texts, ok := textList(m.take(name))
	if !ok {
		m.wrong(name, "must be a list of texts")
	}
	return texts
}

func textList(value any) ([]string, bool) {
	switch list := value.(type) {
	case nil:
		return nil, true
	case []string:
		return list, true
	case []any:
		texts := make([]string, len(list))
		for i, v := range list {
			text, ok := v.(string)
			if !ok {
				return nil, false
			}
			texts[i] = text
		}
		return texts, true
	default:
		return nil, false
	}
}

// object is the reader of an object's members, whose problems are told along; nil if there is none.
func (m *members) object(name string, n need) *members {
	value := m.take(name)
	object, ok := value.(map[string]any)
	if !ok {
		if value != nil {
			m.wrong(name, "must be an object")
		} else if n == required {
			m.wrong(name, "is missing")
		}
		return nil
	}
	inner := &members{prefix: m.prefix + name + ".", problems: m.problems}
	inner.fill(object)
	return inner
}

// plain is an object whose members are the user's own.
func (m *members) plain(name string) map[string]any {
	value := m.take(name)
	object, ok := value.(map[string]any)
	if value != nil && !ok {
		m.wrong(name, "must be an object")
	}
	return object
}

// headers is an object of lists of texts, or of texts.
func (m *members) headers(name string) http.Header {
	object := m.plain(name)
	if len(object) == 0 {
		return nil
	}
	headers := make(http.Header, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		member := name + "." + key
		m.headerName(member, key)
		value := object[key]
		if text, ok := value.(string); ok {
			value = []string{text}
		}
		values, ok := textList(value)
		if !ok {
			m.wrong(member, "must be a list of texts")
		}
		for _, v := range values {
			m.headerValue(member, v)
		}
		headers[http.CanonicalHeaderKey(key)] = values
	}
	return headers
}

func (m *members) headerName(member, name string) {
	if !httpguts.ValidHeaderFieldName(name) {
		m.wrong(member, "is no name that a header may have")
	}
}

func (m *members) headerValue(member, value string) {
	if !httpguts.ValidHeaderFieldValue(value) {
		m.wrong(member, "holds characters that no header may, as a line break")
	}
}

// params is an object as the parameters of a form: a list repeats its name, what has members is written as JSON.
func (m *members) params(name string) url.Values {
	object := m.plain(name)
	if len(object) == 0 {
		return nil
	}
	form := make(url.Values, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		list, ok := object[key].([]any)
		if !ok {
			list = []any{object[key]}
		}
		for _, value := range list {
			text, ok := value.(string)
			if value == nil {
				continue
			}
			if !ok {
				encoded, err := json.Marshal(value)
				if err != nil {
					m.wrong(name+"."+key, "must be a value that JSON has")
				}
				text = string(encoded)
			}
			form.Add(key, text)
		}
	}
	return form
}

// claims is an object that can be written as JSON.
func (m *members) claims(name string) map[string]any {
	object := m.plain(name)
	if _, err := json.Marshal(object); err != nil {
		m.wrong(name, "must be an object that JSON has")
	}
	return object
}

// jwtHeaders is an object of texts.
func (m *members) jwtHeaders(name string) map[string]string {
	object := m.plain(name)
	headers := make(map[string]string, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, ok := object[key].(string)
		switch {
		case !ok:
			m.wrong(name+"."+key, "must be a text")
		case key == "alg" || key == "crit" || key == "b64":
			m.wrong(name+"."+key, "is not to be chosen: assertions are signed by RS256, in the ordinary form")
		}
		headers[key] = text
	}
	return headers
}

// together complains if one of two members is there without the other.
func (m *members) together(a, valueA, b, valueB string) {
	m.needs(a, valueA, b, valueB)
	m.needs(b, valueB, a, valueA)
}

// needs complains if a member is there without the one that it needs.
func (m *members) needs(name, value, other, otherValue string) {
	if value != "" && otherValue == "" {
		m.wrong(name, "is of no use without "+other)
	}
}
