package resolve

import (
	"fmt"
	"strings"

	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// Template is a file whose names are resolved.
type Template struct {
	File *syntax.File
	// Decls are the named blocks at the top, in the order of the source. Of two with one name both are there.
	Decls []*Decl
	// Definitions are the define blocks by name; of two with one name the first.
	Definitions map[string]*syntax.Definition

	names   map[string]*Decl // by ref: resources have names of their own
	targets map[*syntax.Reference]*Decl
	reads   map[*Decl][]edge
}

// Decl is a named block, or a parameter inside of an escalation, a resolution or a request for approval.
type Decl struct {
	Kind  Kind
	Name  string
	Block *syntax.Statement
	// Guessed is set if the block's word is misspelt and Kind is what it most likely means.
	Guessed bool

	used bool
}

// edge is a datasource that another one reads, and where it says so.
type edge struct {
	to *Decl
	at source.Span
}

// Resolve finds what each name of the file means. A file with syntax errors is resolved as far as it was understood.
func Resolve(f *syntax.File) (*Template, []source.Diagnostic) {
	r := &resolver{Template: &Template{
		File:        f,
		Definitions: make(map[string]*syntax.Definition),
		names:       make(map[string]*Decl),
		targets:     make(map[*syntax.Reference]*Decl),
		reads:       make(map[*Decl][]edge),
	}}
	r.declare()
	for _, i := range f.Items {
		if s, ok := i.(*syntax.Statement); ok {
			r.block(s, r.declOf(s), nil)
		}
	}
	r.cycles()
	r.unused()
	return r.Template, r.diagnostics
}

// Named is the block at the top that $name refers to, or, if the name begins with @, the resources; nil if there is none.
func (t *Template) Named(name string) *Decl {
	if strings.HasPrefix(name, "@") {
		return t.names[name]
	}
	return t.names["$"+name]
}

// Target is what a reference means, nil if it leads nowhere.
func (t *Template) Target(ref *syntax.Reference) *Decl { return t.targets[ref] }

// Reads lists the datasources and resources that a datasource names, in the order of the source, each once.
func (t *Template) Reads(d *Decl) []*Decl {
	var list []*Decl
	seen := make(map[*Decl]bool)
	for _, e := range t.reads[d] {
		if !seen[e.to] {
			seen[e.to] = true
			list = append(list, e.to)
		}
	}
	return list
}

// maxGuesses is for how many names of a file it is said what was probably meant: each is compared with all there are.
const maxGuesses = 100

type resolver struct {
	*Template
	guesses     int
	diagnostics []source.Diagnostic
}

func (r *resolver) report(severity source.Severity, code string, span source.Span, suggestion, format string, args ...any) {
	r.diagnostics = append(r.diagnostics, source.Diagnostic{
		File: r.File.Source, Span: span, Severity: severity, Code: code, Message: fmt.Sprintf(format, args...), Suggestion: suggestion,
	})
}

// declare collects the names of the file.
func (r *resolver) declare() {
	for _, i := range r.File.Items {
		switch i := i.(type) {
		case *syntax.Statement:
			r.declareBlock(i)
		case *syntax.Definition:
			name := i.Name.Name
			if first := r.Definitions[name]; first != nil && name != "" {
				r.report(source.Error, "duplicate-name", i.Name.Span, "", "%s is defined already on line %d", name, r.line(first))
			} else {
				r.Definitions[name] = i
			}
		}
	}
}

func (r *resolver) declareBlock(s *syntax.Statement) {
	kind, name := KindOf(s.Keyword.Name), s.Name()
	d := &Decl{Kind: kind, Block: s}
	if kind == None {
		d.Kind, d.Guessed = guess(s), true
	}
	if d.Kind == None || name == nil {
		return
	}
	d.Name = name.Value
	r.Decls = append(r.Decls, d)
	if first := r.names[d.ref()]; first != nil {
		r.report(source.Error, "duplicate-name", name.Span, "", "%s is declared already, as a %s on line %d", d.Name, first.Kind, r.line(first.Block))
		return
	}
	r.names[d.ref()] = d
}

// ref is how a declaration is referred to: $name or @name. Policies and permissions never are, so that they may be named
// like a datasource, as some published ones are.
func (d *Decl) ref() string {
	switch d.Kind {
	case Resources:
		return "@" + d.Name
	case Policy, Permission:
		return d.Kind.String() + " " + d.Name
	}
	return "$" + d.Name
}

func (r *resolver) line(n syntax.Node) int { return r.File.Source.LineOf(n.Pos().Start) }

// declOf is the declaration that a statement at the top makes, nil if it makes none.
func (r *resolver) declOf(s *syntax.Statement) *Decl {
	if name := s.Name(); name != nil {
		for _, before := range []string{"$", "@", "policy ", "permission "} {
			if d := r.names[before+name.Value]; d != nil && d.Block == s {
				return d
			}
		}
	}
	return nil
}

// block resolves the references of a statement and its body. The owner is the block at the top, local are the parameters
// declared around.
func (r *resolver) block(s *syntax.Statement, owner *Decl, local map[string]*Decl) {
	for _, a := range s.Args {
		syntax.Inspect(a, func(n syntax.Node) bool {
			if ref, ok := n.(*syntax.Reference); ok {
				r.reference(ref, s, owner, local)
			}
			return true
		})
	}
	if s.Keyword.Name == "run" && owner != nil && (owner.Kind == Escalation || owner.Kind == Resolution) {
		r.run(s)
	}
	if s.Body == nil {
		return
	}
	local = r.locals(s, owner, local)
	for _, i := range s.Body.Items {
		switch i := i.(type) {
		case *syntax.Statement:
			r.block(i, owner, local)
		case *syntax.ObjectItem:
			syntax.Inspect(i, func(n syntax.Node) bool {
				if ref, ok := n.(*syntax.Reference); ok {
					r.reference(ref, s, owner, local)
				}
				return true
			})
		}
	}
}

// locals adds the parameters that the body of a statement declares.
func (r *resolver) locals(s *syntax.Statement, owner *Decl, around map[string]*Decl) map[string]*Decl {
	if owner == nil || owner.Kind != Escalation && owner.Kind != Resolution {
		return around
	}
	all := make(map[string]*Decl)
	for name, d := range around {
		all[name] = d
	}
	for _, p := range s.Statements() {
		name := p.Name()
		if p.Keyword.Name != "parameter" || name == nil {
			continue
		}
		if first := all[name.Value]; first != nil && first.Block == p {
			continue // a request for approval hands its parameters to the actions around it
		} else if first != nil {
			r.report(source.Error, "duplicate-name", name.Span, "", "%s is declared already, as a parameter on line %d", name.Value, r.line(first.Block))
			continue
		}
		all[name.Value] = &Decl{Kind: Parameter, Name: name.Value, Block: p}
	}
	// Those of a request for approval are seen by the actions behind it.
	for _, p := range s.Statements() {
		if p.Keyword.Name == "request_approval" {
			for name, d := range r.locals(p, owner, nil) {
				all[name] = d
			}
		}
	}
	return all
}

// reference finds what a reference in a statement means.
func (r *resolver) reference(ref *syntax.Reference, in *syntax.Statement, owner *Decl, local map[string]*Decl) {
	if ref.Name == "" {
		return // the scanner has said what is wrong
	}
	text := ref.Sigil + ref.Name
	d := r.names[text]
	if l := local[ref.Name]; l != nil && ref.Sigil == "$" {
		d = l
	}
	switch {
	case d == nil && in.Keyword.Name == "aws_account_number":
		r.report(source.Warning, "undeclared", ref.Span, r.nearest(ref, local), "%s is not declared, so it counts as empty", text)
		return
	case d == nil:
		r.report(source.Error, "undeclared", ref.Span, r.nearest(ref, local), "%s is not declared", text)
		return
	}
	r.targets[ref] = d
	if d == owner && d.Kind != Datasource {
		return
	}
	if d != owner {
		d.used = true
	}
	if owner != nil && owner.Kind == Datasource && (d.Kind == Datasource || d.Kind == Resources) {
		r.reads[owner] = append(r.reads[owner], edge{d, ref.Span})
	}
}

// nearest is the reference that was probably meant.
func (r *resolver) nearest(ref *syntax.Reference, local map[string]*Decl) string {
	if r.guesses++; r.guesses > maxGuesses {
		return ""
	}
	other := map[string]string{"$": "@", "@": "$"}[ref.Sigil] + ref.Name
	if r.names[other] != nil {
		return other
	}
	var names []string
	for name := range local {
		names = append(names, name)
	}
	for _, d := range r.names {
		names = append(names, d.Name)
	}
	name := source.Nearest(ref.Name, names)
	switch {
	case name == "":
		return ""
	case r.names[ref.Sigil+name] == nil && r.names["@"+name] != nil:
		return "@" + name
	case r.names["$"+name] == nil && local[name] == nil:
		return "" // a policy or a permission
	}
	return "$" + name
}

// run looks up the definition that an action runs.
func (r *resolver) run(s *syntax.Statement) {
	name := s.Name()
	if name == nil || r.Definitions[name.Value] != nil {
		return
	}
	var names []string
	if r.guesses++; r.guesses <= maxGuesses {
		for n := range r.Definitions {
			names = append(names, n)
		}
	}
	r.report(source.Error, "undefined-definition", name.Span, quoteIf(source.Nearest(name.Value, names)), "there is no definition %q", name.Value)
}

func quoteIf(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}
