package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/value"
	"espalier.dev/policylang/workflow"
)

// Status is how far a run or an item of it is.
type Status string

// The statuses. Pending waits for an approval; approved is the end of an item, denied and the others that of a run too.
const (
	Queued    Status = "queued"
	Pending   Status = "pending"
	Running   Status = "running"
	Completed Status = "completed"
	Skipped   Status = "skipped"
	Failed    Status = "failed"
	Aborted   Status = "aborted"
	Approved  Status = "approved"
	Denied    Status = "denied"
)

// Ended reports whether nothing follows.
func (s Status) Ended() bool {
	return slices.Contains([]Status{Completed, Skipped, Failed, Aborted, Approved, Denied}, s)
}

// ItemKind is what an item does.
type ItemKind string

// The kinds of items.
const (
	Email           ItemKind = "email"
	CloudWorkflow   ItemKind = "cloud_workflow"
	RequestApproval ItemKind = "request_approval"
	ResolveIncident ItemKind = "resolve_incident"
)

// Run is an escalation or a resolution that runs. It is plain data; [Plan.Step] moves it on.
type Run struct {
	Kind      Kind   `json:"kind"`
	Action    string `json:"action"`
	Label     string `json:"label"`
	Automatic bool   `json:"automatic,omitempty"`
	// Source is the fingerprint of the template, Subject the key of the subject.
	Source  string `json:"source"`
	Subject string `json:"subject"`
	// Rows are the ids of the rows that were chosen; nil for all.
	Rows []string `json:"rows,omitempty"`
	// Options are what was asked for: by the action when it was chosen, then by requests for approval.
	Options *value.Map `json:"options,omitempty"`
	Status  Status     `json:"status"`
	Items   []*Item    `json:"items"`
	// Error says why it failed before its first item.
	Error     string    `json:"error,omitempty"`
	By        string    `json:"by,omitempty"` // who chose it
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Stopping is set if it was aborted and a workflow still unwinds.
	Stopping bool `json:"stopping,omitempty"`
}

// Item is one thing that a run does.
type Item struct {
	Kind        ItemKind  `json:"kind"`
	Label       string    `json:"label,omitempty"`
	Description string    `json:"description,omitempty"`
	Status      Status    `json:"status"`
	Error       string    `json:"error,omitempty"`
	Log         string    `json:"log,omitempty"`
	Progress    string    `json:"progress,omitempty"` // the last task_label of a workflow
	Wake        time.Time `json:"wake,omitzero"`      // when a workflow goes on
	StartedAt   time.Time `json:"startedAt,omitzero"`
	EndedAt     time.Time `json:"endedAt,omitzero"`
	// DecidedBy and Comment are those of an approval or a denial.
	DecidedBy string `json:"decidedBy,omitempty"`
	Comment   string `json:"comment,omitempty"`
	// Machine is the state of a workflow, which may hold secrets: whoever stores it seals it.
	Machine json.RawMessage `json:"machine,omitempty"`

	machine *workflow.Machine // that Machine holds, once it was needed
}

// Next is what a run waits for.
type Next struct {
	Status Status // of the run
	// At is when to take the next step; zero for at once, or for never if Status is pending or an end.
	At time.Time
}

// Next says when the run goes on.
func (r *Run) Next() Next {
	if i := r.current(); i != nil {
		return Next{r.Status, i.Wake}
	}
	return Next{Status: r.Status}
}

// current is the first item that has not ended, nil if all have.
func (r *Run) current() *Item {
	for _, i := range r.Items {
		if !i.Status.Ended() {
			return i
		}
	}
	return nil
}

// begin makes runs of the actions that run at once.
func (p *Plan) begin(ctx context.Context, host eval.Outside, s *Subject, actions []*Action, at time.Time) []*Run {
	var runs []*Run
	for _, a := range actions {
		r := p.newRun(a, s, at)
		automatic, err := p.automatic(ctx, host, a, s)
		if err != nil {
			r.fail("automatic: "+p.hidden(err.Error(), s, r), at)
		} else if !automatic {
			continue
		}
		r.Automatic = true
		runs = append(runs, r)
	}
	return runs
}

