package trail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// EventLife is how long events and calls can be seen in the contract's lists; entries of the audit log live longer.
const EventLife = 92 * 24 * time.Hour

// Entry is an entry of the audit log with what its reader wants to know besides.
type Entry struct {
	audit.Entry
	By      Name   // who did it; the zero Name for somebody who is no more
	OrgName string // the name of the organization; "" for one that is no more
}

// Name is how somebody is called.
type Name struct {
	Email     string // of a user
	FirstName string
	LastName  string
	Name      string // of a service account
}

// Query selects entries. The zero value of a member asks for nothing.
type Query struct {
	Match     *filter.Expr // of EntryFilter
	Customers bool         // entries of direct customers too that were made from the organization
	Since     time.Time
	After     *Position // the page begins beyond it
	Newest    bool      // newest first
	Settled   bool      // only those that no entry can come before any more
	Limit     int
}

// Position is where an entry lies in the log: by the mark of its transaction, which grows with time, then by id.
type Position struct {
	Mark int64
	ID   int64
	Back bool // the page ends before it
}

// MarshalJSON writes a position as [mark, id, 0], or 1 in the third place for one to go back from.
func (p Position) MarshalJSON() ([]byte, error) {
	back := 0
	if p.Back {
		back = 1
	}
	return fmt.Appendf(nil, "[%d,%d,%d]", p.Mark, p.ID, back), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (p *Position) UnmarshalJSON(text []byte) error {
	var n []int64
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	if len(n) != 3 || n[2] < 0 || n[2] > 1 {
		return errors.New("a position has three numbers")
	}
	*p = Position{n[0], n[1], n[2] == 1}
	return nil
}

// EntryFilter is what searches may be filtered by.
var EntryFilter = filter.MustSchema(filter.Config{
	Joins: filter.And | filter.Or | filter.Not,
	Attrs: []filter.Attr{
		{Name: "action", Type: filter.Text, Ops: filter.Co | filter.Eq | filter.Ne | filter.In},
		{Name: "actorKind", Type: filter.Text, Ops: filter.Eq | filter.Ne},
		{Name: "actorId", Type: filter.Number, Ops: filter.Eq | filter.Ne | filter.In},
		{Name: "orgId", Type: filter.Number, Ops: filter.Eq | filter.Ne | filter.In},
		{Name: "targetKind", Type: filter.Text, Ops: filter.Eq | filter.Ne},
		{Name: "targetId", Type: filter.Text, Ops: filter.Eq | filter.Ne},
		{Name: "requestId", Type: filter.Text, Ops: filter.Eq},
		{Name: "timestamp", Type: filter.Time, Ops: filter.Gt | filter.Lt | filter.Ge | filter.Le},
	},
})

// EventFilter is what the contract's lists may be filtered by. Source: the contract, section 1.6.
var EventFilter = filter.MustSchema(filter.Config{
	Joins: filter.And,
	Attrs: []filter.Attr{{Name: "timestamp", Type: filter.Time, Ops: filter.Ge | filter.Le}},
})

// Store opens transactions.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what the use cases of this package ask of a transaction.
type Tx interface {
	Now() time.Time
	// Record writes an entry.
	Record(ctx context.Context, e audit.Entry) error
	// Entries lists those of an organization that a query selects, in the query's order.
	Entries(ctx context.Context, org ref.OrgID, q Query) ([]Entry, error)

	// APIEvents lists calls of an organization that ended before an instant, oldest first.
	APIEvents(ctx context.Context, org ref.OrgID, q Query, before time.Time) ([]APIEvent, error)
	InsertAPIEvents(ctx context.Context, events []APIEvent) error
	// DeleteAPIEvents removes up to limit calls that ended before an instant, and says how many.
	DeleteAPIEvents(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Guard decides; access.Guard is the one that serves.
type Guard interface {
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
}

// Config is what a Service needs.
type Config struct {
	Store Store
	Guard Guard
	Now   func() time.Time
	// Shared says that other servers write to the same database, so that a call may become visible after a later one.
	Shared bool
}

// Service is the use cases of the audit log's readers. It is safe for concurrent use.
type Service struct{ cfg Config }

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Guard == nil || cfg.Now == nil {
		return nil, errors.New("trail: a store, a guard and a clock are needed")
	}
	return &Service{cfg}, nil
}

// Page is part of a list. More says whether there are others behind it, Earlier whether there are some before.
type Page[T any] struct {
	Items   []T
	More    bool
	Earlier bool
}

// Search lists entries of an organization, newest first.
func (s *Service) Search(ctx context.Context, by access.Caller, org ref.OrgID, q Query) (Page[Entry], error) {
	if err := s.cfg.Guard.Require(ctx, by, access.EventIndex, org); err != nil {
		return Page[Entry]{}, err
	}
	q.Newest = true
	return s.entries(ctx, org, q)
}

// Events lists entries of the last three months that none can come before any more, oldest first: who has seen all of them can
// go on from there later and misses nothing.
func (s *Service) Events(ctx context.Context, by access.Caller, org ref.OrgID, q Query) (Page[Entry], error) {
	if err := s.cfg.Guard.Require(ctx, by, access.EventIndex, org); err != nil {
		return Page[Entry]{}, err
	}
	q.Settled, q.Since = true, s.cfg.Now().Add(-EventLife)
	return s.entries(ctx, org, q)
}

func (s *Service) entries(ctx context.Context, org ref.OrgID, q Query) (Page[Entry], error) {
	limit := q.Limit
	q.Limit++
	var list []Entry
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.Entries(ctx, org, q)
		return err
	})
	return pageOf(list, q, limit), err
}

