package eval_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/replay"
	"espalier.dev/policylang/value"
)

// server is a host whose answers a function gives.
type server struct {
	*replay.Host
	send func(ctx context.Context, q eval.Request) (eval.Response, error)
}

func (s server) Send(ctx context.Context, q eval.Request) (eval.Response, error) {
	return s.send(ctx, q)
}

func serve(send func(ctx context.Context, q eval.Request) (eval.Response, error)) server {
	return server{replay.NewHost(replay.World{Now: now}, engine), send}
}

func respond(status int, body string, headers ...string) eval.Response {
	h := make(http.Header)
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return eval.Response{Status: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// always answers everything alike.
func always(status int, body string, headers ...string) server {
	return serve(func(context.Context, eval.Request) (eval.Response, error) {
		return respond(status, body, headers...), nil
	})
}

// policyOf validates a datasource so that nothing is found.
func policyOf(datasource string) string {
	return fmt.Sprintf(`
policy "pol" do
  validate $%s do
    summary_template "s"
    detail_template "d"
    check true
  end
end
`, datasource)
}

// requestOf is a datasource of one request, with further statements.
func requestOf(statements ...string) string {
	return "datasource \"ds_a\" do\n request do\n  host \"api.example.com\"\n" + strings.Join(statements, "\n") + "\n end\nend\n" + policyOf("ds_a")
}

// scriptOf is a datasource of a script.
func scriptOf(code string) string {
	return "datasource \"ds_a\" do\n run_script $js_b\nend\nscript \"js_b\", type: \"javascript\" do\n result \"r\"\n code <<-'EOS'\n" + code + "\nEOS\nend\n" + policyOf("ds_a")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	paged := func(get string) string {
		return "pagination \"page\" do\n get_page_marker do\n body_path \"" + get + "\"\n end\n set_page_marker do\n query \"p\"\n end\nend\n" + requestOf("pagination $page")
	}
	var pages atomic.Int64
	tests := []struct {
		name, template string
		host           eval.Host
		limits         eval.Limits
		want           string
		limit          string
	}{
		{
			name: "unknown name in a script", template: scriptOf("r = x + 1"), host: always(200, ""),
			want: "Summary:\n  script execution failed\nDetail:\n  execution failed: ReferenceError: 'x' is not defined\nLocation:\n  datasource \"ds_a\"\n    script \"js_b\"\n      line 7\n",
		},
		{
			name: "refused", template: requestOf(`path "/x"`), host: always(404, "no such thing"),
			want: "Summary:\n  request refused\nDetail:\n  GET https://api.example.com/x: status 404 Not Found\n  no such thing\nLocation:\n  datasource \"ds_a\"\n",
		},
		{
			name: "no answer", template: requestOf(), host: serve(func(context.Context, eval.Request) (eval.Response, error) {
				return eval.Response{}, errors.New("the name does not resolve")
			}),
			want: "Summary:\n  request failed\nDetail:\n  GET https://api.example.com/: the name does not resolve\nLocation:\n  datasource \"ds_a\"\n",
		},
		{
			name: "no JSON", template: requestOf(), host: always(200, "<html>"),
			want: "Summary:\n  the answer can't be decoded\n",
		},
		{
			name: "redirect that was not followed", template: requestOf(), host: always(302, "", "Location", "http://127.0.0.1/"),
			want: "status 302 Found",
		},
		{
			name: "header with a line break", template: requestOf(`header "X", "a\nb"`), host: always(200, "1"),
			want: `header "X" with the value "a\nb" can't be sent`,
		},
		{
			name: "host with a scheme", template: strings.Replace(requestOf(), "api.example.com", "https://api.example.com", 1), host: always(200, "1"),
			want: `host is "https://api.example.com": expected the name of a server`,
		},
		{
			name: "check that compares what can't be compared", host: always(200, ""),
			template: strings.Replace(scriptOf("r = {}"), "check true", `check lt(val(data, "n"), 2)`, 1),
			want:     "Location:\n  policy \"pol\"\n    validate \"ds_a\"\n",
		},
		{
			name: "marker that repeats", template: paged("next"), host: always(200, `{"next": "m"}`),
			want: "pages: the marker \"m\" of the next page came a second time", limit: "pages",
		},
		{
			name: "pages without end", template: paged("next"), limits: eval.Limits{Pages: 10},
			host: serve(func(context.Context, eval.Request) (eval.Response, error) {
				return respond(200, fmt.Sprintf(`{"next": %d}`, pages.Add(1))), nil
			}),
			want: "pages: a request has more than 10 pages\nLocation:\n  datasource \"ds_a\"\n    pagination \"page\"\n", limit: "pages",
		},
		{
			name: "marker that is none", template: paged("next"), host: always(200, `{"next": [1]}`),
			want: "it is a list: expected a string or a number",
		},
		{
			name: "too many requests", template: "datasource \"ds_l\" do\n run_script $js_l\nend\nscript \"js_l\", type: \"javascript\" do\n result \"r\"\n code \"r = [1,2,3,4]\"\nend\n" +
				strings.Replace(requestOf(), "request do", "iterate $ds_l\n request do", 1),
			host: always(200, "1"), limits: eval.Limits{Requests: 3}, want: "requests: the evaluation sent more than 3", limit: "requests",
		},
		{
			name: "answer without end", template: requestOf(), limits: eval.Limits{ResponseBytes: 1 << 20},
			host: serve(func(context.Context, eval.Request) (eval.Response, error) {
				return eval.Response{Status: 200, Body: io.NopCloser(endless{})}, nil
			}),
			want: "response: the answer to GET https://api.example.com/ has more than 1048576 bytes", limit: "response",
		},
		{
			name: "answers of too many bytes", template: requestOf(), limits: eval.Limits{Bytes: 4}, host: always(200, `"12345"`),
			want: "bytes: the answers of the evaluation have more than 4 bytes", limit: "bytes",
		},
		{
			name: "server that drips", template: requestOf(), limits: eval.Limits{Request: 20 * time.Millisecond},
			host: serve(func(context.Context, eval.Request) (eval.Response, error) {
				body, _ := io.Pipe()
				return eval.Response{Status: 200, Body: body}, nil
			}),
			want: "request: the request took longer than 20ms", limit: "request",
		},
		{
			name: "server that never answers", template: requestOf(), limits: eval.Limits{Wall: 20 * time.Millisecond},
			host: serve(func(ctx context.Context, _ eval.Request) (eval.Response, error) {
				<-ctx.Done()
				return eval.Response{}, ctx.Err()
			}),
			want: "wall: the evaluation took longer than 20ms", limit: "wall",
		},
		{
			name: "server that asks to wait too long", template: requestOf(), host: always(429, "", "Retry-After", "7200"),
			want: "wall: a server asks to wait 2h0m0s, and the evaluation has 1h0m0s left of 1h0m0s", limit: "wall",
		},
		{
			name: "too many elements", template: requestOf(), limits: eval.Limits{Items: 3}, host: always(200, "[1,2,3,4]"),
			want: "items: the datasource has more than 3 elements", limit: "items",
		},
		{
			name: "values that take too much memory", template: requestOf(), limits: eval.Limits{Memory: 1 << 20}, host: always(200, `"`+strings.Repeat("x", 2<<20)+`"`),
			want: "memory: JSON, line 1, byte 2097154: it takes more than 1 MiB of memory", limit: "memory",
		},
		{
			name: "values that take too much memory together", limits: eval.Limits{Memory: 3000}, host: always(200, `"`+strings.Repeat("x", 2000)+`"`),
			template: strings.Replace(requestOf(), "validate $ds_a", "validate $ds_b", 1) + "datasource \"ds_b\" do\n field \"x\", $ds_a\nend\n",
			want:     "memory: the values of the evaluation take more than 3000 bytes", limit: "memory",
		},
		{
			name: "answer that is nested too deeply", template: requestOf(), limits: eval.Limits{Depth: 10}, host: always(200, strings.Repeat("[", 20)+strings.Repeat("]", 20)),
			want: "depth: ", limit: "depth",
		},
		{
			name: "script that runs on", template: scriptOf("while (true) {}"), limits: eval.Limits{Datasource: 50 * time.Millisecond}, host: always(200, ""),
			want: "datasource: the datasource took longer than 50ms", limit: "datasource",
		},
		{
			name: "resources", host: always(200, ""), template: `
resources "servers", type: "rs_cm.servers"
` + strings.Replace(requestOf(), "request do", "iterate @servers\n request do", 1),
			want: "resources can't be listed",
		},
		{
			name: "credentials that are not declared", host: always(200, ""),
			template: strings.Replace(scriptOf(`r = { host: "h", auth: "auth_none" }`), "run_script $js_b", "request do\n run_script $js_b\n end", 1),
			want:     `auth is "auth_none", and the template has no credentials of that name`,
		},
		{
			name: "request script that gives no request", host: always(200, ""),
			template: strings.Replace(scriptOf(`r = "h"`), "run_script $js_b", "request do\n run_script $js_b\n end", 1),
			want:     "it gave a string: expected an object with host and path",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			res := compile(t, test.template).Evaluate(context.Background(), test.host, eval.Input{Words: words, Limits: test.limits})
			if res.Status != eval.Failed || res.Findings != nil {
				t.Fatalf("Evaluate: got %s with %d findings, want failed with none", res.Status, len(res.Findings))
			}
			if !strings.Contains(res.Log, test.want) {
				t.Errorf("the log does not say %q:\n%s", test.want, res.Log)
			}
			if res.Failure.Limit != test.limit {
				t.Errorf("limit: got %q, want %q", res.Failure.Limit, test.limit)
			}
		})
	}
}

// endless is a body that has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestRetries(t *testing.T) {
	t.Parallel()
	date := now.Add(90 * time.Second).Format(http.TimeFormat)
	tests := []struct {
		name, verb string
		answers    []eval.Response
		status     eval.Status
		requests   int64
		pauses     []time.Duration
	}{
		{"growing pauses", "GET", []eval.Response{respond(503, ""), respond(500, ""), respond(429, ""), respond(200, "1")}, eval.Completed, 4,
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{"as long as the server says", "GET", []eval.Response{respond(429, "", "Retry-After", "7"), respond(503, "", "Retry-After", date), respond(200, "1")}, eval.Completed, 3,
			[]time.Duration{7 * time.Second, 90 * time.Second}},
		{"enough of it", "GET", []eval.Response{respond(500, ""), respond(500, ""), respond(500, ""), respond(500, "")}, eval.Failed, 4,
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{"a POST that may have been done", "POST", []eval.Response{respond(500, "")}, eval.Failed, 1, nil},
		{"a POST that was not done", "POST", []eval.Response{respond(429, ""), respond(200, "1")}, eval.Completed, 2, []time.Duration{time.Second}},
		{"ignored in the end", "DELETE", []eval.Response{respond(502, ""), respond(404, "")}, eval.Completed, 2, []time.Duration{time.Second}},
		{"another status", "GET", []eval.Response{respond(400, "")}, eval.Failed, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			host := serve(func(context.Context, eval.Request) (eval.Response, error) {
				n++
				return test.answers[n-1], nil
			})
			res := compile(t, requestOf(`verb "`+test.verb+`"`, "ignore_status 404")).Evaluate(context.Background(), host, eval.Input{})
			if res.Status != test.status || res.Requests != test.requests {
				t.Errorf("Evaluate: got %s after %d requests (%v), want %s after %d", res.Status, res.Requests, res.Failure, test.status, test.requests)
			}
			if got := fmt.Sprint(host.Pauses()); got != fmt.Sprint(test.pauses) {
				t.Errorf("pauses: got %s, want %v", got, test.pauses)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, template string }{
		{"in a request", requestOf()},
		{"in a script", scriptOf("while (true) {}")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*time.Millisecond, cancel)
			began := time.Now()
			res := compile(t, test.template).Evaluate(ctx, serve(func(ctx context.Context, _ eval.Request) (eval.Response, error) {
				<-ctx.Done()
				return eval.Response{}, ctx.Err()
			}), eval.Input{})
			if res.Status != eval.Cancelled {
				t.Errorf("status: got %s, want cancelled: %v", res.Status, res.Failure)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("cancelling took %s", took)
			}
		})
	}
}

// Of several requests that fail side by side the first in order is the one that is reported, however late it fails.
func TestFirstFailureCounts(t *testing.T) {
	t.Parallel()
	template := ""
	for _, name := range []string{"a", "b", "c", "d"} {
		template += fmt.Sprintf("datasource \"ds_%s\" do\n request do\n host \"%s.example.com\"\n end\nend\n", name, name)
	}
	p := compile(t, template+policyOf("ds_a"))
	for range 20 {
		host := serve(func(ctx context.Context, q eval.Request) (eval.Response, error) {
			switch q.Datasource {
			case "ds_b":
				time.Sleep(2 * time.Millisecond)
				return respond(400, ""), nil
			case "ds_c", "ds_d":
				return respond(400, ""), nil
			}
			return respond(200, "1"), nil
		})
		res := p.Retrieve(context.Background(), host, eval.Input{})
		if res.Failure == nil || res.Failure.Datasource != "ds_b" {
			t.Fatalf("got %v, want the failure of ds_b", res.Failure)
		}
		if v, ok := res.Datasources.Get("ds_a"); !ok || !value.Equal(v, value.Number("1")) {
			t.Errorf("ds_a, which did not fail: got %v, %t", v, ok)
		}
	}
}

// Reading requests go side by side, up to the limit.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	template := "datasource \"ds_l\" do\n run_script $js_l\nend\nscript \"js_l\", type: \"javascript\" do\n result \"r\"\n code \"r = [1,2,3,4,5,6,7,8,9,10]\"\nend\n" +
		strings.Replace(requestOf(), "request do", "iterate $ds_l\n request do", 1)
	for _, test := range []struct {
		verb string
		most int64
	}{{"GET", 4}, {"POST", 1}} {
		var under, most atomic.Int64
		host := serve(func(context.Context, eval.Request) (eval.Response, error) {
			n := under.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(5 * time.Millisecond)
			under.Add(-1)
			return respond(200, "1"), nil
		})
		p := compile(t, strings.Replace(template, `host "api`, "verb \""+test.verb+"\"\n host \"api", 1))
		res := p.Evaluate(context.Background(), host, eval.Input{Limits: eval.Limits{Parallel: 4}})
		if res.Status != eval.Completed || most.Load() != test.most {
			t.Errorf("%s: %d requests side by side (%v), want %d", test.verb, most.Load(), res.Failure, test.most)
		}
	}
}

// Servers see what may change something in the order of the source, alone, whatever else there is.
func TestOrderOfRequests(t *testing.T) {
	t.Parallel()
	template := ""
	for _, d := range []struct{ name, verb string }{{"a", "GET"}, {"b", "GET"}, {"c", "POST"}, {"d", "GET"}, {"e", "GET"}, {"f", "DELETE"}} {
		template += fmt.Sprintf("datasource \"ds_%s\" do\n request do\n verb \"%s\"\n host \"api.example.com\"\n end\nend\n", d.name, d.verb)
	}
	p := compile(t, template+policyOf("ds_a"))
	var mu sync.Mutex
	var events []string
	note := func(what string, q eval.Request) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, what+strings.TrimPrefix(q.Datasource, "ds_"))
	}
	host := serve(func(_ context.Context, q eval.Request) (eval.Response, error) {
		note("+", q)
		time.Sleep(5 * time.Millisecond)
		note("-", q)
		return respond(200, "1"), nil
	})
	if res := p.Retrieve(context.Background(), host, eval.Input{}); res.Failure != nil {
		t.Fatal(res.Failure)
	}
	for _, group := range [][]string{events[0:4], events[6:10]} {
		slices.Sort(group)
	}
	if got, want := strings.Join(events, " "), "+a +b -a -b +c -c +d +e -d -e +f -f"; got != want {
		t.Errorf("requests began (+) and ended (-):\ngot  %s\nwant %s", got, want)
	}
}

// The log keeps to its size and to its level, and always ends with the total.
func TestLog(t *testing.T) {
	t.Parallel()
	p := compile(t, strings.Replace(requestOf(`header "X", "secret-header"`), "check true", "check false", 1))
	host := always(200, `["`+strings.Repeat("x", 3000)+`"]`)
	const last = "Total items failing checks: 1\n"
	tests := []struct {
		name     string
		in       eval.Input
		has, not string
		atMost   int
	}{
		{"full", eval.Input{}, "xxx", "", 20_000},
		{"context", eval.Input{Level: eval.Context}, "Answer: status 200, 3004 bytes", "secret-header", 500},
		{"errors", eval.Input{Level: eval.Errors}, "", "Datasource", len(last)},
		{"cut", eval.Input{Limits: eval.Limits{LogBytes: 100}}, "(the log is full)", "Validation", 200},
	}
	for _, test := range tests {
		log := p.Evaluate(context.Background(), host, test.in).Log
		if !strings.HasSuffix(log, last) || !strings.Contains(log, test.has) || test.not != "" && strings.Contains(log, test.not) || len(log) > test.atMost {
			t.Errorf("%s: got %d bytes:\n%s", test.name, len(log), log)
		}
	}
}
