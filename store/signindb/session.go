package signindb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
)

const sessionColumns = `id, user_id, kind, hash, COALESCE(only_org_id, 0), methods_json, agent, address, created_at, last_used_at, expires_at, ends_at`

func scanSession(scan func(...any) error) (signin.Session, error) {
	var s signin.Session
	var proofs string
	var created, used, expires, ends int64
	err := scan(&s.ID, &s.User, &s.Kind, &s.Hash, &s.Only, &proofs, &s.Agent, &s.Address, &created, &used, &expires, &ends)
	if err != nil {
		return signin.Session{}, err
	}
	s.CreatedAt, s.LastUsedAt, s.ExpiresAt, s.EndsAt = sqldb.Time(created), sqldb.Time(used), sqldb.Time(expires), sqldb.Time(ends)
	if err := json.Unmarshal([]byte(proofs), &s.Proofs); err != nil {
		return signin.Session{}, fmt.Errorf("session %s: %w", s.ID, err)
	}
	return s, nil
}

// InsertSession adds a session.
func (t SignIn) InsertSession(ctx context.Context, s signin.Session) error {
	proofs, err := json.Marshal(s.Proofs)
	if err != nil {
		return err
	}
	var only any
	if s.Only != 0 {
		only = s.Only
	}
	t.changed(s.User)
	_, err = t.tx.Exec(ctx, `
		INSERT INTO session (id, user_id, kind, hash, only_org_id, methods_json, agent, address, created_at, last_used_at, expires_at, ends_at)
		VALUES ($1, $2, $3, $4, CAST($5 AS BIGINT), $6, $7, $8, $9, $10, $11, $12)`,
		string(s.ID), s.User, string(s.Kind), s.Hash, only, string(proofs), s.Agent, s.Address,
		sqldb.Micros(s.CreatedAt), sqldb.Micros(s.LastUsedAt), sqldb.Micros(s.ExpiresAt), sqldb.Micros(s.EndsAt))
	if sqldb.IsForeignKey(err) {
		return errs.NotFoundf("user %d, or the organization of the session, not found", s.User)
	}
	return err
}

// Session reads a session, ended or not.
func (t SignIn) Session(ctx context.Context, id ref.TokenID) (signin.Session, error) {
	return scanSession(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+sessionColumns+` FROM session WHERE id = $1`, []any{string(id)}, dest...)
	})
}

// SessionsOf lists the sessions of a user that have not ended at now, the one used last first.
func (t SignIn) SessionsOf(ctx context.Context, user ref.UserID, now time.Time) ([]signin.Session, error) {
	var list []signin.Session
	err := t.tx.Rows(ctx, `
		SELECT `+sessionColumns+` FROM session WHERE user_id = $1 AND expires_at > $2 ORDER BY last_used_at DESC, id LIMIT 200`,
		[]any{user, sqldb.Micros(now)}, func(scan func(...any) error) error {
			s, err := scanSession(scan)
			list = append(list, s)
			return err
		})
	return list, err
}

// EndSession removes a session of a user; from the commit on it is dead. An absent one is errs.NotFound.
func (t SignIn) EndSession(ctx context.Context, user ref.UserID, id ref.TokenID) error {
	t.changed(user)
	return t.tx.Exec1(ctx, `DELETE FROM session WHERE id = $1 AND user_id = $2`, string(id), user)
}

// EndSessions removes all sessions of a user but keep.
func (t SignIn) EndSessions(ctx context.Context, user ref.UserID, keep ref.TokenID) error {
	t.changed(user)
	_, err := t.tx.Exec(ctx, `DELETE FROM session WHERE user_id = $1 AND id <> $2`, user, string(keep))
	return err
}

// StampSessions moves last uses, and with them the ends, forward and never back. Absent sessions are passed over.
func (t SignIn) StampSessions(ctx context.Context, uses []signin.SessionUse, idle time.Duration) error {
	for _, u := range uses {
		var user ref.UserID
		err := t.tx.Row(ctx, `
			UPDATE session SET last_used_at = $2, expires_at = CASE WHEN ends_at < $3 THEN ends_at ELSE $3 END
			WHERE id = $1 AND last_used_at < $2 AND expires_at > $2 RETURNING user_id`,
			[]any{string(u.ID), sqldb.Micros(u.At), sqldb.Micros(u.At.Add(idle))}, &user)
		switch {
		case err == nil:
			t.changed(user)
		case errs.KindOf(err) != errs.NotFound:
			return err
		}
	}
	return nil
}
