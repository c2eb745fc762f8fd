// Package sqldb is the engine under all SQL of the product: one text of SQL runs on SQLite, embedded, and on PostgreSQL,
// shared by several servers.
//
// Read [DB] and [Tx] first. A use case is one function:
//
//	err := db.Write(ctx, func(tx *sqldb.Tx) error { // may run twice: touch nothing but tx
//		return tx.Exec1(ctx, `UPDATE organization SET name = $1 WHERE id = $2`, name, id)
//	})
//
// Write returns after the commit is durable. On SQLite all use cases run one after the other on the one goroutine that
// owns the one writing connection, and those that wait share a transaction and its sync to disk (group commit); on
// PostgreSQL each has a transaction of its own at READ COMMITTED, run again when PostgreSQL asks for it. What differs
// between the engines in SQL is a field of [Dialect].
//
// Rules that hold on both engines, so that a test on one finds what would fail on the other: after a failed statement
// the use case is lost, also if its function swallows the error; no statement runs inside the callback of [Tx.Rows]; no
// Write inside Write; constraints are not deferred.
//
// The schema is left to store/migrations, the statements to the packages of store.
package sqldb
