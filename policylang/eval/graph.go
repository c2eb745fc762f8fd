package eval

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// sort puts the datasources in the order of evaluation: of those whose needs are met, the first in the source is next. It
// returns those that are left because they wait for one another.
func (p *Program) sort() (left []*datasource) {
	waiting := make(map[*datasource]int)
	readers := make(map[*datasource][]*datasource)
	var ready places
	for _, d := range p.datasources {
		waiting[d] = len(d.needs)
		for _, n := range d.needs {
			readers[n] = append(readers[n], d)
		}
		if len(d.needs) == 0 {
			heap.Push(&ready, d)
		}
	}
	for ready.Len() > 0 {
		d := heap.Pop(&ready).(*datasource)
		p.order = append(p.order, d)
		for _, reader := range readers[d] {
			if waiting[reader]--; waiting[reader] == 0 {
				heap.Push(&ready, reader)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(p.datasources), func(d *datasource) bool { return waiting[d] == 0 })
}

// places is a heap of datasources by their places in the source.
type places []*datasource

func (h places) Len() int           { return len(h) }
func (h places) Less(i, j int) bool { return h[i].place < h[j].place }
func (h places) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push appends a datasource.
func (h *places) Push(d any) { *h = append(*h, d.(*datasource)) }

// Pop takes the last one.
func (h *places) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	*h = (*h)[:last]
	return d
}

// needed lists the datasources that some others need, themselves included, in the order of evaluation.
func (p *Program) needed(roots []*datasource) []*datasource {
	wanted := make(map[*datasource]bool)
	var want func(d *datasource)
	want = func(d *datasource) {
		if !wanted[d] {
			wanted[d] = true
			for _, n := range d.needs {
				want(n)
			}
		}
	}
	for _, d := range roots {
		want(d)
	}
	return slices.DeleteFunc(slices.Clone(p.order), func(d *datasource) bool { return !wanted[d] })
}

// sends reports whether the evaluation of a datasource sends requests, and whether these may change something.
func (d *datasource) sends() (any, ordered bool) {
	return d.request != nil, d.request != nil && d.request.orders()
}

// step is the evaluation of one datasource in a run.
type step struct {
	*datasource
	waits  []*step // that must be done before
	done   chan struct{}
	ctx    context.Context
	cancel context.CancelCauseFunc
	log    journal
	rows   atomic.Int64 // so far, of its pages

	// Set when done is closed.
	value   *kept
	failure *Failure
	skipped bool
}

// steps plans the evaluation of datasources in the order given. A step waits for those that it needs. Requests that only
// read may be sent side by side; one that may change something waits for all requests before it, and those behind it wait
// for it, so that servers see the order of the source.
func (r *run) steps(ctx context.Context, order []*datasource) []*step {
	list := make([]*step, len(order))
	byName := make(map[*datasource]*step, len(order))
	var reading []*step // since the last that may have changed something
	var changed *step
	for i, d := range order {
		s := &step{datasource: d, done: make(chan struct{}), log: journal{level: r.level}}
		s.ctx, s.cancel = context.WithCancelCause(ctx)
		for _, n := range d.needs {
			s.waits = append(s.waits, byName[n])
		}
		if any, ordered := d.sends(); any {
			if changed != nil {
				s.waits = append(s.waits, changed)
			}
			if ordered {
				s.waits = append(s.waits, reading...)
				changed, reading = s, nil
			} else {
				reading = append(reading, s)
			}
		}
		list[i], byName[d] = s, s
	}
	return list
}

// evaluate evaluates datasources and all that they need. It returns the failure of the first that failed, in their order;
// those behind it are cancelled, those before it end as they will, so that it is always the same one.
func (r *run) evaluate(ctx context.Context, roots []*datasource) *Failure {
	steps := r.steps(ctx, r.needed(roots))
	r.values = make(map[*datasource]*step, len(steps))
	for _, s := range steps {
		r.values[s.datasource] = s
	}
	var all sync.WaitGroup
	for i, s := range steps {
		all.Go(func() {
			defer close(s.done)
			defer s.cancel(nil)
			r.step(s)
			if s.failure != nil {
				for _, later := range steps[i+1:] {
					later.cancel(errEarlier)
				}
			}
		})
	}
	for i, s := range steps {
		<-s.done
		if !s.skipped {
			r.write(s.log.String())
		}
		if s.failure != nil {
			all.Wait()
			for _, later := range steps[i+1:] {
				later.value = nil // whether it was done already is chance
			}
			return s.failure
		}
	}
	return nil
}

// step waits until a step may run, and runs it, unless something before it failed.
func (r *run) step(s *step) {
	for _, w := range s.waits {
		<-w.done
		if w.failure != nil || w.skipped {
			s.skipped = true
			return
		}
	}
	if s.ctx.Err() != nil {
		s.failure = ended(s.ctx, r.limits)
		return
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, r.limits.Datasource, errDatasource)
	defer cancel()
	s.value, s.failure = r.datasource(ctx, s)
	s.failure = s.failure.in("datasource", s.name)
}
