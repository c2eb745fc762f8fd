package org

import "testing"

func TestAssignable(t *testing.T) {
	t.Parallel()
	ended := parent(1, -1, 0)
	ended.Held[1].Ends = past
	tests := []struct {
		name       string
		parent     Manager
		capability string
		want       bool
	}{
		{"iam", parent(1, -1, 0), IAM, true},
		{"what it holds", parent(1, -1, 0), "policy", true},
		{"what it holds, at the width", parent(1, 0, 0), "policy", true}, // present customers may still be given it
		{"what has ended in it", parent(1, -1, 0), "optima", false},
		{"what cannot be handed on", parent(1, -1, 0), "own", false},
		{"what it lacks", parent(1, -1, 0), "saas", false},
		{"msp", parent(1, -1, 0), MSP, true},
		{"msp at depth 0", parent(0, -1, 0), MSP, false},
		{"anything, when its msp has ended", ended, "policy", false},
		{"anything of what is no parent", Manager{Held: []Held{{Capability: Capability{Name: IAM}}}}, IAM, false},
	}
	for _, tt := range tests {
		if got := tt.parent.Catalog.Assignable(tt.parent.Held, tt.capability, now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
