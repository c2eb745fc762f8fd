package errs

import (
	"errors"
	"fmt"
)

// Kind is what a caller can do about an error. The zero value is Internal, so that an error nobody classified is never
// shown.
type Kind int

// The kinds of error.
const (
	Internal        Kind = iota // our fault; the message stays in the log
	Invalid                     // the request is malformed or breaks a bound
	Unauthenticated             // no caller, or a token that is expired, foreign or revoked
	Forbidden                   // the caller has a tie to the thing and no right to this
	NotFound                    // absent, or of an organization the caller has no tie to
	Conflict                    // the present state forbids it
	Unprocessable               // well formed, and breaks a rule of the domain
	TooMany                     // ask again later
	Unavailable                 // the storage is full or away: nothing was changed, ask again later
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "forbidden", "not found", "conflict", "unprocessable", "too many", "unavailable"}

// String names the kind for logs and tests.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// Error is an error with a kind.
type Error struct {
	Kind Kind
	Code string // wire name where the contract has one, e.g. customer_limit_reached; "" for the kind's own name
	Msg  string // may be shown to the caller: what failed, on which thing, and what would help
	Err  error  // cause, for the log only; nil if there is none
}

// Error joins message and cause; it is what logs print.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	if e.Msg == "" {
		return e.Err.Error()
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Code returns the wire code of the first *Error in err's chain, "" if there is none.
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Message returns what may be shown to the caller: the message of the first *Error in err's chain, "" if there is none.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Msg
	}
	return ""
}

// Invalidf reports a request that is malformed; the message names the member and what would be right.
func Invalidf(format string, args ...any) *Error { return newf(Invalid, "", format, args) }

// Unauthenticatedf reports a caller that could not be identified.
func Unauthenticatedf(format string, args ...any) *Error {
	return newf(Unauthenticated, "", format, args)
}

// Forbiddenf reports a missing right on a thing the caller may know of.
func Forbiddenf(format string, args ...any) *Error { return newf(Forbidden, "", format, args) }

// NotFoundf reports a thing that is absent or must look so.
func NotFoundf(format string, args ...any) *Error { return newf(NotFound, "", format, args) }

// Conflictf reports a state that forbids the change; code is the wire name, "" for conflict.
func Conflictf(code, format string, args ...any) *Error { return newf(Conflict, code, format, args) }

// Unprocessablef reports a broken rule of the domain; code is the wire name, "" for unprocessable_entity.
func Unprocessablef(code, format string, args ...any) *Error {
	return newf(Unprocessable, code, format, args)
}

func newf(k Kind, code, format string, args []any) *Error {
	return &Error{Kind: k, Code: code, Msg: fmt.Sprintf(format, args...)}
}
