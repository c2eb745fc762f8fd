package resolve

import (
	"slices"
	"strings"

	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// cycles reports the datasources that wait for themselves, each cycle once.
func (r *resolver) cycles() {
	state := make(map[*Decl]int) // 1: on the path, 2: done
	var path []*Decl
	var visit func(d *Decl)
	visit = func(d *Decl) {
		state[d] = 1
		path = append(path, d)
		for _, e := range r.reads[d] {
			switch state[e.to] {
			case 0:
				visit(e.to)
			case 1:
				r.cycle(path[slices.Index(path, e.to):], e)
			}
		}
		path = path[:len(path)-1]
		state[d] = 2
	}
	for _, d := range r.Decls {
		if state[d] == 0 {
			visit(d)
		}
	}
}

func (r *resolver) cycle(path []*Decl, back edge) {
	names := make([]string, 0, len(path)+1)
	for _, d := range path {
		names = append(names, d.Name)
	}
	if len(names) > 8 {
		names = append(append(names[:4:4], "..."), names[len(names)-3:]...)
	}
	names = append(names, back.to.Name)
	r.report(source.Error, "cycle", back.at, "", "datasource %s waits for itself: %s", back.to.Name, strings.Join(names, " reads "))
}

// unused warns of blocks that nothing refers to.
func (r *resolver) unused() {
	var scripts, actions strings.Builder
	readsItself := false
	r.File.Inspect(func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Statement:
			if n.Keyword.Name == "code" {
				if code, ok := n.Arg(0).(*syntax.String); ok {
					scripts.WriteString(code.Value)
				}
			}
		case *syntax.Definition:
			actions.WriteString(n.Text)
		case *syntax.Word:
			// A template that knows its own applied policy may read its parameters through the API, and meta
			// parents copy their child's for that purpose.
			readsItself = readsItself || n.Name == "policy_id" || n.Name == "meta_parent_policy_id"
		}
		return true
	})
	js, cwl := scripts.String(), actions.String()
	for _, d := range r.Decls {
		switch d.Kind {
		case Policy, Permission:
			continue
		case Parameter:
			if readsItself {
				continue
			}
		case Credentials, Auth, Pagination:
			if strings.Contains(js, `"`+d.Name+`"`) || strings.Contains(js, `'`+d.Name+`'`) || strings.Contains(cwl, "$$"+d.Name) {
				continue
			}
		}
		if !d.used && !d.Guessed && r.names[d.ref()] == d {
			r.report(source.Warning, "unused", d.Block.Span, "", "%s %s is used nowhere", d.Kind, d.Name)
		}
	}
	r.unusedDefinitions()
}

// unusedDefinitions warns of definitions that no action runs and no other definition names.
func (r *resolver) unusedDefinitions() {
	named := make(map[string]int) // word: in how many definitions it stands
	for _, d := range r.Definitions {
		seen := make(map[string]bool)
		for _, w := range strings.FieldsFunc(d.Text, func(c rune) bool {
			return c != '_' && c != '?' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		}) {
			if !seen[w] {
				seen[w] = true
				named[w]++
			}
		}
	}
	r.File.Inspect(func(n syntax.Node) bool {
		if s, ok := n.(*syntax.Statement); ok && s.Keyword.Name == "run" && s.Name() != nil {
			named[s.Name().Value] += 2
		}
		return true
	})
	for _, i := range r.File.Items {
		if d, ok := i.(*syntax.Definition); ok && d.Name.Name != "" && named[d.Name.Name] < 2 {
			r.report(source.Warning, "unused", d.Name.Span, "", "definition %s is used nowhere", d.Name.Name)
		}
	}
}
