package langtest_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier.dev/policylang"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/replay"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/value"
)

// hollow is a world whose servers say nothing of use: every request is answered with the same.
func hollow(answer string) *replay.Host {
	w := replay.World{Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
		w.Exchanges = append(w.Exchanges, replay.Exchange{
			Request: replay.Request{Method: method, URL: "*"}, Response: replay.Response{Body: &replay.Body{Text: answer}},
		})
	}
	return replay.NewHost(w, script.Local{})
}

// likely are values that some parameter or other takes.
var likely = []string{"", "x", "2024-01", "2024-01-01", "00:00-01:00", "us-ashburn-1", "oss-cn-hangzhou", "cbi-oi-optima-laaa", "cbi-oi-alibaba-a", "a@b.example", "a=b", "123456789012"}

// chosen is a value that a parameter without default accepts, nil if none of those tried is one.
func chosen(q eval.Parameter) value.Value {
	candidates := slices.Clone(q.Allowed)
	for _, text := range likely {
		candidates = append(candidates, text)
	}
	candidates = append(candidates, value.Number("1"), value.Number("0"))
	for _, one := range candidates {
		for _, v := range []value.Value{one, []value.Value{}, []value.Value{one}, []value.Value{one, one, one}} {
			if q.Accept(v) == nil {
				return v
			}
		}
	}
	return nil
}

// oursToMend is what a failure says that no world can bring about: something that templates use is not there.
var oursToMend = regexp.MustCompile(`ReferenceError|SyntaxError|is not a function|not a function|can't be signed|parameters are not as they should be|limit was reached`)

// TestPublicTemplatesRun evaluates every public template in two hollow worlds. Most get to their end; what stops the others is
// what the world did not say. What stops one and would in any world stands in docs/policy-corpus.md, and nothing else there.
func TestPublicTemplatesRun(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, 2)
	for _, tmpl := range langtest.Corpus(t) {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			for _, answer := range []string{`[]`, `{"items":[],"values":[],"value":[],"id":"1"}`} {
				if problem := runHollow(t.Context(), tmpl, answer); problem != "" {
					mu.Lock()
					found[tmpl.Name] = problem
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	known := knownProblems(t)
	for name, problem := range found {
		if !known[name] {
			t.Errorf("%s: %s", name, problem)
		}
	}
	for name := range known {
		if found[name] == "" {
			t.Errorf("docs/policy-corpus.md names %s, which runs", name)
		}
	}
}

// runHollow returns what would stop the template in any world, "" for nothing.
func runHollow(ctx context.Context, tmpl langtest.Template, answer string) string {
	program, _, err := policylang.Compile(tmpl.Name, tmpl.Text)
	if err != nil || program == nil {
		return fmt.Sprintf("is not compiled: %v", err)
	}
	if _, err := incident.Compile(program, incident.Limits{}); err != nil {
		return err.Error()
	}
	options := map[string]value.Value{}
	for _, q := range program.Parameters() {
		if q.Default == nil {
			options[q.Name] = chosen(q)
		}
	}
	words := eval.Words{OrgID: 1, OrgName: "Org", ProjectID: 2, ProjectName: "Project", Hosts: map[string]string{
		"rs_optima_host": "api.optima.flexeraeng.com", "rs_governance_host": "governance-3.rightscale.com", "f1_app_host": "app.flexera.com",
		"rs_cm_host": "us-3.rightscale.com", "rs_ss_host": "selfservice-3.rightscale.com",
	}}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	res := program.Evaluate(ctx, hollow(answer), eval.Input{Options: options, Words: words})
	if res.Failure == nil {
		return ""
	}
	if said := res.Failure.Error(); oursToMend.MatchString(said) && !strings.Contains(said, "came a second time") {
		return said
	}
	return ""
}

// knownProblems are the templates that the page names, in lines that begin with - `path`.
func knownProblems(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/policy-corpus.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^- `([^`]+\\.pt)`").FindAllStringSubmatch(string(page), -1) {
		known[m[1]] = true
	}
	return known
}