func (p *Plan) newRun(a *Action, s *Subject, at time.Time) *Run {
	r := &Run{Kind: a.Kind, Action: a.Name, Label: a.Label, Source: p.fingerprint, Subject: s.Key, Status: Queued, CreatedAt: at, UpdatedAt: at}
	for _, i := range a.items {
		r.Items = append(r.Items, &Item{Kind: i.kind, Label: i.label, Description: i.description, Status: Queued})
	}
	return r
}

// fail ends a run that has no item to blame.
func (r *Run) fail(problem string, at time.Time) {
	r.Status, r.Error, r.UpdatedAt = Failed, problem, at
	r.rest(Skipped, at)
}

// rest ends the items that have not.
func (r *Run) rest(status Status, at time.Time) {
	for _, i := range r.Items {
		if !i.Status.Ended() {
			i.end(status, "", at)
		}
	}
}

func (i *Item) end(status Status, problem string, at time.Time) {
	i.Status, i.Error, i.EndedAt, i.Wake = status, problem, at, time.Time{}
	i.Machine, i.machine = nil, nil
}

func (p *Plan) automatic(ctx context.Context, host eval.Outside, a *Action, s *Subject) (bool, error) {
	if a.automatic == nil {
		return true, nil
	}
	v, err := p.program.Term(ctx, host, a.automatic, s.scope(s.Data, nil))
	return value.Truth(v), err
}

func (s *Subject) scope(data value.Value, options *value.Map) eval.ActionScope {
	return eval.ActionScope{Words: s.Words, Parameters: s.Parameters, Options: options, Datasources: s.Datasources, Data: data}
}

// Available are the escalations that people may choose for an incident: none unless it is triggered, none of a dry run.
func (p *Plan) Available(ctx context.Context, host eval.Outside, i Incident, s *Subject) []*Action {
	v := p.validation(i.Validation)
	if v == nil || i.State != Triggered || i.DryRun {
		return nil
	}
	var list []*Action
	for _, a := range v.escalations {
		if at, err := p.automatic(ctx, host, a, s); err == nil && !at {
			list = append(list, a)
		}
	}
	return list
}

// Choice is what a person chose to run.
type Choice struct {
	Action string
	// Rows are ids of rows; nil for all.
	Rows    []string
	Options map[string]value.Value
	By      string
	At      time.Time
}

// Begin makes the run of an action that a person chose. The errors are of package errs.
func (p *Plan) Begin(ctx context.Context, host eval.Outside, i Incident, s *Subject, c Choice) (*Run, error) {
	list := p.Available(ctx, host, i, s)
	at := slices.IndexFunc(list, func(a *Action) bool { return a.Name == c.Action })
	switch {
	case i.State != Triggered:
		return nil, conflict("the incident is %s: actions are for triggered ones", i.State)
	case i.DryRun:
		return nil, conflict("the policy runs dry: its actions can't be run")
	case at < 0:
		return nil, &errs.Error{Kind: errs.NotFound, Msg: fmt.Sprintf("the incident has no action %q to run: %s", c.Action, actionNames(list))}
	}
	r := p.newRun(list[at], s, c.At)
	r.By, r.Rows = c.By, c.Rows
	if c.Rows != nil {
		if _, err := p.chosen(s, c.Rows); err != nil {
			return nil, &errs.Error{Kind: errs.Unprocessable, Msg: err.Error()}
		}
	}
	var err error
	if r.Options, err = options(list[at].Parameters, c.Options); err != nil {
		return nil, err
	}
	return r, nil
}

func conflict(format string, args ...any) error {
	return &errs.Error{Kind: errs.Conflict, Msg: fmt.Sprintf(format, args...)}
}

func actionNames(list []*Action) string {
	if len(list) == 0 {
		return "there is none"
	}
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.Name
	}
	return "there are " + strings.Join(names, ", ")
}

