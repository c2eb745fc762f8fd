// Package openiddb is the SQL of the OpenID provider: applications, requests that wait, consent, and what sessions of applications
// are for.
//
// Read [OpenID] first: it is embedded in store.Tx and satisfies its part of openid.Tx.
package openiddb
