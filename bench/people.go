package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"

	"espalier.dev/access"
	"espalier.dev/access/accesstest"
	"espalier.dev/keyring"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store"
	tokens "espalier.dev/token"
)

// prepareDecision measures what the guard decides from memory, about as many organizations in turn whatever their number.
func prepareDecision(ctx context.Context, l *lab) ([]figure, error) {
	var figures []figure
	for _, n := range []int{l.sizes.few, l.sizes.many} {
		g, err := access.NewGuard(access.Config{Loader: accesstest.NewForest(n), Now: time.Now})
		if err != nil {
			return nil, err
		}
		for _, by := range []struct {
			name string
			user ref.UserID
			bar  float64
		}{{"direct role", accesstest.Owner, 250e-9}, {"user group and access policy", accesstest.Technician, 600e-9}} {
			orgs := make([]ref.OrgID, min(n-1, 1000))
			for i := range orgs {
				orgs[i] = ref.OrgID(2 + rand.IntN(n-1))
			}
			figures = append(figures, figure{
				name: fmt.Sprintf("decision in process, %s, %d organizations", by.name, n), unit: seconds, bar: by.bar,
				take: func(ctx context.Context) (float64, error) {
					return decide(ctx, g, access.Caller{User: by.user}, orgs, 100*l.sizes.samples)
				},
			})
		}
	}
	return figures, nil
}

// decide returns how long one decision takes, once everything is in memory.
func decide(ctx context.Context, g *access.Guard, by access.Caller, orgs []ref.OrgID, times int) (float64, error) {
	for _, id := range orgs {
		if err := g.Require(ctx, by, access.CustomerCreate, id); err != nil {
			return 0, err
		}
	}
	return each(times, func(i int) error { return g.Require(ctx, by, access.CustomerCreate, orgs[i%len(orgs)]) })
}

// prepareTokens measures what requests prove themselves by.
func prepareTokens(ctx context.Context, l *lab) ([]figure, error) {
	w, err := l.sqliteWorld(ctx, l.sizes.small)
	if err != nil {
		return nil, err
	}
	bearer, err := l.figureBearer(ctx)
	if err != nil {
		return nil, err
	}
	c, err := l.served(ctx, w, connections)
	if err != nil {
		return nil, err
	}
	decided := func(ctx context.Context) error {
		return c.get(ctx, fmt.Sprintf("/iam/v1/orgs/%d/roles/%d", w.made.OrgID, access.MSPAdmin))
	}
	grant, err := clientGrant(ctx, c, w)
	if err != nil {
		return nil, err
	}
	for _, warm := range []func(context.Context) error{decided, grant} {
		if err := l.warmed(ctx, warm); err != nil {
			return nil, err
		}
	}
	many := func(do func(context.Context) error) taker {
		return func(ctx context.Context) (float64, error) { return throughput(ctx, connections, l.sizes.busy, do) }
	}
	const on = ", 16 connections"
	return []figure{
		bearer,
		{name: "decision over HTTP" + on, unit: perSecond, take: many(decided), floors: []floor{l.floorH16()}, against: "H16", bar: 0.5, atLeast: true},
		{name: "client-credentials token" + on, unit: perSecond, take: many(grant), floors: []floor{l.floorH16()}, against: "H16", bar: 0.25, atLeast: true},
	}, nil
}

