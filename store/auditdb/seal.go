package auditdb

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/store/sqldb"
)

// A seal's bytes are stored as base64. entry_macs is the list of MACs; once retention removed the entries, it is the list's
// digest and the MAC of the removal. mac is the id of its key, a point, and the MAC: "123456.q83v…".
const sealColumns = `number, from_mark, to_mark, first_id, last_id, entries, entry_macs, prev_mac, mac, sealed_at, dropped_at`

// LastSeal returns the seal of the highest number, the zero Seal if there is none.
func (l Log) LastSeal(ctx context.Context) (audit.Seal, error) {
	list, err := l.seals(ctx, `SELECT `+sealColumns+` FROM audit_seal ORDER BY number DESC LIMIT 1`)
	if err != nil || len(list) == 0 {
		return audit.Seal{}, err
	}
	return list[0], nil
}

// Seals lists up to limit seals of higher numbers than after, in order.
func (l Log) Seals(ctx context.Context, after int64, limit int) ([]audit.Seal, error) {
	return l.seals(ctx, `SELECT `+sealColumns+` FROM audit_seal WHERE number > $1 ORDER BY number LIMIT $2`, after, limit)
}

// OldSeals lists up to limit seals made before an instant whose entries are still there, in order.
func (l Log) OldSeals(ctx context.Context, before time.Time, limit int) ([]audit.Seal, error) {
	return l.seals(ctx, `
		SELECT `+sealColumns+` FROM audit_seal
		WHERE dropped_at IS NULL AND sealed_at < $1 ORDER BY number LIMIT $2`, sqldb.Micros(before), limit)
}

// InsertSeal adds a seal; it is errs.Conflict if its number is taken.
func (l Log) InsertSeal(ctx context.Context, s audit.Seal) error {
	_, err := l.tx.Exec(ctx, `
		INSERT INTO audit_seal (`+sealColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.Number, s.FromMark, s.ToMark, s.FirstID, s.LastID, s.Count, base64.StdEncoding.EncodeToString(s.EntryMACs),
		base64.StdEncoding.EncodeToString(s.PrevMAC), macText(s), sqldb.Micros(s.SealedAt), sqldb.NullTimeOf(s.DroppedAt))
	return err
}

// DropEntries removes the entries of a batch and keeps s in place of its seal. It does nothing if they are gone already.
func (l Log) DropEntries(ctx context.Context, s audit.Seal) error {
	n, err := l.tx.Exec(ctx, `UPDATE audit_seal SET entry_macs = $1, dropped_at = $2 WHERE number = $3 AND dropped_at IS NULL`,
		base64.StdEncoding.EncodeToString(append(s.Digest[:len(s.Digest):len(s.Digest)], s.DropMAC...)), sqldb.Micros(s.DroppedAt), s.Number)
	if err != nil || n == 0 {
		return err
	}
	_, err = l.tx.Exec(ctx, `DELETE FROM audit_entry WHERE mark >= $1 AND mark < $2`, s.FromMark, s.ToMark)
	return err
}

func (l Log) seals(ctx context.Context, query string, args ...any) ([]audit.Seal, error) {
	var list []audit.Seal
	err := l.tx.Rows(ctx, query, args, func(scan func(...any) error) error {
		s, err := scanSeal(scan)
		list = append(list, s)
		return err
	})
	return list, err
}

func scanSeal(scan func(...any) error) (audit.Seal, error) {
	var s audit.Seal
	var macs, prev, mac string
	var sealed int64
	var dropped sqldb.NullTime
	if err := scan(&s.Number, &s.FromMark, &s.ToMark, &s.FirstID, &s.LastID, &s.Count, &macs, &prev, &mac, &sealed, &dropped); err != nil {
		return s, err
	}
	s.SealedAt, s.DroppedAt = sqldb.Time(sealed), dropped.Time
	key, mac, _ := strings.Cut(mac, ".")
	// What is no base64 or no key decodes to something that does not verify: for the chain that is a changed seal, not an
	// error of reading.
	id, _ := strconv.ParseUint(key, 10, 32)
	s.Key, s.MAC, s.PrevMAC = uint32(id), decode(mac), decode(prev)
	s.EntryMACs = decode(macs)
	if dropped.Valid {
		s.Digest, s.DropMAC = cut(s.EntryMACs)
		s.EntryMACs = nil
	} else {
		s.Digest = audit.Digest(s.EntryMACs)
	}
	return s, nil
}

func decode(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

// cut parts the digest of a removed batch from the MAC of the removal.
func cut(b []byte) (digest, mac []byte) {
	const size = 32
	if len(b) != 2*size {
		return nil, nil
	}
	return b[:size:size], b[size:]
}

func macText(s audit.Seal) string {
	return fmt.Sprintf("%d.%s", s.Key, base64.StdEncoding.EncodeToString(s.MAC))
}

// Horizon returns a mark such that every transaction whose entries have a lower one has ended. See audit.Store.
func Horizon(ctx context.Context, db *sqldb.DB) (mark int64, err error) {
	if tick := db.Dialect().AuditTick; tick != "" {
		if err := db.Write(ctx, func(tx *sqldb.Tx) error { return tx.Exec1(ctx, tick) }); err != nil {
			return 0, err
		}
	}
	err = db.Read(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, `SELECT `+db.Dialect().AuditHorizon, nil, &mark) })
	return mark, err
}

// Settle makes new marks higher than all that are stored. They are already, unless the data came from another database: its
// count of transactions, which marks are made of, was another one. Call it when a server starts, before its first write;
// on a database that other servers write to it changes nothing.
func Settle(ctx context.Context, db *sqldb.DB) error {
	return db.Write(ctx, func(tx *sqldb.Tx) error {
		var own, base, entries, seals int64
		// One statement, and the first of its transaction: on PostgreSQL the transaction gets its number after the
		// statement's snapshot, so that no entry another server wrote can be seen with a higher one.
		err := tx.Row(ctx, `
			SELECT `+db.Dialect().AuditMark+`, (SELECT base FROM audit_clock),
				COALESCE((SELECT MAX(mark) FROM audit_entry), 0),
				COALESCE((SELECT to_mark FROM audit_seal ORDER BY number DESC LIMIT 1), 0)`,
			nil, &own, &base, &entries, &seals)
		highest := max(entries, seals)
		if err != nil || highest <= own {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE audit_clock SET base = base + $1 WHERE base = $2`, highest-own+1, base)
		if err == nil && n == 0 {
			return &errs.Error{Kind: errs.Unavailable, Msg: "another server is settling the audit log of a restored database; start this one again"}
		}
		return err
	})
}
