package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"espalier.dev/access"
	"espalier.dev/ref"
)

// clock is a time that only the test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func TestCallerLimiter(t *testing.T) {
	t.Parallel()
	ann, bob := access.Caller{User: 1, Session: "a"}, access.Caller{User: 2}
	type ask struct {
		wait time.Duration // before asking
		by   access.Caller
		ok   bool
		in   time.Duration // retry after
	}
	for _, tt := range []struct {
		name string
		asks []ask
	}{
		{"burst, then the rate", []ask{
			{0, ann, true, 0}, {0, ann, true, 0}, {0, ann, false, 500 * time.Millisecond},
			{200 * time.Millisecond, ann, false, 300 * time.Millisecond}, {300 * time.Millisecond, ann, true, 0},
		}},
		{"a refusal costs nothing", []ask{
			{0, ann, true, 0}, {0, ann, true, 0}, {0, ann, false, 500 * time.Millisecond}, {0, ann, false, 500 * time.Millisecond},
			{500 * time.Millisecond, ann, true, 0},
		}},
		{"callers do not share", []ask{
			{0, ann, true, 0}, {0, ann, true, 0}, {0, bob, true, 0}, {0, access.Caller{ServiceAccount: 1}, true, 0},
		}},
		{"sessions of a caller do", []ask{
			{0, ann, true, 0}, {0, access.Caller{User: 1, Session: "b"}, true, 0}, {0, ann, false, 500 * time.Millisecond},
		}},
		{"the operator always passes", []ask{
			{0, access.Operator("r"), true, 0}, {0, access.Operator("r"), true, 0}, {0, access.Operator("r"), true, 0},
		}},
		{"idle for long: the burst again and no more", []ask{
			{0, ann, true, 0}, {0, ann, true, 0}, {time.Hour, ann, true, 0}, {0, ann, true, 0}, {0, ann, false, 500 * time.Millisecond},
		}},
	} {
		c := newClock()
		l, err := NewCallerLimiter(RateConfig{Rate: 2, Burst: 2, Now: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range tt.asks {
			c.now = c.now.Add(a.wait)
			if in, ok := l.Allow(a.by); ok != a.ok || in != a.in {
				t.Errorf("%s, request %d: got %s, %v, want %s, %v", tt.name, i, in, ok, a.in, a.ok)
			}
		}
	}
}

func TestLimitersOffAndRefused(t *testing.T) {
	t.Parallel()
	l, err := NewCallerLimiter(RateConfig{})
	if l != nil || err != nil {
		t.Errorf("rate 0: got %v, %v, want no limiter", l, err)
	}
	if _, ok := l.Allow(access.Caller{User: 1}); !ok {
		t.Error("no limiter refused a caller")
	}
	var a *AddressLimiter
	if _, ok := a.Allow(netip.Addr{}); !ok {
		t.Error("no limiter refused an address")
	}
	for _, cfg := range []RateConfig{{Rate: -1, Burst: 1}, {Rate: 1}} {
		if _, err := NewAddressLimiter(cfg); err == nil {
			t.Errorf("%+v: got nil, want an error", cfg)
		}
	}
}

// Callers that come and go leave nothing behind, one that stays keeps its debt across generations, and a flood is bounded.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	l, err := NewCallerLimiter(RateConfig{Rate: 1, Burst: 10, Keys: 100, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		l.Allow(access.Caller{User: ref.UserID(i + 1)})
	}
	if got := len(l.b.young) + len(l.b.old); got > 200 {
		t.Errorf("after a flood of 1000 callers: %d buckets, want at most 200", got)
	}
	debtor := access.Caller{User: 5000}
	for range 10 {
		l.Allow(debtor)
	}
	for i := range 25 { // over two periods: one request a second is its share, one more is not
		c.now = c.now.Add(time.Second)
		if _, ok := l.Allow(debtor); !ok {
			t.Fatalf("second %d: its share was refused", i)
		}
		if _, ok := l.Allow(debtor); ok {
			t.Fatalf("second %d: more than its share passed", i)
		}
	}
	if got := len(l.b.young) + len(l.b.old); got > 2 {
		t.Errorf("two periods later: %d buckets, want only the one in use", got)
	}
}

func TestAddressLimiterCountsNetworks(t *testing.T) {
	t.Parallel()
	c := newClock()
	l, err := NewAddressLimiter(RateConfig{Rate: 1, Burst: 1, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		addr string
		ok   bool
	}{
		{"192.0.2.1", true}, {"192.0.2.1", false}, {"192.0.2.2", true}, {"::ffff:192.0.2.2", false},
		{"2001:db8::1", true}, {"2001:db8::ffff:2", false}, {"2001:db8:0:1::1", true},
	} {
		if _, ok := l.Allow(netip.MustParseAddr(tt.addr)); ok != tt.ok {
			t.Errorf("%s: got %v, want %v", tt.addr, ok, tt.ok)
		}
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	c := newClock()
	callers, err := NewCallerLimiter(RateConfig{Rate: 1, Burst: 2, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := NewAddressLimiter(RateConfig{Rate: 1, Burst: 1, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	admit := Admit(callers, addresses, nil)
	for i, tt := range []struct {
		by access.Caller
		ok bool
	}{
		{access.Caller{RequestID: "r"}, true},
		{access.Caller{RequestID: "s"}, false},
		{access.Caller{User: 1}, true},
		{access.Caller{User: 1}, true},
		{access.Caller{User: 1}, false},
		{access.Operator("t"), true},
	} {
		if _, ok := admit(httptest.NewRequest("GET", "/", nil), tt.by); ok != tt.ok {
			t.Errorf("request %d: got %v, want %v", i, ok, tt.ok)
		}
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		remote, forwarded string
		trusted           []netip.Prefix
		want              string
	}{
		{"192.0.2.1:1234", "", proxies, "192.0.2.1"},
		{"192.0.2.1:1234", "198.51.100.7", proxies, "192.0.2.1"}, // not a proxy: its word counts nothing
		{"10.0.0.1:1234", "198.51.100.7", nil, "10.0.0.1"},
		{"10.0.0.1:1234", "198.51.100.7", proxies, "198.51.100.7"},
		{"10.0.0.1:1234", "203.0.113.9, 198.51.100.7, 10.0.0.2", proxies, "198.51.100.7"},
		{"10.0.0.1:1234", "nonsense, 10.0.0.2", proxies, "10.0.0.2"},
		{"10.0.0.1:1234", "", proxies, "10.0.0.1"},
		{"[2001:db8::1]:1234", "", proxies, "2001:db8::1"},
		{"pipe", "", proxies, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := ClientAddr(r, tt.trusted).String(); got != tt.want {
			t.Errorf("from %s for %q: got %s, want %s", tt.remote, tt.forwarded, got, tt.want)
		}
	}
}

func TestLimitersRunTogether(t *testing.T) {
	t.Parallel()
	l, err := NewCallerLimiter(RateConfig{Rate: 1e-9, Burst: 50})
	if err != nil {
		t.Fatal(err)
	}
	passed := make(chan int, 4)
	for range 4 {
		go func() {
			n := 0
			for range 100 {
				if _, ok := l.Allow(access.Caller{User: 1}); ok {
					n++
				}
			}
			passed <- n
		}()
	}
	total := 0
	for range 4 {
		total += <-passed
	}
	if total != 50 {
		t.Errorf("passed %d of 400, want the burst of 50", total)
	}
}
