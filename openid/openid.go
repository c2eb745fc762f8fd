package openid

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/token"
)

// Store opens transactions. The function given to Write may run twice and so touches nothing but its Tx.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what the use cases of this package ask of a transaction. Absent rows are errs.NotFound.
type Tx interface {
	// Record writes the audit entry of the change.
	Record(ctx context.Context, e audit.Entry) error
	// HoldOrg makes other changes of the people and machines of an organization wait for the commit.
	HoldOrg(ctx context.Context, org ref.OrgID) error

	InsertSession(ctx context.Context, s signin.Session) error
	// EndSession removes a session of a user; from the commit on it is dead, and all that hangs on it.
	EndSession(ctx context.Context, user ref.UserID, id ref.TokenID) error
	// StampSessions moves last uses, and with them the ends, forward and never back.
	StampSessions(ctx context.Context, uses []signin.SessionUse, idle time.Duration) error

	applicationTx
	requestTx
	grantTx
	// OpenIDProfile reads what is told of a user, and the name of an organization.
	OpenIDProfile(ctx context.Context, user ref.UserID, org ref.OrgID) (Profile, error)
}

// Guard decides; access.Guard is what serves.
type Guard interface {
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
	Standing(ctx context.Context, by access.Caller, org ref.OrgID) (access.Standing, error)
}

// Tokens signs and judges; token.Service is what serves.
type Tokens interface {
	IssueFor(ctx context.Context, who access.Principal, session ref.TokenID, audience string) (token.Grant, error)
	IssueToClient(ctx context.Context, c token.Client) (token.Grant, error)
	AuthenticateClient(ctx context.Context, id ref.TokenID, secret string) (token.Client, error)
	Inspect(ctx context.Context, bearer string, audiences ...string) (token.Bearer, error)
	ReadyID(ctx context.Context) error
	SignID(ctx context.Context, claims any) (string, error)
	VerifyID(ctx context.Context, text string, into any) error
}

// Config is what a Service needs.
type Config struct {
	Store  Store
	Guard  Guard
	Tokens Tokens
	SignIn *signin.Service
	Issuer string // the server's public address; "": applications can be registered, and nobody can sign in to them
	// Audience is that of access tokens for the API.
	Audience string
	Now      func() time.Time
	Rand     io.Reader // nil: crypto/rand
}

// Service is the use cases of the OpenID provider. It is safe for concurrent use.
type Service struct {
	cfg Config
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Guard == nil || cfg.Tokens == nil || cfg.SignIn == nil || cfg.Now == nil || cfg.Audience == "" {
		return nil, errors.New("openid: a store, a guard, tokens, sign-in, an audience and a clock are needed")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return &Service{cfg: cfg}, nil
}

// Issuer is the address that tokens name as their issuer, "" where nobody can sign in to applications.
func (s *Service) Issuer() string { return s.cfg.Issuer }

// now is the present with the precision that is stored.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// absent reports whether err is of a row that does not exist.
func absent(err error) bool { return errs.KindOf(err) == errs.NotFound }

const (
	idBytes     = 10
	secretBytes = 32
)

// draw draws n bytes and writes them in base32 without capitals.
func (s *Service) draw(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)), nil
}

// hash is the SHA-256 of a random secret, in hexadecimal.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// record writes an audit entry about an application.
func record(ctx context.Context, tx Tx, by access.Caller, action string, a Application, before, after any) error {
	b, f, err := audit.Diff(before, after)
	if err != nil {
		return err
	}
	return tx.Record(ctx, audit.Entry{
		Org: a.Org, Actor: audit.ActorOf(by), Session: by.Session, RequestID: by.RequestID,
		Action: action, TargetKind: "application", TargetID: string(a.ID), Before: b, After: f,
	})
}
