package check

import (
	"maps"
	"slices"
)

// Functions are the names of all functions, sorted. Package term evaluates them.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

// Arity is how many arguments a function takes: no fewer than least, no more than most, which is -1 for a function that
// takes any number. It reports false for what is no function.
func Arity(name string) (least, most int, ok bool) {
	f, ok := functions[name]
	least, most = len(f.params)-f.optional, len(f.params)
	if f.variadic {
		most = -1
	}
	return least, most, ok
}