// figureBearer is an access token that is shown again and again, without the HTTP around it.
func (l *lab) figureBearer(ctx context.Context) (figure, error) {
	w, err := l.sqliteWorld(ctx, 0)
	if err != nil {
		return figure{}, err
	}
	raw, err := w.open(ctx)
	if err != nil {
		return figure{}, err
	}
	db := store.New(raw)
	l.later(db.Close)
	keys, err := keyring.Load(w.keys)
	if err != nil {
		return figure{}, err
	}
	guard, err := access.NewGuard(access.Config{Loader: db.Access(), Now: time.Now})
	if err != nil {
		return figure{}, err
	}
	service, err := tokens.New(ctx, tokens.Config{
		Store: db.Token(), Box: keys, Sessions: guard, Issuer: "urn:bench", Audience: "espalier", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return figure{}, err
	}
	l.later(func() error { return service.Close(context.WithoutCancel(ctx)) })
	text, err := service.Issue(ctx, w.made.RefreshToken)
	if err != nil {
		return figure{}, err
	}
	return figure{name: "bearer token shown again, added to a request", unit: seconds, bar: 1e-6, take: func(ctx context.Context) (float64, error) {
		return each(10_000, func(int) error {
			_, err := service.Authenticate(ctx, text)
			return err
		})
	}}, nil
}

// clientGrant makes a service account with a client, and gets tokens for it.
func clientGrant(ctx context.Context, c *caller, w *world) (func(context.Context) error, error) {
	accounts := fmt.Sprintf("/iam/v1/orgs/%d/service-accounts", w.made.OrgID)
	if err := c.post(ctx, accounts, []byte(`{"name":"bench"}`), http.StatusCreated); err != nil {
		return nil, err
	}
	var list []struct {
		ID int64 `json:"id"`
	}
	if err := c.read(ctx, accounts, &list); err != nil || len(list) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%d service accounts", len(list)))
	}
	var text bytes.Buffer
	if err := c.do(ctx, http.MethodPost, path.Join(accounts, strconv.FormatInt(list[0].ID, 10), "clients"), "", nil, http.StatusCreated, &text); err != nil {
		return nil, err
	}
	var made struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	}
	if err := json.Unmarshal(text.Bytes(), &made); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"grant_type": "client_credentials", "client_id": made.ClientID, "client_secret": made.ClientSecret})
	return func(ctx context.Context) error { return c.post(ctx, "/oidc/token", body, http.StatusOK) }, err
}

const benchPassword = "nine purple anchors sail"

// prepareSignIn measures sign-ins by password, and what reads suffer from a storm of them.
func prepareSignIn(ctx context.Context, l *lab) ([]figure, error) {
	dir, err := l.folder()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(benchPassword), 0o600); err != nil {
		return nil, err
	}
	w := &world{dir: filepath.Join(dir, "data"), keys: filepath.Join(dir, "data", "key"), password: file}
	w.where = []string{"--data", w.dir}
	if err := w.make(ctx, l.sizes.small); err != nil {
		return nil, err
	}
	p, _, err := l.start(ctx, w) // a process of its own: what a hash takes depends on the heap that it finds
	if err != nil {
		return nil, err
	}
	l.later(p.stop)
	c, err := l.caller(ctx, p.base, w, connections)
	if err != nil {
		return nil, err
	}
	enter := newCaller(c.base, "", 4)
	enter.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	l.later(enter.close)
	form := []byte(url.Values{"email": {w.made.Email}, "password": {benchPassword}}.Encode())
	signIn := func(ctx context.Context) error {
		return enter.do(ctx, http.MethodPost, "/signin/password", "application/x-www-form-urlencoded", form, http.StatusSeeOther, nil)
	}
	get, err := getter(ctx, c, w)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(signIn(ctx), l.warmed(ctx, get)); err != nil {
		return nil, err
	}
	hash, err := argon2id.CreateHash(benchPassword, &signin.HashParams)
	if err != nil {
		return nil, err
	}
	few := max(1, l.sizes.samples/10)
	alone := floor{"A", func(context.Context) (float64, error) {
		return p50(few, func(int) error {
			_, err := argon2id.ComparePasswordAndHash(benchPassword, hash)
			return err
		})
	}}
	quiet := floor{"quiet", func(ctx context.Context) (float64, error) {
		return p99(10*l.sizes.samples, func(int) error { return get(ctx) })
	}}
	return []figure{
		{
			name: "password sign-in, p50", unit: seconds, floors: []floor{alone}, against: "A", bar: 1.15,
			take: func(ctx context.Context) (float64, error) { return p50(few, func(int) error { return signIn(ctx) }) },
		},
		{
			name: "get one customer during a storm of sign-ins, p99", unit: seconds, floors: []floor{quiet}, against: "the same when quiet", bar: 3,
			take: func(ctx context.Context) (float64, error) { return l.during(ctx, signIn, get) },
		},
	}, nil
}

// during measures reads while four others sign in over and over.
func (l *lab) during(ctx context.Context, storm, read func(context.Context) error) (took float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := storm(ctx); err != nil && ctx.Err() == nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	took, err = p99(10*l.sizes.samples, func(int) error { return read(ctx) })
	cancel()
	all.Wait()
	if f := failed.Load(); f != nil {
		err = errors.Join(err, *f)
	}
	return took, err
}

