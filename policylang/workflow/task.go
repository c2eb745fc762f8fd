package workflow

import (
	"maps"
	"slices"
)

// forkRun is a concurrent statement under way.
type forkRun struct {
	ID       int
	Code     string
	Fork     int // in that code
	Parent   int // the task that runs the statement
	Prefix   string
	Base     scope  // the variables each task starts with
	Items    stored // what is looped over, or null for do
	Count    int    // of tasks in all
	Next     int    // the first one not started
	Live     int
	Outcomes []outcome `json:",omitempty"` // of those that ended, as they did
	Detached bool      `json:",omitempty"` // its parent went on without it
	Stopped  bool      `json:",omitempty"` // it was canceled: its parent is too, once all have ended
	Enough   int       `json:",omitempty"` // how many must have ended, if wait_task says
	Names    []string  `json:",omitempty"` // which must have ended, if wait_task says
}

// outcome is how a task ended.
type outcome struct {
	Index    int
	Values   []stored `json:",omitempty"` // of the fork's return variables
	Set      []bool   `json:",omitempty"` // which of them have a value
	Fault    *Fault   `json:",omitempty"`
	Canceled bool     `json:",omitempty"`
	Errors   []*Fault `json:",omitempty"`
}

func (r *run) forkOf(id int) *forkRun {
	if i := slices.IndexFunc(r.m.s.Forks, func(f *forkRun) bool { return f.ID == id }); i >= 0 {
		return r.m.s.Forks[i]
	}
	return nil
}

func (r *run) taskOf(id int) *task {
	if i := slices.IndexFunc(r.m.s.Tasks, func(t *task) bool { return t.ID == id }); i >= 0 {
		return r.m.s.Tasks[i]
	}
	return nil
}

func (r *run) newID() int {
	r.m.s.LastID++
	return r.m.s.LastID
}

// fork begins a concurrent statement: it starts as many tasks as may run at once, and the statement's task waits.
func (r *run) fork(t *task, f *frame, i instr) error {
	spec := r.m.codeOf(f).forks[i.a]
	fk := &forkRun{ID: r.newID(), Code: f.Code, Fork: i.a, Parent: t.ID, Prefix: t.Name, Base: flat(f)}
	if spec.wait == 1 {
		fk.Enough, fk.Names = awaited(f.pop())
	}
	if spec.prefix == 1 {
		fk.Prefix = Text(f.pop())
	}
	list, err := items(f.pop())
	if err != nil {
		return err
	}
	if fk.Count = list.Len(); spec.kind == "do" {
		fk.Count = len(spec.bodies)
	} else {
		fk.Items = stored{list}
	}
	r.m.s.Forks = append(r.m.s.Forks, fk)
	t.Wait = &wait{Kind: "fork", Fork: fk.ID}
	r.feed(fk)
	r.settle(fk)
	return nil
}

// awaited reads what wait_task names: a number of tasks, a name, or a list of names.
func awaited(v Value) (count int, names []string) {
	switch x := v.(type) {
	case Int:
		return int(max(x, 0)), nil
	case Array:
		for _, name := range x.Items() {
			names = append(names, Text(name))
		}
		return 0, names
	case nil:
		return 0, nil
	}
	return 0, []string{Text(v)}
}

// feed starts tasks until as many run as may.
func (r *run) feed(fk *forkRun) {
	for fk.Live < r.m.limits.Branches && fk.Next < fk.Count && !fk.Stopped && r.m.s.Phase == Running {
		if len(r.m.s.Tasks) >= r.m.limits.Tasks {
			if fk.Live == 0 { // each statement needs one, or it would wait for ever
				r.over("tasks: more than %d at once", r.m.limits.Tasks)
			}
			return
		}
		spec := r.m.program.codes[fk.Code].forks[fk.Fork]
		n := fk.Next
		f := &frame{Code: fk.Code, PC: spec.bodies[0], Scopes: []scope{maps.Clone(fk.Base), {}}}
		if spec.kind == "do" {
			f.PC = spec.bodies[n]
		} else {
			r.bind(f, spec.loopVar, fk.Items.Value.(Array).At(n))
		}
		r.m.s.Tasks = append(r.m.s.Tasks, &task{ID: r.newID(), Name: fk.Prefix + "/" + Text(Int(n+1)), Fork: fk.ID, Index: n, Frames: []*frame{f}})
		fk.Next++
		fk.Live++
	}
}

