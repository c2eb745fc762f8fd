package iam

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Bounds of service accounts. Source: the contract, section 4.7.
const (
	maxAccounts = 20 // in an organization
	maxClients  = 2  // of a service account: one in use, one to change to
)

// Account is a service account: a machine identity of one organization. It never holds org_owner.
type Account struct {
	ID          ref.ServiceAccountID
	Org         ref.OrgID
	Name        string
	Description string
	CreatedBy   int64 // the id of the user or service account that made it, which may be no more
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// AccountClient is what a service account proves itself with. Its secret is shown once and kept hashed.
type AccountClient struct {
	ID         ref.TokenID // the client_id, ^[a-z2-7]{16}$
	Account    ref.ServiceAccountID
	Hash       string // SHA-256 of the secret, in hexadecimal
	CreatedBy  int64
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never; a few seconds late
}

// Is reports whether secret is the client's, in a time that says nothing about it.
func (c AccountClient) Is(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(c.Hash), []byte(hashSecret(secret))) == 1
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// secretPrefix is what scanners for leaked secrets look for.
const secretPrefix = "esc_"

// newAccountClient draws a client and its secret.
func newAccountClient(random io.Reader, account ref.ServiceAccountID, by access.Caller, now time.Time) (AccountClient, string, error) {
	id, err := drawText(random, 10)
	if err != nil {
		return AccountClient{}, "", err
	}
	secret, err := drawText(random, 32)
	if err != nil {
		return AccountClient{}, "", err
	}
	secret = secretPrefix + secret
	return AccountClient{ID: ref.TokenID(id), Account: account, Hash: hashSecret(secret), CreatedBy: callerID(by), CreatedAt: now}, secret, nil
}

// drawText draws n bytes and writes them in base32 in small letters.
func drawText(random io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)), nil
}

// callerID is the id of whoever asks, as the contract shows makers: a number alone.
func callerID(by access.Caller) int64 {
	if by.User != 0 {
		return int64(by.User)
	}
	return int64(by.ServiceAccount)
}

// accountTx is what the use cases of service accounts ask of a transaction.
type accountTx interface {
	// HoldOrg makes other changes of the people and machines of an organization wait for the commit.
	HoldOrg(ctx context.Context, org ref.OrgID) error
	// Accounts lists the service accounts of an organization by id.
	Accounts(ctx context.Context, org ref.OrgID) ([]Account, error)
	Account(ctx context.Context, org ref.OrgID, id ref.ServiceAccountID) (Account, error)
	InsertAccount(ctx context.Context, a Account) (Account, error)
	UpdateAccount(ctx context.Context, a Account) error
	// DeleteAccount removes one with its clients and what it was granted; from the commit on they are dead.
	DeleteAccount(ctx context.Context, a Account) error

	// AccountClients lists the clients of a service account, oldest first.
	AccountClients(ctx context.Context, account ref.ServiceAccountID) ([]AccountClient, error)
	InsertAccountClient(ctx context.Context, c AccountClient) error
	DeleteAccountClient(ctx context.Context, c AccountClient) error
}

// NewAccount names a service account.
type NewAccount struct {
	Name        string
	Description string
}

func (n NewAccount) check() error {
	var wrong []string
	if strings.TrimSpace(n.Name) == "" {
		wrong = append(wrong, "name: is empty")
	}
	wrong = checkText(wrong, "name", n.Name, 512)
	wrong = checkText(wrong, "description", n.Description, 4096)
	if len(wrong) > 0 {
		return errs.Invalidf("%s", strings.Join(wrong, "; "))
	}
	return nil
}

// Accounts lists the service accounts of an organization by id.
func (s *Service) Accounts(ctx context.Context, by access.Caller, org ref.OrgID) (list []Account, err error) {
	if err := s.guard.Require(ctx, by, access.AccountIndex, org); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		list, err = tx.Accounts(ctx, org)
		return err
	})
	return list, err
}

// Account returns one.
func (s *Service) Account(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID) (a Account, err error) {
	if err := s.guard.Require(ctx, by, access.AccountShow, org); err != nil {
		return Account{}, err
	}
	err = s.store.Read(ctx, func(tx Tx) (err error) {
		a, err = tx.Account(ctx, org, id)
		return err
	})
	return a, err
}

// CreateAccount makes a service account without any role. An organization has at most 20.
func (s *Service) CreateAccount(ctx context.Context, by access.Caller, org ref.OrgID, n NewAccount) (a Account, err error) {
	if err := s.guard.Require(ctx, by, access.AccountCreate, org); err != nil {
		return Account{}, err
	}
	if err := n.check(); err != nil {
		return Account{}, err
	}
	err = s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		present, err := tx.Accounts(ctx, org)
		if err != nil {
			return err
		}
		if len(present) >= maxAccounts {
			return errs.Invalidf("organization %d has %d service accounts, and may have no more: delete one that is not used", org, len(present))
		}
		a, err = tx.InsertAccount(ctx, Account{Org: org, Name: n.Name, Description: n.Description, CreatedBy: callerID(by), CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
		if err != nil {
			return err
		}
		return recordAccount(ctx, tx, by, "service_account.create", a, nil, a.told())
	})
	return a, err
}

