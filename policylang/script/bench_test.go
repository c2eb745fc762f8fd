package script_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"modernc.org/quickjs"

	"espalier.dev/policylang/script"
)

// filter is a script as templates have them, of 30 lines.
const filter = `
var result = []
var now = new Date().getTime()
for (var i = 0; i < rows.length; i++) {
  var row = rows[i]
  var age = Math.floor((now - new Date(row.created).getTime()) / 86400000)
  if (row.state !== "available" && row.state !== "running") {
    continue
  }
  if (row.size < least) {
    continue
  }
  var tags = []
  var ignored = false
  for (var t = 0; t < row.tags.length; t++) {
    var tag = row.tags[t]
    tags.push(tag.key + "=" + tag.value)
    if (tag.key.toLowerCase() === "keep") {
      ignored = true
    }
  }
  if (ignored) {
    continue
  }
  result.push({
    id: row.id,
    region: row.region,
    age: age,
    cost: Math.round(row.size * 8.5) / 100,
    tags: tags.join(", ")
  })
}
`

// rows are n rows as JSON.
func rows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"id":"vol-%08d","region":"us-east-%d","state":"%s","size":%d,"created":"2024-%02d-%02dT01:02:03Z",`+
			`"tags":[{"key":"name","value":"n%d"},{"key":"team","value":"t%d"}]}`,
			i, i%4, []string{"available", "running", "gone"}[i%3], i%100, i%12+1, i%28+1, i, i%9)
	}
	return "[" + b.String()[1:] + "]"
}

// BenchmarkFilter is the engine of this package; BenchmarkFilterBare is the same work by the engine alone: a fresh world,
// JSON in and out. The first may take 1.25 times as long.
func BenchmarkFilter(b *testing.B) {
	c := script.Call{
		Source: filter,
		Params: []string{"rows", "least"},
		Args:   []json.RawMessage{json.RawMessage(rows(1000)), json.RawMessage(`10`)},
		Result: "result",
		Now:    now,
	}
	for b.Loop() {
		if _, err := (script.Local{}).Run(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFilterBare(b *testing.B) {
	in := rows(1000)
	for b.Loop() {
		vm, err := quickjs.NewVM()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := vm.Eval("function take(json) { rows = JSON.parse(json); least = 10 }", quickjs.EvalGlobal); err != nil {
			b.Fatal(err)
		}
		if _, err := vm.Call("take", in); err != nil {
			b.Fatal(err)
		}
		if _, err := vm.Eval(filter, quickjs.EvalGlobal); err != nil {
			b.Fatal(err)
		}
		if _, err := vm.Eval("JSON.stringify(result)", quickjs.EvalGlobal); err != nil {
			b.Fatal(err)
		}
		vm.Close()
	}
}

func BenchmarkWorld(b *testing.B) {
	for b.Loop() {
		if _, err := (script.Local{}).Run(context.Background(), script.Call{Source: "1", Result: "r"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWorldBare(b *testing.B) {
	for b.Loop() {
		vm, err := quickjs.NewVM()
		if err != nil {
			b.Fatal(err)
		}
		vm.Close()
	}
}
