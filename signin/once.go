package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"espalier.dev/ref"
)

// Purpose is what a value that is good once is for. It is hashed with the value, so that one of another kind is unknown.
type Purpose string

// The purposes.
const (
	ForReset         Purpose = "reset"
	ForSecondFactor  Purpose = "second_factor"
	ForPasskeySignIn Purpose = "passkey_signin"
	ForPasskeyAdd    Purpose = "passkey_add"
)

// lives is how long a value is good.
var lives = map[Purpose]time.Duration{
	ForReset:         ResetLife,
	ForSecondFactor:  10 * time.Minute,
	ForPasskeySignIn: 10 * time.Minute,
	ForPasskeyAdd:    10 * time.Minute,
}

// Once is a value that is good once, as it is kept.
type Once struct {
	Hash      string
	Purpose   Purpose
	User      ref.UserID // 0: nobody's
	Data      string     // JSON of the purpose's own
	CreatedAt time.Time
	ExpiresAt time.Time
}

type onceTx interface {
	InsertOnce(ctx context.Context, o Once) error
	// Once reads a value that is good at now and leaves it.
	Once(ctx context.Context, hash string, now time.Time) (Once, error)
	// UseOnce reads a value that is good at now and removes it: of two at the same time, one is errs.NotFound.
	UseOnce(ctx context.Context, hash string, now time.Time) (Once, error)
	// DropOnce removes all values of a user.
	DropOnce(ctx context.Context, user ref.UserID) error
}

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// randomText draws n bytes and writes them in base32 without capitals.
func randomText(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	return strings.ToLower(base32Text.EncodeToString(b)), nil
}

const secretBytes = 32

// newOnce makes a value of a purpose and the text that its holder is given.
func (s *Service) newOnce(p Purpose, user ref.UserID, data string) (Once, string, error) {
	text, err := randomText(s.cfg.Rand, secretBytes)
	if err != nil {
		return Once{}, "", err
	}
	now := s.now()
	return Once{Hash: hashFor(string(p), text), Purpose: p, User: user, Data: data, CreatedAt: now, ExpiresAt: now.Add(lives[p])}, text, nil
}

// hashFor is the SHA-256 of a secret of one kind, in hexadecimal. The secrets are random, so that nothing slower is needed.
func hashFor(kind, text string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + text))
	return hex.EncodeToString(sum[:])
}
