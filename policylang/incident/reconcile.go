package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/message"
	"espalier.dev/policylang/value"
)

// Evaluation is what an evaluation of an applied policy gave, and how the policy is applied.
type Evaluation struct {
	Result eval.Result
	Words  eval.Words
	// Policy is the name of the applied policy, Severity replaces the template's if it is not empty.
	Policy, Severity string
	DryRun           bool
	SkipApprovals    bool
	At               time.Time
}

// Edge is what happened to an incident.
type Edge string

// The edges.
const (
	Created   Edge = "created"   // escalations run
	Updated   Edge = "updated"   // the violation changed: escalations run again
	Refreshed Edge = "refreshed" // the violation is the same by its hash: nothing runs
	Closed    Edge = "resolved"  // no violation any more, or somebody resolved it: resolutions run
	Ended     Edge = "terminated"
)

// Change is what became of one incident.
type Change struct {
	Edge     Edge     `json:"edge"`
	Incident Incident `json:"incident"`
	// Rows are the rows that came, changed and went, compared with the incident before.
	Rows RowChanges `json:"rows"`
	// Subject is what the runs are about, also those that people begin later; nil if the incident is terminated.
	Subject *Subject `json:"subject,omitempty"`
	Runs    []*Run   `json:"runs,omitempty"`
	// Problems are what went wrong with texts, for the log.
	Problems []string `json:"problems,omitempty"`
}

