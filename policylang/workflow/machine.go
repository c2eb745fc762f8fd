package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Limits bound a run. A zero field takes its default.
type Limits struct {
	Steps    int64         // instructions in all; 20 million
	Slice    int           // instructions in one Step; 100,000
	Depth    int           // definitions within one another; 200
	Tasks    int           // tasks alive at once; 1,000
	Branches int           // tasks of one concurrent statement alive at once, the others wait; 20
	Bytes    int           // of all variables together; 64 MiB
	Requests int           // sent in all; 10,000
	Calls    int           // requests under way at once; 8
	Range    int           // elements of a range; 100,000
	Wall     time.Duration // from the first step, sleeps included; 24 hours
}

func (l Limits) filled() Limits {
	fill := func(p *int, n int) {
		if *p <= 0 {
			*p = n
		}
	}
	if l.Steps <= 0 {
		l.Steps = 20_000_000
	}
	if l.Wall <= 0 {
		l.Wall = 24 * time.Hour
	}
	fill(&l.Slice, 100_000)
	fill(&l.Depth, 200)
	fill(&l.Tasks, 1000)
	fill(&l.Branches, 20)
	fill(&l.Bytes, 64<<20)
	fill(&l.Requests, 10_000)
	fill(&l.Calls, 8)
	fill(&l.Range, 100_000)
	return l
}

// Config is what a run is given beside its program. A resumed run is given the same again.
type Config struct {
	Limits Limits
	// Signers are the names of the credentials of the template; $$name signs with it.
	Signers []string
	// Lenient makes "text" + null, a boolean or an array text instead of an error.
	Lenient bool
}

// Host is everything outside of a run. Do is called by several goroutines at once.
type Host interface {
	// Now is the time. It does not run backwards.
	Now() time.Time
	// Do sends a request. Any status is an answer; an error means that there was none.
	Do(ctx context.Context, r Request) (Response, error)
	// Secret is the value of a stored secret.
	Secret(ctx context.Context, name string) (string, error)
	// Random is n random bytes.
	Random(n int) ([]byte, error)
	// Label shows the progress of a task.
	Label(task, text string)
	// Log writes a line; level is title, info or error.
	Log(level, text string)
}

// Phase is how far a run is.
type Phase string

// The phases.
const (
	Running  Phase = "running"  // the next Step goes on at once
	Calling  Phase = "calling"  // the next Step sends requests
	Sleeping Phase = "sleeping" // nothing to do before Wake
	Done     Phase = "done"
	Failed   Phase = "failed"
	Canceled Phase = "canceled"
)

// Status is what a Step leaves behind.
type Status struct {
	Phase Phase
	Wake  time.Time // when to step again, if sleeping
	Fault *Fault    // why it failed
	// Result holds what the first definition returns, by the names of its variables without $, if done.
	Result Hash
}

// Ended reports whether there is nothing left to run.
func (s Status) Ended() bool { return s.Phase == Done || s.Phase == Failed || s.Phase == Canceled }

// Machine is one run of a program. It is used by one goroutine at a time.
type Machine struct {
	program *Program
	config  Config
	limits  Limits
	s       state
	fresh   int // bytes made since the variables were measured last
}

// state is all that a machine knows, as it is saved.
type state struct {
	Program    string
	Globals    scope
	Tasks      []*task
	Forks      []*forkRun `json:",omitempty"`
	LastID     int
	Turn       int // the task that runs
	Quantum    int // instructions left to it
	Steps      int64
	Requests   int
	Started    int64             // ms since 1970, 0 before the first step
	Statuses   map[string]string `json:",omitempty"` // of named tasks that ended
	Cancel     bool              `json:",omitempty"`
	Background *Fault            `json:",omitempty"` // of a task that nothing waits for
	Phase      Phase
	Result     stored
	Fault      *Fault `json:",omitempty"`
}

// scope is the variables of a block, by their names with sigils.
type scope map[string]stored

// task is a thread of a program.
type task struct {
	ID     int
	Name   string
	Named  bool `json:",omitempty"` // by the program
	Fork   int  `json:",omitempty"` // that it belongs to, 0 for the first task
	Index  int  `json:",omitempty"` // in that fork
	Ended  int  `json:",omitempty"` // how many of its children have ended
	Frames []*frame
	Wait   *wait `json:",omitempty"`
}

// frame is a definition that runs.
type frame struct {
	Code   string
	PC     int
	Stack  []stored `json:",omitempty"`
	Scopes []scope
	Blocks []block `json:",omitempty"`
	Role   string  `json:",omitempty"` // on_error, on_timeout, on_rollback: of which it is the handler

	code *code // that Code names, found on first use
}

