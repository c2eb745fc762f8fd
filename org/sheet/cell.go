package sheet

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"espalier.dev/org"
)

// columns is the heading that is written.
var columns = [...]string{
	org.ColumnName, org.ColumnExternalID, org.ColumnDescription, org.ColumnCapabilities, org.ColumnOwners, org.ColumnTags,
}

// risky are the characters that make a formula, or worse, of a cell that begins with one.
const risky = "=+-@\t\r\n"

// armed is the text as a cell that no spreadsheet runs: with a quote before it where it is needed. A text that has quotes
// before a risky character gets one more, so that [plain] gives back what was.
func armed(text string) string {
	if rest := strings.TrimLeft(text, "'"); rest != "" && strings.IndexByte(risky, rest[0]) >= 0 {
		return "'" + text
	}
	return text
}

// plain is the text of a cell: the inverse of armed. Other quotes are the text's own.
func plain(cell string) string {
	if text, quoted := strings.CutPrefix(cell, "'"); quoted && armed(text) != text {
		return text
	}
	return cell
}

// split cuts the text of a cell into its values. It returns nil for a text that is empty or blank.
func split(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	values := []string{}
	var b strings.Builder
	kept := 0 // bytes of b up to the last that is no space, or an escaped one
	flush := func() {
		if kept > 0 {
			values = append(values, b.String()[:kept])
		}
		b.Reset()
		kept = 0
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		literal := false
		if next, n := utf8.DecodeRuneInString(text[size:]); r == '\\' && (next == ';' || next == '\\' || unicode.IsSpace(next)) {
			r, size, literal = next, size+n, true
		}
		text = text[size:]
		space := unicode.IsSpace(r) && !literal
		switch {
		case r == ';' && !literal:
			flush()
		case space && b.Len() == 0:
		default:
			b.WriteRune(r)
			if !space {
				kept = b.Len()
			}
		}
	}
	flush()
	return values
}

// join is the inverse of split.
func join(values []string) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(';')
		}
		for at, r := range v {
			edge := at == 0 || at+utf8.RuneLen(r) == len(v)
			if r == ';' || r == '\\' || edge && unicode.IsSpace(r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ParseCapability reads policy, policy@2027-06-30 or policy@2027-06-30T12:00:00Z.
func ParseCapability(text string) (org.Wish, error) {
	name, end, dated := strings.Cut(text, "@")
	w := org.Wish{Name: strings.TrimSpace(name)}
	if !dated {
		return w, nil
	}
	t, err := ParseDate(strings.TrimSpace(end))
	if err != nil {
		return w, err
	}
	w.ExpiresAt = &t
	return w, nil
}

// ParseDate reads a bare date, which is 00:00 UTC, or a full RFC 3339 time.
func ParseDate(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date; want one such as 2027-06-30, or 2027-06-30T12:00:00Z", short(text))
}

// capabilityText is the inverse of ParseCapability.
func capabilityText(c org.Capability) string {
	if c.ExpiresAt.IsZero() {
		return c.Name
	}
	end := c.ExpiresAt.UTC()
	if end.Equal(end.Truncate(24 * time.Hour)) {
		return c.Name + "@" + end.Format(time.DateOnly)
	}
	return c.Name + "@" + end.Format(time.RFC3339Nano)
}

// ParseOwner reads ann@acme.example or Ann Lee <ann@acme.example>. The first word is the first name, the rest the last.
func ParseOwner(text string) (org.Owner, error) {
	name, rest, named := cutLast(text, '<')
	email, closed := strings.CutSuffix(rest, ">")
	if !named {
		email, closed = text, !strings.Contains(text, ">")
	}
	if !closed {
		return org.Owner{}, fmt.Errorf("%q is no owner; want ann@acme.example or Ann Lee <ann@acme.example>", short(text))
	}
	first, last, _ := strings.Cut(strings.TrimSpace(name), " ")
	return org.Owner{Email: strings.TrimSpace(email), FirstName: first, LastName: strings.TrimSpace(last)}, nil
}

// cutLast is strings.Cut around the last sep; without one, all is before it.
func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// ownerText is the inverse of ParseOwner, but for blanks inside a first name.
func ownerText(u org.User) string {
	name := strings.TrimSpace(u.FirstName + " " + u.LastName)
	if name == "" {
		return u.Email
	}
	return name + " <" + u.Email + ">"
}

// record is the cells of a customer, in the order of columns.
func record(d org.Detail) [len(columns)]string {
	capabilities := make([]string, len(d.Capabilities))
	for i, c := range d.Capabilities {
		capabilities[i] = capabilityText(c.Capability)
	}
	owners := make([]string, len(d.Owners))
	for i, u := range d.Owners {
		owners[i] = ownerText(u)
	}
	cells := [len(columns)]string{d.Name, d.ExternalID, d.Description, join(capabilities), join(owners), join(d.Tags)}
	for i, text := range cells {
		cells[i] = armed(text)
	}
	return cells
}

// short keeps a refused text short enough to be read in an error.
func short(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
