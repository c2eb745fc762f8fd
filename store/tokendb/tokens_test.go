package tokendb_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/ref"
	"espalier.dev/store/auditdb"
	"espalier.dev/store/iamdb"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
	"espalier.dev/store/tokendb"
	"espalier.dev/token"
)

// tx is the part of store.Tx that package token asks for.
type tx struct {
	*sqldb.Tx
	tokendb.Tokens
	auditdb.Log
	iamdb.People
}

var _ token.Tx = tx{}

// database is a token.Store, and the Sessions read anew each time. It notes whose sessions are said to have changed.
type database struct {
	*sqldb.DB
	mu      sync.Mutex
	changed []ref.UserID
}

func (d *database) join(t *sqldb.Tx) token.Tx {
	changed := func(users ...ref.UserID) {
		t.AfterCommit(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.changed = append(d.changed, users...)
		})
	}
	return tx{t, tokendb.New(t, d.Dialect(), changed), auditdb.New(t, d.Dialect()), iamdb.New(t, d.Dialect(), iamdb.Changes{Users: changed})}
}

func (d *database) Write(ctx context.Context, fn func(token.Tx) error) error {
	return d.DB.Write(ctx, func(t *sqldb.Tx) error { return fn(d.join(t)) })
}

func (d *database) Read(ctx context.Context, fn func(token.Tx) error) error {
	return d.DB.Read(ctx, func(t *sqldb.Tx) error { return fn(d.join(t)) })
}

func (d *database) Live(ctx context.Context, session ref.TokenID, of access.Principal) (s access.Session, live bool, err error) {
	err = d.Read(ctx, func(t token.Tx) error {
		r, err := t.RefreshToken(ctx, session)
		s.Ends, live = r.ExpiresAt, r.User == of.User && r.RevokedAt.IsZero()
		return err
	})
	return s, live, err
}

// Require is of somebody without an organization: what owners may do is tried over HTTP.
func (d *database) Require(context.Context, access.Caller, access.Privilege, ref.OrgID) error {
	return errs.NotFoundf("no organization")
}

func withUsers(t *testing.T, db *sqldb.DB) *database {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO app_user (id, email, email_folded, created_at, updated_at)
			VALUES (12, 'a@example.org', 'a@example.org', 0, 0), (13, 'b@example.org', 'b@example.org', 0, 0)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return &database{DB: db}
}

func newService(t *testing.T, d *database, box token.Box) *token.Service {
	t.Helper()
	s, err := token.New(t.Context(), token.Config{
		Store: d, Sessions: d, Box: box, Issuer: "https://espalier.example", Audience: "espalier", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newBox(t *testing.T) *keyring.Keyring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := keyring.Create(path); err != nil {
		t.Fatal(err)
	}
	k, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestLifeOfARefreshToken(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		d := withUsers(t, db)
		ctx := t.Context()
		s := newService(t, d, newBox(t))
		alice := access.Caller{User: 12}
		made, text, err := s.Create(ctx, alice, "laptop")
		if err != nil {
			t.Fatal(err)
		}
		bearer, err := s.Issue(ctx, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(ctx); err != nil { // writes the stamp
			t.Fatal(err)
		}
		list, err := s.List(ctx, alice)
		if err != nil || len(list) != 1 || list[0].LastUsedAt.IsZero() {
			t.Fatalf("List = %+v, %v", list, err)
		}
		list[0].LastUsedAt = time.Time{}
		if diff := cmp.Diff(made, list[0]); diff != "" {
			t.Error(diff)
		}
		by, err := s.Authenticate(ctx, bearer)
		if err != nil || by.User != 12 || by.Session != made.ID {
			t.Fatalf("Authenticate = %+v, %v", by, err)
		}
		if err := s.Revoke(ctx, access.Caller{User: 13}, made.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Revoke of another user's: %v, want NotFound", err)
		}
		if err := s.Revoke(ctx, alice, made.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Authenticate(ctx, bearer); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Authenticate after revocation: %v, want Unauthenticated", err)
		}
		if list, err := s.List(ctx, alice); err != nil || len(list) != 0 {
			t.Errorf("List after revocation = %+v, %v", list, err)
		}
		if diff := cmp.Diff([]ref.UserID{12, 12}, d.changed); diff != "" {
			t.Errorf("told of changed sessions: %s", diff)
		}
		if _, _, err := s.CreateFor(ctx, access.Operator(""), 99, ""); errs.KindOf(err) != errs.NotFound {
			t.Errorf("CreateFor an absent user: %v, want NotFound", err)
		}
		var actions []string
		err = db.Read(ctx, func(tx *sqldb.Tx) error {
			return auditdb.New(tx, db.Dialect()).EachEntry(ctx, 0, 1<<62, func(e *audit.Entry) error {
				actions = append(actions, e.Action)
				return nil
			})
		})
		if err != nil || strings.Join(actions, " ") != "refresh_token.create refresh_token.revoke" {
			t.Errorf("audited: %v, %v", actions, err)
		}
	})
}

func TestStampUseNeverGoesBack(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		d := withUsers(t, db)
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		r, _, err := token.NewRefreshToken(strings.NewReader(strings.Repeat("x", 100)), 12, "", at)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Write(t.Context(), func(tx token.Tx) error {
			if err := tx.InsertRefreshToken(t.Context(), r); err != nil {
				return err
			}
			return tx.StampUse(t.Context(), []token.Use{{Token: r.ID, At: at.Add(time.Hour)}, {Token: r.ID, At: at}, {Token: "absent", At: at}})
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Read(t.Context(), func(tx token.Tx) error {
			r, err = tx.RefreshToken(t.Context(), r.ID)
			return err
		})
		if err != nil || !r.LastUsedAt.Equal(at.Add(time.Hour)) {
			t.Errorf("last used %v, %v", r.LastUsedAt, err)
		}
	})
}

// Several servers make the next key at the same time: one does, and all take one another's tokens.
func TestServersRotateTogether(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		d := withUsers(t, db)
		box := newBox(t)
		newService(t, d, box).Close(t.Context()) // the first key
		later := func() time.Time { return time.Now().Add(29*24*time.Hour + 12*time.Hour) }
		services := make([]*token.Service, 4)
		var wg sync.WaitGroup
		for i := range services {
			wg.Go(func() {
				s, err := token.New(t.Context(), token.Config{
					Store: d, Sessions: d, Box: box, Issuer: "i", Audience: "a", Now: later, Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Error(err)
				}
				services[i] = s
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		_, text, err := services[0].Create(t.Context(), access.Caller{User: 12}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range services {
			if n := len(s.JWKS().Keys); n != 2 {
				t.Errorf("%d keys are published, want the one in use and the next", n)
			}
			bearer, err := s.Issue(t.Context(), text)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := services[1].Authenticate(t.Context(), bearer); err != nil {
				t.Error(err)
			}
		}
		for _, s := range services {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}
