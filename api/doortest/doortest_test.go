package doortest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recorder notes what a check would have failed a test for.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

const (
	goa    = "application/vnd.goa.error"
	six    = `{"name":"n","id":"i","message":"m","temporary":false,"timeout":false,"fault":false}`
	common = `"id":2,"kind":"msp#customer","name":"Acme","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"`
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path string
		status             int
		headers            []string
		body               string
		want               string // part of the failures; "" is none
	}{
		{"show", "GET", "/msp/v2/orgs/1/customers/2", 200, []string{"Content-Type", "application/json"}, `{` + common + `,"numberOfCustomers":0}`, ``},
		{"missing member", "GET", "/msp/v2/orgs/1/customers/2", 200, []string{"Content-Type", "application/json"}, `{` + common + `}`, `numberOfCustomers`},
		{"misspelt member", "GET", "/msp/v1/orgs/1/customers/2", 200, []string{"Content-Type", "application/json"}, `{` + common + `,"externalID":""}`, `member externalID is not declared`},
		{"wrong kind", "GET", "/msp/v1/orgs/1/customers/2", 200, []string{"Content-Type", "application/json"}, strings.Replace(`{`+common+`}`, "msp#", "msp:", 1), `kind`},
		{"wrong type", "GET", "/msp/v1/orgs/1/customers/2", 200, []string{"Content-Type", "text/plain"}, `{` + common + `}`, `it is of type "text/plain", want one of [application/json]`},
		{"created", "POST", "/msp/v2/orgs/1/customers", 201, []string{"Location", "/msp/v2/orgs/1/customers/2"}, ``, ``},
		{"created nowhere", "POST", "/msp/v2/orgs/1/customers", 201, nil, ``, `the declared header Location is missing`},
		{"created with a body", "POST", "/msp/v2/orgs/1/customers", 201, []string{"Location", "/"}, `{}`, `declares no body for it, and it has 2 bytes`},
		{"short conflict", "POST", "/msp/v2/orgs/1/customers", 409, []string{"Content-Type", "application/json"}, `{"name":"a","message":"b"}`, ``},
		{"six fields where two are declared", "POST", "/msp/v2/orgs/1/customers", 422, []string{"Content-Type", goa}, six, ``},
		{"two fields only", "POST", "/msp/v2/orgs/1/customers", 422, []string{"Content-Type", goa}, `{"name":"a","message":"b"}`, `not all six fields`},
		{"bulk of which nothing is left", "POST", "/msp/v2/orgs/1/customers/bulk", 200, []string{"Content-Type", "application/json"},
			`{"totalRequested":1,"totalSuccessful":1,"totalFailed":0,"results":[]}`, ``},
		{"undeclared status", "GET", "/msp/v2/orgs/1/customers", 409, []string{"Content-Type", goa}, six, `does not declare this status`},
		{"undeclared 404", "GET", "/msp/v2/orgs/1/customers", 404, []string{"Content-Type", goa}, six, ``},
		{"no operation", "GET", "/msp/v9", 404, []string{"Content-Type", goa}, six, ``},
		{"no operation, yet an answer", "GET", "/msp/v9", 200, nil, ``, `want 404 or 405`},
		{"wrong method", "PUT", "/msp/v2/orgs/1/customers", 405, []string{"Content-Type", goa}, six, `the header Allow is missing`},
		{"lines", "POST", "/espalier/v1/orgs/1/customers/import", 200, []string{"Content-Type", "application/x-ndjson"}, "{\"done\":1,\"total\":2}\n{\"done\":-1}\n", `done`},
		{"file", "GET", "/espalier/v1/orgs/1/customers/export", 200, []string{"Content-Type", "text/csv; charset=utf-8"}, "id\n", ``},
		{"head", "HEAD", "/msp/v2/orgs/1/customers", 200, []string{"Content-Type", "application/json"}, ``, ``},
		{"not of an API", "GET", "/healthz", 200, nil, `ok`, ``},
	}
	for _, tt := range tests {
		rec := &recorder{TB: t}
		w := httptest.NewRecorder()
		w.Header().Set("X-Request-Id", "r1")
		for i := 0; i < len(tt.headers); i += 2 {
			w.Header().Set(tt.headers[i], tt.headers[i+1])
		}
		w.WriteHeader(tt.status)
		Check(rec, httptest.NewRequest(tt.method, tt.path, nil), w.Result(), []byte(tt.body))
		got := strings.Join(rec.failures, "\n")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want a failure with %q", tt.name, got, tt.want)
		}
	}
}

// The transport hands on what it has read, and a broken answer as broken.
func TestTransport(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "[1,")
		if r.URL.Path == "/msp/broken" {
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	rec := &recorder{TB: t}
	client := &http.Client{Transport: Transport(rec, http.DefaultTransport)}
	for path, whole := range map[string]bool{"/msp/v1/orgs/1/customers": true, "/msp/broken": false} {
		resp, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "[1," || (err == nil) != whole {
			t.Errorf("%s: got %q, %v; want what was sent, whole: %v", path, body, err, whole)
		}
	}
	if len(rec.failures) == 0 {
		t.Error("an answer that is no JSON passed")
	}
}
