package notifydb_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"espalier.dev/notify"
	"espalier.dev/org"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/treetest"
)

// inbox is a mail server of this machine, with TLS and a password, that refuses as it is told.
type inbox struct {
	mu     sync.Mutex
	mails  []string // To and the whole text
	refuse func(to string) error
	addr   string
	trust  *tls.Config
}

func (b *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }

type session struct {
	box *inbox
	in  bool
	to  string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "espalier" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}
func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if s.box.refuse != nil {
		return s.box.refuse(to)
	}
	return nil
}
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mails = append(s.box.mails, s.to+"\n"+string(text))
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func newInbox(t *testing.T) *inbox {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	b := &inbox{trust: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}}
	s := smtp.NewServer(b)
	s.Domain, s.TLSConfig = "localhost", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = l.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return b
}

// got lists whom mail reached, sorted.
func (b *inbox) got() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var to []string
	for _, m := range b.mails {
		first, _, _ := strings.Cut(m, "\n")
		to = append(to, first)
	}
	slices.Sort(to)
	return to
}

func service(t *testing.T, w *treetest.World, b *inbox, now func() time.Time) *notify.Service {
	t.Helper()
	transport, err := notify.NewSMTP(notify.SMTPConfig{Host: b.addr, TLS: "starttls", User: "espalier", Password: "secret", From: "Northwind <no-reply@northwind.example>", Trust: b.trust})
	if err != nil {
		t.Fatal(err)
	}
	s, err := notify.New(notify.Config{Store: w.DB.Notify(), Box: w.Keys, Transport: transport, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func put(t *testing.T, w *treetest.World, s *notify.Service, to string) {
	t.Helper()
	err := w.DB.Notify().Write(t.Context(), func(tx notify.Tx) error {
		return s.Put(t.Context(), tx, notify.Mail{To: notify.Address{Email: to}, Org: w.Root, Kind: notify.SignInChanged, Data: map[string]any{"what": "A passkey was added."}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func TestMailLeaves(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w, b := treetest.Grow(t, db), newInbox(t)
		s := service(t, w, b, time.Now)
		tried := 0
		b.refuse = func(to string) error {
			if tried++; to == "gone@acme.example" {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
			}
			return nil
		}
		put(t, w, s, "ann@acme.example")
		put(t, w, s, "gone@acme.example")
		until(t, "the mail", func() bool { return len(b.got()) == 1 && left(t, db) == 0 })
		b.mu.Lock()
		text := b.mails[0]
		b.mu.Unlock()
		for _, part := range []string{"From: \"Northwind\" <no-reply@northwind.example>", "Subject: Your sign-in has changed", "text/plain", "text/html", "Auto-Submitted: auto-generated"} {
			if !strings.Contains(text, part) {
				t.Errorf("the mail has no %q:\n%s", part, text)
			}
		}
	})
}

// left is how many mails are in the outbox.
func left(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error { return tx.Row(t.Context(), `SELECT COUNT(*) FROM mail`, nil, &n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A server that says "later" keeps the mail in the outbox, with a pause; the data in it tells nothing.
func TestMailWaits(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w, b := treetest.Grow(t, db), newInbox(t)
		s := service(t, w, b, time.Now)
		b.refuse = func(string) error {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
		}
		put(t, w, s, "ann@acme.example")
		var attempts int
		var sealed string
		until(t, "a failure", func() bool {
			err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
				return tx.Row(t.Context(), `SELECT attempts, data_sealed FROM mail WHERE next_at > $1`, []any{sqldb.Micros(time.Now().Add(20 * time.Second))}, &attempts, &sealed)
			})
			return err == nil && attempts == 1
		})
		if strings.Contains(sealed, "passkey") {
			t.Error("the data is not sealed")
		}
		b.mu.Lock()
		b.refuse = nil
		b.mu.Unlock()
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE mail SET next_at = 0`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Wake()
		until(t, "the mail", func() bool { return len(b.got()) == 1 && left(t, db) == 0 })
	})
}

// Owners of what ends, and those who manage their parent's customers, are told once for each step, also after a restart; an
// end above counts for those below.
func TestNotices(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		w, b := treetest.Grow(t, db), newInbox(t)
		n := org.NewCustomer{Name: "Ending", Owners: []org.Owner{{Email: "ann@ending.example"}}, Capabilities: []org.Wish{{Name: "policy"}}}
		if _, err := w.Orgs.CreateCustomer(t.Context(), w.By, w.Root, n); err != nil {
			t.Fatal(err)
		}
		ends := time.Now().Add(20 * 24 * time.Hour)
		if _, err := w.Orgs.SetCapability(t.Context(), w.By, org.SetCapability{Org: w.Root, Name: "policy", ExpiresAt: &ends}); err != nil {
			t.Fatal(err)
		}
		clock := time.Now()
		s := service(t, w, b, func() time.Time { return clock })
		run := func() []string {
			t.Helper()
			b.mu.Lock()
			b.mails = nil
			b.mu.Unlock()
			if err := s.Notices(t.Context()); err != nil {
				t.Fatal(err)
			}
			until(t, "the outbox to be empty", func() bool { return left(t, db) == 0 })
			return slices.Compact(b.got())
		}
		first := run()
		for _, want := range []string{"Ada@northwind.example", "ann@ending.example"} {
			if !slices.Contains(first, want) {
				t.Errorf("told: got %v, want %s among them", first, want)
			}
		}
		s = service(t, w, b, func() time.Time { return clock })
		if again := run(); len(again) != 0 {
			t.Errorf("told twice on one day: %v", again)
		}
		clock = clock.Add(24 * time.Hour)
		if again := run(); slices.Contains(again, "ann@ending.example") {
			t.Errorf("told of a step twice: %v", again)
		}
		clock = ends.Add(-6*24*time.Hour - time.Minute)
		if again := run(); !slices.Contains(again, "ann@ending.example") {
			t.Errorf("not told of the next step: %v", again)
		}
	})
}
