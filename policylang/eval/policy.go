package eval

import (
	"encoding/json"
	"fmt"

	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// Finding is what a validation found. Its block, with templates, export and escalations, is [Program.Validation].
type Finding struct {
	Policy string `json:"policy"`
	// Validation is its number in the policy, from 0: with the applied policy it identifies the incident.
	Validation int    `json:"validation"`
	Datasource string `json:"datasource"`
	Each       bool   `json:"each,omitempty"`
	// Violated is set if a check failed, of a validate_each for at least one element.
	Violated bool `json:"violated"`
	// Data is the violation data: the whole value of a validate, the list of failing elements of a validate_each; null if
	// nothing is violated.
	Data value.Value `json:"data"`
	// Severity and Category are the template's.
	Severity string `json:"severity"`
	Category string `json:"category,omitempty"`
}

// Rows are the violating rows: the elements of Data if it is a list, none if it is null, else Data alone.
func (f Finding) Rows() []value.Value { return elements(f.Data) }

// UnmarshalJSON reads a finding as it was written, numbers included.
func (f *Finding) UnmarshalJSON(text []byte) error {
	type plain Finding
	read := struct {
		*plain
		Data json.RawMessage `json:"data"`
	}{plain: (*plain)(f)}
	err := json.Unmarshal(text, &read)
	if err == nil && read.Data != nil {
		f.Data, err = value.Decode(read.Data)
	}
	return err
}

// items is how many items the log says a check failed for: of a violation at least one.
func (f Finding) items() int {
	if f.Violated {
		return max(len(f.Rows()), 1)
	}
	return 0
}

// Validation is the block of a validation, nil if there are not so many.
func (p *Program) Validation(n int) *syntax.Statement {
	if n < 0 || n >= len(p.validations) {
		return nil
	}
	return p.validations[n].block
}

// validate evaluates the checks of all validations.
func (r *run) validate() *Failure {
	total := 0
	for _, v := range r.validations {
		f, failure := r.validation(v)
		if failure != nil {
			return failure.in(v.block.Keyword.Name, v.target.name).in("policy", r.policy)
		}
		total += f.items()
		r.findings = append(r.findings, f)
		if f.Violated {
			r.logViolation(v, f)
		}
	}
	r.writeLast(fmt.Sprintf("Total items failing checks: %d\n", total))
	return nil
}

func (r *run) validation(v *validation) (Finding, *Failure) {
	f := Finding{Policy: r.policy, Validation: v.ordinal, Datasource: v.target.name, Each: v.each, Severity: r.severity, Category: r.category}
	s := r.scope(r.ctx, nil)
	s.data, s.inData = r.values[v.target].value.value, true
	if !v.each {
		fails, failure := v.fails(s)
		if fails {
			f.Violated, f.Data = true, s.data
		}
		return f, failure
	}
	var failing []value.Value
	for _, item := range elements(s.data) {
		if r.ctx.Err() != nil {
			return f, ended(r.ctx, r.limits)
		}
		s.item, s.inItem = item, true
		fails, failure := v.fails(s)
		if failure != nil {
			return f, failure
		}
		if fails {
			failing = append(failing, item)
		}
	}
	if f.Violated = len(failing) > 0; f.Violated {
		f.Data = failing
	}
	return f, nil
}

// fails evaluates the checks up to the first that fails.
func (v *validation) fails(s *scope) (bool, *Failure) {
	for _, check := range v.checks {
		x, err := s.eval(check)
		if err != nil {
			return false, because("a check can't be evaluated", err)
		}
		if !value.Truth(x) {
			return true, nil
		}
	}
	return false, nil
}
