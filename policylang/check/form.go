package check

import (
	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/syntax"
)

// form is what a statement looks like in one place of the language.
type form struct {
	word string
	doc  string

	args     []slot
	optional int             // how many of the last args may be left out
	rest     *slot           // any number of further arguments
	keys     map[string]slot // keyword arguments
	anyKeys  *slot           // what keyword arguments of other names are, nil if they are unknown

	body    presence
	fields  []*form  // the statements of the body
	need    []string // those that must be there
	objects bool     // a bare object may stand in the body
	open    bool     // statements that are in no table are let through, with a warning if they look misspelt

	repeat bool  // it may stand several times
	named  bool  // its first argument names the block, and it stands at the top or in an escalation
	adds   scope // what may be named in its body
	scope  func(s *syntax.Statement, around scope) scope
	rule   func(c *checker, s *syntax.Statement)
}

// presence says whether a statement has a body.
type presence uint8

const (
	noBody presence = iota
	mayHaveBody
	needsBody
)

// slot is what an argument may be.
type slot struct {
	types   types
	kinds   []resolve.Kind // a reference to a block of one of these kinds, and nothing else
	written bool           // written out: no reference, word or call
	oneOf   []string       // the strings or numbers that it may be
	kind    literal        // what a string that is written out must be
	filled  bool           // a string of more than blanks
	adds    scope          // what may be named in it
}

// form returns the form of a statement in the body, nil if there is none.
func (f *form) form(word string) *form {
	for _, field := range f.fields {
		if field.word == word {
			return field
		}
	}
	return nil
}

// words are the statements of the body.
func (f *form) words() []string {
	list := make([]string, len(f.fields))
	for i, field := range f.fields {
		list[i] = field.word
	}
	return list
}

// The usual slots.
var (
	term      = slot{types: unknown}
	truth     = slot{types: unknown}
	phrase    = slot{types: text, written: true}
	filled    = slot{types: text, written: true, filled: true}
	amount    = slot{types: number | text, written: true, kind: numeric}
	yesNo     = slot{types: boolean, written: true}
	textTerm  = slot{types: text | number | null}
	path      = slot{types: text, written: true, kind: extract.CheckJMESPath}
	message   = slot{types: text, written: true, kind: textTemplate}
	blockName = slot{types: text, written: true, filled: true}
)

func oneOf(values ...string) slot { return slot{types: text, written: true, oneOf: values} }

func refTo(kinds ...resolve.Kind) slot { return slot{types: unknown, kinds: kinds} }

// field is the form of a statement with one argument and no body.
func field(word string, s slot, doc string) *form {
	return &form{word: word, doc: doc, args: []slot{s}}
}

// fields is the form of a statement with several arguments of one kind.
func fields(word string, s slot, doc string) *form {
	return &form{word: word, doc: doc, args: []slot{s}, rest: &s}
}

// pair is the form of name and value, which may stand several times.
func pair(word string, value slot, doc string) *form {
	return &form{word: word, doc: doc, args: []slot{filled, value}, repeat: true}
}

// block is the form of a block with a name and a body.
func block(word, doc string, list ...*form) *form {
	return &form{word: word, doc: doc, args: []slot{blockName}, body: needsBody, fields: list, repeat: true, named: true}
}

// several lets a statement stand several times.
func several(f *form) { f.repeat = true }

// with changes a form by a function, for the few things that the constructors leave out.
func (f *form) with(change func(*form)) *form {
	change(f)
	return f
}
