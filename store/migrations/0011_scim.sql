-- oldest binary: 1
-- What directories say by SCIM of members of an organization, beside the membership and gone with it. contacts_json has the lists
-- emails and phones; scim_address the addresses among them that are not the user name, folded.
CREATE TABLE scim_user (
	org_id           BIGINT NOT NULL,
	user_id          BIGINT NOT NULL,
	user_name        @text NOT NULL CHECK (user_name <> ''),
	user_name_folded @text NOT NULL,
	external_id      @text NOT NULL DEFAULT '',
	given_name       @text NOT NULL DEFAULT '',
	family_name      @text NOT NULL DEFAULT '',
	contacts_json    @text NOT NULL,
	updated_at       BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id),
	UNIQUE (org_id, user_name_folded),
	FOREIGN KEY (org_id, user_id) REFERENCES membership (org_id, user_id) ON DELETE CASCADE
) @clustered;
CREATE INDEX scim_user_external ON scim_user (org_id, external_id) WHERE external_id <> '';

CREATE TABLE scim_address (
	org_id         BIGINT NOT NULL,
	address_folded @text NOT NULL,
	user_id        BIGINT NOT NULL,
	PRIMARY KEY (org_id, address_folded, user_id),
	FOREIGN KEY (org_id, user_id) REFERENCES scim_user (org_id, user_id) ON DELETE CASCADE
) @clustered;
CREATE INDEX scim_address_user ON scim_address (org_id, user_id);

-- The directory's own key of a user group.
ALTER TABLE user_group ADD COLUMN external_id @text NOT NULL DEFAULT '';
CREATE INDEX user_group_external ON user_group (org_id, external_id) WHERE external_id <> '';
