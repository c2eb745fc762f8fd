package api

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// RateConfig is one token bucket per key: Burst requests at once, Rate of them a second on average.
type RateConfig struct {
	Rate  float64          // requests per second; 0: no limit
	Burst int              // at least 1 when Rate is set
	Keys  int              // buckets remembered at most, twice; default 32,768 (some 200 bytes each)
	Now   func() time.Time // nil: time.Now
}

// CallerLimiter says when a caller asks too often. It holds for all sessions of the caller together. A nil limiter lets
// everybody pass.
type CallerLimiter struct{ b *buckets[callerKey] }

type callerKey struct {
	user    ref.UserID
	account ref.ServiceAccountID
}

// NewCallerLimiter returns nil, nil when cfg.Rate is 0.
func NewCallerLimiter(cfg RateConfig) (*CallerLimiter, error) {
	b, err := newBuckets[callerKey](cfg)
	if b == nil {
		return nil, err
	}
	return &CallerLimiter{b}, nil
}

// Allow takes one request of by, or says in how long it may ask again. The operator always passes.
func (l *CallerLimiter) Allow(by access.Caller) (retryAfter time.Duration, ok bool) {
	if l == nil || by.Operator {
		return 0, true
	}
	return l.b.allow(callerKey{by.User, by.ServiceAccount})
}

// AddressLimiter says when an address asks too often where nobody is signed in yet, e.g. for a token. An IPv6 client owns
// a whole /64, so that is what counts. A nil limiter lets everybody pass.
type AddressLimiter struct{ b *buckets[netip.Prefix] }

// NewAddressLimiter returns nil, nil when cfg.Rate is 0.
func NewAddressLimiter(cfg RateConfig) (*AddressLimiter, error) {
	b, err := newBuckets[netip.Prefix](cfg)
	if b == nil {
		return nil, err
	}
	return &AddressLimiter{b}, nil
}

// Allow takes one request of addr, or says in how long it may ask again. See [ClientAddr] for where addr comes from.
func (l *AddressLimiter) Allow(addr netip.Addr) (retryAfter time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	return l.b.allow(network(addr))
}

// Admit joins the two limiters for the door: a caller counts as such wherever the request comes from, and nobody yet by
// its address, which proxies of the trusted networks may tell.
func Admit(callers *CallerLimiter, addresses *AddressLimiter, trusted []netip.Prefix) func(*http.Request, access.Caller) (retryAfter time.Duration, ok bool) {
	return func(r *http.Request, by access.Caller) (time.Duration, bool) {
		if by.User == 0 && by.ServiceAccount == 0 && !by.Operator {
			return addresses.Allow(ClientAddr(r, trusted))
		}
		return callers.Allow(by)
	}
}

// network is the /64 of an IPv6 address and the address itself otherwise; the zero prefix for no address.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// ClientAddr is the address that a request came from. Proxies are believed only where they are trusted: from the right of
// X-Forwarded-For, the first address that is not a trusted proxy counts. It is the zero address when there is none.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	addr = addr.Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(addr, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// buckets keeps two generations. A key that asks moves to the young one; when a generation is as old as an empty bucket
// takes to fill, the old one is dropped whole: what is in it did not ask for that long, so its buckets are full and as
// good as none. A flood of keys turns the generations early: memory stays bounded, and the flood's victims are let in.
type buckets[K comparable] struct {
	cfg    RateConfig
	period time.Duration // an empty bucket is full again after it

	mu         sync.Mutex
	young, old map[K]*rate.Limiter
	turned     time.Time
}

func newBuckets[K comparable](cfg RateConfig) (*buckets[K], error) {
	switch {
	case cfg.Rate == 0:
		return nil, nil
	case cfg.Rate < 0:
		return nil, errors.New("the rate of requests is negative: give requests per second, or 0 for no limit")
	case cfg.Burst < 1:
		return nil, errors.New("the burst of requests is below 1: nothing would pass")
	}
	fallback(&cfg.Keys, 32<<10)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &buckets[K]{
		cfg:    cfg,
		period: time.Duration(float64(cfg.Burst) / cfg.Rate * float64(time.Second)),
		young:  make(map[K]*rate.Limiter),
		turned: cfg.Now(),
	}, nil
}

func (b *buckets[K]) allow(key K) (retryAfter time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	if now.Sub(b.turned) > b.period || len(b.young) >= b.cfg.Keys {
		b.old, b.young, b.turned = b.young, make(map[K]*rate.Limiter), now
	}
	reservation := b.bucket(key).ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return wait, false
	}
	return 0, true
}

func (b *buckets[K]) bucket(key K) *rate.Limiter {
	if l, ok := b.young[key]; ok {
		return l
	}
	l, ok := b.old[key]
	if !ok {
		l = rate.NewLimiter(rate.Limit(b.cfg.Rate), b.cfg.Burst)
	}
	b.young[key] = l
	return l
}
