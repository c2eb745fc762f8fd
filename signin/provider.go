package signin

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"espalier.dev/access"
	"espalier.dev/audit"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Protocol is how an identity provider is spoken with.
type Protocol string

// The protocols.
const (
	ProtocolSAML Protocol = "saml" // SAML 2.0, web browser SSO
	ProtocolOIDC Protocol = "oidc" // OpenID Connect
)

// GroupSync is what becomes of user groups at a sign-in.
type GroupSync string

// What may become of them.
const (
	SyncNone   GroupSync = "NONE"
	SyncAppend GroupSync = "APPEND" // the user joins those that the provider names
	SyncWhole  GroupSync = "SYNC"   // and leaves the others: the provider's list is the truth
)

// Provider is an identity provider of an organization.
type Provider struct {
	ID        ref.ProviderID
	Org       ref.OrgID
	Protocol  Protocol
	Name      string // unique in the organization, whatever the case of letters
	Hint      string // what people may name it by before they sign in; unique on the server; "" for none
	Issuer    string // who it says it is
	JIT       bool   // whom it vouches for becomes a member
	GroupSync GroupSync
	SAML      SAMLSettings     // of ProtocolSAML
	Upstream  UpstreamSettings // of ProtocolOIDC
	Secret    string           // client secret of ProtocolOIDC, sealed; "" for none
	CreatedAt time.Time
	UpdatedAt time.Time
}

// SAMLSettings is how a provider speaks SAML.
type SAMLSettings struct {
	Certificate       string           `json:"certificate"` // PEM; what it signs with
	SSOURL            string           `json:"ssoUrl"`
	LogoutURL         string           `json:"logoutUrl,omitempty"` // where people go who have signed out
	Binding           string           `json:"binding"`             // BindingPost or BindingRedirect
	SignRequests      bool             `json:"signRequests"`
	SigningKey        ref.SigningKeyID `json:"signingKey,omitempty"`
	RequestAlgorithm  string           `json:"requestAlgorithm"`  // SHA1 or SHA256
	ResponseAlgorithm string           `json:"responseAlgorithm"` // the weakest that is taken
	Verification      string           `json:"verification"`      // one of the Sign constants
	Unsolicited       bool             `json:"unsolicited,omitempty"`
}

// Words of the contract in SAML settings.
const (
	BindingPost     = "HTTP-POST"
	BindingRedirect = "HTTP-REDIRECT"
	SHA1            = "SHA-1"
	SHA256          = "SHA-256"
	SignResponse    = "response"
	SignAssertion   = "assertion"
	SignEither      = "response or assertion"
)

// ProvidersConfig is what Providers needs.
type ProvidersConfig struct {
	Store Store
	Guard Guard
	Box   Box
	Now   func() time.Time
	Log   *slog.Logger
	// PublicURL is what people call the server. "": nobody signs in through a provider.
	PublicURL string

	Client   *http.Client // asks what tenants name; nil refuses OpenID Connect. Pass it through package egress.
	Resolver Resolver     // nil: the machine's
	Rand     io.Reader    // nil: crypto/rand
}

// Guard decides; access.Guard is the one that serves.
type Guard interface {
	Require(ctx context.Context, by access.Caller, p access.Privilege, org ref.OrgID) error
}

// Providers is the use cases of identity providers: their settings, the domains they speak for, who has to use them, and what
// they say of those who sign in. It serves a [Service] as LocalPolicy and Discoverer. It is safe for concurrent use.
type Providers struct {
	cfg    ProvidersConfig
	origin string // "" without a public address

	mu         sync.Mutex
	discovered map[string]discovery
}

// NewProviders makes a Providers.
func NewProviders(cfg ProvidersConfig) (*Providers, error) {
	if cfg.Store == nil || cfg.Guard == nil || cfg.Box == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("identity providers: a store, a guard, a box, a clock and a log are needed")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	public, err := publicURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	p := &Providers{cfg: cfg, discovered: make(map[string]discovery)}
	if public != nil {
		p.origin = public.String()
	}
	if cfg.Client != nil {
		p.cfg.Client = bounded(cfg.Client)
	}
	return p, nil
}

func (p *Providers) now() time.Time { return p.cfg.Now().UTC().Truncate(time.Microsecond) }

