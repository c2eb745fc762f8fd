package access_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/access/accesstest"
	"espalier.dev/ref"
)

// BenchmarkDecision is a decision of the guard from memory: of an owner, whose role is granted directly, and of a technician, over
// customer, policy and user group. All organizations are in memory. As many are asked about in turn whatever their number, drawn
// by chance, since what differs otherwise is how much of the machine's cache the questions take; scattered asks about all.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		g, err := access.NewGuard(access.Config{Loader: accesstest.NewForest(n), Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		for _, by := range []struct {
			name   string
			caller access.Caller
			asked  int
		}{{"direct", access.Caller{User: accesstest.Owner}, 1000}, {"policy", access.Caller{User: accesstest.Technician}, 1000}, {"scattered", access.Caller{User: accesstest.Owner}, 1 << 16}} {
			for id := range n {
				if err := g.Require(b.Context(), by.caller, access.OrgShow, ref.OrgID(id+1)); err != nil {
					b.Fatal(err)
				}
			}
			orgs := make([]ref.OrgID, by.asked)
			for i := range orgs {
				orgs[i] = ref.OrgID(2 + rand.IntN(n-1))
			}
			b.Run(fmt.Sprintf("%s/%d", by.name, n), func(b *testing.B) {
				b.ReportAllocs()
				ctx, i := b.Context(), 0
				for b.Loop() {
					if g.Require(ctx, by.caller, access.CustomerCreate, orgs[i]) != nil {
						b.Fatal("refused")
					}
					if i++; i == len(orgs) {
						i = 0
					}
				}
			})
		}
	}
}

// TestDecisionAllocatesNothing keeps the way through memory clear of the garbage collector.
func TestDecisionAllocatesNothing(t *testing.T) {
	now := time.Now()
	g, err := access.NewGuard(access.Config{Loader: accesstest.NewForest(10), Now: func() time.Time { return now }, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, by := range map[string]access.Caller{"direct": {User: accesstest.Owner}, "policy": {User: accesstest.Technician}} {
		if n := testing.AllocsPerRun(100, func() {
			if err := g.Require(ctx, by, access.CustomerCreate, 5); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
