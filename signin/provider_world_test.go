package signin_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/keyring"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
)

// The organizations: an MSP, its customer, and one of nobody's.
const (
	northwind ref.OrgID = 1 + iota
	acme
	other
)

// The people, by where they belong.
const (
	olga ref.UserID = 20 + iota // owner of northwind
	tom                         // of northwind, with an address of acme's domain
	otto                        // owner of northwind, with an address of acme's domain
	amy                         // owner of acme
	ina                         // of acme, shut out
	ivo                         // of acme, invited
	gus                         // of acme, with an address of a domain that is nobody's
	xeno                        // owner of other
)

const people = `
	INSERT INTO organization (id, parent_id, name, name_folded, created_at, updated_at)
	VALUES (1, NULL, 'Northwind', 'northwind', 0, 0), (2, 1, 'Acme', 'acme', 0, 0), (3, NULL, 'Other', 'other', 0, 0);
	INSERT INTO app_user (id, email, email_folded, created_at, updated_at)
	VALUES (20, 'olga@northwind.example', 'olga@northwind.example', 0, 0), (21, 'tom@acme.example', 'tom@acme.example', 0, 0),
		(22, 'otto@acme.example', 'otto@acme.example', 0, 0), (23, 'amy@acme.example', 'amy@acme.example', 0, 0),
		(24, 'ina@acme.example', 'ina@acme.example', 0, 0), (25, 'ivo@acme.example', 'ivo@acme.example', 0, 0),
		(26, 'gus@guest.example', 'gus@guest.example', 0, 0), (27, 'xeno@other.example', 'xeno@other.example', 0, 0);
	INSERT INTO membership (org_id, user_id, state, created_at, updated_at)
	VALUES (1, 20, 'active', 0, 0), (1, 21, 'active', 0, 0), (1, 22, 'active', 0, 0), (2, 23, 'active', 0, 0), (2, 24, 'inactive', 0, 0),
		(2, 25, 'invited', 0, 0), (2, 26, 'active', 0, 0), (3, 27, 'active', 0, 0);
	INSERT INTO access_rule (org_id, role_id, user_id, created_at) VALUES (1, 1, 20, 0), (1, 1, 22, 0), (2, 1, 23, 0), (3, 1, 27, 0);
	INSERT INTO user_group (id, org_id, name, name_folded, created_at, updated_at)
	VALUES (50, 2, 'Ops', 'ops', 0, 0), (51, 2, 'Sales', 'sales', 0, 0), (52, 2, 'Old', 'old', 0, 0), (53, 1, 'Ops', 'ops', 0, 0);
	INSERT INTO user_group_member (group_id, user_id, created_at) VALUES (52, 23, 0), (52, 25, 0), (53, 21, 0)`

// federation is a world with organizations, and their identity providers.
type federation struct {
	*world
	*signin.Providers
	dns *zone
}

// zone is a DNS.
type zone struct {
	mu    sync.Mutex
	texts map[string][]string
	err   error
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.err != nil {
		return nil, z.err
	}
	list, ok := z.texts[name]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return list, nil
}

func (z *zone) put(name string, texts ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.texts[name+"."] = texts
}

var operator = access.Operator("r1")

func by(user ref.UserID) access.Caller { return access.Caller{User: user, RequestID: "r1"} }

