// Package notifydb is the SQL of mail: the outbox, the notices that were given, and how an organization's mail looks.
//
// Read [Outbox] first: it is embedded in store.Tx and satisfies its part of notify.Tx.
package notifydb
