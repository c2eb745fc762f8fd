-- oldest binary: 1
-- Understandings between two organizations. allowed_json lists capabilities with their roles.
CREATE TABLE contract (
	id           @identity,
	initiator_id BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	target_id    BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	title        @text NOT NULL CHECK (title <> ''),
	description  @text NOT NULL DEFAULT '',
	allowed_json @text NOT NULL,
	state        @text NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected')),
	last_seen_at BIGINT,
	created_by   BIGINT REFERENCES app_user (id) ON DELETE SET NULL,
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL,
	UNIQUE (initiator_id, target_id),
	CHECK (initiator_id <> target_id)
);
CREATE INDEX contract_target ON contract (target_id, id);
CREATE INDEX contract_creator ON contract (created_by) WHERE created_by IS NOT NULL;
