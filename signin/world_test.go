package signin_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store"
	"espalier.dev/store/auditdb"
	"espalier.dev/store/sqldb"
)

// world is a service over a database with two users, ann (12) with a password and bo (13) without one.
type world struct {
	*signin.Service
	t     *testing.T
	db    *store.DB
	clock *clock
	mails *outbox
	local *policy
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// outbox keeps what was sent. It counts a transaction that is undone, too, which no test here has with mail.
type outbox struct {
	mu   sync.Mutex
	sent []signin.Mail
}

func (o *outbox) Notify(_ context.Context, _ signin.Tx, m signin.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return nil
}

func (o *outbox) take() []signin.Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent := o.sent
	o.sent = nil
	return sent
}

// policy gives every user the same terms, or asks another.
type policy struct {
	terms signin.LocalTerms
	by    signin.LocalPolicy
}

func (p *policy) Local(ctx context.Context, user ref.UserID) (signin.LocalTerms, error) {
	if p.by != nil {
		return p.by.Local(ctx, user)
	}
	return p.terms, nil
}

const (
	ann     = "ann@northwind.example"
	bo      = "bo@northwind.example"
	nobody  = "nobody@northwind.example"
	annID   = ref.UserID(12)
	boID    = ref.UserID(13)
	good    = "orbit lemon anvil tundra"
	another = "velvet harbor comet ginger"
	public  = "https://espalier.example"
)

var cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

var here = signin.Visitor{Agent: "Mozilla/5.0 Firefox/140.0", Address: "198.51.100.7", RequestID: "r1"}

func newWorld(t *testing.T, db *sqldb.DB) *world {
	t.Helper()
	w := &world{t: t, db: store.New(db), clock: &clock{now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)}, mails: &outbox{}, local: &policy{}}
	path := filepath.Join(t.TempDir(), "key")
	if err := keyring.Create(path); err != nil {
		t.Fatal(err)
	}
	box, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	w.Service = w.server(signin.Config{Box: box})
	err = db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO app_user (id, email, email_folded, first_name, last_name, created_at, updated_at)
			VALUES (12, 'Ann@northwind.example', 'ann@northwind.example', 'Ann', 'Lee', 0, 0), (13, 'bo@northwind.example', 'bo@northwind.example', '', '', 0, 0)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SetFirstPassword(t.Context(), callerOf(annID), annID, good); err != nil {
		t.Fatal(err)
	}
	return w
}

// server makes a service over the world's database; what cfg leaves out is the world's.
func (w *world) server(cfg signin.Config) *signin.Service {
	w.t.Helper()
	cfg.Store, cfg.Now, cfg.Log, cfg.PublicURL, cfg.Local = w.db.SignIn(), w.clock.Now, discard, public, w.local
	if cfg.Mailer == nil {
		cfg.Mailer = w.mails
	}
	if cfg.Hash == nil {
		cfg.Hash = &cheap
	}
	s, err := signin.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

// enter signs ann in by password.
func (w *world) enter() signin.Opened {
	w.t.Helper()
	step, err := w.SignIn(w.t.Context(), here, ann, good)
	if err != nil || step.Secret == "" {
		w.t.Fatalf("SignIn = %+v, %v", step, err)
	}
	return step.Opened
}

// entries is the audit log: who did what to whom.
func (w *world) entries() []string {
	w.t.Helper()
	var list []string
	err := w.db.Read(w.t.Context(), func(tx *sqldb.Tx) error {
		return auditdb.New(tx, w.db.Dialect()).EachEntry(w.t.Context(), 0, 1<<62, func(e *audit.Entry) error {
			list = append(list, e.Action)
			text, err := json.Marshal(e)
			if err != nil {
				return err
			}
			for _, secret := range []string{good, another, "$argon2id"} {
				if strings.Contains(string(text), secret) {
					w.t.Errorf("the audit log has a secret: %s", text)
				}
			}
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) audited(want ...string) {
	w.t.Helper()
	list := w.entries()
	for _, a := range want {
		if !slices.Contains(list, a) {
			w.t.Errorf("audited: %v, want %s among them", list, a)
		}
	}
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

var discard = slog.New(slog.DiscardHandler)

// noStore fails whatever is asked of it.
type noStore struct{}

func (noStore) Write(context.Context, func(signin.Tx) error) error {
	return errs.Conflictf("", "no store")
}
func (noStore) Read(context.Context, func(signin.Tx) error) error {
	return errs.Conflictf("", "no store")
}
