package token

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// keySet is the signing keys as last read. It is never changed, only replaced.
type keySet struct {
	byID map[string]*loadedKey
	list []*loadedKey // the one that begins latest first; by id where two begin together
}

type loadedKey struct {
	SigningKey
	jwk    jose.JSONWebKey
	alg    *algorithm
	public crypto.PublicKey
	signer jose.Signer // nil once the key has stopped signing
}

// active returns the key that signs with an algorithm at now, nil if there is none.
func (set *keySet) active(a *algorithm, now time.Time) *loadedKey {
	for _, k := range set.list {
		if k.alg == a && k.signer != nil && k.signs(now) {
			return k
		}
	}
	return nil
}

// Rotate reads the signing keys, after making the next ones if it is time. Several servers may do so at once: the store lets
// one in after the other, and the second finds the key of the first.
func (s *Service) Rotate(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.rotate(ctx, nil)
}

// rotate also makes the first key of a lazy algorithm that is wanted.
func (s *Service) rotate(ctx context.Context, wanted *algorithm) error {
	keys, err := s.read(ctx)
	if err != nil {
		return err
	}
	made := false
	for _, a := range algorithms {
		mine := a.of(keys)
		if _, due := successor(mine, s.now()); !due || a.lazy && a != wanted && len(mine) == 0 {
			continue
		}
		if err := s.makeKey(ctx, a); err != nil {
			return fmt.Errorf("make the next signing key: %w", err)
		}
		made = true
	}
	if made {
		if keys, err = s.read(ctx); err != nil {
			return err
		}
	}
	return s.load(keys)
}

// makeKey draws a key, which may take long, and then sees in a transaction whether it is still needed.
func (s *Service) makeKey(ctx context.Context, a *algorithm) error {
	private, err := a.draw(s.cfg.Rand)
	if err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		keys, err := tx.LockSigningKeys(ctx)
		if err != nil {
			return err
		}
		now := s.now()
		from, due := successor(a.of(keys), now)
		if !due {
			return nil
		}
		k, err := newSigningKey(s.cfg.Rand, s.cfg.Box, a, private, now, from)
		if err != nil {
			return err
		}
		if err := tx.DeleteSigningKeys(ctx, now.Add(-keyBury)); err != nil {
			return err
		}
		return tx.InsertSigningKey(ctx, k)
	})
}

func (s *Service) read(ctx context.Context) (keys []SigningKey, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		keys, err = tx.SigningKeys(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	return keys, nil
}

// load replaces the key set; keys that are known already are kept as they are.
func (s *Service) load(keys []SigningKey) error {
	now := s.now()
	known := s.keys.Load()
	set := &keySet{byID: make(map[string]*loadedKey, len(keys))}
	for _, k := range keys {
		if !k.verifies(now) {
			continue
		}
		l := known.find(k)
		if l == nil {
			var err error
			if l, err = s.open(k, now); err != nil {
				return err
			}
		}
		set.byID[k.ID] = l
		set.list = append(set.list, l)
	}
	slices.SortFunc(set.list, func(a, b *loadedKey) int {
		return cmp.Or(b.UseFrom.Compare(a.UseFrom), cmp.Compare(a.ID, b.ID))
	})
	s.keys.Store(set)
	return nil
}

// find returns the loaded key of the same row, nil if there is none.
func (set *keySet) find(k SigningKey) *loadedKey {
	if set == nil || set.byID[k.ID] == nil {
		return nil
	}
	l := set.byID[k.ID]
	if !bytes.Equal(l.Public, k.Public) || !l.UseFrom.Equal(k.UseFrom) || !l.UseUntil.Equal(k.UseUntil) || !l.VerifyUntil.Equal(k.VerifyUntil) {
		return nil
	}
	return l
}

// open makes a key of the database ready for use.
func (s *Service) open(k SigningKey, now time.Time) (*loadedKey, error) {
	l := &loadedKey{SigningKey: k, alg: algorithmNamed(k.Alg)}
	if err := json.Unmarshal(k.Public, &l.jwk); err != nil {
		return nil, fmt.Errorf("signing key %s: public key: %w", k.ID, err)
	}
	if l.alg == nil || l.jwk.KeyID != k.ID || l.jwk.Algorithm != k.Alg || !l.jwk.IsPublic() {
		return nil, fmt.Errorf("signing key %s: its public key is of another algorithm than %s, or of another key", k.ID, k.Alg)
	}
	l.public = l.jwk.Key
	if !now.Before(k.UseUntil) {
		return l, nil
	}
	text, err := s.cfg.Box.Open(k.Sealed, k.row())
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	private, err := l.alg.open(text)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	if same, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !same.Equal(l.public) {
		return nil, fmt.Errorf("signing key %s: its public key is of another private key", k.ID)
	}
	l.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: l.alg.name, Key: jose.JSONWebKey{Key: private, KeyID: k.ID}},
		(&jose.SignerOptions{}).WithType(l.alg.typ))
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	return l, nil
}

// signer returns the key that signs with an algorithm now. Keys are made a day early, so it is missing only after a long stop,
// a clock's jump, or before the first use of a lazy algorithm.
func (s *Service) signer(ctx context.Context, a *algorithm) (*loadedKey, error) {
	if k := s.keys.Load().active(a, s.now()); k != nil {
		return k, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if err := s.rotate(ctx, a); err != nil {
		return nil, err
	}
	k := s.keys.Load().active(a, s.now())
	if k == nil {
		return nil, fmt.Errorf("no signing key is good at %s: compare the clocks of the servers", s.now().Format(time.RFC3339))
	}
	return k, nil
}

// missEvery is how often tokens with unknown keys make the keys be read again at most, whatever strangers send.
const missEvery = time.Second

// verifier returns the key of that id that verifies at present, nil if there is none. One that another server has just made is found by reading again.
func (s *Service) verifier(ctx context.Context, id string) (*loadedKey, error) {
	now := s.now()
	if k := s.keys.Load().byID[id]; k != nil {
		if !k.verifies(now) {
			return nil, nil
		}
		return k, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if k := s.keys.Load().byID[id]; k != nil && k.verifies(now) {
		return k, nil
	}
	if !s.missed.IsZero() && now.Sub(s.missed).Abs() < missEvery {
		return nil, nil
	}
	s.missed = now
	keys, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.load(keys); err != nil {
		return nil, err
	}
	return s.keys.Load().byID[id], nil // load leaves out what no longer verifies
}

// JWKS returns the public keys that tokens may be signed with, those published ahead included, RFC 7517 section 5.
func (s *Service) JWKS() jose.JSONWebKeySet {
	now := s.now()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range s.keys.Load().list {
		if k.verifies(now) {
			set.Keys = append(set.Keys, k.jwk)
		}
	}
	return set
}
