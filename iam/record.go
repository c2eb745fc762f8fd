package iam

import (
	"context"
	"fmt"
	"unicode"
	"unicode/utf8"

	"espalier.dev/access"
	"espalier.dev/audit"
)

// record writes the audit entry of a change; e says where, what and of which thing.
func record(ctx context.Context, tx interface {
	Record(ctx context.Context, e audit.Entry) error
}, by access.Caller, e audit.Entry, before, after any) error {
	b, a, err := audit.Diff(before, after)
	if err != nil {
		return err
	}
	e.Actor, e.Session, e.RequestID, e.Before, e.After = audit.ActorOf(by), by.Session, by.RequestID, b, a
	return tx.Record(ctx, e)
}

// checkText adds what is wrong with a text of at most limit characters.
func checkText(wrong []string, member, s string, limit int) []string {
	switch {
	case !utf8.ValidString(s):
		return append(wrong, member+": is not well-formed UTF-8")
	case hasControl(s):
		return append(wrong, member+": holds a control character")
	case utf8.RuneCountInString(s) > limit:
		return append(wrong, fmt.Sprintf("%s: is %d characters long; want at most %d", member, utf8.RuneCountInString(s), limit))
	}
	return wrong
}

func hasControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return true
		}
	}
	return false
}
