package token

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// RefreshToken is a refresh token as it is kept: without its secret.
type RefreshToken struct {
	ID         ref.TokenID // ^[a-z2-7]{16}$
	User       ref.UserID
	Name       string // at most 256 characters; "" if its maker called it nothing
	Hash       string // SHA-256 of the whole text, in hexadecimal
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time // zero: never; a few seconds late
	RevokedAt  time.Time // zero: not
}

const (
	prefix      = "esp_" // what scanners for leaked secrets look for
	idBytes     = 10
	secretBytes = 32
	maxName     = 256
	maxText     = 256 // no refresh token is longer, in bytes
)

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// randomText draws n bytes and writes them in base32 without capitals: safe in URLs and file names, and one word to a mouse.
func randomText(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	return strings.ToLower(base32Text.EncodeToString(b)), nil
}

// NewRefreshToken makes a refresh token of a user, and its text: esp_, the id, _, and the secret. The text is for the user
// alone and cannot be had again. The token counts once it is inserted.
func NewRefreshToken(random io.Reader, user ref.UserID, name string, now time.Time) (RefreshToken, string, error) {
	if err := checkName(name); err != nil {
		return RefreshToken{}, "", err
	}
	id, err := randomText(random, idBytes)
	if err != nil {
		return RefreshToken{}, "", err
	}
	secret, err := randomText(random, secretBytes)
	if err != nil {
		return RefreshToken{}, "", err
	}
	text := prefix + id + "_" + secret
	now = now.UTC().Truncate(time.Microsecond)
	return RefreshToken{
		ID: ref.TokenID(id), User: user, Name: name, Hash: hash(text), CreatedAt: now, ExpiresAt: now.Add(RefreshLife),
	}, text, nil
}

func checkName(name string) error {
	if !utf8.ValidString(name) {
		return errs.Invalidf("name: not UTF-8")
	}
	if n := utf8.RuneCountInString(name); n > maxName {
		return errs.Invalidf("name: %d characters, at most %d", n, maxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errs.Invalidf("name: has a control character")
	}
	return nil
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// parseRefresh returns the id in a refresh token's text; ok is false for what can be none.
func parseRefresh(text string) (id ref.TokenID, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > maxText {
		return "", false
	}
	name, secret, ok := strings.Cut(rest, "_")
	if !ok || !word(name) || !word(secret) {
		return "", false
	}
	return ref.TokenID(name), true
}

// word reports whether s is made of letters and digits, ^[a-zA-Z0-9]+$.
func word(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

// is reports whether text is the token's, in a time that says nothing about the secret.
func (t *RefreshToken) is(text string) bool {
	return subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash(text))) == 1
}

// usable returns nil if the token may be used at now. Only who has the secret is told why not.
func (t *RefreshToken) usable(now time.Time) error {
	if !t.RevokedAt.IsZero() {
		return errs.Unauthenticatedf("the refresh token was revoked on %s: make a new one", t.RevokedAt.Format(time.RFC3339))
	}
	if !now.Before(t.ExpiresAt) {
		return errs.Unauthenticatedf("the refresh token expired on %s: make a new one", t.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// everywhere refuses a session that opens one organization only, as an application's or one through another's identity provider:
// a refresh token reaches every organization of its user, so that with one the session would.
func everywhere(by access.Caller) error {
	if by.Only != 0 {
		return errs.Forbiddenf("this session opens organization %d only: sign in in another way for refresh tokens, which reach all of yours", by.Only)
	}
	return nil
}

// Create makes a refresh token of the caller and returns it with its text, which cannot be had again.
func (s *Service) Create(ctx context.Context, by access.Caller, name string) (RefreshToken, string, error) {
	if by.User == 0 {
		return RefreshToken{}, "", errs.Forbiddenf("refresh tokens are for users: sign in as one")
	}
	return s.CreateFor(ctx, by, by.User, name)
}

// CreateFor is Create for another user. Only the operator of the server may do so.
func (s *Service) CreateFor(ctx context.Context, by access.Caller, user ref.UserID, name string) (RefreshToken, string, error) {
	if !by.Operator && by.User != user {
		return RefreshToken{}, "", errs.Forbiddenf("refresh tokens can be made for oneself only")
	}
	if err := everywhere(by); err != nil {
		return RefreshToken{}, "", err
	}
	t, text, err := NewRefreshToken(s.cfg.Rand, user, name, s.now())
	if err != nil {
		return RefreshToken{}, "", err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.InsertRefreshToken(ctx, t); err != nil {
			return err
		}
		return record(ctx, tx, by, "refresh_token.create", t.ID, nil, t.told())
	})
	if err != nil {
		return RefreshToken{}, "", err
	}
	return t, text, nil
}

// List returns the caller's refresh tokens that can still be used, newest first.
func (s *Service) List(ctx context.Context, by access.Caller) (list []RefreshToken, err error) {
	if by.User == 0 {
		return nil, nil
	}
	return s.ListFor(ctx, by, by.User)
}

// ListFor is List for another user. Only the operator of the server may do so.
func (s *Service) ListFor(ctx context.Context, by access.Caller, user ref.UserID) (list []RefreshToken, err error) {
	if !by.Operator && by.User != user {
		return nil, errs.Forbiddenf("only one's own refresh tokens can be listed")
	}
	if err := everywhere(by); err != nil {
		return nil, err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.RefreshTokens(ctx, user, s.now())
		return err
	})
	return list, err
}

// Revoke ends a refresh token of the caller, and with it every access token it bought, at once. One that is not the caller's,
// or has ended, is errs.NotFound. The operator may revoke anyone's.
func (s *Service) Revoke(ctx context.Context, by access.Caller, id ref.TokenID) error {
	if err := everywhere(by); err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		t, err := tx.RefreshToken(ctx, id)
		if err != nil && !absent(err) {
			return err
		}
		own := by.Operator || by.User != 0 && t.User == by.User
		if err != nil || !own || t.usable(s.now()) != nil {
			return errs.NotFoundf("you have no refresh token %s", id)
		}
		if err := tx.RevokeRefreshToken(ctx, t, s.now()); err != nil {
			return err
		}
		return record(ctx, tx, by, "refresh_token.revoke", t.ID, t.told(), nil)
	})
}

// record writes the audit entry of a refresh token; it belongs to no organization, since it reaches all of its user's.
func record(ctx context.Context, tx Tx, by access.Caller, action string, id ref.TokenID, before, after any) error {
	b, a, err := audit.Diff(before, after)
	if err != nil {
		return err
	}
	return tx.Record(ctx, audit.Entry{
		Actor: audit.ActorOf(by), Session: by.Session, RequestID: by.RequestID,
		Action: action, TargetKind: "refresh_token", TargetID: string(id), Before: b, After: a,
	})
}

// told is what the audit log says of a refresh token.
func (t *RefreshToken) told() any {
	return struct {
		User      ref.UserID `json:"user"`
		Name      string     `json:"name"`
		ExpiresAt time.Time  `json:"expiresAt"`
	}{t.User, t.Name, t.ExpiresAt}
}
