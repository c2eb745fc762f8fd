package access

import "espalier.dev/ref"

// Caller is who is asking now: one user or one service account, through one session; or the operator of the server.
// The zero value is nobody and may do nothing.
type Caller struct {
	User           ref.UserID
	ServiceAccount ref.ServiceAccountID
	Session        ref.TokenID // the refresh token behind the access token
	Only           ref.OrgID   // not 0: the session opens that organization alone, through whose identity provider it was opened
	RequestID      string      // ties log, audit and answer together
	Operator       bool        // the person at the server's own console; set by the command line only
}

// Operator is the caller of the operator's verbs (init, org create, ...).
func Operator(requestID string) Caller { return Caller{Operator: true, RequestID: requestID} }
