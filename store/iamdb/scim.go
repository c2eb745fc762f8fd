package iamdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/scim"
	"espalier.dev/store/sqldb"
)

const scimUserColumns = `m.user_id, COALESCE(s.user_name, u.email), COALESCE(s.external_id, ''), COALESCE(s.given_name, u.first_name),
	COALESCE(s.family_name, u.last_name), COALESCE(s.contacts_json, ''), m.state, m.created_at, m.updated_at, u.updated_at, COALESCE(s.updated_at, 0)`

// scimMembers is the members of the organization $1, with what a directory says of them.
const scimMembers = ` FROM membership m JOIN app_user u ON u.id = m.user_id
	LEFT JOIN scim_user s ON s.org_id = m.org_id AND s.user_id = m.user_id WHERE m.org_id = $1`

// contacts is the form of contacts_json.
type contacts struct {
	Emails []scim.Contact `json:"emails,omitempty"`
	Phones []scim.Contact `json:"phones,omitempty"`
}

func scanSCIMUser(id ref.OrgID, scan func(...any) error) (scim.User, error) {
	u := scim.User{Org: id}
	var text, state string
	var created int64
	var updated [3]int64
	err := scan(&u.ID, &u.UserName, &u.ExternalID, &u.GivenName, &u.FamilyName, &text, &state, &created, &updated[0], &updated[1], &updated[2])
	if err != nil {
		return u, err
	}
	u.Active, u.Recorded = state != string(org.Inactive), text != ""
	u.CreatedAt, u.UpdatedAt = sqldb.Time(created), sqldb.Time(slices.Max(updated[:]))
	if !u.Recorded {
		u.Emails = []scim.Contact{{Value: u.UserName, Type: "work", Primary: true}}
		return u, nil
	}
	var c contacts
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return u, fmt.Errorf("contacts of user %d in organization %d: %w", u.ID, id, err)
	}
	u.Emails, u.Phones = c.Emails, c.Phones
	return u, nil
}

func (t People) scimUsers(ctx context.Context, id ref.OrgID, rest string, args ...any) ([]scim.User, error) {
	var list []scim.User
	err := t.tx.Rows(ctx, `SELECT `+scimUserColumns+scimMembers+rest, append([]any{id}, args...), func(scan func(...any) error) error {
		u, err := scanSCIMUser(id, scan)
		list = append(list, u)
		return err
	})
	return list, err
}

// SCIMUsers lists members by id beyond one, after leaving some out.
func (t People) SCIMUsers(ctx context.Context, id ref.OrgID, beyond ref.UserID, skip, limit int) ([]scim.User, error) {
	if skip == 0 {
		return t.scimUsers(ctx, id, ` AND m.user_id > $2 ORDER BY m.user_id LIMIT $3`, beyond, limit)
	}
	return t.scimUsers(ctx, id, ` AND m.user_id IN (
		SELECT x.user_id FROM membership x WHERE x.org_id = $1 AND x.user_id > $2 ORDER BY x.user_id LIMIT $3 OFFSET $4) ORDER BY m.user_id`,
		beyond, limit, skip)
}

// scimUserKeys are the conditions that find members, $2 being the key. Each is read from an index.
var scimUserKeys = map[scim.Index][]string{
	scim.ByExternalID: {`m.user_id IN (SELECT x.user_id FROM scim_user x WHERE x.org_id = $1 AND x.external_id = $2 AND x.external_id <> '')`},
	scim.ByUserName:   {`s.org_id = $1 AND s.user_name_folded = $2`, `u.email_folded = $2 AND s.user_id IS NULL`},
	scim.ByEmail: {`s.org_id = $1 AND s.user_name_folded = $2`, `u.email_folded = $2 AND s.user_id IS NULL`,
		`m.user_id IN (SELECT a.user_id FROM scim_address a WHERE a.org_id = $1 AND a.address_folded = $2)`},
}

