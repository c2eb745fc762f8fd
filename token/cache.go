package token

import (
	"crypto/sha256"
	"sync"
	"time"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// verified is what a good access token says.
type verified struct {
	who     access.Principal
	session ref.TokenID
	until   time.Time // its expiry
}

// cache remembers good tokens by their SHA-256, so that a signature is verified once an hour and not at every call. The raw
// tokens are not kept. Shards by the first byte let many callers in at once.
type cache struct {
	shards [32]shard
}

type shard struct {
	mu   sync.RWMutex
	seen map[[sha256.Size]byte]verified
}

// shardMax bounds the memory: 32 shards of so many tokens of about 120 bytes make 8 MB.
const shardMax = 2048

func (c *cache) at(sum *[sha256.Size]byte) *shard { return &c.shards[int(sum[0])%len(c.shards)] }

func (c *cache) get(sum [sha256.Size]byte, now time.Time) (verified, bool) {
	s := c.at(&sum)
	s.mu.RLock()
	v, ok := s.seen[sum]
	s.mu.RUnlock()
	return v, ok && now.Before(v.until)
}

// put remembers a token. A full shard first forgets what has expired, then, if nothing has, everything: who is forgotten is
// verified anew.
func (c *cache) put(sum [sha256.Size]byte, v verified, now time.Time) {
	s := c.at(&sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[[sha256.Size]byte]verified)
	}
	if len(s.seen) >= shardMax {
		for k, old := range s.seen {
			if !now.Before(old.until) {
				delete(s.seen, k)
			}
		}
	}
	if len(s.seen) >= shardMax {
		clear(s.seen)
	}
	s.seen[sum] = v
}
