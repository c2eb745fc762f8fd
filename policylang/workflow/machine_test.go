package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"espalier.dev/policylang/source"
)

// fakeHost answers requests from a function, and its clock moves only when a run sleeps.
type fakeHost struct {
	mu     sync.Mutex
	now    time.Time
	answer func(Request) (Response, error)
	log    []string // requests, labels and log lines, in order
}

func newHost(answer func(Request) (Response, error)) *fakeHost {
	return &fakeHost{now: time.Unix(1_700_000_000, 0), answer: answer}
}

func (h *fakeHost) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, fmt.Sprintf(format, args...))
}

func (h *fakeHost) Now() time.Time { return h.now }

func (h *fakeHost) Do(ctx context.Context, q Request) (Response, error) {
	h.note("%s %s %s", q.Method, q.URL, q.Body)
	if h.answer == nil {
		return Response{Status: 204}, nil
	}
	return h.answer(q)
}

func (h *fakeHost) Secret(_ context.Context, name string) (string, error) {
	if name != "known" {
		return "", errors.New("there is no such secret")
	}
	return "hush", nil
}

func (h *fakeHost) Random(n int) ([]byte, error) { return make([]byte, n), nil }
func (h *fakeHost) Label(task, text string)      { h.note("%s: %s", task, text) }
func (h *fakeHost) Log(level, text string)       { h.note("%s: %s", level, text) }

func compileText(t testing.TB, text string) *Program {
	t.Helper()
	f := source.NewFile("test", []byte(text))
	defs, diags := Parse(f)
	for _, d := range diags {
		t.Fatalf("%s: %s, expected %s", f.Position(d.Span.Start), d.Message, d.Expected)
	}
	return Compile(f, defs)
}

// finish runs a program to its end. If saved, its state is written and read again after every instruction.
func finish(t testing.TB, p *Program, h *fakeHost, c Config, saved bool, args ...Value) Status {
	t.Helper()
	if saved {
		c.Limits.Slice = 1
	}
	m, err := Start(p, "main", args, c)
	if err != nil {
		t.Fatal(err)
	}
	for range 2_000_000 {
		status, err := m.Step(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		if status.Ended() {
			return status
		}
		if status.Wake.After(h.now) {
			h.now = status.Wake
		}
		if saved {
			m = again(t, p, m, c)
		}
	}
	t.Fatal("the run does not end")
	return Status{}
}

func again(t testing.TB, p *Program, m *Machine, c Config) *Machine {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	m, err = Resume(p, text, c)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

// outcomeText is how a run ended: what it returned, or why it failed.
func outcomeText(s Status) string {
	if s.Fault != nil {
		return s.Fault.Error()
	}
	if s.Phase != Done {
		return string(s.Phase)
	}
	if s.Result.Len() == 1 {
		v, _ := s.Result.Get(s.Result.Keys()[0])
		return Inspect(v)
	}
	return Inspect(s.Result)
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	for _, tt := range programs {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := tt.text
			if !strings.Contains(text, "define main") {
				text = "define main() return $r do\n" + text + "\nend\n"
			}
			p := compileText(t, text)
			config := Config{Limits: tt.limits, Signers: []string{"auth_x"}}
			h := newHost(tt.answer)
			got := outcomeText(finish(t, p, h, config, false))
			if got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if tt.log != nil && strings.Join(h.log, "\n") != strings.Join(tt.log, "\n") {
				t.Errorf("log: got\n%s\nwant\n%s", strings.Join(h.log, "\n"), strings.Join(tt.log, "\n"))
			}
			if tt.limits.Steps > 0 { // counted in instructions: too many to save after each
				return
			}
			h2 := newHost(tt.answer)
			if saved := outcomeText(finish(t, p, h2, config, true)); saved != got {
				t.Errorf("saved after every instruction: got %s\nwant %s", saved, got)
			}
			if strings.Join(h2.log, "\n") != strings.Join(h.log, "\n") {
				t.Errorf("saved after every instruction, log: got\n%s\nwant\n%s", strings.Join(h2.log, "\n"), strings.Join(h.log, "\n"))
			}
		})
	}
}

