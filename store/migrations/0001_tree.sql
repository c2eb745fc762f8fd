-- oldest binary: 1
-- The tree of organizations, its people, its tokens and its audit log.
-- Runs on SQLite and on PostgreSQL: @identity, @text and @clustered are replaced by each engine's own words; a line after
-- @postgres is for PostgreSQL alone. @clustered: rows lie in the primary key and nowhere else, where the engine can do that.
-- Times are µs since 1970 UTC. Text is compared by bytes; what is searched without regard to case has a folded twin.

CREATE TABLE organization (
	id          @identity,
	parent_id   BIGINT REFERENCES organization (id),
	name        @text NOT NULL CHECK (name <> ''),
	name_folded @text NOT NULL,
	external_id @text NOT NULL DEFAULT '',
	external_folded @text NOT NULL DEFAULT '',
	description @text NOT NULL DEFAULT '',
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL
);
CREATE INDEX organization_parent ON organization (parent_id, id);
CREATE INDEX organization_parent_name ON organization (parent_id, name_folded, id);
CREATE INDEX organization_parent_external ON organization (parent_id, external_id, id);
CREATE INDEX organization_parent_created ON organization (parent_id, created_at, id);
CREATE INDEX organization_parent_updated ON organization (parent_id, updated_at, id);

-- One parent may have nearly all the organizations there are, and nearly all have none. PostgreSQL's planner knows averages
-- only: of few parents it concludes that whoever it is asked about has half the table below it, and reads the whole table to
-- find that a customer has no customers. Told that parents are many, it takes the index.
@postgres ALTER TABLE organization ALTER COLUMN parent_id SET (n_distinct = -0.5);

-- The number of direct customers, kept in stripes so that writers under one parent do not wait for one row.
CREATE TABLE customer_count (
	parent_id BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	stripe    BIGINT NOT NULL CHECK (stripe >= 0),
	customers BIGINT NOT NULL,
	PRIMARY KEY (parent_id, stripe)
) @clustered;

CREATE TABLE project (
	id         @identity,
	org_id     BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name       @text NOT NULL CHECK (name <> ''),
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	UNIQUE (org_id, name)
);

-- A capability an organization holds. expires_at NULL: it ends when its parent's does.
-- max_depth and max_width are terms of msp alone; NULL: what the parent's terms leave.
CREATE TABLE capability (
	org_id     BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name       @text NOT NULL CHECK (name <> ''),
	expires_at BIGINT,
	max_depth  BIGINT CHECK (max_depth >= 0),
	max_width  BIGINT CHECK (max_width >= 0),
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (org_id, name),
	CHECK (name = 'msp' OR (max_depth IS NULL AND max_width IS NULL)),
	CHECK (name <> 'iam' OR expires_at IS NULL)
) @clustered;

CREATE TABLE customer_tag (
	org_id     BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	tag        @text NOT NULL CHECK (tag <> ''),
	tag_folded @text NOT NULL,
	PRIMARY KEY (org_id, tag)
) @clustered;

CREATE TABLE app_user (
	id           @identity,
	email        @text NOT NULL,
	email_folded @text NOT NULL UNIQUE,
	first_name   @text NOT NULL DEFAULT '',
	last_name    @text NOT NULL DEFAULT '',
	home_org_id  BIGINT REFERENCES organization (id) ON DELETE SET NULL,
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL
);
CREATE INDEX app_user_home ON app_user (home_org_id) WHERE home_org_id IS NOT NULL;

-- invited: named, has not signed in yet; inactive: shut out of this organization only.
CREATE TABLE membership (
	org_id     BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	user_id    BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	state      @text NOT NULL CHECK (state IN ('invited', 'active', 'inactive')),
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
) @clustered;
CREATE INDEX membership_user ON membership (user_id, org_id);

CREATE TABLE user_group (
	id          @identity,
	org_id      BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name        @text NOT NULL CHECK (name <> ''),
	name_folded @text NOT NULL,
	description @text NOT NULL DEFAULT '',
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL,
	UNIQUE (org_id, name_folded)
);

CREATE TABLE user_group_member (
	group_id   BIGINT NOT NULL REFERENCES user_group (id) ON DELETE CASCADE,
	user_id    BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (group_id, user_id)
) @clustered;
CREATE INDEX user_group_member_user ON user_group_member (user_id, group_id);

