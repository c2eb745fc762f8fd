package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// customer is what the API shows of one. Its name, which never changes, is its key.
type customer struct {
	id           int64 // 0: not known yet
	externalID   string
	description  string
	tags         string // a list, as are the following
	capabilities string
}

// same compares a customer that the API shows with one that is expected, whose id may not be known.
func (c customer) same(want customer) bool {
	if want.id == 0 {
		want.id = c.id
	}
	return c == want
}

// change is what one request does: all of it, or nothing. Each customer in it makes one audit entry.
type change struct {
	request string
	after   map[string]*customer // by name; nil: gone
}

// ledger is what one writer knows of its customers, which no other writer touches.
type ledger struct {
	prefix string // of their names
	known  map[string]customer
	open   []change       // outcome unknown; no request touches their customers until it is known
	done   map[string]int // audit entries that each request has to have, since the last settling; 0: refused
}

func newLedger(prefix string) *ledger {
	return &ledger{prefix: prefix, known: map[string]customer{}, done: map[string]int{}}
}

// outcome is what the answer to a request says about its change.
type outcome int

const (
	unknown outcome = iota // no answer, or one that says so
	made                   // acknowledged
	refused                // nothing was changed
)

// note writes down what became of a change.
func (l *ledger) note(c change, o outcome) {
	switch o {
	case unknown:
		l.open = append(l.open, c)
	case made:
		l.apply(c)
	case refused:
		l.done[c.request] = 0
	}
}

func (l *ledger) apply(c change) {
	l.done[c.request] = len(c.after)
	for name, after := range c.after {
		if after == nil {
			delete(l.known, name)
		} else {
			l.known[name] = *after
		}
	}
}

// free lists the names of customers whose state is known, in order.
func (l *ledger) free() []string {
	taken := map[string]bool{}
	for _, c := range l.open {
		for name := range c.after {
			taken[name] = true
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(l.known)), func(name string) bool { return taken[name] })
}

// settle compares the ledger with what the API shows and what the audit log has, learns what became of the open changes, and
// returns everything that disagrees. Both maps lose what is the ledger's.
func (l *ledger) settle(shown map[string]customer, entries map[string]int) []string {
	var wrong []string
	for _, c := range l.open {
		switch before, after := l.shows(shown, c, false), l.shows(shown, c, true); {
		case after && !before:
			l.apply(c)
		case before && !after:
			l.done[c.request] = 0
		default:
			wrong = append(wrong, fmt.Sprintf("request %s is half done: %s", c.request, l.describe(shown, c)))
		}
	}
	l.open = nil
	for name, want := range l.known {
		got, ok := shown[name]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s was acknowledged and is lost: %+v", name, want))
		case !got.same(want):
			wrong = append(wrong, fmt.Sprintf("%s: got %+v, want %+v as acknowledged", name, got, want))
		default:
			l.known[name] = got
		}
	}
	for name, got := range shown {
		if strings.HasPrefix(name, l.prefix) {
			if _, ok := l.known[name]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s is there and should not be: %+v", name, got))
			}
			delete(shown, name)
		}
	}
	return append(wrong, l.settleEntries(entries)...)
}

func (l *ledger) settleEntries(entries map[string]int) (wrong []string) {
	for request, want := range l.done {
		if got := entries[request]; got != want {
			wrong = append(wrong, fmt.Sprintf("request %s has %d audit entries, want %d", request, got, want))
		}
		delete(entries, request)
	}
	clear(l.done)
	return wrong
}

// shows reports whether the customers of a change are as they were before it, or as they are after it.
func (l *ledger) shows(shown map[string]customer, c change, done bool) bool {
	for name, after := range c.after {
		want, there := l.known[name]
		if done {
			if there = after != nil; there {
				want = *after
			}
		}
		if got, ok := shown[name]; ok != there || ok && !got.same(want) {
			return false
		}
	}
	return true
}

func (l *ledger) describe(shown map[string]customer, c change) string {
	var all []string
	for name, after := range c.after {
		want := "gone"
		if after != nil {
			want = fmt.Sprintf("%+v", *after)
		}
		got, ok := shown[name]
		before, was := l.known[name]
		all = append(all, fmt.Sprintf("%s before %t %+v, after %s, is %t %+v", name, was, before, want, ok, got))
	}
	return strings.Join(all, "; ")
}
