package workflow

import (
	"errors"
	"slices"
	"strings"
)

// step runs one instruction of a task.
func (r *run) step(t *task) {
	m := r.m
	if m.s.Steps++; m.s.Steps > m.limits.Steps {
		r.over("steps: the run took more than %d", m.limits.Steps)
		return
	}
	f := t.Frames[len(t.Frames)-1]
	i := m.codeOf(f).instrs[f.PC]
	if i.statement && r.late(t) {
		return
	}
	f.PC++
	err := r.do(t, f, i)
	if err == nil {
		err = r.measure()
	}
	if err != nil {
		r.raise(t, r.placed(err, i))
	}
}

// placed is an error with the place it came from.
func (r *run) placed(err error, i instr) *Fault {
	var f *Fault
	if !errors.As(err, &f) {
		f = fault("%s", err)
	}
	if f.Line == 0 {
		at := r.m.program.file.Position(i.at.Start)
		placed := *f
		placed.Line, placed.Column = at.Line, at.Column
		f = &placed
	}
	return f
}

// measure adds up all variables once enough was made since the last time.
func (r *run) measure() error {
	m := r.m
	if m.fresh < m.limits.Bytes/4 {
		return nil
	}
	m.fresh = 0
	total := m.s.Globals.size()
	for _, t := range m.s.Tasks {
		for _, f := range t.Frames {
			for _, s := range f.Scopes {
				total += s.size()
			}
			for _, v := range f.Stack {
				total += Size(v.Value)
			}
		}
	}
	for _, f := range m.s.Forks {
		total += f.Base.size() + Size(f.Items.Value)
		for _, o := range f.Outcomes {
			for _, v := range o.Values {
				total += Size(v.Value)
			}
		}
	}
	if total > m.limits.Bytes {
		return &Fault{Type: "limit", Message: "memory: the variables of the run take more than " + Text(Int(m.limits.Bytes)) + " bytes"}
	}
	return nil
}

func (s scope) size() int {
	n := 0
	for k, v := range s {
		n += len(k) + Size(v.Value)
	}
	return n
}

func (f *frame) push(v Value) { f.Stack = append(f.Stack, stored{v}) }

func (f *frame) pop() Value {
	v := f.Stack[len(f.Stack)-1].Value
	f.Stack[len(f.Stack)-1] = stored{}
	f.Stack = f.Stack[:len(f.Stack)-1]
	return v
}

// popN takes n values, the first pushed first.
func (f *frame) popN(n int) []Value {
	out := make([]Value, n)
	for i := n - 1; i >= 0; i-- {
		out[i] = f.pop()
	}
	return out
}

// made pushes a new value, if it is not too large.
func (r *run) made(f *frame, v Value, err error) error {
	if err != nil {
		return err
	}
	size := Size(v)
	if err := r.env.fits(size); err != nil {
		return err
	}
	if depth(v) > maxValueDepth {
		return &Fault{Type: "limit", Message: "depth: a value nested more than " + Text(Int(maxValueDepth)) + " levels deep"}
	}
	r.m.fresh += size
	r.m.s.Steps += int64(size / 4096) // what is copied takes time
	f.push(v)
	return nil
}

func global(name string) bool { return strings.HasPrefix(name, "$$") || strings.HasPrefix(name, "@@") }

// lookup finds a variable, in the innermost scope that has it.
func (r *run) lookup(f *frame, name string) (Value, bool) {
	if global(name) {
		v, ok := r.m.s.Globals[name]
		return v.Value, ok
	}
	for _, s := range slices.Backward(f.Scopes) {
		if v, ok := s[name]; ok {
			return v.Value, true
		}
	}
	return nil, false
}

// assign sets a variable where it is, or makes it in the innermost scope.
func (r *run) assign(f *frame, name string, v Value) {
	if global(name) {
		r.m.s.Globals[name] = stored{v}
		return
	}
	for _, s := range slices.Backward(f.Scopes) {
		if _, ok := s[name]; ok {
			s[name] = stored{v}
			return
		}
	}
	f.Scopes[len(f.Scopes)-1][name] = stored{v}
}

