package org

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Row is a line of an import: a customer to be made, or to be changed. It is of the customer with its external id, or, where
// it has none, of the one with its name. Lists are whole.
type Row struct {
	Line         int     // in the file, the heading being 1
	Name         string  // "" keeps the present one
	ExternalID   string  // "" keeps
	Description  string  // "" keeps
	Capabilities []Wish  // nil keeps
	Owners       []Owner // nil keeps
	Tags         []string
	Errors       []RowError // what reading the line found wrong
}

// RowError is what is wrong with a row.
type RowError struct {
	Column  string // name, externalId, description, capabilities, owners or tags; "" for the row as a whole
	Message string
}

// Action is what an import does with a row.
type Action string

// The actions of an import.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Failed    Action = "failed"
)

// RowResult is what became of a row, or would become of it.
type RowResult struct {
	Line       int
	Name       string
	ExternalID string
	Customer   ref.OrgID // 0 for one that is not made yet
	Action     Action
	Changes    []string // members that differ, for Updated
	Errors     []RowError
}

// MaxImport is the number of rows one import may have.
const MaxImport = 10_000

// importBatch is the number of rows of one transaction.
const importBatch = 100

// Import makes and changes direct customers of parent by rows. Every row is checked before anything is written; if one is
// wrong, or for a dry run, nothing is, and the results tell what would be. Else rows are written in transactions of 100, and
// progress (may be nil) is told how many are done after each. A row that meanwhile became impossible fails alone. applied says
// whether anything was to be written.
func (s *Service) Import(ctx context.Context, by access.Caller, parent ref.OrgID, rows []Row, dryRun bool, progress func(done int)) (results []RowResult, applied bool, err error) {
	for _, p := range []access.Privilege{access.CustomerCreate, access.CustomerUpdate, access.TagCreate} {
		if err := s.guard.Require(ctx, by, p, parent); err != nil {
			return nil, false, err
		}
	}
	if len(rows) > MaxImport {
		return nil, false, errs.Invalidf("the file has %d rows; want at most %d, so split it", len(rows), MaxImport)
	}
	im := importing{s: s, by: by, parent: parent, rows: rows, results: make([]RowResult, len(rows)), existing: make([]ref.OrgID, len(rows))}
	if err := s.store.Read(ctx, func(tx Tx) error { return im.check(ctx, tx) }); err != nil {
		return nil, false, err
	}
	if dryRun || slices.ContainsFunc(im.results, func(r RowResult) bool { return r.Action == Failed }) {
		return im.results, false, nil
	}
	return im.results, true, im.apply(ctx, progress)
}

// importing is one import on its way.
type importing struct {
	s        *Service
	by       access.Caller
	parent   ref.OrgID
	rows     []Row
	results  []RowResult
	existing []ref.OrgID // the customer of each row, 0 for one to be made
}

// check finds the customer of each row and fills the results with what would become of it, writing nothing.
func (im *importing) check(ctx context.Context, tx Tx) error {
	m, err := im.s.manager(ctx, tx, im.parent)
	if err != nil {
		return err
	}
	for i, r := range im.rows {
		im.results[i] = RowResult{Line: r.Line, Name: r.Name, ExternalID: r.ExternalID, Errors: slices.Clone(r.Errors)}
	}
	im.markRepeated()
	for first := 0; first < len(im.rows); first += importBatch {
		if err := im.checkBatch(ctx, tx, &m, first, min(first+importBatch, len(im.rows))); err != nil {
			return err
		}
	}
	return nil
}

// key is what tells rows apart: the external id, or the name where there is none.
func (r Row) key() string {
	if r.ExternalID != "" {
		return "externalId\x00" + r.ExternalID
	}
	return "name\x00" + r.Name
}

func (r Row) keyColumn() string {
	if r.ExternalID != "" {
		return "externalId"
	}
	return "name"
}

func (im *importing) markRepeated() {
	first := make(map[string]int, len(im.rows))
	for i, r := range im.rows {
		if j, again := first[r.key()]; again {
			im.fail(i, r.keyColumn(), fmt.Sprintf("row %d has the same; want each customer once", im.rows[j].Line))
			continue
		}
		first[r.key()] = i
	}
}

func (im *importing) fail(i int, column, message string) {
	im.results[i].Errors = append(im.results[i].Errors, RowError{Column: column, Message: message})
}

