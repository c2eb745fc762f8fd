package policylang

import (
	"maps"
	"slices"

	"espalier.dev/policylang/check"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/workflow"
)

// Check says what is wrong with a template, in the order of its text. It is usable if [source.Errors] counts none.
// The name stands in the diagnostics; nothing is read from it.
func Check(name string, src []byte) []source.Diagnostic {
	_, found := read(name, src)
	return found
}

// Compile makes a template ready to run. The program is nil if the diagnostics, which [Check] gives, have errors.
func Compile(name string, src []byte) (*eval.Program, []source.Diagnostic, error) {
	tmpl, found := read(name, src)
	if source.Errors(found) > 0 {
		return nil, found, nil
	}
	program, err := eval.Compile(tmpl)
	return program, found, err
}

func read(name string, src []byte) (*resolve.Template, []source.Diagnostic) {
	f := source.NewFile(name, src)
	tree, all := syntax.Parse(f)
	tmpl, names := resolve.Resolve(tree)
	later := append(names, check.Check(tmpl)...)
	later = append(later, checkDefinitions(f, tmpl)...)
	if len(all) > 0 {
		later = certain(all, later)
	}
	return tmpl, source.Sort(append(all, later...))
}

// checkDefinitions says what is wrong inside the definitions, which are another language. Of two with one name, which is
// wrong already, the first is looked at.
func checkDefinitions(f *source.File, tmpl *resolve.Template) []source.Diagnostic {
	blocks := slices.SortedFunc(maps.Values(tmpl.Definitions), func(a, b *syntax.Definition) int { return a.Pos().Start - b.Pos().Start })
	var all []source.Diagnostic
	defs := make([]*workflow.Definition, len(blocks))
	for i, b := range blocks {
		var wrong []source.Diagnostic
		defs[i], _, wrong = workflow.ParseDefinition(f, b.Pos().Start)
		all = append(all, wrong...)
	}
	return append(all, workflow.Check(f, defs, workflow.Context{})...)
}

// certain drops what may be said only because part of the file was not understood: that something is missing.
func certain(syntaxErrors, later []source.Diagnostic) []source.Diagnostic {
	lostBlocks := slices.ContainsFunc(syntaxErrors, func(d source.Diagnostic) bool {
		return slices.Contains([]string{"not-text", "open-string", "open-heredoc", "missing-end", "stray-end", "syntax", "too-deep", "unclosed"}, d.Code)
	})
	lines := make(map[int]bool) // of the mistakes themselves: what follows on them was made by the recovery
	for _, d := range syntaxErrors {
		lines[d.File.LineOf(d.Span.Start)] = true
	}
	return slices.DeleteFunc(later, func(d source.Diagnostic) bool {
		switch d.Code {
		case "missing-field", "unused":
			return true
		case "undeclared", "undefined-definition":
			return lostBlocks
		}
		return lines[d.File.LineOf(d.Span.Start)]
	})
}
