package token

import (
	"context"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Member names a user of an organization, for whom an owner of it acts; the zero value is the caller itself.
type Member struct {
	Org  ref.OrgID
	User ref.UserID
}

// Held is a refresh token as its holder, or an owner of the holder's organization, sees it.
type Held struct {
	RefreshToken
	// Deletable says whether the one who looks may revoke it: its user, and the owners of the one organization the user belongs to.
	Deletable bool
}

// resolve says whose tokens m is about and whether the caller may revoke them. Both members of m are given, or neither.
func (s *Service) resolve(ctx context.Context, tx Tx, by access.Caller, m Member) (user ref.UserID, revocable bool, err error) {
	switch {
	case m == Member{}:
		if by.User == 0 {
			return 0, false, errs.Forbiddenf("refresh tokens are for users: sign in as one, or name orgId and userId")
		}
		return by.User, true, everywhere(by)
	case m.Org == 0 || m.User == 0:
		return 0, false, errs.Unprocessablef("", "orgId and userId go together: an owner of the organization acts for its user")
	case m.User == by.User:
		return by.User, true, everywhere(by)
	}
	if err := s.cfg.Sessions.Require(ctx, by, access.OrgOwn, m.Org); err != nil {
		return 0, false, err
	}
	orgs, err := tx.Memberships(ctx, m.User)
	if err != nil {
		return 0, false, err
	}
	alone, member := true, false
	for _, o := range orgs {
		member, alone = member || o == m.Org, alone && o == m.Org
	}
	if !member {
		return 0, false, errs.NotFoundf("organization %d has no user %d", m.Org, m.User)
	}
	return m.User, alone, nil
}

// ListOf lists refresh tokens that can still be used, newest first.
func (s *Service) ListOf(ctx context.Context, by access.Caller, m Member) (list []Held, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		user, revocable, err := s.resolve(ctx, tx, by, m)
		if err != nil {
			return err
		}
		tokens, err := tx.RefreshTokens(ctx, user, s.now())
		for _, t := range tokens {
			list = append(list, Held{t, revocable})
		}
		return err
	})
	return list, err
}

// Show returns one of the caller's.
func (s *Service) Show(ctx context.Context, by access.Caller, id ref.TokenID) (Held, error) {
	list, err := s.ListOf(ctx, by, Member{})
	if err != nil {
		return Held{}, err
	}
	for _, h := range list {
		if h.ID == id {
			return h, nil
		}
	}
	return Held{}, errs.NotFoundf("you have no such refresh token")
}

// RevokeOf ends refresh tokens, and with them every access token they bought, at once: the one with the id, or all for "".
// Those of a user who belongs to other organizations too are Forbidden to an owner of one.
func (s *Service) RevokeOf(ctx context.Context, by access.Caller, m Member, id ref.TokenID) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		user, revocable, err := s.resolve(ctx, tx, by, m)
		if err != nil {
			return err
		}
		tokens, err := tx.RefreshTokens(ctx, user, s.now())
		if err != nil {
			return err
		}
		found := id == ""
		for _, t := range tokens {
			if id != "" && t.ID != id {
				continue
			}
			found = true
			if !revocable {
				return errs.Forbiddenf("user %d belongs to other organizations too, and only the user ends tokens that reach them", user)
			}
			if err := s.revoke(ctx, tx, by, m.Org, t); err != nil {
				return err
			}
		}
		if !found {
			return errs.NotFoundf("there is no such refresh token")
		}
		return nil
	})
}

// revoke ends one token. Its entry belongs to the organization whose owner did it.
func (s *Service) revoke(ctx context.Context, tx Tx, by access.Caller, org ref.OrgID, t RefreshToken) error {
	if err := tx.RevokeRefreshToken(ctx, t, s.now()); err != nil {
		return err
	}
	before, _, err := audit.Diff(t.told(), nil)
	if err != nil {
		return err
	}
	return tx.Record(ctx, audit.Entry{
		Org: org, Actor: audit.ActorOf(by), Session: by.Session, RequestID: by.RequestID,
		Action: "refresh_token.revoke", TargetKind: "refresh_token", TargetID: string(t.ID), Before: before,
	})
}