// providerTx is what the use cases of identity providers ask of a transaction.
type providerTx interface {
	// Now is the instant of the use case, the same throughout.
	Now() time.Time
	// HoldOrg makes other changes of the people and machines of an organization wait for the commit.
	HoldOrg(ctx context.Context, org ref.OrgID) error

	// IdentityProviders lists those of an organization, oldest first.
	IdentityProviders(ctx context.Context, org ref.OrgID) ([]Provider, error)
	// IdentityProvider reads one of an organization, or for 0 of any.
	IdentityProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID) (Provider, error)
	// IdentityProviderByHint finds one by its hint, compared case-folded.
	IdentityProviderByHint(ctx context.Context, hint string) (Provider, error)
	InsertIdentityProvider(ctx context.Context, p Provider) error
	UpdateIdentityProvider(ctx context.Context, p Provider) error
	DeleteIdentityProvider(ctx context.Context, id ref.ProviderID) error

	// ProviderKeys lists the signing keys of a provider, oldest first.
	ProviderKeys(ctx context.Context, of ref.ProviderID) ([]SigningKey, error)
	ProviderKey(ctx context.Context, of ref.ProviderID, id ref.SigningKeyID) (SigningKey, error)
	InsertProviderKey(ctx context.Context, k SigningKey) error

	domainTx
	policyTx
	throughTx
}

// Providers lists the identity providers of an organization that speak a protocol, oldest first.
func (p *Providers) Providers(ctx context.Context, by access.Caller, org ref.OrgID, of Protocol) (list []Provider, err error) {
	if err := p.cfg.Guard.Require(ctx, by, access.ProviderIndex, org); err != nil {
		return nil, err
	}
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		all, err := tx.IdentityProviders(ctx, org)
		list = nil
		for _, one := range all {
			if one.Protocol == of {
				list = append(list, one)
			}
		}
		return err
	})
	return list, err
}

// Provider returns one identity provider, with its domains and keys.
func (p *Providers) Provider(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ProviderID, of Protocol) (d ProviderDetail, err error) {
	if err := p.cfg.Guard.Require(ctx, by, access.ProviderShow, org); err != nil {
		return ProviderDetail{}, err
	}
	err = p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if d.Provider, err = readProvider(ctx, tx, org, id, of); err != nil {
			return err
		}
		if d.Domains, err = tx.Domains(ctx, org, id); err != nil {
			return err
		}
		d.Keys, err = tx.ProviderKeys(ctx, id)
		return err
	})
	return d, err
}

// ProviderDetail is an identity provider with what belongs to it.
type ProviderDetail struct {
	Provider
	Domains []Domain     // by name
	Keys    []SigningKey // oldest first
}

// readProvider reads one that speaks a protocol; "" for any.
func readProvider(ctx context.Context, tx Tx, org ref.OrgID, id ref.ProviderID, of Protocol) (Provider, error) {
	found, err := tx.IdentityProvider(ctx, org, id.Canonical())
	if absent(err) || err == nil && of != "" && found.Protocol != of {
		return Provider{}, errs.NotFoundf("organization %d has no identity provider %s", org, id)
	}
	return found, err
}

// CreateProvider makes an identity provider. One of the same name in the organization, or of the same hint on the server, is
// errs.Conflict. secret is the client secret of OpenID Connect.
func (p *Providers) CreateProvider(ctx context.Context, by access.Caller, org ref.OrgID, n Provider, secret string) (Provider, error) {
	if err := p.cfg.Guard.Require(ctx, by, access.ProviderCreate, org); err != nil {
		return Provider{}, err
	}
	id, err := p.newID()
	if err != nil {
		return Provider{}, err
	}
	n.ID, n.Org = ref.ProviderID(id), org
	if err := n.check(p.now()); err != nil {
		return Provider{}, err
	}
	if n.Secret, err = p.sealSecret(n.ID, secret); err != nil {
		return Provider{}, err
	}
	err = p.cfg.Store.Write(ctx, func(tx Tx) error {
		n.CreatedAt, n.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		if err := unique(ctx, tx, n); err != nil {
			return err
		}
		if err := tx.InsertIdentityProvider(ctx, n); err != nil {
			return err
		}
		return recordProvider(ctx, tx, by, "identity_provider.create", n, nil, n.told())
	})
	return n, err
}

