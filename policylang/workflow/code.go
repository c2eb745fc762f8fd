package workflow

import (
	"crypto/sha256"
	"encoding/hex"

	"espalier.dev/policylang/source"
)

// op is what an instruction does. Comments show the operand stack before and after, its top on the right.
type op uint8

const (
	opConst     op = iota // → v
	opLoad                // → value of s
	opStore               // v → v; s = v
	opStorePath           // v i… → v; s[i]… = v, a indices
	opAppendTo            // v i… → s[i]… << v, a indices
	opPop                 // v →
	opUnary               // x → s x
	opBinary              // x y → x s y
	opIndex               // x i → x[i]
	opSlice               // x from to → x[from..to]
	opRange               // from to → [from..to]
	opList                // a values → array
	opHash                // a times key, value → hash
	opFunc                // a arguments → result of the function s
	opJump                // ; to a
	opJumpFalse           // x → ; to a unless x is true
	opAnd                 // x → x if false, and to a; else nothing
	opOr                  // x → x if true, and to a; else nothing
	opScope               // ; opens a scope
	opUnscope             // ; closes it
	opEach                // list → list 0
	opNext                // list i → list i+1 in a new scope with s set; at the end → and to a
	opCall                // a arguments → array of what the definition s returns
	opSpread              // array → its first a elements, the last on top
	opReturn              // ; ends the definition
	opTry                 // ; opens the block a
	opTryEnd              // ; closes it
	opHandle              // a arguments → ; runs the handler s of the innermost block
	opFork                // list → ; starts the tasks of the fork a and waits for them; → its results
	opTaskEnd             // ; ends a task
	opRaise               // message → ; "" if it is absent
	opAssert              // x →
	opTask                // operand or null → ; cancel, abort, cancel_task, abort_task, wait_task, exit
	opFail                // ; raises what s says: a construct that is read but cannot run
	opPause               // ; waits before a condition is evaluated anew
)

// instr is one instruction. statement marks the first of a statement, before which another task may run.
type instr struct {
	op        op
	statement bool
	a         int
	s         string
	v         Value
	at        source.Span
}

// code is a definition made ready to run.
type code struct {
	name    string
	params  []string
	returns []string
	instrs  []instr
	tries   []try
	forks   []fork
}

// try is a block with attributes. Instruction numbers are 0 for handlers that are absent; no handler can be there.
type try struct {
	start, end int // of the body; end is behind it
	onError    reaction
	onTimeout  reaction
	onRollback reaction
	timed      bool // a deadline stands on the stack when the block opens
}

// reaction is what a block does about an error or a timeout.
type reaction struct {
	word    string // skip, retry, or "" for a handler
	handler int    // instruction that calls it
}

func (r reaction) present() bool { return r.word != "" || r.handler > 0 }

// fork is a statement that runs tasks side by side.
type fork struct {
	kind    string // do, foreach or map
	bodies  []int  // first instruction of each task of do; the one of the others
	loopVar string
	returns []string
	prefix  int // 1 if a prefix of task names is on the stack
	wait    int // 1 if what to wait for is on the stack
}

// Program is a set of definitions ready to run. It does not change, so machines may share it.
type Program struct {
	file  *source.File
	codes map[string]*code
	id    string
}

// ID names the text that a program was made from. A machine resumes with the program of the same ID only.
func (p *Program) ID() string { return p.id }

// Has reports whether there is a definition of this name.
func (p *Program) Has(name string) bool { return p.codes[name] != nil }

// Arity is the number of parameters of a definition.
func (p *Program) Arity(name string) int { return len(p.codes[name].params) }

// Compile makes definitions ready to run. Those of the file's diagnostics that Check gives do not stop it: what cannot
// run fails when it is reached. Of definitions with the same name the first counts.
func Compile(file *source.File, defs []*Definition) *Program {
	p := &Program{file: file, codes: map[string]*code{}}
	sum := sha256.New()
	for _, d := range defs {
		sum.Write([]byte(file.Slice(d.Span)))
		sum.Write([]byte{0})
		if d.Name != "" && p.codes[d.Name] == nil {
			p.codes[d.Name] = compileDefinition(d)
		}
	}
	p.id = hex.EncodeToString(sum.Sum(nil))
	return p
}
