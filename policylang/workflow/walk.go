package workflow

// Walk calls visit for every statement and expression of a body, outer ones before inner ones, in the order of the
// text. If visit returns false, what is within is left out.
func Walk(body []Stmt, visit func(node any) bool) {
	for _, s := range body {
		if visit(s) {
			walkStmt(s, visit)
		}
	}
}

func walkStmt(s Stmt, visit func(any) bool) {
	switch s := s.(type) {
	case *SubStmt:
		walkAttrs(s.Attrs, visit)
		Walk(s.Body, visit)
	case *ConcurrentStmt:
		walkAttrs(s.Attrs, visit)
		Walk(s.Body, visit)
	case *ForeachStmt:
		WalkExpr(s.In, visit)
		walkAttrs(s.Attrs, visit)
		Walk(s.Body, visit)
	case *MapStmt:
		walkTargets(s.Targets, visit)
		WalkExpr(s.In, visit)
		walkAttrs(s.Attrs, visit)
		Walk(s.Body, visit)
	case *WhileStmt:
		WalkExpr(s.Cond, visit)
		walkAttrs(s.Attrs, visit)
		Walk(s.Body, visit)
	case *IfStmt:
		for _, arm := range s.Arms {
			WalkExpr(arm.Cond, visit)
			Walk(arm.Body, visit)
		}
	case *CallStmt:
		walkArgs(s.Args, visit)
		walkAttrs(s.Attrs, visit)
	case *RaiseStmt:
		WalkExpr(s.Value, visit)
	case *AssertStmt:
		WalkExpr(s.Cond, visit)
	case *TaskStmt:
		if _, name := s.Operand.(*NameExpr); !name { // of a task
			WalkExpr(s.Operand, visit)
		}
	case *AssignStmt:
		walkTargets(s.Targets, visit)
		WalkExpr(s.Value, visit)
	case *ExprStmt:
		WalkExpr(s.X, visit)
	}
}

// walkAttrs visits the attributes themselves, and of their values the arguments of handlers and other expressions.
func walkAttrs(list []Attr, visit func(any) bool) {
	for _, a := range list {
		if !visit(a) {
			continue
		}
		switch v := a.Value.(type) {
		case *NameExpr:
		case *CallExpr:
			if reactionAttr(a.Name) {
				walkArgs(v.Args, visit)
			} else {
				WalkExpr(v, visit)
			}
		default:
			WalkExpr(v, visit)
		}
	}
}

func reactionAttr(name string) bool {
	return name == "on_error" || name == "on_timeout" || name == "on_rollback"
}

func walkTargets(list []Target, visit func(any) bool) {
	for _, t := range list {
		for _, e := range t.Index {
			WalkExpr(e, visit)
		}
	}
}

func walkArgs(list []Arg, visit func(any) bool) {
	for _, a := range list {
		WalkExpr(a.Value, visit)
	}
}

// WalkExpr is Walk for an expression, which may be nil.
func WalkExpr(e Expr, visit func(node any) bool) {
	if e == nil || !visit(e) {
		return
	}
	switch e := e.(type) {
	case *ListExpr:
		for _, x := range e.Items {
			WalkExpr(x, visit)
		}
	case *RangeExpr:
		WalkExpr(e.From, visit)
		WalkExpr(e.To, visit)
	case *HashExpr:
		for _, p := range e.Pairs {
			WalkExpr(p.Key, visit)
			WalkExpr(p.Value, visit)
		}
	case *CallExpr:
		walkArgs(e.Args, visit)
	case *IndexExpr:
		WalkExpr(e.X, visit)
		WalkExpr(e.Index, visit)
	case *SliceExpr:
		WalkExpr(e.X, visit)
		WalkExpr(e.From, visit)
		WalkExpr(e.To, visit)
	case *MemberExpr:
		WalkExpr(e.X, visit)
		walkArgs(e.Args, visit)
	case *UnaryExpr:
		WalkExpr(e.X, visit)
	case *BinaryExpr:
		WalkExpr(e.X, visit)
		WalkExpr(e.Y, visit)
	case *ParenExpr:
		WalkExpr(e.X, visit)
	case *AssignExpr:
		walkTargets([]Target{e.Target}, visit)
		WalkExpr(e.Value, visit)
	}
}
