package workflow

import "espalier.dev/policylang/source"

// Definition is one define block.
type Definition struct {
	Span    source.Span
	Name    string      // may hold points
	At      source.Span // of the name
	Params  []Var
	Returns []Var
	Attrs   []Attr
	Body    []Stmt
	// Comments are all of the definition, in order; Print puts them back.
	Comments []Comment
	// EndAt is the offset of its end, which comments before it are printed above.
	EndAt int
}

// Comment is a # to the end of its line.
type Comment struct {
	Span source.Span
	Text string // with the #
}

// Var is a variable or reference as written, sigils included: $x, $$x, @x, @@x.
type Var struct {
	Span source.Span
	Name string
}

// Global reports whether the variable lives as long as the process: $$x, @@x.
func (v Var) Global() bool { return len(v.Name) > 2 && v.Name[0] == v.Name[1] }

// Reference reports whether the variable holds resources: @x, @@x.
func (v Var) Reference() bool { return v.Name != "" && v.Name[0] == '@' }

// Attr is an attribute of a block: on_error: handler($x), timeout: 5m.
type Attr struct {
	Span  source.Span
	Name  string
	Value Expr
}

// Stmt is a statement.
type Stmt interface {
	Pos() source.Span
	stmt()
}

// The statements. Block statements carry their attributes and body.
type (
	// SubStmt is sub … do … end.
	SubStmt struct {
		source.Span
		Attrs []Attr
		Body  []Stmt
		EndAt int
	}
	// ConcurrentStmt is concurrent return … do … end: each statement of its body is a task.
	ConcurrentStmt struct {
		source.Span
		Returns []Var
		Attrs   []Attr
		Body    []Stmt
		EndAt   int
	}
	// ForeachStmt is foreach $x in … do … end, perhaps concurrent.
	ForeachStmt struct {
		source.Span
		Concurrent bool
		Var        Var
		In         Expr
		Attrs      []Attr
		Body       []Stmt
		EndAt      int
	}
	// MapStmt is $a, $b = map $x in … return $y, $z do … end, perhaps concurrent.
	MapStmt struct {
		source.Span
		Targets    []Target
		Concurrent bool
		Var        Var
		In         Expr
		Returns    []Var
		Attrs      []Attr
		Body       []Stmt
		EndAt      int
	}
	// WhileStmt is while … do … end.
	WhileStmt struct {
		source.Span
		Cond  Expr
		Attrs []Attr
		Body  []Stmt
		EndAt int
	}
	// IfStmt is if … elsif … else … end.
	IfStmt struct {
		source.Span
		Arms  []Arm
		EndAt int
	}
	// CallStmt is call name(…) retrieve ….
	CallStmt struct {
		source.Span
		Name     string
		At       source.Span // of the name
		Args     []Arg
		Retrieve []Var
		Attrs    []Attr
	}
	// RaiseStmt is raise, with a message or without.
	RaiseStmt struct {
		source.Span
		Value Expr // nil if there is none
	}
	// AssertStmt is assert with a condition.
	AssertStmt struct {
		source.Span
		Cond Expr
	}
	// TaskStmt is cancel, abort, cancel_task, abort_task, wait_task or exit.
	TaskStmt struct {
		source.Span
		Word    string
		Operand Expr // nil if there is none
	}
	// AssignStmt assigns to one or more targets.
	AssignStmt struct {
		source.Span
		Targets []Target
		Value   Expr
	}
	// ExprStmt is an expression evaluated for what it does.
	ExprStmt struct {
		source.Span
		X Expr
	}
)

// Arm is one branch of an if. The last may have no condition: the else.
type Arm struct {
	At   int // offset of its if, elsif or else
	Cond Expr
	Body []Stmt
}

// Target is what an assignment sets: $x, or $x["a"][1].
type Target struct {
	Span  source.Span
	Var   Var
	Index []Expr
}

func (s *SubStmt) Pos() source.Span        { return s.Span }
func (s *ConcurrentStmt) Pos() source.Span { return s.Span }
func (s *ForeachStmt) Pos() source.Span    { return s.Span }
func (s *MapStmt) Pos() source.Span        { return s.Span }
func (s *WhileStmt) Pos() source.Span      { return s.Span }
func (s *IfStmt) Pos() source.Span         { return s.Span }
func (s *CallStmt) Pos() source.Span       { return s.Span }
func (s *RaiseStmt) Pos() source.Span      { return s.Span }
func (s *AssertStmt) Pos() source.Span     { return s.Span }
func (s *TaskStmt) Pos() source.Span       { return s.Span }
func (s *AssignStmt) Pos() source.Span     { return s.Span }
func (s *ExprStmt) Pos() source.Span       { return s.Span }

