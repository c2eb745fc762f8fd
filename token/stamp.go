package token

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"espalier.dev/ref"
)

// Use is when a refresh token or a client was last used.
type Use struct {
	Token ref.TokenID
	At    time.Time
}

// stamps gathers last uses between two writes.
type stamps struct {
	mu   sync.Mutex
	last map[ref.TokenID]time.Time
}

func (s *stamps) note(id ref.TokenID, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = make(map[ref.TokenID]time.Time)
	}
	if at.After(s.last[id]) {
		s.last[id] = at
	}
}

// take empties the stamps. They come by id, so that two servers lock rows in one order.
func (s *stamps) take() []Use {
	s.mu.Lock()
	defer s.mu.Unlock()
	uses := make([]Use, 0, len(s.last))
	for id, at := range s.last {
		uses = append(uses, Use{id, at})
	}
	clear(s.last)
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Compare(a.Token, b.Token) })
	return uses
}

// stampBatch is how many uses one transaction writes.
const stampBatch = 500

// flush writes the last uses. What could not be written is kept for the next turn.
func (s *Service) flush(ctx context.Context) error {
	return errors.Join(s.flushOne(ctx, &s.uses, Tx.StampUse), s.flushOne(ctx, &s.clients, Tx.StampClientUse))
}

func (s *Service) flushOne(ctx context.Context, of *stamps, write func(Tx, context.Context, []Use) error) (failed error) {
	for batch := range slices.Chunk(of.take(), stampBatch) {
		err := failed
		if err == nil {
			err = s.cfg.Store.Write(ctx, func(tx Tx) error { return write(tx, ctx, batch) })
		}
		if err != nil {
			failed = err
			for _, u := range batch {
				of.note(u.Token, u.At)
			}
		}
	}
	return failed
}
