-- oldest binary: 1
-- Identity providers of organizations, the domains they speak for, and who has to sign in through them.

-- settings_json is those of the protocol. hint_folded NULL: none; it is one on the whole server, since it is asked for before
-- anybody knows which organization. secret_sealed is a client secret of OpenID Connect.
CREATE TABLE identity_provider (
	id            @text NOT NULL PRIMARY KEY,
	org_id        BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	protocol      @text NOT NULL CHECK (protocol IN ('saml', 'oidc')),
	name          @text NOT NULL CHECK (name <> ''),
	name_folded   @text NOT NULL,
	hint          @text NOT NULL DEFAULT '',
	hint_folded   @text,
	issuer        @text NOT NULL CHECK (issuer <> ''),
	jit           BIGINT NOT NULL CHECK (jit IN (0, 1)),
	group_sync    @text NOT NULL CHECK (group_sync IN ('NONE', 'APPEND', 'SYNC')),
	settings_json @text NOT NULL,
	secret_sealed @text,
	created_at    BIGINT NOT NULL,
	updated_at    BIGINT NOT NULL,
	UNIQUE (org_id, name_folded),
	CHECK (group_sync = 'NONE' OR jit = 1)
);
CREATE UNIQUE INDEX identity_provider_hint ON identity_provider (hint_folded) WHERE hint_folded IS NOT NULL;

-- Keys that requests to a provider are signed with. The certificate is public.
CREATE TABLE provider_key (
	id              @text NOT NULL PRIMARY KEY,
	provider_id     @text NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
	private_sealed  @text NOT NULL,
	certificate     @text NOT NULL,
	created_at      BIGINT NOT NULL,
	expires_at      BIGINT NOT NULL
);
CREATE INDEX provider_key_provider ON provider_key (provider_id, created_at, id);

-- A domain, in small letters, that an organization says is its own. verified_at NULL: not shown yet. One organization has shown
-- it in the DNS. via_org_id: its parent, which has, vouched for it; what it vouched for goes with its own row.
CREATE TABLE provider_domain (
	org_id      BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name        @text NOT NULL CHECK (name <> ''),
	provider_id @text NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
	code        @text NOT NULL,
	created_at  BIGINT NOT NULL,
	verified_at BIGINT,
	via_org_id  BIGINT,
	PRIMARY KEY (org_id, name),
	FOREIGN KEY (via_org_id, name) REFERENCES provider_domain (org_id, name) ON DELETE CASCADE,
	CHECK (via_org_id IS NULL OR verified_at IS NOT NULL)
) @clustered;
CREATE UNIQUE INDEX provider_domain_verified ON provider_domain (name) WHERE verified_at IS NOT NULL AND via_org_id IS NULL;
CREATE INDEX provider_domain_provider ON provider_domain (provider_id, name);
CREATE INDEX provider_domain_via ON provider_domain (via_org_id, name) WHERE via_org_id IS NOT NULL;

-- break_glass_user_id is the owner who may pass the provider by while SSO is enforced.
CREATE TABLE login_policy (
	org_id              BIGINT NOT NULL PRIMARY KEY REFERENCES organization (id) ON DELETE CASCADE,
	enforce_sso         BIGINT NOT NULL CHECK (enforce_sso IN (0, 1)),
	default_provider_id @text REFERENCES identity_provider (id) ON DELETE SET NULL,
	break_glass_user_id BIGINT REFERENCES app_user (id) ON DELETE SET NULL,
	updated_at          BIGINT NOT NULL
) @clustered;
CREATE INDEX login_policy_provider ON login_policy (default_provider_id) WHERE default_provider_id IS NOT NULL;
CREATE INDEX login_policy_user ON login_policy (break_glass_user_id) WHERE break_glass_user_id IS NOT NULL;

-- What identity providers said and what they were asked, by hash: each is good once. A row stays as long as it could come again.
CREATE TABLE provider_answer (
	hash       @text NOT NULL PRIMARY KEY,
	expires_at BIGINT NOT NULL
) @clustered;
CREATE INDEX provider_answer_expires ON provider_answer (expires_at);