// pageOf cuts the item off that only shows that there are others. A page that was read backwards has it at its beginning.
func pageOf[T any](list []T, q Query, limit int) Page[T] {
	p := Page[T]{Items: list, Earlier: q.After != nil}
	more := len(list) > limit
	if q.After != nil && q.After.Back {
		p.Earlier, p.More = more, true
		if more {
			p.Items = list[1:]
		}
		return p
	}
	if p.More = more; more {
		p.Items = list[:limit]
	}
	return p
}

// exportPage is how many entries an export reads at a time.
const exportPage = 500

// Export calls each for the entries that a query selects, oldest first. With follow it goes on with new ones, as they are
// settled, until ctx ends, which is then no error; idle is called when there are none at present.
func (s *Service) Export(ctx context.Context, by access.Caller, org ref.OrgID, q Query, follow time.Duration, each func(Entry) error, idle func() error) error {
	q.Newest, q.Settled, q.Limit = false, follow > 0, exportPage
	for {
		// Asked anew for every page: who lost the right meanwhile sees no more.
		if err := s.cfg.Guard.Require(ctx, by, access.EventIndex, org); err != nil {
			return err
		}
		page, err := s.entries(ctx, org, q)
		if follow > 0 && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if err := each(e); err != nil {
				return err
			}
			q.After = &Position{Mark: e.Mark, ID: e.ID}
		}
		switch {
		case page.More:
			continue
		case follow == 0:
			return nil
		}
		if err := idle(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(follow):
		}
	}
}

// unseen is how long a call may be unseen by other servers after it ended: what is gathered is written every second.
const unseen = 3 * time.Second

// APIEvents lists calls of the last three months, oldest first.
func (s *Service) APIEvents(ctx context.Context, by access.Caller, org ref.OrgID, q Query) (Page[APIEvent], error) {
	if err := s.cfg.Guard.Require(ctx, by, access.APIEventIndex, org); err != nil {
		return Page[APIEvent]{}, err
	}
	now := s.cfg.Now()
	q.Since = now.Add(-EventLife)
	if s.cfg.Shared {
		now = now.Add(-unseen)
	}
	limit := q.Limit
	q.Limit++
	var list []APIEvent
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.APIEvents(ctx, org, q, now)
		return err
	})
	return pageOf(list, q, limit), err
}
