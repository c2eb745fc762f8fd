package check

import (
	"strings"
)

// types is a set of types that a value may have.
type types uint16

const (
	null types = 1 << iota
	boolean
	number
	text // a string
	list
	object
	date
	regex // only as a literal
	node  // of an XML document

	unknown = null | boolean | number | text | list | object | date | node
	scalar  = null | boolean | number | text
)

var typeNames = []string{"null", "a boolean", "a number", "a string", "a list", "an object", "a date", "a regular expression", "an XML node"}

// String lists the types: "a string or a number".
func (t types) String() string {
	if t&unknown == unknown {
		return "any value"
	}
	var names []string
	for i, name := range typeNames {
		if t&(1<<i) != 0 && (1<<i != null || t == null) {
			names = append(names, name)
		}
	}
	return choice(names)
}

// choice lists words for a sentence: "a", "a or b", "a, b or c".
func choice(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
