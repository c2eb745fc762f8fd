package org

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// exportBatch is how many customers an export reads at once.
const exportBatch = 500

// Export calls each for every direct customer of parent that matches, by id, with owners and tags. An error of each ends it
// and is returned. No connection is held while each runs.
func (s *Service) Export(ctx context.Context, by access.Caller, parent ref.OrgID, match *filter.Expr, each func(Detail) error) error {
	if err := s.guard.Require(ctx, by, access.CustomerIndex, parent); err != nil {
		return err
	}
	return s.store.Read(ctx, func(tx Tx) error {
		above, err := held(ctx, tx, parent)
		if err != nil {
			return err
		}
		ends, after := ends(above), ref.OrgID(0)
		for {
			ids, err := tx.CustomerIDs(ctx, parent, match, ends, after, exportBatch)
			if err != nil || len(ids) == 0 {
				return err
			}
			details, err := tx.CustomerDetails(ctx, parent, ids)
			if err != nil {
				return err
			}
			for _, id := range ids {
				d, ok := details[id]
				if !ok {
					continue // deleted between the two reads
				}
				if err := each(d); err != nil {
					return err
				}
			}
			after = ids[len(ids)-1]
		}
	})
}
