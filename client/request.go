package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// requestIDHeader carries the name of a call; the server writes it to its log.
const requestIDHeader = "X-Request-Id"

// request is one call. The body can be sent again if rewind is not nil.
type request struct {
	method      string
	path        string // escaped, begins with a slash
	query       url.Values
	contentType string
	accept      string
	body        io.Reader
	rewind      func() error // puts the body back to its beginning; nil if that cannot be done
	anonymous   bool         // without an access token
	id          string       // request id, the same for every attempt
}

// newRequest makes a call with a JSON body, or without one if in is nil.
func newRequest(method, path string, query url.Values, in any) (*request, error) {
	r := &request{method: method, path: path, query: query, accept: "application/json", rewind: func() error { return nil }, id: rand.Text()}
	if in == nil {
		return r, nil
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("write the body of %s %s: %w", method, path, err)
	}
	body := bytes.NewReader(text)
	r.contentType, r.body = "application/json", body
	r.rewind = func() error { _, err := body.Seek(0, io.SeekStart); return err }
	return r, nil
}

// segment escapes text that becomes one part of a path. Dots alone would be taken as steps in the tree.
func segment(text string) string {
	if text == "." || text == ".." {
		return strings.ReplaceAll(text, ".", "%2E")
	}
	return url.PathEscape(text)
}

// call sends a request and reads a JSON answer into out, which may be nil. It returns the answer's header.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) (http.Header, error) {
	r, err := newRequest(method, path, query, in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return c.exchange(ctx, r, out)
}

func (c *Client) exchange(ctx context.Context, r *request, out any) (http.Header, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if out == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // so that the connection can be used again
		return resp.Header, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return nil, c.broken(ctx, fmt.Errorf("read the answer of %s %s: %w", r.method, r.path, err))
	}
	return resp.Header, nil
}

// send sends a request until it is answered by something else than "ask again": a refused access token is renewed once,
// and a Retry-After is waited for. The answer is a success, its body is the caller's to close.
func (c *Client) send(ctx context.Context, r *request) (*http.Response, error) {
	var stale string // access token that the server refused
	var waited time.Duration
	for {
		access, err := c.access(ctx, r, stale)
		if err != nil {
			return nil, err
		}
		resp, err := c.once(ctx, r, access)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 && resp.StatusCode < 300 {
			return resp, nil
		}
		switch pause, asked := retryAfter(resp, c.tokens.now()); {
		case r.rewind == nil:
			return nil, readError(resp)
		case resp.StatusCode == http.StatusUnauthorized && access != "" && stale == "":
			stale = access
		case asked && waited+pause <= c.maxWait:
			waited += pause
			if err := sleep(ctx, pause); err != nil {
				resp.Body.Close()
				return nil, err
			}
		default:
			return nil, readError(resp)
		}
		resp.Body.Close()
		if err := r.rewind(); err != nil {
			return nil, fmt.Errorf("send %s %s again: %w", r.method, r.path, err)
		}
	}
}

func (c *Client) access(ctx context.Context, r *request, stale string) (string, error) {
	if r.anonymous {
		return "", nil
	}
	return c.tokens.access(ctx, stale)
}

// once sends a request once.
func (c *Client) once(ctx context.Context, r *request, access string) (*http.Response, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	body := r.body
	if body != nil {
		body = opaque{body}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if sized, ok := r.body.(*bytes.Reader); ok {
		req.ContentLength = int64(sized.Len())
	}
	req.Header.Set("Accept", r.accept)
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set(requestIDHeader, r.id)
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if access != "" {
		req.Header.Set("Authorization", "Bearer "+access)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	return resp, nil
}

// opaque hides that a body can be closed, so that the transport does not close what the caller owns.
type opaque struct{ io.Reader }

// broken explains a connection that failed: the caller's own end of ctx stays what it is, all
// else is unreachable.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without method and address, which the sentence has
	}
	return fmt.Errorf("%w %s: %w", ErrUnreachable, c.base, err)
}

// bounded gives a call that is no stream its time. The cause tells it from the caller's own deadline.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.timeout+max(c.maxWait, 0), fmt.Errorf("%w %s within %s", ErrUnreachable, c.base, c.timeout))
}

// retryAfter reads how long the server asks to wait. Only "too many" and "not now" are answers that changed nothing.
// Source: RFC 9110, section 10.2.3.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}
