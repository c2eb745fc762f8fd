-- oldest binary: 1
-- Mail that is to leave, and who was told of what ends. data_sealed holds links that open things.
CREATE TABLE mail (
	id          @identity,
	to_email    @text NOT NULL CHECK (to_email <> ''),
	to_name     @text NOT NULL,
	org_id      BIGINT NOT NULL,
	kind        @text NOT NULL CHECK (kind <> ''),
	data_sealed @text NOT NULL,
	attempts    BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
	failure     @text NOT NULL DEFAULT '',
	made_at     BIGINT NOT NULL,
	next_at     BIGINT NOT NULL
);
CREATE INDEX mail_due ON mail (next_at, id);

CREATE TABLE notice (
	user_id    BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	org_id     BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	capability @text NOT NULL,
	ends_at    BIGINT NOT NULL,
	days       BIGINT NOT NULL CHECK (days >= 0),
	PRIMARY KEY (user_id, org_id, capability, ends_at, days)
) @clustered;
CREATE INDEX notice_org ON notice (org_id);
CREATE INDEX notice_ends ON notice (ends_at);

CREATE TABLE notice_day (
	day @text NOT NULL PRIMARY KEY CHECK (day <> '')
) @clustered;
