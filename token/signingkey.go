package token

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// SigningKey is one key in the row of keys that sign tokens with one algorithm. Its life has three parts:
//
//	CreatedAt ── published, not used ── UseFrom ── signs ── UseUntil ── verifies what it signed ── VerifyUntil
//
// A key begins to sign at the instant the one before stops, and is published a day earlier, so that who keeps a copy of the
// public keys has it in time.
type SigningKey struct {
	ID          string // the kid: ^[a-z2-7]+$, random
	Alg         string // EdDSA or RS256
	Sealed      []byte // the private key, sealed under "signing_key/" and the ID
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

// algorithm is a way to sign, and what is signed so.
type algorithm struct {
	name jose.SignatureAlgorithm
	typ  jose.ContentType // of the tokens
	// lazy: there is no key until the first is asked for. After that they follow one another as the others do.
	lazy bool
	// draw makes a private key as it is sealed, and open reads it.
	draw func(random io.Reader) (private []byte, err error)
	open func(private []byte) (crypto.Signer, error)
}

// Access tokens are for this server alone, and Ed25519 is quick. ID tokens are for whoever signs users in here; RS256 is the
// one algorithm that each of them can verify (OpenID Connect Core 1.0, section 15.1). Drawing an RSA key takes long, so there
// is none until an application needs it.
var (
	forAccess = &algorithm{name: jose.EdDSA, typ: tokenType, draw: drawEd25519, open: openEd25519}
	forID     = &algorithm{name: jose.RS256, typ: "JWT", lazy: true, draw: drawRSA, open: openRSA}
)

// algorithms are all that are used.
var algorithms = []*algorithm{forAccess, forID}

func algorithmNamed(name string) *algorithm {
	for _, a := range algorithms {
		if string(a.name) == name {
			return a
		}
	}
	return nil
}

func drawEd25519(random io.Reader) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	_, err := io.ReadFull(random, seed)
	return seed, err
}

func openEd25519(seed []byte) (crypto.Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("a seed of %d bytes", len(seed))
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

const rsaBits = 2048

func drawRSA(random io.Reader) ([]byte, error) {
	k, err := rsa.GenerateKey(random, rsaBits)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS1PrivateKey(k), nil
}

func openRSA(der []byte) (crypto.Signer, error) { return x509.ParsePKCS1PrivateKey(der) }

// of picks the keys of one algorithm.
func (a *algorithm) of(keys []SigningKey) []SigningKey {
	var mine []SigningKey
	for _, k := range keys {
		if k.Alg == string(a.name) {
			mine = append(mine, k)
		}
	}
	return mine
}

// successor says whether a key has to be made now, and when it begins to sign: where the last one stops, or now if that is
// past or there is none. The keys are of one algorithm.
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

// newSigningKey makes a key of a private one that was drawn before; it begins to sign at from.
func newSigningKey(random io.Reader, box Box, a *algorithm, private []byte, now, from time.Time) (SigningKey, error) {
	id, err := randomText(random, 10)
	if err != nil {
		return SigningKey{}, err
	}
	signer, err := a.open(private)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	k := SigningKey{
		ID: id, Alg: string(a.name),
		CreatedAt: now, UseFrom: from, UseUntil: from.Add(keyUse), VerifyUntil: from.Add(keyUse + keyVerify),
	}
	if k.Public, err = json.Marshal(jose.JSONWebKey{Key: signer.Public(), KeyID: id, Algorithm: k.Alg, Use: "sig"}); err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	if k.Sealed, err = box.Seal(private, k.row()); err != nil {
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
