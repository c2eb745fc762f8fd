package incident_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier.dev/errs"
	"espalier.dev/policylang/check"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/langtest"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
	"espalier.dev/policylang/workflow"
)

var noon = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

const head = `
name "Idle Widgets"
rs_pt_ver 20180301
type "policy"
short_description "s"
severity "high"
category "Cost"
parameter "param_mail" do
  type "list"
  label "Recipients"
  default ["ann@example.com"]
end
parameter "param_auto" do
  type "list"
  label "Actions"
  default ["Drop"]
end
parameter "param_account" do
  type "string"
  label "Account"
  default "123456789012"
end
parameter "param_token" do
  type "string"
  label "Token"
  no_echo true
  default "hush-hush"
end
credentials "auth_widgets" do
  schemes "aws_sts"
  label "Widgets"
  aws_account_number $param_account
end
datasource "ds_widgets" do
  request do
    host "widgets.example.com"
  end
end
`

// validation is a policy whose one validation holds these statements besides its texts.
func validation(statements string) string {
	return head + `
policy "pol" do
  validate_each $ds_widgets do
    summary_template "{{ len data }} idle in {{ rs_project_name }}"
    detail_template "{{ range data }}* {{ .name }}\n{{ end }}"
    check eq(val(item, "name"), "")
` + statements + `
  end
end
`
}

const table = `
    export do
      resource_level true
      field "id" do
        label "Widget"
      end
      field "name"
    end
`

