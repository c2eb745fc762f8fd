package notify

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/ref"
)

// steps are how many days before a capability ends its people are told, once each; 0 is the day itself.
var steps = []int{0, 1, 7, 30, 60}

// Ending is a capability that ends soon, with the end that counts.
type Ending struct {
	Org        ref.OrgID
	OrgName    string
	Parent     ref.OrgID // 0 for a root
	Capability string
	Ends       time.Time
}

// step is which of the steps an end has reached at now; ok is false if none, or if it is past by more than a day.
func (e Ending) step(now time.Time) (days int, ok bool) {
	left := e.Ends.Sub(now)
	switch {
	case left <= -24*time.Hour:
		return 0, false
	case left <= 0 || e.Ends.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly):
		return 0, true
	}
	for _, s := range steps[1:] {
		if left <= time.Duration(s)*24*time.Hour {
			return s, true
		}
	}
	return 0, false
}

// daysLeft is how many days are left, begun ones counted.
func (e Ending) daysLeft(now time.Time) int {
	return max(0, int((e.Ends.Sub(now)+24*time.Hour-1)/(24*time.Hour)))
}

// Recipient is somebody who is told of what ends in an organization: its owners, and the MSP administrators of its customers.
type Recipient struct {
	User  ref.UserID
	Org   ref.OrgID // where it has the role
	Owner bool      // of that organization; else an administrator of its customers alone
	To    Address
}

// noticeTx is what notices ask of a transaction.
type noticeTx interface {
	// NoticeDone reports whether the notices of a day, as 2026-11-25, were all put into the outbox.
	NoticeDone(ctx context.Context, day string) (bool, error)
	MarkNoticeDone(ctx context.Context, day string) error
	// Endings lists what ends in [from, to), by organization and capability.
	Endings(ctx context.Context, from, to time.Time) ([]Ending, error)
	// Recipients lists who is told of what ends in these organizations or in their customers.
	Recipients(ctx context.Context, orgs []ref.OrgID) ([]Recipient, error)
	// InsertNotice notes that a user is told of an end at a step; false if it was before.
	InsertNotice(ctx context.Context, user ref.UserID, e Ending, days int) (bool, error)
}

// Notices puts today's notices into the outbox: to each person one mail about everything that reached a step and that the
// person was not told of. It does nothing once a day's are done, and nothing twice if it was interrupted.
func (s *Service) Notices(ctx context.Context) error {
	now := s.cfg.Now().UTC()
	day := now.Format(time.DateOnly)
	var done bool
	var endings []Ending
	var people []Recipient
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if done, err = tx.NoticeDone(ctx, day); err != nil || done {
			return err
		}
		if endings, err = tx.Endings(ctx, now.Add(-24*time.Hour), now.Add(60*24*time.Hour)); err != nil {
			return err
		}
		people, err = tx.Recipients(ctx, concerned(endings))
		return err
	})
	if err != nil || done {
		return err
	}
	for _, d := range digests(endings, people) {
		if err := s.tell(ctx, d, now); err != nil {
			return err
		}
	}
	s.Wake()
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.MarkNoticeDone(ctx, day) })
}

// concerned is the organizations whose people are told.
func concerned(endings []Ending) []ref.OrgID {
	var list []ref.OrgID
	for _, e := range endings {
		list = append(list, e.Org)
		if e.Parent != 0 {
			list = append(list, e.Parent)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// digest is what one person is told of.
type digest struct {
	Recipient
	endings []Ending
}

// digests brings together what each person is told, by user. The mail looks like the organization where the person has the
// role; the first of them by id if there are several.
func digests(endings []Ending, people []Recipient) []digest {
	own, below := make(map[ref.OrgID][]Ending), make(map[ref.OrgID][]Ending)
	for _, e := range endings {
		own[e.Org] = append(own[e.Org], e)
		if e.Parent != 0 {
			below[e.Parent] = append(below[e.Parent], e)
		}
	}
	of := make(map[ref.UserID]*digest)
	slices.SortFunc(people, func(a, b Recipient) int { return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Org, b.Org)) })
	for _, p := range people {
		d := of[p.User]
		if d == nil {
			d = &digest{Recipient: p}
			of[p.User] = d
		}
		if p.Owner {
			d.endings = append(d.endings, own[p.Org]...)
		}
		d.endings = append(d.endings, below[p.Org]...)
	}
	var list []digest
	for _, d := range of {
		slices.SortFunc(d.endings, func(a, b Ending) int {
			return cmp.Or(a.Ends.Compare(b.Ends), strings.Compare(a.OrgName, b.OrgName), cmp.Compare(a.Org, b.Org), strings.Compare(a.Capability, b.Capability))
		})
		d.endings = slices.CompactFunc(d.endings, func(a, b Ending) bool { return a.Org == b.Org && a.Capability == b.Capability })
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b digest) int { return cmp.Compare(a.User, b.User) })
	return list
}

// tell puts one person's mail into the outbox, together with the notes that say so.
func (s *Service) tell(ctx context.Context, d digest, now time.Time) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		var rows []any
		for _, e := range d.endings {
			step, due := e.step(now)
			if !due {
				continue
			}
			fresh, err := tx.InsertNotice(ctx, d.User, e, step)
			if err != nil {
				return err
			}
			if fresh {
				rows = append(rows, map[string]any{"organization": e.OrgName, "capability": e.Capability, "ends": e.Ends.UTC().Format(time.RFC3339),
					"days": e.daysLeft(now), "today": step == 0})
			}
		}
		if len(rows) == 0 {
			return nil
		}
		return s.Put(ctx, tx, Mail{To: d.To, Org: d.Org, Kind: Expiry, Data: map[string]any{"rows": rows}})
	})
}
