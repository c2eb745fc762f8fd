-- oldest binary: 1
-- Signing in: what people prove who they are with, their sessions, and what slows down those who guess.

-- hash is argon2id with its parameters and salt, $argon2id$v=19$m=19456,t=2,p=1$salt$key.
CREATE TABLE password (
	user_id BIGINT NOT NULL PRIMARY KEY REFERENCES app_user (id) ON DELETE CASCADE,
	hash    @text NOT NULL CHECK (hash <> ''),
	set_at  BIGINT NOT NULL
) @clustered;

-- One authenticator app per user. confirmed_at NULL: its first code was not given yet, so that it counts for nothing.
-- last_step is the 30 s step of the last code that was taken; no code of it or of an earlier one is taken again.
CREATE TABLE totp (
	user_id       BIGINT NOT NULL PRIMARY KEY REFERENCES app_user (id) ON DELETE CASCADE,
	secret_sealed @text NOT NULL,
	last_step     BIGINT NOT NULL CHECK (last_step >= 0),
	created_at    BIGINT NOT NULL,
	confirmed_at  BIGINT
) @clustered;

-- A code that was used is gone.
CREATE TABLE recovery_code (
	user_id    BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	hash       @text NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, hash)
) @clustered;

-- id is the credential's, in base64url. record_json is public: a key, flags, the count of signatures.
CREATE TABLE passkey (
	id           @text NOT NULL PRIMARY KEY,
	user_id      BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	name         @text NOT NULL,
	record_json  @text NOT NULL,
	created_at   BIGINT NOT NULL,
	last_used_at BIGINT
);
CREATE INDEX passkey_user ON passkey (user_id, created_at, id);

-- expires_at moves forward with use and never beyond ends_at. only_org_id: opened through that organization's identity
-- provider, and good in it alone. methods_json tells what was proved and when.
CREATE TABLE session (
	id           @text NOT NULL PRIMARY KEY,
	user_id      BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	kind         @text NOT NULL CHECK (kind IN ('browser', 'openid')),
	hash         @text NOT NULL,
	only_org_id  BIGINT REFERENCES organization (id) ON DELETE CASCADE,
	methods_json @text NOT NULL,
	agent        @text NOT NULL DEFAULT '',
	address      @text NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	last_used_at BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	ends_at      BIGINT NOT NULL,
	CHECK (expires_at <= ends_at)
);
CREATE INDEX session_of_user ON session (user_id, last_used_at, id);
CREATE INDEX session_expires ON session (expires_at);
CREATE INDEX session_only_org ON session (only_org_id) WHERE only_org_id IS NOT NULL;

-- A value that is good once: whoever deletes the row has used it. user_id NULL: nobody's, made so that asking for a
-- stranger is the same work.
CREATE TABLE one_time (
	hash       @text NOT NULL PRIMARY KEY,
	purpose    @text NOT NULL CHECK (purpose IN ('reset', 'second_factor', 'passkey_signin', 'passkey_add')),
	user_id    BIGINT REFERENCES app_user (id) ON DELETE CASCADE,
	data_json  @text NOT NULL DEFAULT '',
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_user ON one_time (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX one_time_expires ON one_time (expires_at);

-- Tries that have not succeeded, by what they are counted for (an account, an address; hashed). No further one before until_at.
CREATE TABLE throttle (
	counted_for @text NOT NULL PRIMARY KEY,
	tries       BIGINT NOT NULL CHECK (tries >= 0),
	last_at     BIGINT NOT NULL,
	until_at    BIGINT NOT NULL
) @clustered;
CREATE INDEX throttle_last ON throttle (last_at);
