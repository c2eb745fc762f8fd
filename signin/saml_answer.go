package signin

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	saml2 "github.com/russellhaering/gosaml2"
	"github.com/russellhaering/gosaml2/types"
	dsig "github.com/russellhaering/goxmldsig"

	"espalier.dev/errs"
	"espalier.dev/ref"
)

const (
	// maxAnswer bounds a SAML answer, in bytes.
	maxAnswer = 192 << 10
	// clockSkew is how far the provider's clock may be from ours.
	clockSkew = 2 * time.Minute
	// maxAnswerLife is how long an answer may be good at most: so long it is remembered.
	maxAnswerLife = 24 * time.Hour
)

// TakeSAML believes, or does not, what a browser brings from a SAML provider. startedValue is the cookie of Begin, "" if there
// is none. relay is where a sign-in that the provider began asks to go on to. What cannot be believed is errs.Unauthenticated.
func (p *Providers) TakeSAML(ctx context.Context, id ref.ProviderID, encoded, relay, startedValue string) (Asserted, error) {
	of, err := p.any(ctx, id)
	if err != nil {
		return Asserted{}, err
	}
	if of.Protocol != ProtocolSAML || p.origin == "" {
		return Asserted{}, errs.NotFoundf("There is no such sign-in.")
	}
	a, err := p.believe(of, encoded, startedValue)
	if err != nil {
		return Asserted{}, p.disbelieve(of, err)
	}
	if a.Next == "" {
		a.Next = relay
	}
	return a, nil
}

// disbelieve tells the operator why an answer was refused, and the visitor in short.
func (p *Providers) disbelieve(of Provider, why error) error {
	p.cfg.Log.Warn("an identity provider's answer is not believed", "org", of.Org, "provider", of.ID, "err", why)
	return &errs.Error{Kind: errs.Unauthenticated, Err: why,
		Msg: "The answer of your organization’s sign-in cannot be accepted: " + shortened(why.Error(), 300) + ". Begin again; if it comes back, tell whoever administers it."}
}

// believe checks an answer: its shape first, so that what is verified and what is read are one; then the signatures; then whom
// and what it is for.
func (p *Providers) believe(of Provider, encoded, startedValue string) (Asserted, error) {
	if len(encoded) > base64.StdEncoding.EncodedLen(maxAnswer) {
		return Asserted{}, fmt.Errorf("it is larger than %d bytes", maxAnswer)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Asserted{}, errors.New("it is not base64")
	}
	signed, err := examine(raw, of.SAML)
	if err != nil {
		return Asserted{}, err
	}
	cert, err := parseCertificate(of.SAML.Certificate)
	if err != nil {
		return Asserted{}, fmt.Errorf("the certificate that is kept: %w", err)
	}
	sp := p.partner(of, p.now().Add(-clockSkew)) // the library asks for ends alone
	sp.IDPCertificateStore = &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}}
	response, err := sp.ValidateEncodedResponse(encoded)
	if err != nil {
		return Asserted{}, err
	}
	if len(response.Assertions) != 1 || response.SignatureValidated != signed.response || !signed.response && !response.Assertions[0].SignatureValidated {
		return Asserted{}, errors.New("its signatures do not cover what it says")
	}
	one := &response.Assertions[0]
	ends, err := p.inTime(sp, one)
	if err != nil {
		return Asserted{}, err
	}
	a := asserted(of, one)
	a.answers = []usedAnswer{answer("assertion", string(of.ID)+"\x00"+one.ID, ends.Add(clockSkew))}
	return a, p.tie(&a, response, startedValue)
}

