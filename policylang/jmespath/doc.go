// Package jmespath finds values in values with JMESPath expressions (https://jmespath.org/specification.html).
//
//	p, err := jmespath.Compile("zones[?open].name")
//	names, err := p.Search(v) // v is a value.Value
//
// Of the kept libraries none will do: they give the members of an object in a random order, so that the same template
// would not give the same incidents twice, they turn every number into a float64, and they ask for a copy of the response
// in other types. The official compliance suite, which such a library ships, is this package's test.
//
// An expression is checked when it is compiled: unknown functions and wrong numbers of arguments are errors then. One that
// would multiply its input more than a thousand times is refused, and a search that takes too many steps ends.
package jmespath
