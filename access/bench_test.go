package access

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// forest is an MSP, organization 1, with customers 2 to n; user 1 owns it and all of them, user 2 is a technician of it whom the
// access policies of each customer let in by the last of three user groups.
type forest struct{ subjects map[Principal]*Subject }

const technicians = 3

func newForest(n int64) *forest {
	f := &forest{map[Principal]*Subject{
		{User: 1}: {Orgs: make(map[ref.OrgID]RoleSet)},
		{User: 2}: {Orgs: map[ref.OrgID]RoleSet{1: 0}, Groups: map[ref.UserGroupID]bool{1: true, 2: true, technicians: true}},
	}}
	for id := range n {
		f.subjects[Principal{User: 1}].Orgs[ref.OrgID(id+1)] = Set(OrgOwner)
	}
	return f
}

func (f *forest) Subject(_ context.Context, p Principal) (*Subject, error) {
	s, ok := f.subjects[p]
	if !ok {
		return nil, errs.NotFoundf("no %s", p)
	}
	return s, nil
}

func (f *forest) Organization(_ context.Context, id ref.OrgID) (*Organization, error) {
	o := &Organization{ID: id, Projects: []ref.ProjectID{ref.ProjectID(id)}, ParentMSP: InForce{Name: "msp", Ends: now.Add(time.Hour)}}
	for _, name := range []string{"fcm", "iam", "msp", "optima", "policy"} {
		o.Capabilities = append(o.Capabilities, InForce{Name: string([]byte(name)), Ends: now.Add(time.Hour)})
	}
	if id > 1 {
		o.Parent = 1
		for g := range 4 { // groups that the technician is not in come first
			o.External = append(o.External, ExternalGrant{Policy: "p", Group: ref.UserGroupID(g + 1 + technicians), Roles: Set(PolicyViewer)})
		}
		o.External = append(o.External, ExternalGrant{Policy: "q", Group: technicians, Roles: Set(MSPAdmin)})
	}
	return o, nil
}

func (f *forest) Holdings(context.Context, ref.OrgID, Principal) ([]Holding, error) { return nil, nil }

// BenchmarkDecision is a decision of the guard from memory: of an owner, whose role is granted directly, and of a technician, over
// customer, policy and user group. All organizations are in memory. As many are asked about in turn whatever their number, drawn
// by chance, since what differs otherwise is how much of the machine's cache the questions take; scattered asks about all.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int64{1_000, 100_000} {
		g, err := NewGuard(Config{Loader: newForest(n), Now: time.Now})
		if err != nil {
			b.Fatal(err)
		}
		now = time.Now() // of what is loaded
		for _, by := range []struct {
			name   string
			caller Caller
			asked  int
		}{{"direct", Caller{User: 1}, 1000}, {"policy", Caller{User: 2}, 1000}, {"scattered", Caller{User: 1}, 1 << 16}} {
			for id := range n {
				if err := g.Require(b.Context(), by.caller, OrgShow, ref.OrgID(id+1)); err != nil {
					b.Fatal(err)
				}
			}
			orgs := make([]ref.OrgID, by.asked)
			for i := range orgs {
				orgs[i] = ref.OrgID(2 + rand.Int64N(n-1))
			}
			b.Run(fmt.Sprintf("%s/%d", by.name, n), func(b *testing.B) {
				b.ReportAllocs()
				ctx, i := b.Context(), 0
				for b.Loop() {
					if g.Require(ctx, by.caller, CustomerCreate, orgs[i]) != nil {
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
	g, err := NewGuard(Config{Loader: newForest(10), Now: func() time.Time { return now }, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, by := range map[string]Caller{"direct": {User: 1}, "policy": {User: 2}} {
		if n := testing.AllocsPerRun(100, func() {
			if err := g.Require(ctx, by, CustomerCreate, 5); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
