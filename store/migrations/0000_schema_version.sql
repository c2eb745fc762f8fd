-- The ledger of migrations: made before the first of them, so it has no row of its own.
CREATE TABLE IF NOT EXISTS schema_version (
	version       BIGINT NOT NULL PRIMARY KEY CHECK (version > 0), -- number of the migration
	oldest_binary BIGINT NOT NULL CHECK (oldest_binary BETWEEN 1 AND version), -- last migration a binary must know to serve this schema
	applied_at    BIGINT NOT NULL, -- µs since 1970 UTC
	name          @text NOT NULL, -- 0007_incident
	hash          @text NOT NULL -- SHA-256 of the file, hexadecimal
);
