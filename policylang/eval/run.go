package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"espalier.dev/policylang/script"
	"espalier.dev/policylang/term"
	"espalier.dev/policylang/value"
)

// Input is what one evaluation is about.
type Input struct {
	// Options are the values that were chosen for parameters, by name; the others have their defaults.
	Options map[string]value.Value
	Words   Words
	Limits  Limits
	// Script are the limits of each script; the time of one is Limits.Datasource if nothing else is said.
	Script script.Limits
	Level  Level
}

// Words are what the reserved words stand for.
type Words struct {
	OrgID       int64
	OrgName     string
	ProjectID   int64
	ProjectName string
	// PolicyID is empty if the template is tried without being applied, MetaParentPolicyID if no policy applied it.
	PolicyID           string
	MetaParentPolicyID string
	// Hosts are the names of servers by word: rs_optima_host, rs_governance_host, rs_cm_host, rs_ss_host, f1_app_host.
	Hosts map[string]string
}

// Status is how an evaluation ended.
type Status string

// The ends of an evaluation.
const (
	Completed Status = "completed"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Result is what an evaluation gave. It is plain data, which JSON holds unchanged.
type Result struct {
	Status  Status   `json:"status"`
	Failure *Failure `json:"failure,omitempty"`
	// Findings has one for each validation, in their order; none unless the evaluation completed.
	Findings []Finding `json:"findings,omitempty"`
	// Parameters are the values that the evaluation used, by name, in the order of the source.
	Parameters *value.Map `json:"parameters"`
	// Datasources are values by name, in the order of the source: of Evaluate those that actions refer to, of Retrieve those
	// that were asked for. After a failure those that did not come to be are missing.
	Datasources *value.Map `json:"datasources"`
	// Log is what happened, in Markdown.
	Log string `json:"log"`
	// Requests and Bytes are how many requests were sent, and how much was received. After a failure it is chance how much of
	// what went side by side is counted.
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`
}

// Evaluate evaluates the datasources that the policy needs, and validates them.
func (p *Program) Evaluate(ctx context.Context, host Host, in Input) Result {
	return p.run(ctx, host, in, func(r *run) *Failure {
		var roots []*datasource
		for _, v := range p.validations {
			roots = append(append(roots, v.needs...), v.actions...)
			r.asked = append(r.asked, v.actions...)
		}
		if failure := r.evaluate(r.ctx, roots); failure != nil {
			return failure
		}
		return r.validate()
	})
}

// Retrieve evaluates the datasources of the given names, or all if there are none, and what they need.
func (p *Program) Retrieve(ctx context.Context, host Host, in Input, names ...string) Result {
	return p.run(ctx, host, in, func(r *run) *Failure {
		roots, failure := p.asked(names)
		if failure != nil {
			return failure
		}
		r.asked = roots
		return r.evaluate(r.ctx, roots)
	})
}

// asked finds datasources by their names.
func (p *Program) asked(names []string) ([]*datasource, *Failure) {
	var list []*datasource
	for _, d := range p.datasources {
		if len(names) == 0 && !d.resources {
			list = append(list, d)
		}
	}
	for _, name := range names {
		d := p.byDecl[p.template.Named(name)]
		if d == nil {
			return nil, failf("there is no such datasource", "the template has no datasource %s", name)
		}
		list = append(list, d)
	}
	return list, nil
}

// run is one evaluation.
type run struct {
	*Program
	ctx     context.Context
	host    Host
	words   Words
	limits  Limits
	scripts script.Limits
	level   Level
	params  *value.Map
	start   time.Time

	slots    chan struct{} // holds one for each request that is on its way
	script   chan struct{} // holds one if a script runs
	sent     atomic.Int64
	received atomic.Int64
	held     atomic.Int64 // bytes of values

	terms    *term.Program
	values   map[*datasource]*step
	asked    []*datasource // whose values are in the result
	findings []Finding

	log  strings.Builder
	mask *strings.Replacer
	full bool // the log is
}

// run does what both kinds of evaluation have in common.
func (p *Program) run(ctx context.Context, host Host, in Input, work func(*run) *Failure) Result {
	limits := in.Limits.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Wall, errWall)
	defer cancel()
	r := &run{
		Program: p, ctx: ctx, host: host, words: in.Words, limits: limits, scripts: in.Script, level: in.Level, start: host.Now(),
		slots: make(chan struct{}, limits.Parallel), script: make(chan struct{}, 1), mask: strings.NewReplacer(),
	}
	r.terms = term.New(func() time.Time { return r.start }, limits.values())
	var err error
	var failure *Failure
	if r.params, err = p.Bind(in.Options); err != nil {
		failure = because("parameters are not as they should be", err)
	} else {
		r.hide()
		failure = work(r)
	}
	return r.result(failure)
}

func (r *run) result(failure *Failure) Result {
	res := Result{Status: Completed, Findings: r.findings, Parameters: r.params, Datasources: value.New(), Requests: r.sent.Load(), Bytes: r.received.Load()}
	if failure != nil {
		res.Status, res.Findings = Failed, nil
		if failure.Limit == "" && (errors.Is(failure, context.Canceled) || errors.Is(failure, context.DeadlineExceeded)) && r.ctx.Err() != nil {
			res.Status = Cancelled
		}
		if e, ok := errors.AsType[*term.Error](failure.cause); ok {
			failure.Location = append(failure.Location, fmt.Sprintf("line %d", r.template.File.Source.LineOf(e.Span.Start)))
		}
		failure.Detail = cut(r.masked(failure.Detail), detailExcerpt)
		res.Failure = failure
		r.writeLast(failure.block())
	}
	for _, d := range r.datasources {
		if s := r.values[d]; s != nil && s.value != nil && slices.Contains(r.asked, d) {
			res.Datasources.Set(d.name, s.value.value)
		}
	}
	res.Log = r.log.String()
	return res
}
