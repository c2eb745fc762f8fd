-- oldest binary: 1
-- What lists of people are searched and sorted by, who manages a user group, and where a member who is shut out comes back to.
-- Rows that are there are folded by lower(), which knows the letters of ASCII alone; a name is folded whole when it is next written.
ALTER TABLE app_user ADD COLUMN first_name_folded @text NOT NULL DEFAULT '';
ALTER TABLE app_user ADD COLUMN last_name_folded @text NOT NULL DEFAULT '';
ALTER TABLE app_user ADD COLUMN last_ui_login_at BIGINT;
UPDATE app_user SET first_name_folded = lower(first_name), last_name_folded = lower(last_name);

-- '': people of the organization do.
ALTER TABLE user_group ADD COLUMN managed_by @text NOT NULL DEFAULT '' CHECK (managed_by IN ('', 'idp', 'scim'));

-- The state before a membership became inactive.
ALTER TABLE membership ADD COLUMN state_before @text NOT NULL DEFAULT 'active' CHECK (state_before IN ('invited', 'active'));
