package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of Config.
const (
	DefaultTimeout = time.Minute
	DefaultMaxWait = time.Minute
)

// Config is what a client is made of. URL and RefreshToken are needed, the rest may be left out.
type Config struct {
	URL          string            // of the server, a path before /msp and /espalier included
	RefreshToken string            // secret; travels in bodies of POST /oidc/token only
	UserAgent    string            // "espalier" if empty
	Transport    http.RoundTripper // http.DefaultTransport if nil; tests check answers there
	Timeout      time.Duration     // for one call and its answer, streams aside; DefaultTimeout if zero
	MaxWait      time.Duration     // all that a call may wait because of Retry-After; DefaultMaxWait if zero, none if negative
	Now          func() time.Time  // time.Now if nil
}

// Client calls one server as one user. It may be used by several goroutines at once.
type Client struct {
	base      string // without a slash at the end
	userAgent string
	http      *http.Client
	timeout   time.Duration
	maxWait   time.Duration
	tokens    *tokenSource
}

// New checks the configuration. It does not call the server.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(cfg.RefreshToken) == "" {
		return nil, errors.New("a refresh token is needed")
	}
	c := &Client{
		base:      base,
		userAgent: cfg.UserAgent,
		http:      &http.Client{Transport: cfg.Transport, CheckRedirect: stay},
		timeout:   cfg.Timeout,
		maxWait:   cfg.MaxWait,
	}
	if c.userAgent == "" {
		c.userAgent = "espalier"
	}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.maxWait == 0 {
		c.maxWait = DefaultMaxWait
	}
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	c.tokens = newTokenSource(c, strings.TrimSpace(cfg.RefreshToken), now)
	return c, nil
}

// URL returns the server's address as the client uses it.
func (c *Client) URL() string { return c.base }

// parseBase returns the address of a server without a slash at its end.
func parseBase(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("server address: %w", err)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return "", fmt.Errorf("server address %q: want https://host or http://host:port", text)
	case u.User != nil:
		return "", fmt.Errorf("server address: a name or password does not belong into it")
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("server address %q: leave out what follows the path", text)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// stay keeps the HTTP client from following redirects: a write would be lost on the way, and the token would go to a
// server that nobody named.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
