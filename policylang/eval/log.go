package eval

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Level is how much a log says.
type Level uint8

// The levels. Each says what the ones behind it say.
const (
	Full    Level = iota // requests, answers, values, what scripts print
	Context              // which datasources and requests there were, without what they carried
	Errors               // failures and the totals of checks
)

// Sizes of what a log shows of one thing, in bytes.
const (
	valueExcerpt   = 6 << 10  // the value of a datasource
	bodyExcerpt    = 1 << 10  // a body that was sent or received
	consoleExcerpt = 10 << 10 // what a script printed
	detailExcerpt  = 8 << 10  // what a failure says, such as a text that a script throws
	journalSize    = 256 << 10
	// chainsLogged is how many elements of an iteration have their requests in the log.
	chainsLogged = 200
)

// journal is the log of one step, which is added to the whole when it is its turn. Nil takes everything and keeps nothing.
type journal struct {
	level Level
	text  strings.Builder
	left  int // entries left out for their number
}

// add appends a paragraph if the level lets it.
func (j *journal) add(least Level, format string, args ...any) {
	if j == nil || j.level > least {
		return
	}
	if j.text.Len() > journalSize {
		j.left++
		return
	}
	fmt.Fprintf(&j.text, format, args...)
	j.text.WriteString("\n\n")
}

// join appends the log of a part.
func (j *journal) join(part *journal) {
	if j == nil || part == nil {
		return
	}
	if j.text.Len() > journalSize {
		j.left++
	} else {
		j.text.WriteString(part.text.String())
	}
	j.left += part.left
}

func (j *journal) String() string {
	text := j.text.String()
	if j.left > 0 {
		text += fmt.Sprintf("(%d further entries are left out)\n\n", j.left)
	}
	return text
}

// markdown escapes what would be read as emphasis.
var markdown = strings.NewReplacer(`\`, `\\`, "_", `\_`, "*", `\*`, "`", "\\`")

// fenced is a text between fences that it does not hold itself.
func fenced(kind, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + kind + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

// cut shortens a text to about n bytes, at a rune, and shows it.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "\n..."
}

// maxHeaders is how many headers of a request or an answer are shown.
const maxHeaders = 50

func logRequest(j *journal, q Request) {
	j.add(Context, "Request: `%s %s`", q.Method, strings.ReplaceAll(shown(q.URL), "`", "%60"))
	if j == nil || j.level > Full {
		return
	}
	text := headerText(q.Header)
	if q.Auth != nil {
		text += "(signed by " + q.Auth.Name + ")\n"
	}
	logMessage(j, text, q.Body)
}

// logMessage logs what a request or an answer carried, if it carried anything.
func logMessage(j *journal, headers string, body []byte) {
	if headers != "" && len(body) > 0 {
		headers += "\n"
	}
	if text := headers + bodyText(body); text != "" {
		j.add(Full, "%s", fenced("", text))
	}
}

func logAnswer(j *journal, a answer) {
	j.add(Context, "Answer: status %d, %d bytes", a.status, len(a.body))
	if j == nil || j.level > Full {
		return
	}
	logMessage(j, headerText(a.header), a.body)
}

// headerText lists headers by name, without those that carry secrets.
func headerText(h http.Header) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(h)) {
		if i == maxHeaders {
			fmt.Fprintf(&b, "(%d further headers)\n", len(h)-i)
			break
		}
		for _, text := range h[name] {
			if secretName(name) {
				text = hidden
			}
			fmt.Fprintf(&b, "%s: %s\n", name, cut(text, 200))
		}
	}
	return b.String()
}

// bodyText is the beginning of a body. Of JSON the members that carry secrets are hidden.
func bodyText(text []byte) string {
	if v, ok := beginning(text, 2*bodyExcerpt); ok {
		return excerpt(v, bodyExcerpt)
	}
	shown := strings.ToValidUTF8(string(text[:min(len(text), 2*bodyExcerpt)]), "\uFFFD")
	return cut(secretPairs.ReplaceAllString(shown, "${1}"+hidden), bodyExcerpt)
}

// logScript logs what a script printed.
func logScript(j *journal, lines []string) {
	size := 0
	for i, line := range lines {
		if size += len(line); size > consoleExcerpt {
			j.add(Full, "(%d further lines of the console)", len(lines)-i)
			return
		}
		j.add(Full, "%s", line)
	}
}

// logViolation logs the rows of a finding.
func (r *run) logViolation(v *validation, f Finding) {
	j := journal{level: r.level}
	j.add(Context, "Validation of **$%s** failed", markdown.Replace(v.target.name))
	j.add(Context, "%d items failed check:", f.items())
	j.add(Full, "%s", fenced("json", excerpt(f.Rows(), valueExcerpt)))
	r.write(j.String())
}

// write appends to the log, as far as there is room.
func (r *run) write(text string) {
	text = r.masked(text)
	if r.full || text == "" {
		return
	}
	if left := r.limits.LogBytes - r.log.Len(); len(text) > left {
		r.full = true
		text = strings.ToValidUTF8(text[:max(left, 0)], "") + "\n(the log is full)\n\n"
	}
	r.log.WriteString(text)
	r.host.Log(text)
}

// writeLast appends what the log must end with, full or not.
func (r *run) writeLast(text string) {
	text = r.masked(text)
	r.log.WriteString(text)
	r.host.Log(text)
}
