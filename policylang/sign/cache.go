package sign

import (
	"context"
	"sync"
	"time"
)

// cache keeps values until shortly before they end. Who finds none fetches it, while others that want the same wait; if the
// fetch fails, the next of them tries for itself, so that nobody fails by the cancelling of another.
type cache[T comparable] struct {
	mu      sync.Mutex
	entries map[string]*entry[T]
	max     int
}

type entry[T comparable] struct {
	turn  chan struct{} // holds one element while somebody fetches
	value T             // of the last fetch; the zero value before
	until time.Time     // when value is to be fetched anew
}

func newCache[T comparable](max int) *cache[T] {
	return &cache[T]{entries: make(map[string]*entry[T]), max: max}
}

// get returns the value of key. fetch is given the value that ended, the zero value if there was none, and returns a new one and
// when it is to be fetched anew.
func (c *cache[T]) get(ctx context.Context, key string, now func() time.Time, fetch func(old T) (T, time.Time, error)) (T, error) {
	var none T
	e := c.entry(key, now())
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	value, until := c.read(e)
	if now().Before(until) {
		return value, nil
	}
	value, until, err := fetch(value)
	if err != nil {
		return none, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.value, e.until = value, until
	return value, nil
}

func (c *cache[T]) read(e *entry[T]) (T, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.value, e.until
}

// entry returns the entry of key, and makes it; room is made first by what has ended, then by anything.
func (c *cache[T]) entry(key string, now time.Time) *entry[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		return e
	}
	if len(c.entries) >= c.max {
		for k, e := range c.entries {
			if !now.Before(e.until) {
				delete(c.entries, k)
			}
		}
	}
	for k := range c.entries {
		if len(c.entries) < c.max {
			break
		}
		delete(c.entries, k)
	}
	e := &entry[T]{turn: make(chan struct{}, 1)}
	c.entries[key] = e
	return e
}

// expire ends the value of key, if it still is that.
func (c *cache[T]) expire(key string, value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok && e.value == value {
		e.until = time.Time{}
	}
}

// peek returns the value of key, ended or not.
func (c *cache[T]) peek(key string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		return e.value, true
	}
	var none T
	return none, false
}

// until is when something that was given at now and ends at end is to be fetched anew: five minutes before its end, but after
// three quarters of its life at the latest, so that what lives shortly is used too.
func until(now, end time.Time) time.Time {
	return end.Add(-min(5*time.Minute, end.Sub(now)/4))
}
