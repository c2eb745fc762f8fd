package org

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	now   = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	past  = now.Add(-time.Hour)
	soon  = now.Add(24 * time.Hour)
	later = now.Add(48 * time.Hour)
)

func holds(name string, end time.Time) Capability { return Capability{Name: name, ExpiresAt: end} }

func depth(c Capability, n int64) Capability {
	c.MaxDepth = &n
	return c
}

func TestPathHeldTakesTheEarliestEnd(t *testing.T) {
	t.Parallel()
	none := time.Time{}
	tests := []struct {
		name string
		path []time.Time // the end of policy in the organization, its parent, ..., the root
		want time.Time
	}{
		{"a root without an end", []time.Time{none}, none},
		{"a root's own", []time.Time{soon}, soon},
		{"follows the parent", []time.Time{none, soon}, soon},
		{"its own before the parent's", []time.Time{soon, later}, soon},
		{"its own after the parent's counts no longer", []time.Time{later, soon}, soon},
		{"its own, the parent has none", []time.Time{later, none}, later},
		{"the grandparent's", []time.Time{none, none, soon}, soon},
		{"the middle one", []time.Time{later, past, soon}, past},
	}
	for _, tt := range tests {
		var path Path
		for _, end := range tt.path {
			path = append(path, Node{Capabilities: []Capability{holds("policy", end), holds(IAM, none)}})
		}
		got := path.Held()
		if names := []string{got[0].Name, got[1].Name}; !slices.Equal(names, []string{IAM, "policy"}) {
			t.Fatalf("%s: got %v", tt.name, names)
		}
		if !got[1].Ends.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got[1].Ends, tt.want)
		}
		if !got[0].Ends.IsZero() {
			t.Errorf("%s: iam ends at %v, want never", tt.name, got[0].Ends)
		}
	}
}

func TestPathHeldLeavesOutWhatAnAncestorLacks(t *testing.T) {
	t.Parallel()
	path := Path{{Capabilities: []Capability{holds("policy", later)}}, {Capabilities: []Capability{holds(IAM, time.Time{})}}}
	if got := path.Held(); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestRenewalBringsTheBranchBack(t *testing.T) {
	t.Parallel()
	leaf, root := holds("policy", time.Time{}), holds("policy", past)
	path := Path{{Capabilities: []Capability{leaf}}, {Capabilities: []Capability{root}}}
	if path.Held()[0].Active(now) {
		t.Error("ended in the root: got active in the leaf")
	}
	path[1].Capabilities[0].ExpiresAt = later
	if !path.Held()[0].Active(now) {
		t.Error("renewed in the root: got ended in the leaf")
	}
}

func TestActiveIsHalfOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		end  time.Time
		want bool
	}{{time.Time{}, true}, {now, false}, {now.Add(time.Microsecond), true}, {now.Add(-time.Microsecond), false}} {
		if got := (Held{Ends: tt.end}).Active(now); got != tt.want {
			t.Errorf("ends %v: got %v, want %v", tt.end, got, tt.want)
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	msp := holds(MSP, time.Time{})
	tests := []struct {
		name string
		path []Capability // from the organization to the root
		want int64
	}{
		{"a root's default", []Capability{msp}, 1},
		{"a root with more", []Capability{depth(msp, 3)}, 3},
		{"a child of the default", []Capability{msp, msp}, 0},
		{"a child has one less", []Capability{msp, depth(msp, 3)}, 2},
		{"a grandchild", []Capability{msp, msp, depth(msp, 3)}, 1},
		{"the operator set less", []Capability{depth(msp, 1), depth(msp, 3)}, 1},
		{"more than the parent leaves", []Capability{depth(msp, 5), depth(msp, 3)}, 2},
		{"lowered above", []Capability{msp, msp, depth(msp, 0)}, 0},
	}
	for _, tt := range tests {
		var path Path
		for _, c := range tt.path {
			path = append(path, Node{Capabilities: []Capability{c}})
		}
		if got := path.Held()[0].Depth; got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestWishCheck(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := []struct {
		name string
		in   []Wish
		want string
	}{
		{"plain", []Wish{{Name: "policy"}}, ""},
		{"with a date", []Wish{{Name: "policy", ExpiresAt: &later}}, ""},
		{"with a date and the flag", []Wish{{Name: "policy", ExpiresAt: &later, HasCustomExpiry: &yes}}, ""},
		{"a date in the past", []Wish{{Name: "policy", ExpiresAt: &past}}, ""},
		{"the flag without a date", []Wish{{Name: "policy", HasCustomExpiry: &yes}}, "capabilities[0].hasCustomExpiry: true needs expiresAt, the date of the end"},
		{"the flag false without a date", []Wish{{Name: "policy", HasCustomExpiry: &no}}, ""},
		{"iam", []Wish{{Name: IAM}}, ""},
		{"iam with a date", []Wish{{Name: IAM, ExpiresAt: &later}}, "capabilities[0]: iam never ends and takes no date"},
		{"no name", []Wish{{}}, `capabilities[0].name: "" is no capability's name; want 1 to 128 letters, digits, _ or -, not beginning with -`},
		{"twice", []Wish{{Name: "policy"}, {Name: "policy"}}, "capabilities[1].name: policy is named by capabilities[0] already"},
	}
	for _, tt := range tests {
		var p problems
		checkWishes(tt.in, &p)
		if got := p.String(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWishEnd(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, tt := range []struct {
		name string
		in   Wish
		want time.Time
	}{
		{"none", Wish{}, time.Time{}},
		{"a date alone counts as custom", Wish{ExpiresAt: &later}, later},
		{"custom", Wish{ExpiresAt: &later, HasCustomExpiry: &yes}, later},
		{"the parent's date written back", Wish{ExpiresAt: &later, HasCustomExpiry: &no}, time.Time{}},
	} {
		if got := tt.in.end(); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	present := []Capability{holds(IAM, time.Time{}), depth(holds(MSP, soon), 0), holds("policy", time.Time{})}
	tests := []struct {
		name   string
		wishes []Wish
		want   change
	}{
		{"the same, iam left out", []Wish{{Name: MSP, ExpiresAt: &soon}, {Name: "policy"}}, change{}},
		{"one added", []Wish{{Name: MSP, ExpiresAt: &soon}, {Name: "policy"}, {Name: "optima", ExpiresAt: &later}},
			change{set: []Capability{holds("optima", later)}}},
		{"re-dated, the terms stay", []Wish{{Name: MSP, ExpiresAt: &later}, {Name: "policy"}},
			change{set: []Capability{depth(holds(MSP, later), 0)}}},
		{"the date taken away", []Wish{{Name: MSP}, {Name: "policy"}}, change{set: []Capability{depth(holds(MSP, time.Time{}), 0)}}},
		{"none wished: all but iam go", nil, change{removed: []string{MSP, "policy"}}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(plan(present, tt.wishes), tt.want, cmp.AllowUnexported(change{})); d != "" {
			t.Errorf("%s: got (-) want (+):\n%s", tt.name, d)
		}
	}
}
