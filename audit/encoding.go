package audit

import (
	"encoding/binary"
	"encoding/json"
	"hash"
	"time"
)

// macSize is the length of an entry's MAC in bytes: HMAC-SHA256 cut to half, RFC 2104 section 5. A seal's MAC is whole.
const macSize = 16

// A message begins with what it is, so that no MAC of one kind passes for another.
const (
	entryLabel = "espalier audit entry 1"
	sealLabel  = "espalier audit seal 1"
	dropLabel  = "espalier audit drop 1"
)

// message is the canonical form of what is signed: whole numbers as 8 bytes, big endian; texts after their length. It is
// unambiguous, and the same whichever engine keeps the row.
type message []byte

func (m *message) int(v int64)      { *m = binary.BigEndian.AppendUint64(*m, uint64(v)) }
func (m *message) time(t time.Time) { m.int(t.UnixMicro()) }
func (m *message) bytes(b []byte)   { m.int(int64(len(b))); *m = append(*m, b...) }
func (m *message) text(s string)    { m.int(int64(len(s))); *m = append(*m, s...) }
func (m *message) sum(h hash.Hash) []byte {
	h.Reset()
	h.Write(*m)
	return h.Sum(nil)
}

// json tells absence from an empty text.
func (m *message) json(raw json.RawMessage) {
	if raw == nil {
		m.int(-1)
		return
	}
	m.bytes(raw)
}

// entry replaces the message by that of an entry.
func (m *message) entry(e *Entry) {
	*m = (*m)[:0]
	m.text(entryLabel)
	m.int(e.ID)
	m.int(e.Mark)
	m.time(e.At)
	m.int(int64(e.Org))
	m.int(int64(e.Via))
	m.text(string(e.Actor.Kind))
	m.int(e.Actor.ID)
	m.text(string(e.Session))
	m.text(e.RequestID)
	m.text(e.Action)
	m.text(e.TargetKind)
	m.text(e.TargetID)
	m.json(e.Before)
	m.json(e.After)
}

// seal replaces the message by that of a seal: all but its MAC and what retention does to it later.
func (m *message) seal(s *Seal) {
	*m = (*m)[:0]
	m.text(sealLabel)
	m.int(s.Number)
	m.int(s.FromMark)
	m.int(s.ToMark)
	m.int(s.FirstID)
	m.int(s.LastID)
	m.int(s.Count)
	m.bytes(s.Digest)
	m.int(int64(s.Key))
	m.bytes(s.PrevMAC)
	m.time(s.SealedAt)
}

// drop replaces the message by that of a batch whose entries retention removed.
func (m *message) drop(s *Seal) {
	*m = (*m)[:0]
	m.text(dropLabel)
	m.int(s.Number)
	m.bytes(s.MAC)
	m.time(s.DroppedAt)
}