// codeOf is the definition that a frame runs.
func (m *Machine) codeOf(f *frame) *code {
	if f.code == nil {
		f.code = m.program.codes[f.Code]
	}
	return f.code
}

// block is an open block with attributes.
type block struct {
	Try           int
	Stack, Scopes int        // depths when it opened
	Limit         int64      `json:",omitempty"` // ms that it may take, 0 for ever
	Deadline      int64      `json:",omitempty"` // ms since 1970
	Phase         int        `json:",omitempty"` // 0 open, 1 its handler runs, 2 its rollback runs
	Pending       *unwinding `json:",omitempty"` // what the handler is for
}

// wait is what a task waits for.
type wait struct {
	Kind  string   // http, sleep, fork, tasks
	Verb  string   `json:",omitempty"`
	Args  stored   // of a request
	Until int64    `json:",omitempty"` // ms since 1970
	Fork  int      `json:",omitempty"`
	Names []string `json:",omitempty"` // tasks that must have ended
	Count int      `json:",omitempty"` // children that must have ended
}

// Start makes a run of one definition of a program. Missing arguments are null.
func Start(p *Program, definition string, args []Value, c Config) (*Machine, error) {
	code := p.codes[definition]
	if code == nil {
		return nil, fmt.Errorf("there is no definition %q to run", definition)
	}
	if len(args) > len(code.params) {
		return nil, fmt.Errorf("define %s takes %d arguments, got %d", definition, len(code.params), len(args))
	}
	m := &Machine{program: p, config: c, limits: c.Limits.filled()}
	m.s = state{Program: p.id, Globals: scope{}, LastID: 1, Turn: 1, Quantum: quantum, Phase: Running}
	for _, name := range c.Signers {
		m.s.Globals["$$"+name] = stored{Signer(name)}
	}
	params := scope{}
	for i, name := range code.params {
		params[name] = stored{opt(args, i)}
	}
	m.s.Tasks = []*task{{ID: 1, Name: "main", Frames: []*frame{{Code: definition, Scopes: []scope{params}}}}}
	return m, nil
}

// MarshalJSON gives the whole state. It may hold secrets.
func (m *Machine) MarshalJSON() ([]byte, error) { return json.Marshal(m.s) }

// Resume makes a run from a state that MarshalJSON gave, with the same program.
func Resume(p *Program, saved []byte, c Config) (*Machine, error) {
	m := &Machine{program: p, config: c, limits: c.Limits.filled()}
	if err := json.Unmarshal(saved, &m.s); err != nil {
		return nil, fmt.Errorf("read the state of a run: %w", err)
	}
	if m.s.Program != p.id {
		return nil, fmt.Errorf("the state belongs to program %.12s, not to %.12s", m.s.Program, p.id)
	}
	if m.s.Globals == nil {
		m.s.Globals = scope{}
	}
	return m, m.sound()
}

// sound refuses a state whose numbers lead out of the program.
func (m *Machine) sound() error {
	for _, t := range m.s.Tasks {
		if len(t.Frames) == 0 {
			return fmt.Errorf("task %d of the state has no frame", t.ID)
		}
		for _, f := range t.Frames {
			c := m.program.codes[f.Code]
			if c == nil || f.PC < 0 || f.PC >= len(c.instrs) || len(f.Scopes) == 0 || slices.ContainsFunc(f.Blocks, func(b block) bool { return b.Try < 0 || b.Try >= len(c.tries) }) {
				return fmt.Errorf("task %d of the state stands outside of the program", t.ID)
			}
			for i := range f.Scopes {
				if f.Scopes[i] == nil {
					f.Scopes[i] = scope{}
				}
			}
		}
	}
	return nil
}

// Cancel ends the run at its next step: tasks are unwound, and their on_rollback handlers run.
func (m *Machine) Cancel() { m.s.Cancel = true }

// quantum is how many instructions a task runs before another has its turn, at the end of a statement.
const quantum = 1000

// Step runs until the run ends, needs the host, or has used up its slice. If it needs the host it returns before that,
// so that its state can be saved; the next Step asks the host and goes on. A step that fails because ctx ended can be
// taken again.
func (m *Machine) Step(ctx context.Context, host Host) (Status, error) {
	if m.s.Phase == Done || m.s.Phase == Failed || m.s.Phase == Canceled {
		return m.status(), nil
	}
	if err := ctx.Err(); err != nil {
		return m.status(), err
	}
	r := &run{m: m, ctx: ctx, host: host, env: &env{now: host.Now, random: host.Random, lenient: m.config.Lenient, limits: m.limits}}
	now := r.millis()
	if m.s.Started == 0 {
		m.s.Started = now
	}
	switch {
	case now-m.s.Started > m.limits.Wall.Milliseconds():
		r.over("time: the run took more than %s", m.limits.Wall)
	case m.s.Cancel:
		m.s.Cancel = false
		r.cancelAll()
	case !m.runnable():
		if err := r.serve(); err != nil {
			return m.status(), err
		}
	}
	r.spin()
	return m.status(), nil
}

