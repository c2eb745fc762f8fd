package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"maps"

	"github.com/klauspost/compress/zstd"

	"espalier.dev/errs"
)

// maxLine bounds the memory that a row takes. Rows are far smaller; a damaged file may look as if they were not.
const maxLine = 64 << 20

// Check reads a whole backup and returns what it holds. It is errs.Unprocessable if the backup is cut off, damaged, or none.
func Check(ctx context.Context, r io.Reader) (Summary, error) {
	in, err := newReader(r)
	if err != nil {
		return Summary{}, err
	}
	defer in.close()
	err = in.walk(ctx, nobody{})
	return in.summary, err
}

// reader reads lines and digests them.
type reader struct {
	unpack  *zstd.Decoder
	lines   *bufio.Scanner
	sum     hash.Hash
	summary Summary
}

// newReader reads the header.
func newReader(r io.Reader) (*reader, error) {
	unpack, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8*window))
	if err != nil {
		return nil, notBackup(err)
	}
	in := &reader{unpack: unpack, lines: bufio.NewScanner(unpack), sum: sha256.New()}
	in.lines.Buffer(make([]byte, 64<<10), maxLine)
	if err := in.header(); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (in *reader) close() { in.unpack.Close() }

func (in *reader) header() error {
	line, err := in.next()
	h := &in.summary.Header
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	case err != nil && !errors.Is(err, io.EOF):
		return notBackup(err)
	case err != nil || json.Unmarshal(line, h) != nil || h.Format != formatName:
		return notBackup(nil)
	case h.Version != formatVersion:
		return errs.Unprocessablef("", "the backup has format %d, and this binary reads %d: use %s, which made it, or a later one", h.Version, formatVersion, h.Product)
	}
	in.digest(line)
	return nil
}

func notBackup(err error) error {
	return &errs.Error{Kind: errs.Unprocessable, Msg: "this is no backup of Espalier, or its beginning is damaged", Err: err}
}

func damaged(err error) error {
	return &errs.Error{Kind: errs.Unprocessable, Msg: "the backup is damaged: take another copy of it, or an earlier backup; nothing was restored", Err: err}
}

var errCut = errs.Unprocessablef("", "the backup is cut off before its end: take another copy of it, or an earlier backup; nothing was restored")

// next returns the next line, or io.EOF after the last.
func (in *reader) next() ([]byte, error) {
	if in.lines.Scan() {
		return in.lines.Bytes(), nil
	}
	if err := in.lines.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

func (in *reader) digest(line []byte) {
	in.sum.Write(line)
	in.sum.Write([]byte{'\n'})
}

// visitor is shown what is in a backup before it is known whether the backup is whole.
type visitor interface {
	begin(ctx context.Context, s section) error
	row(ctx context.Context, values []any) error
}

// nobody is a visitor that does not look.
type nobody struct{}

func (nobody) begin(context.Context, section) error { return nil }
func (nobody) row(context.Context, []any) error     { return nil }

// walk shows v every table and its rows, and returns nil only if the backup is whole. After an error of v it can be called
// again for the rest.
func (in *reader) walk(ctx context.Context, v visitor) error {
	for {
		line, err := in.next()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return errCut
		case err != nil:
			return damaged(err)
		case ctx.Err() != nil:
			return ctx.Err()
		case bytes.HasPrefix(line, []byte(`{"rows"`)):
			return in.trailer(line)
		}
		in.digest(line)
		if err := in.show(ctx, line, v); err != nil {
			return err
		}
	}
}

func (in *reader) show(ctx context.Context, line []byte, v visitor) error {
	if !bytes.HasPrefix(line, []byte("[")) {
		var s section
		if err := json.Unmarshal(line, &s); err != nil || s.Table == "" || len(s.Columns) == 0 {
			return damaged(errors.Join(errors.New("a line that is no row and no table"), err))
		}
		in.summary.Tables = append(in.summary.Tables, Count{Table: s.Table})
		return v.begin(ctx, s)
	}
	values, err := decodeRow(line)
	if err != nil || len(in.summary.Tables) == 0 {
		return damaged(errors.Join(errors.New("a row that cannot be read"), err))
	}
	in.summary.Tables[len(in.summary.Tables)-1].Rows++
	return v.row(ctx, values)
}

// trailer compares what was read with what the trailer says, and sees to it that nothing follows.
func (in *reader) trailer(line []byte) error {
	var t trailer
	if err := json.Unmarshal(line, &t); err != nil {
		return damaged(err)
	}
	rows := map[string]int64{}
	for _, c := range in.summary.Tables {
		rows[c.Table] += c.Rows
	}
	if t.SHA256 != hex.EncodeToString(in.sum.Sum(nil)) || !maps.Equal(t.Rows, rows) {
		return damaged(errors.New("its trailer tells of other contents"))
	}
	switch _, err := in.next(); {
	case err == nil:
		return damaged(errors.New("something follows its trailer"))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	case !errors.Is(err, io.EOF):
		return damaged(err)
	}
	return nil
}