// inTime checks when and for whom an assertion is good, and returns its end.
func (p *Providers) inTime(sp *saml2.SAMLServiceProvider, one *types.Assertion) (ends time.Time, err error) {
	now := p.now()
	ends, err = time.Parse(time.RFC3339, one.Subject.SubjectConfirmation.SubjectConfirmationData.NotOnOrAfter)
	switch {
	case err != nil:
		return ends, errors.New("its subject confirmation has no end")
	case one.ID == "":
		return ends, errors.New("its assertion has no ID")
	case ends.After(now.Add(maxAnswerLife)):
		return ends, fmt.Errorf("it is good until %s, too long to be remembered", ends.Format(time.RFC3339))
	case !now.Before(ends.Add(clockSkew)):
		return ends, fmt.Errorf("it ended on %s", ends.Format(time.RFC3339))
	case one.IssueInstant.After(now.Add(clockSkew)):
		return ends, fmt.Errorf("it was made on %s, later than now", one.IssueInstant.Format(time.RFC3339))
	}
	c := one.Conditions
	for _, limit := range []struct {
		text string
		ok   func(time.Time) bool
	}{
		{c.NotBefore, func(t time.Time) bool { return !now.Add(clockSkew).Before(t) }},
		{c.NotOnOrAfter, func(t time.Time) bool { return now.Add(-clockSkew).Before(t) }},
	} {
		if limit.text == "" {
			continue
		}
		if t, err := time.Parse(time.RFC3339, limit.text); err != nil || !limit.ok(t) {
			return ends, fmt.Errorf("it is not good now, but from %s to %s", c.NotBefore, c.NotOnOrAfter)
		}
	}
	if len(c.AudienceRestrictions) == 0 {
		return ends, errors.New("it does not say whom it is for")
	}
	for _, r := range c.AudienceRestrictions {
		if !slices.ContainsFunc(r.Audiences, func(a types.Audience) bool { return strings.TrimSpace(a.Value) == sp.AudienceURI }) {
			return ends, fmt.Errorf("it is for somebody else than %s", sp.AudienceURI)
		}
	}
	return ends, nil
}

// tie asks whether an answer is one to a question that this very browser was sent with. One that nobody asked for is taken where
// the organization allows it.
func (p *Providers) tie(a *Asserted, response *types.Response, startedValue string) error {
	to := response.Assertions[0].Subject.SubjectConfirmation.SubjectConfirmationData.InResponseTo
	if to == "" && response.InResponseTo == "" && a.Provider.SAML.Unsolicited {
		return nil
	}
	s, ok := p.openStarted(startedValue, a.Provider.ID)
	switch {
	case to == "":
		return errors.New("nobody asked for it: begin at this server")
	case !ok:
		return errors.New("it belongs to a sign-in that this browser did not begin, or that took too long")
	case !same(to, s.Request) || response.InResponseTo != "" && !same(response.InResponseTo, s.Request):
		return errors.New("it answers another request than this browser's last")
	}
	a.Next = s.Next
	a.answers = append(a.answers, s.used())
	return nil
}

// signedParts is which parts of an answer bear a signature.
type signedParts struct{ response, assertion bool }

// examine refuses every answer that is not of the one simple shape: a response with one assertion, each signed by itself or not
// at all, every signature over the very element that it stands in, and nothing a parser could read in two ways. Signature
// wrapping needs a second place to put something; there is none.
func examine(raw []byte, s SAMLSettings) (signed signedParts, err error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil || doc.Root() == nil {
		return signed, errors.New("it is not XML")
	}
	x := examination{ids: map[string]bool{}, weak: s.ResponseAlgorithm == SHA1}
	if err := x.tokens(doc.Child, true); err != nil {
		return signed, err
	}
	root := doc.Root()
	if root.NamespaceURI() != saml2.SAMLProtocolNamespace || root.Tag != "Response" {
		return signed, errors.New("it is no SAML response")
	}
	if err := x.element(root); err != nil {
		return signed, err
	}
	if x.responses != 1 {
		return signed, errors.New("a response stands in another one")
	}
	if len(x.assertions) != 1 || x.assertions[0].Parent() != root {
		return signed, fmt.Errorf("it has %d assertions; want one, in the response itself", len(x.assertions))
	}
	if err := plainAssertion(x.assertions[0]); err != nil {
		return signed, err
	}
	for _, sig := range x.signatures {
		switch sig.Parent() {
		case root:
			err = x.signature(sig, &signed.response)
		case x.assertions[0]:
			err = x.signature(sig, &signed.assertion)
		default:
			err = errors.New("a signature stands in an odd place")
		}
		if err != nil {
			return signed, err
		}
	}
	return signed, signed.enough(s.Verification)
}

