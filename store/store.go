package store

import (
	"cmp"
	"context"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/audit/trail"
	"espalier.dev/errs"
	"espalier.dev/iam"
	"espalier.dev/notify"
	"espalier.dev/openid"
	"espalier.dev/org"
	"espalier.dev/ref"
	"espalier.dev/scim"
	"espalier.dev/signin"
	"espalier.dev/store/auditdb"
	"espalier.dev/store/iamdb"
	"espalier.dev/store/notifydb"
	"espalier.dev/store/openiddb"
	"espalier.dev/store/orgdb"
	"espalier.dev/store/signindb"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/tokendb"
	"espalier.dev/token"
)

// DB is the database of a server.
type DB struct {
	*sqldb.DB
	guard Forgetter
}

// Forgetter is told what a committed change makes out of date; access.Guard is the one that serves.
type Forgetter interface {
	ForgetUsers(users ...ref.UserID)
	ForgetAccounts(accounts ...ref.ServiceAccountID)
	ForgetOrgs(orgs ...ref.OrgID)
	ForgetAll()
}

// New makes a DB of an open database.
func New(db *sqldb.DB) *DB { return &DB{DB: db} }

// Tell names who is to forget what a change makes out of date. It is called before the first Write, or never where nobody
// decides anything, as in the operator's verbs.
func (db *DB) Tell(guard Forgetter) { db.guard = guard }

// Shared reports whether other servers may write to the same database.
func (db *DB) Shared() bool { return db.Dialect().Name == "postgres" }

