package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Kind is what a mail is about; it names its templates.
type Kind string

// The kinds of mail, with the members of their data.
const (
	Invitation    Kind = "invitation"     // inviter, organization, link, expires
	PasswordReset Kind = "password_reset" // link, minutes
	SignInChanged Kind = "signin_changed" // what
	OwnersChanged Kind = "owners_changed" // organization, by, added, removed
	Expiry        Kind = "expiry"         // rows of organization, capability, ends, days
)

// Address is whom a mail is for.
type Address struct {
	Email string
	Name  string // "" for none
}

// Mail is a mail that is to leave.
type Mail struct {
	To   Address
	Org  ref.OrgID // whose name and colours it has; 0: the server's own
	Kind Kind
	Data map[string]any // of texts, numbers and lists of such maps
}

// Row is a mail in the outbox.
type Row struct {
	ID       int64 // given by the store
	To       Address
	Org      ref.OrgID
	Kind     Kind
	Sealed   []byte // the data, in JSON
	Attempts int    // that failed
	MadeAt   time.Time
	NextAt   time.Time // not tried before
}

// Branding is how mail of an organization looks; the zero value is ours.
type Branding struct {
	Product      string
	LogoURL      string
	Accent       string // #rrggbb
	SupportEmail string
	SupportURL   string
	Footer       string
}

// Store opens transactions.
type Store interface {
	Write(ctx context.Context, fn func(Tx) error) error
	Read(ctx context.Context, fn func(Tx) error) error
}

// Tx is what this package asks of a transaction.
type Tx interface {
	// Now is the instant of the use case, the same throughout.
	Now() time.Time
	// AfterCommit runs fn once the transaction is durable.
	AfterCommit(fn func())
	InsertMail(ctx context.Context, r Row) error
	// LeaseMail returns up to limit mails that are due at now, and makes them due again at until; others take others.
	LeaseMail(ctx context.Context, now, until time.Time, limit int) ([]Row, error)
	// DeleteMail removes a mail that left, or never will.
	DeleteMail(ctx context.Context, id int64) error
	// PostponeMail notes a failure; the mail is due again at next.
	PostponeMail(ctx context.Context, id int64, next time.Time, failure string) error
	// Branding is what an organization's mail looks like: what the root of its tree has set.
	Branding(ctx context.Context, org ref.OrgID) (Branding, error)

	noticeTx
}

// Box seals what is kept secret in the database; keyring.Keyring is what serves.
type Box interface {
	Seal(plain, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// sealedAs binds a mail's data to its address: moved to another row it does not open.
func sealedAs(to Address, kind Kind) []byte { return []byte("mail:" + string(kind) + ":" + to.Email) }

// Enabled reports whether mail leaves.
func (s *Service) Enabled() bool { return s.cfg.Transport != nil }

// Put puts a mail into the outbox, in the transaction of its cause. Where no mail leaves it only says so in the log.
func (s *Service) Put(ctx context.Context, tx Tx, m Mail) error {
	if m.To.Email == "" || m.Kind == "" {
		return errors.New("notify: a mail needs an address and a kind")
	}
	if !s.Enabled() {
		s.cfg.Log.Warn("no mail left: no mail server is configured, see --smtp-host", "kind", m.Kind, "org", m.Org)
		return nil
	}
	data, err := json.Marshal(m.Data)
	if err != nil {
		return fmt.Errorf("notify: %s: %w", m.Kind, err)
	}
	sealed, err := s.cfg.Box.Seal(data, sealedAs(m.To, m.Kind))
	if err != nil {
		return fmt.Errorf("notify: %s: %w", m.Kind, err)
	}
	tx.AfterCommit(s.Wake)
	return tx.InsertMail(ctx, Row{To: m.To, Org: m.Org, Kind: m.Kind, Sealed: sealed, MadeAt: tx.Now(), NextAt: tx.Now()})
}

// pauses are how long a mail waits after its n-th failure; after the last it is given up.
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// nextTry is when a mail is tried again after a failure; ok is false if it is given up.
func nextTry(r Row, now time.Time, failure error) (next time.Time, ok bool) {
	if errs.KindOf(failure) == errs.Invalid || r.Attempts >= len(pauses) {
		return time.Time{}, false
	}
	return now.Add(pauses[r.Attempts]), true
}
