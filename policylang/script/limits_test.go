package script_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"espalier.dev/policylang/script"
)

// The engine in the process has the same walls; what it alone can't stop is tested in package child.
func TestLimits(t *testing.T) {
	t.Parallel()
	limits := script.Limits{Time: 10 * time.Second, Memory: 32 << 20, Output: 1 << 10, Stack: 500}
	for _, tt := range []struct {
		name, source string
		time         time.Duration
		want         script.Limit
	}{
		{"loop", `for (;;) {}`, 50 * time.Millisecond, script.Time},
		{"regexp", `/^(a+)+$/.test(new Array(60).join("a") + "b")`, 50 * time.Millisecond, script.Time},
		{"getter of the result", `result = {get a() { for (;;) {} }}`, 50 * time.Millisecond, script.Time},
		{"commas without an end", `({` + repeat("a:1 ", 100_000) + `})`, 300 * time.Millisecond, script.Time},
		{"memory", `var a = []; for (;;) a.push({})`, 0, script.Memory},
		{"recursion", `function f() { f() } f()`, 0, script.Stack},
		{"output", `result = new Array(2000).join("x")`, 0, script.Output},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := limits
			if tt.time > 0 {
				l.Time = tt.time
			}
			_, err := script.Local{}.Run(context.Background(), script.Call{Source: tt.source, Result: "result", Limits: l})
			got, ok := errors.AsType[*script.LimitError](err)
			if !ok || got.Limit != tt.want || got.Limits != l {
				t.Errorf("got %v, want the limit of %s", err, tt.want)
			}
		})
	}
}

func repeat(s string, n int) string {
	b := make([]byte, 0, len(s)*n)
	for range n {
		b = append(b, s...)
	}
	return string(b)
}

// A wall so near that not even the world fits inside is an error like any other, however near it is.
func TestMemoryTooSmallForTheWorld(t *testing.T) {
	t.Parallel()
	for memory := int64(1); memory < 1<<20; memory += memory/7 + 1 {
		c := script.Call{
			Source: `result = _.first(arg)`, Params: []string{"arg"}, Args: []json.RawMessage{[]byte(`[1]`)}, Result: "result",
			Limits: script.Limits{Memory: memory},
		}
		out, err := script.Local{}.Run(context.Background(), c)
		if err == nil && string(out.JSON) != `1` {
			t.Errorf("%d bytes: got %s", memory, out.JSON)
		}
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := (script.Local{}).Run(ctx, script.Call{Source: `for (;;) {}`, Result: "r"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}
