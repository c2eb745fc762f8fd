package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"espalier.dev/errs"
)

// piece is the most that is written under one deadline, in bytes. At the default rate it allows 16 s on top of the grace.
const piece = 16 << 10

// pacing makes clients keep a minimum rate in both directions, instead of a fixed time for a whole body or answer: an
// export of an hour passes, a client that stopped reading it is cut.
type pacing struct {
	grace time.Duration    // a transfer may stand still so long; what it loses it earns back by being faster than rate
	rate  int              // bytes per second
	now   func() time.Time // wall clock, as deadlines are
}

// credit is the time that a transfer may still lose, at most the grace. It is spent only while the server waits for the
// client, so a handler may think as long as it wants.
type credit struct {
	p    pacing
	left time.Duration
}

// need is the time that n bytes take at the minimum rate.
func (p pacing) need(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(p.rate)
}

// settle accounts for n bytes that took so long.
func (c *credit) settle(n int, took time.Duration) {
	c.left = min(c.p.grace, c.left+c.p.need(n)-took)
}

// wrap puts w and r under the pace. Call done when the handler returned: what net/http still has to do then, send what it
// buffered and read the rest of a body that nobody wanted, happens under a deadline too.
func (p pacing) wrap(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request, func()) {
	rc := http.NewResponseController(w)
	pw := &pacedWriter{ResponseWriter: w, rc: rc, credit: credit{p, p.grace}}
	if r.Body != nil && r.Body != http.NoBody {
		pw.body = &pacedBody{ReadCloser: r.Body, rc: rc, credit: credit{p, p.grace}}
		pw.body.arm(p.grace)
		// The original request stays as net/http made it, and its context with it.
		r2 := *r
		r2.Body = pw.body
		r = &r2
	}
	pw.arm(0)
	return pw, r, func() {
		pw.arm(0)
		pw.rearmBody()
	}
}

// pacedWriter moves the write deadline of its connection with the progress of the answer.
type pacedWriter struct {
	http.ResponseWriter
	rc     *http.ResponseController // of the wrapped writer: reaches the connection without a detour
	credit credit
	body   *pacedBody // nil for a request without one
}

// Unwrap lets http.ResponseController reach the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader gives the rest of the request's body a new deadline first: net/http reads it before it sends the header.
func (w *pacedWriter) WriteHeader(status int) {
	w.rearmBody()
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (written int, err error) {
	w.rearmBody()
	for len(p) > 0 && err == nil {
		var n int
		n, err = w.writePiece(p[:min(piece, len(p))])
		written += n
		p = p[n:]
	}
	return written, err
}

func (w *pacedWriter) writePiece(p []byte) (int, error) {
	began := w.arm(len(p))
	n, err := w.ResponseWriter.Write(p)
	w.credit.settle(n, w.credit.p.now().Sub(began))
	return n, err
}

// FlushError is what http.ResponseController calls.
func (w *pacedWriter) FlushError() error {
	began := w.arm(0)
	err := w.rc.Flush()
	w.credit.settle(0, w.credit.p.now().Sub(began))
	return err
}

// Flush is FlushError for callers that ask for an http.Flusher.
func (w *pacedWriter) Flush() { _ = w.FlushError() }

// arm sets the deadline for n bytes and whatever net/http has in its buffers, and returns the time it counts from. Where
// net/http may have to wait for the rest of a body first, that wait is added: the client shall read why it is cut. A
// writer without a connection (a recorder in a test) has no deadlines, which harms nothing.
func (w *pacedWriter) arm(n int) time.Time {
	now := w.credit.p.now()
	within := max(w.credit.left, 0) + w.credit.p.need(n)
	if w.body != nil && !w.body.ended {
		within += w.credit.p.grace
	}
	_ = w.rc.SetWriteDeadline(now.Add(within))
	return now
}

func (w *pacedWriter) rearmBody() {
	if w.body != nil && !w.body.ended {
		w.body.arm(max(w.body.credit.left, 0))
	}
}

// pacedBody moves the read deadline of its connection with the progress of the body.
type pacedBody struct {
	io.ReadCloser
	rc     *http.ResponseController
	credit credit
	ended  bool
}

func (b *pacedBody) Read(p []byte) (int, error) {
	began := b.arm(max(b.credit.left, 0))
	n, err := b.ReadCloser.Read(p)
	b.credit.settle(n, b.credit.p.now().Sub(began))
	switch {
	case err == io.EOF:
		b.end()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &errs.Error{
			Kind: errs.Invalid,
			Msg:  "the body of the request arrived too slowly: send it in one go",
			Err:  err,
		}
	}
	return n, err
}

// end takes the deadline off. Once a body is read net/http waits in the background for the client to hang up, and would
// take a deadline that passes there for just that: the handler's context would end under it.
func (b *pacedBody) end() {
	if !b.ended {
		b.ended = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
}

func (b *pacedBody) arm(within time.Duration) time.Time {
	now := b.credit.p.now()
	if !b.ended {
		_ = b.rc.SetReadDeadline(now.Add(within))
	}
	return now
}
