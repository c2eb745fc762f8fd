package signin

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
)

// Pace is how tries that do not succeed are slowed down: free ones first, then a pause after each, twice as long every time.
type Pace struct {
	Free   int64         // tries without a pause
	First  time.Duration // the pause after the first further one
	Most   time.Duration // no pause is longer
	Forget time.Duration // after so long without a try all is forgotten
}

// longestMemory is the longest that tries are remembered.
const longestMemory = 24 * time.Hour

var (
	// accountPace allows some 110 guesses at one password in a day, from wherever they come.
	accountPace = Pace{Free: 5, First: time.Second, Most: 15 * time.Minute, Forget: longestMemory}
	// addressPace is for an address, behind which a whole office may sit; who signs in is not counted.
	addressPace = Pace{Free: 30, First: time.Second, Most: 5 * time.Minute, Forget: time.Hour}
	// resetPace is for mails to one address.
	resetPace = Pace{Free: 3, First: time.Minute, Most: time.Hour, Forget: longestMemory}
)

// Pause is how long no further try is taken after so many that did not succeed.
func (p Pace) Pause(tries int64) time.Duration {
	over := tries - p.Free
	if over <= 0 {
		return 0
	}
	if over > 30 { // beyond any Most, and a shift could overflow
		return p.Most
	}
	return min(p.First<<(over-1), p.Most)
}

type throttleTx interface {
	// CountTry adds a try and returns how many there are, those before forget not counted. While a pause lasts nothing is
	// added, and it returns the end of the pause.
	CountTry(ctx context.Context, key string, now, forget time.Time) (tries int64, pausedUntil time.Time, err error)
	// PauseTries lets no further try in before until.
	PauseTries(ctx context.Context, key string, until time.Time) error
	// TouchTries notes that the last try was at now.
	TouchTries(ctx context.Context, key string, now time.Time) error
	// ForgiveTry takes one try back, and with it the pause. An absent key is passed over.
	ForgiveTry(ctx context.Context, key string) error
	// ForgetTries drops the count. An absent key is passed over.
	ForgetTries(ctx context.Context, key string) error
}

// counter is one thing that tries are counted for.
type counter struct {
	key  string
	pace Pace
}

// Keys are hashed: what people type as an address is of any length and nobody else's business.

func forAccount(email string) counter {
	return counter{hashFor("account", filter.Fold(email)), accountPace}
}
func forCodes(user ref.UserID) counter {
	return counter{hashFor("codes", user.String()), accountPace}
}
func forReset(email string) counter { return counter{hashFor("reset", filter.Fold(email)), resetPace} }
func forAddress(v Visitor) counter {
	return counter{hashFor("address", network(v.Address)), addressPace}
}

// network is what one client owns: an IPv4 address, a /64 of IPv6; what is no address stands for itself.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// try counts a try before it is made. It is errs.TooMany while one of the counters pauses. All use cases come to the account
// first and to the address last, so that none waits for another in a circle.
func (s *Service) try(ctx context.Context, counters ...counter) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return s.countAll(ctx, tx, counters...) })
}

// countAll is try within a transaction of its caller, who may read what the try needs in it.
func (s *Service) countAll(ctx context.Context, tx Tx, counters ...counter) error {
	for _, c := range counters {
		if err := count(ctx, tx, c, s.now()); err != nil {
			return err
		}
	}
	return nil
}

func count(ctx context.Context, tx Tx, c counter, now time.Time) error {
	tries, until, err := tx.CountTry(ctx, c.key, now, now.Add(-c.pace.Forget))
	if err != nil {
		return err
	}
	if !until.IsZero() {
		return tooMany(until.Sub(now))
	}
	if pause := c.pace.Pause(tries); pause > 0 {
		return tx.PauseTries(ctx, c.key, now.Add(pause))
	}
	return nil
}

func tooMany(wait time.Duration) error {
	wait = max(wait, time.Second).Round(time.Second)
	return &errs.Error{Kind: errs.TooMany, Msg: "Too many tries have failed. Wait " + spoken(wait) + " and try again, or use a passkey."}
}

// spoken says how long a time is, roughly.
func spoken(d time.Duration) string {
	if d > 90*time.Second {
		return counted(int64((d+time.Minute-1)/time.Minute), "minute")
	}
	return counted(int64(d/time.Second), "second")
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatInt(n, 10) + " " + what + "s"
}

// succeeded takes back what was counted for a try that succeeded: all of the first counters, one of the address.
func succeeded(ctx context.Context, tx Tx, v Visitor, counters ...counter) error {
	for _, c := range counters {
		if err := tx.ForgetTries(ctx, c.key); err != nil {
			return err
		}
	}
	return tx.ForgiveTry(ctx, forAddress(v).key)
}
