package token

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// SigningKey is one key in the row of keys that sign access tokens. Its life has three parts:
//
//	CreatedAt ── published, not used ── UseFrom ── signs ── UseUntil ── verifies what it signed ── VerifyUntil
//
// A key begins to sign at the instant the one before stops, and is published a day earlier, so that who keeps a copy of the
// public keys has it in time.
type SigningKey struct {
	ID          string // the kid: ^[a-z2-7]+$, random
	Alg         string // EdDSA
	Sealed      []byte // the private seed, sealed under "signing_key/" and the ID
	Public      []byte // the public key as a JWK in JSON
	CreatedAt   time.Time
	UseFrom     time.Time
	UseUntil    time.Time
	VerifyUntil time.Time
}

const (
	keyUse     = 30 * 24 * time.Hour // how long a key signs
	keyPublish = 24 * time.Hour      // how long before that it is published
	keyVerify  = 2 * time.Hour       // how long after that it verifies: a token's life, and room for clocks that differ
	keyBury    = 7 * 24 * time.Hour  // how long after that its row stays
)

// successor says whether a key has to be made now, and when it begins to sign: where the last one stops, or now if that is
// past or there is none.
func successor(keys []SigningKey, now time.Time) (from time.Time, due bool) {
	for _, k := range keys {
		if k.UseUntil.After(from) {
			from = k.UseUntil
		}
	}
	if from.After(now.Add(keyPublish)) {
		return time.Time{}, false
	}
	if from.Before(now) {
		from = now
	}
	return from, true
}

// newSigningKey makes a key that begins to sign at from.
func newSigningKey(random io.Reader, box Box, now, from time.Time) (SigningKey, error) {
	id, err := randomText(random, 10)
	if err != nil {
		return SigningKey{}, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	public := ed25519.NewKeyFromSeed(seed).Public()
	k := SigningKey{
		ID: id, Alg: string(jose.EdDSA),
		CreatedAt: now, UseFrom: from, UseUntil: from.Add(keyUse), VerifyUntil: from.Add(keyUse + keyVerify),
	}
	if k.Public, err = json.Marshal(jose.JSONWebKey{Key: public, KeyID: id, Algorithm: k.Alg, Use: "sig"}); err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	if k.Sealed, err = box.Seal(seed, k.row()); err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	return k, nil
}

// row is what ties the sealed key to its row.
func (k *SigningKey) row() []byte { return []byte("signing_key/" + k.ID) }

// verifies reports whether the key may verify a token at now.
func (k *SigningKey) verifies(now time.Time) bool { return now.Before(k.VerifyUntil) }

// signs reports whether the key may sign at now.
func (k *SigningKey) signs(now time.Time) bool {
	return !now.Before(k.UseFrom) && now.Before(k.UseUntil)
}