func (im *importing) checkBatch(ctx context.Context, tx Tx, m *Manager, from, to int) error {
	present, err := im.present(ctx, tx, from, to)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		r := im.rows[i]
		have := present[r.key()]
		switch len(have) {
		case 0:
			im.checkNew(i, *m, tx)
			m.Customers++
		case 1:
			if err := im.checkChange(ctx, tx, i, *m, have[0]); err != nil {
				return err
			}
		default:
			im.fail(i, r.keyColumn(), "matches the customers "+joinIDs([]ref.OrgID{have[0].ID, have[1].ID})+"; want one")
		}
		if len(im.results[i].Errors) > 0 {
			im.results[i].Action = Failed
		}
	}
	return nil
}

// present finds the customers of some rows by their keys, with all that belongs to them.
func (im *importing) present(ctx context.Context, tx Tx, from, to int) (map[string][]Detail, error) {
	var externalIDs, names []string
	for _, r := range im.rows[from:to] {
		if r.ExternalID != "" {
			externalIDs = append(externalIDs, r.ExternalID)
		} else {
			names = append(names, r.Name)
		}
	}
	found, err := tx.CustomersByKey(ctx, im.parent, externalIDs, names)
	if err != nil {
		return nil, err
	}
	ids := make([]ref.OrgID, len(found))
	for i, o := range found {
		ids[i] = o.ID
	}
	details, err := tx.CustomerDetails(ctx, im.parent, ids)
	if err != nil {
		return nil, err
	}
	present := make(map[string][]Detail)
	for _, o := range found {
		if o.ExternalID != "" && slices.Contains(externalIDs, o.ExternalID) {
			k := Row{ExternalID: o.ExternalID}.key()
			present[k] = append(present[k], details[o.ID])
		}
		if slices.Contains(names, o.Name) {
			k := Row{Name: o.Name}.key()
			present[k] = append(present[k], details[o.ID])
		}
	}
	return present, nil
}

func (im *importing) checkNew(i int, m Manager, tx Tx) {
	r := im.rows[i]
	im.results[i].Action = Created
	if len(r.Errors) == 0 {
		im.sort(i, r.create().Check())
		im.sort(i, checkedTags(r.Tags))
	}
	im.sort(i, m.Admit(r.Capabilities, tx.Now()))
}

func (im *importing) checkChange(ctx context.Context, tx Tx, i int, m Manager, d Detail) error {
	r := im.rows[i]
	im.existing[i], im.results[i].Customer = d.ID, d.ID
	if r.Name == "" {
		im.results[i].Name = d.Name
	}
	patch := r.patch()
	im.sort(i, patch.Check(d.ID))
	im.sort(i, checkedTags(r.Tags))
	if len(im.results[i].Errors) > 0 {
		return nil
	}
	changes, set, removed := r.changes(d)
	im.results[i].Changes, im.results[i].Action = changes, Updated
	if len(changes) == 0 {
		im.results[i].Action = Unchanged
	}
	holders, err := tx.Holders(ctx, d.ID, removed, namedHolders+1)
	if err != nil {
		return err
	}
	im.sort(i, inUse(d.ID, holders))
	im.sort(i, m.Grant(set, tx.Now()))
	return nil
}

func checkedTags(tags []string) error {
	var p problems
	checkTags(&p, tags)
	if n := len(union(nil, tags)); n > maxTags {
		p.add("tags: are %d; want at most %d", n, maxTags)
	}
	return p.err()
}

// sort puts the parts of an error beside their columns: each begins with its member.
func (im *importing) sort(i int, err error) {
	if err == nil {
		return
	}
	for text := range strings.SplitSeq(errs.Message(err), "; ") {
		im.fail(i, columnOf(text), text)
	}
}

// columnOf finds the column that a message speaks of: its first word names it.
func columnOf(message string) string {
	word := message[:strings.IndexFunc(message+" ", func(r rune) bool { return r == ':' || r == '[' || r == '.' || r == ' ' })]
	if word == "capability" {
		word = "capabilities"
	}
	if slices.Contains([]string{"name", "externalId", "description", "capabilities", "owners", "tags"}, word) {
		return word
	}
	return ""
}

func (r Row) create() NewCustomer {
	return NewCustomer{Name: r.Name, ExternalID: r.ExternalID, Description: r.Description, Capabilities: r.Capabilities, Owners: r.Owners}
}

// patch is the change a row asks of the customer it is of: an empty cell keeps.
func (r Row) patch() Patch {
	var c Patch
	if r.Name != "" {
		c.Name = &r.Name
	}
	if r.ExternalID != "" {
		c.ExternalID = &r.ExternalID
	}
	if r.Description != "" {
		c.Description = &r.Description
	}
	if r.Capabilities != nil {
		c.Capabilities = &r.Capabilities
	}
	if r.Owners != nil {
		c.Owners = &r.Owners
	}
	return c
}

