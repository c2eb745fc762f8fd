package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"espalier.dev/policylang/eval"
)

// Recorder is a host that hands everything on to another, and writes down what was asked and answered. A folder that it
// has written is read by [Load].
type Recorder struct {
	eval.Host
	dir   string
	start time.Time

	mu sync.Mutex
	n  int
}

// NewRecorder makes a recorder that writes into a folder, which it creates; the folder must not hold a world already.
func NewRecorder(host eval.Host, dir string) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if old, err := filepath.Glob(filepath.Join(dir, "*.json")); err != nil || len(old) > 0 {
		return nil, fmt.Errorf("%s holds %d JSON files already: record into an empty folder", dir, len(old))
	}
	r := &Recorder{Host: host, dir: dir, start: host.Now()}
	return r, r.write(worldFile, World{Now: r.start})
}

// Now is the time of the recording's start for all of it, as it is when the recording is replayed.
func (r *Recorder) Now() time.Time { return r.start }

// Send sends a request through the other host and writes the exchange. The answer's body is handed on as it is read; what
// was read of it when it is closed is what is written.
func (r *Recorder) Send(ctx context.Context, q eval.Request) (eval.Response, error) {
	r.mu.Lock()
	r.n++
	name := fmt.Sprintf("%06d.json", r.n)
	r.mu.Unlock()
	x := Exchange{Times: 1, Request: Request{Method: q.Method, URL: q.URL, Body: bodyOf(q.Body), Auth: "-"}}
	if q.Auth != nil {
		x.Request.Auth = q.Auth.Name
	}
	p, err := r.Host.Send(ctx, q)
	if err != nil {
		if ctx.Err() == nil {
			x.Response.Error = err.Error()
			err = join(err, r.write(name, []Exchange{x}))
		}
		return p, err
	}
	x.Response.Status = p.Status
	x.Response.Header = make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(p.Header)) {
		x.Response.Header[key] = strings.Join(p.Header[key], ", ")
	}
	p.Body = &tee{ReadCloser: p.Body, done: func(body []byte) error {
		x.Response.Body = bodyOf(body)
		return r.write(name, []Exchange{x})
	}}
	return p, nil
}

// join keeps the first error, and says that a second one came.
func join(err, second error) error {
	if second == nil {
		return err
	}
	return fmt.Errorf("%w; and it could not be recorded: %v", err, second)
}

func (r *Recorder) write(name string, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // so that a body comes out as it went in
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, name), text.Bytes(), 0o600)
}

// tee keeps what is read from a body until it is closed.
type tee struct {
	io.ReadCloser
	kept bytes.Buffer
	done func([]byte) error
	once sync.Once
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.kept.Write(p[:n])
	return n, err
}

func (t *tee) Close() error {
	err := t.ReadCloser.Close()
	t.once.Do(func() {
		if failed := t.done(t.kept.Bytes()); failed != nil && err == nil {
			err = fmt.Errorf("record the answer: %w", failed)
		}
	})
	return err
}
