package sqldb

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxConflicts is how often a use case is run again because it met another one.
const maxConflicts = 12

// retry decides whether and when something that PostgreSQL did not do is tried again.
type retry struct {
	patience  time.Duration // how long a lost connection is tried again
	lostAt    time.Time     // when it was lost first
	lost      int
	conflicts int
}

// again waits and reports whether to try again after f.
func (r *retry) again(ctx context.Context, f fault) bool {
	var most time.Duration
	switch f {
	case faultConflict:
		if r.conflicts++; r.conflicts > maxConflicts {
			return false
		}
		most = min(time.Millisecond<<r.conflicts, 100*time.Millisecond)
	case faultLost:
		if r.lost++; r.lost == 1 {
			r.lostAt = time.Now()
		} else if time.Since(r.lostAt) > r.patience {
			return false
		}
		most = min(5*time.Millisecond<<min(r.lost, 10), 250*time.Millisecond)
	default:
		return false
	}
	// Jitter keeps those that met from meeting again, and a restarted server from a stampede.
	select {
	case <-time.After(most/4 + rand.N(most)):
		return true
	case <-ctx.Done():
		return false
	}
}
