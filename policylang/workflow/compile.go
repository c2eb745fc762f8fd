package workflow

import (
	"strings"

	"espalier.dev/policylang/source"
)

type compiler struct {
	code *code
	mark bool // the next instruction begins a statement
}

func compileDefinition(d *Definition) *code {
	c := &compiler{code: &code{name: d.Name}}
	for _, v := range d.Params {
		c.code.params = append(c.code.params, v.Name)
	}
	for _, v := range d.Returns {
		c.code.returns = append(c.code.returns, v.Name)
	}
	c.emit(instr{op: opJump, a: 1, at: d.At}) // so that no handler is instruction 0
	c.tried(d.Attrs, d.At, func() { c.stmts(d.Body) })
	c.emit(instr{op: opReturn, at: d.At})
	return c.code
}

func (c *compiler) emit(i instr) int {
	i.statement, c.mark = c.mark, false
	c.code.instrs = append(c.code.instrs, i)
	return len(c.code.instrs) - 1
}

func (c *compiler) here() int { return len(c.code.instrs) }

// land makes the jump at i go here.
func (c *compiler) land(i int) { c.code.instrs[i].a = c.here() }

func (c *compiler) stmts(list []Stmt) {
	for _, s := range list {
		c.mark = true
		c.stmt(s)
	}
}

func (c *compiler) scoped(list []Stmt, at source.Span) {
	c.emit(instr{op: opScope, at: at})
	c.stmts(list)
	c.emit(instr{op: opUnscope, at: at})
}

func attr(list []Attr, name string) Expr {
	for _, a := range list {
		if a.Name == name {
			return a.Value
		}
	}
	return nil
}

// tried emits a body within the block that its attributes make, if they make one.
func (c *compiler) tried(attrs []Attr, at source.Span, body func()) {
	if label := attr(attrs, "task_label"); label != nil {
		c.expr(label)
		c.emit(instr{op: opFunc, s: "task_label", a: 1, at: at})
		c.emit(instr{op: opPop, at: at})
	}
	timeout := attr(attrs, "timeout")
	if timeout == nil && attr(attrs, "on_error") == nil && attr(attrs, "on_timeout") == nil && attr(attrs, "on_rollback") == nil {
		body()
		return
	}
	if timeout != nil {
		c.expr(timeout)
	}
	n := len(c.code.tries)
	c.code.tries = append(c.code.tries, try{timed: timeout != nil})
	c.emit(instr{op: opTry, a: n, at: at})
	t := try{timed: timeout != nil, start: c.here()}
	body()
	c.emit(instr{op: opTryEnd, at: at})
	over := c.emit(instr{op: opJump, at: at})
	t.onError = c.reaction(attr(attrs, "on_error"), at)
	t.onTimeout = c.reaction(attr(attrs, "on_timeout"), at)
	t.onRollback = c.reaction(attr(attrs, "on_rollback"), at)
	c.land(over)
	t.end = c.here()
	c.code.tries[n] = t
}

// reaction emits the call of a handler.
func (c *compiler) reaction(e Expr, at source.Span) reaction {
	switch e := e.(type) {
	case *NameExpr:
		if e.Name == "skip" || e.Name == "retry" {
			return reaction{word: e.Name}
		}
		return reaction{handler: c.emit(instr{op: opHandle, s: e.Name, at: e.Span})}
	case *CallExpr:
		r := reaction{handler: c.here()}
		n := c.args(e.Args, e.Span)
		i := c.emit(instr{op: opHandle, s: e.Name, a: n, at: e.Span})
		r.handler = min(r.handler, i)
		return r
	}
	return reaction{}
}

