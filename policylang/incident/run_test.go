package incident_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/errs"
	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/value"
)

const everything = `
escalation "esc_all" do
  label "Everything"
  email $param_mail do
    subject_template "Idle: {{ len data }}"
    attach_export_table "true"
  end
  request_approval do
    label "Drop?"
    description "They are gone then."
    parameter "param_delay" do
      type "number"
      label "Seconds"
      default 3600
    end
  end
  run "drop_all", data, $param_delay, $param_token
  resolve_incident
end
define drop_all($data, $delay, $token) return $n do
  $n = 0
  foreach $w in $data do
    task_label("dropping " + $w["id"] + " with " + $token)
    $r = http_request(auth: $$auth_widgets, verb: "delete", https: true, host: "widgets.example.com", href: "/w/" + $w["id"])
    if $r["code"] != 204
      raise "widget " + $w["id"] + ": " + to_s($r["code"])
    end
    sleep($delay)
    $n = $n + 1
  end
end
`

func all(t testing.TB) (*incident.Plan, *incident.Subject, *incident.Run) {
	t.Helper()
	p := plan(t, validation(table+"escalate $esc_all\n")+everything)
	c := one(t, reconcile(t, p, found(t, noon, `[{"id":"a","name":"A"},{"id":"b","name":"B"}]`)))
	if len(c.Runs) != 1 {
		t.Fatalf("got %d runs, want 1", len(c.Runs))
	}
	return p, c.Subject, c.Runs[0]
}

