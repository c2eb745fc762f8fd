package trail

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/ref"
)

// visited is a store that keeps entries, or fails.
type visited struct {
	Store
	Tx
	entries []audit.Entry
	err     error
}

func (v *visited) Write(_ context.Context, fn func(Tx) error) error {
	if v.err != nil {
		return v.err
	}
	return fn(v)
}

func (v *visited) Record(_ context.Context, e audit.Entry) error {
	v.entries = append(v.entries, e)
	return nil
}

// technicians come from organization 1, with an access policy; nobody else does.
type technicians []ref.UserID

func (t technicians) Visit(_ context.Context, by access.Caller, _ ref.OrgID) (access.Visit, bool, error) {
	for _, u := range t {
		if u == by.User {
			return access.Visit{From: 1, Policies: []ref.AccessPolicyID{"p"}}, true, nil
		}
	}
	return access.Visit{}, false, nil
}

func TestVisits(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 25, 10, 10, 0, 0, time.UTC)
	kept := &visited{}
	visits, err := NewVisits(kept, technicians{5, 6}, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	enter := func(u ref.UserID, org ref.OrgID) error {
		return visits.Enter(t.Context(), access.Caller{User: u, RequestID: "r"}, org)
	}
	for _, step := range []struct {
		what    string
		advance time.Duration
		user    ref.UserID
		org     ref.OrgID
		entries int
	}{
		{"a member", 0, 4, 7, 0},
		{"a technician", 0, 5, 7, 1},
		{"again", 10 * time.Minute, 5, 7, 1},
		{"elsewhere", 0, 5, 8, 2},
		{"another technician", 0, 6, 7, 3},
		{"in another hour", time.Hour, 5, 7, 4},
		{"again in it", 0, 5, 7, 4},
	} {
		clock = clock.Add(step.advance)
		if err := enter(step.user, step.org); err != nil || len(kept.entries) != step.entries {
			t.Errorf("%s: got %d entries, %v; want %d", step.what, len(kept.entries), err, step.entries)
		}
	}
	e := kept.entries[0]
	if got := fmt.Sprintln(e.Org, e.Via, e.Actor, e.Action, e.TargetKind, e.TargetID, e.RequestID, string(e.After)); got != fmt.Sprintln(7, 1, audit.ActorOf(access.Caller{User: 5}), "organization.visit", "organization", "7", "r", `{"accessPolicies":["p"]}`) {
		t.Errorf("entry: got %s", got)
	}
}

// What can't be recorded is not let in, and is recorded by the next attempt.
func TestVisitThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	kept := &visited{err: errors.New("the disk is full")}
	visits, err := NewVisits(kept, technicians{5}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	by := access.Caller{User: 5}
	if err := visits.Enter(t.Context(), by, 7); !errors.Is(err, kept.err) {
		t.Errorf("got %v, want %v", err, kept.err)
	}
	kept.err = nil
	if err := visits.Enter(t.Context(), by, 7); err != nil || len(kept.entries) != 1 {
		t.Errorf("got %d entries, %v; want one", len(kept.entries), err)
	}
}
