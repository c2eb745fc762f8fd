package org

import (
	"context"
	"fmt"
	"slices"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Row is a line of an import: a customer to be made, or to be changed. It is of the customer with its external id, or, where
// it has none, of the one with its name. Lists are whole.
type Row struct {
	Line         int        // in the file, the heading being 1
	Name         string     // "" keeps the present one
	ExternalID   string     // "" keeps
	Description  string     // "" keeps
	Capabilities []Wish     // nil keeps
	Owners       []Owner    // nil keeps
	Tags         []string   // nil keeps
	Errors       []RowError // what reading the line found wrong
}

// RowError is what is wrong with a row.
type RowError struct {
	Column  string // name, externalId, description, capabilities, owners or tags; "" for the row as a whole
	Message string
}

// The columns of an import.
const (
	ColumnName         = "name"
	ColumnExternalID   = "externalId"
	ColumnDescription  = "description"
	ColumnCapabilities = "capabilities"
	ColumnOwners       = "owners"
	ColumnTags         = "tags"
)

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
	Name       string    // as the row gives it
	ExternalID string    // as the row gives it
	Customer   ref.OrgID // 0 for one that is not made yet, and where the row failed
	Action     Action
	Changes    []string // columns that differ, for Updated
	Errors     []RowError
}

// MaxImport is the number of rows one import may have.
const MaxImport = 10_000

// importBatch is the number of rows of one transaction.
const importBatch = 100

// Import makes and changes direct customers of parent by rows. Every row is checked before anything is written; if one is
// wrong, or for a dry run, nothing is, and the results tell what would be. Else rows are written in transactions of 100, and
// progress (may be nil) is told how many are done after each; each transaction looks again, so that a row which meanwhile
// became impossible fails alone, and one that somebody else has written meanwhile is not made twice. applied says whether
// anything was to be written. After an error of the writing, the results up to it stand.
func (s *Service) Import(ctx context.Context, by access.Caller, parent ref.OrgID, rows []Row, dryRun bool, progress func(done int)) (results []RowResult, applied bool, err error) {
	for _, p := range []access.Privilege{access.CustomerCreate, access.CustomerUpdate, access.TagCreate, access.TagDelete} {
		if err := s.guard.Require(ctx, by, p, parent); err != nil {
			return nil, false, err
		}
	}
	if len(rows) > MaxImport {
		return nil, false, errs.Invalidf("the file has %d rows; want at most %d, so split it", len(rows), MaxImport)
	}
	im := &importing{s: s, by: by, parent: parent, rows: rows}
	im.checkRows()
	err = s.store.Read(ctx, func(tx Tx) error {
		results, err = im.check(ctx, tx)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if dryRun || slices.ContainsFunc(results, func(r RowResult) bool { return r.Action == Failed }) {
		return results, false, nil
	}
	return results, true, im.apply(ctx, results, progress)
}

// importing is one import on its way.
type importing struct {
	s      *Service
	by     access.Caller
	parent ref.OrgID
	rows   []Row
	faults [][]RowError // of each row by itself and beside the others, whatever customers there are
}

// apply writes the rows that change something, a hundred to a transaction, and notes in results what became of them.
func (im *importing) apply(ctx context.Context, results []RowResult, progress func(int)) error {
	for first := 0; first < len(im.rows); first += importBatch {
		last := min(first+importBatch, len(im.rows))
		if slices.ContainsFunc(results[first:last], func(r RowResult) bool { return r.Action != Unchanged }) {
			done, err := im.applyBatch(ctx, first, last)
			if err != nil {
				return fmt.Errorf("import rows %d to %d: %w", im.rows[first].Line, im.rows[last-1].Line, err)
			}
			copy(results[first:], done)
		}
		if progress != nil {
			progress(last)
		}
	}
	return nil
}

func (im *importing) applyBatch(ctx context.Context, first, last int) (done []RowResult, err error) {
	err = im.s.store.Write(ctx, func(tx Tx) error {
		// Alone, or two imports of one file would each find a customer missing and make it.
		if _, err := tx.Lock(ctx, im.parent, true); err != nil {
			return err
		}
		m, err := im.s.manager(ctx, tx, im.parent)
		if err != nil {
			return err
		}
		if done, err = im.judge(ctx, tx, &m, first, last); err != nil {
			return err
		}
		for i := range done {
			if err := im.write(ctx, tx, m, im.rows[first+i], &done[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// write does what was judged of a row. A customer that cannot be changed after all fails alone.
func (im *importing) write(ctx context.Context, tx Tx, m Manager, r Row, v *RowResult) (err error) {
	switch v.Action {
	case Created:
		v.Customer, err = im.create(ctx, tx, r)
		return err
	case Updated:
		out, err := each(ctx, tx, func() (ref.OrgID, error) { return v.Customer, im.change(ctx, tx, m, r, *v) })
		if out.Err != nil {
			v.fail("", errs.Message(out.Err))
		}
		return err
	}
	return nil
}

// create writes a customer that the parent, which is locked, admits, with its tags and its audit entry.
func (im *importing) create(ctx context.Context, tx Tx, r Row) (ref.OrgID, error) {
	o, err := im.s.insert(ctx, tx, im.by, Organization{Parent: im.parent, Name: r.Name, ExternalID: r.ExternalID, Description: r.Description}, r.Capabilities, r.Owners)
	if err != nil {
		return 0, err
	}
	made := snapshot(o, r.Capabilities, r.Owners)
	if tags := union(nil, r.Tags); len(tags) > 0 {
		if err := tx.AddTags(ctx, o.ID, tags); err != nil {
			return 0, err
		}
		made["tags"] = tags
	}
	return o.ID, tx.Record(ctx, entry(im.by, "customer.create", o, nil, made))
}

func (im *importing) change(ctx context.Context, tx Tx, m Manager, r Row, v RowResult) error {
	tagged := slices.Contains(v.Changes, ColumnTags)
	if !tagged || len(v.Changes) > 1 {
		if _, err := im.s.update(ctx, tx, im.by, m, v.Customer, r.patch(v.Changes)); err != nil {
			return err
		}
	}
	if !tagged {
		return nil
	}
	o, present, err := lockTags(ctx, tx, im.parent, v.Customer)
	if err != nil {
		return err
	}
	return retag(ctx, tx, im.by, o, present, union(nil, r.Tags))
}

// patch is the change a row asks of its customer: the columns in which they differ, tags aside.
func (r Row) patch(columns []string) Patch {
	var c Patch
	for _, column := range columns {
		switch column {
		case ColumnName:
			c.Name = &r.Name
		case ColumnDescription:
			c.Description = &r.Description
		case ColumnCapabilities:
			c.Capabilities = &r.Capabilities
		case ColumnOwners:
			c.Owners = &r.Owners
		}
	}
	return c
}
