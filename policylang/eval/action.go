package eval

import (
	"context"
	"fmt"
	"time"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/term"
	"espalier.dev/policylang/value"
)

// Outside is the part of a [Host] that the terms of actions need.
type Outside interface {
	// Now is the present time.
	Now() time.Time
	// Secret is the stored secret that cred("NAME") means.
	Secret(ctx context.Context, name string) (string, error)
}

// ActionScope is what the terms of escalations and resolutions may name.
type ActionScope struct {
	Words Words
	// Parameters are the policy's; Options, those that were asked for when the action began, come before them.
	Parameters, Options *value.Map
	// Datasources are those of the [Result] of the evaluation that the action goes back to.
	Datasources *value.Map
	Data        value.Value
}

// outside is a host of which only a part is there.
type outside struct {
	Host // nil: no term of an action calls the rest
	Outside
}

// Now is the present time.
func (o outside) Now() time.Time { return o.Outside.Now() }

// Secret is a stored secret.
func (o outside) Secret(ctx context.Context, name string) (string, error) {
	return o.Outside.Secret(ctx, name)
}

// Template is the template that the program was made of.
func (p *Program) Template() *resolve.Template { return p.template }

// Term evaluates a term of an escalation or a resolution.
func (p *Program) Term(ctx context.Context, host Outside, x syntax.Expr, in ActionScope) (value.Value, error) {
	s := p.actionRun(ctx, host, in).scope(ctx, nil)
	s.data, s.inData = in.Data, true
	v, err := s.eval(x)
	return value.Settle(v), err
}

// Auth is what the template says about the credentials by which an action signs a request.
func (p *Program) Auth(ctx context.Context, host Outside, name string, in ActionScope) (*Auth, error) {
	a, failure := p.actionRun(ctx, host, in).auth(ctx, &Auth{Name: name})
	if failure != nil {
		return nil, failure
	}
	return a, nil
}

// actionRun is a run in which the values are there already.
func (p *Program) actionRun(ctx context.Context, host Outside, in ActionScope) *run {
	limits := Limits{}.withDefaults()
	r := &run{
		Program: p, ctx: ctx, host: outside{Outside: host}, words: in.Words, limits: limits, params: in.Parameters.Clone(), start: host.Now(),
		values: make(map[*datasource]*step),
	}
	r.terms = term.New(func() time.Time { return r.start }, limits.values())
	for name, v := range in.Options.All() {
		r.params.Set(name, v)
	}
	for _, d := range p.datasources {
		if v, ok := in.Datasources.Get(d.name); ok {
			r.values[d] = &step{datasource: d, value: &kept{value: v}}
		}
	}
	return r
}

// ReadParameter reads a parameter block of an escalation, a resolution, or a request for approval.
func (p *Program) ReadParameter(block *syntax.Statement) (Parameter, error) {
	if block.Name() == nil {
		return Parameter{}, fmt.Errorf("a parameter has no name")
	}
	c := &compiler{Program: p}
	q := c.parameter(&resolve.Decl{Kind: resolve.Parameter, Name: block.Name().Value, Block: block})
	return q, c.err
}
