package torture

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
)

// target is where a writer sends its requests: it changes when servers do.
type target struct {
	url   string
	org   int64
	token string // access token
	http  *http.Client
}

// newTarget signs in to a server.
func newTarget(ctx context.Context, p *place, s *server) (*target, error) {
	t := &target{url: s.url, org: p.org, http: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: writers, MaxConnsPerHost: 4 * writers},
	}}
	text, err := json.Marshal(map[string]string{"grant_type": "refresh_token", "refresh_token": p.refresh})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+"/oidc/token", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := t.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var out struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("sign in: %s, %v", res.Status, err)
	}
	t.token = out.AccessToken
	return t, nil
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // no whole answer
}

// request is one call that changes something.
type request struct {
	method, path string // path below the organization
	mediaType    string // application/json if empty
	body         []byte
}

func (t *target) do(ctx context.Context, id string, r request) answer {
	req, err := http.NewRequestWithContext(ctx, r.method, t.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{err: err}
	}
	req.Header.Set("Authorization", "Bearer "+t.token)
	req.Header.Set("X-Request-Id", id)
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
		if r.mediaType != "" {
			req.Header.Set("Content-Type", r.mediaType)
		}
	}
	res, err := t.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, body, err}
}

// temporary is the body of a documented error that says to try again.
func (a answer) temporary() (client.Error, bool) {
	var e client.Error
	err := json.Unmarshal(a.body, &e)
	return e, err == nil && a.status == http.StatusInternalServerError && e.Temporary && e.Message != ""
}

// terms is what a test allows to go wrong; everything else is a finding.
type terms struct {
	lost      bool   // connections break, with an unknown outcome
	stopping  bool   // connections break, but only before a request began
	temporary bool   // the server answers 500 and says that it is temporary
	says      string // and this too
}

// judge tells what an answer says about its change. An error is a finding.
func (t terms) judge(a answer) (outcome, error) {
	if a.err != nil {
		switch {
		case (t.lost || t.stopping) && errors.Is(a.err, syscall.ECONNREFUSED), t.stopping:
			return refused, nil
		case t.lost:
			return unknown, nil
		}
		return unknown, a.err
	}
	if a.status >= 200 && a.status < 300 {
		return made, nil
	}
	if e, ok := a.temporary(); ok && t.temporary && strings.Contains(e.Message, t.says) {
		if strings.Contains(e.Message, "nothing was changed") {
			return refused, nil
		}
		return unknown, nil
	}
	return unknown, fmt.Errorf("unexpected answer %d: %s", a.status, a.body)
}

// writer makes one change after the other.
type writer struct {
	n      int
	ledger *ledger
	chance *rand.Rand
	made   int // customers so far, for their names
	asked  int // requests so far, for their ids

	acknowledged, declined, lost atomic.Int64 // requests
	problem                      error
}

func newWriter(test string, n int) *writer {
	return &writer{n: n, ledger: newLedger(fmt.Sprintf("w%02d-", n)), chance: chances(test, n)}
}

// work makes changes until ctx ends, or, with until set, a connection breaks.
func (w *writer) work(ctx context.Context, t *target, allowed terms, untilBroken bool) {
	for ctx.Err() == nil && w.problem == nil {
		if broken := w.step(t, allowed); broken && untilBroken {
			return
		}
	}
}

// step makes one change and reports whether the connection broke. It is never cut short, so that its outcome is known.
func (w *writer) step(t *target, allowed terms) (broken bool) {
	r, c, learn := w.choose(t)
	a := t.do(context.Background(), c.request, r)
	o, err := allowed.judge(a)
	if err == nil && o == made {
		err = learn(a, c)
	}
	if err != nil {
		w.problem = fmt.Errorf("%s %s (request %s): %w", r.method, r.path, c.request, err)
	}
	w.ledger.note(c, o)
	switch o {
	case made:
		w.acknowledged.Add(1)
	case refused:
		w.declined.Add(1)
	default:
		w.lost.Add(1)
	}
	if a.err != nil {
		time.Sleep(time.Millisecond) // a refused connection costs nothing, and the port is asked again at once
	}
	return a.err != nil
}

// most is how many customers a writer has at most, bulk aside.
const most = 8

