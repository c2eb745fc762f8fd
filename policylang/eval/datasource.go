package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"espalier.dev/policylang/script"
	"espalier.dev/policylang/value"
)

// datasource evaluates the datasource of a step.
func (r *run) datasource(ctx context.Context, st *step) (*kept, *Failure) {
	st.log.add(Context, "### Datasource **%s**", markdown.Replace(st.name))
	d := st.datasource
	s := r.scope(ctx, st)
	var k *kept
	var failure *Failure
	switch {
	case d.resources:
		failure = failf("resources can't be listed", "they belong to a product that is no more")
	case d.script != nil:
		k, failure = r.runScript(s, d.script)
	default:
		var v value.Value
		if v, failure = r.iterate(s); failure == nil {
			k = &kept{value: v}
		}
	}
	if failure != nil {
		return nil, failure
	}
	if n := len(elements(k.value)); n > r.limits.Items {
		return nil, tooManyItems(r.limits)
	}
	if d.request == nil { // pages are counted as they come
		if failure := r.keep(k.value); failure != nil {
			return nil, failure
		}
	}
	st.log.add(Full, "%s", fenced("json", excerpt(k.value, valueExcerpt)))
	return k, nil
}

func tooManyItems(l Limits) *Failure {
	return overLimit("items", "the datasource has more than %d elements", l.Items)
}

// keep counts a value that stays until the evaluation ends.
func (r *run) keep(v value.Value) *Failure {
	if r.held.Add(value.Size(v)) > r.limits.Memory {
		return overLimit("memory", "the values of the evaluation take more than %d bytes", r.limits.Memory)
	}
	return nil
}

// iterate evaluates a request, or fields, once for each element of the list that the datasource iterates.
func (r *run) iterate(s *scope) (value.Value, *Failure) {
	d := s.step.datasource
	items := []value.Value{nil}
	if d.iterate != nil {
		v, err := s.eval(d.iterate)
		if err != nil {
			return nil, because("there is nothing to iterate", err)
		}
		if items = elements(v); len(items) > r.limits.Items {
			return nil, overLimit("items", "%d elements are to be iterated, and %d are allowed", len(items), r.limits.Items)
		}
	}
	if d.request == nil {
		return d.made(s, items)
	}
	return r.requested(s, items)
}

// made is the value of a datasource of fields alone.
func (d *datasource) made(s *scope, items []value.Value) (value.Value, *Failure) {
	list := make([]value.Value, 0, len(items))
	for i, item := range items {
		s.iterItem, s.iterIndex = item, i
		m, err := s.object(d.fields)
		if err != nil {
			return nil, because("the fields can't be evaluated", err)
		}
		list = append(list, m)
		if s.ctx.Err() != nil {
			return nil, ended(s.ctx, s.run.limits)
		}
	}
	if d.iterate == nil {
		return list[0], nil
	}
	return list, nil
}

// requested is the value of a datasource of requests, one for each item, with their further pages.
func (r *run) requested(s *scope, items []value.Value) (value.Value, *Failure) {
	st := s.step
	chains := make([][]page, len(items))
	logs := make([]*journal, min(len(items), chainsLogged))
	paginated := false
	failed, failure := r.inOrder(s.ctx, len(items), func(ctx context.Context, i int) (errand, *Failure) {
		inner := *s
		inner.iterItem, inner.iterIndex = items[i], i
		if i < len(logs) {
			logs[i] = &journal{level: r.level}
			inner.log = logs[i]
		} else {
			inner.log = nil
		}
		q, failure := r.draft(ctx, &inner, st.request)
		paginated = paginated || q.pagination != nil
		return errand{alone: !readOnly(q.Method), run: func(ctx context.Context) *Failure {
			inner.ctx = ctx
			var failure *Failure
			chains[i], failure = r.chain(&inner, q)
			return failure
		}}, failure
	})
	for _, l := range logs[:min(failed+1, len(logs))] {
		st.log.join(l)
	}
	if n := len(items) - chainsLogged; n > 0 {
		st.log.add(Context, "(the requests for %d further elements are left out)", n)
	}
	if failure != nil {
		return nil, failure
	}
	return st.combine(chains, paginated), nil
}

