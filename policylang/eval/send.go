package eval

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what a server said, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request until it is answered by something else than 429 or a 5xx, or has been repeated often enough.
// An answer 429 says that nothing was done, so any request is sent again; what was done before a 5xx nobody knows, so that
// only requests are sent again of which a second one changes nothing.
func (r *run) send(ctx context.Context, q Request, log *journal) (answer, *Failure) {
	for tries := 0; ; tries++ {
		a, failure := r.sendOnce(ctx, q, log)
		if failure != nil {
			return a, failure
		}
		again := a.status == http.StatusTooManyRequests || a.status >= 500 && idempotent(q.Method)
		if !again || tries >= r.limits.Retries {
			return a, nil
		}
		pause := r.pause(a.header, tries)
		log.add(Context, "Status %d: trying again in %s", a.status, pause)
		if failure := r.sleep(ctx, pause); failure != nil {
			return a, failure
		}
	}
}

// idempotent reports whether a second request with the verb changes no more than the first (RFC 9110, 9.2.2).
func idempotent(verb string) bool { return readOnly(verb) || verb == "PUT" || verb == "DELETE" }

// pause is how long to wait before the next try: as long as the server asks for, else 1, 2, 4, 8 ... seconds.
func (r *run) pause(h http.Header, tries int) time.Duration {
	after := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(after, 10, 32); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(after); err == nil {
		return max(at.Sub(r.host.Now()).Round(time.Second), 0)
	}
	return time.Second << min(tries, 6)
}

// sleep waits by the host's clock. A pause that would outlast the evaluation ends it at once.
func (r *run) sleep(ctx context.Context, d time.Duration) *Failure {
	if left := r.limits.Wall - r.host.Now().Sub(r.start); d > left {
		return overLimit("wall", "a server asks to wait %s, and the evaluation has %s left of %s", d, max(left, 0), r.limits.Wall)
	}
	if err := r.host.Sleep(ctx, d); err != nil {
		if ctx.Err() != nil {
			return ended(ctx, r.limits)
		}
		return because("waiting failed", err)
	}
	return nil
}

func (r *run) sendOnce(ctx context.Context, q Request, log *journal) (answer, *Failure) {
	if n := r.sent.Add(1); n > int64(r.limits.Requests) {
		return answer{}, overLimit("requests", "the evaluation sent more than %d", r.limits.Requests)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Request, errRequest)
	defer cancel()
	logRequest(log, q)
	p, err := r.host.Send(ctx, q)
	if err != nil {
		return answer{}, r.noAnswer(ctx, q, err)
	}
	body, failure := r.read(ctx, q, p.Body)
	if failure != nil {
		return answer{}, failure
	}
	a := answer{p.Status, p.Header, body}
	logAnswer(log, a)
	return a, nil
}

func (r *run) noAnswer(ctx context.Context, q Request, err error) *Failure {
	if ctx.Err() != nil {
		return ended(ctx, r.limits)
	}
	f := because("request failed", err)
	if f.Limit != "" { // one that the host keeps
		return f
	}
	f.Detail = q.Method + " " + shown(q.URL) + ": " + f.Detail
	return f
}

// read reads a body as far as the limits let it. A server that says nothing more is waited for until the context ends.
func (r *run) read(ctx context.Context, q Request, body io.ReadCloser) ([]byte, *Failure) {
	if body == nil {
		return nil, nil
	}
	stop := context.AfterFunc(ctx, func() { body.Close() })
	var text bytes.Buffer
	n, err := io.Copy(&text, io.LimitReader(body, r.limits.ResponseBytes+1))
	if stop() {
		err = errors.Join(err, body.Close())
	}
	switch {
	case ctx.Err() != nil:
		return nil, ended(ctx, r.limits)
	case n > r.limits.ResponseBytes:
		return nil, overLimit("response", "the answer to %s %s has more than %d bytes", q.Method, shown(q.URL), r.limits.ResponseBytes)
	case r.received.Add(n) > r.limits.Bytes:
		return nil, overLimit("bytes", "the answers of the evaluation have more than %d bytes", r.limits.Bytes)
	case err != nil:
		return nil, r.noAnswer(ctx, q, err)
	}
	return text.Bytes(), nil
}

// accept tells whether an answer is used, or is to be ignored; any other than 2xx that is not to be ignored is a failure.
func accept(q Request, a answer, ignore []int) (use bool, f *Failure) {
	switch {
	case slices.Contains(ignore, a.status):
		return false, nil
	case a.status >= 200 && a.status < 300:
		return true, nil
	}
	f = failf("request refused", "%s %s: status %d %s", q.Method, shown(q.URL), a.status, http.StatusText(a.status))
	if text := strings.TrimSpace(strings.ToValidUTF8(string(a.body), "\uFFFD")); text != "" {
		f.Detail += "\n" + cut(text, bodyExcerpt)
	}
	f.Status = a.status
	return false, f
}

// shown is an address as logs and failures show it: without secrets that a query may hold, and cut if it is long.
func shown(address string) string {
	address = secretPairs.ReplaceAllString(address, "${1}"+hidden)
	if len(address) > 500 {
		return strings.ToValidUTF8(address[:500], "") + "..."
	}
	return address
}
