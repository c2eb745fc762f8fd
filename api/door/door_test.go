package door_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/api/doortest"
	"espalier.dev/contract/opgen"
	"espalier.dev/errs"
	"github.com/google/go-cmp/cmp"
)

// handlers answers every served operation of an API with h.
func handlers(api string, h door.Handler) map[string]door.Handler {
	all := map[string]door.Handler{}
	for _, table := range opgen.All() {
		for _, op := range table.Operations {
			if table.Name == api {
				all[op.ID] = h
			}
		}
	}
	return all
}

func authenticate(_ context.Context, r *http.Request) (access.Caller, error) {
	if r.Header.Get("Authorization") != "Bearer ann" {
		return access.Caller{}, errs.Unauthenticatedf("the access token is absent, expired or not ours: get one from POST /oidc/token")
	}
	return access.Caller{User: 7}, nil
}

// newDoor serves msp, token, espalier and credential, all by the same handler.
func newDoor(t testing.TB, c door.Config, h door.Handler) *door.Door {
	t.Helper()
	if c.Authenticate == nil {
		c.Authenticate = authenticate
	}
	d, err := door.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{"msp", "token", "espalier", "credential"} {
		if err := d.Mount(api, handlers(api, h)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func send(d http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer ann")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// message returns the message of an error body.
func message(w *httptest.ResponseRecorder) string {
	var e struct{ Message string }
	if json.Unmarshal(w.Body.Bytes(), &e) != nil {
		return w.Body.String()
	}
	return e.Message
}

const (
	customers = "/msp/v2/orgs/1/customers"
	goodBody  = `{"name":"Acme","capabilities":[{"name":"iam"}],"owners":[{"email":"ann@acme.example"}]}`
)

func TestRequests(t *testing.T) {
	t.Parallel()
	d := newDoor(t, door.Config{}, func(w http.ResponseWriter, r *door.Request) error { return door.NoContent(w) })
	const id = "from 1 to 9223372036854775807"
	jsonType := []string{"Content-Type", "application/json"}
	tests := []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		want                       string // message
	}{
		{"show", "GET", customers + "/2", "", nil, 204, ""},
		{"head", "HEAD", customers + "/2", "", nil, 204, ""},
		{"literal before parameter", "GET", "/msp/v1/orgs/1/customers/tags", "", nil, 204, ""},
		{"no token", "GET", customers + "/2", "", []string{"Authorization", ""}, 401, "the access token is absent, expired or not ours: get one from POST /oidc/token"},
		{"no token needed", "POST", "/oidc/token", `{"grant_type":"refresh_token"}`, []string{"Authorization", ""}, 204, ""},
		{"unknown path", "GET", "/msp/v3/orgs", "", nil, 404, `there is nothing at "/msp/v3/orgs"`},
		{"path that would be cleaned", "GET", "/msp//v2/orgs/1/customers", "", nil, 404, `there is nothing at "/msp//v2/orgs/1/customers"`},
		{"unknown method", "PUT", customers + "/2", "", nil, 405, `method PUT is not known at "/msp/v2/orgs/1/customers/2", want one of DELETE, GET, HEAD, PATCH`},

		{"id of letters", "GET", "/msp/v2/orgs/one/customers", "", nil, 400, `orgId: must be a whole number ` + id + `, written without fraction or exponent, is "one"`},
		{"negative id", "GET", "/msp/v2/orgs/1/customers/-2", "", nil, 400, `customerId: must be a whole number ` + id + `, is "-2"`},
		{"zero id", "GET", "/msp/v2/orgs/0/customers/0", "", nil, 400, `orgId: must be a whole number ` + id + `, is "0"; customerId: must be a whole number ` + id + `, is "0"`},
		{"id beyond int64", "GET", "/msp/v2/orgs/9223372036854775808/customers", "", nil, 400,
			`orgId: must be a whole number ` + id + `, written without fraction or exponent, is "9223372036854775808"`},
		{"wrong view", "GET", customers + "/2?view=full", "", nil, 400, `view: must be one of default, index, extended, is "full"`},
		{"empty view", "GET", customers + "/2?view=", "", nil, 204, ""},
		{"view twice", "GET", customers + "/2?view=index&view=default", "", nil, 400, `view: is given 2 times, want once`},
		{"unknown parameter", "GET", customers + "/2?colour=red&colour=blue", "", nil, 204, ""},
		{"broken query", "GET", customers + "?filter=%zz", "", nil, 400, `query: invalid URL escape "%zz"`},
		{"broken UTF-8 in a query", "GET", customers + "?filter=%ff", "", nil, 400, `filter: is not well-formed UTF-8, at byte 1`},
		{"NUL in a path", "DELETE", "/msp/v1/orgs/1/customers/2/tags/a%00", "", nil, 400, `tag: must hold no control character, has U+0000`},
		{"slash in a path", "DELETE", "/msp/v1/orgs/1/customers/2/tags/a%2Fb", "", nil, 204, ""},
		{"limit", "GET", "/espalier/v1/orgs/1/customers?limit=0", "", nil, 400, `limit: must be a whole number from 1 to 1000, is "0"`},

		{"create", "POST", customers, goodBody, jsonType, 204, ""},
		{"charset", "POST", customers, goodBody, []string{"Content-Type", "application/json; charset=UTF-8"}, 204, ""},
		{"wrong charset", "POST", customers, goodBody, []string{"Content-Type", "application/json; charset=latin1"}, 400, `header Content-Type: charset "latin1": bodies are in utf-8`},
		{"no type", "POST", customers, goodBody, nil, 204, ""},
		{"kin of JSON", "POST", customers, goodBody, []string{"Content-Type", "application/merge-patch+json"}, 204, ""},
		{"JSON as a form", "POST", customers, " " + goodBody, []string{"Content-Type", "application/x-www-form-urlencoded"}, 204, ""},
		{"form", "POST", customers, "name=Acme", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400,
			"header Content-Type: application/x-www-form-urlencoded is not taken here, want application/json"},
		{"XML", "POST", customers, "<a/>", []string{"Content-Type", "text/xml"}, 400, "header Content-Type: text/xml is not taken here, want application/json"},
		{"no media type", "POST", customers, goodBody, []string{"Content-Type", "/;"}, 400, `header Content-Type: "/;" is no media type: mime: no media type`},
		{"compressed", "POST", customers, goodBody, []string{"Content-Encoding", "gzip"}, 400, `header Content-Encoding: bodies are taken as they are, not in "gzip"`},
		{"no body", "POST", customers, "", jsonType, 400, "body: is needed, as application/json"},
		{"wrong body", "POST", customers, `{"Name":""}`, jsonType, 400, "Name: must not be empty; capabilities: is needed; owners: is needed"},
		{"too large", "POST", customers, strings.Repeat(" ", 1<<20+1), jsonType, 400, "body: must have at most 1048576 bytes"},
		{"optional body", "POST", "/espalier/v1/tokens", "", nil, 204, ""},

		{"token form", "POST", "/oidc/token", "grant_type=refresh_token&refresh_token=a%2Bb", []string{"Content-Type", "application/x-www-form-urlencoded"}, 204, ""},
		{"token form, wrong", "POST", "/oidc/token", "grant_type=password", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400,
			`grant_type: must be one of authorization_code, client_credentials, refresh_token, is "password"`},
		{"token form, twice", "POST", "/oidc/token", "grant_type=a&grant_type=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, `grant_type: is given 2 times, want once`},
		{"token in any case", "POST", "/oidc/token", `{"GRANT_TYPE":"refresh_token"}`, jsonType, 204, ""},

		{"import", "POST", "/espalier/v1/orgs/1/customers/import", "name\n", []string{"Content-Type", "text/csv; charset=utf-8"}, 204, ""},
		{"import by curl", "POST", "/espalier/v1/orgs/1/customers/import", "name\n", []string{"Content-Type", "application/x-www-form-urlencoded"}, 204, ""},
		{"import of JSON", "POST", "/espalier/v1/orgs/1/customers/import", "{}", jsonType, 400,
			"header Content-Type: application/json is not taken here, want application/octet-stream or text/csv"},
	}
	for _, tt := range tests {
		w := send(d, tt.method, tt.target, tt.body, tt.headers...)
		if w.Code != tt.status || message(w) != tt.want {
			t.Errorf("%s:\n got %d %s\nwant %d %s", tt.name, w.Code, message(w), tt.status, tt.want)
		}
		if want := "application/vnd.goa.error"; w.Code >= 400 && w.Header().Get("Content-Type") != want {
			t.Errorf("%s: Content-Type: got %q, want %q", tt.name, w.Header().Get("Content-Type"), want)
		}
		if w.Code >= 400 {
			doortest.Check(t, httptest.NewRequest(tt.method, tt.target, nil), w.Result(), w.Body.Bytes())
		}
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	var got string
	d := newDoor(t, door.Config{}, func(w http.ResponseWriter, r *door.Request) error {
		got = fmt.Sprintln(r.OrgID(), r.Int64("limit"), r.Given("limit"), r.String("orderBy"), r.String("filter"), r.Caller().User)
		return door.NoContent(w)
	})
	for target, want := range map[string]string{
		"?":                                      "5 100 false name asc  7\n",
		"?limit=20&orderBy=id":                   "5 20 true id  7\n",
		"?limit=&filter=name%20eq%20%27a%2Bb%27": "5 100 false name asc name eq 'a+b' 7\n",
	} {
		if w := send(d, "GET", "/espalier/v1/orgs/5/customers"+target, ""); w.Code != 204 || got != want {
			t.Errorf("%s: got %d %q, want 204 %q", target, w.Code, got, want)
		}
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	type customer struct {
		Name   string
		Owners []struct{ Email string }
	}
	var got customer
	d := newDoor(t, door.Config{}, func(w http.ResponseWriter, r *door.Request) (err error) {
		got, err = door.Body[customer](r)
		return errors.Join(err, door.NoContent(w))
	})
	// ſ folds to s: names are equal to the checker and to the decoder alike.
	send(d, "POST", customers, `{"NAME":"Acme","capabilities":[{"name":"iam"}],"ownerſ":[{"email":"a@b.example"}],"x":1}`)
	want := customer{"Acme", []struct{ Email string }{{"a@b.example"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	var fail error
	var seen door.Observation
	d := newDoor(t, door.Config{Observe: func(_ context.Context, o door.Observation) { seen = o }},
		func(http.ResponseWriter, *door.Request) error { return fail })
	limit := errs.Conflictf("customer_limit_reached", "organization 1 may have 3 customers and has them")
	depth := errs.Unprocessablef("msp_capability_validation_failed", "depth 0")
	const goa = "application/vnd.goa.error"
	tests := []struct {
		name, method, target string
		err                  error
		status               int
		media, body          string
	}{
		{"conflict, declared short", "POST", customers, limit, 409, "application/json",
			`{"name":"customer_limit_reached","message":"organization 1 may have 3 customers and has them"}`},
		{"conflict falls to 422", "POST", "/msp/v1/orgs/1/customers", limit, 422, goa,
			`{"name":"customer_limit_reached","id":"r1","message":"organization 1 may have 3 customers and has them","temporary":false,"timeout":false,"fault":false}`},
		{"conflict falls to 400", "DELETE", "/msp/v1/orgs/1/customers/2", errs.Conflictf("", "in use"), 400, goa,
			`{"name":"bad_request","id":"r1","message":"in use","temporary":false,"timeout":false,"fault":false}`},
		{"unprocessable with six fields", "POST", customers, depth, 422, goa,
			`{"name":"msp_capability_validation_failed","id":"r1","message":"depth 0","temporary":false,"timeout":false,"fault":false}`},
		{"unprocessable falls to 409", "DELETE", customers + "/2", depth, 409, "application/json",
			`{"name":"msp_capability_validation_failed","message":"depth 0"}`},
		{"not found where none is declared", "GET", customers, errs.NotFoundf("organization 1"), 404, goa,
			`{"name":"not_found","id":"r1","message":"organization 1","temporary":false,"timeout":false,"fault":false}`},
		{"forbidden", "GET", customers, fmt.Errorf("list: %w", errs.Forbiddenf("want msp:customer:index")), 403, goa,
			`{"name":"forbidden","id":"r1","message":"want msp:customer:index","temporary":false,"timeout":false,"fault":false}`},
		{"storage away", "GET", customers, &errs.Error{Kind: errs.Unavailable, Msg: "the storage is full"}, 500, goa,
			`{"name":"internal_error","id":"r1","message":"the storage is full","temporary":true,"timeout":false,"fault":true}`},
		{"unclassified", "GET", customers, errors.New("password=hunter2"), 500, goa,
			`{"name":"internal_error","id":"r1","message":"the server failed; its log holds the cause under request id r1","temporary":false,"timeout":false,"fault":true}`},
		{"too slow", "GET", customers, context.DeadlineExceeded, 500, goa,
			`{"name":"internal_error","id":"r1","message":"the server failed; its log holds the cause under request id r1","temporary":true,"timeout":true,"fault":true}`},
		{"no answer at all", "GET", customers, nil, 500, goa,
			`{"name":"internal_error","id":"r1","message":"the server failed; its log holds the cause under request id r1","temporary":false,"timeout":false,"fault":true}`},
	}
	for _, tt := range tests {
		fail = tt.err
		body := ""
		if tt.method == "POST" {
			body = goodBody
		}
		w := send(d, tt.method, tt.target, body, "X-Request-Id", "r1")
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.media || strings.TrimSpace(w.Body.String()) != tt.body {
			t.Errorf("%s:\n got %d %s %s\nwant %d %s %s", tt.name, w.Code, w.Header().Get("Content-Type"), w.Body, tt.status, tt.media, tt.body)
		}
		if tt.err != nil && !errors.Is(seen.Err, tt.err) || seen.Err == nil {
			t.Errorf("%s: observed %v, want the cause", tt.name, seen.Err)
		}
	}
}

// Whatever an operation of any document is refused with, its answer is one that the document declares. The refusal comes
// from the authentication, so that no request has to be made up.
func TestEveryOperationWritesEveryKind(t *testing.T) {
	t.Parallel()
	var refusal error
	d, err := door.New(door.Config{Authenticate: func(context.Context, *http.Request) (access.Caller, error) { return access.Caller{}, refusal }})
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{"msp", "scim", "policy", "credential", "governance", "espalier"} {
		if err := d.Mount(api, handlers(api, nil200)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range d.Served() {
		for kind := errs.Internal; kind <= errs.Unavailable; kind++ {
			if _, ok := s.Operation.Response(429); kind == errs.TooMany && !ok {
				continue // README of the contract, section 9: the governance API knows no rate
			}
			refusal = &errs.Error{Kind: kind, Msg: "no"}
			path := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(s.Operation.Path, "1")
			w := send(d, s.Operation.Method, path, "")
			doortest.Check(t, httptest.NewRequest(s.Operation.Method, path, nil), w.Result(), w.Body.Bytes())
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	var seen door.Observation
	d := newDoor(t, door.Config{Observe: func(_ context.Context, o door.Observation) { seen = o }},
		func(w http.ResponseWriter, r *door.Request) error { return fmt.Errorf("%d", r.Int64("colour")) })
	w := send(d, "GET", customers, "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "colour") {
		t.Errorf("got %d %s, want 500 without the cause", w.Code, w.Body)
	}
	if seen.Err == nil || !strings.Contains(seen.Err.Error(), `operation MSP Customer V2#IndexV2 declares no parameter "colour"`) || !strings.Contains(seen.Err.Error(), "door_test.go") {
		t.Errorf("observed %v, want the panic and its trace", seen.Err)
	}
}

// A client that has received half an answer has to notice that the rest will not come.
func TestFailureInTheMiddle(t *testing.T) {
	t.Parallel()
	d := newDoor(t, door.Config{}, func(w http.ResponseWriter, r *door.Request) error {
		io.WriteString(w, "[")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		return errors.New("lost the database")
	})
	server := httptest.NewServer(d)
	defer server.Close()
	req, err := http.NewRequest("GET", server.URL+customers, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ann")
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got %q and a clean end, want an error", body)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	d := newDoor(t, door.Config{Allow: func(*http.Request, access.Caller) (time.Duration, bool) { return 1200 * time.Millisecond, false }}, nil200)
	w := send(d, "GET", customers, "")
	if w.Code != 429 || w.Header().Get("Retry-After") != "2" || message(w) != "too many requests: ask again in 2 s" {
		t.Errorf("got %d, Retry-After %q, %s; want 429 and 2", w.Code, w.Header().Get("Retry-After"), message(w))
	}
}

func nil200(w http.ResponseWriter, _ *door.Request) error {
	return door.JSON(w, 200, map[string]string{"a": "<b>"})
}

func TestObservation(t *testing.T) {
	t.Parallel()
	var seen door.Observation
	d := newDoor(t, door.Config{Observe: func(_ context.Context, o door.Observation) { seen = o }}, nil200)
	w := send(d, "GET", "/msp/v2/orgs/5/customers/6", "", "X-Request-Id", "r1")
	if seen.Duration <= 0 {
		t.Error("want a duration")
	}
	seen.Duration = 0
	want := door.Observation{API: "msp", Operation: "MSP Customer V2#ShowV2", Pattern: "/msp/v2/orgs/{orgId}/customers/{customerId}", Method: "GET",
		Status: 200, Bytes: int64(w.Body.Len()), Org: 5, Caller: access.Caller{User: 7, RequestID: "r1"}, RequestID: "r1"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if got, want := w.Body.String(), `{"a":"<b>"}`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	send(d, "GET", "/nowhere", "", "X-Request-Id", "bad id\n")
	if seen.Status != 404 || seen.Operation != "" || strings.Contains(seen.RequestID, "bad") {
		t.Errorf("got %+v, want 404 of no operation under a new request id", seen)
	}
}

func TestMount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, api string
		change    func(map[string]door.Handler)
		want      string // the error; "" is none
	}{
		{"all", "msp", func(map[string]door.Handler) {}, ""},
		{"one missing", "msp", func(h map[string]door.Handler) { delete(h, "MSP Customer#Show") }, `mount msp: operation "MSP Customer#Show" has no handler`},
		{"one too many", "msp", func(h map[string]door.Handler) { h["MSP Customer#Praise"] = nil200 }, `mount msp: there is no operation "MSP Customer#Praise"`},
		{"no API", "crm", func(map[string]door.Handler) {}, `mount: the contract has no API "crm"`},
	}
	for _, tt := range tests {
		d, err := door.New(door.Config{Authenticate: authenticate})
		if err != nil {
			t.Fatal(err)
		}
		h := handlers(tt.api, nil200)
		tt.change(h)
		got := ""
		if err := d.Mount(tt.api, h); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Every path of every document can stand beside the others in one mux.
func TestRoutesDoNotClash(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for _, api := range opgen.All() {
		for _, op := range api.Operations {
			mux.Handle(op.Method+" "+op.Path, http.NotFoundHandler())
		}
	}
}

// What declares a status declares a form for it that the door can write, or leaves it to the handler.
func TestEveryErrorHasAForm(t *testing.T) {
	t.Parallel()
	for _, api := range opgen.All() {
		for _, op := range api.Operations {
			if r, ok := op.Response(400); !ok || r.Error == 0 || len(r.Media) == 0 {
				t.Errorf("%s %s: want a form for 400, which stands in for undeclared statuses", api.Name, op.ID)
			}
		}
	}
}

func BenchmarkDoor(b *testing.B) {
	type customer struct{ Name string }
	answer := func(w http.ResponseWriter, r *door.Request) error {
		if r.Method == "POST" {
			if _, err := door.Body[customer](r); err != nil {
				return err
			}
		}
		return door.NoContent(w)
	}
	d := newDoor(b, door.Config{}, answer)
	for _, method := range []string{"GET", "POST"} {
		b.Run(method, func(b *testing.B) {
			b.ReportAllocs()
			w := discard{}
			body := strings.NewReader(goodBody)
			r := httptest.NewRequest(method, customers+"?filter=", body)
			r.Header.Set("Authorization", "Bearer ann")
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = int64(len(goodBody))
			for b.Loop() {
				body.Reset(goodBody)
				r.Body = io.NopCloser(body)
				clear(w)
				d.ServeHTTP(w, r)
			}
		})
	}
}

// discard is a ResponseWriter that keeps headers only.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
