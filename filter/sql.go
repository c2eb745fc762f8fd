package filter

import (
	"fmt"
	"strings"
)

// Holes of Column.Exists.
const (
	holeMatch = "{match}"
	holeKey   = "{key}"
)

// Column says where SQL finds an attribute. All three are texts of the program, never of a request.
type Column struct {
	Expr   string // e.g. o.name; times in µs, as BIGINT
	Folded string // filled by Fold, e.g. o.name_folded; needed by co and by AnyCase
	// Exists is for what other rows hold: sets, and attributes with keys. {match} stands for the comparison of Expr or
	// Folded, {key} for what a filter writes in the place of the star of tags.*:
	//
	//	EXISTS (SELECT 1 FROM customer_tag t WHERE t.org_id = o.id AND {match})
	Exists string
}

// Columns is where SQL finds the attributes of a Schema, by their declared names. [Schema.CheckColumns] checks it.
type Columns map[string]Column

// Dialect is the one thing in which the engines differ.
type Dialect interface {
	// Contains is a condition: instr(haystack, needle) > 0 on SQLite, position(needle in haystack) > 0 on PostgreSQL.
	Contains(haystack, needle string) string
}

// SQL is the filter as a condition for WHERE, TRUE if it matches everything. Values go to args, and the text says
// $n for the n-th of them, so args may hold others already. Rows it selects are those that Match reports. It panics on an
// attribute that c has no column for.
func (e *Expr) SQL(c Columns, d Dialect, args *[]any) string {
	if e.MatchesAll() {
		return "TRUE"
	}
	w := writer{columns: c, dialect: d, args: args}
	return w.condition(e.root, false)
}

type writer struct {
	columns Columns
	dialect Dialect
	args    *[]any
}

// condition writes n, or its negation. A condition that is NULL counts as false in WHERE, AND and OR but not below NOT,
// so not is carried down to the comparisons, which can tell.
func (w *writer) condition(n *node, negated bool) string {
	switch n.join {
	case 0:
		return w.term(n.term, negated)
	case Not:
		return w.condition(n.kids[0], !negated)
	}
	kids := make([]string, len(n.kids))
	for i, kid := range n.kids {
		kids[i] = w.condition(kid, negated)
	}
	if (n.join == And) != negated {
		return "(" + strings.Join(kids, " AND ") + ")"
	}
	return "(" + strings.Join(kids, " OR ") + ")"
}

func (w *writer) term(t *Term, negated bool) string {
	col, ok := w.columns[t.attr.Name]
	if !ok {
		panic(fmt.Sprintf("filter: no column for attribute %s", t.attr.Name))
	}
	if t.Op == Ne {
		negated = !negated // ne is not eq, also of NULL and of sets
	}
	cond := w.compare(t, col)
	if col.Exists != "" {
		key := ""
		if prefix, ok := t.attr.open(); ok {
			key = w.bind(TextOf(strings.TrimPrefix(t.Attr, prefix)))
		}
		cond = strings.NewReplacer(holeMatch, cond, holeKey, key).Replace(col.Exists)
		if negated {
			return "NOT (" + cond + ")"
		}
		return cond
	}
	if negated {
		return "(" + cond + ") IS NOT TRUE"
	}
	return cond
}

var sqlOps = map[Op]string{Eq: " = ", Ne: " = ", Has: " = ", Gt: " > ", Lt: " < ", Ge: " >= ", Le: " <= "}

// compare writes the comparison itself, ne as its opposite.
func (w *writer) compare(t *Term, col Column) string {
	folded := t.Op == Co || t.attr.AnyCase
	expr := col.Expr
	if folded {
		expr = col.Folded
	}
	values := make([]string, len(t.Values))
	for i, v := range t.Values {
		if folded {
			v = TextOf(v.folded)
		}
		values[i] = w.bind(v)
	}
	switch t.Op {
	case Co:
		return "(" + w.dialect.Contains(expr, values[0]) + ")"
	case In:
		return expr + " IN (" + strings.Join(values, ", ") + ")"
	}
	return expr + sqlOps[t.Op] + values[0]
}

// bind gives the value to the statement; PostgreSQL wants to be told the type.
func (w *writer) bind(v Value) string {
	var arg any
	var typ string
	switch v.typ {
	case Text:
		arg, typ = v.text, "TEXT"
	case Bool:
		arg, typ = v.Bool(), "BOOLEAN"
	default: // Number, Time
		arg, typ = v.number, "BIGINT"
	}
	*w.args = append(*w.args, arg)
	return fmt.Sprintf("CAST($%d AS %s)", len(*w.args), typ)
}
