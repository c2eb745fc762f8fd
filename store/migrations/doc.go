// Package migrations holds the schema and brings a database up to it.
//
// Read [Migrate] and [Check] first. A migration is a file, numbered without gaps: 0007_incident.sql runs on both
// engines, with @identity for the column type of ids and @text for text that sorts by bytes. If the engines must differ
// it is a pair, 0008_search.sqlite.sql and 0008_search.postgres.sql. Its first line says which binaries can still serve
// the schema after it, by the number of the last migration they know:
//
//	-- oldest binary: 6
//	CREATE TABLE incident (
//		id     @identity,
//		org_id BIGINT NOT NULL REFERENCES organization (id),
//		name   @text NOT NULL
//	);
//
// A file never changes once it is released; hashes.txt and a test see to it. Each runs in a transaction of its own and
// leaves a row in schema_version. SQLite cannot switch foreign keys off inside one: a migration that builds a table
// anew begins with PRAGMA defer_foreign_keys = ON, in a pair. Going back is left to a restored backup.
package migrations
