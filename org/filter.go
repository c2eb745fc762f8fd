package org

import "espalier.dev/filter"

// text is what may be asked of the texts and the tags of a customer.
const text = filter.Co | filter.Eq | filter.Ne

// NameFilter is what the customer lists of the contract may be filtered by. Source: the contract, section 1.6.
var NameFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{{Name: "name", Type: filter.Text, Ops: text}},
})

// TagFilter is what customers may be selected by their tags with.
var TagFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or,
	Attrs: []filter.Attr{{Name: "tags", Type: filter.Set, Ops: text}},
})

// CustomerFilter is what our own lists may be filtered by.
var CustomerFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or | filter.Not,
	Attrs: []filter.Attr{
		{Name: "name", Type: filter.Text, Ops: text},
		{Name: "externalId", Type: filter.Text, Ops: text},
		{Name: "tags", Type: filter.Set, Ops: text},
		{Name: "capability", Type: filter.Set, Ops: filter.Eq | filter.Ne},
		{Name: "createdAt", Type: filter.Time, Ops: filter.Gt | filter.Lt | filter.Ge | filter.Le},
		{Name: "updatedAt", Type: filter.Time, Ops: filter.Gt | filter.Lt | filter.Ge | filter.Le},
		{Name: "nextExpiresAt", Type: filter.Time, Ops: filter.Gt | filter.Lt | filter.Ge | filter.Le},
	},
})