// changes lists the members in which a row differs from its customer, the capabilities it adds or re-dates, and those it
// takes away.
func (r Row) changes(d Detail) (members []string, set []Wish, removed []string) {
	differs := func(member string, yes bool) {
		if yes {
			members = append(members, member)
		}
	}
	differs("name", r.Name != "" && r.Name != d.Name)
	differs("externalId", r.ExternalID != "" && r.ExternalID != d.ExternalID)
	differs("description", r.Description != "" && r.Description != d.Description)
	if r.Capabilities != nil {
		present := make([]Capability, len(d.Capabilities))
		for i, c := range d.Capabilities {
			present[i] = c.Capability
		}
		ch := plan(present, r.Capabilities)
		set, removed = wishesFor(ch, r.Capabilities), ch.removed
		differs("capabilities", len(ch.set)+len(ch.removed) > 0)
	}
	if r.Owners != nil {
		added, gone := compareOwners(d.Owners, r.Owners)
		differs("owners", len(added)+len(gone) > 0)
	}
	differs("tags", r.Tags != nil && !slices.Equal(union(nil, r.Tags), d.Tags))
	return members, set, removed
}

// apply writes the rows that change something, a hundred to a transaction.
func (im *importing) apply(ctx context.Context, progress func(int)) error {
	for first := 0; first < len(im.rows); first += importBatch {
		last := min(first+importBatch, len(im.rows))
		if slices.ContainsFunc(im.results[first:last], func(r RowResult) bool { return r.Action != Unchanged }) {
			if err := im.applyBatch(ctx, first, last); err != nil {
				return fmt.Errorf("rows %d to %d: %w", im.rows[first].Line, im.rows[last-1].Line, err)
			}
		}
		if progress != nil {
			progress(last)
		}
	}
	return nil
}

func (im *importing) applyBatch(ctx context.Context, first, last int) error {
	return im.s.store.Write(ctx, func(tx Tx) error {
		m, err := im.s.manager(ctx, tx, im.parent)
		if err != nil {
			return err
		}
		for i := first; i < last; i++ {
			if im.results[i].Action == Unchanged {
				continue
			}
			out, err := each(ctx, tx, func() (ref.OrgID, error) { return im.applyRow(ctx, tx, m, i) })
			if err != nil {
				return err
			}
			im.results[i].Customer = max(out.Customer, im.existing[i])
			if out.Err != nil {
				im.results[i].Action = Failed
				im.sort(i, out.Err)
			} else if im.existing[i] == 0 {
				m.Customers++
			}
		}
		return nil
	})
}

func (im *importing) applyRow(ctx context.Context, tx Tx, m Manager, i int) (ref.OrgID, error) {
	r, id := im.rows[i], im.existing[i]
	if id == 0 {
		o, err := create(ctx, tx, im.by, m, r.create())
		if err != nil || r.Tags == nil {
			return o.ID, err
		}
		return o.ID, retag(ctx, tx, im.by, o, nil, union(nil, r.Tags))
	}
	if _, err := update(ctx, tx, im.by, m, id, r.patch()); err != nil {
		return id, err
	}
	if r.Tags == nil {
		return id, nil
	}
	o, err := lockCustomer(ctx, tx, im.parent, id)
	if err != nil {
		return id, err
	}
	present, err := tx.Tags(ctx, id)
	if err != nil {
		return id, err
	}
	return id, retag(ctx, tx, im.by, o, present, union(nil, r.Tags))
}

// Export calls each for every direct customer of parent that matches, by id, with owners and tags.
func (s *Service) Export(ctx context.Context, by access.Caller, parent ref.OrgID, match *filter.Expr, each func(Detail) error) error {
	if err := s.guard.Require(ctx, by, access.CustomerIndex, parent); err != nil {
		return err
	}
	return s.store.Read(ctx, func(tx Tx) error {
		above, err := held(ctx, tx, parent)
		if err != nil {
			return err
		}
		after := ref.OrgID(0)
		for {
			ids, err := tx.CustomerIDs(ctx, parent, match, ends(above), after, exportBatch)
			if err != nil || len(ids) == 0 {
				return err
			}
			details, err := tx.CustomerDetails(ctx, parent, ids)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if d, ok := details[id]; ok {
					if err := each(d); err != nil {
						return err
					}
				}
			}
			after = ids[len(ids)-1]
		}
	})
}

// exportBatch is how many customers an export reads at once.
const exportBatch = 500
