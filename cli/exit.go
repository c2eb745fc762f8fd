package cli

import (
	"context"
	"errors"
	"strings"

	"espalier.dev/client"
	"espalier.dev/errs"
)

// The exit codes. Scripts depend on them: a number is never given another meaning.
const (
	ExitOK          = 0   // done
	ExitNo          = 1   // done, and the answer is no: rows refused, a check found something; or a failure without a code of its own
	ExitUsage       = 2   // the command line, a variable, the configuration file or a value in them is wrong
	ExitAccess      = 3   // not signed in, or without the right
	ExitNotFound    = 4   // the thing is absent, or of an organization without a tie
	ExitRefused     = 5   // the present state or a rule forbids it; nothing was changed
	ExitUnavailable = 6   // no server, or one that cannot answer now; ask again later
	ExitInterrupted = 130 // ended by a signal
)

// errNo ends a verb with ExitNo after it has said why.
var errNo = errors.New("the answer is no")

// usageError is a mistake in what was asked.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// usageOf marks an error as a mistake of the command line.
func usageOf(err error) error { return usageError{err} }

// exitCode returns the code for an error that a verb returned.
func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return ExitUsage
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return kindCode(e.Kind())
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return kindCode(e.Kind)
	}
	if errors.Is(err, client.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return ExitUnavailable
	}
	return ExitNo
}

func kindCode(kind errs.Kind) int {
	switch kind {
	case errs.Invalid:
		return ExitUsage
	case errs.Unauthenticated, errs.Forbidden:
		return ExitAccess
	case errs.NotFound:
		return ExitNotFound
	case errs.Conflict, errs.Unprocessable:
		return ExitRefused
	case errs.TooMany, errs.Unavailable, errs.Internal:
		return ExitUnavailable
	}
	return ExitNo
}

// explain returns the sentence for people, "" when the verb has said everything.
func explain(err error) string {
	if errors.Is(err, errNo) {
		return ""
	}
	if e, ok := errors.AsType[*client.Error](err); ok && e.Kind() == errs.Unauthenticated {
		return err.Error() + "\nSign in again: espalier login URL"
	}
	return strings.TrimRight(err.Error(), "\n")
}