func reply(status int, kind, body string) func(Request) (Response, error) {
	return func(Request) (Response, error) {
		return Response{Status: status, Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)}, nil
	}
}

var programs = []struct {
	name, text, want string
	answer           func(Request) (Response, error)
	log              []string
	limits           Limits
}{
	// Variables and scope.
	{name: "unassigned is null", text: `$r = inspect($x)`, want: `"null"`},
	{name: "block variables are local", text: "if true\n $x = 1\nend\n$r = $x", want: "null"},
	{name: "outer variables are updated", text: "$x = 0\nif true\n $x = 1\nend\n$r = $x", want: "1"},
	{name: "a definition sees only parameters and globals", text: "define main() return $r do\n $x = 1\n $$y = 2\n call f() retrieve $r\nend\ndefine f() return $z do\n $z = [$x, $$y]\nend", want: "[null, 2]"},
	{name: "arrays are values", text: "$a = [1]\n$b = $a\n$b << 2\n$r = [$a, $b]", want: "[[1], [1, 2]]"},
	{name: "index assignment", text: "$h = {}\n$h[\"a\"] = {b: 1}\n$h[\"a\"][\"c\"] = 2\n$g = $h\n$g[\"a\"][\"b\"] = 9\n$r = [$h, $g]", want: `[{"a": {"b": 1, "c": 2}}, {"a": {"b": 9, "c": 2}}]`},
	{name: "append chain", text: "$r = []\n$r << 1 << 2\n$h = {l: []}\n$h[\"l\"] << \"a\" + \"b\"\n$r << $h", want: `[1, 2, {"l": ["ab"]}]`},
	{name: "assignment as a condition", text: "if $s = \"x\"\n $r = $s\nend", want: "null"},
	{name: "assignment as a condition of an existing variable", text: "$s = 1\n$r = 0\nif $s = \"x\"\n $r = $s\nend", want: `"x"`},
	{name: "several targets", text: "$a, $b, $c = [1, 2]\n$r = [$a, $b, $c]", want: "[1, 2, null]"},
	{name: "keyword arguments make a hash", text: "define main() return $r do\n call f(1, k: 2, \"l m\": 3) retrieve $r\nend\ndefine f($a, $b) return $c do\n $c = [$a, $b]\nend", want: `[1, {"k": 2, "l m": 3}]`},
	{name: "signers are globals", text: `$r = type($$auth_x)`, want: `"signer"`},

	{name: "globals as loop variables and parameters", text: "define main() return $r do\n $r = []\n foreach $$v in [1, 2] do\n  call f($$v) retrieve $x\n  $r << $x\n end\nend\ndefine f($$p) return $y do\n $y = [$$p, $$v]\nend", want: "[[1, 1], [2, 2]]"},

	// Control.
	{name: "only null and false are false", text: "$r = []\nforeach $v in [0, \"\", [], {}, false, null] do\n if $v\n  $r << 1\n else\n  $r << 0\n end\nend", want: "[1, 1, 1, 1, 0, 0]"},
	{name: "elsif", text: "$r = []\nforeach $v in [1..3] do\n if $v == 1\n  $r << \"a\"\n elsif $v == 2\n  $r << \"b\"\n else\n  $r << \"c\"\n end\nend", want: `["a", "b", "c"]`},
	{name: "while sees what its body sets", text: "$r = 0\nwhile $state != \"done\" do\n $r = $r + 1\n if $r == 3\n  $state = \"done\"\n end\n $state = switch($r >= 3, \"done\", \"on\")\nend", want: "3"},
	{name: "short circuit", text: "$r = null && $x[\"a\"] || \"b\"", want: `"b"`},
	{name: "map", text: "$a, $b = map $v in [1, 2, 3] return $x, $y do\n $x = $v * 2\n if $v != 2\n  $q = 1\n end\n if $v == 2\n else\n  $z = 0\n end\n $y = $v\nend\n$r = [$a, $b]", want: "[[2, 4, 6], [1, 2, 3]]"},
	{name: "map skips what is unset", text: "$r = map $v in [1, 2, 3] return $x do\n sub on_error: skip do\n  assert $v != 2\n end\n if $v == 2\n  $y = 1\n else\n  $y = 2\n end\nend", want: "[]"},
	{name: "extra returned values are null", text: "define main() return $r do\n call f() retrieve $a, $b, $c\n $r = [$a, $b, $c]\nend\ndefine f() return $x, $never do\n $x = 1\nend", want: "[1, null, null]"},
	{name: "call of what is not there fails when reached", text: "if false\n call nope()\nend\nsub on_error: skip do\n call nope()\nend\n$r = 1", want: "1"},
	{name: "exit", text: "$r = 1\nexit\nraise \"no\"", want: "{}"},
	{name: "cancel", text: "cancel\n$r = 1", want: "canceled"},
	{name: "abort", text: "abort\n$r = 1", want: "canceled"},

	// Errors.
	{name: "raise", text: "raise \"m\"", want: "user: m"},
	{name: "assert", text: "assert 1 == 2", want: "assert: the assertion is false: 1 == 2"},
	{name: "index of null", text: "$r = $x[\"a\"]", want: `runtime: null["a"]: there is nothing to take a member of`},
	{name: "number plus string", text: "$r = 1 + \"a\"", want: "runtime: a number + a string is not defined"},
	{name: "the universal idiom", text: `define main($data) return $done do
  $done = []
  foreach $w in ["a", "b", "c"] do
    sub on_error: handle_error() do
      call one($w) retrieve $x
      $done << $x
    end
  end
  if inspect($$errors) != "null"
    raise join([to_json($done), ": ", join($$errors, "\n")])
  end
end
define one($w) return $x do
  if $w == "b"
    raise "bad " + $w
  end
  $x = $w
end
define handle_error() do
  if !$$errors
    $$errors = []
  end
  $$errors << $_error["type"] + ": " + $_error["message"]
  $_error_behavior = "skip"
end`, want: `user: ["a","c"]: user: bad b`},
	{name: "handler retries", text: "define main() return $r do\n $n = 0\n sub on_error: again($n) do\n  $n = $n + 1\n  if $n < 3\n   raise \"x\"\n  end\n end\n $r = $n\nend\ndefine again($n) do\n if $n < 5\n  $_error_behavior = \"retry\"\n end\nend", want: "3"},
	{name: "retry", text: "$n = 0\nsub on_error: retry do\n $n = $n + 1\n assert $n == 4\nend\n$r = $n", want: "4"},
	{name: "handler that says nothing lets the error pass", text: "define main() do\n sub on_error: h() do\n  raise \"x\"\n end\nend\ndefine h() do\n $y = 1\nend", want: "user: x"},
	{name: "error in a handler replaces the first", text: "define main() do\n sub on_error: h() do\n  raise \"x\"\n end\nend\ndefine h() do\n raise \"y: \" + $_error[\"message\"]\nend", want: "user: y: x"},
	{name: "handler sees the locals of the failure", text: "define main() do\n $a = 1\n sub on_error: h($a) do\n  $b = 2\n  call f()\n end\nend\ndefine f() do\n $c = 3\n raise \"x\"\nend\ndefine h($p) do\n raise join([$p, $a, $b, $c])\nend", want: "user: 1123"},
	{name: "nested blocks", text: "$r = []\nsub on_error: skip do\n sub on_timeout: skip do\n  $r << 1\n  raise \"x\"\n end\n $r << 2\nend\n$r << 3", want: "[1, 3]"},
	{name: "origin", text: "define main() return $r do\n sub on_error: h() do\n  raise \"x\"\n end\n $r = $$o\nend\ndefine h() do\n $$o = $_error[\"origin\"]\n $_error_behavior = \"skip\"\nend", want: "[3, 3]"},
	{name: "on_error of a definition", text: "define main() return $r on_error: skip do\n $r = 1\n raise \"x\"\nend", want: "1"},
	{name: "on_error of a call and a loop", text: "define main() return $r do\n $r = []\n call f() on_error: skip\n foreach $v in [1, 2] on_error: skip do\n  $r << $v\n  raise \"x\"\n end\n $a = map $v in [1, 2] return $w on_error: skip do\n  raise \"x\"\n end\n $r << $a\nend\ndefine f() do\n raise \"y\"\nend", want: "[1, null]"},
	{name: "rollback from the inside out", text: "define main() return $r do\n $$l = []\n sub on_error: h() do\n  sub on_rollback: undo(1) do\n   sub on_rollback: undo(2) do\n    raise \"x\"\n   end\n  end\n end\n $r = $$l\nend\ndefine undo($n) do\n $$l << $n\nend\ndefine h() do\n $_error_behavior = \"skip\"\nend", want: "[2, 1]"},
	{name: "rollback on cancel", text: "define main() do\n sub on_rollback: undo() do\n  cancel\n end\nend\ndefine undo() do\n task_label(\"undone\")\nend", want: "canceled", log: []string{"main: undone"}},

	// Time.
	{name: "sleep", text: "$a = now()\nsleep(90)\nsleep(2m30s)\n$r = now() - $a", want: "240"},
	{name: "sleep_until", text: "$e = now() + 100\nsleep_until(now() >= $e)\n$r = now() - $e", want: "20"},
	{name: "timeout skips", text: "$r = 0\nsub timeout: 5m, on_timeout: skip do\n while true do\n  sleep(60)\n  $r = $r + 1\n end\nend", want: "4"},
	{name: "timeout is no error", text: "sub on_error: skip do\n sub timeout: 1m do\n  sleep(120)\n end\nend\n$r = 1", want: "timeout: the block took more than 60 seconds"},
	{name: "timeout handler", text: "define main() return $r do\n sub timeout: 1m, on_timeout: h() do\n  sleep(120)\n end\n $r = $$n\nend\ndefine h() do\n $$n = 7\n $_timeout_behavior = \"skip\"\nend", want: "7"},
	{name: "timeout handler that raises", text: "define main() return $r do\n sub on_error: skip do\n  sub timeout: 1m, on_timeout: h() do\n   sleep(120)\n  end\n end\n $r = 1\nend\ndefine h() do\n raise \"late\"\nend", want: "1"},
	{name: "an outer timeout passes an inner handler", text: "$r = 0\nsub timeout: 1m, on_timeout: skip do\n sub timeout: 10m, on_timeout: retry do\n  $r = $r + 1\n  sleep(120)\n end\nend", want: "1"},
	{name: "timeout of a concurrent statement", text: "$r = 0\nconcurrent foreach $v in [1, 2] timeout: 1m, on_timeout: skip do\n sleep(600)\n $$x = 1\nend\n$r = [$$x, tasks()]", want: `[null, ["main"]]`},

	// Concurrency.
	{name: "concurrent foreach copies locals", text: "$x = 0\n$$n = 0\nconcurrent foreach $v in [1, 2, 3] do\n $x = $v\n $$n = $$n + $v\nend\n$r = [$x, $$n]", want: "[0, 6]"},
	{name: "concurrent do merges what it returns", text: "$b = 1\nconcurrent return $a, $b do\n $a = 5\n sub do\n  $c = 1\n  $b = 2\n end\nend\n$r = [$a, $b, $c]", want: "[5, 2, null]"},
	{name: "concurrent map keeps order", text: "$r = concurrent map $v in [3, 1, 2] return $x do\n sleep($v)\n $x = $v * 10\nend", want: "[30, 10, 20]"},
	{name: "more tasks than run at once", text: "$r = concurrent map $v in [1..10] return $x do\n sleep(10 - $v)\n $x = $v\nend", limits: Limits{Branches: 3}, want: "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"},
	{name: "error in a task", text: "define main() return $r do\n sub on_error: h() do\n  concurrent foreach $v in [1, 2, 3] do\n   sleep(5 - $v)\n   $$seen = $v\n   if $v > 1\n    raise \"e\" + $v\n   end\n  end\n end\n $r = [$$e, $$seen]\nend\ndefine h() do\n $$e = [$_error[\"message\"], size($_errors)]\n $_error_behavior = \"skip\"\nend", want: `[["e2", 2], 1]`},
	{name: "names of tasks", text: "$$l = []\nconcurrent foreach $v in [1, 2] task_prefix: \"t\" do\n $$l << task_name()\nend\n$r = $$l", want: `["t/1", "t/2"]`},
	{name: "wait_task and task_status", text: "concurrent wait_task: 1 do\n sub task_name: \"a\" do\n  sleep(10)\n  $$a = 1\n end\n sub task_name: \"b\" do\n  $$b = 1\n end\nend\n$x = [$$a, $$b, task_status(\"a\")]\nwait_task a\n$r = [$x, $$a, task_status(\"a\"), task_status(\"b\")]", want: `[[null, 1, "running"], 1, "succeeded", "succeeded"]`},
	{name: "cancel_task", text: "concurrent wait_task: 1 do\n sub task_name: \"a\" do\n  sleep(1000)\n  $$a = 1\n end\n sub do\n  $$b = 1\n end\nend\ncancel_task a\n$r = [$$a, task_status(\"a\"), tasks()]", want: `[null, "canceled", ["main"]]`},
	{name: "a background error fails the run", text: "concurrent wait_task: 1 do\n sub do\n  sleep(10)\n  raise \"late\"\n end\n sub do\n  $$b = 1\n end\nend\n$r = 1", want: "user: late"},

	// The host.
	{
		name:   "http_request",
		text:   "$q = {auth: $$auth_x, verb: \"post\", https: true, host: \"h.example\", href: \"/a b?x=1\", query_strings: {k: \"ä&\", n: [1]}, headers: {X_Y: \"z\"}, body: {id: 12345678901234567890}}\n$r = http_request($q)",
		answer: reply(201, "application/json; charset=utf-8", `{"b":1.5,"a":[null,9007199254740993]}`),
		want:   `{"code": 201, "headers": {"Content-Type": "application/json; charset=utf-8"}, "cookies": [], "body": {"b": 1.5, "a": [null, 9007199254740993]}}`,
		log:    []string{`POST https://h.example/a%20b?x=1&k=%C3%A4%26&n=%5B1%5D {"id":12345678901234567890}`},
	},
	{name: "http by default", text: "$r = http_request(verb: \"get\", host: \"h\")[\"code\"]", want: "204", log: []string{"GET http://h "}},
	{name: "verb functions take a url", text: "$r = http_delete(url: \"https://h/x\")[\"code\"]", want: "204", log: []string{"DELETE https://h/x "}},
	{name: "xml", text: "$r = http_get(url: \"https://h/\")[\"body\"]", answer: reply(200, "text/xml", `<?xml version="1.0"?><R xmlns="u"><s>on</s><i>1</i><i a="b">2</i><e/></R>`), want: `{"R": {"s": "on", "i": ["1", {"a": "b", "content": "2"}], "e": ""}}`},
	{name: "an error status is no error", text: "$r = http_get(url: \"https://h/\")[\"code\"]", answer: reply(500, "text/plain", "no"), want: "500"},
	{name: "no answer is an error", text: "$r = http_get(url: \"https://h/\")", answer: func(Request) (Response, error) { return Response{}, errors.New("no route") }, want: "http: no route"},
	{name: "secret", text: "$r = cred(\"known\")", want: `"hush"`},
	{name: "unknown secret", text: "$r = cred(\"x\")", want: "runtime: cred: there is no such secret"},
	{name: "labels and log", text: "$r = task_label(\"a\")\nlog_error(\"b\")", want: `"a"`, log: []string{"main: a", "error: b"}},
	{name: "resources are gone", text: "$r = rs_cm.servers.get()", want: "resource_action: resources belong to a product that is gone"},

	// Limits.
	{name: "endless loop", text: "while true do\nend", limits: Limits{Steps: 10_000}, want: "limit: steps: the run took more than 10000"},
	{name: "endless recursion", text: "define main() do\n call main()\nend", want: "limit: depth: more than 200 definitions within one another (line 2)"},
	{name: "doubling text", text: "$s = \"ab\"\nwhile true do\n $s = $s + $s\nend", limits: Limits{Bytes: 1 << 16}, want: "limit: memory: a value of more than 65536 bytes (line 4)"},
	{name: "doubling arrays", text: "$s = [1]\nwhile true do\n $s = [$s, $s]\nend", limits: Limits{Bytes: 1 << 16}, want: "limit: memory: the variables of the run take more than 65536 bytes (line 4)"},
	{name: "nesting", text: "$s = [1]\nwhile true do\n $s = [$s]\nend", want: "limit: depth: a value nested more than 400 levels deep (line 4)"},
	{name: "a limit is not caught", text: "sub on_error: skip do\n $r = [1..10000000]\nend", want: "limit: a range may have 100000 elements (line 3)"},
	{name: "many requests", text: "while true do\n http_get(url: \"https://h\")\nend", limits: Limits{Requests: 5}, want: "limit: requests: the run sent more than 5"},
	{name: "a long sleep", text: "sleep(100d)", want: "limit: time: the run took more than 24h0m0s"},
	{name: "waiting for itself", text: "wait_task main", want: "limit: tasks: all of them wait for one another"},
}