// SCIMUsersBy lists the members that a key finds, by id; see scim.Tx.
func (t People) SCIMUsersBy(ctx context.Context, id ref.OrgID, key scim.Key) ([]scim.User, error) {
	if key.Of == scim.ByID {
		user, err := strconv.ParseInt(key.Text, 10, 64)
		if err != nil {
			return nil, nil // ids are numbers
		}
		return t.scimUsers(ctx, id, ` AND m.user_id = $2`, user)
	}
	text := key.Text
	if key.Of != scim.ByExternalID {
		text = filter.Fold(text)
	}
	var list []scim.User
	for _, condition := range scimUserKeys[key.Of] {
		some, err := t.scimUsers(ctx, id, ` AND `+condition+` ORDER BY m.user_id`, text)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// CountMembers counts the members of an organization, those shut out included.
func (t People) CountMembers(ctx context.Context, id ref.OrgID) (n int64, err error) {
	err = t.tx.Row(ctx, `SELECT COUNT(*) FROM membership WHERE org_id = $1`, []any{id}, &n)
	return n, err
}

// AddSCIMUser makes a member of a person; see scim.Tx.
func (t People) AddSCIMUser(ctx context.Context, id ref.OrgID, address string, p scim.Person) (ref.UserID, bool, error) {
	u, err := t.user(ctx, org.Owner{Email: address, FirstName: p.GivenName, LastName: p.FamilyName}, org.Invited)
	if err != nil {
		return 0, false, err
	}
	state := org.Active
	if !p.Active {
		state = org.Inactive
	}
	n, err := t.tx.Exec(ctx, `
		INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (org_id, user_id) DO NOTHING`, id, u.ID, string(state), sqldb.Micros(t.tx.Now()))
	if err != nil || n == 0 {
		return u.ID, false, err
	}
	t.changed(u.ID)
	return u.ID, true, t.PutSCIMUser(ctx, id, u.ID, p)
}

// PutSCIMUser writes down what a directory says of a member; see scim.Tx.
func (t People) PutSCIMUser(ctx context.Context, id ref.OrgID, user ref.UserID, p scim.Person) error {
	text, err := json.Marshal(contacts{p.Emails, p.Phones})
	if err != nil {
		return err
	}
	err = t.tx.Later(ctx, `
		INSERT INTO scim_user (org_id, user_id, user_name, user_name_folded, external_id, given_name, family_name, contacts_json, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (org_id, user_id) DO UPDATE SET user_name = excluded.user_name, user_name_folded = excluded.user_name_folded,
			external_id = excluded.external_id, given_name = excluded.given_name, family_name = excluded.family_name,
			contacts_json = excluded.contacts_json, updated_at = excluded.updated_at`,
		id, user, p.UserName, filter.Fold(p.UserName), p.ExternalID, p.GivenName, p.FamilyName, string(text), sqldb.Micros(t.tx.Now()))
	if err != nil {
		return err
	}
	if err := t.tx.Later(ctx, `DELETE FROM scim_address WHERE org_id = $1 AND user_id = $2`, id, user); err != nil {
		return err
	}
	for _, address := range p.Folded() {
		if err := t.tx.Later(ctx, `INSERT INTO scim_address (org_id, address_folded, user_id) VALUES ($1, $2, $3)`, id, address, user); err != nil {
			return err
		}
	}
	return nil
}

// AccountOf reads a person as it stands for an organization; see scim.Tx.
func (t People) AccountOf(ctx context.Context, id ref.OrgID, user ref.UserID) (scim.Account, error) {
	var a scim.Account
	err := t.tx.Row(ctx, `SELECT email, first_name, last_name FROM app_user WHERE id = $1 `+t.dialect.ForUpdate, []any{user}, &a.Email, &a.FirstName, &a.LastName)
	if err != nil {
		return scim.Account{}, err
	}
	err = t.tx.Row(ctx, `
		SELECT EXISTS (SELECT 1 FROM membership WHERE user_id = $1 AND org_id <> $2), EXISTS (SELECT 1 FROM access_rule WHERE user_id = $1 AND role_id = 1)`,
		[]any{user, id}, &a.Elsewhere, &a.Owner)
	return a, err
}

// SetAccount writes the address and the names of a person; see scim.Tx.
func (t People) SetAccount(ctx context.Context, user ref.UserID, a scim.Account) error {
	var other ref.UserID
	folded := filter.Fold(a.Email)
	err := t.tx.Row(ctx, `SELECT id FROM app_user WHERE email_folded = $1 AND id <> $2`, []any{folded, user}, &other)
	if err == nil {
		return errs.Conflictf("", "userName: %s is the address of another account", a.Email)
	}
	if errs.KindOf(err) != errs.NotFound {
		return err
	}
	t.changed(user)
	return t.tx.Exec1(ctx, `
		UPDATE app_user SET email = $2, email_folded = $3, first_name = $4, first_name_folded = $5, last_name = $6, last_name_folded = $7, updated_at = $8
		WHERE id = $1`, user, a.Email, folded, a.FirstName, filter.Fold(a.FirstName), a.LastName, filter.Fold(a.LastName), sqldb.Micros(t.tx.Now()))
}

func (t People) scimGroups(ctx context.Context, id ref.OrgID, rest string, args ...any) ([]scim.Group, error) {
	var list []scim.Group
	err := t.tx.Rows(ctx, `SELECT g.id, g.name, g.external_id, g.created_at, g.updated_at FROM user_group g WHERE g.org_id = $1`+rest,
		append([]any{id}, args...), func(scan func(...any) error) error {
			g := scim.Group{Org: id}
			var created, updated int64
			err := scan(&g.ID, &g.Name, &g.ExternalID, &created, &updated)
			g.CreatedAt, g.UpdatedAt = sqldb.Time(created), sqldb.Time(updated)
			list = append(list, g)
			return err
		})
	return list, err
}

// SCIMGroups lists the user groups of an organization by id.
func (t People) SCIMGroups(ctx context.Context, id ref.OrgID) ([]scim.Group, error) {
	return t.scimGroups(ctx, id, ` ORDER BY g.id`)
}

// SCIMGroupsBy lists the user groups that a key finds.
func (t People) SCIMGroupsBy(ctx context.Context, id ref.OrgID, key scim.Key) ([]scim.Group, error) {
	switch key.Of {
	case scim.ByName:
		return t.scimGroups(ctx, id, ` AND g.name_folded = $2`, filter.Fold(key.Text))
	case scim.ByExternalID:
		return t.scimGroups(ctx, id, ` AND g.external_id = $2 AND g.external_id <> ''`, key.Text)
	}
	number, err := strconv.ParseInt(key.Text, 10, 64)
	switch {
	case err != nil:
		return nil, nil // ids are numbers
	case key.Of == scim.ByMember:
		return t.scimGroups(ctx, id, ` AND g.id IN (SELECT x.group_id FROM user_group_member x WHERE x.user_id = $2) ORDER BY g.id`, number)
	}
	return t.scimGroups(ctx, id, ` AND g.id = $2`, number)
}

// SCIMMembers lists who is in a user group, by id; see scim.Tx.
func (t People) SCIMMembers(ctx context.Context, id ref.OrgID, group ref.UserGroupID, only []ref.UserID) ([]scim.Member, error) {
	list := []scim.Member{}
	read := func(narrow string, args []any) error {
		return t.tx.Rows(ctx, `
			SELECT x.user_id, COALESCE(s.user_name, u.email) FROM user_group_member x JOIN app_user u ON u.id = x.user_id
			LEFT JOIN scim_user s ON s.org_id = $1 AND s.user_id = x.user_id WHERE x.group_id = $2 `+narrow+` ORDER BY x.user_id`,
			args, func(scan func(...any) error) error {
				var m scim.Member
				err := scan(&m.ID, &m.UserName)
				list = append(list, m)
				return err
			})
	}
	if only == nil {
		return list, read("", []any{id, group})
	}
	for chunk := range slices.Chunk(only, sqldb.MaxList) {
		args := []any{id, group}
		if err := read(`AND x.user_id IN `+sqldb.In(&args, chunk), args); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// SetGroupKey writes a directory's own key of a user group.
func (t People) SetGroupKey(ctx context.Context, id ref.OrgID, group ref.UserGroupID, externalID string) error {
	return t.tx.Exec1(ctx, `UPDATE user_group SET external_id = $3 WHERE id = $1 AND org_id = $2`, group, id, externalID)
}
