package term

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"espalier.dev/policylang/value"
)

// join(list, separator) puts the elements together as texts.
func join(c *call) (value.Value, error) {
	list, err := c.list(0)
	if err != nil {
		return nil, err
	}
	separator := ""
	if len(c.args) > 1 {
		if separator, err = c.text(1); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	for i, e := range list {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(value.Text(e))
	}
	return b.String(), nil
}

// split(text, separator) gives the parts between separators, which are strings or what a regular expression finds. Null has
// no parts.
func split(c *call) (value.Value, error) {
	if c.args[0] == nil {
		return []value.Value{}, nil
	}
	text, err := c.text(0)
	if err != nil {
		return nil, err
	}
	var parts []string
	if re, ok := c.args[1].(Regexp); ok {
		parts = re.Split(text, -1)
	} else {
		separator, err := c.text(1)
		if err != nil {
			return nil, c.wrong(1, "a string or a regular expression")
		}
		parts = strings.Split(text, separator)
	}
	out := make([]value.Value, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

// maxWidth bounds what a text is filled up to.
const maxWidth = 1 << 20

// justify is ljust(text, width, pad) and rjust: the text, filled up on the right or on the left with pad, which is repeated
// and cut.
func justify(c *call) (value.Value, error) {
	text := value.Text(c.args[0])
	width, err := c.integer(1)
	if err != nil {
		return nil, err
	}
	if width > maxWidth {
		return nil, c.blame(1, fmt.Errorf("must be no more than %d", maxWidth))
	}
	pad, err := c.text(2)
	if err != nil {
		return nil, err
	}
	if pad == "" {
		return nil, c.blame(2, errors.New("must not be empty"))
	}
	fill := []rune{}
	for missing := int(width) - utf8.RuneCountInString(text); len(fill) < missing; {
		fill = append(fill, []rune(pad)[:min(missing-len(fill), utf8.RuneCountInString(pad))]...)
	}
	if c.x.Name.Name == "rjust" {
		return string(fill) + text, nil
	}
	return text + string(fill), nil
}

// to_n(text) reads a number.
func toNumber(c *call) (value.Value, error) {
	switch v := c.settled(0).(type) {
	case value.Number:
		return v, nil
	case string:
		n, err := value.ParseNumber(v)
		return n, err
	}
	return nil, c.wrong(0, "a string or a number")
}

func toString(c *call) (value.Value, error) { return value.Text(c.args[0]), nil }

func toBoolean(c *call) (value.Value, error) { return value.Truth(c.args[0]), nil }

func now(c *call) (value.Value, error) { return value.NewDate(c.scope.Now()), nil }

func cred(c *call) (value.Value, error) {
	name, err := c.text(0)
	if err != nil {
		return nil, err
	}
	secret, err := c.scope.Secret(c.ctx, name)
	return secret, err
}

// layouts are the forms of dates that to_d knows. Without a zone they are in UTC.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 Z07:00",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05.999999999 MST",
	"2006-01-02 15:04:05.999999999 -0700 MST",
	"2006-01-02 15:04",
	"2006-01-02",
	"2006-01",
	"2006/01/02 15:04:05",
	"2006/01/02",
	"20060102T150405Z0700",
	"20060102T150405",
	"20060102",
	"01/02/2006 15:04:05",
	"01/02/2006",
	time.RFC1123Z,
	time.RFC1123,
	time.RFC850,
	time.RFC822Z,
	time.RFC822,
	time.ANSIC,
	time.UnixDate,
	time.RubyDate,
	"2 Jan 2006 15:04:05",
	"2 Jan 2006",
	"2 January 2006",
	"Jan 2, 2006 15:04:05",
	"Jan 2, 2006",
	"January 2, 2006",
}

// to_d(text) reads a date. Ten digits are seconds since 1970, and thirteen milliseconds.
func toDate(c *call) (value.Value, error) {
	switch v := c.settled(0).(type) {
	case value.Date:
		return v, nil
	case string:
		text := strings.TrimSpace(v)
		if t, ok := epoch(text); ok {
			return value.NewDate(t), nil
		}
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				return value.NewDate(t), nil
			}
		}
		return nil, c.blame(0, fmt.Errorf("is no date in a form that is known: %.60q", v))
	}
	return nil, c.wrong(0, "a string or a date")
}

// epoch reads a count of seconds or milliseconds since 1970.
func epoch(text string) (time.Time, bool) {
	n, ok := value.Number(text).Int64()
	if !ok || strings.Trim(text, "0123456789") != "" {
		return time.Time{}, false
	}
	switch len(text) {
	case 10:
		return time.Unix(n, 0), true
	case 13:
		return time.UnixMilli(n), true
	}
	return time.Time{}, false
}