func (*SubStmt) stmt()        {}
func (*ConcurrentStmt) stmt() {}
func (*ForeachStmt) stmt()    {}
func (*MapStmt) stmt()        {}
func (*WhileStmt) stmt()      {}
func (*IfStmt) stmt()         {}
func (*CallStmt) stmt()       {}
func (*RaiseStmt) stmt()      {}
func (*AssertStmt) stmt()     {}
func (*TaskStmt) stmt()       {}
func (*AssignStmt) stmt()     {}
func (*ExprStmt) stmt()       {}

// Expr is an expression.
type Expr interface {
	Pos() source.Span
	expr()
}

// The expressions.
type (
	// Literal is null, a boolean, a number, a duration in seconds, a string, a datetime or a regexp.
	Literal struct {
		source.Span
		Value Value
		Raw   string // as written; "" for a heredoc, which is printed as a quoted string
	}
	// VarExpr reads a variable.
	VarExpr struct{ Var }
	// ListExpr is [a, b].
	ListExpr struct {
		source.Span
		Items []Expr
		Wide  bool // written over several lines
	}
	// RangeExpr is [a..b], a list made of its ends.
	RangeExpr struct {
		source.Span
		From, To Expr
	}
	// HashExpr is {"k": v}.
	HashExpr struct {
		source.Span
		Pairs []Pair
		Wide  bool
	}
	// CallExpr is a built-in function. Its keyword arguments make one hash, the last argument.
	CallExpr struct {
		source.Span
		Name string
		At   source.Span // of the name
		Args []Arg
		Wide bool
	}
	// IndexExpr is x[i].
	IndexExpr struct {
		source.Span
		X, Index Expr
	}
	// SliceExpr is x[a..b]; either end may be nil.
	SliceExpr struct {
		source.Span
		X, From, To Expr
	}
	// MemberExpr is x.name or x.name(…): an attribute or action of a resource.
	MemberExpr struct {
		source.Span
		X      Expr
		Name   string
		Args   []Arg
		Called bool
	}
	// NameExpr is a bare name: a namespace such as rs_cm, or a word in an attribute.
	NameExpr struct {
		source.Span
		Name string
	}
	// UnaryExpr is !x, -x or +x.
	UnaryExpr struct {
		source.Span
		Op string
		X  Expr
	}
	// BinaryExpr is x op y.
	BinaryExpr struct {
		source.Span
		Op   string
		X, Y Expr
	}
	// ParenExpr keeps parentheses for printing.
	ParenExpr struct {
		source.Span
		X Expr
	}
	// AssignExpr is an assignment used as a value, which is its right side.
	AssignExpr struct {
		source.Span
		Target Target
		Value  Expr
	}
)

// Arg is an argument, or a keyword argument if Key is not "".
type Arg struct {
	Key   string
	Raw   string // the key as written
	Value Expr
}

// Pair is a member of a hash. The key is a string or a variable.
type Pair struct {
	Key   Expr
	Value Expr
}

func (e *Literal) Pos() source.Span    { return e.Span }
func (e *VarExpr) Pos() source.Span    { return e.Span }
func (e *ListExpr) Pos() source.Span   { return e.Span }
func (e *RangeExpr) Pos() source.Span  { return e.Span }
func (e *HashExpr) Pos() source.Span   { return e.Span }
func (e *CallExpr) Pos() source.Span   { return e.Span }
func (e *IndexExpr) Pos() source.Span  { return e.Span }
func (e *SliceExpr) Pos() source.Span  { return e.Span }
func (e *MemberExpr) Pos() source.Span { return e.Span }
func (e *NameExpr) Pos() source.Span   { return e.Span }
func (e *UnaryExpr) Pos() source.Span  { return e.Span }
func (e *BinaryExpr) Pos() source.Span { return e.Span }
func (e *ParenExpr) Pos() source.Span  { return e.Span }
func (e *AssignExpr) Pos() source.Span { return e.Span }

func (*Literal) expr()    {}
func (*VarExpr) expr()    {}
func (*ListExpr) expr()   {}
func (*RangeExpr) expr()  {}
func (*HashExpr) expr()   {}
func (*CallExpr) expr()   {}
func (*IndexExpr) expr()  {}
func (*SliceExpr) expr()  {}
func (*MemberExpr) expr() {}
func (*NameExpr) expr()   {}
func (*UnaryExpr) expr()  {}
func (*BinaryExpr) expr() {}
func (*ParenExpr) expr()  {}
func (*AssignExpr) expr() {}
