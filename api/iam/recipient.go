package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/errs"
)

// The contract names the members of an encrypted secret and not the way; ours is told in docs/rules.md: a fresh key on the
// recipient's curve, HKDF-SHA-256 of the shared secret without salt, AES-256-GCM.
const (
	recipientHeader = "X-Recipient-Public-Key"
	secretInfo      = "espalier service account client secret"
)

// parseRecipient reads the public key of a request: a SubjectPublicKeyInfo of X25519 or a NIST curve, in base64 of any kind or
// PEM whose line breaks are left out, or the 32 bytes of an X25519 key alone; nil for "".
func parseRecipient(text string) (*ecdh.PublicKey, error) {
	if text == "" {
		return nil, nil
	}
	der, err := keyBytes(text)
	if err == nil {
		if key, ok := publicKey(der); ok {
			return key, nil
		}
	}
	return nil, errs.Invalidf("header %s: want the SubjectPublicKeyInfo of an X25519 or P-256, P-384 or P-521 key in base64, or the 32 bytes of an X25519 key", recipientHeader)
}

func keyBytes(text string) ([]byte, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes, nil
	}
	text = strings.TrimPrefix(text, "-----BEGIN PUBLIC KEY-----")
	text = strings.TrimSuffix(text, "-----END PUBLIC KEY-----")
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", " ", "", "\t", "").Replace(text), "=")
	return base64.RawStdEncoding.DecodeString(text)
}

func publicKey(der []byte) (*ecdh.PublicKey, bool) {
	if len(der) == 32 {
		key, err := ecdh.X25519().NewPublicKey(der)
		return key, err == nil
	}
	any, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, false
	}
	switch key := any.(type) {
	case *ecdh.PublicKey:
		return key, true
	case *ecdsa.PublicKey:
		out, err := key.ECDH()
		return out, err == nil
	}
	return nil, false
}

// reveal puts a secret into an answer, encrypted where there is a recipient.
func reveal(secret string, to *ecdh.PublicKey) (wire.ServiceAccountClient, error) {
	if to == nil {
		return wire.ServiceAccountClient{ClientSecret: secret}, nil
	}
	own, err := to.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return wire.ServiceAccountClient{}, fmt.Errorf("encrypt a client secret: %w", err)
	}
	shared, err := own.ECDH(to)
	if err != nil {
		return wire.ServiceAccountClient{}, errs.Invalidf("header %s: the key is of low order", recipientHeader)
	}
	sealed, iv, err := seal(secret, shared)
	if err != nil {
		return wire.ServiceAccountClient{}, fmt.Errorf("encrypt a client secret: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(own.PublicKey())
	if err != nil {
		return wire.ServiceAccountClient{}, fmt.Errorf("encrypt a client secret: %w", err)
	}
	text := base64.StdEncoding.EncodeToString
	tag := len(sealed) - 16
	return wire.ServiceAccountClient{
		EncryptedSecret: text(sealed[:tag]), AuthTag: text(sealed[tag:]), IV: text(iv), EphemeralPublicKey: text(public),
	}, nil
}

// seal encrypts with a key that is used once.
func seal(secret string, shared []byte) (sealed, iv []byte, err error) {
	key, err := hkdf.Key(sha256.New, shared, nil, secretInfo, 32)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, err
	}
	iv = make([]byte, aead.NonceSize())
	if _, err := rand.Read(iv); err != nil {
		return nil, nil, err
	}
	return aead.Seal(nil, iv, []byte(secret), nil), iv, nil
}
