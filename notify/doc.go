// Package notify sends mail: an outbox that is filled in the transaction of a mail's cause, and a sender that empties it.
//
// Read [Mail] and [Service] first:
//
//	err := outbox.Put(ctx, tx, notify.Mail{To: to, Org: org, Kind: notify.Invitation, Data: ...}) // leaves if tx commits
//
// A mail leaves at least once: one that was handed over just before a crash is handed over again. What fails is tried again
// after growing pauses, for about three days. The data of a mail holds links that open things, and is sealed in the database.
// Where no mail server is configured nothing is put into the outbox, and the log says so.
//
// [Notices] tells of capabilities that are about to end. What a mail is about is decided by the packages that put it there.
package notify