// chain sends a request and those for its further pages.
func (r *run) chain(s *scope, q draft) ([]page, *Failure) {
	var pages []page
	seen := make(map[string]bool)
	for {
		a, failure := r.send(s.ctx, q.Request, s.log)
		if failure != nil {
			return nil, failure
		}
		use, failure := accept(q.Request, a, q.ignore)
		if failure != nil {
			return nil, failure
		}
		if !use {
			s.log.add(Context, "Status %d is ignored", a.status)
			return pages, nil
		}
		p, failure := s.step.page(s, a)
		if failure == nil {
			failure = r.count(s.step, p)
		}
		if failure != nil {
			return nil, failure
		}
		pages = append(pages, p)
		if q.pagination == nil {
			return pages, nil
		}
		marker, failure := q.pagination.marker(s, s.step.result.encoding)
		if failure != nil || marker == "" {
			return pages, failure
		}
		if failure := r.another(q.pagination, marker, seen, len(pages)); failure != nil {
			return nil, failure
		}
		s.marker = marker
		if q, failure = q.pagination.next(q, marker); failure != nil {
			return nil, failure
		}
	}
}

// another says whether one more page may follow.
func (r *run) another(p *pagination, marker string, seen map[string]bool, pages int) *Failure {
	switch {
	case seen[marker]:
		return overLimit("pages", "the marker %.100q of the next page came a second time, so that the pages would never end", marker).in("pagination", p.name)
	case pages >= r.limits.Pages:
		return overLimit("pages", "a request has more than %d pages", r.limits.Pages).in("pagination", p.name)
	}
	seen[marker] = true
	return nil
}

// count counts what a page brings.
func (r *run) count(st *step, p page) *Failure {
	n := len(p.rows)
	v := p.value
	if p.rows != nil {
		v = p.rows
	} else {
		n = 1
	}
	if st.rows.Add(int64(n)) > int64(r.limits.Items) {
		return tooManyItems(r.limits)
	}
	return r.keep(v)
}

// runScript runs a script on its arguments, each of which it gets as a copy.
func (r *run) runScript(s *scope, call *scriptCall) (*kept, *Failure) {
	code := call.script
	c := script.Call{Source: code.code, Params: code.params, Result: code.result, Now: r.host.Now(), Limits: r.scripts}
	set(&c.Limits.Time, r.limits.Datasource)
	for i, x := range call.args {
		text, err := s.json(x)
		if err != nil {
			return nil, because("an argument can't be evaluated", fmt.Errorf("%s: %w", code.params[i], err)).in("script", code.name)
		}
		c.Args = append(c.Args, text)
	}
	// One script at a time: each may take as much memory as the limits allow.
	select {
	case r.script <- struct{}{}:
	case <-s.ctx.Done():
		return nil, ended(s.ctx, r.limits)
	}
	out, err := r.host.Run(s.ctx, c)
	<-r.script
	logScript(s.log, out.Logs)
	s.log.add(Context, "JavaScript finished, duration=%s", r.host.Now().Sub(c.Now).Round(time.Millisecond))
	if err != nil {
		return nil, r.scriptFailed(s, code, err)
	}
	v, err := r.limits.values().Decode(out.JSON)
	if err != nil {
		return nil, r.scriptFailed(s, code, err)
	}
	r.held.Add(int64(len(out.JSON)))
	return &kept{value: v, text: out.JSON}, nil
}

// scriptFailed is the failure of a script: of its time, of another limit, or of the script itself.
func (r *run) scriptFailed(s *scope, code *scriptCode, err error) *Failure {
	if s.ctx.Err() != nil {
		return ended(s.ctx, r.limits).in("script", code.name)
	}
	f := because("script execution failed", err)
	if f.Limit != "" {
		return f.in("script", code.name)
	}
	if limit, ok := errors.AsType[*script.LimitError](err); ok {
		f.Limit = "script " + string(limit.Limit)
		f.Detail = f.Limit + ": " + f.Detail
	} else if own, ok := errors.AsType[*script.Error](err); ok {
		f.Detail = "execution failed: " + own.Message
		if own.Line > 0 {
			f.Location = []string{fmt.Sprintf("line %d", code.line+own.Line-1)}
		}
	} else {
		f.Detail = "execution failed: " + f.Detail
	}
	return f.in("script", code.name)
}