// taskEnd ends a task of a fork that came to its end.
func (r *run) taskEnd(t *task, f *frame) {
	fk := r.forkOf(t.Fork)
	var o outcome
	if fk != nil {
		spec := r.m.program.codes[fk.Code].forks[fk.Fork]
		for _, name := range spec.returns {
			v, ok := r.lookup(f, name)
			if spec.kind == "do" { // only what the task itself set is merged
				ok = ok && (global(name) || !Equal(v, fk.Base[name].Value))
			}
			o.Values, o.Set = append(o.Values, stored{v}), append(o.Set, ok)
		}
	}
	r.ended(t, o)
}

// ended removes a task and tells its fork.
func (r *run) ended(t *task, o outcome) {
	s := &r.m.s
	if s.Phase != Running {
		return
	}
	t.Frames = nil
	s.Tasks = slices.DeleteFunc(s.Tasks, func(other *task) bool { return other == t })
	if t.Named {
		r.note(t.Name, o)
	}
	fk := r.forkOf(t.Fork)
	switch {
	case fk != nil:
		o.Index = t.Index
		fk.Live--
		fk.Outcomes = append(fk.Outcomes, o)
		if parent := r.taskOf(fk.Parent); parent != nil {
			parent.Ended++
		}
		r.feed(fk)
		r.settle(fk)
	case t.Fork == 0 && o.Fault != nil && !o.Canceled:
		s.Fault = o.Fault
	}
	r.wake()
}

// maxStatuses bounds how many named tasks are remembered.
const maxStatuses = 1000

func (r *run) note(name string, o outcome) {
	s := &r.m.s
	if s.Statuses == nil {
		s.Statuses = map[string]string{}
	}
	if len(s.Statuses) >= maxStatuses {
		return
	}
	switch {
	case o.Canceled:
		s.Statuses[name] = "canceled"
	case o.Fault != nil:
		s.Statuses[name] = "failed"
	default:
		s.Statuses[name] = "succeeded"
	}
}

// settle lets the parent of a fork go on if what it waits for has happened, and forgets the fork once all has.
func (r *run) settle(fk *forkRun) {
	over := fk.Live == 0 && (fk.Next == fk.Count || fk.Stopped)
	if over {
		r.m.s.Forks = slices.DeleteFunc(r.m.s.Forks, func(f *forkRun) bool { return f == fk })
	}
	parent := r.taskOf(fk.Parent)
	if fk.Detached || parent == nil {
		r.background(fk)
		return
	}
	early := fk.Enough > 0 && len(fk.Outcomes) >= fk.Enough || len(fk.Names) > 0 && !r.anyAlive(fk.Names)
	if !over && !early || parent.Wait == nil || parent.Wait.Fork != fk.ID {
		return
	}
	parent.Wait = nil
	fk.Detached = !over
	r.join(parent, fk)
}

// background remembers the first error of tasks that nothing waits for: it fails the run in the end.
func (r *run) background(fk *forkRun) {
	for _, o := range fk.Outcomes {
		if o.Fault != nil && !o.Canceled && r.m.s.Background == nil {
			r.m.s.Background = o.Fault
		}
	}
}

// join gives a parent what its tasks returned, or raises the error of the first in order that failed.
func (r *run) join(parent *task, fk *forkRun) {
	slices.SortFunc(fk.Outcomes, func(a, b outcome) int { return a.Index - b.Index })
	if fk.Stopped {
		r.unwind(parent, &unwinding{Kind: "cancel", Fault: canceled})
		return
	}
	var errors []*Fault
	for _, o := range fk.Outcomes {
		if o.Fault != nil && !o.Canceled {
			errors = append(errors, o.Fault)
		}
	}
	if len(errors) > 0 {
		r.unwind(parent, &unwinding{Kind: "error", Fault: errors[0], Errors: errors})
		return
	}
	f := parent.Frames[len(parent.Frames)-1]
	f.push(r.results(f, fk))
}

