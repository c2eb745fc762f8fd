// Package filter is the filter language of the REST APIs, e.g. name co 'acme' and not (tags eq 'tier:gold'): it parses a
// text against the attributes that a list declares, prints it back, matches it in memory and compiles it to SQL that
// gives the same answer on SQLite and on PostgreSQL.
//
// Read [Schema], [Parse] and [Expr] first. The grammar:
//
//	filter     = [ or ] .                               // nothing matches everything
//	or         = and { "or" and } .
//	and        = unary { "and" unary } .
//	unary      = "not" unary | "(" or ")" | comparison .
//	comparison = attribute operator value
//	           | attribute "in" "[" value { "," value } "]" .
//	operator   = "co" | "eq" | "ne" | "gt" | "lt" | "ge" | "le" | "has" .
//	attribute  = word .                                 // as declared; case counts; dots allowed: createdBy.email
//	value      = text | quoted | word .
//	text       = "'" { character | "''" } "'" .         // a quote inside is written twice; \ is a plain character
//	quoted     = '"' { character | '""' } '"' .         // for times only
//	word       = ( letter | digit | "_" | "." | ":" | "+" | "-" ) { ... } .   // 42, true, 2026-11-25T08:00:00Z
//
// Which kind a value has to be of follows from its attribute. co ignores letter case, by [Fold], which is also what fills
// the folded columns of a store; all other operators compare exactly, unless the attribute says AnyCase. Of a set, co, eq,
// in and has ask for some element, ne that none is equal. Of a value that is absent, ne is true and all else false.
// There are two truth values only: not turns one into the other, also where a column is NULL.
//
//	var customers = filter.MustSchema(filter.Config{
//		Joins: filter.And | filter.Or,
//		Attrs: []filter.Attr{
//			{Name: "name", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne},
//			{Name: "tags", Type: filter.Set, Ops: filter.Co | filter.Eq | filter.Ne},
//		},
//	})
//	e, err := filter.Parse("name co 'acme' and tags ne 'tier:gold'", customers)
//
// Turning a [SyntaxError] into an answer is left to the caller, as is the filter of SCIM, which is another language.
// Source: the contract, sections 1.6 and 3.1.
package filter
