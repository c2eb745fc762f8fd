package trail

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/ref"
)

// visitEvery is how often one who keeps coming is recorded again.
const visitEvery = time.Hour

// Outside tells who comes into an organization from outside; access.Guard is the one that serves.
type Outside interface {
	Visit(ctx context.Context, by access.Caller, org ref.OrgID) (access.Visit, bool, error)
}

// Visits records in an organization's own log who looks into it without being a member, so that the organization sees it: with
// the first request, before it is answered, and once an hour after that. It is safe for concurrent use.
type Visits struct {
	store   Store
	outside Outside
	now     func() time.Time

	mu   sync.Mutex
	hour time.Time
	told map[visitor]bool // in this hour
}

type visitor struct {
	who access.Principal
	org ref.OrgID
}

// NewVisits makes Visits.
func NewVisits(store Store, outside Outside, now func() time.Time) (*Visits, error) {
	if store == nil || outside == nil || now == nil {
		return nil, errors.New("visits: a store, a guard and a clock are needed")
	}
	return &Visits{store: store, outside: outside, now: now, told: map[visitor]bool{}}, nil
}

// Enter is told of every request in an organization. An error says that the visit could not be recorded: then it must not be
// made.
func (v *Visits) Enter(ctx context.Context, by access.Caller, org ref.OrgID) error {
	visit, outside, err := v.outside.Visit(ctx, by, org)
	if err != nil || !outside {
		return err
	}
	who := visitor{by.Principal(), org}
	if v.known(who) {
		return nil
	}
	after, err := json.Marshal(map[string]any{"accessPolicies": visit.Policies})
	if err != nil {
		return err
	}
	err = v.store.Write(ctx, func(tx Tx) error {
		return tx.Record(ctx, audit.Entry{
			Org: org, Via: visit.From, Actor: audit.ActorOf(by), Session: by.Session, RequestID: by.RequestID,
			Action: "organization.visit", TargetKind: "organization", TargetID: org.String(), After: after,
		})
	})
	if err == nil { // two requests at the same time may both be recorded
		v.mu.Lock()
		v.told[who] = true
		v.mu.Unlock()
	}
	return err
}

// known reports whether a visit is recorded for this hour. Those of the hour before are forgotten.
func (v *Visits) known(who visitor) bool {
	hour := v.now().Truncate(visitEvery)
	v.mu.Lock()
	defer v.mu.Unlock()
	if !hour.Equal(v.hour) {
		v.hour = hour
		clear(v.told)
	}
	return v.told[who]
}
