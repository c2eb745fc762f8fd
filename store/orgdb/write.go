package orgdb

import (
	"context"
	"fmt"
	"strings"

	"espalier.dev/filter"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// InsertOrganization writes an organization, what it holds, and its main project.
func (t Tree) InsertOrganization(ctx context.Context, o org.Organization, holds []org.Capability) (org.Organization, error) {
	var parent any
	if o.Parent != 0 {
		parent = o.Parent
	}
	created, updated := inserted(t.tx.Now())
	err := t.tx.Row(ctx, `
		INSERT INTO organization (parent_id, name, name_folded, external_id, external_folded, description, created_at, updated_at)
		VALUES (CAST($1 AS BIGINT), $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		[]any{parent, o.Name, filter.Fold(o.Name), o.ExternalID, filter.Fold(o.ExternalID), o.Description, created, updated}, &o.ID)
	if err != nil {
		return org.Organization{}, err
	}
	err = t.tx.Later(ctx, `INSERT INTO project (org_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4)`, o.ID, org.MainProject, created, updated)
	if err != nil {
		return org.Organization{}, err
	}
	if err := t.upsertCapabilities(ctx, o.ID, holds); err != nil {
		return org.Organization{}, err
	}
	if o.Parent != 0 {
		err = t.count(ctx, o.Parent, +1)
	}
	return o, err
}

// UpdateOrganization writes the texts of an organization and when it changed.
func (t Tree) UpdateOrganization(ctx context.Context, o org.Organization) error {
	return t.tx.Exec1(ctx, `
		UPDATE organization SET name = $2, name_folded = $3, external_id = $4, external_folded = $5, description = $6, updated_at = $7
		WHERE id = $1`,
		o.ID, o.Name, filter.Fold(o.Name), o.ExternalID, filter.Fold(o.ExternalID), o.Description, sqldb.Micros(o.UpdatedAt))
}

// DeleteOrganization removes an organization and, by the foreign keys, all that belongs to it.
func (t Tree) DeleteOrganization(ctx context.Context, o org.Organization) error {
	if err := t.tx.Exec1(ctx, `DELETE FROM organization WHERE id = $1`, o.ID); err != nil {
		return err
	}
	t.changed()
	return t.count(ctx, o.Parent, -1)
}

// SetCapabilities adds capabilities or gives them another end and other terms.
func (t Tree) SetCapabilities(ctx context.Context, id ref.OrgID, set []org.Capability) error {
	t.changed()
	return t.upsertCapabilities(ctx, id, set)
}

func (t Tree) upsertCapabilities(ctx context.Context, id ref.OrgID, set []org.Capability) error {
	if len(set) == 0 {
		return nil
	}
	created, updated := inserted(t.tx.Now())
	args := []any{id, created, updated}
	values := make([]string, len(set))
	for i, c := range set {
		args = append(args, c.Name, sqldb.NullTimeOf(c.ExpiresAt), c.MaxDepth, c.MaxWidth)
		n := len(args)
		values[i] = fmt.Sprintf("(CAST($1 AS BIGINT), $%d, CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT))", n-3, n-2, n-1, n)
	}
	return t.tx.Later(ctx, `
		INSERT INTO capability (org_id, name, expires_at, max_depth, max_width, created_at, updated_at)
		VALUES `+strings.Join(values, ", ")+`
		ON CONFLICT (org_id, name) DO UPDATE SET expires_at = excluded.expires_at,
			max_depth = excluded.max_depth, max_width = excluded.max_width, updated_at = excluded.updated_at`, args...)
}

// RemoveCapabilities takes capabilities away.
func (t Tree) RemoveCapabilities(ctx context.Context, id ref.OrgID, names []string) error {
	if len(names) == 0 {
		return nil
	}
	t.changed()
	args := []any{id}
	_, err := t.tx.Exec(ctx, `DELETE FROM capability WHERE org_id = $1 AND name IN `+sqldb.In(&args, names), args...)
	return err
}

// Holders lists the organizations below id that hold any of the capabilities.
func (t Tree) Holders(ctx context.Context, id ref.OrgID, names []string, limit int) ([]org.Holder, error) {
	if len(names) == 0 {
		return nil, nil
	}
	args := []any{id, limit}
	var list []org.Holder
	err := t.tx.Rows(ctx, `
		WITH RECURSIVE below (id, name) AS (
			SELECT o.id, o.name FROM organization o WHERE o.parent_id = $1
			UNION ALL
			SELECT o.id, o.name FROM below b JOIN organization o ON o.parent_id = b.id
		)
		SELECT c.name, b.id, b.name FROM below b JOIN capability c ON c.org_id = b.id
		WHERE c.name IN `+sqldb.In(&args, names)+`
		ORDER BY b.id, c.name LIMIT $2`, args, func(scan func(...any) error) error {
		var h org.Holder
		err := scan(&h.Capability, &h.Org, &h.Name)
		list = append(list, h)
		return err
	})
	return list, err
}

// Children lists direct customers by id.
func (t Tree) Children(ctx context.Context, id ref.OrgID, limit int) ([]org.Organization, error) {
	return t.organizations(ctx, `o.parent_id = $1 ORDER BY o.id LIMIT $2`, []any{id, limit})
}

// CustomersByKey finds direct customers with one of the external ids or one of the names.
func (t Tree) CustomersByKey(ctx context.Context, parent ref.OrgID, externalIDs, names []string) ([]org.Organization, error) {
	var list []org.Organization
	for _, by := range []struct {
		column string
		keys   []string
	}{{"o.external_id", externalIDs}, {"o.name", names}} {
		if len(by.keys) == 0 {
			continue
		}
		args := []any{parent}
		where := `o.parent_id = $1 AND ` + by.column + ` IN ` + sqldb.In(&args, by.keys)
		if by.column == "o.name" {
			folded := make([]string, len(by.keys))
			for i, k := range by.keys {
				folded[i] = filter.Fold(k)
			}
			where += ` AND o.name_folded IN ` + sqldb.In(&args, folded) // the index is on the folded name
		}
		found, err := t.organizations(ctx, where+` ORDER BY o.id`, args)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func (t Tree) organizations(ctx context.Context, where string, args []any) ([]org.Organization, error) {
	var list []org.Organization
	err := t.tx.Rows(ctx, `SELECT `+organizationColumns+` FROM organization o WHERE `+where, args, func(scan func(...any) error) error {
		var o org.Organization
		dest, finish := scanOrganization(&o)
		if err := scan(dest...); err != nil {
			return err
		}
		finish()
		list = append(list, o)
		return nil
	})
	return list, err
}

// Tags lists the tags of an organization in byte order.
func (t Tree) Tags(ctx context.Context, id ref.OrgID) ([]string, error) {
	tags := []string{}
	err := t.tx.Rows(ctx, `SELECT tag FROM customer_tag WHERE org_id = $1 ORDER BY tag`, []any{id}, func(scan func(...any) error) error {
		var tag string
		err := scan(&tag)
		tags = append(tags, tag)
		return err
	})
	return tags, err
}

// AddTags adds tags that the organization does not carry yet.
func (t Tree) AddTags(ctx context.Context, id ref.OrgID, tags []string) error {
	if len(tags) == 0 {
		return nil
	}
	args := []any{id}
	values := make([]string, len(tags))
	for i, tag := range tags {
		args = append(args, tag, filter.Fold(tag))
		values[i] = fmt.Sprintf("($1, $%d, $%d)", len(args)-1, len(args))
	}
	return t.tx.Later(ctx, `INSERT INTO customer_tag (org_id, tag, tag_folded) VALUES `+strings.Join(values, ", "), args...)
}

// RemoveTags takes tags away.
func (t Tree) RemoveTags(ctx context.Context, id ref.OrgID, tags []string) error {
	if len(tags) == 0 {
		return nil
	}
	args := []any{id}
	_, err := t.tx.Exec(ctx, `DELETE FROM customer_tag WHERE org_id = $1 AND tag IN `+sqldb.In(&args, tags), args...)
	return err
}

// TagCounts lists the tags of direct customers with how many carry each.
func (t Tree) TagCounts(ctx context.Context, parent ref.OrgID) ([]org.TagCount, error) {
	list := []org.TagCount{}
	err := t.tx.Rows(ctx, `
		SELECT t.tag, COUNT(*) FROM organization o JOIN customer_tag t ON t.org_id = o.id
		WHERE o.parent_id = $1 GROUP BY t.tag ORDER BY t.tag`, []any{parent}, func(scan func(...any) error) error {
		var c org.TagCount
		err := scan(&c.Tag, &c.Customers)
		list = append(list, c)
		return err
	})
	return list, err
}
