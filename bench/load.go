package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// timed does something n times, one after another, and returns the times, in seconds.
func timed(n int, do func(i int) error) ([]float64, error) {
	times := make([]float64, n)
	for i := range times {
		began := time.Now()
		if err := do(i); err != nil {
			return nil, err
		}
		times[i] = time.Since(began).Seconds()
	}
	return times, nil
}

// p50 is the median of the times.
func p50(n int, do func(i int) error) (float64, error) {
	times, err := timed(n, do)
	if err != nil {
		return 0, err
	}
	return median(times), nil
}

// p99 is the time that 99 of 100 take no longer than.
func p99(n int, do func(i int) error) (float64, error) {
	times, err := timed(n, do)
	if err != nil {
		return 0, err
	}
	slices.Sort(times)
	return times[(len(times)*99-1)/100], nil
}

// each is the mean of what is too short to be timed by itself, in seconds.
func each(n int, do func(i int) error) (float64, error) {
	all, err := once(func() error {
		for i := range n {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	})
	return all / float64(n), err
}

// once returns how long something takes, in seconds.
func once(do func() error) (float64, error) { return p50(1, func(int) error { return do() }) }

// throughput does something over and over on some goroutines for a while, and returns how often it was done a second. Any
// error ends it.
func throughput(ctx context.Context, workers int, during time.Duration, do func(ctx context.Context) error) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range workers {
		all.Go(func() {
			for time.Since(began) < during && ctx.Err() == nil {
				if err := do(ctx); err != nil {
					cancel(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return float64(done.Load()) / time.Since(began).Seconds(), nil
}

// warmed does something as throughput does, once, before it is measured: connections are open then and statements prepared.
func (l *lab) warmed(ctx context.Context, do func(ctx context.Context) error) error {
	_, err := throughput(ctx, connections, l.sizes.busy, do)
	return err
}

// caller makes requests to one server over at most so many connections, with a token or none.
type caller struct {
	http  *http.Client
	base  string // http://127.0.0.1:1234
	token string
}

func newCaller(base, token string, connections int) *caller {
	return &caller{base: base, token: token, http: &http.Client{Transport: &http.Transport{
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true,
	}}}
}

func (c *caller) close() error {
	c.http.CloseIdleConnections()
	return nil
}

// do makes a request, reads the answer to its end, and refuses another status than the one that is wanted. keep, if not nil,
// takes the answer.
func (c *caller) do(ctx context.Context, method, path, media string, body []byte, want int, keep *bytes.Buffer) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, strings.TrimSpace(string(text)))
	}
	var to io.Writer = io.Discard
	if keep != nil {
		to = keep
	}
	_, err = io.Copy(to, res.Body)
	return err
}

func (c *caller) get(ctx context.Context, path string) error {
	return c.do(ctx, http.MethodGet, path, "", nil, http.StatusOK, nil)
}

// read gets a JSON answer.
func (c *caller) read(ctx context.Context, path string, into any) error {
	var text bytes.Buffer
	if err := c.do(ctx, http.MethodGet, path, "", nil, http.StatusOK, &text); err != nil {
		return err
	}
	return json.Unmarshal(text.Bytes(), into)
}

func (c *caller) post(ctx context.Context, path string, body []byte, want int) error {
	return c.do(ctx, http.MethodPost, path, "application/json", body, want, nil)
}
