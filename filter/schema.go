package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Type is the kind of value an attribute has. The zero value is none.
type Type uint8

// The types of attributes.
const (
	Text   Type = iota + 1 // text in single quotes
	Number                 // a whole number, 64 bits with a sign
	Bool                   // true or false, bare or in single quotes
	Time                   // RFC 3339 or a bare date, which is 00:00 UTC; finer than 1 µs is cut off
	Set                    // any number of texts, compared one at a time
)

var typeNames = [...]string{"nothing", "text", "a number", "true or false", "a time", "a set of texts"}

// String names the type as a sentence needs it: "a number".
func (t Type) String() string {
	if int(t) >= len(typeNames) {
		return fmt.Sprintf("type(%d)", uint8(t))
	}
	return typeNames[t]
}

// Op is an operator, or several or-ed together.
type Op uint16

// The operators.
const (
	Co  Op = 1 << iota // contains, without regard to letter case
	Eq                 // is
	Ne                 // is not
	Gt                 // is greater, later
	Lt                 // is less, earlier
	Ge                 // is greater or the same
	Le                 // is less or the same
	In                 // is one of a list
	Has                // a set has this element
)

var opNames = [...]string{"co", "eq", "ne", "gt", "lt", "ge", "le", "in", "has"}

// String spells the operators as a filter does, several separated by blanks.
func (o Op) String() string { return spell(uint16(o), opNames[:]) }

// Join is a way to combine comparisons, or several or-ed together.
type Join uint16

// The ways to combine.
const (
	And Join = 1 << iota
	Or
	Not
)

var joinNames = [...]string{"and", "or", "not"}

// String spells the ways to combine as a filter does, several separated by blanks.
func (j Join) String() string { return spell(uint16(j), joinNames[:]) }

func spell(bits uint16, names []string) string {
	var set []string
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, " ")
}

// parseOne is the one bit whose name is word.
func parseOne(word string, names []string) (uint16, bool) {
	i := slices.Index(names, word)
	return 1 << max(i, 0), i >= 0
}

// meaningful says which operators a type can have.
var meaningful = map[Type]Op{
	Text:   Co | Eq | Ne | Gt | Lt | Ge | Le | In,
	Number: Eq | Ne | Gt | Lt | Ge | Le | In,
	Bool:   Eq | Ne,
	Time:   Eq | Ne | Gt | Lt | Ge | Le | In,
	Set:    Co | Eq | Ne | In | Has,
}

// Attr declares an attribute that filters of a list may name.
type Attr struct {
	Name    string // as filters spell it, e.g. createdBy.email; tags.* stands for tags. and any key
	Type    Type
	Ops     Op   // the operators that are allowed
	AnyCase bool // of Text and Set: every operator ignores letter case, e.g. of an e-mail address
}

// open returns the prefix of a name such as tags.*, with its dot.
func (a *Attr) open() (prefix string, ok bool) {
	p, ok := strings.CutSuffix(a.Name, "*")
	return p, ok && strings.HasSuffix(p, ".")
}

// matches reports whether a filter that says name means this attribute.
func (a *Attr) matches(name string) bool {
	if prefix, ok := a.open(); ok {
		return len(name) > len(prefix) && strings.HasPrefix(name, prefix)
	}
	return a.Name == name
}

// Config is what a Schema is made of.
type Config struct {
	Attrs   []Attr
	Joins   Join // the ways to combine that are allowed; parentheses always are
	AnyCase bool // operators, and, or and not may be written in capitals too
}

// Schema says what filters of one list may ask for. It is never changed and so is safe for concurrent use.
type Schema struct {
	attrs   []Attr
	joins   Join
	anyCase bool
}

// NewSchema makes a Schema. It refuses a name that is doubled or that no filter can spell, and an operator that has no
// meaning for its type.
func NewSchema(cfg Config) (*Schema, error) {
	if len(cfg.Attrs) == 0 {
		return nil, errors.New("filter: a schema needs an attribute")
	}
	for i := range cfg.Attrs {
		a := &cfg.Attrs[i]
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("filter: attribute %q: %w", a.Name, err)
		}
		if slices.ContainsFunc(cfg.Attrs[:i], func(b Attr) bool { return b.Name == a.Name }) {
			return nil, fmt.Errorf("filter: attribute %q: is declared twice", a.Name)
		}
	}
	return &Schema{attrs: slices.Clone(cfg.Attrs), joins: cfg.Joins, anyCase: cfg.AnyCase}, nil
}

// MustSchema is NewSchema for declarations in code; it panics where NewSchema fails.
func MustSchema(cfg Config) *Schema {
	s, err := NewSchema(cfg)
	if err != nil {
		panic(err)
	}
	return s
}

func (a *Attr) check() error {
	name := a.Name
	if prefix, ok := a.open(); ok {
		name = prefix
	}
	allowed, known := meaningful[a.Type]
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isWordRune(r) }):
		return errors.New("no filter can spell the name")
	case slices.Contains(joinNames[:], name) || slices.Contains(opNames[:], name):
		return errors.New("is a word of the language")
	case !known:
		return errors.New("has no type")
	case a.Ops == 0:
		return errors.New("has no operator")
	case a.Ops&^allowed != 0:
		return fmt.Errorf("is %v, which has no operator %v", a.Type, a.Ops&^allowed)
	case a.AnyCase && a.Type != Text && a.Type != Set:
		return fmt.Errorf("is %v, which has no letter case", a.Type)
	}
	return nil
}

func (s *Schema) attr(name string) *Attr {
	for i := range s.attrs {
		if s.attrs[i].matches(name) {
			return &s.attrs[i]
		}
	}
	return nil
}

// names lists the attributes in the order declared.
func (s *Schema) names() []string {
	names := make([]string, len(s.attrs))
	for i := range s.attrs {
		names[i] = strings.TrimSuffix(s.attrs[i].Name, "*")
		if names[i] != s.attrs[i].Name {
			names[i] += "{key}"
		}
	}
	return names
}

// CheckColumns reports the first attribute that c has no column for, or not the columns its operators need. A store's
// tests ask it, since [Expr.SQL] panics on such an attribute.
func (s *Schema) CheckColumns(c Columns) error {
	for i := range s.attrs {
		a := &s.attrs[i]
		col, ok := c[a.Name]
		_, open := a.open()
		switch {
		case !ok || (col.Expr == "" && a.Ops != Co && !a.AnyCase):
			return fmt.Errorf("filter: attribute %q has no column", a.Name)
		case col.Folded == "" && (a.AnyCase || a.Ops&Co != 0):
			return fmt.Errorf("filter: attribute %q has no folded column", a.Name)
		case a.Type == Set && !strings.Contains(col.Exists, holeMatch):
			return fmt.Errorf("filter: attribute %q is a set; its column wants Exists with %s", a.Name, holeMatch)
		case open && !strings.Contains(col.Exists, holeKey):
			return fmt.Errorf("filter: attribute %q has keys; its column wants Exists with %s", a.Name, holeKey)
		case col.Exists != "" && !strings.Contains(col.Exists, holeMatch):
			return fmt.Errorf("filter: attribute %q: Exists has no %s", a.Name, holeMatch)
		}
	}
	return nil
}
