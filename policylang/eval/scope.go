package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// kept is the value of a datasource, and its JSON once that is needed.
type kept struct {
	value value.Value
	once  sync.Once
	text  json.RawMessage
}

// json is the value as scripts get it.
func (k *kept) json() json.RawMessage {
	k.once.Do(func() {
		if k.text == nil {
			k.text = value.Encode(k.value)
		}
	})
	return k.text
}

// scope is what the words of a term stand for in one place.
type scope struct {
	run  *run
	ctx  context.Context
	step *step    // nil in checks and in credentials
	log  *journal // nil if nothing is logged

	iterItem  value.Value
	iterIndex int
	answer    answer
	response  value.Value
	marker    string
	inCollect bool
	colItem   value.Value
	colIndex  int
	field     string
	inData    bool
	data      value.Value
	inItem    bool
	item      value.Value
}

func (r *run) scope(ctx context.Context, st *step) *scope {
	s := &scope{run: r, ctx: ctx, step: st}
	if st != nil {
		s.log = &st.log
	}
	return s
}

// Now is the time at which the evaluation began, which is the same for all its terms.
func (s *scope) Now() time.Time { return s.run.start }

// Header is a header of the answer.
func (s *scope) Header(name string) (string, bool) {
	return s.answer.header.Get(name), len(s.answer.header.Values(name)) > 0
}

// Marker is the marker of the page before.
func (s *scope) Marker() string { return s.marker }

// Field is the name of the field that is being made.
func (s *scope) Field() string { return s.field }

// Secret is a stored secret.
func (s *scope) Secret(ctx context.Context, name string) (string, error) {
	return s.run.host.Secret(ctx, name)
}

// eval evaluates a term.
func (s *scope) eval(x syntax.Expr) (value.Value, error) { return s.run.terms.Eval(s.ctx, s, x) }

// text evaluates a term to a string. Numbers and booleans become one, and null is empty, since what a header is given may
// be a member that happens to be absent; what has members is a mistake.
func (s *scope) text(x syntax.Expr, what string) (string, error) {
	v, err := s.eval(x)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	switch v := value.Settle(v).(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case value.Number, bool:
		return value.Text(v), nil
	}
	return "", fmt.Errorf("%s is %s: expected a string", what, value.Kind(v))
}

// json evaluates a term to what a script gets. The JSON of a datasource is made once.
func (s *scope) json(x syntax.Expr) (json.RawMessage, error) {
	if ref, ok := x.(*syntax.Reference); ok {
		if k := s.run.kept(ref); k != nil {
			return k.json(), nil
		}
	}
	v, err := s.eval(x)
	if err != nil {
		return nil, err
	}
	return value.Encode(value.Settle(v)), nil
}

// kept is the value of the datasource that a reference names, nil if it names none.
func (r *run) kept(ref *syntax.Reference) *kept {
	if st := r.values[r.byDecl[r.template.Target(ref)]]; st != nil {
		return st.value
	}
	return nil
}

// Reference is what a reference stands for.
func (s *scope) Reference(ref *syntax.Reference) (value.Value, error) {
	d := s.run.template.Target(ref)
	if d == nil {
		return nil, fmt.Errorf("%s%s is not declared", ref.Sigil, ref.Name)
	}
	switch d.Kind {
	case resolve.Parameter:
		v, ok := s.run.params.Get(d.Name)
		if !ok {
			return nil, fmt.Errorf("parameter %s is asked for when an action runs: it has no value here", d.Name)
		}
		return v, nil
	case resolve.Datasource, resolve.Resources:
		if k := s.run.kept(ref); k != nil {
			return k.value, nil
		}
		return nil, fmt.Errorf("%s %s was not evaluated", d.Kind, d.Name)
	}
	return nil, fmt.Errorf("%s is a %s, which has no value", d.Name, d.Kind)
}

// Word is what a reserved word stands for.
func (s *scope) Word(name string) (value.Value, error) {
	w := s.run.words
	switch name {
	case "rs_org_id":
		return value.Int(w.OrgID), nil
	case "rs_org_name":
		return w.OrgName, nil
	case "rs_project_id":
		return value.Int(w.ProjectID), nil
	case "rs_project_name":
		return w.ProjectName, nil
	case "policy_id":
		return w.PolicyID, nil
	case "meta_parent_policy_id":
		return w.MetaParentPolicyID, nil
	case "rs_optima_host", "rs_governance_host", "rs_cm_host", "rs_ss_host", "f1_app_host":
		return w.Hosts[name], nil
	}
	return s.local(name)
}

// local is what a word stands for that is known in some places only.
func (s *scope) local(name string) (value.Value, error) {
	iterates := s.step != nil && s.step.iterate != nil
	switch {
	case name == "response" && s.answer.status != 0:
		return s.response, nil
	case name == "iter_item" && iterates:
		return s.iterItem, nil
	case name == "iter_index" && iterates:
		return value.Int(int64(s.iterIndex)), nil
	case name == "col_item" && s.inCollect:
		return s.colItem, nil
	case name == "col_index" && s.inCollect:
		return value.Int(int64(s.colIndex)), nil
	case name == "data" && s.inData:
		return s.data, nil
	case name == "item" && s.inItem:
		return s.item, nil
	}
	return nil, fmt.Errorf("%s stands for nothing here", name)
}
