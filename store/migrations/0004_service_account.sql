-- oldest binary: 1
-- Who made a service account, and the clients it proves itself with. created_by is the id of a user or a service account, which
-- it outlives; hash is the SHA-256 of the secret.
ALTER TABLE service_account ADD COLUMN created_by BIGINT NOT NULL DEFAULT 0;

CREATE TABLE service_account_client (
	id                 @text NOT NULL PRIMARY KEY,
	service_account_id BIGINT NOT NULL REFERENCES service_account (id) ON DELETE CASCADE,
	hash               @text NOT NULL,
	created_by         BIGINT NOT NULL,
	created_at         BIGINT NOT NULL,
	last_used_at       BIGINT
);
CREATE INDEX service_account_client_account ON service_account_client (service_account_id, created_at, id);
