package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/go-webauthn/webauthn/webauthn"

	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
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

	// Person reads a user.
	Person(ctx context.Context, user ref.UserID) (Person, error)
	// PersonByEmail finds a user by its address, compared case-folded.
	PersonByEmail(ctx context.Context, email string) (Person, error)

	passwordTx
	sessionTx
	totpTx
	passkeyTx
	onceTx
	throttleTx
	providerTx

	// Sweep removes what has ended before now, and tries last made before forget.
	Sweep(ctx context.Context, now, forget time.Time) error
}

// Person is a user as far as signing in needs to know it.
type Person struct {
	ID        ref.UserID
	Email     string
	FirstName string
	LastName  string
}

// Name is what to call a person: its names, or its address.
func (p Person) Name() string {
	if name := strings.TrimSpace(p.FirstName + " " + p.LastName); name != "" {
		return name
	}
	return p.Email
}

// Box seals what is kept secret in the database; keyring.Keyring is what serves.
type Box interface {
	Seal(plain, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// LocalPolicy says whether a user may sign in here, rather than through an identity provider. It is asked after the proof, so
// that what it answers is told only to those who may know.
type LocalPolicy interface {
	Local(ctx context.Context, user ref.UserID) (LocalTerms, error)
}

// LocalTerms is what a [LocalPolicy] asks of a user.
type LocalTerms struct {
	// Refused says why the user may not sign in here and what to do instead; "" if it may.
	Refused string
	// SecondFactor asks for a code or a passkey beside the password.
	SecondFactor bool
	// BreakGlass is the organizations whose identity provider is passed by; the audit log of each tells it.
	BreakGlass []ref.OrgID
}

// Discoverer finds where people with an address sign in.
type Discoverer interface {
	// Discover returns the address of the identity provider's sign-in, or false where a password is asked for. Its answer
	// depends on the domain of email alone: it tells nobody who exists. next is where to come back to, a path of this server.
	Discover(ctx context.Context, email, next string) (to string, ok bool, err error)
}

// Config is what a Service needs.
type Config struct {
	Store Store
	Box   Box
	Now   func() time.Time
	Log   *slog.Logger
	// PublicURL is what people call the server, such as https://espalier.example.com: links are built from it, never from a
	// request, and passkeys are bound to it. "": no links are sent and there are no passkeys.
	PublicURL string

	Mailer   Mailer      // nil: no mail leaves
	Local    LocalPolicy // nil: everybody may sign in here
	Discover Discoverer  // nil: everybody does

	Rand   io.Reader        // nil: crypto/rand
	Hash   *argon2id.Params // nil: [HashParams]
	AtOnce int              // passwords hashed at the same time; 0: half of the processors, at least one
}

// Service is the use cases of signing in. It is safe for concurrent use. In the background it notes when sessions were used,
// until Close.
type Service struct {
	cfg    Config
	public *url.URL // nil without a public address
	gate   *gate
	web    *webauthn.WebAuthn // nil where there can be no passkeys
	uses   stamps

	stop func()
	done sync.WaitGroup
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil || cfg.Box == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("signin: a store, a box, a clock and a log are needed")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	s := &Service{cfg: cfg}
	var err error
	if s.public, err = publicURL(cfg.PublicURL); err != nil {
		return nil, err
	}
	if s.web, err = newWebAuthn(s.public); err != nil {
		return nil, err
	}
	if s.gate, err = newGate(cfg); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.run(ctx) })
	return s, nil
}

func publicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("public URL %q is not an address such as https://espalier.example.com", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Origin is the public address without a path, "" if none is known.
func (s *Service) Origin() string {
	if s.public == nil {
		return ""
	}
	return s.public.String()
}

// secure reports that people come by https.
func (s *Service) secure() bool { return s.public != nil && s.public.Scheme == "https" }

const (
	stampEvery = 5 * time.Second
	sweepEvery = 10 * time.Minute
)

func (s *Service) run(ctx context.Context) {
	stamp, sweep := time.NewTicker(stampEvery), time.NewTicker(sweepEvery)
	defer stamp.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-stamp.C:
			s.report(ctx, "note the last use of sessions", s.flush(ctx))
		case <-sweep.C:
			s.report(ctx, "remove ended sessions", s.Sweep(ctx))
		}
	}
}

// report logs a failure; the next turn tries again.
func (s *Service) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error(what, "err", err)
	}
}

// Sweep removes sessions and values that have ended, and tries that are forgotten.
func (s *Service) Sweep(ctx context.Context) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.Sweep(ctx, s.now(), s.now().Add(-longestMemory)) })
}

// Close ends the work in the background and notes the last uses of sessions.
func (s *Service) Close(ctx context.Context) error {
	s.stop()
	s.done.Wait()
	return s.flush(ctx)
}

// now is the present with the precision that is stored.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// absent reports whether err is of a row that does not exist.
func absent(err error) bool { return errs.KindOf(err) == errs.NotFound }

// terms asks the policy about a user.
func (s *Service) terms(ctx context.Context, user ref.UserID) (LocalTerms, error) {
	if s.cfg.Local == nil || user == 0 {
		return LocalTerms{}, nil
	}
	return s.cfg.Local.Local(ctx, user)
}

// Discover returns the address of the identity provider that people with an e-mail address sign in at, or false where a
// password is asked for.
func (s *Service) Discover(ctx context.Context, email, next string) (to string, ok bool, err error) {
	if s.cfg.Discover == nil {
		return "", false, nil
	}
	return s.cfg.Discover.Discover(ctx, email, next)
}
