package org

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// rowKey is what tells rows apart: the external id, or the name where there is none.
type rowKey struct {
	column string
	text   string
}

func (r Row) key() rowKey {
	if r.ExternalID != "" {
		return rowKey{ColumnExternalID, r.ExternalID}
	}
	return rowKey{ColumnName, r.Name}
}

// checkRows finds what is wrong with the rows whatever customers there are.
func (im *importing) checkRows() {
	im.faults = make([][]RowError, len(im.rows))
	for i, r := range im.rows {
		im.faults[i] = r.check()
	}
	im.checkKeys()
}

// maxFaults is how many faults of a row by itself are told: a cell may hold hundreds of wrong values.
const maxFaults = 20

// check finds what is wrong with a row by itself.
func (r Row) check() []RowError {
	faults := r.checkCells()
	if more := len(faults) - maxFaults; more > 0 {
		faults = append(faults[:maxFaults:maxFaults], RowError{"", fmt.Sprintf("has %d more faults of this kind", more)})
	}
	return faults
}

// checkCells lists the faults of what the row is known by first.
func (r Row) checkCells() []RowError {
	var faults []RowError
	column := func(name string, check func(*problems)) {
		var p problems
		check(&p)
		for _, text := range p {
			faults = append(faults, RowError{name, strings.TrimPrefix(text, name+": ")})
		}
	}
	if r.Name == "" && r.ExternalID == "" && len(r.Errors) == 0 {
		faults = append(faults, RowError{"", "has neither name nor externalId; want one, to know the customer by"})
	}
	if r.Name != "" {
		column(ColumnName, func(p *problems) { checkCustomerName(p, r.Name) })
	}
	column(ColumnExternalID, func(p *problems) { checkText(p, ColumnExternalID, r.ExternalID, maxExternalID) })
	faults = append(faults, r.Errors...)
	column(ColumnDescription, func(p *problems) { checkText(p, ColumnDescription, r.Description, maxDescription) })
	column(ColumnCapabilities, func(p *problems) { checkWishes(r.Capabilities, p) })
	column(ColumnOwners, func(p *problems) {
		checkOwners(p, r.Owners)
		if r.Owners != nil && len(r.Owners) == 0 {
			p.add("an organization has at least one owner, always; leave the cell empty to keep those it has")
		}
	})
	column(ColumnTags, func(p *problems) {
		checkTags(p, r.Tags)
		if n := len(union(nil, r.Tags)); n > maxTags {
			p.add("are %d; want at most %d", n, maxTags)
		}
	})
	return faults
}

// checkKeys refuses rows of one customer, and a row that would afterwards be told from another by nothing: the next import
// of the file could not know which is meant.
func (im *importing) checkKeys() {
	first := make(map[rowKey]int, len(im.rows))
	named := make(map[string]int) // the row that gives a name to a customer with an external id
	for i, r := range im.rows {
		k := r.key()
		if k.text == "" {
			continue
		}
		if j, again := first[k]; again {
			im.fault(i, k.column, fmt.Sprintf("row %d has the same; want each customer once", im.rows[j].Line))
		} else {
			first[k] = i
		}
		if k.column == ColumnExternalID && r.Name != "" {
			named[r.Name] = i
		}
	}
	for i, r := range im.rows {
		if j, also := named[r.Name]; also && r.ExternalID == "" {
			im.fault(i, ColumnName, fmt.Sprintf("row %d gives this name to the customer with externalId %s; want an externalId here too", im.rows[j].Line, clip(im.rows[j].ExternalID)))
		}
	}
}

func (im *importing) fault(i int, column, message string) {
	im.faults[i] = append(im.faults[i], RowError{column, message})
}

// check tells what would become of each row, writing nothing.
func (im *importing) check(ctx context.Context, tx Tx) ([]RowResult, error) {
	m, err := im.s.seen(ctx, tx, im.parent)
	if err != nil {
		return nil, err
	}
	results := make([]RowResult, 0, len(im.rows))
	for first := 0; first < len(im.rows); first += importBatch {
		batch, err := im.judge(ctx, tx, &m, first, min(first+importBatch, len(im.rows)))
		if err != nil {
			return nil, err
		}
		results = append(results, batch...)
	}
	of := make(map[ref.OrgID]int, len(results))
	for i := range results {
		r := &results[i]
		if r.Customer == 0 {
			continue
		}
		if j, again := of[r.Customer]; again {
			r.fail(im.rows[i].key().column, fmt.Sprintf("is of the same customer as row %d; want each customer once", im.rows[j].Line))
			continue
		}
		of[r.Customer] = i
	}
	return results, nil
}

// judge finds the customers of some rows and what would become of them. It counts in m those that would be made.
func (im *importing) judge(ctx context.Context, tx Tx, m *Manager, from, to int) ([]RowResult, error) {
	found, err := im.find(ctx, tx, from, to)
	if err != nil {
		return nil, err
	}
	results := make([]RowResult, to-from)
	for i := range results {
		r, v := im.rows[from+i], &results[i]
		*v = RowResult{Line: r.Line, Name: r.Name, ExternalID: r.ExternalID, Errors: slices.Clone(im.faults[from+i])}
		if !im.sought(from + i) {
			v.Action = Failed
			continue
		}
		switch ids := found.ids[r.key()]; len(ids) {
		case 0:
			v.asNew(r, m, tx.Now())
		case 1:
			err = v.asChange(ctx, tx, r, *m, found.details[ids[0]])
		default:
			v.fail(r.key().column, fmt.Sprintf("is that of %d customers: %s; want one", len(ids), joinIDs(ids[:min(len(ids), namedHolders)])))
		}
		if err != nil {
			return nil, err
		}
		if len(v.Errors) > 0 {
			v.Action, v.Customer, v.Changes = Failed, 0, nil
		}
	}
	return results, nil
}