// AccountChange is what of a service account is to be another; nil keeps.
type AccountChange struct {
	Name        *string
	Description *string
}

// UpdateAccount changes what is given.
func (s *Service) UpdateAccount(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID, c AccountChange) error {
	return s.withAccount(ctx, by, access.AccountUpdate, org, id, func(tx Tx, a Account) error {
		before := a.told()
		if c.Name != nil {
			a.Name = *c.Name
		}
		if c.Description != nil {
			a.Description = *c.Description
		}
		if err := (NewAccount{a.Name, a.Description}).check(); err != nil {
			return err
		}
		a.UpdatedAt = tx.Now()
		if err := tx.UpdateAccount(ctx, a); err != nil {
			return err
		}
		return recordAccount(ctx, tx, by, "service_account.update", a, before, a.told())
	})
}

// DeleteAccount ends a service account, its clients, and the access tokens they bought, at once.
func (s *Service) DeleteAccount(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID) error {
	return s.withAccount(ctx, by, access.AccountDelete, org, id, func(tx Tx, a Account) error {
		if err := tx.DeleteAccount(ctx, a); err != nil {
			return err
		}
		return recordAccount(ctx, tx, by, "service_account.delete", a, a.told(), nil)
	})
}

// withAccount is a use case that changes one service account, which is held.
func (s *Service) withAccount(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.ServiceAccountID, change func(Tx, Account) error) error {
	if err := s.guard.Require(ctx, by, p, org); err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		a, err := tx.Account(ctx, org, id)
		if err != nil {
			return err
		}
		return change(tx, a)
	})
}

// AccountClients lists the clients of a service account, oldest first.
func (s *Service) AccountClients(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID) (list []AccountClient, err error) {
	return s.accountClients(ctx, by, access.ClientIndex, org, id)
}

func (s *Service) accountClients(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID, id ref.ServiceAccountID) (list []AccountClient, err error) {
	if err := s.guard.Require(ctx, by, p, org); err != nil {
		return nil, err
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		if _, err := tx.Account(ctx, org, id); err != nil {
			return err
		}
		list, err = tx.AccountClients(ctx, id)
		return err
	})
	return list, err
}

// AccountClient returns one.
func (s *Service) AccountClient(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID, client ref.TokenID) (AccountClient, error) {
	list, err := s.accountClients(ctx, by, access.ClientShow, org, id)
	if err != nil {
		return AccountClient{}, err
	}
	return findClient(list, id, client)
}

func findClient(list []AccountClient, id ref.ServiceAccountID, client ref.TokenID) (AccountClient, error) {
	for _, c := range list {
		if c.ID == client {
			return c, nil
		}
	}
	return AccountClient{}, errs.NotFoundf("service account %d has no such client", id)
}

// CreateAccountClient makes a client and returns it with its secret, which cannot be had again. A service account has at most
// two. prepare is called with the secret before anything is written, so that an answer that cannot be made makes no client.
func (s *Service) CreateAccountClient(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID, prepare func(secret string) error) (c AccountClient, err error) {
	return c, s.withAccount(ctx, by, access.ClientCreate, org, id, func(tx Tx, a Account) error {
		present, err := tx.AccountClients(ctx, a.ID)
		if err != nil {
			return err
		}
		if len(present) >= maxClients {
			return errs.Invalidf("service account %d has %d clients, and may have no more: delete the one that is not used", a.ID, len(present))
		}
		var secret string
		if c, secret, err = newAccountClient(s.rand, a.ID, by, tx.Now()); err != nil {
			return err
		}
		if err := prepare(secret); err != nil {
			return err
		}
		if err := tx.InsertAccountClient(ctx, c); err != nil {
			return err
		}
		return recordAccount(ctx, tx, by, "service_account_client.create", a, nil, map[string]any{"client": c.ID})
	})
}

// DeleteAccountClient ends a client and the access tokens it bought, at once.
func (s *Service) DeleteAccountClient(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ServiceAccountID, client ref.TokenID) error {
	return s.withAccount(ctx, by, access.ClientDelete, org, id, func(tx Tx, a Account) error {
		list, err := tx.AccountClients(ctx, a.ID)
		if err != nil {
			return err
		}
		c, err := findClient(list, a.ID, client)
		if err != nil {
			return err
		}
		if err := tx.DeleteAccountClient(ctx, c); err != nil {
			return err
		}
		return recordAccount(ctx, tx, by, "service_account_client.delete", a, map[string]any{"client": c.ID}, nil)
	})
}

// told is a service account as its audit entries tell it.
func (a Account) told() map[string]any {
	return map[string]any{"name": a.Name, "description": a.Description}
}

func recordAccount(ctx context.Context, tx Tx, by access.Caller, action string, a Account, before, after any) error {
	return record(ctx, tx, by, audit.Entry{Org: a.Org, Action: action, TargetKind: "service_account", TargetID: a.ID.String()}, before, after)
}
