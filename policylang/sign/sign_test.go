package sign

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) move(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func at(text string) *clock {
	t, err := time.Parse("20060102T150405Z", text)
	if err != nil {
		panic(err)
	}
	return &clock{at: t}
}

// counting yields the bytes 0, 1, 2, … so that nonces differ and tests repeat.
type counting struct {
	mu sync.Mutex
	n  byte
}

func (c *counting) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range b {
		b[i] = c.n
		c.n++
	}
	return len(b), nil
}

// serving answers requests to whatever host by h, over TLS, and returns what sends to it.
func serving(t *testing.T, h http.HandlerFunc) *http.Transport {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	tr := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func newSigner(t *testing.T, cfg Config) *Signer {
	t.Helper()
	if cfg.Random == nil {
		cfg.Random = &counting{}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// send signs and sends, and returns status and body of the answer.
func send(t *testing.T, s *Signer, cred Credential, method, url, body string) (int, string) {
	t.Helper()
	answer, err := s.Do(t.Context(), cred, request(t, method, url), []byte(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// parse makes a credential that must be right.
func parse(t *testing.T, scheme Scheme, in map[string]any) Credential {
	t.Helper()
	cred, err := Parse(scheme, in)
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

// capturing is a sender that keeps the request and answers 200.
func capturing(got **http.Request) Sender {
	return func(r *http.Request) (*http.Response, error) {
		*got = r
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
	}
}

func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func noSecret(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%q shows the secret %q", text, s)
		}
	}
}