// sought reports whether a row's customer can be looked for: what it is known by is a text that could be some customer's.
func (im *importing) sought(i int) bool {
	k := im.rows[i].key()
	return k.text != "" && !hasFault(im.faults[i], k.column)
}

func hasFault(faults []RowError, column string) bool {
	return slices.ContainsFunc(faults, func(e RowError) bool { return e.Column == column })
}

// matches are the customers of some rows.
type matches struct {
	ids     map[rowKey][]ref.OrgID
	details map[ref.OrgID]Detail // of those that are the only ones of their key
}

// find looks for the customers of some rows, all at once.
func (im *importing) find(ctx context.Context, tx Tx, from, to int) (matches, error) {
	wanted := make(map[rowKey]bool, to-from)
	var externalIDs, names []string
	for i := from; i < to; i++ {
		if !im.sought(i) {
			continue
		}
		k := im.rows[i].key()
		wanted[k] = true
		if k.column == ColumnExternalID {
			externalIDs = append(externalIDs, k.text)
		} else {
			names = append(names, k.text)
		}
	}
	list, err := tx.CustomersByKey(ctx, im.parent, externalIDs, names)
	if err != nil {
		return matches{}, err
	}
	found := matches{ids: make(map[rowKey][]ref.OrgID, len(list))}
	for _, o := range list {
		for _, k := range []rowKey{{ColumnExternalID, o.ExternalID}, {ColumnName, o.Name}} {
			if wanted[k] && !slices.Contains(found.ids[k], o.ID) { // one found by both keys is listed twice
				found.ids[k] = append(found.ids[k], o.ID)
			}
		}
	}
	var single []ref.OrgID
	for _, ids := range found.ids {
		if len(ids) == 1 {
			single = append(single, ids[0])
		}
	}
	slices.Sort(single)
	found.details, err = tx.CustomerDetails(ctx, im.parent, slices.Compact(single))
	return found, err
}

func (v *RowResult) fail(column, message string) {
	v.Errors = append(v.Errors, RowError{column, message})
	v.Action, v.Customer, v.Changes = Failed, 0, nil
}

// asNew judges a row as a customer to be made.
func (v *RowResult) asNew(r Row, m *Manager, now time.Time) {
	v.Action = Created
	if r.Name == "" {
		v.fail(ColumnName, "no customer has this externalId, and a new one needs a name")
	}
	if r.Owners == nil && !hasFault(v.Errors, ColumnOwners) {
		v.fail(ColumnOwners, "a new customer needs at least one owner, such as ann@acme.example")
	}
	v.permit(m.unfit(r.Capabilities, now))
	if full := m.full(); full != "" {
		v.fail("", full)
		return
	}
	m.Customers++
}

// asChange judges a row as a change of the customer d.
func (v *RowResult) asChange(ctx context.Context, tx Tx, r Row, m Manager, d Detail) error {
	v.Customer, v.Action = d.ID, Updated
	changes, set, removed := r.changes(d)
	if len(changes) == 0 {
		v.Action = Unchanged
	}
	v.Changes = changes
	v.permit(m.unfit(set, tx.Now()))
	holders, err := tx.Holders(ctx, d.ID, removed, namedHolders+1)
	if used := inUse(d.ID, holders); used != nil {
		v.fail(ColumnCapabilities, errs.Message(used))
	}
	return err
}

// permit refuses a row for what its parent cannot grant, unless its capabilities are wrong anyway.
func (v *RowResult) permit(unfit []misfit) {
	if hasFault(v.Errors, ColumnCapabilities) {
		return
	}
	for _, u := range unfit {
		v.fail(ColumnCapabilities, u.text)
	}
}

// changes lists the columns in which a row differs from its customer, the capabilities it adds or re-dates, and those it
// takes away.
func (r Row) changes(d Detail) (columns []string, set []Wish, removed []string) {
	differs := func(column string, yes bool) {
		if yes {
			columns = append(columns, column)
		}
	}
	differs(ColumnName, r.Name != "" && r.Name != d.Name)
	differs(ColumnDescription, r.Description != "" && unixLines(r.Description) != unixLines(d.Description))
	if r.Capabilities != nil {
		present := make([]Capability, len(d.Capabilities))
		for i, c := range d.Capabilities {
			present[i] = c.Capability
		}
		ch := plan(present, r.Capabilities)
		set, removed = wishesFor(ch, r.Capabilities), ch.removed
		differs(ColumnCapabilities, len(ch.set)+len(ch.removed) > 0)
	}
	if r.Owners != nil {
		added, gone := compareOwners(d.Owners, r.Owners)
		differs(ColumnOwners, len(added)+len(gone) > 0)
	}
	differs(ColumnTags, r.Tags != nil && !slices.Equal(union(nil, r.Tags), d.Tags))
	return columns, set, removed
}

// unixLines is a text as spreadsheets and editors may hand it back: they change line ends at will.
func unixLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
