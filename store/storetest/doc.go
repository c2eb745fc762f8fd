// Package storetest lends databases to tests: a fresh one on SQLite for every test, and one on PostgreSQL too when
// ESPALIER_TEST_POSTGRES_URL names a server. scripts/postgres.sh starts such a server.
//
// Read [Run] first:
//
//	func TestInsertCustomer(t *testing.T) {
//		t.Parallel()
//		storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
//			...
//		})
//	}
//
// A database with the schema is made once and then copied: a file on SQLite, a template database on PostgreSQL. The
// copies are dropped when the test ends, and nothing else is. The template on PostgreSQL, espalier_template_ and a
// fingerprint of the migrations, stays for the next test program; drop it when you like.
//
// [Describe] writes down a schema in words that are the same for both engines.
package storetest
