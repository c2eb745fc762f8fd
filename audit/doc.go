// Package audit says who did what, in which organization, and notices when that record was touched afterwards.
//
// Read [Entry], [Seal] and [Verify] first. A use case records its entry in its own transaction:
//
//	err := tx.Record(ctx, audit.Entry{Org: id, Actor: audit.ActorOf(by), Action: "customer.create", ...})
//
// Each entry gets a mark from the database, the same for all entries of one transaction. A [Sealer] closes batches of
// entries by ranges of marks, only below the oldest transaction that is still open, so that no writer ever waits for it.
// A [Seal] holds a MAC of each entry and of the seal before it; the key lies outside the database. [Verify] walks the
// chain and names the first entry that was changed, removed, moved or inserted. A tail that was cut off shows only against
// a [Head] kept elsewhere, and so the head goes to the log and into each backup.
//
// Rows are kept by store; reading entries for tenants, and logs for operators, are other packages.
// The reasons are told in docs/adr/0006-audit-chain.md.
package audit
