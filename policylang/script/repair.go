package script

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"modernc.org/quickjs"
)

// maxRepairs bounds how often a script is read anew; 88 public scripts need up to a few dozen commas.
const maxRepairs = 1000

// compile reads a script. Where the engine wants the end of an object and finds the name of another member, it puts in the
// comma that the templates' own engine never missed, and reads again: only a comma or the end can be right at such a place.
// It returns the source with those commas, in which places of errors are to be looked up; they are on the same lines.
func compile(ctx context.Context, vm *quickjs.VM, source string) (code []byte, repaired string, err error) {
	for range maxRepairs {
		code, err = vm.Compile(source, quickjs.EvalGlobal)
		e, ok := errors.AsType[*quickjs.Error](err)
		if !ok || e.Name != "SyntaxError" || e.Message != "expecting '}'" {
			return code, source, err
		}
		at := offset(source, e.LineNumber, e.ColumnNumber)
		if at < 0 || !startsMember(source[at:]) {
			return nil, source, err
		}
		if ctx.Err() != nil {
			return nil, source, ctx.Err()
		}
		source = source[:at] + "," + source[at:]
	}
	return nil, source, err
}

// startsMember says whether text starts with what may name a member of an object: a word, a number or a text.
func startsMember(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return r == '"' || r == '\'' || r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// offset is where a line and column, both from 1 and columns in characters, are in source; -1 if nowhere.
func offset(source string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		n := strings.IndexByte(source[at:], '\n')
		if n < 0 {
			return -1
		}
		at += n + 1
	}
	for ; column > 1; column-- {
		_, size := utf8.DecodeRuneInString(source[at:])
		if size == 0 {
			return -1
		}
		at += size
	}
	return at
}
