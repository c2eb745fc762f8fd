package policylang

import (
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// Format writes a template anew, two blanks a level: it means the same, has the same comments, and formatted again it stays as it
// is. The text is empty if the diagnostics have errors, which are those of the syntax alone.
func Format(name string, src []byte) (string, []source.Diagnostic) {
	tree, found := syntax.Parse(source.NewFile(name, src))
	if source.Errors(found) > 0 {
		return "", source.Sort(found)
	}
	return syntax.Print(tree), nil
}
