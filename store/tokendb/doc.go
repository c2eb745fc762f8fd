// Package tokendb is the SQL of tokens: the keys that sign access tokens, and refresh tokens.
//
// Read [Tokens] first: it is embedded in store.Tx and satisfies its part of token.Tx.
package tokendb
