-- oldest binary: 1
-- Who looks at the audit log asks for one organization; calls of the API are kept three months.
CREATE INDEX audit_entry_org ON audit_entry (org_id, mark, id);
CREATE INDEX audit_entry_via ON audit_entry (via_org_id, mark, id) WHERE via_org_id IS NOT NULL;

CREATE TABLE api_event (
	id                 @identity,
	at                 BIGINT NOT NULL,
	org_id             BIGINT NOT NULL,
	user_id            BIGINT,
	service_account_id BIGINT,
	request_id         @text NOT NULL,
	method             @text NOT NULL,
	path               @text NOT NULL,
	host               @text NOT NULL,
	address            @text NOT NULL,
	agent              @text NOT NULL,
	body_bytes         BIGINT NOT NULL,
	status             BIGINT NOT NULL,
	answer_bytes       BIGINT NOT NULL,
	duration_us        BIGINT NOT NULL
);
CREATE INDEX api_event_org ON api_event (org_id, at, id);
CREATE INDEX api_event_at ON api_event (at);
