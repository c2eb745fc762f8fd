package source

import "strings"

// Unescape works out the escapes of "..." and of heredocs, which both languages share: \n \r \t \s are what they stand for, a
// backslash before a line break stays, since it continues a line of JavaScript, and before anything else it is dropped.
func Unescape(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			b.WriteByte(raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 's':
			b.WriteByte(' ')
		case '\n':
			b.WriteString("\\\n")
		default:
			b.WriteByte(raw[i])
		}
	}
	return b.String()
}

var singleEscapes = strings.NewReplacer(`\\`, `\`, `\'`, `'`)

// UnescapeSingle works out the two escapes of '...'.
func UnescapeSingle(raw string) string { return singleEscapes.Replace(raw) }
