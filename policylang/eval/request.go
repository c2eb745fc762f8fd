package eval

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// draft is a request before it is sent, with what is to become of its answer.
type draft struct {
	Request
	fields     *value.Map // of the body, nil if it is none of fields
	pagination *pagination
	ignore     []int
}

// draft makes the request of a datasource, for the element that the scope knows.
func (r *run) draft(ctx context.Context, s *scope, q *request) (draft, *Failure) {
	var d draft
	var err error
	if q.script != nil {
		v, failure := r.runScript(s, q.script)
		if failure != nil {
			return d, failure
		}
		d, err = r.scripted(v.value)
		if err != nil {
			return d, because("the request can't be made", err).in("script", q.script.script.name)
		}
	} else if d, err = r.written(s, q); err != nil {
		return d, because("the request can't be made", err)
	}
	d.Datasource = s.step.name
	var failure *Failure
	d.Auth, failure = r.auth(ctx, d.Auth)
	return d, failure
}

// written makes a request of its terms, in the order in which they take part in it.
func (r *run) written(s *scope, q *request) (draft, error) {
	d := draft{Request: Request{Method: q.verb}, pagination: q.pagination}
	host, err := s.text(q.host, "host")
	if err != nil {
		return d, err
	}
	path := "/"
	if q.path != nil {
		if path, err = s.text(q.path, "path"); err != nil {
			return d, err
		}
	}
	if d.URL, err = address(q.scheme, host, path); err != nil {
		return d, err
	}
	for _, p := range q.query {
		text, err := s.text(p.value, "query "+p.name)
		if err != nil {
			return d, err
		}
		d.URL = addQuery(d.URL, p.name, text)
	}
	for _, p := range q.headers {
		text, err := s.text(p.value, "header "+p.name)
		if err == nil {
			err = d.addHeader(p.name, text)
		}
		if err != nil {
			return d, err
		}
	}
	if err := r.writtenBody(s, q, &d); err != nil {
		return d, err
	}
	if q.auth != "" {
		d.Auth = &Auth{Name: q.auth}
	}
	d.ignore, err = r.statuses(s, q.ignoreStatus)
	return d, err
}

func (r *run) writtenBody(s *scope, q *request, d *draft) error {
	if q.body != nil {
		v, err := s.eval(q.body)
		if err != nil || v == nil {
			return err
		}
		d.Body = bodyOf(v)
	}
	if len(q.bodyFields) == 0 {
		return nil
	}
	fields := value.New()
	for _, p := range q.bodyFields {
		v, err := s.eval(p.value)
		if err != nil {
			return err
		}
		fields.Set(p.name, v)
	}
	d.setFields(fields)
	return nil
}

// bodyOf is a string as it is, and anything else as JSON.
func bodyOf(v value.Value) []byte {
	if text, ok := v.(string); ok {
		return []byte(text)
	}
	return value.Encode(v)
}

// statuses evaluates ignore_status: numbers, or a list of them.
func (r *run) statuses(s *scope, terms []syntax.Expr) ([]int, error) {
	var all []int
	for _, x := range terms {
		v, err := s.eval(x)
		if err != nil {
			return nil, err
		}
		list, err := statusList(v)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

func statusList(v value.Value) ([]int, error) {
	if list, many := v.([]value.Value); many {
		var all []int
		for _, e := range list {
			one, err := statusList(e)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case value.Number:
		if n, ok := v.Int64(); ok {
			return []int{int(n)}, nil
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return []int{n}, nil
		}
	}
	return nil, fmt.Errorf("ignore_status is %s: expected a status or a list of them", value.Encode(v))
}

// scripted makes a request of the object that a script gave. Members of other names mean nothing, as in the reference.
func (r *run) scripted(v value.Value) (draft, error) {
	m, ok := v.(*value.Map)
	if !ok {
		return draft{}, fmt.Errorf("it gave %s: expected an object with host and path", value.Kind(v))
	}
	get := func(name string) value.Value { v, _ := m.Get(name); return v }
	d := draft{Request: Request{Method: strings.ToUpper(value.Text(get("verb")))}}
	if d.Method == "" {
		d.Method = "GET"
	}
	if !httpguts.ValidHeaderFieldName(d.Method) {
		return d, fmt.Errorf("verb is %.100q: expected one such as GET", d.Method)
	}
	scheme := value.Text(get("scheme"))
	if scheme == "" {
		scheme = "https"
	}
	var err error
	if d.URL, err = address(scheme, value.Text(get("host")), value.Text(get("path"))); err != nil {
		return d, err
	}
	if err := d.scriptedParams(get); err != nil {
		return d, err
	}
	if d.ignore, err = statusList(get("ignore_status")); err != nil {
		return d, err
	}
	if name := strings.TrimPrefix(value.Text(get("pagination")), "$"); name != "" {
		if d.pagination = r.paginations[name]; d.pagination == nil {
			return d, fmt.Errorf("pagination is %q, and the template has no pagination of that name", name)
		}
	}
	if name := strings.TrimPrefix(value.Text(get("auth")), "$"); name != "" {
		d.Auth = &Auth{Name: name}
	}
	return d, nil
}

func (d *draft) scriptedParams(get func(string) value.Value) error {
	if q, ok := get("query_params").(*value.Map); ok {
		for name, v := range q.All() {
			d.URL = addQuery(d.URL, name, value.Text(v))
		}
	}
	if h, ok := get("headers").(*value.Map); ok {
		for name, v := range h.All() {
			if err := d.addHeader(name, value.Text(v)); err != nil {
				return err
			}
		}
	}
	if fields, ok := get("body_fields").(*value.Map); ok {
		d.setFields(fields)
	} else if body := get("body"); body != nil {
		d.Body = bodyOf(body)
	}
	return nil
}

func (d *draft) addHeader(name, text string) error {
	text = strings.TrimSpace(text)
	if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(text) {
		return fmt.Errorf("header %q with the value %.100q can't be sent: it holds characters that no header may have", name, text)
	}
	if d.Header == nil {
		d.Header = make(http.Header)
	}
	d.Header.Add(name, text)
	return nil
}

// setFields makes the body a JSON object.
func (d *draft) setFields(fields *value.Map) {
	d.fields, d.Body = fields, value.Encode(fields)
	if d.Header.Get("Content-Type") == "" {
		if d.Header == nil {
			d.Header = make(http.Header)
		}
		d.Header.Set("Content-Type", "application/json")
	}
}

// setBodyField sets one member of the body, which must be a JSON object or empty.
func (d *draft) setBodyField(name, text string) error {
	fields := d.fields
	if fields == nil && len(d.Body) > 0 {
		v, err := value.Decode(d.Body)
		if err != nil {
			return fmt.Errorf("the body is to get the field %s, but it is no JSON: %w", name, err)
		}
		var ok bool
		if fields, ok = v.(*value.Map); !ok {
			return fmt.Errorf("the body is to get the field %s, but it is %s, no object", name, value.Kind(v))
		}
	}
	changed := value.New()
	if fields != nil {
		for k, v := range fields.All() {
			changed.Set(k, v)
		}
	}
	changed.Set(name, text)
	d.setFields(changed)
	return nil
}
