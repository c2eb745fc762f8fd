package api

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"espalier.dev/errs"
)

func TestCreditSettles(t *testing.T) {
	t.Parallel()
	p := pacing{grace: 10 * time.Second, rate: 1000}
	type step struct {
		bytes int
		took  time.Duration
	}
	for _, tt := range []struct {
		name  string
		steps []step
		want  time.Duration
	}{
		{"fast stays at the grace", []step{{1e6, time.Second}}, 10 * time.Second},
		{"exactly the rate loses nothing", []step{{1000, time.Second}, {2000, 2 * time.Second}}, 10 * time.Second},
		{"half the rate loses half", []step{{1000, 2 * time.Second}}, 9 * time.Second},
		{"drops add up", []step{{1, 4 * time.Second}, {1, 4 * time.Second}, {1, 4 * time.Second}}, -2*time.Second + 3*time.Millisecond},
		{"speed earns it back", []step{{0, 8 * time.Second}, {5000, time.Second}}, 6 * time.Second},
	} {
		c := credit{p, p.grace}
		for _, s := range tt.steps {
			c.settle(s.bytes, s.took)
		}
		if c.left != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, c.left, tt.want)
		}
	}
}

var impatient = Limits{ReadHeader: 200 * time.Millisecond, Grace: 200 * time.Millisecond, MinRate: 1 << 20}

func dial(t *testing.T, s *running, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second)) // a test that fails, not one that hangs
	return c
}

// untilClosed reads what the server still sends and fails if it keeps the connection.
func untilClosed(t *testing.T, c net.Conn) string {
	t.Helper()
	rest, err := io.ReadAll(c)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Error("the server kept the connection of a slow client")
	}
	return string(rest)
}

func TestSlowHeaderIsCut(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text("never"), Limits: impatient})
	if got := untilClosed(t, dial(t, s, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")); strings.Contains(got, "never") {
		t.Errorf("got %q", got)
	}
}

func TestLargeHeaderIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Handler: text("never"), Limits: Limits{MaxHeaderBytes: 1000}})
	c := dial(t, s, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("a", 8000)+"\r\n\r\n")
	if got := untilClosed(t, c); !strings.HasPrefix(got, "HTTP/1.1 431") {
		t.Errorf("got %q, want 431", got)
	}
}

// A client that dribbles its body is told why, if it listens, and cut.
func TestSlowBodyIsCut(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	s := start(t, Config{Limits: impatient, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		failed <- err
		http.Error(w, errs.Message(err), http.StatusBadRequest)
	})})
	c := dial(t, s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
	if err := <-failed; errs.KindOf(err) != errs.Invalid {
		t.Errorf("reading a slow body: got %v, want Invalid", err)
	}
	if got := untilClosed(t, c); !strings.HasPrefix(got, "HTTP/1.1 400") || !strings.Contains(got, "too slowly") {
		t.Errorf("got %q, want 400 and the reason", got)
	}
}

// net/http reads the rest of a body that the handler left; a client that never sends it is cut there too.
func TestUnreadBodyIsCut(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Limits: impatient, Handler: text("refused")})
	c := dial(t, s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
	if got := untilClosed(t, c); !strings.Contains(got, "refused") {
		t.Errorf("got %q, want the answer and the end of the connection", got)
	}
}

// The handler of a client that stopped reading gets an error instead of waiting for ever.
func TestSlowReaderIsCut(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	s := start(t, Config{Limits: impatient, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 1<<20)
		for range 256 { // more than any socket buffer takes
			if _, err := w.Write(part); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	})})
	dial(t, s, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-failed:
		if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
			t.Errorf("writing to a client that does not read: got %v, want a timeout", err)
		}
	case <-time.After(15 * time.Second):
		t.Error("the handler still waits for a client that does not read")
	}
}

// A handler may think longer than the grace: before it reads, after it read, and between two writes; and the connection
// serves the next request.
func TestThinkingIsNotSlowness(t *testing.T) {
	t.Parallel()
	const thought = 350 * time.Millisecond
	s := start(t, Config{Limits: impatient, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(thought)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read after a thought: %v", err)
		}
		time.Sleep(thought)
		if err := r.Context().Err(); err != nil {
			t.Errorf("context after the body: %v", err)
		}
		_, _ = w.Write(body)
		time.Sleep(thought)
		if _, err := io.WriteString(w, " more"); err != nil {
			t.Errorf("write after a thought: %v", err)
		}
		time.Sleep(thought)
	})})
	const request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
	c := dial(t, s, request)
	in := bufio.NewReader(c)
	for i := range 2 {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body more" {
			t.Fatalf("answer %d: got %q, %v", i, body, err)
		}
		if i == 0 {
			_, _ = io.WriteString(c, request)
		}
	}
}
