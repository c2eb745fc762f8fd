-- oldest binary: 1
-- Applications that sign their users in here. secret_hash is the SHA-256 of the secret, '' for a public application, which has
-- none. redirect_uris_json and logout_uris_json are lists of strings. api: may ask for access to the API; skip_consent: its users
-- are not asked before it learns who they are. created_by is the id of a user or a service account, which it outlives.
CREATE TABLE application (
	id                 @text NOT NULL PRIMARY KEY,
	org_id             BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name               @text NOT NULL CHECK (name <> ''),
	secret_hash        @text NOT NULL,
	redirect_uris_json @text NOT NULL,
	logout_uris_json   @text NOT NULL,
	api                BIGINT NOT NULL CHECK (api IN (0, 1)),
	skip_consent       BIGINT NOT NULL CHECK (skip_consent IN (0, 1)),
	created_by         BIGINT NOT NULL,
	created_at         BIGINT NOT NULL,
	updated_at         BIGINT NOT NULL
);
CREATE INDEX application_org ON application (org_id, created_at, id);

-- What a user has allowed an application; scopes are separated by spaces.
CREATE TABLE openid_consent (
	application_id @text NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	user_id        BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	scopes         @text NOT NULL,
	at             BIGINT NOT NULL,
	PRIMARY KEY (application_id, user_id)
) @clustered;
CREATE INDEX openid_consent_user ON openid_consent (user_id);

-- A request that waits for its user to sign in or to consent.
CREATE TABLE openid_request (
	id             @text NOT NULL PRIMARY KEY,
	application_id @text NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	request_json   @text NOT NULL,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL
);
CREATE INDEX openid_request_application ON openid_request (application_id);
CREATE INDEX openid_request_expires ON openid_request (expires_at);

-- What a session of the kind openid is for. Codes and refresh tokens are good while it is. vouched_org_id: the session that the
-- user signed in with was itself good in that organization alone.
CREATE TABLE openid_grant (
	session_id     @text NOT NULL PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
	application_id @text NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	scopes         @text NOT NULL,
	vouched_org_id BIGINT NOT NULL CHECK (vouched_org_id >= 0)
);
CREATE INDEX openid_grant_application ON openid_grant (application_id, session_id);

-- used_at stays, so that a second use is known for what it is.
CREATE TABLE openid_code (
	hash         @text NOT NULL PRIMARY KEY,
	session_id   @text NOT NULL REFERENCES openid_grant (session_id) ON DELETE CASCADE,
	redirect_uri @text NOT NULL,
	nonce        @text NOT NULL,
	challenge    @text NOT NULL,
	expires_at   BIGINT NOT NULL,
	used_at      BIGINT
);
CREATE INDEX openid_code_session ON openid_code (session_id);

CREATE TABLE openid_refresh (
	hash       @text NOT NULL PRIMARY KEY,
	session_id @text NOT NULL REFERENCES openid_grant (session_id) ON DELETE CASCADE,
	created_at BIGINT NOT NULL,
	used_at    BIGINT
);
CREATE INDEX openid_refresh_session ON openid_refresh (session_id, created_at);
