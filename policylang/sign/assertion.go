package sign

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Assertion is a JWT that its owner signs by RS256 (RFC 7519, RFC 7523 section 3).
type Assertion struct {
	Issuer           string
	Subject          string            // "" for none; in a client assertion, the issuer
	Audience         string            // "" for the address of the token endpoint
	SigningKey       Secret            // RSA key in PEM, PKCS #1 or PKCS #8
	MaxMinutes       int               // life
	AdditionalClaims map[string]any    // claims beside those above, which win
	IncludeJTI       bool              // give each a random jti
	Headers          map[string]string // header parameters beside alg and typ, as x5t and kid
}

// assertion builds and signs one for an audience, with the scopes as a claim too, since some endpoints look for them there.
func (s *Signer) assertion(a Assertion, endpoint string, scopes []string) (string, error) {
	key, err := parseRSAKey(a.SigningKey.Reveal(), "")
	if err != nil {
		return "", fmt.Errorf("signingKey: %w", err)
	}
	claims, err := s.claims(a, endpoint, scopes)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("additionalClaims: %w", err)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range a.Headers {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, options)
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	return signed.CompactSerialize()
}

func (s *Signer) claims(a Assertion, endpoint string, scopes []string) (map[string]any, error) {
	claims := map[string]any{}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	maps.Copy(claims, a.AdditionalClaims)
	now := s.now()
	claims["iss"], claims["aud"] = a.Issuer, a.Audience
	claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Duration(a.MaxMinutes)*time.Minute).Unix()
	if a.Audience == "" {
		claims["aud"] = endpoint
	}
	if a.Subject != "" {
		claims["sub"] = a.Subject
	}
	if a.IncludeJTI {
		id, err := s.nonce(16)
		if err != nil {
			return nil, err
		}
		claims["jti"] = hex.EncodeToString(id)
	}
	return claims, nil
}

// parseRSAKey reads a private key in PEM: PKCS #1, which a password may protect, or PKCS #8. A key whose line breaks are written \n, as
// they are when it is copied out of JSON, is read too. No error shows the key.
func parseRSAKey(text, password string) (*rsa.PrivateKey, error) {
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		text = strings.ReplaceAll(text, `\n`, "\n")
	}
	block, _ := pem.Decode([]byte(strings.TrimSpace(text) + "\n"))
	if block == nil {
		return nil, errors.New("is no key in PEM, which begins with -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----")
	}
	der := block.Bytes
	if block.Headers["DEK-Info"] != "" {
		if password == "" {
			return nil, errors.New("is protected by a password, and none is given")
		}
		var err error
		//lint:ignore SA1019 the credential's owner got the key in this form from its vendor; nothing is protected by it here
		if der, err = x509.DecryptPEMBlock(block, []byte(password)); err != nil {
			return nil, errors.New("is protected by another password")
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("is no private key that can be read; PKCS #1 and PKCS #8 without encryption can (found %q)", block.Type)
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("is no RSA key")
	}
	return rsaKey, nil
}
