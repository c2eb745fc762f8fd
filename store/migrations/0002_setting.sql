-- oldest binary: 1
-- What organizations set for their consoles and mail. value_json is a bool, a whole number or a string.
CREATE TABLE setting (
	org_id                BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	id                    @text NOT NULL CHECK (id <> ''),
	value_json            @text NOT NULL,
	updated_at            BIGINT NOT NULL,
	by_user_id            BIGINT REFERENCES app_user (id) ON DELETE SET NULL,
	by_service_account_id BIGINT REFERENCES service_account (id) ON DELETE SET NULL,
	PRIMARY KEY (org_id, id)
) @clustered;
CREATE INDEX setting_user ON setting (by_user_id) WHERE by_user_id IS NOT NULL;
CREATE INDEX setting_account ON setting (by_service_account_id) WHERE by_service_account_id IS NOT NULL;
