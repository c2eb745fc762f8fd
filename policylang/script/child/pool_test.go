package child_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"espalier.dev/policylang/script"
	"espalier.dev/policylang/script/child"
)

func TestMain(m *testing.M) {
	child.Enter(os.Args) // the children of these tests are this binary
	if len(os.Args) == 2 && os.Args[1] == probe {
		child.Probe()
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, size int) *child.Pool {
	t.Helper()
	p, err := child.New(child.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func call(source string) script.Call {
	return script.Call{
		Source: source,
		Result: "result",
		Limits: script.Limits{Time: 200 * time.Millisecond, Memory: 32 << 20, Output: 1 << 20},
	}
}

// wants runs source in p and compares the result.
func wants(t *testing.T, p script.Engine, source, want string) {
	t.Helper()
	c := call(source)
	c.Limits.Time = 20 * time.Second
	out, err := p.Run(context.Background(), c)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	if got := string(out.JSON); got != want {
		t.Fatalf("%s: got %s, want %s", source, got, want)
	}
}

// hostile are scripts that mean harm, with the wall that stops each. Several take one native step that no engine lets
// itself be interrupted in.
var hostile = []struct {
	name, source string
	limit        script.Limit
}{
	{"endless loop", `for (;;) {}`, script.Time},
	{"endless loop that catches", `for (;;) { try { for (;;) {} } catch (e) {} }`, script.Time},
	{"endless loop in finally", `try { throw 1 } finally { for (;;) {} }`, script.Time},
	{"endless loop in underscore", `_.times(3, function () { for (;;) {} })`, script.Time},
	{"endless loop in a function made of text", `Function("for (;;) {}")()`, script.Time},
	{"endless loop in eval", `eval("for (;;) {}")`, script.Time},
	{"regexp bomb", `/^(a+)+$/.test(new Array(60).join("a") + "b")`, script.Time},
	{"regexp bomb made of data", `new RegExp("(x+x+)+y").test(new Array(100000).join("x"))`, script.Time},
	{"native join", `new Array(4e8).join("xxxxxxxx")`, script.Time},
	{"native search", `var s = new Array(8e6).join("a"); for (;;) s.indexOf("aaaaaaaaaab")`, script.Time},
	{"native reverse", `var a = []; a.length = 4294967295; a.reverse()`, script.Time},
	{"native sort", `var a = []; for (var i = 0; i < 1e6; i++) a.push(i * 7919 % 1000003); for (;;) a.sort()`, script.Time},
	{"sort that never agrees", `var a = _.range(1000); a.sort(function () { for (;;) {} })`, script.Time},
	{"getter of the result", `result = {get a() { for (;;) {} }}`, script.Time},
	{"getter on a prototype", `Object.defineProperty(Object.prototype, "x", {get: function () { for (;;) {} }}); result = {}.x`, script.Time},
	{"member of a proxy", `result = new Proxy({}, {ownKeys: function () { for (;;) {} }})`, script.Time},
	{"text of a log", `console.log({toString: function () { for (;;) {} }, get a() { for (;;) {} }})`, script.Time},
	{"doubling text", `var s = "x"; for (;;) s += s + s.length`, script.Memory},
	{"doubling kept text", `var a = ["x"]; for (;;) { a.push(a[a.length - 1] + a[a.length - 1]); a[a.length - 1].charCodeAt(3) }`, script.Memory},
	{"doubling list", `var a = [1]; for (;;) a = a.concat(a)`, script.Memory},
	{"many objects", `var a = []; for (;;) a.push({a: a.length})`, script.Memory},
	{"one large buffer", `new Uint8Array(1e9)`, script.Memory},
	{"wide result", `var a = "0123456789"; for (var i = 0; i < 10; i++) a = [a, a, a, a]; result = a`, script.Output},
	{"huge output", `result = new Array(2e6).join("x")`, script.Output},
	{"recursion", `function f() { return f() + 1 } f()`, script.Stack},
	{"recursion in toString", `var a = []; a[0] = {toString: function () { return "" + a }}; "" + a[0] + a`, script.Stack},
	{"deep brackets", `eval(new Array(1e5).join("(") + "1")`, script.Stack},
	{"deep JSON", `JSON.parse(new Array(1e6).join("["))`, script.Stack},
	{"deep result", `for (var i = 0, o = {}; i < 1e5; i++) o = {o: o}; result = o`, script.Stack},
}

// Each hostile script is stopped by its wall, soon, and neither this process nor the next script is the worse for it.
func TestHostileScripts(t *testing.T) {
	t.Parallel()
	p := open(t, 1)
	wants(t, p, `result = 1`, `1`)
	for _, tt := range hostile {
		c := call(tt.source)
		if tt.limit != script.Time {
			c.Limits.Time = 30 * time.Second
		}
		start := time.Now()
		_, err := p.Run(context.Background(), c)
		took := time.Since(start)
		t.Logf("%s: %v after %v", tt.name, tt.limit, took)
		if got, ok := errors.AsType[*script.LimitError](err); !ok || got.Limit != tt.limit {
			t.Errorf("%s: got %v after %v, want the limit of %s", tt.name, err, took, tt.limit)
		}
		if most := c.Limits.Time + 100*time.Millisecond + slack; tt.limit == script.Time && took > most {
			t.Errorf("%s: stopped after %v, want at most %v", tt.name, took, most)
		}
		wants(t, p, `result = [{}.x === undefined, _.size([1])]`, `[true,1]`)
	}
}

// slack is what a loaded machine may add to a measured time.
const slack = 400 * time.Millisecond

// A script ends when its context does, wherever it is.
func TestCancel(t *testing.T) {
	t.Parallel()
	p := open(t, 1)
	wants(t, p, `result = 1`, `1`)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	c := call(`new Array(4e8).join("xxxxxxxx")`)
	c.Limits.Time = time.Minute
	if _, err := p.Run(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if took := time.Since(start); took > 150*time.Millisecond+slack {
		t.Errorf("stopped after %v", took)
	}
	wants(t, p, `result = 1`, `1`)
}

// Calls beyond the size of the pool wait, and each gets its own answer.
func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	p := open(t, 2)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := call(`result = arg + 1`)
			c.Params, c.Args = []string{"arg"}, []json.RawMessage{[]byte(strconv.Itoa(i))}
			c.Limits.Time = time.Minute
			out, err := p.Run(context.Background(), c)
			if want := strconv.Itoa(i + 1); err != nil || string(out.JSON) != want {
				t.Errorf("got %s, %v, want %s", out.JSON, err, want)
			}
		})
	}
	wg.Wait()
}

