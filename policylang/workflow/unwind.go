package workflow

import "maps"

// unwinding is an error, a timeout or a cancellation on its way out of the blocks of a task.
type unwinding struct {
	Kind   string // error, timeout, cancel
	Fault  *Fault
	Locals scope    // what was visible at the point of failure
	Errors []*Fault `json:",omitempty"` // of the tasks of a concurrent statement, if they failed
	// Frame and Block are the block whose time is over; those within it have no say.
	Frame, Block int
}

// raise begins an error. A limit is no error that a program may catch.
func (r *run) raise(t *task, f *Fault) {
	if f.Type == "limit" {
		r.over("%s (line %d)", f.Message, f.Line)
		return
	}
	r.unwind(t, &unwinding{Kind: "error", Fault: f})
}

// unwind leaves blocks and definitions until a handler takes over or the task has ended.
func (r *run) unwind(t *task, u *unwinding) {
	r.drop(t)
	if u.Locals == nil {
		u.Locals = flat(t.Frames[len(t.Frames)-1])
	}
	for len(t.Frames) > 0 {
		f := t.Frames[len(t.Frames)-1]
		for len(f.Blocks) > 0 {
			if r.react(t, f, u) {
				return
			}
			f.Blocks = f.Blocks[:len(f.Blocks)-1]
		}
		t.Frames = t.Frames[:len(t.Frames)-1]
	}
	r.ended(t, outcome{Fault: u.Fault, Canceled: u.Kind == "cancel", Errors: u.Errors})
}

// flat is all variables visible in a frame.
func flat(f *frame) scope {
	out := scope{}
	for _, s := range f.Scopes {
		maps.Copy(out, s)
	}
	return out
}

// react lets the innermost block of f answer, and reports whether it did.
func (r *run) react(t *task, f *frame, u *unwinding) bool {
	b := &f.Blocks[len(f.Blocks)-1]
	tr := r.m.codeOf(f).tries[b.Try]
	var how reaction
	switch {
	case b.Phase > 0:
	case u.Kind == "error":
		how = tr.onError
	case u.Kind == "timeout" && (len(t.Frames)-1 < u.Frame || len(t.Frames)-1 == u.Frame && len(f.Blocks)-1 <= u.Block):
		how = tr.onTimeout
	}
	switch {
	case how.word == "skip":
		r.skip(f, tr)
	case how.word == "retry":
		r.retry(f, tr)
	case how.present():
		b.Phase, b.Pending = 1, u
		f.PC = how.handler
	case b.Phase < 2 && tr.onRollback.handler > 0:
		b.Phase, b.Pending = 2, u
		f.PC = tr.onRollback.handler
	default:
		return false
	}
	return true
}

// skip leaves the innermost block and goes on behind it.
func (r *run) skip(f *frame, tr try) {
	b := f.Blocks[len(f.Blocks)-1]
	f.Blocks = f.Blocks[:len(f.Blocks)-1]
	f.Stack, f.Scopes = f.Stack[:b.Stack], f.Scopes[:b.Scopes]
	f.PC = tr.end
}

// retry runs the innermost block from its start, with its whole time.
func (r *run) retry(f *frame, tr try) {
	b := &f.Blocks[len(f.Blocks)-1]
	f.Stack, f.Scopes = f.Stack[:b.Stack], f.Scopes[:b.Scopes]
	b.Phase, b.Pending = 0, nil
	if b.Limit > 0 {
		b.Deadline = r.millis() + b.Limit
	}
	f.PC = tr.start
}

// open begins a block with attributes.
func (r *run) open(f *frame, i instr) error {
	b := block{Try: i.a}
	if r.m.codeOf(f).tries[i.a].timed {
		v := f.pop()
		n, ok := seconds(v)
		if !ok || n <= 0 {
			return fault("timeout: expected a duration such as 5m, got %s", Inspect(v))
		}
		b.Limit = min(n, 1<<40) * 1000
		b.Deadline = r.millis() + b.Limit
	}
	b.Stack, b.Scopes = len(f.Stack), len(f.Scopes)
	f.Blocks = append(f.Blocks, b)
	return nil
}

// handle enters the handler that the innermost block names.
func (r *run) handle(t *task, f *frame, i instr) error {
	args := f.popN(i.a)
	b := f.Blocks[len(f.Blocks)-1]
	c := r.m.program.codes[i.s]
	if c == nil {
		return fault("there is no definition %s to handle this: %s", i.s, b.Pending.Fault.Message)
	}
	if err := r.enter(t, c, args, b.Pending.visible(f), b.role()); err != nil {
		return err
	}
	special := t.Frames[len(t.Frames)-1].Scopes[1]
	special["$_error_behavior"], special["$_timeout_behavior"] = stored{}, stored{}
	if b.Pending.Kind == "error" {
		special["$_error"] = stored{b.Pending.Fault.value()}
		list := ArrayOf(b.Pending.Fault.value())
		if len(b.Pending.Errors) > 0 {
			list = Array{}
			for _, e := range b.Pending.Errors {
				list = list.Append(e.value())
			}
		}
		special["$_errors"] = stored{list}
	}
	return nil
}

func (b block) role() string {
	switch {
	case b.Phase == 2:
		return "on_rollback"
	case b.Pending.Kind == "timeout":
		return "on_timeout"
	}
	return "on_error"
}

// visible is what a handler sees: the variables around its block, and over them those of the point of failure.
func (u *unwinding) visible(f *frame) scope {
	out := flat(f)
	maps.Copy(out, u.Locals)
	return out
}

// value is $_error.
func (f *Fault) value() Value {
	return Hash{}.With("type", String(f.Type)).With("message", String(f.Message)).With("origin", ArrayOf(Int(f.Line), Int(f.Column)))
}

// handled ends a handler: the block is left, run again, or the unwinding goes on.
func (r *run) handled(t *task, h *frame) {
	behaviour := "$_error_behavior"
	if h.Role == "on_timeout" {
		behaviour = "$_timeout_behavior"
	}
	word, _ := r.lookup(h, behaviour)
	t.Frames = t.Frames[:len(t.Frames)-1]
	f := t.Frames[len(t.Frames)-1]
	b := f.Blocks[len(f.Blocks)-1]
	tr := r.m.codeOf(f).tries[b.Try]
	switch {
	case h.Role != "on_rollback" && word == Value(String("skip")):
		r.skip(f, tr)
	case h.Role != "on_rollback" && word == Value(String("retry")):
		r.retry(f, tr)
	default:
		r.unwind(t, b.Pending)
	}
}

// late unwinds a task one of whose blocks has taken too long, the outermost if there are several.
func (r *run) late(t *task) bool {
	now := int64(0)
	for i, f := range t.Frames {
		for j, b := range f.Blocks {
			if b.Deadline == 0 || b.Phase > 0 {
				continue
			}
			if now == 0 {
				now = r.millis()
			}
			if now >= b.Deadline {
				fault := &Fault{Type: "timeout", Message: "the block took more than " + Text(Int(b.Limit/1000)) + " seconds"}
				c := r.m.codeOf(f)
				at := r.m.program.file.Position(c.instrs[c.tries[b.Try].start-1].at.Start)
				fault.Line, fault.Column = at.Line, at.Column
				r.unwind(t, &unwinding{Kind: "timeout", Fault: fault, Frame: i, Block: j})
				return true
			}
		}
	}
	return false
}
