package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"espalier.dev/errs"
)

const (
	sealEvery   = time.Second
	retainEvery = time.Hour
	headEvery   = time.Minute // how often the head goes to the log at most
)

// Config is what a Sealer needs.
type Config struct {
	Store Store
	Keys  Keys
	Now   func() time.Time
	Log   *slog.Logger
	// Keep is how long entries are kept, counted from their sealing; 0: for ever.
	Keep time.Duration
}

// Sealer closes batches every second and removes old ones every hour, in the background, until Close. Several servers on
// one database may each run one: the number of a seal is unique, and who comes second begins anew from the seal it finds.
type Sealer struct {
	cfg  Config
	stop func() // ends the work in the background; may be called twice
	done sync.WaitGroup

	mu     sync.Mutex // one seal or retention at a time, and what follows
	head   Head       // the newest seal this server made
	logged Head       // the newest one in its log
	at     time.Time  // when that was
}

// NewSealer starts a Sealer.
func NewSealer(cfg Config) (*Sealer, error) {
	if cfg.Store == nil || cfg.Keys == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("audit: a store, keys, a clock and a log are needed")
	}
	if cfg.Keep < 0 {
		return nil, fmt.Errorf("audit: entries cannot be kept for %v; 0 keeps them for ever", cfg.Keep)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Sealer{cfg: cfg, stop: stop}
	s.done.Go(func() { s.run(ctx) })
	return s, nil
}

func (s *Sealer) run(ctx context.Context) {
	seal, retain := time.NewTicker(sealEvery), time.NewTicker(retainEvery)
	defer seal.Stop()
	defer retain.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-seal.C:
			s.report(ctx, "seal audit entries", s.Seal(ctx))
			s.logHead(false)
		case <-retain.C:
			s.report(ctx, "remove old audit entries", s.Retain(ctx))
		}
	}
}

// report logs a failure; the next turn tries again.
func (s *Sealer) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error(what, "err", err)
	}
}

// Close stops the work in the background, seals what is left and logs the head.
func (s *Sealer) Close(ctx context.Context) error {
	s.stop()
	s.done.Wait()
	err := s.Seal(ctx)
	s.logHead(true)
	return err
}

// Seal closes one batch of all entries below the oldest open transaction, if there are any. The entries are read and signed
// outside a writing transaction, so that writers do not wait; only the finished seal is written in one.
func (s *Sealer) Seal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last Seal
	var pending bool
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if last, err = tx.LastSeal(ctx); err != nil {
			return err
		}
		pending, err = tx.EntriesFrom(ctx, last.ToMark)
		return err
	})
	if err != nil || !pending {
		return err
	}
	horizon, err := s.cfg.Store.Horizon(ctx)
	if err != nil || horizon <= last.ToMark {
		return err
	}
	next, err := s.close(ctx, last.next(horizon, s.cfg.Keys.MACKey(), s.now()))
	if err != nil || next.Count == 0 {
		return err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.InsertSeal(ctx, next) })
	if errs.KindOf(err) == errs.Conflict {
		return nil // another server sealed these entries meanwhile
	}
	if err == nil {
		s.head = next.head()
	}
	return err
}

// close reads the entries of a seal that was begun and completes it.
func (s *Sealer) close(ctx context.Context, begun Seal) (Seal, error) {
	b, err := newBatch(s.cfg.Keys, begun.Key)
	if err != nil {
		return Seal{}, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		return tx.EachEntry(ctx, begun.FromMark, begun.ToMark, func(e *Entry) error {
			b.add(e)
			return nil
		})
	})
	return b.close(begun), err
}

// logHead writes the head to the log if there is a new one, at most once a minute unless it is the last.
func (s *Sealer) logHead(final bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head.Number == s.logged.Number || !final && s.now().Sub(s.at) < headEvery {
		return
	}
	s.logged, s.at = s.head, s.now()
	s.cfg.Log.Info("audit head", "head", s.head.String())
}

func (s *Sealer) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// ReadHead returns the head of the chain as it stands, for a backup to take along.
func ReadHead(ctx context.Context, tx Tx) (Head, error) {
	last, err := tx.LastSeal(ctx)
	return last.head(), err
}
