package orgdb

import (
	"context"
	"encoding/json"
	"fmt"

	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/store/sqldb"
)

// Settings lists what an organization has set itself, by id.
func (t Tree) Settings(ctx context.Context, id ref.OrgID) ([]org.Setting, error) {
	var list []org.Setting
	err := t.tx.Rows(ctx, `
		SELECT s.id, s.value_json, s.updated_at, COALESCE(s.by_user_id, 0), COALESCE(s.by_service_account_id, 0),
			COALESCE(a.name, u.email, '')
		FROM setting s LEFT JOIN app_user u ON u.id = s.by_user_id LEFT JOIN service_account a ON a.id = s.by_service_account_id
		WHERE s.org_id = $1 ORDER BY s.id`, []any{id}, func(scan func(...any) error) error {
		var s org.Setting
		var value string
		var updated int64
		err := scan(&s.ID, &value, &updated, &s.UpdatedBy.User, &s.UpdatedBy.ServiceAccount, &s.UpdatedBy.Name)
		if err != nil {
			return err
		}
		s.UpdatedAt = sqldb.Time(updated)
		s.Value, err = org.DecodeSetting(value)
		list = append(list, s)
		return err
	})
	return list, err
}

// PutSetting writes one value over what there may be.
func (t Tree) PutSetting(ctx context.Context, id ref.OrgID, s org.Setting) error {
	value, err := json.Marshal(s.Value)
	if err != nil {
		return fmt.Errorf("setting %s: %w", s.ID, err)
	}
	return t.tx.Exec1(ctx, `
		INSERT INTO setting (org_id, id, value_json, updated_at, by_user_id, by_service_account_id) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (org_id, id) DO UPDATE SET value_json = excluded.value_json, updated_at = excluded.updated_at,
			by_user_id = excluded.by_user_id, by_service_account_id = excluded.by_service_account_id`,
		id, s.ID, string(value), sqldb.Micros(s.UpdatedAt), idOrNull(s.UpdatedBy.User), idOrNull(s.UpdatedBy.ServiceAccount))
}

// DeleteSetting removes one value; errs.NotFound if it is not there.
func (t Tree) DeleteSetting(ctx context.Context, id ref.OrgID, setting string) error {
	return t.tx.Exec1(ctx, `DELETE FROM setting WHERE org_id = $1 AND id = $2`, id, setting)
}

// idOrNull is an id, or NULL for none.
func idOrNull[T ~int64](id T) any {
	if id == 0 {
		return nil
	}
	return id
}
