package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"espalier.dev/errs"
)

// Seal closes one batch: the entries whose mark is in [FromMark, ToMark), in order of mark and id. Seals are numbered from 1
// without a gap, each begins at the mark where the one before ends, and none is of an empty batch.
type Seal struct {
	Number           int64
	FromMark, ToMark int64
	FirstID, LastID  int64 // of the first and the last entry
	Count            int64
	EntryMACs        []byte // 16 bytes for each entry; nil after retention
	Digest           []byte // SHA-256 of EntryMACs; stays after retention
	Key              uint32 // the MAC key
	PrevMAC          []byte // MAC of the seal before; 32 zeros in the first
	MAC              []byte // 32 bytes over all of the above and SealedAt
	SealedAt         time.Time
	DroppedAt        time.Time // zero, or when retention removed the entries
	DropMAC          []byte    // proves that whoever removed them held the key; nil unless dropped
}

// Keys are the MAC keys of the chain; keyring.Keyring is what serves.
type Keys interface {
	// MACKey is the id of the key that new seals are made with.
	MACKey() uint32
	// MAC returns HMAC-SHA256 under a key, for one goroutine.
	MAC(key uint32) (hash.Hash, error)
}

// Head names the end of the chain at some instant. Kept elsewhere, in the log or a backup, it shows whether the tail was cut
// off or made anew since. The zero value is the head of an empty chain.
type Head struct {
	Number int64
	MAC    []byte
}

// String writes a head as it stands in the log: "12:" and the MAC in hexadecimal.
func (h Head) String() string {
	return strconv.FormatInt(h.Number, 10) + ":" + hex.EncodeToString(h.MAC)
}

// ParseHead reads what String wrote.
func ParseHead(s string) (Head, error) {
	number, mac, _ := strings.Cut(s, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	b, err2 := hex.DecodeString(mac)
	if err != nil || err2 != nil || n < 1 || len(b) != sha256.Size {
		return Head{}, errs.Invalidf("audit head %q: it is a number, a colon and 64 hexadecimal digits, as the log has it", s)
	}
	return Head{Number: n, MAC: b}, nil
}

// Digest is what the chain holds of a batch's entry MACs.
func Digest(entryMACs []byte) []byte {
	d := sha256.Sum256(entryMACs)
	return d[:]
}

func (s *Seal) head() Head { return Head{Number: s.Number, MAC: s.MAC} }

// next begins the seal after s, up to the mark to; the zero Seal comes before the first.
func (s *Seal) next(to int64, key uint32, now time.Time) Seal {
	prev := s.MAC
	if s.Number == 0 {
		prev = make([]byte, sha256.Size)
	}
	return Seal{Number: s.Number + 1, FromMark: s.ToMark, ToMark: to, Key: key, PrevMAC: prev, SealedAt: now}
}

// batch gathers the MACs of a batch's entries.
type batch struct {
	mac   hash.Hash
	msg   message
	first int64
	last  int64
	macs  []byte
}

func newBatch(keys Keys, key uint32) (*batch, error) {
	h, err := keys.MAC(key)
	if err != nil {
		return nil, err
	}
	return &batch{mac: h}, nil
}

func (b *batch) add(e *Entry) {
	if len(b.macs) == 0 {
		b.first = e.ID
	}
	b.last = e.ID
	b.macs = append(b.macs, b.entry(e)...)
}

// entry is the MAC of one entry.
func (b *batch) entry(e *Entry) []byte {
	b.msg.entry(e)
	return b.msg.sum(b.mac)[:macSize]
}

// close completes the seal of the entries that were added.
func (b *batch) close(s Seal) Seal {
	s.FirstID, s.LastID, s.Count = b.first, b.last, int64(len(b.macs)/macSize)
	s.EntryMACs, s.Digest = b.macs, Digest(b.macs)
	b.msg.seal(&s)
	s.MAC = b.msg.sum(b.mac)
	return s
}

// drop marks the batch as removed by retention, under the key the seal was made with.
func (s Seal) drop(keys Keys, now time.Time) (Seal, error) {
	h, err := keys.MAC(s.Key)
	if err != nil {
		return Seal{}, fmt.Errorf("seal %d: %w", s.Number, err)
	}
	s.EntryMACs, s.DroppedAt = nil, now
	var m message
	m.drop(&s)
	s.DropMAC = m.sum(h)
	return s, nil
}