// do runs an instruction.
func (r *run) do(t *task, f *frame, i instr) error {
	switch i.op {
	case opConst:
		f.push(i.v)
	case opLoad:
		return r.load(f, i)
	case opStore:
		r.assign(f, i.s, f.Stack[len(f.Stack)-1].Value)
	case opStorePath:
		return r.storePath(f, i)
	case opAppendTo:
		return r.appendPath(f, i)
	case opPop:
		f.pop()
	case opUnary:
		v, err := unaryOp(i.s, f.pop())
		return r.made(f, v, err)
	case opBinary:
		y, x := f.pop(), f.pop()
		if a, ok := x.(String); ok && i.s == "+" {
			if err := r.env.fits(len(a) + Size(y)); err != nil {
				return err
			}
		}
		v, err := r.env.operate(i.s, x, y)
		return r.made(f, v, err)
	case opIndex:
		at, x := f.pop(), f.pop()
		v, err := index(x, at)
		f.push(v)
		return err
	case opSlice:
		to, from, x := f.pop(), f.pop(), f.pop()
		v, err := slice(x, from, to)
		return r.made(f, v, err)
	case opRange:
		to, from := f.pop(), f.pop()
		v, err := rangeOf(from, to, r.m.limits.Range)
		return r.made(f, v, err)
	case opList:
		return r.made(f, ArrayOf(f.popN(i.a)...), nil)
	case opHash:
		h, err := pairs(f.popN(2 * i.a))
		return r.made(f, h, err)
	case opFunc:
		return r.function(t, f, i)
	case opSpread:
		return spread(f, i.a)
	case opRaise:
		return raised(f.pop(), i.a == 1)
	case opAssert:
		if v := f.pop(); !Truth(v) {
			return &Fault{Type: "assert", Message: "the assertion is false: " + r.m.program.file.Slice(i.at)}
		}
	case opFail:
		if strings.HasSuffix(i.s, resourcesGone) {
			return &Fault{Type: "resource_action", Message: i.s}
		}
		return fault("%s", i.s)
	default:
		return r.control(t, f, i)
	}
	return nil
}

// control runs the instructions that lead elsewhere.
func (r *run) control(t *task, f *frame, i instr) error {
	switch i.op {
	case opJump:
		f.PC = i.a
	case opJumpFalse:
		if !Truth(f.pop()) {
			f.PC = i.a
		}
	case opAnd, opOr:
		if Truth(f.Stack[len(f.Stack)-1].Value) == (i.op == opOr) {
			f.PC = i.a
		} else {
			f.pop()
		}
	case opScope:
		f.Scopes = append(f.Scopes, scope{})
	case opUnscope:
		f.Scopes = f.Scopes[:len(f.Scopes)-1]
	case opEach:
		return each(f, i)
	case opNext:
		r.next(f, i)
	case opCall:
		return r.call(t, f, i)
	case opReturn:
		r.returns(t, f)
	case opTry:
		return r.open(f, i)
	case opTryEnd:
		f.Blocks = f.Blocks[:len(f.Blocks)-1]
	case opHandle:
		return r.handle(t, f, i)
	case opFork:
		return r.fork(t, f, i)
	case opTaskEnd:
		r.taskEnd(t, f)
	case opTask:
		return r.taskWord(t, i.s, f.pop())
	case opPause:
		t.Wait = &wait{Kind: "sleep", Until: r.millis() + pauseMillis}
	}
	return nil
}

// pauseMillis is between two evaluations of the condition of sleep_until.
const pauseMillis = 30_000

func (r *run) load(f *frame, i instr) error {
	v, ok := r.lookup(f, i.s)
	if !ok && i.a == 1 {
		return &Fault{Type: "resource_action", Message: i.s + " is not set: " + resourcesGone}
	}
	f.push(v)
	return nil
}

func (r *run) storePath(f *frame, i instr) error {
	path, v := f.popN(i.a), f.pop()
	old, _ := r.lookup(f, i.s)
	changed, err := setIn(old, path, func(Value) (Value, error) { return v, nil })
	if err := r.made(f, changed, err); err != nil {
		return err
	}
	r.assign(f, i.s, f.pop())
	f.push(v)
	return nil
}

// appendPath appends to a variable, or a member of one, and leaves the longer array.
func (r *run) appendPath(f *frame, i instr) error {
	path, v := f.popN(i.a), f.pop()
	old, _ := r.lookup(f, i.s)
	var grown Value
	changed, err := setIn(old, path, func(x Value) (out Value, err error) {
		out, err = appendTo(x, v)
		grown = out
		return out, err
	})
	if err == nil && (Size(changed) > r.m.limits.Bytes || depth(changed) > maxValueDepth) {
		return r.made(f, changed, nil)
	}
	if err != nil {
		return err
	}
	r.m.fresh += Size(v)
	r.assign(f, i.s, changed)
	f.push(grown)
	return nil
}

