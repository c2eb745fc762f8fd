package workflow

import (
	"fmt"
	"maps"
	"slices"

	"espalier.dev/policylang/source"
)

// Context is what a check knows of the template around the definitions.
type Context struct {
	// Signers are the names of its credentials; nil if they are not known, and then not checked.
	Signers []string
}

// Check tells what is wrong with definitions that parse, and what may not run as meant. What is refused: a name given
// twice, an unknown function or attribute, a wrong number of arguments. A call of a definition that is not there is a
// warning, because it only fails when it is reached and published templates hold such calls.
func Check(file *source.File, defs []*Definition, c Context) []source.Diagnostic {
	k := &checker{file: file, context: c, defs: map[string]*Definition{}, handlers: map[string]bool{}, globals: map[string]bool{}}
	for _, d := range defs {
		k.declare(d)
	}
	for _, d := range defs {
		k.definition(d)
	}
	return source.Sort(k.diags)
}

type checker struct {
	file     *source.File
	context  Context
	defs     map[string]*Definition
	handlers map[string]bool // definitions that handle errors, which see the variables of others
	globals  map[string]bool // that are assigned somewhere
	diags    []source.Diagnostic
}

func (k *checker) say(severity source.Severity, at source.Span, code, suggestion, format string, args ...any) {
	k.diags = append(k.diags, source.Diagnostic{File: k.file, Span: at, Severity: severity, Code: code, Suggestion: suggestion, Message: fmt.Sprintf(format, args...)})
}

// declare notes what a definition offers to others.
func (k *checker) declare(d *Definition) {
	if d.Name == "" {
		return
	}
	if k.defs[d.Name] != nil {
		k.say(source.Error, d.At, "duplicate-definition", "", "define %s stands in this template twice", d.Name)
	} else {
		k.defs[d.Name] = d
	}
	for _, name := range assigned(d) {
		k.globals[name] = true
	}
	visit := func(node any) bool {
		if a, ok := node.(Attr); ok {
			k.handler(a)
		}
		return true
	}
	walkAttrs(d.Attrs, visit)
	Walk(d.Body, visit)
}

func (k *checker) handler(a Attr) {
	if !reactionAttr(a.Name) {
		return
	}
	switch v := a.Value.(type) {
	case *CallExpr:
		k.handlers[v.Name] = true
	case *NameExpr:
		k.handlers[v.Name] = true
	}
}

// assigned lists the variables that a definition gives values to, parameters included.
func assigned(d *Definition) []string {
	names := map[string]bool{}
	add := func(list ...Var) {
		for _, v := range list {
			names[v.Name] = true
		}
	}
	add(d.Params...)
	Walk(d.Body, func(node any) bool {
		switch n := node.(type) {
		case *AssignStmt:
			for _, t := range n.Targets {
				add(t.Var)
			}
		case *AssignExpr:
			add(n.Target.Var)
		case *ForeachStmt:
			add(n.Var)
		case *MapStmt:
			add(n.Var)
			for _, t := range n.Targets {
				add(t.Var)
			}
		case *ConcurrentStmt:
			add(n.Returns...)
		case *CallStmt:
			add(n.Retrieve...)
		}
		return true
	})
	return slices.Collect(maps.Keys(names))
}

func (k *checker) definition(d *Definition) {
	seen := map[string]bool{}
	for _, v := range d.Params {
		if seen[v.Name] {
			k.say(source.Error, v.Span, "duplicate-parameter", "", "%s is a parameter twice", v.Name)
		}
		seen[v.Name] = true
	}
	k.attrs(d.Attrs, "define", "on_error", "on_rollback", "on_timeout", "timeout", "task_label")
	known := assigned(d)
	visit := func(node any) bool {
		k.stmt(node)
		k.expr(node)
		if v, ok := node.(*VarExpr); ok {
			k.variable(d, v.Var, known)
		}
		_, member := node.(*MemberExpr) // what is within is a namespace, not a value
		return !member
	}
	walkAttrs(d.Attrs, visit)
	Walk(d.Body, visit)
}

