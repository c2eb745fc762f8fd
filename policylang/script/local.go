package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/quickjs"
)

// Local is the engine in this process. It stops scripts at every limit, but one native call or one regular expression
// can't be interrupted and may overrun the time by far: where strangers write the scripts, use package child.
type Local struct{}

var identifier = lazily(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// Run evaluates a script in this process.
func (l Local) Run(ctx context.Context, c Call) (out Outcome, err error) {
	l.Deliver(ctx, c, func(o Outcome, e error) { out, err = o, e })
	return out, err
}

// Deliver is Run, but it hands what Run returns to deliver before it frees the script's world, which takes as long again
// where a script makes many objects.
func (Local) Deliver(ctx context.Context, c Call, deliver func(Outcome, error)) {
	if len(c.Params) != len(c.Args) {
		deliver(Outcome{}, fmt.Errorf("script takes %d parameters and got %d arguments", len(c.Params), len(c.Args)))
		return
	}
	if !identifier().MatchString(c.Result) {
		deliver(Outcome{}, fmt.Errorf("script result %q is not the name of a variable", c.Result))
		return
	}
	c.Limits = c.Limits.Filled()
	within, cancel := context.WithTimeout(ctx, c.Limits.Time)
	defer cancel()
	r := run{call: c}
	err := r.explain(ctx, within, r.guarded(within))
	if r.world == nil {
		deliver(Outcome{}, err)
		return
	}
	defer r.close()
	deliver(Outcome{JSON: r.result, Logs: r.logs.entries}, err)
}

// Parse says whether a script can be read, as Run reads it; the error is an *Error.
func Parse(source string) error {
	vm, err := quickjs.NewVM()
	if err != nil {
		return fmt.Errorf("start the script engine: %w", err)
	}
	_, repaired, err := compile(context.Background(), vm, source)
	return errors.Join(errorOf(err, repaired), vm.Close())
}

// interruptAt stops what vm runs when ctx ends. It asks again and again, since the engine forgets a request that comes
// between two calls. What it returns ends the watch.
func interruptAt(ctx context.Context, vm *quickjs.VM) (stop func()) {
	done := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		for {
			vm.Interrupt()
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	return func() {
		unwatch()
		close(done)
	}
}

// run is one evaluation on its way.
type run struct {
	*world // nil until it is made
	call   Call
	source string // with the commas that were missing
	result []byte
}

// guarded is all, but a panic is an error. The engine is translated C: where it fails, it panics, and its world is lost.
func (r *run) guarded(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("script engine failed: %v", p)
		}
	}()
	w, err := newWorld(r.call.Limits, r.call.Now)
	if err != nil {
		return err
	}
	r.world = w
	defer interruptAt(ctx, r.vm)()
	return r.all(ctx)
}

func (r *run) all(ctx context.Context) error {
	for i, name := range r.call.Params {
		arg := r.call.Args[i]
		if _, err := r.bind.Call(quickjs.UndefinedValue, name, string(arg), bytes.Contains(arg, []byte("null"))); err != nil {
			return fmt.Errorf("set the script's parameter %s: %w", name, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	code, source, err := compile(ctx, r.vm, r.call.Source)
	r.source = source
	if err != nil {
		return err
	}
	v, err := r.vm.EvalBytecodeValue(code)
	if err != nil {
		return err
	}
	v.Free()
	return r.fetch(ctx)
}

// fetch reads the result. A script's getters and toString may run here, so it is under the same watch.
func (r *run) fetch(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	name := r.call.Result
	v, err := r.vm.EvalValue("typeof "+name+" === 'undefined' ? undefined : "+name, quickjs.EvalGlobal)
	if err != nil {
		return err
	}
	defer v.Free()
	text, err := r.give.Call(quickjs.UndefinedValue, v)
	if err != nil {
		return err
	}
	json, ok := text.(string)
	switch {
	case !ok:
		return fmt.Errorf("script engine gave a result of type %T", text)
	case int64(len(json)) > r.call.Limits.Output:
		return &LimitError{Output, r.call.Limits}
	}
	r.result = sortKeys([]byte(json))
	return nil
}

// explain makes of the engine's error what Engine.Run promises. outer is the caller's context, within the one that also
// ends at the limit of time.
func (r *run) explain(outer, within context.Context, err error) error {
	if err == nil || errors.As(err, new(*LimitError)) {
		return err
	}
	e, ok := errors.AsType[*quickjs.Error](err)
	switch {
	case outer.Err() != nil:
		return outer.Err()
	case within.Err() != nil:
		return &LimitError{Time, r.call.Limits}
	case ok && outOfMemory(e, r.source):
		return &LimitError{Memory, r.call.Limits}
	case ok && e.Message == "stack overflow" && (e.Name == "InternalError" || e.Name == "SyntaxError"):
		return &LimitError{Stack, r.call.Limits}
	}
	return errorOf(err, r.source)
}

var throwsNull = lazily(`\bthrow\s*\(*null\b`)

// outOfMemory says whether an error of the script's is the engine's for want of memory, perhaps passed on by a function of
// ours. A text too long for the engine is one; so is null, where there was no room left to make an error, unless the script
// itself throws it.
func outOfMemory(e *quickjs.Error, source string) bool {
	switch text := e.Error(); text {
	case "null":
		return !throwsNull().MatchString(source)
	case "InternalError: string too long":
		return true
	default:
		return strings.HasSuffix(text, "InternalError: out of memory")
	}
}