// choose makes up a request, the change it stands for, and what its success tells.
func (w *writer) choose(t *target) (request, change, func(answer, change) error) {
	w.asked++
	c := change{request: fmt.Sprintf("t%d-%d-%d", *seed, w.n, w.asked), after: map[string]*customer{}}
	names := w.ledger.free()
	known := make([]string, 0, len(names)) // whose id is known too
	for _, name := range names {
		if w.ledger.known[name].id != 0 {
			known = append(known, name)
		}
	}
	dice := w.chance.IntN(100)
	switch {
	case len(known) < 2, dice < 25 && len(names) < most:
		return w.create(t, c)
	case dice < 30 && len(names) < most:
		return w.createBulk(t, c)
	case dice < 38:
		return w.load(t, c, names)
	case dice < 55:
		return w.tag(t, c, pick(w.chance, known))
	case dice < 75 || len(known) < 4:
		return w.update(t, c, pick(w.chance, known))
	case dice < 92:
		return w.remove(t, c, pick(w.chance, known))
	default:
		return w.removeBulk(t, c, known[:3])
	}
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// fresh makes up a customer.
func (w *writer) fresh() (name string, c customer, body map[string]any) {
	w.made++
	name = fmt.Sprintf("%s%06d", w.ledger.prefix, w.made)
	c = customer{externalID: "x-" + name, description: "made by request " + strconv.Itoa(w.asked), capabilities: "iam policy"}
	return name, c, map[string]any{
		"name": name, "externalId": c.externalID, "description": c.description,
		"capabilities": []any{map[string]any{"name": "policy"}},
		"owners":       []any{map[string]any{"email": fmt.Sprintf("owner%d@customers.example", w.chance.IntN(1000))}},
	}
}

func (w *writer) create(t *target, c change) (request, change, func(answer, change) error) {
	name, made, body := w.fresh()
	c.after[name] = &made
	return jsonRequest(http.MethodPost, t.path("2", ""), body), c, func(a answer, c change) (err error) {
		made.id, err = strconv.ParseInt(path.Base(a.header.Get("Location")), 10, 64)
		return err
	}
}

func (w *writer) createBulk(t *target, c change) (request, change, func(answer, change) error) {
	var bodies []any
	for range 3 {
		name, made, body := w.fresh()
		c.after[name] = &made
		body["correlationId"] = name
		bodies = append(bodies, body)
	}
	return jsonRequest(http.MethodPost, t.path("2", "/bulk"), map[string]any{"customers": bodies}), c, allSucceeded
}

// load imports two new customers, with tags, and another description of one that is there.
func (w *writer) load(t *target, c change, names []string) (request, change, func(answer, change) error) {
	var text bytes.Buffer
	rows := [][]string{{"name", "externalId", "description", "capabilities", "owners", "tags"}}
	for range 2 {
		name, made, _ := w.fresh()
		made.tags = "region:emea tier:gold"
		c.after[name] = &made
		rows = append(rows, []string{name, made.externalID, made.description, "policy", "import@customers.example", "tier:gold;region:emea"})
	}
	if len(names) > 0 {
		name := pick(w.chance, names)
		changed := w.ledger.known[name]
		changed.description = "imported by request " + strconv.Itoa(w.asked)
		c.after[name] = &changed
		rows = append(rows, []string{name, changed.externalID, changed.description, "", "", ""})
	}
	_ = csv.NewWriter(&text).WriteAll(rows) // a buffer takes it all
	r := request{http.MethodPost, fmt.Sprintf("/espalier/v1/orgs/%d/customers/import", t.org), "text/csv", text.Bytes()}
	return r, c, func(a answer, c change) error {
		var got wire.ImportResult
		if err := json.Unmarshal(a.body, &got); err != nil {
			return err
		}
		if !got.Applied || got.Failed > 0 || got.Created+got.Updated != len(c.after) {
			return fmt.Errorf("import: %s", a.body)
		}
		return nil
	}
}

func (w *writer) tag(t *target, c change, name string) (request, change, func(answer, change) error) {
	after := w.ledger.known[name]
	c.after[name] = &after
	tags := strings.Fields(after.tags)
	at := t.path("1", fmt.Sprintf("/%d/tags", after.id))
	if len(tags) > 3 {
		gone := pick(w.chance, tags)
		after.tags = strings.Join(slices.DeleteFunc(tags, func(tag string) bool { return tag == gone }), " ")
		return request{method: http.MethodDelete, path: at + "/" + gone}, c, nothing
	}
	added := "n:" + strconv.Itoa(w.asked)
	tags = append(tags, added)
	slices.Sort(tags)
	after.tags = strings.Join(tags, " ")
	return jsonRequest(http.MethodPost, at, map[string]any{"tags": []any{map[string]any{"tag": added}}}), c, nothing
}

func (w *writer) update(t *target, c change, name string) (request, change, func(answer, change) error) {
	after := w.ledger.known[name]
	after.description = "changed by request " + strconv.Itoa(w.asked)
	after.externalID = fmt.Sprintf("x-%s-%d", name, w.asked)
	c.after[name] = &after
	body := map[string]any{"description": after.description, "externalId": after.externalID}
	return jsonRequest(http.MethodPatch, t.path("2", fmt.Sprintf("/%d", after.id)), body), c, nothing
}

func (w *writer) remove(t *target, c change, name string) (request, change, func(answer, change) error) {
	c.after[name] = nil
	return request{method: http.MethodDelete, path: t.path("2", fmt.Sprintf("/%d", w.ledger.known[name].id))}, c, nothing
}

func (w *writer) removeBulk(t *target, c change, names []string) (request, change, func(answer, change) error) {
	var ids []int64
	for _, name := range names {
		c.after[name] = nil
		ids = append(ids, w.ledger.known[name].id)
	}
	return jsonRequest(http.MethodPost, t.path("2", "/bulk-delete"), map[string]any{"customerIds": ids}), c, allSucceeded
}

// nothing is told by an answer beyond its status.
func nothing(answer, change) error { return nil }

func allSucceeded(a answer, c change) error {
	var got struct{ TotalSuccessful int }
	if err := json.Unmarshal(a.body, &got); err != nil {
		return err
	}
	if got.TotalSuccessful != len(c.after) {
		return fmt.Errorf("bulk: %s", a.body)
	}
	return nil
}

func (t *target) path(version, rest string) string {
	return fmt.Sprintf("/msp/v%s/orgs/%d/customers%s", version, t.org, rest)
}

func jsonRequest(method, path string, body any) request {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // maps of strings
	}
	return request{method: method, path: path, body: text}
}