// RowChanges name rows by their ids, or by their hashes where the table has no ids that differ.
type RowChanges struct {
	New     []string `json:"new,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Gone    []string `json:"gone,omitempty"`
}

// Reconcile compares findings with the incidents that are known of the same applied policy, and tells what to store and
// what to run. Incidents that are not triggered are left alone. Of an evaluation that did not complete nothing comes. The
// changes come in the order of the validations; an incident whose validation is no more is terminated.
func (p *Plan) Reconcile(ctx context.Context, host eval.Outside, e Evaluation, stored []Incident) ([]Change, error) {
	if e.Result.Status != eval.Completed {
		return nil, nil
	}
	var changes []Change
	for _, f := range e.Result.Findings {
		v := p.validation(f.Validation)
		if v == nil {
			return nil, fmt.Errorf("the evaluation has a validation %d, which the template has not", f.Validation)
		}
		at := slices.IndexFunc(stored, func(i Incident) bool { return i.State == Triggered && i.Validation == f.Validation })
		var before *Incident
		if at >= 0 {
			before = &stored[at]
		}
		c, err := p.reconcile(ctx, host, e, v, f, before)
		if err != nil {
			return nil, err
		}
		if c != nil {
			changes = append(changes, *c)
		}
	}
	for _, i := range stored {
		if i.State == Triggered && p.validation(i.Validation) == nil {
			changes = append(changes, p.Terminate(i, e.At))
		}
	}
	return changes, nil
}

func (p *Plan) reconcile(ctx context.Context, host eval.Outside, e Evaluation, v *validation, f eval.Finding, before *Incident) (*Change, error) {
	if !f.Violated {
		if before == nil {
			return nil, nil
		}
		subject := p.subject(e, *before)
		c := p.Resolve(ctx, host, *before, subject, By{At: e.At, Message: "the policy found no violation any more"})
		c.Rows.Gone = rowNames(v.rows(before.Data), v)
		return &c, nil
	}
	c := &Change{Edge: Created, Incident: Incident{Validation: v.ordinal, CreatedAt: e.At, UpdatedAt: e.At}}
	if before != nil {
		c.Edge, c.Incident = Refreshed, *before
		c.Rows = v.compare(before.Data, f.Data)
	} else {
		c.Rows.New = rowNames(v.rows(f.Data), v)
	}
	i := &c.Incident
	i.State, i.DryRun, i.Severity, i.Category, i.Data, i.CheckedAt = Triggered, e.DryRun, f.Severity, f.Category, f.Data, e.At
	if e.Severity != "" {
		i.Severity = e.Severity
	}
	i.Rows = max(len(v.rows(f.Data)), 1)
	hash := v.hash(f.Data)
	if before != nil && (hash != before.Hash || before.DryRun && !e.DryRun) {
		c.Edge, i.UpdatedAt = Updated, e.At
	}
	i.Hash = hash
	if err := p.texts(ctx, v, e, c); err != nil {
		return nil, err
	}
	c.Subject = p.subject(e, *i)
	if c.Edge != Refreshed {
		c.Runs = p.begin(ctx, host, c.Subject, v.escalations, e.At)
	}
	return c, nil
}

// maxSummary is how many bytes a summary has at most: it stands in lists.
const maxSummary = 4000

// texts renders summary and detail. What can't be executed becomes its error. The error is that of a context that ended.
func (p *Plan) texts(ctx context.Context, v *validation, e Evaluation, c *Change) error {
	data := message.NewData(c.Incident.Data, e.Result.Parameters, words(e.Words))
	render := func(t *message.Template, what string) (string, error) {
		if t == nil {
			return "", nil
		}
		text, err := t.Execute(ctx, data, p.limits.Message)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			c.Problems = append(c.Problems, what+" of the validation of "+v.target+": "+err.Error())
			return err.Error(), nil
		}
		return text, nil
	}
	var err error
	if c.Incident.Summary, err = render(v.summary, "summary_template"); err != nil {
		return err
	}
	c.Incident.Summary = cut(strings.TrimSpace(c.Incident.Summary), maxSummary)
	c.Incident.Detail, err = render(v.detail, "detail_template")
	return err
}

// words are the values of the reserved words for text templates.
func words(w eval.Words) map[string]value.Value {
	all := map[string]value.Value{
		"rs_org_id": value.Int(w.OrgID), "rs_org_name": w.OrgName, "rs_project_id": value.Int(w.ProjectID), "rs_project_name": w.ProjectName,
	}
	for word, host := range w.Hosts {
		all[word] = host
	}
	return all
}

// By says who resolves an incident, when, and why. By is empty if it is no person.
type By struct {
	By, Message string
	At          time.Time
}

// Resolve resolves a triggered incident and begins its resolutions; any other it leaves as it is.
func (p *Plan) Resolve(ctx context.Context, host eval.Outside, i Incident, s *Subject, by By) Change {
	c := Change{Edge: Closed, Incident: i, Subject: s}
	if i.State != Triggered {
		return Change{Incident: i}
	}
	c.Incident.State, c.Incident.ResolvedAt, c.Incident.ResolvedBy, c.Incident.ResolutionMessage = Resolved, by.At, by.By, by.Message
	if v := p.validation(i.Validation); v != nil {
		c.Runs = p.begin(ctx, host, s, v.resolutions, by.At)
	}
	return c
}

// Terminate ends an incident with its policy, or with its validation: nothing runs any more.
func (p *Plan) Terminate(i Incident, at time.Time) Change {
	i.State, i.UpdatedAt = Terminated, at
	return Change{Edge: Ended, Incident: i}
}

// compare tells which rows came, changed and went.
func (v *validation) compare(before, after value.Value) RowChanges {
	old, now := v.rows(before), v.rows(after)
	oldNames, nowNames := rowNames(old, v), rowNames(now, v)
	left := map[string][]string{}
	for i, n := range oldNames {
		left[n] = append(left[n], v.hash(old[i]))
	}
	var c RowChanges
	for i, n := range nowNames {
		hashes := left[n]
		if len(hashes) == 0 {
			c.New = append(c.New, n)
			continue
		}
		if hashes[0] != v.hash(now[i]) {
			c.Changed = append(c.Changed, n)
		}
		left[n] = hashes[1:]
	}
	for _, n := range oldNames {
		if len(left[n]) > 0 {
			c.Gone = append(c.Gone, n)
			left[n] = left[n][1:]
		}
	}
	return c
}

// rowNames are the ids of rows if all have one and no two the same, else their hashes.
func rowNames(rows []value.Value, v *validation) []string {
	names, seen := make([]string, len(rows)), make(map[string]bool, len(rows))
	for i, r := range rows {
		if v.export != nil {
			names[i] = v.export.id(r)
		}
		if names[i] == "" || seen[names[i]] {
			for i, r := range rows {
				names[i] = v.hash(r)[:16]
			}
			return names
		}
		seen[names[i]] = true
	}
	return names
}