// options checks what was given for parameters, and fills in their defaults. It names all that is wrong.
func options(parameters []eval.Parameter, given map[string]value.Value) (*value.Map, error) {
	if len(parameters) == 0 && len(given) == 0 {
		return nil, nil
	}
	out := value.New()
	var wrong []string
	for _, q := range parameters {
		v, ok := given[q.Name]
		switch {
		case ok:
			if err := q.Accept(v); err != nil {
				wrong = append(wrong, err.Error())
			}
		case q.Default != nil:
			v = q.Default
		default:
			wrong = append(wrong, q.Name+" must be given: "+q.Label)
		}
		out.Set(q.Name, v)
	}
	for name := range given {
		if _, known := out.Get(name); !known {
			wrong = append(wrong, "there is no option "+name)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return nil, &errs.Error{Kind: errs.Unprocessable, Msg: strings.Join(wrong, "; ")}
	}
	return out, nil
}

// chosen are the rows with these ids, in their order in the data.
func (p *Plan) chosen(s *Subject, ids []string) ([]value.Value, error) {
	v := p.validation(s.Validation)
	if v == nil || v.export == nil || !v.export.resourceLevel {
		return nil, fmt.Errorf("actions of this incident run on all rows: its table has no resource_level")
	}
	var rows []value.Value
	found := map[string]bool{}
	for _, r := range v.rows(s.Data) {
		if id := v.export.id(r); slices.Contains(ids, id) {
			rows, found[id] = append(rows, r), true
		}
	}
	for _, id := range ids {
		if !found[id] {
			return nil, fmt.Errorf("the incident has no row %q", id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no row was chosen")
	}
	return rows, nil
}

// data are what the items of a run get: the rows that were chosen, or all.
func (p *Plan) data(s *Subject, r *Run) (value.Value, error) {
	if r.Rows == nil {
		return s.Data, nil
	}
	rows, err := p.chosen(s, r.Rows)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// Decision is a person's yes or no to a request for approval.
type Decision struct {
	Approved bool
	Options  map[string]value.Value
	By       string
	Comment  string
	At       time.Time
}

// Decide answers the request that a run waits for. The errors are of package errs.
func (p *Plan) Decide(r *Run, d Decision) error {
	i := r.current()
	if r.Status != Pending || i == nil {
		return conflict("the action waits for no approval: it is %s", r.Status)
	}
	what, err := p.item(r, i)
	if err != nil {
		return err
	}
	if !d.Approved {
		i.DecidedBy, i.Comment = d.By, d.Comment
		i.end(Denied, "", d.At)
		r.rest(Skipped, d.At)
		r.Status, r.UpdatedAt = Denied, d.At
		return nil
	}
	given, err := options(what.parameters, d.Options)
	if err != nil {
		return err
	}
	if given.Len() > 0 && r.Options == nil {
		r.Options = value.New()
	}
	for name, v := range given.All() {
		r.Options.Set(name, v)
	}
	i.DecidedBy, i.Comment = d.By, d.Comment
	i.end(Approved, "", d.At)
	r.Status, r.UpdatedAt = Queued, d.At
	if r.current() == nil {
		r.Status = Completed
	}
	return nil
}

// Abort stops a run. A workflow that is under way unwinds first, in further steps; everything else stops at once.
func (p *Plan) Abort(r *Run, at time.Time) {
	if r.Status.Ended() {
		return
	}
	r.UpdatedAt = at
	if i := r.current(); i != nil && i.Machine != nil && p.cancel(i) {
		r.Stopping, i.Wake = true, time.Time{}
		return
	}
	r.rest(Aborted, at)
	r.Status = Aborted
}

// cancel tells a workflow to unwind. It reports false if its state can't be read.
func (p *Plan) cancel(i *Item) bool {
	m, err := workflow.Resume(p.definitions, i.Machine, p.config)
	if err != nil {
		return false
	}
	m.Cancel()
	i.machine = m
	i.Machine, err = m.MarshalJSON()
	return err == nil
}

// item is what the template says about an item of a run.
func (p *Plan) item(r *Run, i *Item) (*item, error) {
	if r.Source != p.fingerprint {
		return nil, fmt.Errorf("the run began with another source of the template: %.12s, not %.12s", r.Source, p.fingerprint)
	}
	a, n := p.actions[r.Action], slices.Index(r.Items, i)
	if a == nil || n < 0 || n >= len(a.items) || a.items[n].kind != i.Kind {
		return nil, fmt.Errorf("the run has an item that %s %s has not", r.Kind, r.Action)
	}
	return a.items[n], nil
}