// unique refuses names and hints that are taken. The database has the last word.
func unique(ctx context.Context, tx Tx, n Provider) error {
	all, err := tx.IdentityProviders(ctx, n.Org)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.ID != n.ID && sameFolded(other.Name, n.Name) {
			return errs.Conflictf("", "name: organization %d has an identity provider %q already", n.Org, other.Name)
		}
	}
	if n.Hint == "" {
		return nil
	}
	other, err := tx.IdentityProviderByHint(ctx, n.Hint)
	if absent(err) || err == nil && other.ID == n.ID {
		return nil
	}
	if err == nil {
		err = errs.Conflictf("", "discoveryHint: %q is taken; choose another", n.Hint)
	}
	return err
}

// UpdateProvider changes an identity provider: change edits it as it is, and may be called twice. secret nil keeps the client
// secret.
func (p *Providers) UpdateProvider(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ProviderID, of Protocol, change func(*Provider), secret *string) error {
	if err := p.cfg.Guard.Require(ctx, by, access.ProviderUpdate, org); err != nil {
		return err
	}
	return p.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		before, err := readProvider(ctx, tx, org, id, of)
		if err != nil {
			return err
		}
		after := before
		change(&after)
		if err := p.settle(ctx, tx, before, &after, secret); err != nil {
			return err
		}
		if err := tx.UpdateIdentityProvider(ctx, after); err != nil {
			return err
		}
		return recordProvider(ctx, tx, by, "identity_provider.update", after, before.told(), after.told())
	})
}

// settle checks what an identity provider is to become.
func (p *Providers) settle(ctx context.Context, tx Tx, before Provider, after *Provider, secret *string) (err error) {
	after.UpdatedAt = tx.Now()
	if err := after.check(p.now()); err != nil {
		return err
	}
	switch {
	case secret != nil:
		if after.Secret, err = p.sealSecret(after.ID, *secret); err != nil {
			return err
		}
	case after.Issuer != before.Issuer && before.Secret != "":
		return errs.Invalidf("clientSecret: is needed with another issuer, since the one that is kept was given out by %s and is sent to no other", before.Issuer)
	}
	if key := after.SAML.SigningKey; key != "" && key != before.SAML.SigningKey {
		after.SAML.SigningKey = key.Canonical()
		k, err := tx.ProviderKey(ctx, after.ID, after.SAML.SigningKey)
		if absent(err) {
			return errs.Invalidf("requestSigningKeyId: identity provider %s has no key %s", after.ID, key)
		}
		if err != nil {
			return err
		}
		if !p.now().Before(k.ExpiresAt) {
			return errs.Invalidf("requestSigningKeyId: the key ended on %s; generate another", k.ExpiresAt.Format(time.DateOnly))
		}
	}
	return unique(ctx, tx, *after)
}

// DeleteProvider removes an identity provider with its domains and keys. While its organization enforces SSO, the last one that
// speaks for a domain stays.
func (p *Providers) DeleteProvider(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ProviderID, of Protocol) error {
	if err := p.cfg.Guard.Require(ctx, by, access.ProviderDelete, org); err != nil {
		return err
	}
	return p.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.HoldOrg(ctx, org); err != nil {
			return err
		}
		found, err := readProvider(ctx, tx, org, id, of)
		if err != nil {
			return err
		}
		if err := keepWay(ctx, tx, org, func(d Domain) bool { return d.Provider != found.ID }); err != nil {
			return err
		}
		if err := tx.DeleteIdentityProvider(ctx, found.ID); err != nil {
			return err
		}
		return recordProvider(ctx, tx, by, "identity_provider.delete", found, found.told(), nil)
	})
}

// SingleProvider is the identity provider of an organization that has one with a verified domain; errs.NotFound if it has none,
// errs.Unprocessable if it has more. Anybody may ask.
func (p *Providers) SingleProvider(ctx context.Context, org ref.OrgID) (id ref.ProviderID, err error) {
	err = p.cfg.Store.Read(ctx, func(tx Tx) error {
		domains, err := tx.Domains(ctx, org, "")
		if err != nil {
			return err
		}
		id = ""
		for _, d := range domains {
			switch {
			case d.VerifiedAt.IsZero() || d.Provider == id:
			case id == "":
				id = d.Provider
			default:
				return errs.Unprocessablef("", "organization %d has several identity providers with a verified domain", org)
			}
		}
		if id == "" {
			return errs.NotFoundf("organization %d has no identity provider with a verified domain", org)
		}
		return nil
	})
	return id, err
}

