package signin

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/alexedwards/argon2id"

	"espalier.dev/errs"
)

// HashParams is what passwords are hashed with: 19 MiB, two passes, one thread; some 30 ms. Source: the OWASP cheat sheet on
// password storage. A password hashed with others is hashed anew at its next use.
var HashParams = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// maxWaiting is how many may wait for their turn to hash; more are sent away at once, which costs less than a queue that
// nobody lives to see the end of.
const maxWaiting = 64

// gate lets few hash at the same time, so that others' requests find a processor and memory stays bounded.
type gate struct {
	params  argon2id.Params
	decoy   string // a hash that no password has
	slots   chan struct{}
	waiting atomic.Int64
	hashed  atomic.Int64 // how many were computed; tests read it
}

func newGate(cfg Config) (*gate, error) {
	g := &gate{params: HashParams}
	if cfg.Hash != nil {
		g.params = *cfg.Hash
	}
	n := cfg.AtOnce
	if n == 0 {
		n = max(1, runtime.NumCPU()/2)
	}
	g.slots = make(chan struct{}, n)
	random := make([]byte, g.params.SaltLength+g.params.KeyLength)
	if _, err := io.ReadFull(cfg.Rand, random); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	b64 := base64.RawStdEncoding.EncodeToString
	g.decoy = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", g.params.Memory, g.params.Iterations, g.params.Parallelism,
		b64(random[:g.params.SaltLength]), b64(random[g.params.SaltLength:]))
	return g, nil
}

func (g *gate) enter(ctx context.Context) error {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > maxWaiting {
		return &errs.Error{Kind: errs.Unavailable, Msg: "Too many people are signing in at this moment. Try again in a few seconds."}
	}
	select {
	case g.slots <- struct{}{}:
		g.hashed.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) leave() { <-g.slots }

// hash makes the hash of a password.
func (g *gate) hash(ctx context.Context, password string) (string, error) {
	if err := g.enter(ctx); err != nil {
		return "", err
	}
	defer g.leave()
	return argon2id.CreateHash(password, &g.params)
}

// matches reports whether the password has the hash; stale, that the hash was made with other parameters than today's. An
// empty hash stands for no password: nothing matches, after the same work.
func (g *gate) matches(ctx context.Context, password, hash string) (ok, stale bool, err error) {
	none := hash == ""
	if none {
		hash = g.decoy
	}
	if err := g.enter(ctx); err != nil {
		return false, false, err
	}
	defer g.leave()
	ok, params, err := argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, fmt.Errorf("stored password hash: %w", err)
	}
	return ok && !none, *params != g.params, nil
}
