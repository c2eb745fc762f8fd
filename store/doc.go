// Package store keeps everything: it joins the SQL of each domain in one transaction, over SQLite or PostgreSQL.
//
// Read [DB] and [Tx] first. A domain package declares the transaction it needs as an interface; [*Tx] satisfies them all, so
// that a use case which crosses domains is one transaction, its audit entry included:
//
//	db, err := store.OpenSQLite(ctx, sqldb.Config{Dir: dir})
//	orgs, err := org.New(org.Config{Store: db.Org(), ...})
//
// The engines are told apart in store/sqldb, the statements are in a folder per domain, the schema in store/migrations.
package store
