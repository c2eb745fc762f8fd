package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestDirectorySync has a directory of 20,000 people send everybody by SCIM on 16 connections, and the server killed in the middle. The
// directory then sends all of them once more, since it cannot know what arrived: none is refused, and each is there once.
func TestDirectorySync(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		people := map[engine]int{sqlite: 20_000, postgres: 2_000}[e]
		p := newPlace(t, e)
		s := p.serve(t)
		d := newSync(t, s, people)
		half := make(chan struct{})
		d.reached = func(n int64) {
			if n == int64(people/2) {
				close(half)
			}
		}
		go func() {
			<-half
			s.kill()
		}()
		d.send()
		if d.lost.Load() == 0 || d.refused.Load() > 0 {
			t.Fatalf("killed in the middle: %d lost, %d refused; want some lost and none refused", d.lost.Load(), d.refused.Load())
		}

		again := newSync(t, p.serve(t), people)
		again.send()
		if again.lost.Load() > 0 || again.refused.Load() > 0 {
			t.Errorf("resumed: %d lost, %d refused, want none", again.lost.Load(), again.refused.Load())
		}
		again.check()
	})
}

// kill ends a server as a power cut does.
func (s *server) kill() {
	s.stopped.Do(func() {
		s.cmd.Process.Kill()
		<-s.done
		s.cmd.Wait()
	})
}

// directorySync sends people to a server.
type directorySync struct {
	*msp
	people        int
	http          *http.Client
	made          atomic.Int64
	lost, refused atomic.Int64
	reached       func(made int64)
	ids           []string // by number; of those that were answered
}

func newSync(t *testing.T, s *server, people int) *directorySync {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	return &directorySync{msp: &msp{s.owner(t), s, s.root}, people: people, ids: make([]string, people), reached: func(int64) {},
		http: &http.Client{Transport: transport, Timeout: time.Minute}}
}

// send creates everybody.
func (d *directorySync) send() {
	var workers sync.WaitGroup
	next := make(chan int)
	for range 16 {
		workers.Go(func() {
			for i := range next {
				d.create(i)
			}
		})
	}
	for i := range d.people {
		next <- i
	}
	close(next)
	workers.Wait()
}

func (d *directorySync) create(i int) {
	address := fmt.Sprintf("person-%d@sync.example", i)
	status, body := d.post("/Users", newSCIMUser(address, object{"externalId": fmt.Sprint("key-", i), "active": true, "emails": []object{{"value": address, "type": "work", "primary": true}}}))
	var made struct{ ID string }
	switch {
	case status == 0:
		d.lost.Add(1)
	case status != http.StatusCreated || json.Unmarshal(body, &made) != nil:
		d.refused.Add(1)
		d.t.Errorf("person %d: %d %s", i, status, body)
	default:
		d.ids[i] = made.ID
		d.reached(d.made.Add(1))
	}
}

// post sends a body; the status is 0 where no answer came.
func (d *directorySync) post(path string, body any) (status int, answer []byte) {
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Error(err)
		return 0, nil
	}
	req, err := d.request("POST", d.scim("%s", path), bytes.NewReader(text), nil)
	if err != nil {
		d.t.Error(err)
		return 0, nil
	}
	res, err := d.http.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, answer
}

// check reads the list in pages and makes one group of everybody.
func (d *directorySync) check() {
	d.t.Helper()
	seen := map[string]bool{}
	for from := 1; ; {
		var page scimList
		d.do("GET", d.scim("/Users?startIndex=%d&count=5000", from), nil).want(200).into(&page)
		equal(d.t, "all", page.TotalResults, d.people+1) // and the owner
		for _, r := range page.Resources {
			seen[r.UserName] = true
		}
		if page.ItemsPerPage == 0 {
			break
		}
		from += page.ItemsPerPage
	}
	equal(d.t, "different people in the pages", len(seen), d.people+1)
	g := d.provisionGroup("Everybody", d.ids...)
	equal(d.t, "members", len(*g.Members), d.people)
	equal(d.t, "found by one of them", d.find("Groups", `members eq "`+d.ids[d.people-1]+`"`).TotalResults, 1)
}
