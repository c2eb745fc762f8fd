package syntax

import "espalier.dev/policylang/source"

// Node is any part of a tree.
type Node interface {
	// Pos is the stretch of the source that the node was read from, without the body of a heredoc.
	Pos() source.Span
}

// Item is what a body holds: *Statement, *Definition or *ObjectItem.
type Item interface {
	Node
	item()
}

// Expr is a term: *String, *Number, *Bool, *Null, *Regexp, *Reference, *Word, *Call, *List, *Object, *Unary, *Binary,
// *Paren or *Bad.
type Expr interface {
	Node
	expr()
}

type at struct{ Span source.Span }

// Pos is the node's stretch of the source.
func (a at) Pos() source.Span { return a.Span }

// File is a whole template.
type File struct {
	Source   *source.File
	Items    []Item
	Comments []Comment // in the order of the source; those inside of definitions are left to them
}

// Comment is a comment, with its # and without its line break.
type Comment struct {
	Span source.Span
	Text string
	// Own is set if nothing else stands on its line.
	Own bool
}

// Statement is a word, its arguments, and perhaps a body. Its span ends with its arguments.
type Statement struct {
	at
	Keyword Ident
	Args    []*Arg
	// Parens is set if the arguments stand in parentheses.
	Parens bool
	// Body is nil if there is no do ... end.
	Body *Body
}

// Body is what stands between do and end.
type Body struct {
	at
	Do, End source.Span // the words; End is empty where it is missing
	Items   []Item
}

// ObjectItem is an object that stands alone in a body.
type ObjectItem struct {
	at
	Object *Object
}

// Definition is a define block. Only its head is read here; Text is all of it, for package workflow.
type Definition struct {
	at
	Name    Ident // empty if it is missing
	Params  []Ident
	Returns []Ident
	Text    string // from define to end
}

func (*Statement) item()  {}
func (*ObjectItem) item() {}
func (*Definition) item() {}

// Ident is a name in the source.
type Ident struct {
	at
	Name string
}

// Arg is an argument of a statement, with its keyword in type: "javascript".
type Arg struct {
	at
	Keyword *Ident // nil for a plain argument
	Value   Expr
}

// Quote is how a string is written.
type Quote uint8

// The ways to write a string.
const (
	Double  Quote = iota // "..."
	Single               // '...'
	Heredoc              // <<ID
)

// String is a string. Value is what it stands for.
type String struct {
	at
	Value string
	Quote Quote
	// Body is the stretch of a heredoc's lines, its terminator not included.
	Body source.Span
	// ID is what ends a heredoc.
	ID string
	// Raw is set where escapes mean nothing: '...' and heredocs with <<'ID'.
	Raw bool
	// Dash is '-' or '~' in <<-ID and <<~ID, else 0.
	Dash byte
}

// Number is a number without a sign.
type Number struct {
	at
	Text string
}

// Bool is true or false.
type Bool struct {
	at
	Value bool
}

// Null is null or nil.
type Null struct{ at }

// Regexp is /pattern/flags.
type Regexp struct {
	at
	Pattern, Flags string
}

// Reference is $name or @name.
type Reference struct {
	at
	Sigil string // "$" or "@"
	Name  string
}

// Word is a name without arguments: a reserved word such as rs_org_id, or a function without any.
type Word struct {
	at
	Name string
}

// Call is name(args).
type Call struct {
	at
	Name Ident
	Args []Expr
}

// List is [a, b].
type List struct {
	at
	Elems []Expr
}

// Object is { "k": v }.
type Object struct {
	at
	Pairs []Pair
}

// Pair is a member of an object. Quoted keys are strings of any text.
type Pair struct {
	at
	Key    Ident
	Quoted *String // the key as it was written, nil for a bare word
	Value  Expr
}

// Unary is a minus before a factor.
type Unary struct {
	at
	X Expr
}

// Binary is X op Y.
type Binary struct {
	at
	Op   string // * / % + -
	X, Y Expr
}

// Paren is (x).
type Paren struct {
	at
	X Expr
}

// Bad stands where a term should be.
type Bad struct{ at }

func (*String) expr()    {}
func (*Number) expr()    {}
func (*Bool) expr()      {}
func (*Null) expr()      {}
func (*Regexp) expr()    {}
func (*Reference) expr() {}
func (*Word) expr()      {}
func (*Call) expr()      {}
func (*List) expr()      {}
func (*Object) expr()    {}
func (*Unary) expr()     {}
func (*Binary) expr()    {}
func (*Paren) expr()     {}
func (*Bad) expr()       {}

// Arg is the i-th plain argument's term, nil if there are fewer.
func (s *Statement) Arg(i int) Expr {
	for _, a := range s.Args {
		if a.Keyword != nil {
			continue
		}
		if i == 0 {
			return a.Value
		}
		i--
	}
	return nil
}

// Key is the value of a keyword argument, nil if it is not given.
func (s *Statement) Key(name string) Expr {
	for _, a := range s.Args {
		if a.Keyword != nil && a.Keyword.Name == name {
			return a.Value
		}
	}
	return nil
}

// Name is the string that names a block: its first plain argument. It is nil if that is no string.
func (s *Statement) Name() *String {
	name, _ := s.Arg(0).(*String)
	return name
}

// Statements are the statements of the body; none if there is no body.
func (s *Statement) Statements() []*Statement {
	if s.Body == nil {
		return nil
	}
	list := make([]*Statement, 0, len(s.Body.Items))
	for _, i := range s.Body.Items {
		if st, ok := i.(*Statement); ok {
			list = append(list, st)
		}
	}
	return list
}

// Find is the first statement of the body with that keyword, nil if there is none.
func (s *Statement) Find(keyword string) *Statement {
	for _, st := range s.Statements() {
		if st.Keyword.Name == keyword {
			return st
		}
	}
	return nil
}
