package eval

import (
	"time"

	"espalier.dev/policylang/value"
)

// Limits are what an evaluation may use. A zero stands for the default.
type Limits struct {
	Wall       time.Duration // the whole evaluation; 60 minutes
	Datasource time.Duration // one datasource, its script included; 30 minutes
	Request    time.Duration // one request until the end of its answer; 5 minutes

	Requests int // sent, repeated ones included; 100,000
	Pages    int // followed from one request; 10,000
	Retries  int // repetitions of a request that was answered 429 or 5xx; 3, and none if negative
	Parallel int // requests on their way at once; 8

	ResponseBytes int64 // of one answer; 100 MB
	Bytes         int64 // of all answers together; 4 GB
	Memory        int64 // bytes of all values that are kept; 1 GB
	Items         int   // elements of one datasource, and of a list that it iterates; 1,000,000
	Depth         int   // levels of lists and objects in an answer, a script's result or an option; 1,000
	LogBytes      int   // of the log; 4 MB
}

const (
	kilobyte = 1000
	megabyte = 1000 * kilobyte
	gigabyte = 1000 * megabyte
)

// withDefaults puts the defaults where nothing is said.
func (l Limits) withDefaults() Limits {
	set(&l.Wall, time.Hour)
	set(&l.Datasource, 30*time.Minute)
	set(&l.Request, 5*time.Minute)
	set(&l.Requests, 100_000)
	set(&l.Pages, 10_000)
	set(&l.Retries, 3)
	set(&l.Parallel, 8)
	set(&l.ResponseBytes, 100*megabyte)
	set(&l.Bytes, 4*gigabyte)
	set(&l.Memory, gigabyte)
	set(&l.Items, 1_000_000)
	set(&l.Depth, 1000)
	set(&l.LogBytes, 4*megabyte)
	return l
}

// values are the limits of what is decoded.
func (l Limits) values() value.Limits { return value.Limits{Depth: l.Depth, Memory: l.Memory} }

func set[T comparable](limit *T, to T) {
	var zero T
	if *limit == zero {
		*limit = to
	}
}
