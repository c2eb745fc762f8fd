package token

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// AccessLife is how long an access token is good.
const AccessLife = time.Hour

// RefreshLife is how long a refresh token is good, whether it is used or not.
const RefreshLife = 365 * 24 * time.Hour

// Store opens transactions. The function given to Write may run twice and so touches nothing but its Tx.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what the use cases of this package ask of a transaction. Absent rows are errs.NotFound.
type Tx interface {
	// Now is the instant of the use case, the same throughout.
	Now() time.Time
	// Record writes the audit entry of the change.
	Record(ctx context.Context, e audit.Entry) error

	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// LockSigningKeys is SigningKeys, and makes others that call it wait for the commit.
	LockSigningKeys(ctx context.Context) ([]SigningKey, error)
	InsertSigningKey(ctx context.Context, k SigningKey) error
	// DeleteSigningKeys removes the keys that verified nothing since before.
	DeleteSigningKeys(ctx context.Context, before time.Time) error

	RefreshToken(ctx context.Context, id ref.TokenID) (RefreshToken, error)
	// RefreshTokens lists those of a user that are neither revoked nor past their end at now, newest first.
	RefreshTokens(ctx context.Context, user ref.UserID, now time.Time) ([]RefreshToken, error)
	// InsertRefreshToken is errs.NotFound if there is no such user.
	InsertRefreshToken(ctx context.Context, t RefreshToken) error
	// RevokeRefreshToken ends a token at now; from the commit on it is dead.
	RevokeRefreshToken(ctx context.Context, t RefreshToken, now time.Time) error
	// Memberships lists the organizations a user belongs to, by id, those it is shut out of included.
	Memberships(ctx context.Context, user ref.UserID) ([]ref.OrgID, error)
	// StampUse moves the last uses of tokens forward, never back. Absent tokens are passed over.
	StampUse(ctx context.Context, uses []Use) error

	// Client finds the client of a service account.
	Client(ctx context.Context, id ref.TokenID) (Client, error)
	// StampClientUse is StampUse for clients.
	StampClientUse(ctx context.Context, uses []Use) error
}

// Client is the client of a service account, as it is kept; iam makes and ends them.
type Client struct {
	ID      ref.TokenID
	Account ref.ServiceAccountID
	Hash    string // SHA-256 of the secret, in hexadecimal
}

// Sessions says whether a refresh token may still be used; access.Guard is what serves. It is asked at every call, so it
// answers from memory, and a revocation counts for it at once.
type Sessions interface {
	Live(ctx context.Context, session ref.TokenID, of access.Principal) (access.Session, bool, error)
	// Require returns nil if the caller has p in the organization.
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
}

// Box seals what is kept secret in the database; keyring.Keyring is what serves.
type Box interface {
	Seal(plain, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// Config is what a Service needs.
type Config struct {
	Store    Store
	Sessions Sessions
	Box      Box
	Issuer   string // of access tokens: the server's address
	Audience string // of access tokens: the API's name
	Now      func() time.Time
	Rand     io.Reader // nil: crypto/rand
	Log      *slog.Logger
}

// Service is the use cases of tokens. It is safe for concurrent use. In the background it keeps the signing keys in order and
// writes down when refresh tokens were used, until Close.
type Service struct {
	cfg     Config
	keys    atomic.Pointer[keySet]
	seen    cache
	uses    stamps // of refresh tokens
	clients stamps

	loading sync.Mutex // one reading of the keys at a time
	missed  time.Time  // when keys were last read because a token named an unknown one

	stop func()
	done sync.WaitGroup
}

// New makes a Service with its signing keys read; the first server on a database makes the first key.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Sessions == nil || cfg.Box == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("token: a store, sessions, a box, a clock and a log are needed")
	}
	if cfg.Issuer == "" || cfg.Audience == "" {
		return nil, errors.New("token: an issuer and an audience are needed")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	s := &Service{cfg: cfg}
	if err := s.Rotate(ctx); err != nil {
		return nil, err
	}
	ctx, s.stop = context.WithCancel(context.Background())
	s.done.Go(func() { s.run(ctx) })
	return s, nil
}

const (
	stampEvery  = 5 * time.Second
	rotateEvery = 10 * time.Minute
)

func (s *Service) run(ctx context.Context) {
	stamp, rotate := time.NewTicker(stampEvery), time.NewTicker(rotateEvery)
	defer stamp.Stop()
	defer rotate.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-stamp.C:
			s.report(ctx, "note the last use of refresh tokens", s.flush(ctx))
		case <-rotate.C:
			s.report(ctx, "rotate signing keys", s.Rotate(ctx))
		}
	}
}

// report logs a failure; the next turn tries again.
func (s *Service) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error(what, "err", err)
	}
}

// Close ends the work in the background and writes down the last uses.
func (s *Service) Close(ctx context.Context) error {
	s.stop()
	s.done.Wait()
	return s.flush(ctx)
}

// now is the present with the precision that is stored.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// absent reports whether err is of a row that does not exist.
func absent(err error) bool { return errs.KindOf(err) == errs.NotFound }
