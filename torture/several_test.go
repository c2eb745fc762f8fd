package torture

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Two servers share a PostgreSQL. One is killed, its clients go on at the other one, and it comes back.
func TestTwoServers(t *testing.T) {
	if !hasPostgres() {
		return
	}
	t.Parallel()
	p := onPostgres(t)
	k := newChecker(t, p)
	servers := [2]*server{p.start(t), p.start(t)}
	rounds := max(1, *postgresRounds/4)
	for round := range rounds {
		when := fmt.Sprintf("round %d", round+1)
		workOnBoth(t, k, &servers, func(both *[2]atomic.Pointer[target]) {
			k.underWay(t)
			time.Sleep(moment(k.chance))
			victim := k.chance.IntN(2)
			servers[victim].kill()
			k.underWay(t)
			servers[victim] = p.start(t)
			both[victim].Store(signIn(t, p, servers[victim]))
			k.underWay(t)
		})
		for n, s := range servers {
			k.check(t, fmt.Sprintf("%s, server %d", when, n+1), s)
		}
	}
	t.Logf("%d kills; %s", rounds, k.sum())
}

func signIn(t *testing.T, p *place, s *server) *target {
	t.Helper()
	at, err := newTarget(t.Context(), p, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// workOnBoth lets half of the writers begin on each server while do runs. A writer whose connection breaks goes over.
func workOnBoth(t *testing.T, k *checker, servers *[2]*server, do func(*[2]atomic.Pointer[target])) {
	t.Helper()
	var both [2]atomic.Pointer[target]
	for n := range both {
		both[n].Store(signIn(t, k.place, servers[n]))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, w := range k.writers {
		all.Go(func() {
			for side := w.n % 2; ctx.Err() == nil && w.problem == nil; side = 1 - side {
				w.work(ctx, both[side].Load(), terms{lost: true}, true)
			}
		})
	}
	do(&both)
	cancel()
	all.Wait()
}