func copied[T any](t testing.TB, v *T) *T {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// drive runs to the end, says yes once, and keeps the JSON of the run before each step. If through is set, run and subject
// go through JSON before each step, as they do when a process ends.
func drive(t testing.TB, p *incident.Plan, w *world, s *incident.Subject, r *incident.Run, through bool) (last *incident.Run, saved []string) {
	t.Helper()
	for range 100 {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		saved = append(saved, string(text))
		if through {
			r, s = copied(t, r), copied(t, s)
		}
		switch {
		case r.Status.Ended():
			return r, saved
		case r.Status == incident.Pending:
			yes := incident.Decision{Approved: true, By: "user:7", Comment: "fine", At: w.now, Options: map[string]value.Value{"param_delay": value.Number("60")}}
			if err := p.Decide(r, yes); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if at := r.Next().At; at.After(w.now) {
			w.now = at
		}
		if err := p.Step(t.Context(), w, s, r); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the run does not end")
	return nil, nil
}

func TestARunResumesFromEachOfItsSteps(t *testing.T) {
	t.Parallel()
	p, s, r := all(t)
	w := newWorld()
	done, saved := drive(t, p, w, s, copied(t, r), false)
	if done.Status != incident.Completed || w.resolved != 1 || len(w.mails) != 1 || !w.now.Equal(noon.Add(2*time.Minute)) {
		t.Fatalf("got %s, %d mails, resolved %d, at %s: %v", done.Status, len(w.mails), w.resolved, w.now, done.Items[2].Error)
	}
	if diff := cmp.Diff([]string{"DELETE https://widgets.example.com/w/a", "DELETE https://widgets.example.com/w/b"}, w.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if log := done.Items[2].Log; strings.Contains(log, "hush") || !strings.Contains(log, "main: dropping b with (hidden)") || done.Items[2].Progress != "dropping b with (hidden)" {
		t.Errorf("got log %q", log)
	}
	final := saved[len(saved)-1]
	_, again := drive(t, p, newWorld(), s, copied(t, r), true)
	if diff := cmp.Diff(saved, again); diff != "" {
		t.Errorf("through JSON (-want +got):\n%s", diff)
	}
	for n, text := range saved {
		var from incident.Run
		if err := json.Unmarshal([]byte(text), &from); err != nil {
			t.Fatal(err)
		}
		at := newWorld()
		at.now = later(from.UpdatedAt, from.Next().At)
		end, _ := drive(t, p, at, copied(t, s), &from, true)
		if got, _ := json.Marshal(end); string(got) != final {
			t.Errorf("from step %d (-want +got):\n%s", n, cmp.Diff(final, string(got)))
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func statuses(r *incident.Run) string {
	list := []string{string(r.Status)}
	for _, i := range r.Items {
		list = append(list, string(i.Status))
	}
	return strings.Join(list, " ")
}

func TestHowRunsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*world, *incident.Subject)
		then   func(*testing.T, *incident.Plan, *world, *incident.Subject, *incident.Run)
		want   string
	}{
		{name: "waits for approval", want: "pending completed pending queued queued"},
		{
			name: "denied", want: "denied completed denied skipped skipped",
			then: func(t *testing.T, p *incident.Plan, w *world, s *incident.Subject, r *incident.Run) {
				if err := p.Decide(r, incident.Decision{By: "user:7", At: noon}); err != nil {
					t.Fatal(err)
				}
			},
		},
		{name: "without approvals", want: "completed completed skipped completed completed", change: func(_ *world, s *incident.Subject) { s.SkipApprovals = true }},
		{name: "dry", want: "completed completed skipped skipped skipped", change: func(_ *world, s *incident.Subject) { s.DryRun = true }},
		{name: "the mail fails", want: "failed failed skipped skipped skipped", change: func(w *world, _ *incident.Subject) { w.mailFail = errors.New("no route, host-secret") }},
		{
			name: "the workflow fails", want: "failed completed skipped failed skipped",
			change: func(w *world, s *incident.Subject) { w.status, s.SkipApprovals = 500, true },
			then: func(t *testing.T, _ *incident.Plan, _ *world, _ *incident.Subject, r *incident.Run) {
				if got := r.Items[2].Error; got != "user: widget a: 500" {
					t.Errorf("got error %q", got)
				}
			},
		},
		{
			name: "aborted while it waits", want: "aborted completed aborted aborted aborted",
			then: func(t *testing.T, p *incident.Plan, w *world, s *incident.Subject, r *incident.Run) { p.Abort(r, noon) },
		},
		{
			name: "aborted while its workflow sleeps", want: "aborted completed approved aborted aborted",
			then: func(t *testing.T, p *incident.Plan, w *world, s *incident.Subject, r *incident.Run) {
				if err := p.Decide(r, incident.Decision{Approved: true, At: noon}); err != nil {
					t.Fatal(err)
				}
				for range 8 {
					if r.Next().At.After(w.now) {
						break
					}
					if err := p.Step(t.Context(), w, s, r); err != nil {
						t.Fatal(err)
					}
				}
				p.Abort(r, noon)
				r = reread(t, r)
				steps(t, p, w, s, r)
				if len(w.requests) != 1 {
					t.Errorf("got requests %q, want one", w.requests)
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, s, r := all(t)
			w := newWorld()
			if c.change != nil {
				c.change(w, s)
			}
			steps(t, p, w, s, r)
			if c.then != nil {
				c.then(t, p, w, s, r)
			}
			if got := statuses(r); got != c.want {
				t.Errorf("got %s, want %s (%s)", got, c.want, r.Items[0].Error+r.Items[2].Error)
			}
			for _, i := range r.Items {
				if strings.Contains(i.Error+i.Log, "host-secret") {
					t.Errorf("a secret of the host is in %q", i.Error+i.Log)
				}
			}
		})
	}
}

// reread puts a run through JSON in its place.
func reread(t testing.TB, r *incident.Run) *incident.Run {
	t.Helper()
	*r = *copied(t, r)
	return r
}

func TestDecisionsAreChecked(t *testing.T) {
	t.Parallel()
	p, s, r := all(t)
	if err := p.Decide(r, incident.Decision{Approved: true}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("before it waits: got %v, want Conflict", err)
	}
	steps(t, p, newWorld(), s, r)
	wrong := incident.Decision{Approved: true, Options: map[string]value.Value{"param_delay": "soon"}}
	if err := p.Decide(r, wrong); errs.KindOf(err) != errs.Unprocessable || r.Status != incident.Pending {
		t.Errorf("a text for a number: got %v and %s, want Unprocessable and pending", err, r.Status)
	}
}

func TestStepRefusesWhatDoesNotBelongTogether(t *testing.T) {
	t.Parallel()
	p, s, r := all(t)
	other := *s
	other.Key = "another"
	if err := p.Step(t.Context(), newWorld(), &other, r); err == nil || !strings.Contains(err.Error(), "another state of the incident") {
		t.Errorf("another subject: got %v", err)
	}
	linked := *s
	linked.Link = "https://app.example.com/incidents/1"
	if err := p.Step(t.Context(), newWorld(), &linked, r); err != nil {
		t.Errorf("a link changes nothing: got %v", err)
	}
	q := plan(t, validation(table+"escalate $esc_all\n")+everything+"\n# edited\n")
	if err := q.Step(t.Context(), newWorld(), s, r); err == nil || !strings.Contains(err.Error(), "another source") {
		t.Errorf("another source: got %v", err)
	}
	before := copied(t, r)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Step(ended, newWorld(), s, r); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: got %v", err)
	}
	failing := newWorld()
	ctx, stop := context.WithCancel(t.Context())
	failing.mailFail, failing.onMail = context.Canceled, stop
	if err := p.Step(ctx, failing, s, r); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ends on the way: got %v", err)
	}
	if got := copied(t, r); !cmp.Equal(before.Items[0].Log, got.Items[0].Log) || got.Items[0].Status != incident.Running {
		t.Errorf("the run changed: %+v", got.Items[0])
	}
}

func TestAutomatic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, automatic string
		want            string
	}{
		{"absent", "", "queued"},
		{"true", "automatic true", "queued"},
		{"false", "automatic false", ""},
		{"of a parameter", `automatic contains($param_auto, "Drop")`, "queued"},
		{"of the data", `automatic gt(size(data), 5)`, ""},
		{"one that can't be evaluated", `automatic lt(data, 5)`, "failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan(t, validation(table+"escalate $esc\n")+"escalation \"esc\" do\n"+c.automatic+"\nemail $param_mail\nend\n")
			change := one(t, reconcile(t, p, found(t, noon, `[{"id":"a"}]`)))
			got := ""
			for _, r := range change.Runs {
				got += string(r.Status)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table+"escalate $esc_all\n")+everything)
	var first string
	for n := range 3 {
		text, err := json.Marshal(reconcile(t, p, found(t, noon, `[{"id":"b","name":"B"},{"id":"a","name":"A"}]`)))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = string(text)
		}
		if string(text) != first {
			t.Errorf("time %d (-want +got):\n%s", n, cmp.Diff(first, string(text)))
		}
	}
}