func (c *compiler) stmt(s Stmt) {
	at := s.Pos()
	switch s := s.(type) {
	case *SubStmt:
		c.named(s.Attrs, at)
		c.tried(s.Attrs, at, func() { c.scoped(s.Body, at) })
	case *ConcurrentStmt:
		c.tried(s.Attrs, at, func() { c.concurrent(s) })
	case *ForeachStmt:
		c.tried(s.Attrs, at, func() { c.foreach(s) })
	case *MapStmt:
		c.tried(s.Attrs, at, func() { // the assignments within, so that a skipped block leaves nothing on the stack
			c.mapStmt(s)
			c.store(s.Targets, at)
		})
	case *WhileStmt:
		c.tried(s.Attrs, at, func() { c.while(s) })
	case *IfStmt:
		c.ifStmt(s)
	case *CallStmt:
		c.tried(s.Attrs, at, func() { c.call(s) })
	case *RaiseStmt:
		if s.Value == nil {
			c.emit(instr{op: opConst, at: at})
		} else {
			c.expr(s.Value)
		}
		c.emit(instr{op: opRaise, a: boolInt(s.Value != nil), at: at})
	case *AssertStmt:
		c.expr(s.Cond)
		c.emit(instr{op: opAssert, at: s.Cond.Pos()})
	case *TaskStmt:
		c.operand(s.Operand, at)
		c.emit(instr{op: opTask, s: s.Word, at: at})
	case *AssignStmt:
		c.assignment(s)
	case *ExprStmt:
		c.expr(s.X)
		c.emit(instr{op: opPop, at: at})
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// operand emits the operand of wait_task and its kin: a bare word is a name.
func (c *compiler) operand(e Expr, at source.Span) {
	switch e := e.(type) {
	case nil:
		c.emit(instr{op: opConst, at: at})
	case *NameExpr:
		c.emit(instr{op: opConst, v: String(e.Name), at: at})
	default:
		c.expr(e)
	}
}

// named gives the running task a name, if a sub has the attribute.
func (c *compiler) named(attrs []Attr, at source.Span) {
	if name := attr(attrs, "task_name"); name != nil {
		c.expr(name)
		c.emit(instr{op: opFunc, s: nameTask, a: 1, at: at})
		c.emit(instr{op: opPop, at: at})
	}
}

// nameTask is the function that the attribute task_name calls; no program can write it.
const nameTask = "task_name="

func (c *compiler) foreach(s *ForeachStmt) {
	c.expr(s.In)
	if s.Concurrent {
		c.forkLoop("foreach", s.Var.Name, nil, s.Attrs, s.Body, s.Span)
		c.emit(instr{op: opPop, at: s.Span})
		return
	}
	c.emit(instr{op: opEach, at: s.In.Pos()})
	next := c.emit(instr{op: opNext, s: s.Var.Name, at: s.Span})
	c.stmts(s.Body)
	c.emit(instr{op: opUnscope, at: s.Span})
	c.emit(instr{op: opJump, a: next, at: s.Span})
	c.land(next)
}

// forkLoop emits a concurrent loop over the list on the stack; its results take the place of the list.
func (c *compiler) forkLoop(kind, loopVar string, returns []Var, attrs []Attr, body []Stmt, at source.Span) {
	f := fork{kind: kind, loopVar: loopVar, returns: names(returns)}
	c.forkAttrs(&f, attrs, at)
	n := len(c.code.forks)
	c.code.forks = append(c.code.forks, f)
	c.emit(instr{op: opFork, a: n, at: at})
	over := c.emit(instr{op: opJump, at: at})
	f.bodies = []int{c.here()}
	c.stmts(body)
	c.emit(instr{op: opTaskEnd, at: at})
	c.land(over)
	c.code.forks[n] = f
}

// forkAttrs emits what tasks are named by and what to wait for, above the list.
func (c *compiler) forkAttrs(f *fork, attrs []Attr, at source.Span) {
	if e := attr(attrs, "task_prefix"); e != nil {
		f.prefix = 1
		c.expr(e)
	}
	if e := attr(attrs, "wait_task"); e != nil {
		f.wait = 1
		c.operand(e, at)
	}
}

func names(list []Var) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.Name
	}
	return out
}

// concurrent emits a task for each statement of the body.
func (c *compiler) concurrent(s *ConcurrentStmt) {
	f := fork{kind: "do", returns: names(s.Returns)}
	c.emit(instr{op: opConst, at: s.Span})
	c.forkAttrs(&f, s.Attrs, s.Span)
	n := len(c.code.forks)
	c.code.forks = append(c.code.forks, f)
	c.emit(instr{op: opFork, a: n, at: s.Span})
	over := c.emit(instr{op: opJump, at: s.Span})
	for _, child := range s.Body {
		f.bodies = append(f.bodies, c.here())
		c.stmts([]Stmt{child})
		c.emit(instr{op: opTaskEnd, at: s.Span})
	}
	c.land(over)
	c.emit(instr{op: opPop, at: s.Span})
	c.code.forks[n] = f
}

// mapStmt leaves the collected lists on the stack, one per target, the last on top.
func (c *compiler) mapStmt(s *MapStmt) {
	c.expr(s.In)
	if s.Concurrent {
		c.forkLoop("map", s.Var.Name, s.Returns, s.Attrs, s.Body, s.Span)
	} else {
		c.collect(s)
	}
	c.emit(instr{op: opSpread, a: len(s.Targets), at: s.Span})
}

