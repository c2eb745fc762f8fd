package eval

import (
	"context"
	"sync"
)

// errand is one of the requests, with its pages, that an iteration consists of.
type errand struct {
	// alone is set if it must not be on its way together with another.
	alone bool
	run   func(ctx context.Context) *Failure
}

// inOrder runs n errands, each of which prepare makes when it is its turn. Those that may be together run side by side, as
// far as there are slots. It returns the first that failed, in their order, and its failure: what is behind it is
// cancelled, what is before it ends as it will.
func (r *run) inOrder(ctx context.Context, n int, prepare func(ctx context.Context, i int) (errand, *Failure)) (failed int, f *Failure) {
	g := &group{run: r, ctx: ctx, first: n}
	defer g.all.Wait()
	for i := range n {
		if g.failed() {
			break
		}
		e, failure := prepare(ctx, i)
		if failure != nil {
			g.fail(i, failure)
			break
		}
		if e.alone {
			g.all.Wait()
			if g.failed() {
				break
			}
		}
		if failure := r.acquire(ctx); failure != nil {
			g.fail(i, failure)
			break
		}
		g.start(i, e)
		if e.alone {
			g.all.Wait()
		}
	}
	g.all.Wait()
	return g.first, g.failure
}

// group is the errands of one iteration that are under way.
type group struct {
	*run
	ctx context.Context
	all sync.WaitGroup

	mu      sync.Mutex
	cancels map[int]context.CancelCauseFunc // of those under way
	first   int                             // the first that failed
	failure *Failure
}

func (g *group) failed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failure != nil
}

// fail notes a failure, unless an earlier errand failed, and cancels the errands behind it.
func (g *group) fail(i int, f *Failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i < g.first {
		g.first, g.failure = i, f
	}
	for at, cancel := range g.cancels {
		if at > i {
			cancel(errEarlier)
		}
	}
}

// start runs an errand, for which there is a slot.
func (g *group) start(i int, e errand) {
	ctx, cancel := context.WithCancelCause(g.ctx)
	g.mu.Lock()
	if g.cancels == nil {
		g.cancels = make(map[int]context.CancelCauseFunc)
	}
	g.cancels[i] = cancel
	if i > g.first {
		cancel(errEarlier)
	}
	g.mu.Unlock()
	g.all.Go(func() {
		defer g.release()
		if f := e.run(ctx); f != nil {
			g.fail(i, f)
		}
		g.mu.Lock()
		delete(g.cancels, i)
		g.mu.Unlock()
		cancel(nil)
	})
}

// acquire waits until a request may be sent.
func (r *run) acquire(ctx context.Context) *Failure {
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx, r.limits)
	}
}

func (r *run) release() { <-r.slots }
