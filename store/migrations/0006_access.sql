-- oldest binary: 1
-- Access policies: what user groups of an organization may do in customers of it. A policy has granular roles, a role has scoped
-- permissions, a permission may have a scope; each belongs to its organization, may be shared by policies of it, never changes
-- once it is written, and goes with the last that has it. position keeps the order they were given in.
CREATE TABLE access_policy (
	id            @text NOT NULL PRIMARY KEY,
	org_id        BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name          @text NOT NULL CHECK (name <> ''),
	name_folded   @text NOT NULL,
	description   @text NOT NULL DEFAULT '',
	created_by    BIGINT NOT NULL,
	created_at    BIGINT NOT NULL,
	updated_at    BIGINT NOT NULL,
	UNIQUE (org_id, name_folded)
);

CREATE TABLE access_policy_group (
	policy_id @text NOT NULL REFERENCES access_policy (id) ON DELETE CASCADE,
	group_id  BIGINT NOT NULL REFERENCES user_group (id) ON DELETE CASCADE,
	PRIMARY KEY (policy_id, group_id)
) @clustered;
CREATE INDEX access_policy_group_group ON access_policy_group (group_id, policy_id);

CREATE TABLE access_policy_customer (
	policy_id   @text NOT NULL REFERENCES access_policy (id) ON DELETE CASCADE,
	customer_id BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	PRIMARY KEY (policy_id, customer_id)
) @clustered;
CREATE INDEX access_policy_customer_customer ON access_policy_customer (customer_id, policy_id);

CREATE TABLE granular_role (
	id          @text NOT NULL PRIMARY KEY,
	org_id      BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name        @text NOT NULL DEFAULT '',
	description @text NOT NULL DEFAULT '',
	created_by  BIGINT NOT NULL,
	created_at  BIGINT NOT NULL
);
CREATE INDEX granular_role_org ON granular_role (org_id, id);

-- node_ids_json and node_paths_json are lists of strings.
CREATE TABLE granular_scope (
	id              @text NOT NULL PRIMARY KEY,
	org_id          BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name            @text NOT NULL DEFAULT '',
	description     @text NOT NULL DEFAULT '',
	node_ids_json   @text NOT NULL,
	node_paths_json @text NOT NULL,
	created_by      BIGINT NOT NULL,
	created_at      BIGINT NOT NULL
);
CREATE INDEX granular_scope_org ON granular_scope (org_id, id);

-- roles is a set of shipped roles, the role of id N as bit N-1; org_owner, bit 0, is never among them.
CREATE TABLE granular_permission (
	id               @text NOT NULL PRIMARY KEY,
	org_id           BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
	name             @text NOT NULL DEFAULT '',
	description      @text NOT NULL DEFAULT '',
	category         @text NOT NULL DEFAULT '',
	roles            BIGINT NOT NULL CHECK (roles >= 0 AND roles % 2 = 0),
	permissions_json @text NOT NULL,
	scope_id         @text REFERENCES granular_scope (id) ON DELETE CASCADE,
	created_by       BIGINT NOT NULL,
	created_at       BIGINT NOT NULL
);
CREATE INDEX granular_permission_org ON granular_permission (org_id, id);
CREATE INDEX granular_permission_scope ON granular_permission (scope_id) WHERE scope_id IS NOT NULL;

CREATE TABLE access_policy_role (
	policy_id @text NOT NULL REFERENCES access_policy (id) ON DELETE CASCADE,
	position  BIGINT NOT NULL CHECK (position >= 0),
	role_id   @text NOT NULL REFERENCES granular_role (id) ON DELETE CASCADE,
	PRIMARY KEY (policy_id, position),
	UNIQUE (policy_id, role_id)
) @clustered;
CREATE INDEX access_policy_role_role ON access_policy_role (role_id);

CREATE TABLE granular_role_permission (
	role_id       @text NOT NULL REFERENCES granular_role (id) ON DELETE CASCADE,
	position      BIGINT NOT NULL CHECK (position >= 0),
	permission_id @text NOT NULL REFERENCES granular_permission (id) ON DELETE CASCADE,
	PRIMARY KEY (role_id, position),
	UNIQUE (role_id, permission_id)
) @clustered;
CREATE INDEX granular_role_permission_permission ON granular_role_permission (permission_id);
