package eval

import (
	"fmt"

	"espalier.dev/policylang/extract"
	"espalier.dev/policylang/value"
)

// page is what one answer contributes to a datasource: rows of a collect, or one value.
type page struct {
	rows  []value.Value
	value value.Value
}

// page shapes an answer as the result block says. The scope gets the decoded body.
func (d *datasource) page(s *scope, a answer) (page, *Failure) {
	s.answer = a
	var failure *Failure
	if s.response, failure = s.run.decode(d.result.encoding, a); failure != nil {
		return page{}, failure
	}
	var err error
	var p page
	switch {
	case d.result.collect != nil:
		p.rows, err = s.collect(d.result.collect)
	case len(d.result.fields) == 0:
		p.value = value.Settle(s.response)
	case s.response != nil:
		p.value, err = s.object(d.result.fields)
	}
	if p.value == nil && d.result.collect == nil && len(a.body) == 0 {
		p.value = empty(d.result.encoding) // such as 204: scripts look into it unguarded
	}
	switch {
	case s.ctx.Err() != nil:
		return p, ended(s.ctx, s.run.limits)
	case err != nil:
		return p, because("the answer has not what was looked for", err)
	}
	return p, nil
}

// decode reads a body.
func (r *run) decode(encoding extract.Encoding, a answer) (v value.Value, f *Failure) {
	v, err := extract.Decode(encoding, a.body, a.header.Get("Content-Type"), r.limits.values())
	if err == nil {
		return v, nil
	}
	f = because("the answer can't be decoded", err)
	f.Status = a.status
	return nil, f
}

// collect makes an object of each element of a list. Null is an empty list, and anything else a list of itself.
func (s *scope) collect(c *collect) ([]value.Value, error) {
	v, err := s.run.terms.Collect(s.ctx, s, c.list)
	if err != nil {
		return nil, err
	}
	rows := make([]value.Value, 0, len(v))
	inner := *s
	for i, e := range v {
		if i%1024 == 1023 && s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		inner.colItem, inner.colIndex, inner.inCollect = e, i, true
		row, err := inner.object(c.fields)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// object makes an object of fields.
func (s *scope) object(fields []field) (*value.Map, error) {
	m := value.New()
	for _, f := range fields {
		var v value.Value
		var err error
		if f.collect != nil {
			v, err = s.nested(f.collect)
		} else {
			s.field = f.name
			v, err = s.eval(f.term)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
		m.Set(f.name, value.Settle(v))
	}
	return m, nil
}

func (s *scope) nested(c *collect) (value.Value, error) {
	rows, err := s.collect(c)
	return rows, err
}

// elements are what a datasource is iterated over, or validated by: null has none, and what is no list is one itself.
func elements(v value.Value) []value.Value {
	switch v := v.(type) {
	case nil:
		return nil
	case []value.Value:
		return v
	}
	return []value.Value{v}
}

// combine makes the value of a datasource of the pages of its requests.
func (d *datasource) combine(chains [][]page, paginated bool) value.Value {
	list := []value.Value{}
	for _, pages := range chains {
		for _, p := range pages {
			if d.result.collect != nil {
				list = append(list, p.rows...)
			} else {
				list = append(list, p.value)
			}
		}
	}
	switch {
	case d.result.collect != nil || d.iterate != nil || paginated:
		return list
	case len(list) == 1:
		return list[0]
	}
	return empty(d.result.encoding) // its only answer was ignored
}

// empty is the value of an answer that had none. It is never null, since scripts look into it unguarded.
func empty(encoding extract.Encoding) value.Value {
	if encoding == extract.Text {
		return ""
	}
	return value.New()
}