// enough asks for the signatures that the organization wants.
func (s signedParts) enough(policy string) error {
	switch {
	case policy == SignResponse && !s.response:
		return errors.New("its response is not signed")
	case policy == SignAssertion && !s.assertion:
		return errors.New("its assertion is not signed")
	case !s.response && !s.assertion:
		return errors.New("it is not signed")
	}
	return nil
}

// examination gathers what an answer is made of.
type examination struct {
	ids        map[string]bool
	weak       bool // SHA-1 is taken
	responses  int
	assertions []*etree.Element
	signatures []*etree.Element
}

// tokens refuses what is no element or text: comments split names in two for some readers, document types define them anew.
func (x *examination) tokens(list []etree.Token, top bool) error {
	for _, t := range list {
		switch t := t.(type) {
		case *etree.Comment:
			return errors.New("it has a comment in it")
		case *etree.Directive:
			return errors.New("it has a document type")
		case *etree.ProcInst:
			if !top || t.Target != "xml" {
				return errors.New("it has a processing instruction in it")
			}
		}
	}
	return nil
}

func (x *examination) element(e *etree.Element) error {
	if err := x.tokens(e.Child, false); err != nil {
		return err
	}
	for _, a := range e.Attr {
		if !strings.EqualFold(a.Key, "id") {
			continue
		}
		if a.Value == "" || x.ids[a.Value] {
			return fmt.Errorf("the ID %.40q is empty, or comes twice", a.Value)
		}
		x.ids[a.Value] = true
	}
	switch e.Tag { // whatever the namespace: nothing else has business to be called so
	case "EncryptedAssertion":
		return errors.New("it is encrypted, which this server has given no key for")
	case "Assertion":
		x.assertions = append(x.assertions, e)
	case "Response":
		x.responses++
	case "Signature":
		x.signatures = append(x.signatures, e)
	}
	for _, child := range e.ChildElements() {
		if err := x.element(child); err != nil {
			return err
		}
	}
	return nil
}

// plainAssertion refuses an assertion that says the same thing twice.
func plainAssertion(a *etree.Element) error {
	if err := once(a, "Issuer", "Subject", "Conditions"); err != nil {
		return err
	}
	subject := a.SelectElement("Subject")
	if err := once(subject, "SubjectConfirmation"); err != nil {
		return err
	}
	if n := len(children(subject, "NameID")); n > 1 {
		return fmt.Errorf("its subject has %d names", n)
	}
	return once(children(subject, "SubjectConfirmation")[0], "SubjectConfirmationData")
}

func once(of *etree.Element, tags ...string) error {
	for _, tag := range tags {
		if n := len(children(of, tag)); n != 1 {
			return fmt.Errorf("its %s has %d times %s; want one", of.Tag, n, tag)
		}
	}
	return nil
}

// children are those of a name, whatever their namespace.
func children(of *etree.Element, tag string) (list []*etree.Element) {
	for _, c := range of.ChildElements() {
		if c.Tag == tag {
			list = append(list, c)
		}
	}
	return list
}

// Algorithms that are taken. What changes little and hides nothing: canonical XML without comments, and leaving the signature out.
var (
	canonical = []string{"http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2006/12/xml-c14n11", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}
	enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	strong    = []string{
		dsig.RSASHA256SignatureMethod, dsig.RSASHA384SignatureMethod, dsig.RSASHA512SignatureMethod,
		dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod, dsig.ECDSASHA512SignatureMethod,
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512",
	}
	weak = []string{dsig.RSASHA1SignatureMethod, dsig.ECDSASHA1SignatureMethod, "http://www.w3.org/2000/09/xmldsig#sha1"}
)

