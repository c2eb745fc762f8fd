package org

import (
	"context"
	"slices"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// The capabilities that rules speak of. Others are names to this package.
const (
	IAM = "iam" // always held, without an end
	MSP = "msp" // makes an organization a parent
)

// Capability is a named bundle of functions that an organization holds.
type Capability struct {
	Name      string
	ExpiresAt time.Time // when it ends, as it was asked for; zero: it ends when the parent's does
	MaxDepth  *int64    // of msp: how many levels of parents may stand below; nil: what the parent's leaves
	MaxWidth  *int64    // of msp: how many direct customers there may be; nil: any number
	CreatedAt time.Time
	UpdatedAt time.Time
}

// HasCustomExpiry reports whether the end was given for this organization.
func (c Capability) HasCustomExpiry() bool { return !c.ExpiresAt.IsZero() }

// Held is a capability of an organization, with what the path to the root makes of it.
type Held struct {
	Capability
	Ends  time.Time // the earliest end on the path, this organization's own included; zero: none
	Depth int64     // of msp: the depth that counts
}

// Active reports whether the capability has not ended at now.
func (h Held) Active(now time.Time) bool { return h.Ends.IsZero() || now.Before(h.Ends) }

// Node is an organization on a path and the capabilities it holds itself.
type Node struct {
	ID           ref.OrgID
	Capabilities []Capability
}

// Path is an organization (first), its parent, and so on to the root (last).
type Path []Node

// rootDepth is the depth of a root whose operator set none: its customers may be parents, theirs may not.
const rootDepth = 1

// Held lists what the first organization of the path holds, by name, with the ends and terms that count. A capability that
// an ancestor lacks does not count and is left out; iam never ends.
func (p Path) Held() []Held {
	var above []Held
	if len(p) > 1 {
		above = p[1:].Held()
	}
	var held []Held
	for _, c := range p[0].Capabilities {
		if h, ok := c.under(len(p) == 1, above); ok {
			held = append(held, h)
		}
	}
	slices.SortFunc(held, func(a, b Held) int { return strings.Compare(a.Name, b.Name) })
	return held
}

// under is what the capabilities of a parent make of one of its customer's; a root has nothing above it. ok is false where
// the parent lacks it.
func (c Capability) under(root bool, above []Held) (h Held, ok bool) {
	h = Held{Capability: c, Ends: c.ExpiresAt, Depth: ownDepth(c, rootDepth)}
	if root || c.Name == IAM {
		return h, true
	}
	a, ok := find(above, c.Name)
	h.Ends = earlier(c.ExpiresAt, a.Ends)
	h.Depth = max(0, min(ownDepth(c, a.Depth-1), a.Depth-1))
	return h, ok
}

func ownDepth(c Capability, otherwise int64) int64 {
	if c.MaxDepth == nil {
		return otherwise
	}
	return *c.MaxDepth
}

// earlier returns the earlier of two ends, where zero is no end.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func find(held []Held, name string) (Held, bool) {
	i := slices.IndexFunc(held, func(h Held) bool { return h.Name == name })
	if i < 0 {
		return Held{}, false
	}
	return held[i], true
}

// Above is a capability of the parent of the path's first organization, as it counts there; ok is false where there is no
// parent or it holds none.
func (p Path) Above(name string) (h Held, ok bool) {
	if len(p) < 2 {
		return Held{}, false
	}
	return find(p[1:].Held(), name)
}

// Access is the organization as decisions see it, without its projects and what access policies give in it.
func (p Path) Access() *access.Organization {
	o := &access.Organization{ID: p[0].ID}
	if len(p) > 1 {
		o.Parent = p[1].ID
	}
	for _, h := range p.Held() {
		o.Capabilities = append(o.Capabilities, access.InForce{Name: h.Name, Ends: h.Ends})
	}
	return o
}

// Wish is a capability that a request asks for.
type Wish struct {
	Name            string
	ExpiresAt       *time.Time
	HasCustomExpiry *bool
}

// end is the end the wish asks for; zero: the parent's. A date beside hasCustomExpiry false is the parent's own date, read
// and written back: it is followed, not copied.
func (w Wish) end() time.Time {
	if w.ExpiresAt == nil || w.HasCustomExpiry != nil && !*w.HasCustomExpiry {
		return time.Time{}
	}
	return w.ExpiresAt.UTC().Truncate(time.Microsecond)
}