// What a run leaves behind comes through the pipe as it is: results, logs, and errors of each kind.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	p := open(t, 1)
	c := call("console.log(1)\nx")
	c.Limits.Time = 20 * time.Second
	out, err := p.Run(context.Background(), c)
	want := script.Error{Message: "ReferenceError: 'x' is not defined", Line: 2}
	if got, ok := errors.AsType[*script.Error](err); !ok || *got != want {
		t.Errorf("got %v, want %v", err, want)
	}
	if len(out.Logs) != 1 || out.Logs[0] != "console.log: 1" {
		t.Errorf("logs: %q", out.Logs)
	}
	c.Result = "no name"
	if _, err := p.Run(context.Background(), c); err == nil || !strings.Contains(err.Error(), "no name") {
		t.Errorf("got %v, want an error that quotes the name", err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	p := open(t, 1)
	wants(t, p, `result = 1`, `1`)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Run(context.Background(), call(`result = 1`)); err == nil {
		t.Error("a closed pool ran a script")
	}
}

// What a script that broke out of its engine would find: nothing to open, to talk to or to run.
func TestConfinement(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(os.Args[0], probe).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := string(out); got != "no filter\n" && got != "open: refused\ntalk: refused\nrun: refused\n" {
		t.Error(got)
	}
}

const probe = "probe-confinement"

func TestProgramsThatAreNoChild(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"/nonexistent/espalier"}, {"/bin/false"}, {"/bin/echo", "hello"}} {
		p, err := child.New(child.Config{Command: command})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(context.Background(), call(`result = 1`)); err == nil || !strings.Contains(err.Error(), "start a process for scripts") {
			t.Errorf("%v: got %v, want an error that says what failed", command, err)
		}
		p.Close()
	}
}
