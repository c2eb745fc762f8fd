// Package signindb is the SQL of signing in: passwords, authenticator apps, passkeys, sessions, values that are good once, and
// what slows guessers down.
//
// Read [SignIn] first: it is embedded in store.Tx and satisfies its part of signin.Tx.
package signindb
