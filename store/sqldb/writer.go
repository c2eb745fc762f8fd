package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxBatch bounds the use cases that share a transaction, and so how long the first of them waits for its commit.
const maxBatch = 128

// States of a job. Whoever moves it away from waiting decides its fate.
const (
	waiting   int32 = iota
	taken           // by the writer: it will be answered
	abandoned       // by its caller, whose context was done first
)

// job is one use case on its way through the writer.
type job struct {
	ctx   context.Context
	fn    func(*Tx) error
	state atomic.Int32
	tx    *Tx
	err   error  // answer
	panic *Panic // answer instead of err: fn panicked
	done  chan struct{}
}

// Panic carries the panic of a use case from the writer's goroutine to the caller of Write.
type Panic struct {
	Value any    // what was panicked with
	Stack []byte // where
}

// Error describes the panic with its stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic in Write: %v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// errExit answers a use case that ended its goroutine, as t.FailNow does.
var errExit = errors.New("a use case called runtime.Goexit; nothing was changed")

// writer owns the one writing connection of SQLite. Its goroutine runs use cases one after the other. Those that wait
// at the same time share a transaction: each of them in a SAVEPOINT, except the first, which has nothing before it and
// is rolled back with the whole. All are answered after the COMMIT.
type writer struct {
	session *session
	now     func() time.Time
	queue   chan *job
	stopped chan struct{} // closed when the goroutine has ended

	// Of the goroutine only:
	tx    *sql.Tx // the open transaction; nil before BEGIN and after COMMIT
	batch []*job  // its members

	mu     sync.RWMutex // held for reading while a job is put into the queue
	closed bool

	commits, useCases atomic.Int64
}

func startWriter(s *session, now func() time.Time) *writer {
	w := &writer{session: s, now: now, queue: make(chan *job, 4*maxBatch), stopped: make(chan struct{})}
	go w.loop()
	return w
}

// drain refuses new use cases and returns after those that wait are answered.
func (w *writer) drain() {
	w.mu.Lock()
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	<-w.stopped
}

func (w *writer) write(ctx context.Context, fn func(*Tx) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := w.enqueue(j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		<-j.done // fn is running and uses the caller's variables
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (w *writer) enqueue(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.queue <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
}

func (w *writer) loop() {
	ended := false
	defer func() {
		if ended {
			close(w.stopped)
			return
		}
		// A use case ended this goroutine. Its company is lost with it; those in the queue are not.
		w.abort()
		go w.loop()
	}()
	for j := range w.queue {
		w.serve(j)
	}
	ended = true
}

// serve runs first, and what else is queued, in one transaction.
func (w *writer) serve(first *job) {
	if !first.claim() {
		return
	}
	w.batch = append(w.batch[:0], first)
	var err error
	w.tx, err = w.session.conn.BeginTx(context.Background(), nil) // immediate, see writerDSN
	if err != nil {
		w.answer(explain(err, "begin"))
		return
	}
	if first.run(w) != nil {
		w.rollback() // the first is alone and has its own answer
		w.answer(nil)
		return
	}
	// The callers answered a moment ago may have their next use case at hand: let them put it into the queue. Of 16
	// writers 15 then share a commit instead of 9, and a lone one loses nothing.
	runtime.Gosched()
	for j := w.next(); j != nil; j = w.next() {
		w.batch = append(w.batch, j)
		if err := w.inSavepoint(j); err != nil {
			w.rollback()
			w.answer(explain(err, "shared transaction"))
			return
		}
	}
	err = w.tx.Commit() // rolls back if it fails
	w.tx = nil
	if err != nil {
		w.answer(commitFailed(err))
		return
	}
	w.committed()
}

// commitFailed tells a COMMIT that wrote nothing of use, as on a full disk, from one whose last step, the sync, failed: what it
// had written may be found again after a crash.
func commitFailed(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code() != sqlite3.SQLITE_IOERR_FSYNC {
		return explain(err, "commit")
	}
	return unavailable("the storage failed during the commit: the outcome is unknown; look before you try again", fmt.Errorf("commit: %w", err))
}

// next returns a job that is waiting now, nil if there is none or the batch is full.
func (w *writer) next() *job {
	for len(w.batch) < maxBatch {
		select {
		case j, ok := <-w.queue:
			if !ok {
				return nil
			}
			if j.claim() {
				return j
			}
		default:
			return nil
		}
	}
	return nil
}

// claim reports whether the writer shall run j. If its caller is gone or was too late, j is answered.
func (j *job) claim() bool {
	if !j.state.CompareAndSwap(waiting, taken) {
		return false
	}
	if j.err = j.ctx.Err(); j.err != nil {
		close(j.done)
		return false
	}
	return true
}

// inSavepoint runs j so that its failure leaves no trace. The error is one that the whole transaction dies of.
func (w *writer) inSavepoint(j *job) error {
	if err := w.control("SAVEPOINT one"); err != nil {
		return err
	}
	if j.run(w) != nil {
		// A full disk or the like ends the transaction inside SQLite. What follows would commit by itself,
		// statement by statement.
		if fatal(j.tx.cause) {
			return j.tx.cause
		}
		if err := w.control("ROLLBACK TO one"); err != nil {
			return err
		}
	}
	return w.control("RELEASE one")
}

func (w *writer) control(query string) error {
	_, err := w.session.exec(context.Background(), query, nil)
	return err
}

// fatal reports an error after which SQLite may have rolled back by itself.
// Source: https://sqlite.org/lang_transaction.html, response to errors within a transaction.
func fatal(err error) bool {
	f := classify(err)
	return f == faultFull || f == faultAway || f == faultCancelled
}

// run calls the use case and keeps its answer. It returns what makes its changes undone.
func (j *job) run(w *writer) (err error) {
	j.tx = &Tx{run: w.session, now: instant(w.now), writes: true, atomic: true}
	defer func() {
		if p := recover(); p != nil { // nil too when the goroutine is ending, see loop
			j.panic = &Panic{Value: p, Stack: debug.Stack()}
			err = j.panic
		}
	}()
	j.err = j.tx.outcome(invoke(j.fn, j.tx))
	return j.err
}

// committed runs the hooks in the order of the commits and answers.
func (w *writer) committed() {
	w.commits.Add(1)
	w.useCases.Add(int64(len(w.batch)))
	for _, j := range w.batch {
		if j.err == nil && j.panic == nil {
			j.runHooks()
		}
	}
	w.answer(nil)
}

func (j *job) runHooks() {
	defer func() {
		if p := recover(); p != nil {
			j.panic = &Panic{Value: p, Stack: debug.Stack()}
		}
	}()
	for _, hook := range j.tx.hooks {
		hook()
	}
}

// answer ends the batch. If err is not nil, it is the answer of all that did not fail by themselves.
func (w *writer) answer(err error) {
	for i, j := range w.batch {
		if err != nil && j.err == nil && j.panic == nil {
			j.err = err
		}
		close(j.done)
		w.batch[i] = nil
	}
	w.batch = w.batch[:0]
}

// rollback ends the transaction. SQLite may have ended it already, which is as good.
func (w *writer) rollback() {
	_ = w.tx.Rollback()
	w.tx = nil
}

// abort ends a batch whose goroutine was torn away by a use case or, after the commit, by a hook.
func (w *writer) abort() {
	if w.tx == nil {
		w.answer(nil)
		return
	}
	w.rollback()
	w.answer(errExit)
}
