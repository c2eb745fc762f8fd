package resolve

import (
	"slices"

	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
)

// Kind is what a block declares.
type Kind uint8

// The kinds of blocks that have a name. The zero value is none of them.
const (
	None Kind = iota
	Parameter
	Credentials
	Auth
	Pagination
	Permission
	Resources
	Datasource
	Script
	Policy
	Escalation
	Resolution
)

var words = []string{"", "parameter", "credentials", "auth", "pagination", "permission", "resources", "datasource", "script", "policy", "escalation", "resolution"}

// String is the word that begins a block of the kind.
func (k Kind) String() string { return words[k] }

// KindOf is the kind of block that a word begins, None if it begins none.
func KindOf(word string) Kind {
	return Kind(max(0, slices.Index(words, word)))
}

// guess is the kind that a misspelt word was meant to begin. Only what looks like a block is guessed at.
func guess(s *syntax.Statement) Kind {
	if s.Body == nil || s.Name() == nil {
		return None
	}
	return KindOf(source.Nearest(s.Keyword.Name, words[1:]))
}