// results is what a fork leaves on the stack: of a map the lists, of others nothing; do sets variables.
func (r *run) results(f *frame, fk *forkRun) Value {
	spec := r.m.program.codes[fk.Code].forks[fk.Fork]
	lists := make([]Array, len(spec.returns))
	for _, o := range fk.Outcomes {
		for i, name := range spec.returns {
			switch {
			case i >= len(o.Set) || !o.Set[i]:
			case spec.kind == "do":
				r.assign(f, name, o.Values[i].Value)
			default:
				lists[i] = lists[i].Append(o.Values[i].Value)
			}
		}
	}
	if spec.kind != "map" {
		return nil
	}
	out := Array{}
	for _, list := range lists {
		out = out.Append(list)
	}
	return out
}

func (r *run) anyAlive(names []string) bool {
	return slices.ContainsFunc(r.m.s.Tasks, func(t *task) bool { return slices.Contains(names, t.Name) })
}

// wake lets tasks go on whose wait_task is satisfied, and forks settle that wait for a name.
func (r *run) wake() {
	for _, t := range r.m.s.Tasks {
		if t.Wait == nil || t.Wait.Kind != "tasks" {
			continue
		}
		w := t.Wait
		children := slices.ContainsFunc(r.m.s.Forks, func(f *forkRun) bool { return f.Parent == t.ID })
		if len(w.Names) > 0 && !r.anyAlive(w.Names) || len(w.Names) == 0 && (!children || w.Count > 0 && t.Ended >= w.Count) {
			t.Wait = nil
		}
	}
	for _, fk := range slices.Clone(r.m.s.Forks) {
		if len(fk.Names) > 0 && !fk.Detached {
			r.settle(fk)
		}
	}
}

var canceled = &Fault{Type: "cancel", Message: "canceled"}

// drop ends what a task waits for: the tasks of its concurrent statement are removed without a word.
func (r *run) drop(t *task) {
	if t.Wait == nil {
		return
	}
	fk := r.forkOf(t.Wait.Fork)
	t.Wait = nil
	if fk == nil {
		return
	}
	r.m.s.Forks = slices.DeleteFunc(r.m.s.Forks, func(f *forkRun) bool { return f == fk })
	for _, child := range slices.Clone(r.m.s.Tasks) {
		if child.Fork == fk.ID {
			r.drop(child)
			child.Frames = nil
			r.m.s.Tasks = slices.DeleteFunc(r.m.s.Tasks, func(other *task) bool { return other == child })
		}
	}
}

// cancel unwinds a task, after the tasks it waits for.
func (r *run) cancel(t *task) {
	if t.Wait != nil && t.Wait.Kind == "fork" {
		if fk := r.forkOf(t.Wait.Fork); fk != nil {
			fk.Stopped = true
			for _, child := range slices.Clone(r.m.s.Tasks) {
				if child.Fork == fk.ID {
					r.cancel(child)
				}
			}
			r.settle(fk)
			return
		}
	}
	if len(t.Frames) > 0 {
		r.unwind(t, &unwinding{Kind: "cancel", Fault: canceled})
	}
}

// cancelAll cancels every task that no other waits for; those take the rest with them.
func (r *run) cancelAll() {
	for _, t := range slices.Clone(r.m.s.Tasks) {
		if fk := r.forkOf(t.Fork); fk == nil || fk.Detached {
			r.cancel(t)
		}
	}
}

// taskWord runs cancel, abort, cancel_task, abort_task, wait_task and exit.
func (r *run) taskWord(t *task, word string, operand Value) error {
	s := &r.m.s
	switch word {
	case "cancel":
		r.cancelAll()
	case "abort":
		s.Tasks, s.Forks, s.Phase = nil, nil, Canceled
	case "exit":
		s.Tasks, s.Forks, s.Result, s.Phase = nil, nil, stored{Hash{}}, Done
	case "cancel_task", "abort_task":
		for _, other := range r.named(t, operand) {
			if word == "cancel_task" {
				r.cancel(other)
				continue
			}
			r.drop(other)
			r.ended(other, outcome{Canceled: true, Fault: canceled})
		}
	case "wait_task":
		count, names := awaited(operand)
		t.Wait = &wait{Kind: "tasks", Names: names, Count: count}
		r.wake()
	}
	return nil
}

// named is the tasks with a name, or t itself if there is none.
func (r *run) named(t *task, name Value) []*task {
	if name == nil {
		return []*task{t}
	}
	_, names := awaited(name)
	var out []*task
	for _, other := range r.m.s.Tasks {
		if slices.Contains(names, other.Name) {
			out = append(out, other)
		}
	}
	return out
}