// collect emits a map in turn: below list and index stands the array of lists collected so far.
func (c *compiler) collect(s *MapStmt) {
	empty := make([]Value, len(s.Returns))
	for i := range empty {
		empty[i] = Array{}
	}
	c.emit(instr{op: opEach, a: 1, v: ArrayOf(empty...), at: s.In.Pos()})
	next := c.emit(instr{op: opNext, s: s.Var.Name, at: s.Span})
	c.stmts(s.Body)
	for i, v := range s.Returns {
		c.emit(instr{op: opFunc, s: collectVar + v.Name, a: 0, v: Int(i), at: v.Span})
	}
	c.emit(instr{op: opUnscope, at: s.Span})
	c.emit(instr{op: opJump, a: next, at: s.Span})
	c.land(next)
}

// collectVar begins the name of the function that adds a variable to what a map collects; no program can write it.
const collectVar = "collect="

func (c *compiler) while(s *WhileStmt) {
	c.emit(instr{op: opScope, at: s.Span}) // one for the whole loop, so that its condition sees what its body sets
	top := c.here()
	c.mark = true
	c.expr(s.Cond)
	exit := c.emit(instr{op: opJumpFalse, at: s.Cond.Pos()})
	c.stmts(s.Body)
	c.emit(instr{op: opJump, a: top, at: s.Span})
	c.land(exit)
	c.emit(instr{op: opUnscope, at: s.Span})
}

func (c *compiler) ifStmt(s *IfStmt) {
	var exits []int
	for _, arm := range s.Arms {
		if arm.Cond == nil {
			c.scoped(arm.Body, s.Span)
			break
		}
		c.expr(arm.Cond)
		skip := c.emit(instr{op: opJumpFalse, at: arm.Cond.Pos()})
		c.scoped(arm.Body, s.Span)
		exits = append(exits, c.emit(instr{op: opJump, at: s.Span}))
		c.land(skip)
	}
	for _, i := range exits {
		c.land(i)
	}
}

func (c *compiler) call(s *CallStmt) {
	c.named(s.Attrs, s.Span)
	n := c.args(s.Args, s.Span)
	c.emit(instr{op: opCall, s: s.Name, a: n, at: s.Span})
	if len(s.Retrieve) == 0 {
		c.emit(instr{op: opPop, at: s.Span})
		return
	}
	c.emit(instr{op: opSpread, a: len(s.Retrieve), at: s.Span})
	targets := make([]Target, len(s.Retrieve))
	for i, v := range s.Retrieve {
		targets[i] = Target{Var: v, Span: v.Span}
	}
	c.store(targets, s.Span)
}

// store emits the assignments of as many values as there are targets, the last on top.
func (c *compiler) store(targets []Target, at source.Span) {
	for i := len(targets) - 1; i >= 0; i-- {
		c.assign(targets[i])
		c.emit(instr{op: opPop, at: at})
	}
}

// assign emits an assignment of the value on the stack, which stays there.
func (c *compiler) assign(t Target) {
	if t.Var.Reference() {
		c.emit(instr{op: opFail, s: resourcesGone, at: t.Span})
		return
	}
	if len(t.Index) == 0 {
		c.emit(instr{op: opStore, s: t.Var.Name, at: t.Span})
		return
	}
	for _, e := range t.Index {
		c.expr(e)
	}
	c.emit(instr{op: opStorePath, s: t.Var.Name, a: len(t.Index), at: t.Span})
}

const resourcesGone = "resources belong to a product that is gone"

func (c *compiler) assignment(s *AssignStmt) {
	c.expr(s.Value)
	if len(s.Targets) > 1 {
		c.emit(instr{op: opSpread, a: len(s.Targets), at: s.Span})
	}
	c.store(s.Targets, s.Span)
}

func (c *compiler) expr(e Expr) {
	at := e.Pos()
	switch e := e.(type) {
	case *Literal:
		c.emit(instr{op: opConst, v: e.Value, at: at})
	case *VarExpr:
		if e.Reference() {
			c.emit(instr{op: opLoad, s: e.Name, a: 1, at: at})
		} else {
			c.emit(instr{op: opLoad, s: e.Name, at: at})
		}
	case *ListExpr:
		for _, x := range e.Items {
			c.expr(x)
		}
		c.emit(instr{op: opList, a: len(e.Items), at: at})
	case *RangeExpr:
		c.expr(e.From)
		c.expr(e.To)
		c.emit(instr{op: opRange, at: at})
	case *HashExpr:
		for _, p := range e.Pairs {
			c.expr(p.Key)
			c.expr(p.Value)
		}
		c.emit(instr{op: opHash, a: len(e.Pairs), at: at})
	case *CallExpr:
		c.function(e)
	case *IndexExpr:
		c.expr(e.X)
		c.expr(e.Index)
		c.emit(instr{op: opIndex, at: at})
	case *SliceExpr:
		c.expr(e.X)
		c.operand(e.From, at)
		c.operand(e.To, at)
		c.emit(instr{op: opSlice, at: at})
	case *UnaryExpr:
		c.expr(e.X)
		c.emit(instr{op: opUnary, s: e.Op, at: at})
	case *BinaryExpr:
		c.binary(e)
	case *ParenExpr:
		c.expr(e.X)
	case *AssignExpr:
		c.expr(e.Value)
		c.assign(e.Target)
	case *MemberExpr:
		c.emit(instr{op: opFail, s: resourcesGone, at: at})
	case *NameExpr:
		c.emit(instr{op: opFail, s: "the name " + e.Name + " has no value", at: at})
	}
}

