package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"fmt"
	"math"
)

// FindingKind is a way in which the log was touched.
type FindingKind string

// The kinds of finding.
const (
	Changed     FindingKind = "changed"      // an entry has other contents than when it was sealed
	Removed     FindingKind = "removed"      // an entry is gone
	Moved       FindingKind = "moved"        // an entry stands where another one stood
	Inserted    FindingKind = "inserted"     // an entry was added after the sealing
	CutOff      FindingKind = "cut off"      // the chain ends before a head that was known
	SealChanged FindingKind = "seal changed" // a seal is not what was made, or was made with another key
	SealRemoved FindingKind = "seal removed" // a seal is gone
)

// Finding is the first thing that is wrong.
type Finding struct {
	Kind  FindingKind
	Seal  int64 // number of the batch; 0: below the first
	Entry int64 // id of the entry; 0 if it cannot be told
	After int64 // id of the entry before it, as it stands now; 0: none is known
}

// String says what is wrong in a sentence's rest: "audit entry 12 was removed (batch 3)".
func (f *Finding) String() string {
	switch f.Kind {
	case SealChanged:
		return fmt.Sprintf("audit seal %d was changed, or was made with another key file", f.Seal)
	case SealRemoved:
		return fmt.Sprintf("audit seal %d was removed", f.Seal)
	case CutOff:
		return fmt.Sprintf("the audit log was cut off after entry %d: seal %d, which was known, is gone", f.After, f.Seal)
	}
	if f.Entry == 0 {
		return fmt.Sprintf("an audit entry after entry %d was %s (batch %d)", f.After, f.Kind, f.Seal)
	}
	return fmt.Sprintf("audit entry %d was %s (batch %d)", f.Entry, f.Kind, f.Seal)
}

// Report is what Verify saw up to its first finding.
type Report struct {
	Seals    int64
	Entries  int64 // sealed entries that are right
	Dropped  int64 // entries that retention removed
	Unsealed int64 // entries that no seal covers yet
	Head     Head
	Finding  *Finding // nil: all is right
}

// Verify walks the chain from its beginning and stops at the first thing that is wrong. known are heads kept elsewhere. tx is
// to be a snapshot. The error is of reading, not of what was found.
func Verify(ctx context.Context, tx Tx, keys Keys, known ...Head) (Report, error) {
	v := verifier{keys: keys, known: known}
	err := v.walk(ctx, tx)
	return v.report, err
}

type verifier struct {
	keys   Keys
	known  []Head
	last   Seal // the one walked before
	report Report
}

// sealPage is how many seals are held in memory at a time.
const sealPage = 256

func (v *verifier) walk(ctx context.Context, tx Tx) error {
	for {
		seals, err := tx.Seals(ctx, v.last.Number, sealPage)
		if err != nil {
			return err
		}
		if len(seals) == 0 {
			return v.end(ctx, tx)
		}
		for i := range seals {
			if err := v.step(ctx, tx, &seals[i]); err != nil || v.report.Finding != nil {
				return err
			}
		}
	}
}

// step verifies one seal and its batch.
func (v *verifier) step(ctx context.Context, tx Tx, s *Seal) (err error) {
	found := &v.report.Finding
	if *found = v.sealed(s); *found != nil {
		return nil
	}
	if *found = v.linked(s); *found != nil {
		return nil
	}
	if s.Number == 1 {
		if *found, err = v.below(ctx, tx, s.FromMark); err != nil || *found != nil {
			return err
		}
	}
	if *found, err = v.entries(ctx, tx, s); err != nil || *found != nil {
		return err
	}
	v.report.Seals++
	if s.DroppedAt.IsZero() {
		v.report.Entries += s.Count
	} else {
		v.report.Dropped += s.Count
	}
	v.report.Head = s.head()
	v.last = *s
	return nil
}

// sealed verifies a seal by itself.
func (v *verifier) sealed(s *Seal) *Finding {
	changed := &Finding{Kind: SealChanged, Seal: s.Number}
	h, err := v.keys.MAC(s.Key)
	if err != nil {
		return changed
	}
	var m message
	if m.seal(s); !hmac.Equal(m.sum(h), s.MAC) {
		return changed
	}
	if !s.DroppedAt.IsZero() {
		if m.drop(s); !hmac.Equal(m.sum(h), s.DropMAC) {
			return changed
		}
		return nil
	}
	if !bytes.Equal(Digest(s.EntryMACs), s.Digest) || int64(len(s.EntryMACs)) != s.Count*macSize {
		return changed
	}
	return nil
}

