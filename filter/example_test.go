package filter_test

import (
	"fmt"

	"espalier.dev/filter"
)

func Example() {
	schema := filter.MustSchema(filter.Config{
		Joins: filter.And | filter.Or,
		Attrs: []filter.Attr{
			{Name: "name", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne},
			{Name: "tags", Type: filter.Set, Ops: filter.Co | filter.Eq | filter.Ne},
		},
	})
	e, err := filter.Parse("(name co 'ACME') and tags ne 'tier:gold'", schema)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e)
	fmt.Println(e.Match(func(attr string) filter.Value {
		if attr == "name" {
			return filter.TextOf("Acme Works")
		}
		return filter.SetOf([]string{"tier:silver"})
	}))
	_, err = filter.Parse("name like 'acme'", schema)
	fmt.Println(err)
	// Output:
	// name co 'ACME' and tags ne 'tier:gold'
	// true
	// filter: character 6: like is no operator; name takes co, eq or ne
}
