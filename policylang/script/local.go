package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"modernc.org/quickjs"
)

// Local is the engine in this process. It stops scripts at every limit, but one native call or one regular expression
// can't be interrupted and may overrun the time by far: where strangers write the scripts, use package child.
type Local struct{}

var identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// Run evaluates a script in this process.
func (Local) Run(ctx context.Context, c Call) (out Outcome, err error) {
	if len(c.Params) != len(c.Args) {
		return Outcome{}, fmt.Errorf("script takes %d parameters and got %d arguments", len(c.Params), len(c.Args))
	}
	if !identifier.MatchString(c.Result) {
		return Outcome{}, fmt.Errorf("script result %q is not the name of a variable", c.Result)
	}
	c.Limits = c.Limits.Filled()
	within, cancel := context.WithTimeout(ctx, c.Limits.Time)
	defer cancel()
	defer func() {
		// The engine is translated C: where it fails, it panics. The world is lost then, the process is not.
		if r := recover(); r != nil {
			err = fmt.Errorf("script engine failed: %v", r)
		}
	}()
	w, err := newWorld(c.Limits, c.Now)
	if err != nil {
		return Outcome{}, err
	}
	defer w.close()
	defer interruptAt(within, w.vm)()
	r := run{world: w, call: c}
	err = r.all(within)
	return Outcome{JSON: r.result, Logs: w.logs.entries}, r.explain(ctx, within, err)
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
	*world
	call   Call
	source string // with the commas that were missing
	result []byte
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
	r.result = []byte(json)
	return nil
}

// explain makes of the engine's error what Engine.Run promises. outer is the caller's context, within the one that also
// ends at the limit of time.
func (r *run) explain(outer, within context.Context, err error) error {
	if err == nil || errors.As(err, new(*LimitError)) {
		return err
	}
	e, isEngine := errors.AsType[*quickjs.Error](err)
	internal := isEngine && e.Name == "InternalError"
	switch {
	case outer.Err() != nil:
		return outer.Err()
	case within.Err() != nil:
		return &LimitError{Time, r.call.Limits}
	case isEngine && strings.HasSuffix(e.Error(), "InternalError: out of memory"): // or of a function of ours
		return &LimitError{Memory, r.call.Limits}
	case internal && strings.HasPrefix(e.Message, "stack overflow"):
		return &LimitError{Stack, r.call.Limits}
	}
	return errorOf(err, r.source)
}
