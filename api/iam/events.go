package iam

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"espalier.dev/api/door"
	"espalier.dev/audit"
	"espalier.dev/audit/trail"
	"espalier.dev/contract/wire"
	"espalier.dev/filter"
)

func (s *server) events() map[string]door.Handler {
	return map[string]door.Handler{
		"Event#index":     s.listEvents,
		"API Event#index": s.listAPIEvents,
	}
}

// eventQuery reads what both lists take; bounded says whether there is an upper bound of time.
func eventQuery(r *door.Request) (q trail.Query, bounded bool, err error) {
	if q.Match, err = r.Filter("filter", trail.EventFilter); err != nil {
		return q, false, err
	}
	q.Limit = int(r.Int64("limit"))
	var after trail.Position
	if err := r.SkipToken(&after); err != nil {
		return q, false, err
	}
	if after != (trail.Position{}) {
		q.After = &after
	}
	for term := range q.Match.Terms() {
		bounded = bounded || term.Op == filter.Le
	}
	return q, bounded, nil
}

// pages links a page to its neighbours. The last page of a list without an upper bound leads on to what is still to come; an
// empty one to itself.
func pages[T, U any](r *door.Request, kind string, q trail.Query, bounded bool, page trail.Page[T], at func(T) trail.Position, show func(T) U) wire.EventList[U] {
	list := wire.EventList[U]{Kind: kind, Values: make([]U, len(page.Items))}
	for i, item := range page.Items {
		list.Values[i] = show(item)
	}
	n := len(page.Items)
	switch {
	case n > 0 && (page.More || !bounded):
		list.NextPage = r.NextPage(at(page.Items[n-1]))
	case n == 0 && !bounded && q.After != nil:
		list.NextPage = r.NextPage(trail.Position{Mark: q.After.Mark, ID: q.After.ID})
	case n == 0 && !bounded:
		list.NextPage = r.NextPage(trail.Position{Mark: -1})
	}
	if n > 0 && page.Earlier {
		first := at(page.Items[0])
		first.Back = true
		list.PrevPage = r.NextPage(first)
	}
	return list
}

func (s *server) listEvents(w http.ResponseWriter, r *door.Request) error {
	q, bounded, err := eventQuery(r)
	if err != nil {
		return err
	}
	page, err := s.Trail.Events(r.Context(), r.Caller(), r.OrgID(), q)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, pages(r, "iam#event-collection", q, bounded, page,
		func(e trail.Entry) trail.Position { return trail.Position{Mark: e.Mark, ID: e.ID} }, s.event))
}

func (s *server) event(e trail.Entry) wire.Event {
	return wire.Event{
		ID: fmt.Sprintf("%032x", e.ID), Kind: "iam#event", EventType: e.Action, Timestamp: e.At,
		Outcome:   wire.EventOutcome{Result: outcome(e.After)},
		Principal: s.eventPrincipal(e.Actor.Kind, e.Actor.ID, e.By),
		Targets:   []wire.EventTarget{{Kind: e.TargetKind, ID: e.TargetID, Before: e.Before, After: e.After}},
	}
}

// outcome reads what a failed attempt says of itself: {"result": "failure"}. A change that did not come about has no entry.
func outcome(after json.RawMessage) string {
	var said struct {
		Result string `json:"result"`
	}
	if json.Unmarshal(after, &said) == nil && said.Result == "failure" {
		return said.Result
	}
	return "success"
}

func (s *server) eventPrincipal(kind audit.ActorKind, id int64, name trail.Name) *wire.EventPrincipal {
	p := &wire.EventPrincipal{ID: id, Email: name.Email, FirstName: name.FirstName, LastName: name.LastName}
	switch kind {
	case audit.User:
		p.Kind, p.Ref = "iam:user", fmt.Sprintf("ref:%s:::iam:user:%d", s.Zone, id)
		p.Name = strings.TrimSpace(name.FirstName + " " + name.LastName)
		if p.Name == "" {
			p.Name = name.Email
		}
	case audit.ServiceAccount:
		p.Kind, p.Ref, p.Name = "iam:service-account", fmt.Sprintf("ref:%s:::iam:service-account:%d", s.Zone, id), name.Name
	default:
		p.Kind, p.Name = "operator", "the operator of the server"
	}
	return p
}

func (s *server) listAPIEvents(w http.ResponseWriter, r *door.Request) error {
	q, bounded, err := eventQuery(r)
	if err != nil {
		return err
	}
	page, err := s.Trail.APIEvents(r.Context(), r.Caller(), r.OrgID(), q)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, pages(r, "iam:api-event-collection", q, bounded, page,
		func(e trail.APIEvent) trail.Position { return trail.Position{Mark: e.At.UnixMicro(), ID: e.ID} }, s.apiEvent))
}

func (s *server) apiEvent(e trail.APIEvent) wire.APIEvent {
	kind, id := audit.User, int64(e.User)
	if e.Account != 0 {
		kind, id = audit.ServiceAccount, int64(e.Account)
	}
	return wire.APIEvent{
		Kind: "iam:api-event", EventType: "api.event", Timestamp: e.At, Principal: s.eventPrincipal(kind, id, e.Actor),
		Request: wire.APIRequest{ID: requestHex(e), Method: e.Method, Path: e.Path, Host: e.Host, IP: e.Address, BodyBytes: e.BodyBytes,
			UserAgent: wire.UserAgent{Raw: e.Agent}},
		Response: wire.APIResponse{Code: e.Status, Status: http.StatusText(e.Status), BodyBytes: e.Bytes, DurationMs: e.Duration.Milliseconds()},
	}
}

// requestHex is a request's id as 32 hexadecimal digits: the one we draw is the base32 of 16 bytes; where a client gave one of
// its own, the number of the event stands in.
func requestHex(e trail.APIEvent) string {
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.RequestID)
	if err != nil || len(b) != 16 {
		return fmt.Sprintf("%032x", e.ID)
	}
	return fmt.Sprintf("%x", b)
}
