package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

// StoredPasskey is a passkey as it is kept; all of it is public.
type StoredPasskey struct {
	ID         string // of the credential, in base64url
	User       ref.UserID
	Name       string // at most 64 characters, chosen by the user
	Record     string // JSON of webauthn.Credential
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

type passkeyTx interface {
	// Passkey reads a passkey by the credential's id.
	Passkey(ctx context.Context, id string) (StoredPasskey, error)
	// Passkeys lists those of a user, oldest first.
	Passkeys(ctx context.Context, user ref.UserID) ([]StoredPasskey, error)
	// InsertPasskey adds one; errs.Conflict if the credential is known.
	InsertPasskey(ctx context.Context, p StoredPasskey) error
	// UsePasskey notes a use: the record with its count of signatures, if old is still the one that is there.
	UsePasskey(ctx context.Context, p StoredPasskey, old string) error
	// RemovePasskey removes a passkey of a user; errs.NotFound if the user has none with that id.
	RemovePasskey(ctx context.Context, user ref.UserID, id string) error
}

// maxPasskeys is how many one user may have.
const maxPasskeys = 20

// newWebAuthn makes the relying party; nil where browsers make no passkeys: without a public address, at a bare IP address, and
// without https away from localhost. Source: WebAuthn Level 3, section 5.1.2 and "secure context".
func newWebAuthn(public *url.URL) (*webauthn.WebAuthn, error) {
	if public == nil {
		return nil, nil
	}
	host := public.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || public.Scheme != "https" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return nil, nil
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Espalier", RPOrigins: []string{public.String()},
		AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys at %s: %w", public, err)
	}
	return web, nil
}

// HasPasskeys reports whether people can use passkeys at this server's public address.
func (s *Service) HasPasskeys() bool { return s.web != nil }

func (s *Service) needPasskeys() error {
	if s.web == nil {
		return errs.Conflictf("", "Passkeys need the server's public address, by https and a name: its operator sets --public-url.")
	}
	return nil
}

// holder is a user as the library sees it.
type holder struct {
	person   Person
	passkeys []webauthn.Credential
}

// handle is what authenticators keep of the user; it says nothing about the person.
func handle(user ref.UserID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(user)) }

func (h holder) WebAuthnID() []byte                         { return handle(h.person.ID) }
func (h holder) WebAuthnName() string                       { return h.person.Email }
func (h holder) WebAuthnDisplayName() string                { return h.person.Name() }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.passkeys }

func (p StoredPasskey) credential() (webauthn.Credential, error) {
	var c webauthn.Credential
	if err := json.Unmarshal([]byte(p.Record), &c); err != nil {
		return c, fmt.Errorf("passkey %s: %w", p.ID, err)
	}
	return c, nil
}

func (s *Service) holderOf(ctx context.Context, user ref.UserID) (h holder, err error) {
	var list []StoredPasskey
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		if h.person, err = tx.Person(ctx, user); err != nil {
			return err
		}
		list, err = tx.Passkeys(ctx, user)
		return err
	})
	for _, p := range list {
		c, err := p.credential()
		if err != nil {
			return holder{}, err
		}
		h.passkeys = append(h.passkeys, c)
	}
	return h, err
}

// BeginPasskey starts to add a passkey: options for the browser's navigator.credentials.create, and the value to be given
// along with what it made.
func (s *Service) BeginPasskey(ctx context.Context, at Session) (options any, pending string, err error) {
	if err := at.fresh(s.now()); err != nil {
		return nil, "", err
	}
	if err := s.needPasskeys(); err != nil {
		return nil, "", err
	}
	h, err := s.holderOf(ctx, at.User)
	if err != nil {
		return nil, "", err
	}
	if len(h.passkeys) >= maxPasskeys {
		return nil, "", errs.Conflictf("", "You have %d passkeys, and may have no more. Remove one that you do not use.", len(h.passkeys))
	}
	created, data, err := s.web.BeginRegistration(h,
		webauthn.WithExclusions(webauthn.Credentials(h.passkeys).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		}))
	if err != nil {
		return nil, "", err
	}
	pending, err = s.begin(ctx, ForPasskeyAdd, at.User, data)
	return created, pending, err
}

// begin keeps a challenge until its answer comes.
func (s *Service) begin(ctx context.Context, p Purpose, user ref.UserID, data *webauthn.SessionData) (string, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	once, pending, err := s.newOnce(p, user, string(text))
	if err != nil {
		return "", err
	}
	return pending, s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.InsertOnce(ctx, once) })
}

// answered takes the challenge that pending stands for. It is used up whether the answer is right or not.
func (s *Service) answered(ctx context.Context, p Purpose, pending string) (user ref.UserID, data webauthn.SessionData, err error) {
	var once Once
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		once, err = tx.UseOnce(ctx, hashFor(string(p), pending), s.now())
		return err
	})
	if err != nil {
		return 0, data, overOr(err)
	}
	return once.User, data, json.Unmarshal([]byte(once.Data), &data)
}

