package message

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// Template is a text template that was read. Any number of goroutines may execute it.
type Template struct{ parsed *template.Template }

// ParseError is a mistake in a text template.
type ParseError struct {
	// Line counts from 1 within the text.
	Line    int
	Message string
}

// Error is the mistake with its line.
func (e *ParseError) Error() string {
	return fmt.Sprintf("line %d of the text template: %s", e.Line, e.Message)
}

// ExecError says why a template could not be executed.
type ExecError struct {
	Message string
	// Limit names the limit that was reached: steps, depth, bytes or time; empty if none was.
	Limit string
}

// Error is the message.
func (e *ExecError) Error() string { return e.Message }

// Limits bound one execution. A zero stands for the default.
type Limits struct {
	Steps int           // actions, each turn of a range among them; 1,000,000
	Depth int           // templates within one another; 200
	Bytes int           // of what is printed, and of what functions make on the way; 1 MiB and eight times that
	Time  time.Duration // 10 s
}

func (l Limits) filled() Limits {
	if l.Steps <= 0 {
		l.Steps = 1_000_000
	}
	if l.Depth <= 0 {
		l.Depth = 200
	}
	if l.Bytes <= 0 {
		l.Bytes = 1 << 20
	}
	if l.Time <= 0 {
		l.Time = 10 * time.Second
	}
	return l
}

// maxSource is how many bytes a template may have.
const maxSource = 256 << 10

// Parse reads a text template. The error is a [*ParseError].
func Parse(text string) (t *Template, err error) {
	if len(text) > maxSource {
		return nil, &ParseError{1, fmt.Sprintf("it has %d bytes: at most %d are allowed", len(text), maxSource)}
	}
	defer func() {
		if p := recover(); p != nil { // the library's parser passes on what it did not foresee
			t, err = nil, &ParseError{1, fmt.Sprint("it can't be read: ", p)}
		}
	}()
	parsed, err := template.New(root).Funcs(known()).Parse(text)
	if err != nil {
		line, message := place(err.Error())
		return nil, &ParseError{line, message}
	}
	instrument(parsed)
	return &Template{parsed}, nil
}

// root is the name of the outermost template, which no define can have by chance.
const root = "\x00"

// place takes the line out of a message of the library: "template: NAME:LINE:COLUMN: MESSAGE" or without a column.
func place(text string) (line int, message string) {
	text, _, _ = strings.Cut(text, "\n")
	message = strings.TrimPrefix(text, "template: ")
	message = strings.TrimPrefix(message, root+":")
	if number, rest, ok := strings.Cut(message, ":"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			line, message = n, rest
		}
	}
	if number, rest, ok := strings.Cut(message, ":"); ok {
		if _, err := strconv.Atoi(number); err == nil {
			message = rest
		}
	}
	message = strings.TrimPrefix(strings.TrimSpace(message), fmt.Sprintf("executing %q ", root))
	return max(line, 1), strings.ReplaceAll(message, strconv.Quote(root), "the text")
}

// Execute renders the template. The error is an [*ExecError], or that of a context that ended. What was printed before an
// error is lost.
func (t *Template) Execute(ctx context.Context, d *Data, l Limits) (text string, err error) {
	l = l.filled()
	timed, cancel := context.WithTimeout(ctx, l.Time)
	defer cancel()
	m := &meter{ctx: timed, limits: l, making: 8 * l.Bytes}
	defer func() {
		if p := recover(); p != nil {
			text, err = "", &ExecError{Message: fmt.Sprint("the text template failed: ", p)}
		}
	}()
	fresh, err := t.parsed.Clone()
	if err != nil {
		return "", &ExecError{Message: err.Error()}
	}
	err = fresh.Funcs(m.functions(d)).Execute(m, d.root())
	switch {
	case err == nil:
		return m.out.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case m.reached != "":
		return "", &ExecError{Message: "the text template reached a limit: " + m.reached, Limit: m.limit}
	}
	var e template.ExecError
	if !errors.As(err, &e) {
		return "", &ExecError{Message: err.Error()}
	}
	line, message := place(err.Error())
	return "", &ExecError{Message: fmt.Sprintf("line %d of the text template: %s", line, message)}
}
