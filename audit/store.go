package audit

import (
	"context"
	"time"
)

// Store opens transactions. The function given to Write may run twice and so touches nothing but its Tx; that given to
// Snapshot sees one state throughout.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
	Snapshot(ctx context.Context, fn func(Tx) error) error
	// Horizon returns a mark such that every transaction whose entries have a lower one has ended. It may write, so it is
	// asked only while there are entries to seal.
	Horizon(ctx context.Context) (int64, error)
}

// Tx is what the chain asks of a transaction.
type Tx interface {
	// LastSeal returns the seal of the highest number, the zero Seal if there is none.
	LastSeal(ctx context.Context) (Seal, error)
	// Seals lists up to limit seals of higher numbers than after, in order.
	Seals(ctx context.Context, after int64, limit int) ([]Seal, error)
	// OldSeals lists up to limit seals made before an instant whose entries are still there, in order.
	OldSeals(ctx context.Context, before time.Time, limit int) ([]Seal, error)
	// InsertSeal adds a seal. It is errs.Conflict if its number is taken.
	InsertSeal(ctx context.Context, s Seal) error
	// DropEntries removes the entries of a batch and keeps s in place of its seal. It does nothing if they are gone already.
	DropEntries(ctx context.Context, s Seal) error
	// EntriesFrom reports whether there is an entry of that mark or a higher one.
	EntriesFrom(ctx context.Context, mark int64) (bool, error)
	// EachEntry calls each for the entries of marks in [from, to), in order of mark and id. The entry is each's own to keep;
	// nothing else may be asked of the transaction meanwhile.
	EachEntry(ctx context.Context, from, to int64, each func(*Entry) error) error
}
