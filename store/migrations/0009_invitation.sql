-- oldest binary: 1
-- Invitations into organizations. hash is the SHA-256 of the secret in the link; grants_json is what who accepts is given.
CREATE TABLE invitation (
	id            @text NOT NULL PRIMARY KEY CHECK (id <> ''),
	org_id        BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	email         @text NOT NULL CHECK (email <> ''),
	email_folded  @text NOT NULL,
	first_name    @text NOT NULL,
	last_name     @text NOT NULL,
	sso           BIGINT NOT NULL CHECK (sso IN (0, 1)),
	grants_json   @text NOT NULL,
	state         @text NOT NULL CHECK (state IN ('pending', 'accepted', 'declined')),
	by_user_id    BIGINT NOT NULL,
	by_account_id BIGINT NOT NULL,
	hash          @text NOT NULL,
	created_at    BIGINT NOT NULL,
	updated_at    BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL
);
CREATE INDEX invitation_org ON invitation (org_id, created_at, id);
CREATE INDEX invitation_email ON invitation (email_folded, org_id);
CREATE INDEX invitation_updated ON invitation (updated_at);
