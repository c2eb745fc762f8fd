package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// SigningKey is a key that requests to an identity provider are signed with. Its private half is sealed and never leaves.
type SigningKey struct {
	ID          ref.SigningKeyID
	Provider    ref.ProviderID
	Sealed      string // PKCS #8, sealed, in base64
	Certificate string // PEM, for the provider to know it by
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// Bounds of a key's life, in years.
const (
	minKeyYears = 2
	maxKeyYears = 10
)

// rsaBits is the size of signing keys. Identity providers at large know no other kind than RSA.
const rsaBits = 2048

// SigningKeys lists the keys of an identity provider, oldest first.
func (p *Providers) SigningKeys(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID) (list []SigningKey, err error) {
	err = p.ofProvider(ctx, by, access.ProviderKeyIndex, org, of, func(tx Tx, found Provider) (err error) {
		list, err = tx.ProviderKeys(ctx, found.ID)
		return err
	})
	return list, err
}

// SigningKey returns one.
func (p *Providers) SigningKey(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID, id ref.SigningKeyID) (k SigningKey, err error) {
	err = p.ofProvider(ctx, by, access.ProviderKeyShow, org, of, func(tx Tx, found Provider) (err error) {
		k, err = tx.ProviderKey(ctx, found.ID, id.Canonical())
		if absent(err) {
			err = errs.NotFoundf("identity provider %s has no signing key %s", found.ID, id)
		}
		return err
	})
	return k, err
}

// ofProvider reads an identity provider that speaks SAML and what else read asks for.
func (p *Providers) ofProvider(ctx context.Context, by access.Caller, privilege access.Privilege, org ref.OrgID, id ref.ProviderID, read func(Tx, Provider) error) error {
	if err := p.cfg.Guard.Require(ctx, by, privilege, org); err != nil {
		return err
	}
	return p.cfg.Store.Read(ctx, func(tx Tx) error {
		found, err := readProvider(ctx, tx, org, id, ProtocolSAML)
		if err != nil {
			return err
		}
		return read(tx, found)
	})
}

// GenerateKey makes a signing key that is good for some years. It signs nothing before an update names it.
func (p *Providers) GenerateKey(ctx context.Context, by access.Caller, org ref.OrgID, of ref.ProviderID, years int) (k SigningKey, err error) {
	if years < minKeyYears || years > maxKeyYears {
		return SigningKey{}, errs.Invalidf("validityYears: is %d; want %d to %d", years, minKeyYears, maxKeyYears)
	}
	err = p.ofProvider(ctx, by, access.ProviderKeyGenerate, org, of, func(_ Tx, found Provider) error {
		k, err = p.newKey(found, years) // takes long: before the transaction, for those alone who may
		return err
	})
	if err != nil {
		return SigningKey{}, err
	}
	err = p.cfg.Store.Write(ctx, func(tx Tx) error {
		found, err := readProvider(ctx, tx, org, of, ProtocolSAML)
		if err != nil {
			return err
		}
		if err := tx.InsertProviderKey(ctx, k); err != nil {
			return err
		}
		return recordProvider(ctx, tx, by, "identity_provider.key_generate", found, nil, map[string]any{"key": k.ID, "expiresAt": k.ExpiresAt})
	})
	return k, err
}

func (p *Providers) newKey(of Provider, years int) (SigningKey, error) {
	id, err := p.newID()
	if err != nil {
		return SigningKey{}, err
	}
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	k := SigningKey{ID: ref.SigningKeyID(id), Provider: of.ID, CreatedAt: p.now()}
	k.ExpiresAt = k.CreatedAt.AddDate(years, 0, 0).Truncate(time.Second) // a certificate tells whole seconds
	serial := make([]byte, 16)
	if _, err := io.ReadFull(p.cfg.Rand, serial); err != nil {
		return SigningKey{}, fmt.Errorf("draw random bytes: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[1:]), Subject: pkix.Name{CommonName: "espalier " + string(of.ID)},
		NotBefore: k.CreatedAt.Add(-time.Minute), NotAfter: k.ExpiresAt, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make certificate: %w", err)
	}
	k.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return SigningKey{}, fmt.Errorf("write signing key: %w", err)
	}
	k.Sealed, err = sealText(p.cfg.Box, "provider_key/"+id, plain)
	return k, err
}

// private opens the private half.
func (k SigningKey) private(box Box) (*rsa.PrivateKey, error) {
	plain, err := openText(box, "provider_key/"+string(k.ID), k.Sealed)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key %s is of another kind than RSA", k.ID)
	}
	return private, nil
}

// sealText seals a value of a row, as text.
func sealText(box Box, row string, plain []byte) (string, error) {
	sealed, err := box.Seal(plain, []byte(row))
	return base64.StdEncoding.EncodeToString(sealed), err
}

func openText(box Box, row, text string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", row, err)
	}
	return box.Open(sealed, []byte(row))
}

// strongEnough refuses certificates whose key could be found out, or that SAML has no signature for.
func strongEnough(cert *x509.Certificate) error {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < rsaBits {
			return fmt.Errorf("its RSA key has %d bits; want at least %d", key.N.BitLen(), rsaBits)
		}
		return nil
	case *ecdsa.PublicKey:
		return nil
	}
	return errors.New("its key is of a kind that SAML does not sign with; want RSA or ECDSA")
}

// CertificateDetails is what people compare a certificate by.
type CertificateDetails struct {
	Subject     string // CN=idp.example.com,O=Acme
	Fingerprint string // of SHA-1: AB:CD:…, 20 bytes; the form that identity providers show
	ExpiresAt   time.Time
}

// Details tells of the certificate of a SAML provider.
func (s SAMLSettings) Details() (CertificateDetails, error) {
	cert, err := parseCertificate(s.Certificate)
	if err != nil {
		return CertificateDetails{}, err
	}
	sum := sha1.Sum(cert.Raw)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return CertificateDetails{Subject: subject(cert), Fingerprint: strings.Join(pairs, ":"), ExpiresAt: cert.NotAfter.UTC()}, nil
}

// attributes are the short names of what a certificate's subject is made of.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "emailAddress",
}

// subject writes a certificate's subject as the contract shows it, the most special part first; what has no short name is left
// out.
func subject(cert *x509.Certificate) string {
	var parts []string
	for _, a := range cert.Subject.Names {
		if name := attributes[a.Type.String()]; name != "" {
			parts = append([]string{name + "=" + strings.ReplaceAll(fmt.Sprint(a.Value), ",", `\,`)}, parts...)
		}
	}
	if len(parts) == 0 {
		return "CN="
	}
	return strings.Join(parts, ",")
}
