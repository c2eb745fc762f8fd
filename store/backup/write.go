package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/store/auditdb"
	"espalier.dev/store/sqldb"
)

// window bounds the memory that packing and unpacking take.
const window = 1 << 20

// Write writes a backup of the database as it is at one instant; product is the version of this binary. A server may run
// beside it. It needs little memory, however much data there is. It is errs.NotFound if the database has no schema yet.
func Write(ctx context.Context, db *sqldb.DB, w io.Writer, product string) (Summary, error) {
	pack, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return Summary{}, err
	}
	out := newWriter(pack)
	err = db.Snapshot(ctx, func(q *sqldb.Tx) error {
		out.summary.Header = Header{Format: formatName, Version: formatVersion, Product: product, MadeAt: q.Now(), Engine: db.Dialect().Name}
		return out.database(ctx, q, db.Dialect())
	})
	return out.summary, errors.Join(err, pack.Close())
}

// writer writes lines and digests them.
type writer struct {
	json    *json.Encoder
	sum     hash.Hash
	summary Summary
}

func newWriter(w io.Writer) *writer {
	sum := sha256.New()
	enc := json.NewEncoder(io.MultiWriter(w, sum))
	enc.SetEscapeHTML(false)
	return &writer{json: enc, sum: sum}
}

func (w *writer) database(ctx context.Context, q *sqldb.Tx, d *sqldb.Dialect) error {
	h := &w.summary.Header
	var err error
	if h.Migrations, err = appliedMigrations(ctx, q, d); err != nil {
		return err
	}
	if len(h.Migrations) == 0 {
		return errs.NotFoundf("the database is empty: there is nothing to back up")
	}
	h.Schema = h.Migrations[len(h.Migrations)-1].Version
	head, err := audit.ReadHead(ctx, auditdb.New(q, d))
	if err != nil {
		return err
	}
	if head.Number > 0 {
		h.AuditHead = head.String()
	}
	if err := w.json.Encode(h); err != nil {
		return err
	}
	cat := catalogs[d.Name]
	list, err := tables(ctx, q, cat)
	if err != nil {
		return err
	}
	for _, t := range list {
		if err := w.table(ctx, q, cat, t); err != nil {
			return fmt.Errorf("back up table %s: %w", t.name, err)
		}
	}
	return w.trailer()
}

func (w *writer) table(ctx context.Context, q *sqldb.Tx, cat catalog, t table) error {
	s := section{Table: t.name, Columns: t.columns}
	if t.id != "" {
		// PostgreSQL counts outside of transactions: the number is of now, so not below that of the snapshot.
		if err := q.Row(ctx, cat.lastID, []any{t.name, t.id}, &s.LastID); err != nil {
			return err
		}
	}
	if err := w.json.Encode(s); err != nil {
		return err
	}
	count := Count{Table: t.name}
	row, dest := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range row {
		dest[i] = &row[i]
	}
	err := q.Rows(ctx, t.selection(), nil, func(scan func(...any) error) error {
		if err := scan(dest...); err != nil {
			return err
		}
		for i := range row {
			var err error
			if row[i], err = encode(row[i]); err != nil {
				return fmt.Errorf("column %s: %w", t.columns[i], err)
			}
		}
		count.Rows++
		return w.json.Encode(row)
	})
	w.summary.Tables = append(w.summary.Tables, count)
	return err
}

func (w *writer) trailer() error {
	t := trailer{Rows: map[string]int64{}, SHA256: hex.EncodeToString(w.sum.Sum(nil))}
	for _, c := range w.summary.Tables {
		t.Rows[c.Table] = c.Rows
	}
	return w.json.Encode(t)
}
