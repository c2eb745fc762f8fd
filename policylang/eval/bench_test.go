package eval_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/replay"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/value"
)

// BenchmarkSmallTemplate evaluates a small template with three requests and a script, and reports what the heap has grown
// by. The bar is 32 MiB after 10,000 evaluations: run it with -benchtime=10000x.
func BenchmarkSmallTemplate(b *testing.B) {
	text, err := os.ReadFile("testdata/idle_widgets.txtar")
	if err != nil {
		b.Fatal(err)
	}
	a := txtar.Parse(text)
	var p *eval.Program
	world := replay.World{Now: now}
	for _, f := range a.Files {
		switch f.Name {
		case "template.pt":
			p = compile(b, string(f.Data))
		case "exchanges.json":
			if world.Exchanges, err = replay.Exchanges(f.Data); err != nil {
				b.Fatal(err)
			}
		}
	}
	one := func() {
		if res := p.Evaluate(context.Background(), replay.NewHost(world, engine), eval.Input{Words: words}); res.Status != eval.Completed {
			b.Fatal(res.Failure)
		}
	}
	one()
	before := heap()
	b.ResetTimer()
	for b.Loop() {
		one()
	}
	b.StopTimer()
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB-grown")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// filter is a script of 30 lines over 1,000 items, of the kind that templates have.
const filter = `
  result = []
  var limit = 500
  var tags = ["env=prod", "team=a"]
  _.each(rows, function(row) {
    var reasons = []
    if (row.size < limit) {
      reasons.push("small")
    }
    if (row.state == "idle") {
      reasons.push("idle")
    }
    var found = _.filter(row.tags, function(tag) {
      return _.contains(tags, tag.key + "=" + tag.value)
    })
    if (found.length > 0) {
      return
    }
    if (reasons.length > 0) {
      result.push({
        id: row.id,
        size: row.size,
        state: row.state,
        cost: Math.round(row.size * 0.12 * 100) / 100,
        reason: reasons.join(", "),
        tags: _.map(row.tags, function(tag) { return tag.key + "=" + tag.value }).join(", ")
      })
    }
  })
  result = _.sortBy(result, function(row) {
    return row.cost * -1
  })
`

func rows() string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `,{"id":"i-%d","size":%d,"state":%q,"tags":[{"key":"env","value":"v%d"},{"key":"team","value":"t%d"}]}`, i, i, []string{"idle", "busy"}[i%2], i%7, i%5)
	}
	return "[" + b.String()[1:] + "]"
}

// BenchmarkFilter compares a script in an evaluation with the engine alone; the bar is 1.25.
func BenchmarkFilter(b *testing.B) {
	items := rows()
	b.Run("engine", func(b *testing.B) {
		for b.Loop() {
			if _, err := engine.Run(context.Background(), script.Call{Source: filter, Params: []string{"rows"}, Args: []json.RawMessage{[]byte(items)}, Result: "result", Now: now}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("evaluation", func(b *testing.B) {
		p := compile(b, "datasource \"ds_rows\" do\n request do\n host \"api.example.com\"\n end\nend\ndatasource \"ds_a\" do\n run_script $js, $ds_rows\nend\nscript \"js\", type: \"javascript\" do\n parameters \"rows\"\n result \"result\"\n code <<-'EOS'\n"+filter+"EOS\nend\n"+policyOf("ds_a"))
		for b.Loop() {
			res := p.Evaluate(context.Background(), always(200, items), eval.Input{Words: words})
			if res.Status != eval.Completed {
				b.Fatal(res.Failure)
			}
		}
	})
}

// A result is the same after it went through JSON, as it does on its way out of a child process.
func TestResultSurvivesJSON(t *testing.T) {
	t.Parallel()
	host := always(200, `[{"n": 12345678901234567890, "price": 1.10}, null]`)
	p := compile(t, strings.Replace(requestOf(), "check true", "check false", 1))
	res := p.Evaluate(context.Background(), host, eval.Input{Words: words})
	text, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var again eval.Result
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(again)
	if err != nil || string(back) != string(text) {
		t.Errorf("got %s, %v\nwant %s", back, err, text)
	}
	if len(again.Findings) != 1 || !value.Equal(again.Findings[0].Data, res.Findings[0].Data) {
		t.Errorf("findings: got %v, want %v", again.Findings, res.Findings)
	}
}
