package org

import (
	"context"
	"fmt"
	"strings"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Manager is an organization in its part as a parent, as a writing transaction sees it.
type Manager struct {
	Org       Organization
	Held      []Held
	Customers int64 // direct customers; counted only where the width is limited
	Catalog   Catalog
}

// manager reads a parent and holds it against changes of its capabilities; where its width is limited, other writers
// below it wait, so that the count stays true until the commit.
func (s *Service) manager(ctx context.Context, tx Tx, id ref.OrgID) (Manager, error) {
	o, err := tx.Lock(ctx, id, false)
	if err != nil {
		return Manager{}, err
	}
	return s.managerOf(ctx, tx, o, tx.LockCustomerCount)
}

// seen is manager for a reader: it holds nothing, so what it says may be over at once.
func (s *Service) seen(ctx context.Context, tx Tx, id ref.OrgID) (Manager, error) {
	o, err := tx.Organization(ctx, id)
	if err != nil {
		return Manager{}, err
	}
	return s.managerOf(ctx, tx, o, tx.CustomerCount)
}

// managerOf reads what there is to know of a parent besides o; count is asked only where the width is limited.
func (s *Service) managerOf(ctx context.Context, tx Tx, o Organization, count func(context.Context, ref.OrgID) (int64, error)) (Manager, error) {
	all, err := held(ctx, tx, o.ID)
	if err != nil {
		return Manager{}, err
	}
	m := Manager{Org: o, Held: all, Catalog: s.catalog}
	if m.width() != nil {
		m.Customers, err = count(ctx, o.ID)
	}
	return m, err
}

// width is how many direct customers there may be; nil: any number.
func (m Manager) width() *int64 {
	h, _ := find(m.Held, MSP)
	return h.MaxWidth
}

// Admit says whether a new customer may stand under the parent: nil, or one error that names everything in the way.
// A full width is Conflict customer_limit_reached; a wish beyond what the parent has now is Unprocessable.
func (m Manager) Admit(wishes []Wish, now time.Time) error {
	var all problems
	code := ""
	if full := m.full(); full != "" {
		code = "customer_limit_reached"
		all = append(all, full)
	}
	unfit := m.unfit(wishes, now)
	for _, u := range unfit {
		all = append(all, u.text)
	}
	if code != "" {
		return errs.Conflictf(code, "%s", all)
	}
	return unprocessable(unfit)
}

// full says why no further customer may stand under the parent; "" if one may.
func (m Manager) full() string {
	w := m.width()
	if w == nil || m.Customers < *w {
		return ""
	}
	return fmt.Sprintf("organization %d may have %d customers (maxWidth of its msp capability) and has %d", m.Org.ID, *w, m.Customers)
}

// Grant says whether a customer may be given these capabilities, or these new ends of capabilities: nil or Unprocessable.
func (m Manager) Grant(wishes []Wish, now time.Time) error {
	return unprocessable(m.unfit(wishes, now))
}

// misfit is a wish that the parent cannot grant.
type misfit struct {
	code string
	text string
}

// mspMisfit is the wire code of what is wrong with a wish for msp.
const mspMisfit = "msp_capability_validation_failed"

// unfit lists the wishes the parent cannot grant now: what it does not hold, what has ended in it, msp where its depth
// leaves none.
func (m Manager) unfit(wishes []Wish, now time.Time) []misfit {
	var list []misfit
	for _, w := range wishes {
		if w.Name == IAM {
			continue
		}
		code := ""
		if w.Name == MSP {
			code = mspMisfit
		}
		h, ok := find(m.Held, w.Name)
		switch {
		case !ok:
			list = append(list, misfit{code, fmt.Sprintf("capability %s: organization %d does not hold it and cannot hand it on", w.Name, m.Org.ID)})
		case m.Catalog[w.Name].KeptToOneself:
			list = append(list, misfit{code, fmt.Sprintf("capability %s: it cannot be handed on", w.Name)})
		case !h.Active(now):
			list = append(list, misfit{code, fmt.Sprintf("capability %s: it ended in organization %d on %s", w.Name, m.Org.ID, h.Ends.UTC().Format(time.RFC3339))})
		case w.Name == MSP && h.Depth < 1:
			list = append(list, misfit{code, fmt.Sprintf("capability msp: organization %d has depth 0 (maxDepth of its msp capability), so none of its customers may be a parent", m.Org.ID)})
		}
	}
	return list
}

func unprocessable(list []misfit) error {
	if len(list) == 0 {
		return nil
	}
	code, texts := "", make([]string, len(list))
	for i, u := range list {
		texts[i] = u.text
		if u.code != "" {
			code = u.code
		}
	}
	return errs.Unprocessablef(code, "%s", strings.Join(texts, "; "))
}

// namedHolders is how many holders or children an error names before it only counts on.
const namedHolders = 20

// inUse is the refusal to take capabilities away that organizations below hold; nil if none does.
func inUse(id ref.OrgID, holders []Holder) error {
	if len(holders) == 0 {
		return nil
	}
	by := make(map[string][]string)
	var names []string
	for _, h := range holders {
		if by[h.Capability] == nil {
			names = append(names, h.Capability)
		}
		by[h.Capability] = append(by[h.Capability], fmt.Sprintf("%d (%s)", h.Org, h.Name))
	}
	var texts []string
	for _, n := range names {
		texts = append(texts, fmt.Sprintf("%s by %s", n, someOf(by[n])))
	}
	return errs.Conflictf("capabilities_in_use", "organizations below %d hold what would be taken away: %s; remove it there first", id, strings.Join(texts, "; "))
}

// someOf joins the first names and says if there are more.
func someOf(names []string) string {
	if len(names) <= namedHolders {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:namedHolders], ", ") + " and more"
}
