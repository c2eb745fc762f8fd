package term

import (
	"context"
	"time"

	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// Scope says what names stand for in the place of a term. What a place doesn't have is an error of Reference, Word and
// Secret.
type Scope interface {
	// Reference is the value of $name or @name.
	Reference(*syntax.Reference) (value.Value, error)
	// Word is the value of a reserved word, such as rs_org_id or col_item. It is not asked for now.
	Word(name string) (value.Value, error)
	// Now is the present time.
	Now() time.Time
	// Header is a header of the response, and whether there is one.
	Header(name string) (string, bool)
	// Marker is the marker of the page before, "" for the first page and where there are none.
	Marker() string
	// Field is the name of the field that the term belongs to, "" if it belongs to none.
	Field() string
	// Secret is a stored secret, for the function cred.
	Secret(ctx context.Context, name string) (string, error)
}
