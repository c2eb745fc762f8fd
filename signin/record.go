package signin

import (
	"context"
	"encoding/json"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/ref"
)

// Visitor is where a request comes from.
type Visitor struct {
	Agent     string // what the browser calls itself
	Address   string // of the network
	RequestID string
	Session   ref.TokenID // of the session it came with, which a sign-in ends; "" for none
}

// change is what an audit entry of this package tells: about a user, in no organization, since a user is global.
type change struct {
	by      access.Caller
	action  string // signin.password_set, authentication.password, ...
	user    ref.UserID
	org     ref.OrgID // 0 for most
	details map[string]any
}

func record(ctx context.Context, tx Tx, c change) error {
	e := audit.Entry{
		Org: c.org, Actor: audit.ActorOf(c.by), Session: c.by.Session, RequestID: c.by.RequestID,
		Action: c.action, TargetKind: "user", TargetID: c.user.String(),
	}
	if c.details != nil {
		b, err := json.Marshal(c.details)
		if err != nil {
			return err
		}
		e.After = b
	}
	return tx.Record(ctx, e)
}

// failed is the audit entry of a try that did not succeed. Whoever made it is unknown, so it stands under the user's name.
func failed(v Visitor, user ref.UserID, method Method, why string) change {
	return change{
		by: userOf(user, v), user: user,
		action: "authentication." + string(method) + "_failed", details: map[string]any{"reason": why, "address": v.Address},
	}
}

// userOf is a user who is known by something else than a session: a link to its address.
func userOf(user ref.UserID, v Visitor) access.Caller {
	return access.Caller{User: user, RequestID: v.RequestID}
}
