package audit

import (
	"context"
	"fmt"
)

// retainEntries is about how many entries one transaction removes, so that writers wait only shortly.
const retainEntries = 2000

// Retain removes the entries of all batches that were sealed longer ago than they are kept, and keeps their seals. A batch
// that does not verify stays, as evidence, and so do all after it; the error names what is wrong with it.
func (s *Sealer) Retain(ctx context.Context) error {
	if s.cfg.Keep == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		seals, err := s.due(ctx)
		if err != nil || len(seals) == 0 {
			return err
		}
		if err := s.drop(ctx, seals); err != nil {
			return err
		}
	}
}

// due reads the oldest batches to remove, about retainEntries in all.
func (s *Sealer) due(ctx context.Context) ([]Seal, error) {
	var seals []Seal
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		seals, err = tx.OldSeals(ctx, s.now().Add(-s.cfg.Keep), 64)
		return err
	})
	var n int64
	for i := range seals {
		if n += seals[i].Count; n >= retainEntries {
			seals = seals[:i+1]
			break
		}
	}
	return seals, err
}

func (s *Sealer) drop(ctx context.Context, seals []Seal) error {
	dropped := make([]Seal, len(seals))
	for i := range seals {
		finding, err := s.check(ctx, &seals[i])
		if err != nil {
			return err
		}
		if finding != nil {
			return fmt.Errorf("the audit log is kept from here on, though it is old: %s", finding)
		}
		if dropped[i], err = seals[i].drop(s.cfg.Keys, s.now()); err != nil {
			return err
		}
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		for _, seal := range dropped {
			if err := tx.DropEntries(ctx, seal); err != nil {
				return err
			}
		}
		return nil
	})
}

// check verifies one batch by itself. The seal is read again together with its entries, since another server may have
// removed them meanwhile.
func (s *Sealer) check(ctx context.Context, seal *Seal) (finding *Finding, err error) {
	err = s.cfg.Store.Snapshot(ctx, func(tx Tx) error {
		now, err := tx.Seals(ctx, seal.Number-1, 1)
		if err != nil {
			return err
		}
		if len(now) == 0 || now[0].Number != seal.Number {
			finding = &Finding{Kind: SealRemoved, Seal: seal.Number}
			return nil
		}
		v := verifier{keys: s.cfg.Keys}
		if finding = v.sealed(&now[0]); finding == nil {
			finding, err = v.entries(ctx, tx, &now[0])
		}
		return err
	})
	return finding, err
}
