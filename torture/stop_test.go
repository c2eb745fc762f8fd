package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// rude is how many clients begin requests that they do not end properly.
const rude = 6

// A stop under load drops nothing: each request is answered whole, or was refused before it began. Clients that go away, or
// dawdle, harm neither that nor anybody's data.
func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { stops(t, onSQLite(t), max(2, *rounds/4)) })
	if hasPostgres() {
		t.Run("postgres", func(t *testing.T) { stops(t, onPostgres(t), max(1, *postgresRounds/4)) })
	}
}

func stops(t *testing.T, p *place, rounds int) {
	k := newChecker(t, p)
	var bad []*writer
	for n := range rude {
		bad = append(bad, newWriter(t.Name(), writers+n))
	}
	s := p.start(t)
	for round := range rounds {
		when := fmt.Sprintf("stop %d", round+1)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, w := range bad {
			at, err := newTarget(ctx, p, s)
			if err != nil {
				t.Fatal(err)
			}
			all.Go(func() { w.misbehave(ctx, at) })
		}
		work(t, k, s, terms{stopping: true}, func() {
			k.underWay(t)
			time.Sleep(time.Duration(k.chance.IntN(300)) * time.Millisecond)
			if round%8 == 7 {
				stall(t, s)
			}
			if code := s.stop(t); code != 0 {
				t.Errorf("%s: ended with %d, want 0; its log is %s", when, code, s.log.file.Name())
			}
		})
		cancel()
		all.Wait()
		s = p.start(t)
		whole := checker{place: p, chance: k.chance, writers: append(bad, k.writers...), entry: k.entry, heads: k.heads}
		whole.check(t, when, s)
		k.entry, k.heads = whole.entry, whole.heads
	}
	t.Logf("%d stops; %s; rude clients: %s", rounds, k.sum(), (&checker{writers: bad}).sum())
}

// stall opens a connection that sends half a body and nothing more. The server waits as long as its grace.
func stall(t *testing.T, s *server) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "POST /oidc/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
}

// misbehave makes customers, each in another rude way, until the server is gone.
func (w *writer) misbehave(ctx context.Context, t *target) {
	for ctx.Err() == nil {
		w.asked++
		c := change{request: fmt.Sprintf("t%d-%d-%d", *seed, w.n, w.asked), after: map[string]*customer{}}
		r, c, _ := w.create(t, c)
		o, gone := w.rudely(t, c.request, r)
		w.ledger.note(c, o)
		switch o {
		case made:
			w.acknowledged.Add(1)
		case refused:
			w.declined.Add(1)
		default:
			w.lost.Add(1)
		}
		if gone {
			return
		}
	}
}

// rudely sends a request in one of several ways. gone reports that there is no server any more.
func (w *writer) rudely(t *target, id string, r request) (o outcome, gone bool) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(t.url, "http://"))
	if err != nil {
		return refused, true
	}
	defer conn.Close()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Request-Id: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		r.method, r.path, t.token, id, len(r.body))
	half := len(r.body) / 2
	switch w.chance.IntN(4) {
	case 0: // half a request, then nobody
		_, _ = conn.Write(append([]byte(head), r.body[:half]...))
		w.pause(20)
		return refused, false
	case 1: // a whole one, and the answer is not waited for
		_, _ = conn.Write(append([]byte(head), r.body...))
		return unknown, false
	case 2: // the same, but some time
		_, _ = conn.Write(append([]byte(head), r.body...))
		w.pause(10)
		return unknown, false
	default: // drop by drop
		for piece := range bytes.SplitAfterSeq(append([]byte(head), r.body...), []byte(",")) {
			if _, err := conn.Write(piece); err != nil {
				return unknown, false
			}
			w.pause(10)
		}
		return read(conn), false
	}
}

func (w *writer) pause(most int) {
	time.Sleep(time.Duration(w.chance.IntN(most*1000)) * time.Microsecond)
}

// read takes a whole answer for an acknowledgement if it is one.
func read(conn net.Conn) outcome {
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	text := make([]byte, len("HTTP/1.1 201"))
	if _, err := io.ReadFull(conn, text); err == nil && strings.HasSuffix(string(text), fmt.Sprint(http.StatusCreated)) {
		return made
	}
	return unknown
}