// special are variables that the language sets for handlers.
var special = []string{"$_error", "$_errors", "$_error_behavior", "$_timeout_behavior", "$_partial", "@_original", "@_done", "@_partial"}

// variable warns of one that nothing ever sets. Handlers see variables of others, so theirs are not known.
func (k *checker) variable(d *Definition, v Var, known []string) {
	switch {
	case slices.Contains(special, v.Name) || v.Reference():
	case v.Global():
		name := v.Name[2:]
		if k.context.Signers != nil && !k.globals[v.Name] && !slices.Contains(k.context.Signers, name) {
			candidates := slices.Clone(k.context.Signers)
			for g := range k.globals {
				if (Var{Name: g}).Global() {
					candidates = append(candidates, g[2:])
				}
			}
			k.say(source.Warning, v.Span, "unset-variable", dollars(source.Nearest(name, candidates), "$$"), "%s is neither a credential nor ever set", v.Name)
		}
	case !k.handlers[d.Name] && !slices.Contains(known, v.Name):
		k.say(source.Warning, v.Span, "unset-variable", source.Nearest(v.Name, known), "%s is never set in this definition, so it is null", v.Name)
	}
}

func dollars(name, sigil string) string {
	if name == "" {
		return ""
	}
	return sigil + name
}

func (k *checker) stmt(node any) {
	tasks := []string{"wait_task", "task_prefix", "task_label", "task_name"}
	reactions := []string{"on_error", "on_timeout", "on_rollback", "timeout", "task_label"}
	switch s := node.(type) {
	case *SubStmt:
		k.attrs(s.Attrs, "sub", append(reactions, "task_name")...)
	case *ConcurrentStmt:
		k.attrs(s.Attrs, "concurrent", append(reactions, tasks...)...)
	case *ForeachStmt:
		if s.Concurrent {
			reactions = append(reactions, tasks...)
		}
		k.attrs(s.Attrs, "foreach", reactions...)
	case *MapStmt:
		k.attrs(s.Attrs, "map", append(reactions, tasks...)...)
	case *WhileStmt:
		k.attrs(s.Attrs, "while", reactions...)
		k.condition(s.Cond)
	case *IfStmt:
		for _, arm := range s.Arms {
			k.condition(arm.Cond)
		}
	case *CallStmt:
		k.attrs(s.Attrs, "call", append(reactions, "task_name")...)
		k.call(s.Name, s.At, s.Args, len(s.Retrieve))
	case *ExprStmt:
		if b, ok := s.X.(*BinaryExpr); ok && b.Op != "<<" && b.Op != "&&" && b.Op != "||" {
			k.say(source.Warning, s.Span, "no-effect", "", "this computes a value that nothing uses")
		}
	}
}

// condition warns of an assignment, which the language allows.
func (k *checker) condition(e Expr) {
	if a, ok := e.(*AssignExpr); ok {
		k.say(source.Warning, a.Span, "assignment-in-condition", "==", "this condition assigns to %s and is the value assigned", a.Target.Var.Name)
	}
}

// attrs checks the names and kinds of attributes.
func (k *checker) attrs(list []Attr, of string, allowed ...string) {
	for i, a := range list {
		switch {
		case !slices.Contains(blockAttrs, a.Name):
			k.say(source.Error, a.Span, "unknown-attribute", source.Nearest(a.Name, allowed), "%s is no attribute of %s", a.Name, of)
		case !slices.Contains(allowed, a.Name):
			k.say(source.Error, a.Span, "unknown-attribute", "", "%s cannot stand at %s", a.Name, of)
		case slices.ContainsFunc(list[:i], func(b Attr) bool { return b.Name == a.Name }):
			k.say(source.Error, a.Span, "duplicate-attribute", "", "%s stands here twice", a.Name)
		case reactionAttr(a.Name):
			k.reaction(a)
		}
		if a.Name == "on_timeout" && of != "define" && !slices.ContainsFunc(list, func(b Attr) bool { return b.Name == "timeout" }) {
			k.say(source.Warning, a.Span, "no-timeout", "", "without a timeout here, this handles only the timeouts of blocks within")
		}
	}
}

