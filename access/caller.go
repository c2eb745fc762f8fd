package access

import (
	"cmp"
	"fmt"

	"espalier.dev/ref"
)

// Principal names one user or one service account: exactly one of the two is set. The zero value is nobody. A user and a
// service account of the same number are two principals, so it is what everything kept in memory is found by.
type Principal struct {
	User           ref.UserID
	ServiceAccount ref.ServiceAccountID
}

func (p Principal) String() string {
	switch {
	case p.User != 0:
		return fmt.Sprintf("user %d", p.User)
	case p.ServiceAccount != 0:
		return fmt.Sprintf("service account %d", p.ServiceAccount)
	}
	return "nobody"
}

// Compare orders users before service accounts, and each by id.
func (p Principal) Compare(q Principal) int {
	return cmp.Or(cmp.Compare(p.ServiceAccount, q.ServiceAccount), cmp.Compare(p.User, q.User))
}

// kind is what a principal is, in words.
func (p Principal) kind() string {
	if p.ServiceAccount != 0 {
		return "service account"
	}
	return "user"
}

// Caller is who is asking now: one user or one service account, through one session; or the operator of the server.
// The zero value is nobody and may do nothing.
type Caller struct {
	User           ref.UserID
	ServiceAccount ref.ServiceAccountID
	Session        ref.TokenID // the refresh token, the session of a browser, or the client behind the access token
	// Only is the one organization that the session opens: it was opened through that organization's identity provider,
	// which is not the one of the user's home. 0: every organization of the caller.
	Only      ref.OrgID
	RequestID string // ties log, audit and answer together
	Operator  bool   // the person at the server's own console; set by the command line only
}

// Operator is the caller of the operator's verbs (init, org create, ...).
func Operator(requestID string) Caller { return Caller{Operator: true, RequestID: requestID} }

// Principal is the caller without the way it came.
func (c Caller) Principal() Principal {
	return Principal{User: c.User, ServiceAccount: c.ServiceAccount}
}
