package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// Entry is one change: who did what, on which organization, and how the thing was before and after.
type Entry struct {
	ID   int64     // given by the store
	Mark int64     // given by the store: the same for all entries of one transaction
	At   time.Time // given by the store: the instant of the use case, µs precision, UTC

	Org       ref.OrgID // the organization acted on; 0: what belongs to none, such as a user's own token
	Via       ref.OrgID // the organization acted from, where it is another one; else 0
	Actor     Actor
	Session   ref.TokenID // the refresh token behind the call; "" for an operator
	RequestID string

	Action     string          // a noun and a verb: customer.create
	TargetKind string          // organization, refresh_token, ...
	TargetID   string          // its id as text
	Before     json.RawMessage // nil: there was nothing
	After      json.RawMessage // nil: there is nothing any more
}

// ActorKind is a kind of actor. The zero value is none and is refused by the store.
type ActorKind string

// The kinds of actor.
const (
	User           ActorKind = "user"
	ServiceAccount ActorKind = "service_account"
	Operator       ActorKind = "operator" // the person at the server's own console
)

// Actor is who made a change.
type Actor struct {
	Kind ActorKind
	ID   int64 // of the user or service account; 0 for an operator
}

// ActorOf returns the caller as an actor.
func ActorOf(by access.Caller) Actor {
	switch {
	case by.Operator:
		return Actor{Kind: Operator}
	case by.ServiceAccount != 0:
		return Actor{Kind: ServiceAccount, ID: int64(by.ServiceAccount)}
	case by.User != 0:
		return Actor{Kind: User, ID: int64(by.User)}
	}
	return Actor{}
}

// String names the actor for people: "user 12", "operator".
func (a Actor) String() string {
	if a.ID == 0 {
		return string(a.Kind)
	}
	return fmt.Sprintf("%s %d", a.Kind, a.ID)
}
