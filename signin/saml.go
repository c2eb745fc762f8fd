package signin

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"time"

	saml2 "github.com/russellhaering/gosaml2"
	dsig "github.com/russellhaering/goxmldsig"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// Departure is how a browser goes to an identity provider.
type Departure struct {
	To      string  // an address
	Fields  []Field // of a form to be posted there; none: a redirect does
	Started string  // for the cookie that ties the answer to the browser
}

// Field is a field of a form.
type Field struct{ Name, Value string }

// Begin starts a sign-in at an identity provider. next is where to come back to, a path of this server.
func (p *Providers) Begin(ctx context.Context, id ref.ProviderID, next string) (Departure, error) {
	found, err := p.any(ctx, id)
	if err != nil {
		return Departure{}, err
	}
	if p.origin == "" {
		return Departure{}, errs.Conflictf("", "Signing in through a provider needs the server's public address: its operator sets --public-url.")
	}
	s := started{Provider: found.ID, Issuer: found.Issuer, Next: next, Ends: p.now().Add(startedLife).UnixMicro()}
	if found.Protocol == ProtocolOIDC {
		return p.beginUpstream(ctx, found, s)
	}
	return p.beginSAML(ctx, found, s)
}

// any reads an identity provider that somebody signs in at.
func (p *Providers) any(ctx context.Context, id ref.ProviderID) (found Provider, err error) {
	err = p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		found, err = tx.IdentityProvider(ctx, 0, id.Canonical())
		return err
	})
	if absent(err) {
		err = errs.NotFoundf("There is no such sign-in. Begin again with your e-mail address.")
	}
	return found, err
}

// Audience is what a SAML provider knows this server by; ACSURL is where it sends its answers, "" without a public address.
func (p *Providers) Audience(id ref.ProviderID) string {
	if p.origin == "" {
		return "urn:espalier:provider:" + string(id)
	}
	return p.origin + "/signin/saml/" + string(id)
}

// ACSURL is where a SAML provider sends its answers; "" without a public address.
func (p *Providers) ACSURL(id ref.ProviderID) string {
	if p.origin == "" {
		return ""
	}
	return p.origin + "/signin/saml/" + string(id) + "/acs"
}

// partner is the library's view of a provider, at an instant.
func (p *Providers) partner(of Provider, at time.Time) *saml2.SAMLServiceProvider {
	return &saml2.SAMLServiceProvider{
		IdentityProviderSSOURL: of.SAML.SSOURL, IdentityProviderIssuer: of.Issuer,
		AssertionConsumerServiceURL: p.ACSURL(of.ID), ServiceProviderIssuer: p.Audience(of.ID), AudienceURI: p.Audience(of.ID),
		Clock: dsig.NewFakeClockAt(at), MaximumDecompressedBodySize: maxAnswer,
	}
}

func (p *Providers) beginSAML(ctx context.Context, of Provider, s started) (Departure, error) {
	sp := p.partner(of, p.now())
	if err := p.arm(ctx, sp, of); err != nil {
		return Departure{}, err
	}
	post := of.SAML.Binding == BindingPost
	build := sp.BuildAuthRequestDocumentNoSig // where a redirect is signed, its query is
	if post {
		build = sp.BuildAuthRequestDocument
	}
	doc, err := build()
	if err != nil {
		return Departure{}, fmt.Errorf("make SAML request: %w", err)
	}
	s.Request = doc.Root().SelectAttrValue("ID", "")
	d := Departure{To: of.SAML.SSOURL}
	if d.Started, err = p.sealStarted(s); err != nil {
		return Departure{}, err
	}
	if post {
		text, err := doc.WriteToBytes()
		d.Fields = []Field{{"SAMLRequest", base64.StdEncoding.EncodeToString(text)}}
		return d, err
	}
	d.To, err = sp.BuildAuthURLRedirect("", doc)
	return d, err
}

// arm gives the library the key that requests are signed with, where they are.
func (p *Providers) arm(ctx context.Context, sp *saml2.SAMLServiceProvider, of Provider) error {
	if !of.SAML.SignRequests {
		return nil
	}
	if of.SAML.SigningKey == "" {
		return errs.Conflictf("", "Requests to this sign-in are to be signed, and no key was chosen. Its administrator generates one and chooses it.")
	}
	var key SigningKey
	err := p.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		key, err = tx.ProviderKey(ctx, of.ID, of.SAML.SigningKey)
		return err
	})
	if err != nil {
		return err
	}
	private, err := key.private(p.cfg.Box)
	if err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(key.Certificate))
	sp.SignAuthnRequests, sp.SignAuthnRequestsAlgorithm = true, dsig.RSASHA256SignatureMethod
	if of.SAML.RequestAlgorithm == SHA1 {
		sp.SignAuthnRequestsAlgorithm = dsig.RSASHA1SignatureMethod
	}
	sp.SignAuthnRequestsCanonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	return sp.SetSPSigningKeyStore(&saml2.KeyStore{Signer: private, Cert: block.Bytes})
}

// entity is what this server tells a SAML provider of itself. Source: SAML 2.0 metadata, section 2.4.4.
type entity struct {
	XMLName    xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID   string   `xml:"entityID,attr"`
	Descriptor struct {
		RequestsSigned   bool            `xml:"AuthnRequestsSigned,attr"`
		AssertionsSigned bool            `xml:"WantAssertionsSigned,attr"`
		Protocols        string          `xml:"protocolSupportEnumeration,attr"`
		Keys             []keyDescriptor `xml:"KeyDescriptor"`
		NameIDFormat     string
		Service          struct {
			Binding  string `xml:",attr"`
			Location string `xml:",attr"`
			Index    int    `xml:"index,attr"`
			Default  bool   `xml:"isDefault,attr"`
		} `xml:"AssertionConsumerService"`
	} `xml:"SPSSODescriptor"`
}

type keyDescriptor struct {
	Use string `xml:"use,attr"`
	Key struct {
		XMLName     xml.Name `xml:"http://www.w3.org/2000/09/xmldsig# KeyInfo"`
		Certificate string   `xml:"X509Data>X509Certificate"`
	}
}

// Metadata describes this server to a SAML provider: what it is called, where answers go, and the keys that it signs with and
// may sign with next.
func (p *Providers) Metadata(ctx context.Context, by access.Caller, org ref.OrgID, id ref.ProviderID) ([]byte, error) {
	var keys []SigningKey
	var of Provider
	err := p.ofProvider(ctx, by, access.ProviderMetadata, org, id, func(tx Tx, found Provider) (err error) {
		of = found
		keys, err = tx.ProviderKeys(ctx, found.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.origin == "" {
		return nil, errs.Invalidf("metadata names where answers go, and the server knows no address of its own: its operator sets --public-url")
	}
	e := entity{EntityID: p.Audience(of.ID)}
	d := &e.Descriptor
	d.RequestsSigned, d.AssertionsSigned = of.SAML.SignRequests, of.SAML.Verification == SignAssertion
	d.Protocols, d.NameIDFormat = saml2.SAMLProtocolNamespace, saml2.NameIdFormatEmailAddress
	d.Service.Binding, d.Service.Location, d.Service.Default = saml2.BindingHttpPost, p.ACSURL(of.ID), true
	for _, k := range keys {
		if p.now().Before(k.ExpiresAt) {
			block, _ := pem.Decode([]byte(k.Certificate))
			one := keyDescriptor{Use: "signing"}
			one.Key.Certificate = base64.StdEncoding.EncodeToString(block.Bytes)
			d.Keys = append(d.Keys, one)
		}
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	err = enc.Encode(e)
	return b.Bytes(), err
}