// linked verifies that a seal follows the one walked before, and is the one that was known.
func (v *verifier) linked(s *Seal) *Finding {
	want := v.last.next(s.ToMark, s.Key, s.SealedAt)
	if s.Number != want.Number {
		return &Finding{Kind: SealRemoved, Seal: want.Number}
	}
	if s.FromMark != want.FromMark || !bytes.Equal(s.PrevMAC, want.PrevMAC) {
		return &Finding{Kind: SealChanged, Seal: s.Number}
	}
	for _, h := range v.known {
		if h.Number == s.Number && !bytes.Equal(h.MAC, s.MAC) {
			return &Finding{Kind: SealChanged, Seal: s.Number}
		}
	}
	return nil
}

// below finds an entry that was put before the first batch.
func (v *verifier) below(ctx context.Context, tx Tx, from int64) (*Finding, error) {
	var f *Finding
	err := tx.EachEntry(ctx, math.MinInt64, from, func(e *Entry) error {
		if f == nil {
			f = &Finding{Kind: Inserted, Entry: e.ID}
		}
		return nil
	})
	return f, err
}

// end counts what is not sealed and compares the end with what was known.
func (v *verifier) end(ctx context.Context, tx Tx) error {
	for _, h := range v.known {
		if h.Number > v.last.Number && (v.report.Finding == nil || h.Number < v.report.Finding.Seal) {
			v.report.Finding = &Finding{Kind: CutOff, Seal: h.Number, After: v.last.LastID}
		}
	}
	if v.report.Finding != nil {
		return nil
	}
	return tx.EachEntry(ctx, v.last.ToMark, math.MaxInt64, func(*Entry) error {
		v.report.Unsealed++
		return nil
	})
}

// place is where an entry stands and what its MAC is there.
type place struct {
	id, mark int64
	mac      [macSize]byte
}

// entries verifies the entries of a batch.
func (v *verifier) entries(ctx context.Context, tx Tx, s *Seal) (*Finding, error) {
	b, err := newBatch(v.keys, s.Key)
	if err != nil {
		return nil, err
	}
	var got []place
	err = tx.EachEntry(ctx, s.FromMark, s.ToMark, func(e *Entry) error {
		got = append(got, place{e.ID, e.Mark, [macSize]byte(b.entry(e))})
		return nil
	})
	if err != nil {
		return nil, err
	}
	f, at := difference(s, got)
	if f == nil {
		return nil, nil
	}
	if at > 0 {
		f.After = got[at-1].id
	} else {
		f.After = v.last.LastID
	}
	if f.Kind == Changed {
		err = v.moved(ctx, tx, s, b, got, f)
	}
	return f, err
}

// difference compares what stands in a batch with what was sealed, and returns the first finding and where in got it is. An
// entry's MAC covers its id and mark, so entries that are right stand in their order.
func difference(s *Seal, got []place) (*Finding, int) {
	want := make([][macSize]byte, 0, s.Count)
	for i := 0; i+macSize <= len(s.EntryMACs); i += macSize {
		want = append(want, [macSize]byte(s.EntryMACs[i:]))
	}
	i := 0
	for i < len(want) && i < len(got) && want[i] == got[i].mac {
		i++
	}
	f := &Finding{Seal: s.Number}
	switch {
	case i == len(want) && i == len(got):
		return nil, 0
	case i == len(want) || i < len(got) && stands(want[i], got[i+1:]):
		f.Kind, f.Entry = Inserted, got[i].id
	case i == len(got) || sealed(got[i].mac, want[i+1:]):
		f.Kind, f.Entry = Removed, removedID(s, got, i)
	default:
		f.Kind, f.Entry = Changed, got[i].id
	}
	return f, i
}

func stands(mac [macSize]byte, in []place) bool {
	for _, p := range in {
		if p.mac == mac {
			return true
		}
	}
	return false
}

func sealed(mac [macSize]byte, in [][macSize]byte) bool {
	for _, m := range in {
		if m == mac {
			return true
		}
	}
	return false
}

// removedID tells the id of the entry that stood at i, where it follows from what stands around it; else it is 0.
func removedID(s *Seal, got []place, i int) int64 {
	switch {
	case i == 0:
		return s.FirstID
	case int64(i) == s.Count-1:
		return s.LastID
	case i < len(got) && got[i].id-got[i-1].id == 2:
		return got[i].id - 1
	}
	return 0
}

// moved turns a changed entry into a moved one, if its contents were sealed at another place of the batch.
func (v *verifier) moved(ctx context.Context, tx Tx, s *Seal, b *batch, got []place, f *Finding) error {
	want := make(map[[macSize]byte]bool)
	for i := 0; i+macSize <= len(s.EntryMACs); i += macSize {
		want[[macSize]byte(s.EntryMACs[i:])] = true
	}
	return tx.EachEntry(ctx, s.FromMark, s.ToMark, func(e *Entry) error {
		if e.ID != f.Entry {
			return nil
		}
		at := *e
		for _, p := range got {
			at.ID, at.Mark = p.id, p.mark
			if want[[macSize]byte(b.entry(&at))] {
				f.Kind = Moved
				return nil
			}
		}
		return nil
	})
}