func (m *Machine) runnable() bool {
	return slices.ContainsFunc(m.s.Tasks, func(t *task) bool { return t.Wait == nil })
}

func (m *Machine) status() Status {
	s := Status{Phase: m.s.Phase, Fault: m.s.Fault}
	s.Result, _ = m.s.Result.Value.(Hash)
	if s.Ended() {
		return s
	}
	if m.runnable() || m.s.Cancel {
		s.Phase = Running
		return s
	}
	s.Phase = Sleeping
	var wake int64
	for _, t := range m.s.Tasks {
		if t.Wait.Kind == "http" {
			s.Phase = Calling
		}
		for _, at := range append(t.deadlines(), t.Wait.Until) {
			if at > 0 && (wake == 0 || at < wake) {
				wake = at
			}
		}
	}
	if wake > 0 && s.Phase == Sleeping {
		s.Wake = time.UnixMilli(wake).UTC()
	}
	return s
}

// deadlines are those of the open blocks of a task.
func (t *task) deadlines() []int64 {
	var list []int64
	for _, f := range t.Frames {
		for _, b := range f.Blocks {
			if b.Deadline > 0 && b.Phase == 0 {
				list = append(list, b.Deadline)
			}
		}
	}
	return list
}

// run is a machine within a Step.
type run struct {
	m    *Machine
	ctx  context.Context
	host Host
	env  *env
}

func (r *run) millis() int64 { return r.host.Now().UnixMilli() }

// spin runs tasks in turn.
func (r *run) spin() {
	s := &r.m.s
	for left := r.m.limits.Slice; left > 0 && s.Phase == Running; {
		if s.Quantum <= 0 {
			r.lateWaiting()
		}
		t := r.turn()
		if t == nil {
			break
		}
		for left > 0 && t.Wait == nil && len(t.Frames) > 0 && s.Phase == Running {
			if s.Quantum <= 0 && r.atStatement(t) {
				break
			}
			left--
			s.Quantum--
			r.step(t)
		}
	}
	switch {
	case s.Phase != Running:
	case len(s.Tasks) == 0:
		r.finish()
	case r.m.stuck():
		r.over("tasks: all of them wait for one another")
	}
}

// lateWaiting ends blocks that took too long and wait for tasks that are still busy.
func (r *run) lateWaiting() {
	for _, t := range slices.Clone(r.m.s.Tasks) {
		if t.Wait != nil && t.Wait.Kind == "fork" && len(t.Frames) > 0 {
			r.late(t)
		}
	}
}

func (r *run) atStatement(t *task) bool {
	f := t.Frames[len(t.Frames)-1]
	return r.m.codeOf(f).instrs[f.PC].statement
}

// turn is the task to run: the same one while its quantum lasts or a statement of it is under way, else the next that
// does not wait.
func (r *run) turn() *task {
	s := &r.m.s
	if t := r.taskOf(s.Turn); t != nil && t.Wait == nil && (s.Quantum > 0 || !r.atStatement(t)) {
		return t
	}
	after := slices.IndexFunc(s.Tasks, func(t *task) bool { return t.ID > s.Turn && t.Wait == nil })
	if after < 0 {
		after = slices.IndexFunc(s.Tasks, func(t *task) bool { return t.Wait == nil })
	}
	if after < 0 {
		return nil
	}
	t := s.Tasks[after]
	s.Turn, s.Quantum = t.ID, quantum
	return t
}

// stuck reports whether tasks wait for one another, and for nothing else.
func (m *Machine) stuck() bool {
	return !slices.ContainsFunc(m.s.Tasks, func(t *task) bool {
		return t.Wait == nil || t.Wait.Kind == "http" || t.Wait.Kind == "sleep" || len(t.deadlines()) > 0
	})
}

// finish settles how the run ended, when no task is left.
func (r *run) finish() {
	s := &r.m.s
	switch {
	case s.Fault != nil:
		s.Phase = Failed
	case s.Background != nil:
		s.Phase, s.Fault = Failed, s.Background
	case s.Result.Value == nil:
		s.Phase = Canceled
	default:
		s.Phase = Done
	}
}

// over ends the run because a limit is reached; no handler sees it.
func (r *run) over(format string, args ...any) {
	s := &r.m.s
	s.Phase, s.Fault = Failed, &Fault{Type: "limit", Message: fmt.Sprintf(format, args...)}
	s.Tasks, s.Forks = nil, nil
	r.host.Log("error", s.Fault.Error())
}
