package trail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// APIEvent is a call of the API in an organization: who asked for what, from where, and how it was answered.
type APIEvent struct {
	ID        int64     // given by the store
	At        time.Time // when it was answered
	Org       ref.OrgID
	User      ref.UserID
	Account   ref.ServiceAccountID
	Actor     Name // given by the store
	RequestID string
	Method    string
	Path      string // without the query, which may hold what is not to be kept
	Host      string
	Address   string
	Agent     string
	BodyBytes int64
	Status    int
	Bytes     int64 // of the answer
	Duration  time.Duration
}

// Calls says which calls are recorded. The zero value records none.
type Calls string

// The choices.
const (
	NoCalls     Calls = ""
	ChangeCalls Calls = "changes" // those that may change something, and those that were refused
	AllCalls    Calls = "all"
)

const (
	writeEvery  = time.Second
	removeEvery = time.Hour
	maxGathered = 20_000 // calls in memory; beyond them calls are counted as lost
	writeBatch  = 100    // calls in one statement
	removeBatch = 5_000  // calls in one transaction
)

// Recorder gathers calls and writes them every second, and removes old ones, in the background, until Close.
type Recorder struct {
	store Store
	which Calls
	log   *slog.Logger
	now   func() time.Time
	lost  atomic.Int64

	mu       sync.Mutex
	gathered []APIEvent

	stop func()
	done sync.WaitGroup
}

// NewRecorder starts a Recorder.
func NewRecorder(store Store, which Calls, now func() time.Time, log *slog.Logger) (*Recorder, error) {
	if store == nil || now == nil || log == nil {
		return nil, errors.New("trail: a store, a clock and a log are needed")
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Recorder{store: store, which: which, log: log, now: now, stop: stop}
	r.done.Go(func() { r.run(ctx) })
	return r, nil
}

// Wants reports whether a call with this method and status is recorded; asked before anything is put together.
func (r *Recorder) Wants(by access.Caller, org ref.OrgID, method string, status int) bool {
	if org == 0 || by.User == 0 && by.ServiceAccount == 0 {
		return false // nobody's, or in nobody's organization: the server's log has it
	}
	switch r.which {
	case AllCalls:
		return true
	case ChangeCalls:
		return method != "GET" || status >= 400
	}
	return false
}

// Record takes a call. It never waits for the database.
func (r *Recorder) Record(e APIEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.gathered) >= maxGathered {
		r.lost.Add(1)
		return
	}
	e.At = r.now().UTC().Truncate(time.Microsecond) // under the lock, so that they are written in the order of their instants
	r.gathered = append(r.gathered, e)
}

// Lost is how many calls were not recorded because the database did not keep up.
func (r *Recorder) Lost() int64 { return r.lost.Load() }

func (r *Recorder) run(ctx context.Context) {
	write, remove := time.NewTicker(writeEvery), time.NewTicker(removeEvery)
	defer write.Stop()
	defer remove.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-write.C:
			err = r.flush(ctx)
		case <-remove.C:
			err = r.remove(ctx)
		}
		if err != nil && ctx.Err() == nil {
			r.log.Error("record API calls", "err", err)
		}
	}
}

// flush writes what was gathered. What could not be written is tried again in the next turn.
func (r *Recorder) flush(ctx context.Context) error {
	r.mu.Lock()
	batch := r.gathered
	r.gathered = nil
	r.mu.Unlock()
	for len(batch) > 0 {
		n := min(len(batch), writeBatch)
		err := r.store.Write(ctx, func(tx Tx) error { return tx.InsertAPIEvents(ctx, batch[:n]) })
		if err != nil {
			r.mu.Lock()
			r.gathered = append(batch, r.gathered...)
			if over := len(r.gathered) - maxGathered; over > 0 {
				r.lost.Add(int64(over))
				r.gathered = r.gathered[over:]
			}
			r.mu.Unlock()
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// remove deletes what is older than EventLife, a batch in a transaction.
func (r *Recorder) remove(ctx context.Context) error {
	for {
		var n int64
		err := r.store.Write(ctx, func(tx Tx) (err error) {
			n, err = tx.DeleteAPIEvents(ctx, tx.Now().Add(-EventLife), removeBatch)
			return err
		})
		if err != nil || n < removeBatch {
			return err
		}
	}
}

// Close ends the work in the background and writes what is left.
func (r *Recorder) Close(ctx context.Context) error {
	r.stop()
	r.done.Wait()
	return r.flush(ctx)
}
