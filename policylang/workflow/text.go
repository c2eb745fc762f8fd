package workflow

import (
	"strings"
	"time"
)

// timeLayout is how the language writes a datetime: 2024/01/31 10:00:00 PM.
const timeLayout = "2006/01/02 03:04:05 PM"

func (t Time) utc() time.Time { return time.Unix(int64(t), 0).UTC() }

// Text is what to_s gives: a string as it is, null for null, arrays and hashes as JSON.
func Text(v Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case Bool:
		if v {
			return "true"
		}
		return "false"
	case String:
		return string(v)
	case Time:
		return `d"` + v.utc().Format(timeLayout) + `"`
	case Regexp:
		return "/" + v.Pattern + "/" + v.Flags
	case Signer:
		return string(v)
	case Array, Hash:
		return JSON(v)
	}
	return numberText(v)
}

// joinText is how join writes an element: null adds nothing.
func joinText(v Value) string {
	if v == nil {
		return ""
	}
	return Text(v)
}

// Inspect is a readable form: strings in quotes, null as null, hashes with blanks.
func Inspect(v Value) string {
	var b strings.Builder
	inspect(&b, v)
	return b.String()
}

func inspect(b *strings.Builder, v Value) {
	switch v := v.(type) {
	case String:
		writeJSONString(b, string(v))
	case Array:
		b.WriteByte('[')
		for i, item := range v.Items() {
			if i > 0 {
				b.WriteString(", ")
			}
			inspect(b, item)
		}
		b.WriteByte(']')
	case Hash:
		b.WriteByte('{')
		first := true
		for k, item := range v.All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			writeJSONString(b, k)
			b.WriteString(": ")
			inspect(b, item)
		}
		b.WriteByte('}')
	default:
		b.WriteString(Text(v))
	}
}
