package script

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// An Engine runs scripts. It may be used by several goroutines at once.
type Engine interface {
	// Run evaluates a script in a fresh world. Its error is a *LimitError if a wall stopped the script, an *Error if the
	// script failed, ctx's error if ctx ended first, and anything else if the engine itself failed.
	// Outcome.Logs is set even then.
	Run(ctx context.Context, c Call) (Outcome, error)
}

// Call is one evaluation.
type Call struct {
	Source string
	// Params name the global variables that hold Args, in the same order.
	Params []string
	Args   []json.RawMessage
	// Result names the global variable that holds the result.
	Result string
	// Now is when the script's clock starts; it runs on from there.
	Now    time.Time
	Limits Limits
}

// Limits are the walls around an evaluation. What is 0 has the default.
type Limits struct {
	Time   time.Duration // 10 minutes
	Memory int64         // bytes, 256 MiB
	Stack  int           // nested calls, 4,000
	Output int64         // bytes of the result as JSON, 64 MiB
}

// The defaults of Limits, and the most that Stack may be: the engine's calls stand on the stack of a goroutine.
const (
	defaultTime   = 10 * time.Minute
	defaultMemory = 256 << 20
	defaultStack  = 4000
	maxStack      = 20000
	defaultOutput = 64 << 20
)

// Filled returns the limits with the defaults in place of zeros.
func (l Limits) Filled() Limits {
	if l.Time <= 0 {
		l.Time = defaultTime
	}
	if l.Memory <= 0 {
		l.Memory = defaultMemory
	}
	if l.Stack <= 0 {
		l.Stack = defaultStack
	}
	l.Stack = min(l.Stack, maxStack)
	if l.Output <= 0 {
		l.Output = defaultOutput
	}
	return l
}

// Outcome is what an evaluation leaves behind.
type Outcome struct {
	// JSON is the result: null if the script assigned none.
	JSON json.RawMessage
	// Logs are the entries of console.log and console.dir, each ready to be written: console.log: "a text".
	Logs []string
}

// Limit is a wall around evaluations.
type Limit string

// The walls.
const (
	Time   Limit = "time"
	Memory Limit = "memory"
	Stack  Limit = "stack"
	Output Limit = "output"
)

// LimitError says that a script was stopped, and by which wall.
type LimitError struct {
	Limit  Limit
	Limits Limits // those that were in force
}

// Error names the wall, where it stands, and what would help.
func (e *LimitError) Error() string {
	switch e.Limit {
	case Time:
		return fmt.Sprintf("script execution exceeded %v: look for an endless loop, or work on less data", e.Limits.Time)
	case Memory:
		return fmt.Sprintf("script needs more than %d MiB of memory: work on less data", e.Limits.Memory>>20)
	case Stack:
		return fmt.Sprintf("script calls are nested more than %d deep: look for a recursion without an end", e.Limits.Stack)
	default:
		return fmt.Sprintf("script result is larger than %d KiB: return fewer rows or members", e.Limits.Output>>10)
	}
}

// Error says that a script failed by itself.
type Error struct {
	// Message is the error's text: ReferenceError: 'x' is not defined; for a thrown text the text.
	Message string
	// Line is the line of the script, from 1; 0 if it is not known.
	Line int
}

// Error is the message and, where it is known, the line.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("%s (line %d)", e.Message, e.Line)
}