// Sealed reports whether the database holds what only its own key file opens or proves: signing keys, audit seals.
func (db *DB) Sealed(ctx context.Context) (sealed bool, err error) {
	err = db.Read(ctx, func(tx *sqldb.Tx) error {
		return tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM signing_key) OR EXISTS (SELECT 1 FROM audit_seal)`, nil, &sealed)
	})
	return sealed, err
}

// Tx is one transaction, or one reader, with the statements of every domain.
type Tx struct {
	*sqldb.Tx
	orgdb.Tree
	iamdb.People
	auditdb.Log
	tokendb.Tokens
	signindb.SignIn
	notifydb.Outbox
	openiddb.OpenID
}

var (
	_ org.Tx    = (*Tx)(nil)
	_ iam.Tx    = (*Tx)(nil)
	_ audit.Tx  = (*Tx)(nil)
	_ token.Tx  = (*Tx)(nil)
	_ trail.Tx  = (*Tx)(nil)
	_ scim.Tx   = (*Tx)(nil)
	_ signin.Tx = (*Tx)(nil)
	_ notify.Tx = (*Tx)(nil)
	_ openid.Tx = (*Tx)(nil)
)

// join gives a transaction the statements of every domain. What they report as changed is forgotten after the commit.
func (db *DB) join(tx *sqldb.Tx) *Tx {
	forget := func(how func(Forgetter)) {
		if db.guard != nil {
			tx.AfterCommit(func() { how(db.guard) })
		}
	}
	told := iamdb.Changes{
		Users:    func(users ...ref.UserID) { forget(func(g Forgetter) { g.ForgetUsers(users...) }) },
		Accounts: func(accounts ...ref.ServiceAccountID) { forget(func(g Forgetter) { g.ForgetAccounts(accounts...) }) },
		Orgs:     func(orgs ...ref.OrgID) { forget(func(g Forgetter) { g.ForgetOrgs(orgs...) }) },
	}
	return &Tx{
		Tx:     tx,
		Tree:   orgdb.New(tx, db.Dialect(), func() { forget(Forgetter.ForgetAll) }),
		People: iamdb.New(tx, db.Dialect(), told),
		Log:    auditdb.New(tx, db.Dialect()),
		Tokens: tokendb.New(tx, db.Dialect(), told.Users),
		SignIn: signindb.New(tx, db.Dialect(), told.Users),
		Outbox: notifydb.New(tx, db.Dialect()),
		OpenID: openiddb.New(tx, db.Dialect(), told.Users),
	}
}

// domain is the database as one domain package sees it: T is its Tx.
type domain[T any] struct {
	db *DB
	as func(*Tx) T
}

func (d domain[T]) Write(ctx context.Context, fn func(T) error) error {
	return d.db.Write(ctx, func(tx *sqldb.Tx) error { return fn(d.as(d.db.join(tx))) })
}

func (d domain[T]) Read(ctx context.Context, fn func(T) error) error {
	return d.db.Read(ctx, func(tx *sqldb.Tx) error { return fn(d.as(d.db.join(tx))) })
}

func (d domain[T]) Snapshot(ctx context.Context, fn func(T) error) error {
	return d.db.Snapshot(ctx, func(tx *sqldb.Tx) error { return fn(d.as(d.db.join(tx))) })
}

// Org is the database as package org sees it.
func (db *DB) Org() org.Store { return domain[org.Tx]{db, func(tx *Tx) org.Tx { return tx }} }

// IAM is the database as package iam sees it.
func (db *DB) IAM() iam.Store { return domain[iam.Tx]{db, func(tx *Tx) iam.Tx { return tx }} }

// Token is the database as package token sees it.
func (db *DB) Token() token.Store { return domain[token.Tx]{db, func(tx *Tx) token.Tx { return tx }} }

// Notify is the database as package notify sees it.
func (db *DB) Notify() notify.Store {
	return domain[notify.Tx]{db, func(tx *Tx) notify.Tx { return tx }}
}

// SCIM is the database as package scim sees it.
func (db *DB) SCIM() scim.Store { return domain[scim.Tx]{db, func(tx *Tx) scim.Tx { return tx }} }

// SignIn is the database as package signin sees it.
func (db *DB) SignIn() signin.Store {
	return domain[signin.Tx]{db, func(tx *Tx) signin.Tx { return tx }}
}

// OpenID is the database as package openid sees it.
func (db *DB) OpenID() openid.Store {
	return domain[openid.Tx]{db, func(tx *Tx) openid.Tx { return tx }}
}

// Audit is the database as package audit sees it.
func (db *DB) Audit() audit.Store {
	return chain{domain[audit.Tx]{db, func(tx *Tx) audit.Tx { return tx }}}
}

type chain struct{ domain[audit.Tx] }

func (c chain) Horizon(ctx context.Context) (int64, error) { return auditdb.Horizon(ctx, c.db.DB) }

// Trail is the database as package trail sees it.
func (db *DB) Trail() trail.Store { return domain[trail.Tx]{db, func(tx *Tx) trail.Tx { return tx }} }

// Access reads what decisions are made by.
func (db *DB) Access() access.Loader { return loader{db} }

type loader struct{ db *DB }

func (l loader) Subject(ctx context.Context, p access.Principal) (s *access.Subject, err error) {
	err = l.db.Read(ctx, func(tx *sqldb.Tx) error {
		s, err = l.db.join(tx).Subject(ctx, p)
		return err
	})
	return s, err
}

// Organization reads the path to the root, the projects, and what the parent's access policies give, which counts while the
// parent's own msp does. It asks all of that also of an organization that is not there, so that time does not tell.
func (l loader) Organization(ctx context.Context, id ref.OrgID) (*access.Organization, error) {
	var path org.Path
	var projects []org.Project
	var external []access.ExternalGrant
	err := l.db.Read(ctx, func(tx *sqldb.Tx) (err error) {
		t := l.db.join(tx)
		var none error
		if path, none = t.Path(ctx, id); none != nil && errs.KindOf(none) != errs.NotFound {
			return none
		}
		if projects, err = t.Projects(ctx, id); err != nil {
			return err
		}
		external, err = t.ExternalGrants(ctx, id)
		return cmp.Or(none, err)
	})
	if err != nil {
		return nil, err
	}
	o := path.Access()
	for _, p := range projects {
		o.Projects = append(o.Projects, p.ID)
	}
	o.External = external
	if msp, held := path.Above(org.MSP); held {
		o.ParentMSP = access.InForce{Name: msp.Name, Ends: msp.Ends}
	}
	return o, nil
}

func (l loader) Holdings(ctx context.Context, id ref.OrgID, of access.Principal) (list []access.Holding, err error) {
	err = l.db.Read(ctx, func(tx *sqldb.Tx) error {
		list, err = l.db.join(tx).Holdings(ctx, id, of)
		return err
	})
	return list, err
}