func (c *compiler) binary(e *BinaryExpr) {
	if e.Op == "<<" {
		c.appends(e)
		return
	}
	c.expr(e.X)
	if e.Op == "&&" || e.Op == "||" {
		jump := opAnd
		if e.Op == "||" {
			jump = opOr
		}
		over := c.emit(instr{op: jump, at: e.Span})
		c.expr(e.Y)
		c.land(over)
		return
	}
	c.expr(e.Y)
	c.emit(instr{op: opBinary, s: e.Op, at: e.Span})
}

// appends emits $x << a << b, which appends to the variable itself, one after another.
func (c *compiler) appends(e *BinaryExpr) {
	values := []Expr{e.Y}
	x := e.X
	for {
		inner, ok := x.(*BinaryExpr)
		if !ok || inner.Op != "<<" {
			break
		}
		values = append(values, inner.Y)
		x = inner.X
	}
	target, inPlace := targetOf(x)
	if !inPlace {
		c.expr(e.X)
		c.expr(e.Y)
		c.emit(instr{op: opBinary, s: "<<", at: e.Span})
		return
	}
	for i := len(values) - 1; i >= 0; i-- {
		c.expr(values[i])
		for _, index := range target.Index {
			c.expr(index)
		}
		c.emit(instr{op: opAppendTo, s: target.Var.Name, a: len(target.Index), at: e.Span})
		if i > 0 {
			c.emit(instr{op: opPop, at: e.Span})
		}
	}
}

// targetOf is the variable, or member of one, that an expression names.
func targetOf(e Expr) (t Target, ok bool) {
	switch x := e.(type) {
	case *VarExpr:
		return Target{Span: x.Span, Var: x.Var}, !x.Reference()
	case *IndexExpr:
		t, ok = targetOf(x.X)
		t.Index = append(t.Index, x.Index)
		return t, ok
	}
	return Target{}, false
}

// args emits arguments and returns how many there are: keyword arguments make one hash, the last.
func (c *compiler) args(list []Arg, at source.Span) int {
	n, keywords := 0, 0
	for _, a := range list {
		if a.Raw == "" {
			c.expr(a.Value)
			n++
		}
	}
	for _, a := range list {
		if a.Raw != "" {
			c.emit(instr{op: opConst, v: String(a.Key), at: at})
			c.expr(a.Value)
			keywords++
		}
	}
	if keywords > 0 {
		c.emit(instr{op: opHash, a: keywords, at: at})
		n++
	}
	return n
}

func (c *compiler) function(e *CallExpr) {
	if (e.Name == "sleep_until" || e.Name == "sleep_while") && len(e.Args) == 1 {
		c.sleepOn(e)
		return
	}
	if resourceFunctions[e.Name] {
		c.emit(instr{op: opFail, s: e.Name + ": " + resourcesGone, at: e.Span})
		return
	}
	if _, known := builtins[e.Name]; !known {
		c.emit(instr{op: opFail, s: "there is no function " + e.Name, at: e.Span})
		return
	}
	n := c.args(e.Args, e.Span)
	if b := builtins[e.Name]; n < b.least || b.most >= 0 && n > b.most {
		c.emit(instr{op: opFail, s: "wrong number of arguments: " + b.signature, at: e.Span})
		return
	}
	c.emit(instr{op: opFunc, s: e.Name, a: n, at: e.Span})
}

// sleepOn emits a loop: the condition is evaluated anew after each pause.
func (c *compiler) sleepOn(e *CallExpr) {
	top := c.here()
	c.expr(e.Args[0].Value)
	if strings.HasSuffix(e.Name, "until") {
		c.emit(instr{op: opUnary, s: "!", at: e.Span})
	}
	done := c.emit(instr{op: opJumpFalse, at: e.Span})
	c.emit(instr{op: opPause, at: e.Span})
	c.emit(instr{op: opJump, a: top, at: e.Span})
	c.land(done)
	c.emit(instr{op: opConst, at: e.Span})
}
