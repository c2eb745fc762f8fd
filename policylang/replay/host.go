package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/script"
)

// Host answers requests from a world. A request that the world has no answer to fails, and is remembered.
type Host struct {
	script.Engine
	world World

	mu       sync.Mutex
	used     []int // by exchange
	problems []string
	requests []eval.Request
	pauses   []time.Duration
	log      strings.Builder
}

// NewHost makes a host of a world. The engine runs the scripts.
func NewHost(w World, engine script.Engine) *Host {
	return &Host{Engine: engine, world: w, used: make([]int, len(w.Exchanges))}
}

// Send answers from the world.
func (h *Host) Send(ctx context.Context, r eval.Request) (eval.Response, error) {
	if err := ctx.Err(); err != nil {
		return eval.Response{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, r)
	for i, x := range h.world.Exchanges {
		if (x.Times == 0 || h.used[i] < x.Times) && x.Request.fits(r) == "" {
			h.used[i]++
			return x.Response.answer()
		}
	}
	problem := h.unexpected(r)
	h.problems = append(h.problems, problem)
	return eval.Response{}, errors.New(problem)
}

func (p Response) answer() (eval.Response, error) {
	if p.Error != "" {
		return eval.Response{}, errors.New(p.Error)
	}
	body, err := p.Body.bytes()
	if err != nil {
		return eval.Response{}, fmt.Errorf("the recorded body: %w", err)
	}
	status := p.Status
	if status == 0 {
		status = 200
	}
	return eval.Response{Status: status, Header: header(p.Header), Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// unexpected says what a request was, and why the exchanges that come near are not meant.
func (h *Host) unexpected(r eval.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "the recorded world has no answer to %s %s", r.Method, r.URL)
	if len(r.Body) > 0 {
		fmt.Fprintf(&b, " with the body %.200q", r.Body)
	}
	if r.Auth != nil {
		fmt.Fprintf(&b, " signed by %s", r.Auth.Name)
	}
	near := 0
	for i, x := range h.world.Exchanges {
		if near == 3 || !sameHost(x.Request.URL, r.URL) {
			continue
		}
		near++
		if why := x.Request.fits(r); why != "" {
			fmt.Fprintf(&b, "; exchange %d is not it: %s", i+1, why)
		} else {
			fmt.Fprintf(&b, "; exchange %d has happened %d times already", i+1, x.Times)
		}
	}
	return b.String()
}

func sameHost(a, b string) bool {
	u, err := url.Parse(a)
	v, err2 := url.Parse(b)
	return err == nil && err2 == nil && u.Host == v.Host
}

// Secret gives each secret a value that tells its name.
func (h *Host) Secret(_ context.Context, name string) (string, error) {
	return "secret of " + name, nil
}

// Now is the time of the world, which does not pass, so that each evaluation sees the same.
func (h *Host) Now() time.Time { return h.world.Now }

// Sleep returns at once and remembers the pause.
func (h *Host) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pauses = append(h.pauses, d)
	return ctx.Err()
}

// Mask leaves a text as it is: a recorded world has no secrets.
func (h *Host) Mask(text string) string { return text }

// Log keeps the log.
func (h *Host) Log(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log.WriteString(text)
}

// Logged is the log so far.
func (h *Host) Logged() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.String()
}

// Requests are those that were sent, in the order in which they arrived. Those sent side by side arrive in any order.
func (h *Host) Requests() []eval.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]eval.Request(nil), h.requests...)
}

// Pauses are how long the evaluation waited, each time that it did.
func (h *Host) Pauses() []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]time.Duration(nil), h.pauses...)
}

// Complaint is nil if all requests were foreseen, and every exchange that has a number of times happened so often.
func (h *Host) Complaint() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []error
	for _, p := range h.problems {
		all = append(all, errors.New(p))
	}
	for i, x := range h.world.Exchanges {
		if h.used[i] < x.Times {
			all = append(all, fmt.Errorf("exchange %d, %s %s, happened %d times instead of %d", i+1, x.Request.Method, x.Request.URL, h.used[i], x.Times))
		}
	}
	return errors.Join(all...)
}