// signature checks one signature's shape and marks the part that it is of.
func (x *examination) signature(sig *etree.Element, part *bool) error {
	if *part {
		return errors.New("a part of it is signed twice")
	}
	*part = true
	for _, c := range sig.ChildElements() {
		if c.Tag != "SignedInfo" && c.Tag != "SignatureValue" && c.Tag != "KeyInfo" {
			return fmt.Errorf("a signature has %s in it", c.Tag)
		}
	}
	if err := once(sig, "SignedInfo", "SignatureValue"); err != nil {
		return err
	}
	info := children(sig, "SignedInfo")[0]
	if err := once(info, "CanonicalizationMethod", "SignatureMethod", "Reference"); err != nil {
		return err
	}
	reference := children(info, "Reference")[0]
	if err := once(reference, "Transforms", "DigestMethod", "DigestValue"); err != nil {
		return err
	}
	of := sig.Parent().SelectAttrValue("ID", "")
	if uri := reference.SelectAttrValue("URI", ""); of == "" || uri != "#"+of {
		return errors.New("a signature is over something else than what it stands in")
	}
	for _, method := range []*etree.Element{children(info, "SignatureMethod")[0], children(reference, "DigestMethod")[0]} {
		name := method.SelectAttrValue("Algorithm", "")
		if !slices.Contains(strong, name) && (!x.weak || !slices.Contains(weak, name)) {
			return fmt.Errorf("a signature is made by %s, which is not taken here", name)
		}
	}
	if name := children(info, "CanonicalizationMethod")[0].SelectAttrValue("Algorithm", ""); !slices.Contains(canonical, name) {
		return fmt.Errorf("a signature is over the form %s, which is not taken here", name)
	}
	return transforms(children(reference, "Transforms")[0])
}

func transforms(list *etree.Element) error {
	without := 0
	for _, t := range list.ChildElements() {
		switch name := t.SelectAttrValue("Algorithm", ""); {
		case t.Tag != "Transform":
			return fmt.Errorf("a signature has %s in it", t.Tag)
		case name == enveloped:
			without++
		case !slices.Contains(canonical, name):
			return fmt.Errorf("a signature is over what %s makes of it, which is not taken here", name)
		}
	}
	if without != 1 {
		return errors.New("a signature does not leave itself out, once")
	}
	return nil
}

// Names of attributes, in small letters: what the large identity providers call them, by default or in their guides.
var (
	emailNames = []string{"email", "mail", "emailaddress", "user.email", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "urn:oid:0.9.2342.19200300.100.1.3"}
	firstNames = []string{"firstname", "first_name", "givenname", "given_name", "user.firstname", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "urn:oid:2.5.4.42"}
	lastNames  = []string{"lastname", "last_name", "surname", "sn", "family_name", "user.lastname", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "urn:oid:2.5.4.4"}
	groupNames = []string{"groups", "group", "memberof", "http://schemas.xmlsoap.org/claims/group", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1"}
	// groupLinks say that there are too many groups to be told here, so that none is told.
	groupLinks = []string{"http://schemas.microsoft.com/claims/groups.link"}
)

// asserted reads a verified assertion.
func asserted(of Provider, one *types.Assertion) Asserted {
	a := Asserted{Provider: of, Email: first(one, emailNames), FirstName: first(one, firstNames), LastName: first(one, lastNames),
		Groups: values(one, groupNames), NoGroups: len(values(one, groupLinks)) > 0}
	if name := one.Subject.NameID; a.Email == "" && name != nil && strings.Contains(name.Value, "@") {
		a.Email = strings.TrimSpace(name.Value)
	}
	return a
}

func first(one *types.Assertion, names []string) string {
	if list := values(one, names); len(list) > 0 {
		return list[0]
	}
	return ""
}

func values(one *types.Assertion, names []string) (list []string) {
	if one.AttributeStatement == nil {
		return nil
	}
	for _, a := range one.AttributeStatement.Attributes {
		if slices.Contains(names, strings.ToLower(a.Name)) || slices.Contains(names, strings.ToLower(a.FriendlyName)) {
			for _, v := range a.Values {
				list = append(list, strings.TrimSpace(v.Value))
			}
		}
	}
	return list
}