// The dates an end may have: beyond them a date is a slip of the pen.
var (
	firstEnd = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastEnd  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

func (w Wish) check(member string, p *problems) {
	checkName(p, member+".name", w.Name)
	custom := w.HasCustomExpiry != nil && *w.HasCustomExpiry
	if custom && w.ExpiresAt == nil {
		p.add("%s.hasCustomExpiry: true needs expiresAt, the date of the end", member)
	}
	if w.Name == IAM && (w.ExpiresAt != nil || custom) {
		p.add("%s: iam never ends and takes no date", member)
	}
	if w.ExpiresAt != nil && (w.ExpiresAt.Before(firstEnd) || w.ExpiresAt.After(lastEnd)) {
		p.add("%s.expiresAt: %s is no date of an end; want a year from 1970 to 9999", member, w.ExpiresAt.Format(time.RFC3339))
	}
}

func checkWishes(wishes []Wish, p *problems) {
	seen := make(map[string]int, len(wishes))
	for i, w := range wishes {
		member := indexed("capabilities", i)
		w.check(member, p)
		if first, again := seen[w.Name]; again {
			p.add("%s.name: %s is named by capabilities[%d] already", member, w.Name, first)
		}
		seen[w.Name] = i
	}
}

// change is what makes the present capabilities what a request wishes.
type change struct {
	set     []Capability // added or given another end
	removed []string
}

// plan compares the capabilities an organization holds with the full new list. iam stays, named or not.
func plan(present []Capability, wishes []Wish) change {
	var ch change
	for _, w := range wishes {
		i := slices.IndexFunc(present, func(c Capability) bool { return c.Name == w.Name })
		switch {
		case i < 0:
			ch.set = append(ch.set, Capability{Name: w.Name, ExpiresAt: w.end()})
		case !present[i].ExpiresAt.Equal(w.end()):
			c := present[i]
			c.ExpiresAt = w.end()
			ch.set = append(ch.set, c)
		}
	}
	for _, c := range present {
		if c.Name != IAM && !slices.ContainsFunc(wishes, func(w Wish) bool { return w.Name == c.Name }) {
			ch.removed = append(ch.removed, c.Name)
		}
	}
	return ch
}

// wishesFor lists the wishes that a change carries out: what is added or given another end.
func wishesFor(ch change, wishes []Wish) []Wish {
	return slices.DeleteFunc(slices.Clone(wishes), func(w Wish) bool {
		return !slices.ContainsFunc(ch.set, func(c Capability) bool { return c.Name == w.Name })
	})
}

// withIAM is the full list of a new organization: iam is always part of it.
func withIAM(wishes []Wish) []Wish {
	if slices.ContainsFunc(wishes, func(w Wish) bool { return w.Name == IAM }) {
		return wishes
	}
	return append([]Wish{{Name: IAM}}, wishes...)
}

// Holder is an organization below another that holds one of its capabilities.
type Holder struct {
	Capability string
	Org        ref.OrgID
	Name       string
}

// Capabilities lists what an organization holds, to its members.
func (s *Service) Capabilities(ctx context.Context, by access.Caller, id ref.OrgID) ([]Held, error) {
	return readOne(ctx, s, by, access.CapabilityIndex, id, func(tx Tx) ([]Held, error) { return held(ctx, tx, id) })
}

// Capability returns one capability of an organization, NotFound if it does not hold it.
func (s *Service) Capability(ctx context.Context, by access.Caller, id ref.OrgID, name string) (Held, error) {
	return readOne(ctx, s, by, access.CapabilityShow, id, func(tx Tx) (Held, error) {
		all, err := held(ctx, tx, id)
		if err != nil {
			return Held{}, err
		}
		h, ok := find(all, name)
		if !ok {
			return Held{}, errs.NotFoundf("organization %d does not hold the capability %s", id, name)
		}
		return h, nil
	})
}

func held(ctx context.Context, tx Tx, id ref.OrgID) ([]Held, error) {
	path, err := tx.Path(ctx, id)
	if err != nil {
		return nil, err
	}
	return path.Held(), nil
}