// TestARequestInFlightIsSentAgain ends the context during a request, and loses the process after the state was saved.
func TestARequestInFlightIsSentAgain(t *testing.T) {
	t.Parallel()
	p := compileText(t, "define main() return $r do\n $r = http_get(url: \"https://h\")[\"code\"]\nend")
	ctx, cancel := context.WithCancel(context.Background())
	sent := 0
	h := newHost(nil)
	h.answer = func(Request) (Response, error) {
		if sent++; sent == 1 {
			cancel()
			return Response{}, context.Canceled
		}
		return Response{Status: 200}, nil
	}
	m, err := Start(p, "main", nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := m.Step(ctx, h); err != nil || s.Phase != Calling {
		t.Fatalf("first step: %v, %v, want calling", s.Phase, err)
	}
	saved := again(t, p, m, Config{})
	if _, err := m.Step(ctx, h); !errors.Is(err, context.Canceled) {
		t.Fatalf("step with a context that ends: got %v, want canceled", err)
	}
	for _, m := range []*Machine{m, saved} {
		if s, err := m.Step(context.Background(), h); err != nil || outcomeText(s) != "200" {
			t.Errorf("the step again: got %s, %v, want 200", outcomeText(s), err)
		}
	}
	if sent != 3 {
		t.Errorf("sent %d requests, want 3", sent)
	}
}

func TestCancelRunsRollbacksAndEnds(t *testing.T) {
	t.Parallel()
	p := compileText(t, "define main() do\n sub on_rollback: undo(0) do\n  concurrent foreach $v in [1, 2] do\n   sub on_rollback: undo($v) do\n    sleep(3600)\n   end\n  end\n end\nend\ndefine undo($n) do\n task_label(to_s($n))\nend")
	h := newHost(nil)
	m, err := Start(p, "main", nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := m.Step(context.Background(), h); err != nil || s.Phase != Sleeping || s.Wake.Sub(h.now) != time.Hour {
		t.Fatalf("got %v until %v, %v, want an hour of sleep", s.Phase, s.Wake, err)
	}
	m = again(t, p, m, Config{})
	m.Cancel()
	m = again(t, p, m, Config{})
	s, err := m.Step(context.Background(), h)
	if err != nil || s.Phase != Canceled {
		t.Fatalf("got %v, %v, want canceled", s.Phase, err)
	}
	if got := strings.Join(h.log, " "); got != "main/2: 2 main/1: 1 main: 0" {
		t.Errorf("rollbacks: got %s", got)
	}
}

// TestARequestEndsWithItsBlock lets a request take longer than the timeout around it.
func TestARequestEndsWithItsBlock(t *testing.T) {
	t.Parallel()
	p := compileText(t, "define main() return $r do\n $r = 1\n sub timeout: 1s, on_timeout: skip do\n  http_get(url: \"https://h\")\n  $r = 2\n end\nend")
	synctest.Test(t, func(t *testing.T) {
		if got := outcomeText(steps(t, p, clockHost{newHost(nil)})); got != "1" {
			t.Errorf("got %s, want 1", got)
		}
	})
}

// TestABusyBranchEndsWithTheBlockAround lets a branch compute for longer than the statement that waits for it may take.
func TestABusyBranchEndsWithTheBlockAround(t *testing.T) {
	t.Parallel()
	p := compileText(t, "define main() return $r do\n $r = 1\n concurrent foreach $v in [1] timeout: 5s, on_timeout: skip do\n  while true do\n   task_label(\"busy\")\n  end\n end\nend")
	synctest.Test(t, func(t *testing.T) {
		if got := outcomeText(steps(t, p, clockHost{newHost(nil)})); got != "1" {
			t.Errorf("got %s, want 1", got)
		}
	})
}

// steps runs a program that never sleeps to its end.
func steps(t *testing.T, p *Program, h Host) Status {
	t.Helper()
	m, err := Start(p, "main", nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		s, err := m.Step(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		if s.Ended() {
			return s
		}
	}
	t.Fatal("the run does not end")
	return Status{}
}

// clockHost has the clock of the bubble. It answers no request before its context ends, and a label takes it 10 ms.
type clockHost struct{ *fakeHost }

func (h clockHost) Now() time.Time { return time.Now() }

func (h clockHost) Do(ctx context.Context, _ Request) (Response, error) {
	<-ctx.Done()
	return Response{}, ctx.Err()
}

func (h clockHost) Label(string, string) { time.Sleep(10 * time.Millisecond) }

func TestStartAndResumeRefuse(t *testing.T) {
	t.Parallel()
	p := compileText(t, "define main($a) do\nend")
	if _, err := Start(p, "other", nil, Config{}); err == nil {
		t.Error("Start of a definition that is not there: got nil, want an error")
	}
	if _, err := Start(p, "main", []Value{nil, nil}, Config{}); err == nil {
		t.Error("Start with too many arguments: got nil, want an error")
	}
	m, err := Start(p, "main", nil, Config{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"no JSON":         "{",
		"another program": strings.Replace(string(text), p.ID(), "x", 1),
		"counter outside": strings.Replace(string(text), `"PC":0`, `"PC":99`, 1),
	} {
		if _, err := Resume(p, []byte(bad), Config{}); err == nil {
			t.Errorf("Resume of a state with %s: got nil, want an error", name)
		}
	}
}

// TestAnActionFromEndToEnd deletes widgets of which one is gone and one cannot be deleted.
func TestAnActionFromEndToEnd(t *testing.T) {
	t.Parallel()
	p := compileText(t, `
define main($data, $org) return $done do
  $$errors = null
  $done = []
  foreach $w in $data do
    sub on_error: note() do
      call drop_one($w, $org) retrieve $code
      $done << $w["id"] + ":" + $code
    end
  end
  if inspect($$errors) != "null"
    raise join($$errors, "\n")
  end
end

define drop_one($w, $org) return $code do
  $r = http_request(
    auth: $$auth_widgets,
    verb: "delete",
    https: true,
    host: "widgets.example.com",
    href: join(["/v1/orgs/", $org, "/widgets/", $w["id"]])
  )
  $code = $r["code"]
  if $code != 204 && $code != 404
    raise "widget " + $w["id"] + ": " + to_json($r)
  end
end

define note() do
  if !$$errors
    $$errors = []
  end
  $$errors << $_error["type"] + ": " + $_error["message"]
  $_error_behavior = "skip"
end
`)
	data, err := FromJSON(`[{"id":"a"},{"id":"b"},{"id":"c"}]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status int
		want   string
	}{
		{404, `["a:404", "b:204", "c:204"]`},
		{500, `user: user: widget a: {"code":500,"headers":{},"cookies":[],"body":"no"}`},
	} {
		h := newHost(func(q Request) (Response, error) {
			if q.Signer != "auth_widgets" {
				t.Errorf("%s is signed by %q, want auth_widgets", q.URL, q.Signer)
			}
			if strings.HasSuffix(q.URL, "/a") {
				return Response{Status: tt.status, Body: []byte("no")}, nil
			}
			return Response{Status: 204}, nil
		})
		s := finish(t, p, h, Config{Signers: []string{"auth_widgets"}}, true, data, Int(7))
		if got := outcomeText(s); got != tt.want {
			t.Errorf("status %d: got %s, want %s", tt.status, got, tt.want)
		}
		if got, want := strings.Join(h.log, ","), "DELETE https://widgets.example.com/v1/orgs/7/widgets/a ,DELETE https://widgets.example.com/v1/orgs/7/widgets/b ,DELETE https://widgets.example.com/v1/orgs/7/widgets/c "; got != want {
			t.Errorf("requests: got %s, want %s", got, want)
		}
	}
}