// Statements of the rows of a person that a directory makes.
const (
	insertPerson = `INSERT INTO app_user (email, email_folded, first_name, first_name_folded, last_name, last_name_folded, created_at, updated_at)
		VALUES ($1, $1, 'Kay', 'kay', 'Owner', 'owner', $2, $2) RETURNING id`
	insertActive   = `INSERT INTO membership (org_id, user_id, state, created_at, updated_at) VALUES ($1, $2, 'active', $3, $3)`
	insertSCIMUser = `INSERT INTO scim_user (org_id, user_id, user_name, user_name_folded, external_id, given_name, family_name, contacts_json, updated_at)
		VALUES ($1, $2, $3, $3, $4, 'Kay', 'Owner', $5, $6)`
	insertAddress  = `INSERT INTO scim_address (org_id, address_folded, user_id) VALUES ($1, $2, $3)`
	personContacts = `{"emails":[{"value":%q,"primary":true}],"phones":null}`
)

// person writes the rows of one, and no more.
func (i *inserter) person(ctx context.Context) error {
	i.n++
	address := fmt.Sprintf("raw.%d@contoso.example", i.n)
	return i.transaction(ctx, func() error {
		now := time.Now().UnixMicro()
		user, err := i.id(ctx, insertPerson, address, now)
		if err != nil {
			return err
		}
		return errors.Join(
			i.exec(ctx, insertActive, i.root, user, now),
			i.exec(ctx, insertSCIMUser, i.root, user, address, "X-"+address, fmt.Sprintf(personContacts, address), now),
			i.exec(ctx, insertAddress, i.root, address, user),
			i.exec(ctx, insertEntry, now, i.root, i.root, strconv.FormatInt(user, 10), `{"userName":"`+address+`"}`),
		)
	})
}

// prepareSCIM measures how a directory makes people.
func prepareSCIM(ctx context.Context, l *lab) ([]figure, error) {
	w, err := l.sqliteWorld(ctx, 0)
	if err != nil {
		return nil, err
	}
	bare, err := l.newInserter(ctx, 0)
	if err != nil {
		return nil, err
	}
	c, err := l.served(ctx, w, connections)
	if err != nil {
		return nil, err
	}
	var n atomic.Int64
	create := func(ctx context.Context) error {
		address := fmt.Sprintf("kay.%d@contoso.example", n.Add(1))
		body, err := json.Marshal(map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": address, "externalId": "X-" + address,
			"name":   map[string]string{"givenName": "Kay", "familyName": "Owner"},
			"emails": []map[string]any{{"value": address, "primary": true}}, "active": true,
		})
		if err != nil {
			return err
		}
		return c.do(ctx, http.MethodPost, fmt.Sprintf("/scim/v2/orgs/%d/Users", w.made.OrgID), "application/scim+json", body, http.StatusCreated, nil)
	}
	if err := create(ctx); err != nil {
		return nil, err
	}
	rows := floor{"S", func(ctx context.Context) (float64, error) {
		return p50(l.sizes.creates, func(int) error { return bare.person(ctx) })
	}}
	return []figure{{
		name: "SCIM create, SQLite, 1 connection, p50", unit: seconds, floors: []floor{rows, l.floorH()}, join: sum, against: "S + H", bar: 2,
		take: func(ctx context.Context) (float64, error) {
			return p50(l.sizes.creates, func(int) error { return create(ctx) })
		},
	}}, nil
}

// prepareAudit measures what the audit entry adds to the rows of a write.
func prepareAudit(ctx context.Context, l *lab) ([]figure, error) {
	with, err := l.newInserter(ctx, l.sizes.small)
	if err != nil {
		return nil, err
	}
	without, err := l.newInserter(ctx, l.sizes.small)
	if err != nil {
		return nil, err
	}
	without.unaudited = true
	take := func(i *inserter) taker {
		return func(ctx context.Context) (float64, error) {
			return p50(l.sizes.creates, func(int) error { return i.create(ctx) })
		}
	}
	return []figure{{
		name: "rows of a create with their audit entry, SQLite, p50", unit: seconds, take: take(with),
		floors: []floor{{"without", take(without)}}, against: "without it", bar: 1.15,
	}}, nil
}