// FinishPasskey adds the passkey that a browser made.
func (s *Service) FinishPasskey(ctx context.Context, at Session, v Visitor, pending, name string, answer []byte) error {
	if err := at.fresh(s.now()); err != nil {
		return err
	}
	if err := s.needPasskeys(); err != nil {
		return err
	}
	user, data, err := s.answered(ctx, ForPasskeyAdd, pending)
	if err != nil {
		return err
	}
	if user != at.User {
		return overOr(errs.NotFoundf("a challenge of another user"))
	}
	h, err := s.holderOf(ctx, user)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return refused(err)
	}
	made, err := s.web.CreateCredential(h, data, parsed)
	if err != nil {
		return refused(err)
	}
	p, err := s.stored(user, name, made)
	if err != nil {
		return err
	}
	err = s.changeFactor(ctx, at, v, "signin.passkey_add", "A passkey was added: "+p.Name+".", func(tx Tx) error {
		return tx.InsertPasskey(ctx, p)
	})
	if errs.KindOf(err) == errs.Conflict {
		return errs.Conflictf("", "This passkey was added before.")
	}
	return err
}

// refused is an answer that does not hold; the library's reasons are for the log.
func refused(err error) error {
	return &errs.Error{Kind: errs.Unauthenticated, Msg: "The passkey was not accepted. Try again, or sign in another way.", Err: err}
}

func (s *Service) stored(user ref.UserID, name string, c *webauthn.Credential) (StoredPasskey, error) {
	c.Attestation = webauthn.CredentialAttestation{} // nothing asks for it later
	record, err := json.Marshal(c)
	if err != nil {
		return StoredPasskey{}, err
	}
	if name = strings.TrimSpace(shortened(name, 64)); name == "" {
		name = "Passkey"
	}
	return StoredPasskey{ID: passkeyID(c.ID), User: user, Name: name, Record: string(record), CreatedAt: s.now()}, nil
}

func passkeyID(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// BeginPasskeySignIn starts a sign-in with a passkey, of whomever it turns out to be: options for navigator.credentials.get,
// and the value to be given along with the answer.
func (s *Service) BeginPasskeySignIn(ctx context.Context) (options any, pending string, err error) {
	if err := s.needPasskeys(); err != nil {
		return nil, "", err
	}
	asked, data, err := s.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, "", err
	}
	pending, err = s.begin(ctx, ForPasskeySignIn, 0, data)
	return asked, pending, err
}

// SignInPasskey opens a session for the holder of a passkey. What was counted for the account does not matter here: guessing
// passwords shuts nobody out who has a passkey.
func (s *Service) SignInPasskey(ctx context.Context, v Visitor, pending string, answer []byte) (Opened, error) {
	if err := s.needPasskeys(); err != nil {
		return Opened{}, err
	}
	if err := s.try(ctx, forAddress(v)); err != nil {
		return Opened{}, err
	}
	_, data, err := s.answered(ctx, ForPasskeySignIn, pending)
	if err != nil {
		return Opened{}, err
	}
	present, used, err := s.verify(ctx, data, answer)
	if err != nil {
		return Opened{}, err
	}
	if used.Authenticator.CloneWarning {
		return Opened{}, s.refuse(ctx, v, present.User, Passkey, "This passkey was used by two devices, one of which may be a copy. Sign in another way and remove it.")
	}
	terms, err := s.terms(ctx, present.User)
	if err != nil {
		return Opened{}, err
	}
	if terms.Refused != "" {
		return Opened{}, s.refuse(ctx, v, present.User, Passkey, terms.Refused)
	}
	return s.openWithPasskey(ctx, v, present, used, terms)
}

// verify finds the passkey of an answer and checks its signature.
func (s *Service) verify(ctx context.Context, data webauthn.SessionData, answer []byte) (StoredPasskey, *webauthn.Credential, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return StoredPasskey{}, nil, refused(err)
	}
	var present StoredPasskey
	find := func(rawID, userHandle []byte) (webauthn.User, error) {
		err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
			present, err = tx.Passkey(ctx, passkeyID(rawID))
			return err
		})
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(userHandle, handle(present.User)) {
			return nil, fmt.Errorf("passkey %s is of user %d, and the answer names another", present.ID, present.User)
		}
		return s.holderOf(ctx, present.User)
	}
	_, used, err := s.web.ValidatePasskeyLogin(find, data, parsed)
	if err != nil {
		return StoredPasskey{}, nil, refused(err)
	}
	return present, used, nil
}

func (s *Service) openWithPasskey(ctx context.Context, v Visitor, present StoredPasskey, used *webauthn.Credential, terms LocalTerms) (Opened, error) {
	record, err := json.Marshal(used)
	if err != nil {
		return Opened{}, err
	}
	next := present
	next.Record, next.LastUsedAt = string(record), s.now()
	o := OpenSession{User: present.User, Methods: []Method{Passkey}, Visitor: v}
	made, err := s.openLocally(ctx, o, terms, func(tx Tx) error {
		if err := tx.UsePasskey(ctx, next, present.Record); err != nil {
			return err
		}
		return succeeded(ctx, tx, v)
	})
	if absent(err) {
		return Opened{}, refused(err) // removed, or used elsewhere, in this moment
	}
	return made, err
}

// RemovePasskey takes a passkey of the user away.
func (s *Service) RemovePasskey(ctx context.Context, at Session, v Visitor, id string) error {
	if err := at.fresh(s.now()); err != nil {
		return err
	}
	err := s.changeFactor(ctx, at, v, "signin.passkey_remove", "A passkey was removed.", func(tx Tx) error {
		return tx.RemovePasskey(ctx, at.User, id)
	})
	if absent(err) {
		return errs.NotFoundf("You have no such passkey.")
	}
	return err
}