func newFederation(t *testing.T, db *sqldb.DB, client *http.Client) *federation {
	t.Helper()
	f := &federation{world: newWorld(t, db), dns: &zone{texts: map[string][]string{}}}
	ctx := t.Context()
	err := db.Write(ctx, func(tx *sqldb.Tx) error {
		for _, statement := range strings.Split(people, ";") {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.NewGuard(access.Config{Loader: f.db.Access(), Now: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	f.db.Tell(guard)
	path := t.TempDir() + "/key"
	if err := keyring.Create(path); err != nil {
		t.Fatal(err)
	}
	box, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Providers, err = signin.NewProviders(signin.ProvidersConfig{
		Store: f.db.SignIn(), Guard: guard, Box: box, Now: f.clock.Now, Log: discard, PublicURL: public, Client: client, Resolver: f.dns,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// saml makes a SAML provider of an organization; change edits it before.
func (f *federation) saml(org ref.OrgID, name string, change func(*signin.Provider)) signin.Provider {
	f.t.Helper()
	n := signin.Provider{Protocol: signin.ProtocolSAML, Name: name, Issuer: issuer, GroupSync: signin.SyncNone, SAML: signin.SAMLSettings{
		Certificate: idpKey().pem, SSOURL: "https://idp.acme.example/sso", Binding: signin.BindingRedirect,
		RequestAlgorithm: signin.SHA256, ResponseAlgorithm: signin.SHA256, Verification: signin.SignEither,
	}}
	if change != nil {
		change(&n)
	}
	p, err := f.CreateProvider(f.t.Context(), operator, org, n, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// own verifies a domain of a provider by the DNS.
func (f *federation) own(p signin.Provider, name string) signin.Domain {
	f.t.Helper()
	d, err := f.RegisterDomain(f.t.Context(), operator, p.Org, p.ID, name)
	if err != nil {
		f.t.Fatal(err)
	}
	f.dns.put(name, "v=spf1 -all", d.Code)
	if d, err = f.ProveDomain(f.t.Context(), operator, p.Org, p.ID, name); err != nil || d.VerifiedAt.IsZero() {
		f.t.Fatalf("ProveDomain = %+v, %v", d, err)
	}
	return d
}

// begin starts a sign-in and returns the cookie and the id of the request.
func (f *federation) begin(p signin.Provider) (cookie, request string) {
	f.t.Helper()
	d, err := f.Begin(f.t.Context(), p.ID, "/customers")
	if err != nil {
		f.t.Fatal(err)
	}
	return d.Started, requestID(f.t, d)
}

// state is a membership's.
func (f *federation) standing(org ref.OrgID, user ref.UserID) (s signin.Standing) {
	f.t.Helper()
	err := f.db.SignIn().Read(f.t.Context(), func(tx signin.Tx) (err error) {
		s, err = tx.Standing(f.t.Context(), org, user)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *federation) groups(org ref.OrgID, user ref.UserID) (list []ref.UserGroupID) {
	f.t.Helper()
	err := f.db.SignIn().Read(f.t.Context(), func(tx signin.Tx) (err error) {
		list, err = tx.UserGroupsOf(f.t.Context(), org, user)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

const issuer = "https://idp.acme.example/metadata"

// signer is a key of an identity provider.
type signer struct {
	key *rsa.PrivateKey
	der []byte
	pem string
}

func newSigner() signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp", Organization: []string{"Acme, Inc."}},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return signer{key, der, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

var (
	idpKey   = sync.OnceValue(newSigner)
	rogueKey = sync.OnceValue(newSigner)
)

// saying is a SAML answer in the making.
type saying struct {
	Issuer, Audience, Recipient, Destination string
	ID, InResponseTo, ResponseTo, Status     string
	NameID                                   string
	Attributes                               map[string][]string
	From, To, Issued                         time.Time
	Response, Assertion                      bool // signed
	Key                                      signer
	Method                                   string
	NoKeyInfo                                bool
	Before                                   func(response *etree.Element)   // it is signed
	After                                    func(doc *etree.Document)       // it was signed
	Text                                     func(xml string) string         // it is sent
	Audiences                                func(conditions *etree.Element) // instead of one
}

// says is what an identity provider says of somebody, in answer to a request.
func (f *federation) says(p signin.Provider, request, email string) saying {
	now := f.clock.Now()
	return saying{Issuer: p.Issuer, Audience: f.Audience(p.ID), Recipient: f.ACSURL(p.ID), Destination: f.ACSURL(p.ID), ID: "_" + rand.Text(),
		InResponseTo: request, ResponseTo: request, Status: "urn:oasis:names:tc:SAML:2.0:status:Success", NameID: email, From: now.Add(-time.Minute),
		To: now.Add(5 * time.Minute), Issued: now, Response: true, Assertion: true, Key: idpKey(), Method: dsig.RSASHA256SignatureMethod}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// child adds an element.
func child(to *etree.Element, tag, text string, attributes ...string) *etree.Element {
	e := to.CreateElement(tag)
	for i := 0; i < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			e.CreateAttr(attributes[i], attributes[i+1])
		}
	}
	if text != "" {
		e.SetText(text)
	}
	return e
}

func (s saying) assertion(to *etree.Element) *etree.Element {
	a := child(to, "saml:Assertion", "", "xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion", "ID", s.ID, "Version", "2.0", "IssueInstant", stamp(s.Issued))
	child(a, "saml:Issuer", s.Issuer)
	subject := child(a, "saml:Subject", "")
	child(subject, "saml:NameID", s.NameID)
	confirmation := child(subject, "saml:SubjectConfirmation", "", "Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer")
	child(confirmation, "saml:SubjectConfirmationData", "", "InResponseTo", s.InResponseTo, "Recipient", s.Recipient, "NotOnOrAfter", stamp(s.To))
	conditions := child(a, "saml:Conditions", "", "NotBefore", stamp(s.From), "NotOnOrAfter", stamp(s.To))
	if s.Audiences != nil {
		s.Audiences(conditions)
	} else {
		child(child(conditions, "saml:AudienceRestriction", ""), "saml:Audience", s.Audience)
	}
	if len(s.Attributes) > 0 {
		statement := child(a, "saml:AttributeStatement", "")
		for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
			attribute := child(statement, "saml:Attribute", "", "Name", name)
			for _, v := range s.Attributes[name] {
				child(attribute, "saml:AttributeValue", v)
			}
		}
	}
	return a
}

// encode writes, signs and packs the answer.
func (s saying) encode(t *testing.T) string {
	t.Helper()
	doc := etree.NewDocument()
	r := child(&doc.Element, "samlp:Response", "", "xmlns:samlp", "urn:oasis:names:tc:SAML:2.0:protocol", "xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion",
		"ID", "_"+rand.Text(), "Version", "2.0", "IssueInstant", stamp(s.Issued), "Destination", s.Destination, "InResponseTo", s.ResponseTo)
	child(r, "saml:Issuer", s.Issuer)
	child(child(r, "samlp:Status", ""), "samlp:StatusCode", "", "Value", s.Status)
	s.assertion(r)
	if s.Before != nil {
		s.Before(r)
	}
	if s.Assertion {
		for _, a := range r.SelectElements("saml:Assertion") {
			s.sign(t, a)
		}
	}
	if s.Response {
		s.sign(t, r)
	}
	if s.After != nil {
		s.After(doc)
	}
	text, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	if s.Text != nil {
		text = s.Text(text)
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// sign puts a signature behind the issuer.
func (s saying) sign(t *testing.T, e *etree.Element) {
	t.Helper()
	ctx, err := dsig.NewSigningContext(s.Key.key, [][]byte{s.Key.der})
	if err == nil {
		err = ctx.SetSignatureMethod(s.Method)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	sig, err := ctx.ConstructSignature(e, true)
	if err != nil {
		t.Fatal(err)
	}
	if s.NoKeyInfo {
		sig.RemoveChild(sig.SelectElement("KeyInfo"))
	}
	e.InsertChildAt(1, sig)
}

// enterThrough signs somebody in at a provider, from the beginning to the session.
func (f *federation) enterThrough(p signin.Provider, email string, change func(*saying)) (signin.Opened, error) {
	f.t.Helper()
	cookie, request := f.begin(p)
	s := f.says(p, request, email)
	if change != nil {
		change(&s)
	}
	a, err := f.TakeSAML(f.t.Context(), p.ID, s.encode(f.t), "", cookie)
	if err != nil {
		return signin.Opened{}, err
	}
	return f.SignInThrough(f.t.Context(), here, a)
}

func wantErr(t *testing.T, what string, err error, kind errs.Kind, part string) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err, errs.Message(err)), part) {
		t.Errorf("%s: got %v, want %v that says %q", what, err, kind, part)
	}
}
