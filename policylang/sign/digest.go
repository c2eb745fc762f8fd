package sign

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/icholy/digest"
)

// Digest proves that it knows a password without sending it (RFC 7616), by MD5, SHA-256, SHA-512 or SHA-512-256, with the
// qualities auth and auth-int and the -sess variants.
type Digest struct {
	Username string
	Password Secret
}

// Scheme is digest.
func (Digest) Scheme() Scheme { return SchemeDigest }

// Secrets is the password.
func (c Digest) Secrets() []string { return secretForms(c.Password) }

// send answers the server's challenge: one that it gave before, counted on, or else the one that the unsigned request provokes.
func (c Digest) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	key := contentKey(c) + req.URL.Scheme + "://" + req.URL.Host
	known, count := s.challenges.next(key)
	for range 3 { // unsigned or by an old challenge, by a new one, and once more if the server forgot that one meanwhile
		r := outgoing(req, body)
		if known != nil {
			cnonce, err := s.nonce(16)
			if err != nil {
				return nil, err
			}
			header, err := c.answer(known, r.Method, r.URL.RequestURI(), body, count, hex.EncodeToString(cnonce))
			if err != nil {
				return nil, err
			}
			r.Header.Set("Authorization", header)
		}
		answer, err := s.do(r)
		if err != nil || answer.StatusCode != http.StatusUnauthorized {
			return answer, err
		}
		asked := findChallenge(answer.Header)
		if asked == nil || known != nil && !asked.Stale && count == 1 { // a fresh challenge was answered, and the answer is wrong
			s.challenges.forget(key)
			return answer, nil
		}
		discard(answer)
		known, count = asked, s.challenges.keep(key, asked)
	}
	return nil, errors.New("digest: the server calls every challenge of its own stale")
}

// answer is the value of the Authorization header (RFC 7616, section 3.4).
func (c Digest) answer(asked *digest.Challenge, method, uri string, body []byte, count int, cnonce string) (string, error) {
	plain := *asked // the library knows no -sess
	algorithm, sess := cutSess(asked.Algorithm)
	plain.Algorithm = algorithm
	options := digest.Options{
		Method: method, URI: uri, Count: count, Cnonce: cnonce, Username: c.Username, Password: c.Password.Reveal(),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}
	if sess { // the hash of user and password is itself hashed with the nonces (section 3.4.2)
		h := digestHash(algorithm)
		user := hashed(h, c.Username+":"+asked.Realm+":"+c.Password.Reveal())
		options.A1 = hashed(h, user+":"+asked.Nonce+":"+cnonce)
	}
	answer, err := digest.Digest(&plain, options)
	if err != nil {
		return "", err
	}
	answer.Algorithm, answer.Cnonce = asked.Algorithm, cnonce
	return answer.String(), nil
}

// findChallenge returns the first challenge that can be answered, which is the one the server likes best; nil if there is none.
func findChallenge(h http.Header) *digest.Challenge {
	for _, value := range h.Values("WWW-Authenticate") {
		asked, err := digest.ParseChallenge(value)
		if err != nil {
			continue // of another scheme, or broken
		}
		for i, q := range asked.QOP {
			asked.QOP[i] = strings.ToLower(strings.TrimSpace(q))
		}
		plain := *asked
		plain.Algorithm, _ = cutSess(asked.Algorithm)
		if digest.CanDigest(&plain) {
			return asked
		}
	}
	return nil
}

func cutSess(algorithm string) (string, bool) {
	if n := len(algorithm) - len("-sess"); n > 0 && strings.EqualFold(algorithm[n:], "-sess") {
		return algorithm[:n], true
	}
	return algorithm, false
}

// digestHash is the hash of an algorithm that CanDigest lets pass.
func digestHash(algorithm string) hash.Hash {
	switch strings.ToUpper(algorithm) {
	case "SHA-256":
		return sha256.New()
	case "SHA-512":
		return sha512.New()
	case "SHA-512-256":
		return sha512.New512_256()
	default:
		return md5.New()
	}
}

func hashed(h hash.Hash, s string) string {
	h.Reset()
	_, _ = io.WriteString(h, s) // a hash has no error
	return hex.EncodeToString(h.Sum(nil))
}

// challenges remembers the last challenge of each server to each credential, and how often it was answered.
type challenges struct {
	mu    sync.Mutex
	known map[string]*counted
	max   int
}

type counted struct {
	asked *digest.Challenge // never changed
	count int
}

func newChallenges(max int) *challenges {
	return &challenges{known: make(map[string]*counted), max: max}
}

// next returns the challenge of key, nil if there is none, and the count of the answer about to be given.
func (c *challenges) next(key string) (*digest.Challenge, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[key]
	if !ok {
		return nil, 0
	}
	k.count++
	return k.asked, k.count
}

// keep remembers a challenge about to be answered for the first time, and returns that count.
func (c *challenges) keep(key string, asked *digest.Challenge) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.known {
		if len(c.known) < c.max {
			break
		}
		delete(c.known, k)
	}
	c.known[key] = &counted{asked: asked, count: 1}
	return 1
}

func (c *challenges) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, key)
}
