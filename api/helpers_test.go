package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails when a server leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a log that tests read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLog() (*lines, *slog.Logger) {
	l := new(lines)
	return l, slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// shown are the documents that tests put into the reference.
var shown = []string{"msp", "token"}

// running is a server that a test talks to over a real connection.
type running struct {
	*Server
	url    string
	client *http.Client
	stop   context.CancelFunc // begins the drain
	done   chan error         // what Run returned
}

// start serves cfg on a free port until the test ends.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	if cfg.Logger == nil {
		_, cfg.Logger = newLog()
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Listen(ctx); err != nil {
		t.Fatalf("Listen: %v", err)
	}
	transport := &http.Transport{DisableCompression: true}
	r := &running{s, "http://" + s.Addr(), &http.Client{Transport: transport, Timeout: 20 * time.Second}, cancel, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx); close(r.done) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		for range r.done {
		}
	})
	return r
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (r *running) get(t *testing.T, path string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("GET %s: read: %v", path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// text answers every request with the same words.
func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
}