// newID draws an id of 24 hexadecimal digits.
func (p *Providers) newID() (string, error) {
	b := make([]byte, 12)
	if _, err := io.ReadFull(p.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("draw random bytes: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// told is an identity provider as audit entries tell it. Secrets are not part of it.
func (n Provider) told() map[string]any {
	m := map[string]any{"name": n.Name, "protocol": n.Protocol, "discoveryHint": n.Hint, "issuer": n.Issuer, "jit": n.JIT, "groupSync": n.GroupSync}
	if n.Protocol == ProtocolSAML {
		m["saml"] = n.SAML
	} else {
		m["oidc"] = n.Upstream
	}
	return m
}

func recordProvider(ctx context.Context, tx Tx, by access.Caller, action string, n Provider, before, after any) error {
	return recordChange(ctx, tx, by, audit.Entry{Org: n.Org, Action: action, TargetKind: "identity_provider", TargetID: string(n.ID)}, before, after)
}

// recordChange writes the audit entry of a change in an organization; e says where, what and of which thing.
func recordChange(ctx context.Context, tx Tx, by access.Caller, e audit.Entry, before, after any) error {
	b, a, err := audit.Diff(before, after)
	if err != nil {
		return err
	}
	e.Actor, e.Session, e.RequestID, e.Before, e.After = audit.ActorOf(by), by.Session, by.RequestID, b, a
	return tx.Record(ctx, e)
}

// check says what is wrong with an identity provider by itself, all at once.
func (n *Provider) check(now time.Time) error {
	var w wrongs
	if strings.TrimSpace(n.Name) == "" {
		w.add("name: may not be empty")
	}
	w.text("name", n.Name, 512)
	w.text("discoveryHint", n.Hint, 255)
	if n.GroupSync != SyncNone && !n.JIT {
		w.add("groupSyncPolicy: %s needs jitProvisioningEnabled", n.GroupSync)
	}
	if n.Protocol == ProtocolSAML {
		w.text("issuerUri", n.Issuer, 2000)
		n.SAML.check(&w, now)
	} else {
		n.Upstream.check(&w, n.Issuer)
	}
	return w.err()
}

func (s *SAMLSettings) check(w *wrongs, now time.Time) {
	cert, err := parseCertificate(s.Certificate)
	switch {
	case err != nil:
		w.add("certificatePublicKey: %v", err)
	case now.After(cert.NotAfter):
		w.add("certificatePublicKey: the certificate ended on %s; give the one that the provider signs with today", cert.NotAfter.UTC().Format(time.DateOnly))
	}
	if !webAddress(s.SSOURL) {
		w.add("ssoUrl: want an address such as https://idp.example.com/sso")
	}
	if s.LogoutURL != "" && !logoutShape().MatchString(s.LogoutURL) {
		w.add("logoutRedirectUrl: want an address such as https://idp.example.com/goodbye")
	}
}

// logoutShape is what the contract can show.
var logoutShape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^https?://(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9](/[0-9a-zA-Z_-]+)*(\?([a-zA-Z0-9_-]+=[%a-zA-Z0-9_-]+)(&[a-zA-Z0-9_-]+=[%a-zA-Z0-9_-]+)*)?$`)
})

// webAddress reports whether a text is an absolute address that a browser may be sent to.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.Fragment == "" &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' || r == '"' || r == ';' })
}

// parseCertificate reads the one certificate of a PEM text, which is strong enough to be believed.
func parseCertificate(text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("want one certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("is no X.509 certificate")
	}
	return cert, strongEnough(cert)
}

// wrongs gathers what is wrong, so that it is told at once.
type wrongs []string

func (w *wrongs) add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

// text adds what is wrong with a text of at most limit characters.
func (w *wrongs) text(member, s string, limit int) {
	switch {
	case !utf8.ValidString(s):
		w.add("%s: is not well-formed UTF-8", member)
	case strings.ContainsFunc(s, unicode.IsControl):
		w.add("%s: holds a control character", member)
	case utf8.RuneCountInString(s) > limit:
		w.add("%s: is %d characters long; want at most %d", member, utf8.RuneCountInString(s), limit)
	}
}

func (w wrongs) err() error {
	if len(w) == 0 {
		return nil
	}
	return errs.Invalidf("%s", strings.Join(w, "; "))
}
