package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no handler", Config{}, "nothing to serve"},
		{"negative time", Config{Handler: text(""), Limits: Limits{Drain: -1}}, "negative"},
		{"negative rate", Config{Handler: text(""), Limits: Limits{MinRate: -1}}, "negative"},
		{"public URL without scheme", Config{Handler: text(""), PublicURL: "espalier.example.com"}, "https://"},
		{"unknown document", Config{Handler: text(""), Documents: []string{"privileges"}}, `names "privileges"`},
	} {
		if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestListenNamesTheRemedy(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s, err := New(Config{Handler: text(""), Listen: ln.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another address with --listen") {
		t.Errorf("Run on a used port: got %v, want the remedy", err)
	}
}

func TestRoutesAndHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text("routes"), PublicURL: "https://espalier.example.com", Documents: shown})
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/healthz", 200, `"alive"`},
		{"/readyz", 200, `"ready"`},
		{"/metrics", 200, "espalier_build_info"},
		{"/docs", 301, ""},
		{"/docs/", 302, ""},
		{"/docs/absent", 404, "/docs/"},
		{"/", 200, "routes"},
		{"//healthz", 200, "routes"},
		{"/msp/v2/orgs/1/customers", 200, "routes"},
	} {
		a := s.get(t, tt.path)
		if a.status != tt.status || !strings.Contains(a.body, tt.body) {
			t.Errorf("GET %s: got %d %q, want %d with %q", tt.path, a.status, a.body, tt.status, tt.body)
		}
		for header, want := range map[string]string{
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "no-referrer",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := a.header.Get(header); got != want {
				t.Errorf("GET %s: %s: got %q, want %q", tt.path, header, got, want)
			}
		}
		if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("GET %s: policy %q", tt.path, csp)
		}
	}
	plain := start(t, Config{Handler: text(""), PublicURL: "http://espalier.example.com"})
	if got := plain.get(t, "/").header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("over http: Strict-Transport-Security is %q, want none", got)
	}
}

func TestOwnRoutesTakeOnlyGet(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text("")})
	resp, err := s.client.Post(s.url+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /metrics: got %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"answers", nil, 200, `"ready"`},
		{"cause stays inside", errors.New("dial 10.0.0.7: secret"), 503, "the database does not answer"},
		{"message is shown", &errs.Error{Kind: errs.Unavailable, Msg: "the disk is full"}, 503, "the disk is full"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Config{Handler: text(""), Ready: func(context.Context) error { return tt.err }})
			a := s.get(t, "/readyz")
			if a.status != tt.status || !strings.Contains(a.body, tt.body) || strings.Contains(a.body, "secret") {
				t.Errorf("got %d %s, want %d with %q", a.status, a.body, tt.status, tt.body)
			}
		})
	}
}

// A request that began before the end of the context finishes whole; /readyz says no while the server still accepts; Run
// returns nil only then.
func TestDrainFinishesWhatBegan(t *testing.T) {
	t.Parallel()
	arrived, goOn := make(chan struct{}), make(chan struct{})
	s := start(t, Config{
		Limits: Limits{Announce: 300 * time.Millisecond},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-goOn
			if err := r.Context().Err(); err != nil {
				t.Errorf("the context of a request in flight ended: %v", err)
			}
			_, _ = io.WriteString(w, "whole")
		}),
	})
	got := make(chan answer, 1)
	go func() { got <- s.get(t, "/slow") }()
	<-arrived
	s.stop()
	for !s.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	a := s.get(t, "/readyz")
	if a.status != 503 || !strings.Contains(a.body, "draining") {
		t.Errorf("/readyz while draining: got %d %s", a.status, a.body)
	}
	select {
	case err := <-s.done:
		t.Fatalf("Run returned with a request in flight: %v", err)
	default:
	}
	close(goOn)
	if a := <-got; a.status != 200 || a.body != "whole" {
		t.Errorf("request in flight: got %d %q, want it whole", a.status, a.body)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Run: got %v, want nil", err)
	}
}

// A handler that does not finish in time is told by its context, and Run says how many there were.
func TestDrainHasALimit(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	s := start(t, Config{
		Limits: Limits{Drain: 50 * time.Millisecond},
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-r.Context().Done()
		}),
	})
	go func() {
		if resp, err := s.client.Get(s.url); err == nil {
			resp.Body.Close()
		}
	}()
	<-arrived
	s.stop()
	if err := <-s.done; err == nil || !strings.Contains(err.Error(), "1 requests unfinished") {
		t.Errorf("Run: got %v, want 1 request unfinished", err)
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text("served"), Limits: Limits{MaxConnections: 1, ReadHeader: 200 * time.Millisecond}})
	first, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	// The second connection is served once the first, silent, one is cut.
	if a := s.get(t, "/"); a.body != "served" {
		t.Errorf("got %q", a.body)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	long := `{"values":"` + strings.Repeat("a", 2000) + `"}`
	s := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/short" {
			_, _ = io.WriteString(w, `{}`)
			return
		}
		_, _ = io.WriteString(w, long)
	})})
	for _, tt := range []struct{ path, accept, want string }{
		{"/long", "gzip", "gzip"},
		{"/long", "zstd, gzip", "gzip"},
		{"/long", "zstd", ""},
		{"/long", "", ""},
		{"/long", "gzip;q=0", ""},
		{"/short", "gzip", ""},
	} {
		if got := s.get(t, tt.path, "Accept-Encoding", tt.accept).header.Get("Content-Encoding"); got != tt.want {
			t.Errorf("%s, Accept-Encoding %q: got %q, want %q", tt.path, tt.accept, got, tt.want)
		}
	}
}

// Each flushed part of a compressed stream arrives before the next is written.
func TestCompressedStreamsFlush(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	s := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 3 {
			_, _ = io.WriteString(w, strings.Repeat("x", 2000)+"\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("Flush: %v", err)
			}
			<-next
		}
	})})
	req, _ := http.NewRequest(http.MethodGet, s.url, nil)
	s.client.Transport.(*http.Transport).DisableCompression = false // ask for gzip, and unpack
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if !resp.Uncompressed {
		t.Error("the stream was not compressed")
	}
	line := make([]byte, 2001)
	for i := range 3 {
		if _, err := io.ReadFull(resp.Body, line); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		next <- struct{}{}
	}
}