func (k *checker) reaction(a Attr) {
	switch v := a.Value.(type) {
	case *NameExpr:
		if v.Name == "skip" || v.Name == "retry" {
			if a.Name == "on_rollback" {
				k.say(source.Error, v.Span, "bad-attribute", "", "on_rollback takes a handler, not %s", v.Name)
			}
			return
		}
		k.call(v.Name, v.Span, nil, 0)
	case *CallExpr:
		k.call(v.Name, v.At, v.Args, 0)
	default:
		k.say(source.Error, a.Value.Pos(), "bad-attribute", "", "%s takes skip, retry or a handler", a.Name)
	}
}

// call checks the call of a definition.
func (k *checker) call(name string, at source.Span, args []Arg, retrieve int) {
	d := k.defs[name]
	if d == nil {
		k.say(source.Warning, at, "undefined-definition", source.Nearest(name, slices.Collect(maps.Keys(k.defs))), "there is no define %s: the call fails when it is reached", name)
		return
	}
	n := positional(args)
	if n > len(d.Params) {
		k.say(source.Error, at, "wrong-arguments", "", "define %s takes %s, got %d", name, count(len(d.Params), "argument"), n)
	} else if n < len(d.Params) {
		k.say(source.Warning, at, "missing-arguments", "", "define %s takes %s, got %d: the others are null", name, count(len(d.Params), "argument"), n)
	}
	if retrieve > len(d.Returns) {
		k.say(source.Warning, at, "missing-returns", "", "define %s returns %s, not %d: the others are null", name, count(len(d.Returns), "value"), retrieve)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// positional is the number of arguments, of which keyword arguments make one.
func positional(args []Arg) int {
	n, keywords := 0, 0
	for _, a := range args {
		if a.Raw == "" {
			n++
		} else {
			keywords = 1
		}
	}
	return n + keywords
}

// requestArguments are the names that the HTTP functions know.
var requestArguments = []string{
	"verb", "host", "https", "href", "query_strings", "url", "auth", "headers", "body",
	"basic_auth", "cookies", "signature", "noredirect", "insecure", "raw_response",
}

func (k *checker) expr(node any) {
	switch e := node.(type) {
	case *CallExpr:
		k.function(e)
	case *MemberExpr:
		k.say(source.Warning, e.Span, "resources-gone", "", "%s: this fails when it is reached", resourcesGone)
	case *NameExpr:
		k.say(source.Warning, e.Span, "no-value", "$"+e.Name, "the name %s has no value", e.Name)
	}
}

func (k *checker) function(e *CallExpr) {
	b, known := builtins[e.Name]
	n := positional(e.Args)
	switch {
	case !known && k.defs[e.Name] != nil:
		k.say(source.Error, e.At, "unknown-function", "call "+e.Name, "%s is a definition, which only call can run", e.Name)
	case !known:
		k.say(source.Error, e.At, "unknown-function", source.Nearest(e.Name, slices.Collect(maps.Keys(builtins))), "there is no function %s", e.Name)
	case n < b.least || b.most >= 0 && n > b.most:
		k.say(source.Error, e.At, "wrong-arguments", "", "%s: got %s", b.signature, count(n, "argument"))
	case resourceFunctions[e.Name]:
		k.say(source.Warning, e.At, "resources-gone", "", "%s: this fails when it is reached", resourcesGone)
	case len(e.Name) > 5 && e.Name[:5] == "http_":
		k.request(e)
	}
}

// request warns of arguments that the HTTP functions do not know.
func (k *checker) request(e *CallExpr) {
	for _, a := range e.Args {
		if a.Raw != "" && !slices.Contains(requestArguments, a.Key) {
			k.say(source.Warning, a.Value.Pos(), "unknown-argument", source.Nearest(a.Key, requestArguments), "%s is no argument of %s and is ignored", a.Key, e.Name)
		}
	}
}
