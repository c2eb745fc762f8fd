package replay_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/replay"
)

var now = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// live is a host that answers with what it was asked.
type live struct{ *replay.Host }

func (live) Send(_ context.Context, q eval.Request) (eval.Response, error) {
	if q.Method == "DELETE" {
		return eval.Response{}, errors.New("nobody is there")
	}
	h := http.Header{"Content-Type": {"application/json"}, "Link": {"<a>; rel=next", "<b>; rel=prev"}}
	return eval.Response{Status: 201, Header: h, Body: io.NopCloser(strings.NewReader("<" + q.Method + ">" + string(q.Body)))}, nil
}

// What was recorded is answered again, byte for byte.
func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	requests := []eval.Request{
		{Method: "GET", URL: "https://h.example/?a=*"},
		{Method: "POST", URL: "https://h.example/", Body: []byte(`{"a":[1.10,"<&>"]}`), Auth: &eval.Auth{Name: "auth_x"}},
		{Method: "POST", URL: "https://h.example/", Body: []byte(`{ "a" : 1 }`)},
		{Method: "PUT", URL: "https://h.example/", Body: []byte("\xff\x00")},
		{Method: "GET", URL: "https://h.example/?a=*"},
		{Method: "DELETE", URL: "https://h.example/"},
	}
	dir := t.TempDir()
	recorder, err := replay.NewRecorder(live{replay.NewHost(replay.World{Now: now}, nil)}, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := exchange(t, recorder, requests)
	world, err := replay.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	host := replay.NewHost(world, nil)
	if diff := cmp.Diff(want, exchange(t, host, requests)); diff != "" {
		t.Errorf("replayed (-want +got):\n%s", diff)
	}
	if err := host.Complaint(); err != nil {
		t.Error(err)
	}
	if !host.Now().Equal(now) {
		t.Errorf("Now: got %s, want %s", host.Now(), now)
	}
	if _, err := replay.NewRecorder(host, dir); err == nil {
		t.Error("NewRecorder in a folder that holds a world: got no error")
	}
}

// exchange sends requests and tells what came of them.
func exchange(t *testing.T, host eval.Host, requests []eval.Request) []string {
	t.Helper()
	var got []string
	for _, q := range requests {
		p, err := host.Send(context.Background(), q)
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Body.Close(); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join([]string{string(body), p.Header.Get("Content-Type"), strings.Join(p.Header.Values("Link"), ", ")}, " | "))
	}
	return got
}

func TestUnexpected(t *testing.T) {
	t.Parallel()
	world, err := replay.Load(fstest.MapFS{
		"world.json": {Data: []byte(`{"now": "2026-04-01T12:00:00Z"}`)},
		"a.json": {Data: []byte(`[
			{"request": {"url": "https://h.example/x?page=*", "header": {"Accept": "y"}, "auth": "auth_x"}, "response": {"body": {"text": "1"}}, "times": 1},
			{"request": {"method": "POST", "url": "https://h.example/x", "auth": "-", "body": {"contains": ["a", "b"]}}, "response": {"error": "refused"}}
		]`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	auth := &eval.Auth{Name: "auth_x"}
	header := http.Header{"Accept": {"y"}}
	good := eval.Request{Method: "GET", URL: "https://h.example/x?page=2", Header: header, Auth: auth}
	tests := []struct {
		name string
		q    eval.Request
		want string
	}{
		{"expected", good, ""},
		{"once too often", good, "exchange 1 has happened 1 times already"},
		{"expected error", eval.Request{Method: "POST", URL: "https://h.example/x", Body: []byte("xbya")}, "refused"},
		{"another body", eval.Request{Method: "POST", URL: "https://h.example/x", Body: []byte("x")}, "exchange 2 is not it: its body is another"},
		{"signed", eval.Request{Method: "POST", URL: "https://h.example/x", Body: []byte("ab"), Auth: auth}, "exchange 2 is not it: it goes unsigned"},
		{"another address", eval.Request{Method: "GET", URL: "https://h.example/y", Header: header, Auth: auth}, "exchange 1 is not it: its address is https://h.example/x?page=*"},
		{"another header", eval.Request{Method: "GET", URL: "https://h.example/x?page=2", Auth: auth}, `exchange 1 is not it: its header Accept is "y"`},
		{"unsigned", eval.Request{Method: "GET", URL: "https://h.example/x?page=2", Header: header}, "exchange 1 is not it: it is signed by auth_x"},
	}
	host := replay.NewHost(world, nil)
	for _, test := range tests {
		p, err := host.Send(context.Background(), test.q)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want == "":
			if text, err := io.ReadAll(p.Body); err != nil || p.Status != 200 || string(text) != "1" {
				t.Errorf("%s: got %d %q, %v", test.name, p.Status, text, err)
			}
		case err == nil || !strings.Contains(err.Error(), test.want):
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	if err := host.Complaint(); err == nil || strings.Count(err.Error(), "the recorded world has no answer") != 6 {
		t.Errorf("Complaint: got %v, want the 6 requests that nobody foresaw", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]fstest.MapFS{
		"an empty folder":         {},
		"a member nobody knows":   {"a.json": {Data: []byte(`[{"request": {"uri": "x"}}]`)}},
		"a file that is no JSON":  {"a.json": {Data: []byte(`[`)}},
		"an object for exchanges": {"a.json": {Data: []byte(`{}`)}},
		"a time that is no time":  {"world.json": {Data: []byte(`{"now": "today"}`)}},
	} {
		if _, err := replay.Load(folder); err == nil {
			t.Errorf("Load of %s: got no error", name)
		}
	}
}
