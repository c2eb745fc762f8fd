// Package auditdb is the SQL of the audit log: its entries, its seals and the clock that gives entries their marks.
//
// Read [Log] first: it is embedded in store.Tx, satisfies audit.Tx, and records entries for every domain. [Horizon] says how
// far batches may be closed; [Settle] is called when a server starts, before its first write.
package auditdb
