package check

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"espalier.dev/contract"
)

// string checks a text that is known to be well formed.
func (c *Checker) string(v *Violations, place string, s *contract.Schema, text string) {
	length := utf8.RuneCountInString(text)
	switch {
	case length < s.MinLen && length == 0:
		v.Add(place, "must not be empty")
		return
	case length < s.MinLen || s.MaxLen > 0 && length > s.MaxLen:
		v.Add(place, "must have %s, has %d", between(s.MinLen, s.MaxLen, "characters"), length)
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		v.Add(place, "must be %s, is %q", oneOf(s.Enum), cut(text))
		return
	}
	if s.Pattern != "" && !c.pattern(s.Pattern).MatchString(text) {
		v.Add(place, "must match %s, is %q", s.Pattern, cut(text))
		return
	}
	if want := formatFault(s.Format, text); want != "" {
		v.Add(place, "must be %s, is %q", want, cut(text))
	}
}

// formatFault returns what a text would have to be, "" if it is.
func formatFault(f contract.Format, text string) string {
	switch f {
	case contract.DateTime:
		var t time.Time
		if t.UnmarshalText([]byte(text)) != nil {
			return "a time like 2027-06-30T00:00:00Z (RFC 3339)"
		}
	case contract.Email:
		name, host, _ := strings.Cut(text, "@")
		if name == "" || host == "" || strings.ContainsAny(text, " \t\r\n") {
			return "an e-mail address like ann@acme.example"
		}
	case contract.URI:
		if u, err := url.Parse(text); err != nil || u.Scheme == "" {
			return "an address like https://acme.example/page"
		}
	}
	return ""
}

// number checks a number as written; shown is how it is quoted back.
func (c *Checker) number(v *Violations, place string, s *contract.Schema, text, shown string) {
	if s.Type == contract.Integer {
		c.integer(v, place, s, text, shown)
		return
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		v.Add(place, "must be a number that 64 bits can hold, is %s", shown)
		return
	}
	if s.HasMin && f < float64(s.Min) || s.HasMax && f > float64(s.Max) {
		v.Add(place, "must be a number %s, is %s", bounds(s), shown)
	}
}

func (c *Checker) integer(v *Violations, place string, s *contract.Schema, text, shown string) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.HasPrefix(text, "+") || strings.ContainsAny(text, ".eE") {
		v.Add(place, "must be a whole number %s, written without fraction or exponent, is %s", bounds(s), shown)
		return
	}
	if s.HasMin && n < s.Min || s.HasMax && n > s.Max {
		v.Add(place, "must be a whole number %s, is %s", bounds(s), shown)
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		v.Add(place, "must be %s, is %s", oneOf(s.Enum), shown)
	}
}

func bounds(s *contract.Schema) string {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if s.HasMin {
		low = s.Min
	}
	if s.HasMax {
		high = s.Max
	}
	return "from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
}

// between says how many of something there must be; no more than 0 is no upper bound.
func between(low, high int, things string) string {
	switch {
	case high == 0:
		return "at least " + strconv.Itoa(low) + " " + things
	case low == 0:
		return "at most " + strconv.Itoa(high) + " " + things
	default:
		return strconv.Itoa(low) + " to " + strconv.Itoa(high) + " " + things
	}
}

func oneOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "one of " + strings.Join(values, ", ")
}

// textFault says what makes a text unfit to be kept: PostgreSQL refuses NUL and broken UTF-8 where SQLite keeps them, and
// other control characters have no place in names. Tab, line feed and carriage return may stand in texts of several lines.
func textFault(text string) string {
	for i := 0; i < len(text); {
		b := text[i]
		if b >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				return "is not well-formed UTF-8, at byte " + strconv.Itoa(i+1)
			}
			i += size
			continue
		}
		if b < 0x20 && b != '\t' && b != '\n' && b != '\r' || b == 0x7f {
			return "must hold no control character, has " + control(b)
		}
		i++
	}
	return ""
}

func control(b byte) string {
	const digits = "0123456789ABCDEF"
	return "U+00" + string(digits[b>>4]) + string(digits[b&15])
}