func plan(t testing.TB, text string) *incident.Plan {
	t.Helper()
	tree, wrong := syntax.Parse(source.NewFile("t.pt", []byte(text)))
	tmpl, names := resolve.Resolve(tree)
	for _, d := range append(append(wrong, names...), check.Check(tmpl)...) {
		if d.Severity == source.Error {
			t.Fatalf("line %d: %s", d.File.LineOf(d.Span.Start), d.Message)
		}
	}
	program, err := eval.Compile(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	p, err := incident.Compile(program, incident.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decode(t testing.TB, text string) value.Value {
	t.Helper()
	v, err := value.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// found is an evaluation whose validations found the data given, "" for no violation.
func found(t testing.TB, at time.Time, data ...string) incident.Evaluation {
	t.Helper()
	parameters := decode(t, `{"param_mail":["ann@example.com","Bob <bob@example.com>"],"param_auto":["Drop"],"param_account":"123456789012","param_token":"hush-hush"}`)
	e := incident.Evaluation{
		Result: eval.Result{Status: eval.Completed, Parameters: parameters.(*value.Map), Datasources: value.New()},
		Words:  eval.Words{OrgID: 7000000001, OrgName: "Acme", ProjectID: 42, ProjectName: "Blue"}, Policy: "Idle widgets of Blue", At: at,
	}
	for i, text := range data {
		f := eval.Finding{Policy: "pol", Validation: i, Datasource: "ds_widgets", Each: true, Severity: "high", Category: "Cost"}
		if text != "" {
			f.Violated, f.Data = true, decode(t, text)
		}
		e.Result.Findings = append(e.Result.Findings, f)
	}
	return e
}

// world is a host that keeps what it is asked for.
type world struct {
	now      time.Time
	mails    []incident.Mail
	requests []string
	accounts []string
	resolved int
	status   int
	mailFail error
	onMail   func()
}

func (w *world) Now() time.Time { return w.now }
func (w *world) Secret(context.Context, string) (string, error) {
	return "secret", nil
}
func (w *world) Random(n int) ([]byte, error) { return make([]byte, n), nil }
func (w *world) Mask(text string) string      { return strings.ReplaceAll(text, "host-secret", "(hidden)") }
func (w *world) Mail(_ context.Context, m incident.Mail) error {
	w.mails = append(w.mails, m)
	if w.onMail != nil {
		w.onMail()
	}
	return w.mailFail
}
func (w *world) Resolve(context.Context, *incident.Run) error {
	w.resolved++
	return nil
}
func (w *world) Do(_ context.Context, r incident.Request) (workflow.Response, error) {
	w.requests = append(w.requests, r.Method+" "+r.URL)
	if r.Auth != nil {
		w.accounts = append(w.accounts, r.Auth.Name+" "+r.Auth.AccountNumber)
	}
	return workflow.Response{Status: w.status}, nil
}

func newWorld() *world { return &world{now: noon, status: 204} }

func reconcile(t testing.TB, p *incident.Plan, e incident.Evaluation, stored ...incident.Incident) []incident.Change {
	t.Helper()
	changes, err := p.Reconcile(t.Context(), newWorld(), e, stored)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func one(t testing.TB, changes []incident.Change) incident.Change {
	t.Helper()
	if len(changes) != 1 {
		t.Fatalf("got %d changes, want 1", len(changes))
	}
	return changes[0]
}

func TestEdges(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table+`
    hash_exclude "age"
    escalate $esc_mail
    escalate $esc_drop
    resolve $res_mail
`)+`
escalation "esc_mail" do
  email $param_mail
end
escalation "esc_drop" do
  automatic contains($param_auto, "Never")
  label "Drop"
  email "x@example.com"
end
resolution "res_mail" do
  email $param_mail
end
`)
	const a, aged, b = `[{"id":"a","name":"A","age":1}]`, `[{"id":"a","name":"A","age":2}]`, `[{"id":"a","name":"A2","age":1},{"id":"b","name":"B","age":1}]`
	first := one(t, reconcile(t, p, found(t, noon, a))).Incident
	resolved := first
	resolved.State = incident.Resolved
	for _, c := range []struct {
		name   string
		stored []incident.Incident
		data   string
		edge   incident.Edge
		runs   []string
		rows   incident.RowChanges
	}{
		{"nothing there, nothing came", nil, "", "", nil, incident.RowChanges{}},
		{"a new violation", nil, a, incident.Created, []string{"esc_mail"}, incident.RowChanges{New: []string{"a"}}},
		{"the same again", []incident.Incident{first}, a, incident.Refreshed, nil, incident.RowChanges{}},
		{"another value of a field outside of the hash", []incident.Incident{first}, aged, incident.Refreshed, nil, incident.RowChanges{}},
		{"a row more, and one changed", []incident.Incident{first}, b, incident.Updated, []string{"esc_mail"}, incident.RowChanges{New: []string{"b"}, Changed: []string{"a"}}},
		{"gone", []incident.Incident{first}, "", incident.Closed, []string{"res_mail"}, incident.RowChanges{Gone: []string{"a"}}},
		{"resolved before, and there again", []incident.Incident{resolved}, a, incident.Created, []string{"esc_mail"}, incident.RowChanges{New: []string{"a"}}},
		{"resolved before, and still away", []incident.Incident{resolved}, "", "", nil, incident.RowChanges{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changes := reconcile(t, p, found(t, noon.Add(time.Hour), c.data), c.stored...)
			if c.edge == "" {
				if len(changes) != 0 {
					t.Errorf("got %v, want nothing", changes)
				}
				return
			}
			got := one(t, changes)
			var runs []string
			for _, r := range got.Runs {
				runs = append(runs, r.Action)
			}
			if got.Edge != c.edge {
				t.Errorf("got edge %s, want %s", got.Edge, c.edge)
			}
			if diff := cmp.Diff(c.runs, runs); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.rows, got.Rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIncident(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table))
	before := one(t, reconcile(t, p, found(t, noon, `[{"id":"a","name":"A"}]`))).Incident
	later := noon.Add(time.Hour)
	got := one(t, reconcile(t, p, found(t, later, `[{"id":"a","name":"A"},{"id":"b","name":"B"}]`), before)).Incident
	want := incident.Incident{
		State: incident.Triggered, Severity: "high", Category: "Cost", Summary: "2 idle in Blue", Detail: "* A\n* B\n", Rows: 2,
		CreatedAt: noon, UpdatedAt: later, CheckedAt: later,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(incident.Incident{}, "Data", "Hash")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var again incident.Incident
	text, err := json.Marshal(got)
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if second, _ := json.Marshal(again); err != nil || string(second) != string(text) {
		t.Errorf("JSON and back gives %s, %v, want %s", second, err, text)
	}
}

func TestEvaluationsThatFailedChangeNothing(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table))
	before := one(t, reconcile(t, p, found(t, noon, `[{"id":"a"}]`))).Incident
	e := found(t, noon, "")
	e.Result.Status = eval.Failed
	if got := reconcile(t, p, e, before); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestAnIncidentWithoutValidationIsTerminated(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table))
	got := one(t, reconcile(t, p, found(t, noon, ""), incident.Incident{Validation: 3, State: incident.Triggered}))
	if got.Edge != incident.Ended || got.Incident.State != incident.Terminated || got.Runs != nil {
		t.Errorf("got %+v, want it terminated", got)
	}
}

func TestATemplateThatFailsKeepsTheIncident(t *testing.T) {
	t.Parallel()
	p := plan(t, strings.Replace(validation(table), "{{ len data }} idle", "{{ index data 9 }}", 1))
	got := one(t, reconcile(t, p, found(t, noon, `[{"id":"a","name":"A"}]`)))
	if !strings.Contains(got.Incident.Summary, "line 1 of the text template") || len(got.Problems) != 1 || got.Incident.Detail != "* A\n" {
		t.Errorf("got summary %q, problems %q", got.Incident.Summary, got.Problems)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, statement, before, after string
		changed                        bool
	}{
		{"order of members", "", `[{"id":"a","x":1}]`, `[{"x":1,"id":"a"}]`, false},
		{"order of rows", "", `[{"id":"a"},{"id":"b"}]`, `[{"id":"b"},{"id":"a"}]`, true},
		{"included", `hash_include "id"`, `[{"id":"a","x":1}]`, `[{"id":"a","x":2}]`, false},
		{"included, changed", `hash_include "id", "x"`, `[{"id":"a","x":1}]`, `[{"id":"a","x":2}]`, true},
		{"excluded", `hash_exclude "x", "y"`, `[{"id":"a","x":1}]`, `[{"id":"a","x":2,"y":1}]`, false},
		{"only at the top", `hash_exclude "x"`, `[{"id":"a","in":{"x":1}}]`, `[{"id":"a","in":{"x":2}}]`, true},
		{"of an object its own members", `hash_exclude "x"`, `{"id":"a","x":1}`, `{"id":"a","x":2}`, false},
		{"of a text all", `hash_exclude "x"`, `["a"]`, `["b"]`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan(t, validation(table+c.statement))
			before := one(t, reconcile(t, p, found(t, noon, c.before))).Incident
			got := one(t, reconcile(t, p, found(t, noon, c.after), before)).Edge == incident.Updated
			if got != c.changed {
				t.Errorf("got changed %t, want %t", got, c.changed)
			}
		})
	}
}

func TestRowsWithoutIdsAreToldApartByTheirContent(t *testing.T) {
	t.Parallel()
	p := plan(t, validation("export do\nfield \"name\"\nend\n"))
	before := one(t, reconcile(t, p, found(t, noon, `[{"name":"A"},{"name":"A"},{"name":"B"}]`))).Incident
	got := one(t, reconcile(t, p, found(t, noon, `[{"name":"A"},{"name":"C"}]`), before)).Rows
	if len(got.New) != 1 || len(got.Gone) != 2 || len(got.Changed) != 0 {
		t.Errorf("got %+v, want one new and two gone", got)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(`
    export "grid[]" do
      resource_level true
      field "id"
      field "owner" do
        label "Owner"
        path "meta.owner"
      end
      field "link" do
        format "link-external"
      end
      field "cost" do
        format "currency"
      end
      field "share" do
        format "right %.1f%%"
      end
      field "state" do
        format "center"
      end
      field "tags"
      field "wild" do
        format "right %999999999d"
      end
    end`))
	data := `{"grid":[
		{"id":"a","meta":{"owner":"Ann"},"link":"w-1||https://x.example.com/1","cost":1234567.5,"share":3,"state":"on","tags":{"k":[1,2]},"wild":7},
		{"id":12345678901,"link":"w-2||javascript:alert(1)","cost":"-12","share":"none","state":null,"tags":true}]}`
	got := p.Table(0, decode(t, data))
	want := &incident.Table{
		ResourceLevel: true,
		Columns: []incident.Column{
			{Name: "id", Label: "id", Align: "left"}, {Name: "owner", Label: "Owner", Align: "left"}, {Name: "link", Label: "link", Align: "left", Link: true},
			{Name: "cost", Label: "cost", Align: "right"}, {Name: "share", Label: "share", Align: "right"}, {Name: "state", Label: "state", Align: "center"},
			{Name: "tags", Label: "tags", Align: "left"}, {Name: "wild", Label: "wild", Align: "right"},
		},
		Rows: []incident.Row{
			{ID: "a", Cells: []incident.Cell{{Text: "a"}, {Text: "Ann"}, {Text: "w-1", URL: "https://x.example.com/1"}, {Text: "1,234,567.50", Number: true}, {Text: "3.0%", Number: true}, {Text: "on"}, {Text: `{"k":[1,2]}`}, {Text: "7", Number: true}}},
			{ID: "12345678901", Cells: []incident.Cell{{Text: "12345678901", Number: true}, {}, {Text: "w-2"}, {Text: "-12.00", Number: true}, {Text: "none"}, {}, {Text: "true"}, {}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := len(p.Rows(0, decode(t, data))); got != 2 {
		t.Errorf("got %d rows, want 2", got)
	}
}

const chosen = `
escalation "esc_drop" do
  automatic false
  label "Drop widgets"
  parameter "param_why" do
    type "string"
    label "Why"
    min_length 3
  end
  run "drop", data, $param_why
end
escalation "esc_now" do
  email $param_mail
end
define drop($data, $why) return $n do
  $n = size($data)
  http_request(auth: $$auth_widgets, verb: "delete", https: true, host: "widgets.example.com", href: "/" + $why + "/" + to_s($n))
end
`

func TestChoosingAnAction(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table+"escalate $esc_drop\nescalate $esc_now\n")+chosen)
	c := one(t, reconcile(t, p, found(t, noon, `[{"id":"a","name":"A"},{"id":"b","name":"B"}]`)))
	resolved, dry := c.Incident, c.Incident
	resolved.State, dry.DryRun = incident.Resolved, true
	why := func(s string) map[string]value.Value { return map[string]value.Value{"param_why": s} }
	for _, d := range []struct {
		name   string
		of     incident.Incident
		choice incident.Choice
		kind   errs.Kind
		want   string
	}{
		{"all rows", c.Incident, incident.Choice{Action: "esc_drop", Options: why("old")}, 0, ""},
		{"one row", c.Incident, incident.Choice{Action: "esc_drop", Rows: []string{"b"}, Options: why("old")}, 0, ""},
		{"no row", c.Incident, incident.Choice{Action: "esc_drop", Rows: []string{}, Options: why("old")}, errs.Unprocessable, "no row was chosen"},
		{"a row that is not there", c.Incident, incident.Choice{Action: "esc_drop", Rows: []string{"z"}, Options: why("old")}, errs.Unprocessable, `no row "z"`},
		{"an option missing", c.Incident, incident.Choice{Action: "esc_drop"}, errs.Unprocessable, "param_why must be given"},
		{"an option too short", c.Incident, incident.Choice{Action: "esc_drop", Options: why("x")}, errs.Unprocessable, "at least 3"},
		{"an option too many", c.Incident, incident.Choice{Action: "esc_drop", Options: map[string]value.Value{"param_why": "old", "other": "x"}}, errs.Unprocessable, "no option other"},
		{"one that runs by itself", c.Incident, incident.Choice{Action: "esc_now"}, errs.NotFound, "there are esc_drop"},
		{"of a resolved incident", resolved, incident.Choice{Action: "esc_drop", Options: why("old")}, errs.Conflict, "resolved"},
		{"of a dry run", dry, incident.Choice{Action: "esc_drop", Options: why("old")}, errs.Conflict, "runs dry"},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Begin(t.Context(), newWorld(), d.of, c.Subject, d.choice)
			if d.want == "" && err != nil || d.want != "" && (err == nil || errs.KindOf(err) != d.kind || !strings.Contains(err.Error(), d.want)) {
				t.Errorf("got %v, want %v: %s", err, d.kind, d.want)
			}
		})
	}
	if got := p.Available(t.Context(), newWorld(), c.Incident, c.Subject); len(got) != 1 || got[0].Label != "Drop widgets" || len(got[0].Parameters) != 1 {
		t.Errorf("got %v, want esc_drop alone", got)
	}
}

func TestActionsOnChosenRows(t *testing.T) {
	t.Parallel()
	p := plan(t, validation(table+"escalate $esc_drop\nescalate $esc_now\n")+chosen)
	c := one(t, reconcile(t, p, found(t, noon, `[{"id":"a","name":"A"},{"id":"b","name":"B"}]`)))
	run, err := p.Begin(t.Context(), newWorld(), c.Incident, c.Subject, incident.Choice{Action: "esc_drop", Rows: []string{"b"}, Options: map[string]value.Value{"param_why": "old"}, By: "user:1", At: noon})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	steps(t, p, w, c.Subject, run)
	if diff := cmp.Diff([]string{"DELETE https://widgets.example.com/old/1"}, w.requests); diff != "" || run.Status != incident.Completed {
		t.Errorf("status %s %s, requests (-want +got):\n%s", run.Status, run.Items[0].Error, diff)
	}
	if want := "auth_widgets 123456789012"; len(w.accounts) != 1 || w.accounts[0] != want {
		t.Errorf("got signed by %q, want %q", w.accounts, want)
	}
}

// steps takes the steps of a run until it waits for an approval or ends.
func steps(t testing.TB, p *incident.Plan, w *world, s *incident.Subject, r *incident.Run) {
	t.Helper()
	for range 200 {
		if r.Status.Ended() || r.Status == incident.Pending && !r.Stopping {
			return
		}
		if at := r.Next().At; at.After(w.now) {
			w.now = at
		}
		if err := p.Step(t.Context(), w, s, r); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("the run does not end: %s", fmt.Sprint(r.Status))
}

// TestCorpus: every public template has a plan.
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range langtest.Corpus(t) {
		tree, _ := syntax.Parse(source.NewFile(c.Name, c.Text))
		tmpl, _ := resolve.Resolve(tree)
		program, err := eval.Compile(tmpl)
		if err == nil {
			_, err = incident.Compile(program, incident.Limits{})
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}
