package script

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"modernc.org/quickjs"
)

// errorOf makes an *Error of what the engine says about a script; source is the script as the engine read it. Errors that
// are not the engine's stay as they are.
func errorOf(err error, source string) error {
	e, ok := errors.AsType[*quickjs.Error](err)
	if !ok {
		return err
	}
	line, column := place(e)
	return &Error{Message: message(e, source, line, column), Line: line}
}

// lazily compiles an expression at its first use, and not at every start of the program.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// frame is a place in a line of the engine's stack: at f (<eval>:2:5), or at <eval>:2:5 where the script can't be read.
var frame = lazily(`<eval>:(\d+):(\d+)\)?$`)

// place is where a script failed: the innermost frame that is the script's own. Zeros if there is none, as for a thrown
// text.
func place(e *quickjs.Error) (line, column int) {
	for l := range strings.Lines(e.Stack) {
		m := frame().FindStringSubmatch(strings.TrimSpace(l))
		if m == nil {
			continue
		}
		line, _ = strconv.Atoi(m[1])
		column, _ = strconv.Atoi(m[2])
		if line < farLines {
			return line, column
		}
	}
	return 0, 0
}

var (
	memberOf = lazily(`^cannot (?:read|set) property (?:('.*') )?of (undefined|null)$`)
	lastName = lazily(`[\pL_$][\pL\pN_$]*$`)
)

// message says an error in the words that authors of templates know: Cannot access member 'x' of undefined,
// 'f' is not a function.
func message(e *quickjs.Error, source string, line, column int) string {
	text := e.Message
	if e.Name != "TypeError" {
		return e.Error()
	}
	if m := memberOf().FindStringSubmatch(text); m != nil {
		return "TypeError: " + strings.ReplaceAll("Cannot access member "+m[1]+" of "+m[2], "  ", " ")
	}
	if text == "not a function" && line > 0 {
		if name := called(source, line, column); name != "" {
			return "TypeError: '" + name + "' is not a function"
		}
	}
	return e.Error()
}

// called is the name before the bracket that opens a call's arguments, "" if there is none, as in f()().
func called(source string, line, column int) string {
	at := offset(source, line, column)
	if at < 0 {
		return ""
	}
	return lastName().FindString(strings.TrimRight(source[:at], " \t\r\n"))
}