CREATE TABLE service_account (
	id          @identity,
	org_id      BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name        @text NOT NULL CHECK (name <> ''),
	description @text NOT NULL DEFAULT '',
	created_at  BIGINT NOT NULL,
	updated_at  BIGINT NOT NULL
);
CREATE INDEX service_account_org ON service_account (org_id, id);

-- A role granted to one subject in an organization, or in one of its projects. Role ids are those of package access.
CREATE TABLE access_rule (
	id                 @identity,
	org_id             BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	project_id         BIGINT REFERENCES project (id) ON DELETE CASCADE,
	role_id            BIGINT NOT NULL CHECK (role_id > 0),
	user_id            BIGINT REFERENCES app_user (id) ON DELETE CASCADE,
	group_id           BIGINT REFERENCES user_group (id) ON DELETE CASCADE,
	service_account_id BIGINT REFERENCES service_account (id) ON DELETE CASCADE,
	created_at         BIGINT NOT NULL,
	CHECK (1 = (CASE WHEN user_id IS NULL THEN 0 ELSE 1 END)
		+ (CASE WHEN group_id IS NULL THEN 0 ELSE 1 END)
		+ (CASE WHEN service_account_id IS NULL THEN 0 ELSE 1 END)),
	CHECK (role_id <> 1 OR (user_id IS NOT NULL AND project_id IS NULL))
);
CREATE UNIQUE INDEX access_rule_user ON access_rule (user_id, org_id, role_id, COALESCE(project_id, 0)) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX access_rule_group ON access_rule (group_id, org_id, role_id, COALESCE(project_id, 0)) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX access_rule_account ON access_rule (service_account_id, org_id, role_id, COALESCE(project_id, 0)) WHERE service_account_id IS NOT NULL;
CREATE INDEX access_rule_project ON access_rule (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX access_rule_org ON access_rule (org_id, role_id, user_id);

CREATE TABLE signing_key (
	id              @text NOT NULL PRIMARY KEY,
	alg             @text NOT NULL CHECK (alg <> ''),
	private_sealed  @text NOT NULL,
	public_jwk      @text NOT NULL,
	created_at      BIGINT NOT NULL,
	use_from_at     BIGINT NOT NULL,
	use_until_at    BIGINT NOT NULL,
	verify_until_at BIGINT NOT NULL
);

CREATE TABLE refresh_token (
	id           @text NOT NULL PRIMARY KEY,
	user_id      BIGINT NOT NULL REFERENCES app_user (id) ON DELETE CASCADE,
	name         @text NOT NULL DEFAULT '',
	hash         @text NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	last_used_at BIGINT,
	revoked_at   BIGINT
);
CREATE INDEX refresh_token_user ON refresh_token (user_id, id);

-- Entries outlive what they tell of, so they hold no foreign keys.
CREATE TABLE audit_entry (
	id          @identity,
	mark        BIGINT NOT NULL,
	at          BIGINT NOT NULL,
	org_id      BIGINT NOT NULL,
	via_org_id  BIGINT,
	actor_kind  @text NOT NULL CHECK (actor_kind IN ('user', 'service_account', 'operator')),
	actor_id    BIGINT NOT NULL,
	session     @text NOT NULL DEFAULT '',
	action      @text NOT NULL CHECK (action <> ''),
	target_kind @text NOT NULL,
	target_id   @text NOT NULL,
	before_json @text,
	after_json  @text,
	request_id  @text NOT NULL DEFAULT ''
);
CREATE INDEX audit_entry_mark ON audit_entry (mark, id);

CREATE TABLE audit_seal (
	number     BIGINT NOT NULL PRIMARY KEY,
	from_mark  BIGINT NOT NULL,
	to_mark    BIGINT NOT NULL,
	first_id   BIGINT NOT NULL,
	last_id    BIGINT NOT NULL,
	entries    BIGINT NOT NULL,
	entry_macs @text NOT NULL,
	prev_mac   @text NOT NULL,
	mac        @text NOT NULL,
	sealed_at  BIGINT NOT NULL,
	dropped_at BIGINT
);

-- One row: what is added to an engine's own count of transactions to make the mark of an entry.
CREATE TABLE audit_clock (
	id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
	base BIGINT NOT NULL
);
INSERT INTO audit_clock (id, base) VALUES (1, 1);
