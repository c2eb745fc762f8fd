package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkhmac "github.com/tink-crypto/tink-go/v2/mac/hmac"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keyring is a loaded key file. It is safe for concurrent use; the zero value refuses to work.
type Keyring struct {
	seal    tink.AEAD
	macs    map[uint32][]byte // HMAC-SHA256 keys by id
	primary uint32            // the one of macs that new MACs are made with
}

var errEmpty = errors.New("keyring: not loaded from a key file")

// Seal encrypts and authenticates plain. The same associated data must be given to Open; by custom it is
// "table/primary key", so that a value moved to another row does not open.
func (k *Keyring) Seal(plain, associated []byte) ([]byte, error) {
	if k.seal == nil {
		return nil, errEmpty
	}
	sealed, err := k.seal.Encrypt(plain, associated)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", associated, err)
	}
	return sealed, nil
}

// Open reverses Seal, with whichever key of the file sealed the value. It fails when the value or the associated data was
// changed, or the key is not in the file.
func (k *Keyring) Open(sealed, associated []byte) ([]byte, error) {
	if k.seal == nil {
		return nil, errEmpty
	}
	plain, err := k.seal.Decrypt(sealed, associated)
	if err != nil {
		return nil, fmt.Errorf("open %s: it was sealed with another key file, changed or moved: %w", associated, err)
	}
	return plain, nil
}

// MACKey returns the id of the key that new MACs are made with; it is stored beside them.
func (k *Keyring) MACKey() uint32 { return k.primary }

// MAC returns HMAC-SHA256 under the key of that id. The hash is for one goroutine; Reset makes it ready for the next
// message without setting the key up again, which is what makes many small MACs cheap.
func (k *Keyring) MAC(key uint32) (hash.Hash, error) {
	b, ok := k.macs[key]
	if !ok {
		return nil, fmt.Errorf("MAC key %d is not in the key file", key)
	}
	return hmac.New(sha256.New, b), nil
}

// fromKeysets makes a Keyring of the two sets of a key file.
func fromKeysets(seal, mac *keyset.Handle) (*Keyring, error) {
	a, err := aead.New(seal)
	if err != nil {
		return nil, fmt.Errorf("member seal: %w", err)
	}
	k := &Keyring{seal: a, macs: make(map[uint32][]byte)}
	for i := range mac.Len() {
		e, err := mac.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("member mac: %w", err)
		}
		h, ok := e.Key().(*tinkhmac.Key)
		if !ok || h.Parameters().(*tinkhmac.Parameters).HashType() != tinkhmac.SHA256 {
			return nil, fmt.Errorf("member mac: key %d is not HMAC-SHA256", e.KeyID())
		}
		if e.KeyStatus() != keyset.Enabled {
			continue
		}
		k.macs[e.KeyID()] = h.KeyBytes().Data(insecuresecretdataaccess.Token{})
		if e.IsPrimary() {
			k.primary = e.KeyID()
		}
	}
	return k, nil
}