// pairs makes a hash of keys and values in turn.
func pairs(list []Value) (Value, error) {
	h := Hash{}
	for i := 0; i < len(list); i += 2 {
		k, err := key(list[i])
		if err != nil {
			return nil, err
		}
		h = h.With(k, list[i+1])
	}
	return h, nil
}

// spread pushes the first n elements of an array, null for those it has not.
func spread(f *frame, n int) error {
	list, ok := f.pop().(Array)
	if !ok {
		return fault("expected an array of %d values to assign", n)
	}
	for i := range n {
		f.push(opt(list.Items(), i))
	}
	return nil
}

// raised is the error of raise. Without a message, or with null, it still says something.
func raised(v Value, given bool) error {
	if !given {
		return &Fault{Type: "user", Message: "raised"}
	}
	return &Fault{Type: "user", Message: Text(v)}
}

// each begins a loop. Hashes loop over pairs; null over nothing.
func each(f *frame, i instr) error {
	list, err := items(f.pop())
	if i.a == 1 {
		f.push(i.v)
	}
	f.push(list)
	f.push(Int(0))
	return err
}

func items(v Value) (Array, error) {
	switch x := v.(type) {
	case nil:
		return Array{}, nil
	case Array:
		return x, nil
	case Hash:
		pairs, err := fnToA(nil, []Value{x})
		return pairs.(Array), err
	}
	return Array{}, fault("cannot loop over %s", article(v))
}

func (r *run) next(f *frame, i instr) {
	n := len(f.Stack)
	list, at := f.Stack[n-2].Value.(Array), f.Stack[n-1].Value.(Int)
	if int(at) >= list.Len() {
		f.pop()
		f.pop()
		f.PC = i.a
		return
	}
	f.Stack[n-1] = stored{at + 1}
	f.Scopes = append(f.Scopes, scope{})
	r.bind(f, i.s, list.At(int(at)))
}

// bind makes a variable in the innermost scope, whatever those around it hold; a global is set.
func (r *run) bind(f *frame, name string, v Value) {
	if global(name) {
		r.m.s.Globals[name] = stored{v}
		return
	}
	f.Scopes[len(f.Scopes)-1][name] = stored{v}
}

func (r *run) call(t *task, f *frame, i instr) error {
	args := f.popN(i.a)
	c := r.m.program.codes[i.s]
	if c == nil {
		return fault("there is no definition %s in this template", i.s)
	}
	if len(args) > len(c.params) {
		return fault("define %s takes %d arguments, got %d", c.name, len(c.params), len(args))
	}
	return r.enter(t, c, args, nil, "")
}

// enter pushes the frame of a definition.
func (r *run) enter(t *task, c *code, args []Value, locals scope, role string) error {
	if len(t.Frames) >= r.m.limits.Depth {
		return &Fault{Type: "limit", Message: "depth: more than " + Text(Int(r.m.limits.Depth)) + " definitions within one another"}
	}
	f := &frame{Code: c.name, Scopes: []scope{{}}, Role: role}
	if role != "" {
		f.Scopes = []scope{locals, {}}
	}
	for i, name := range c.params {
		r.bind(f, name, opt(args, i))
	}
	t.Frames = append(t.Frames, f)
	return nil
}

// returns ends a definition: its caller gets the values, its handler's block goes on, or the task ends.
func (r *run) returns(t *task, f *frame) {
	c := r.m.codeOf(f)
	if f.Role != "" {
		r.handled(t, f)
		return
	}
	values := make([]Value, len(c.returns))
	for i, name := range c.returns {
		values[i], _ = r.lookup(f, name)
	}
	t.Frames = t.Frames[:len(t.Frames)-1]
	if len(t.Frames) > 0 {
		t.Frames[len(t.Frames)-1].push(ArrayOf(values...))
		return
	}
	result := Hash{}
	for i, name := range c.returns {
		result = result.With(strings.TrimLeft(name, "$@"), values[i])
	}
	r.m.s.Result = stored{result}
	r.ended(t, outcome{})
}
