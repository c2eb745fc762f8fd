package e2e_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// publicURL is what the server under test is called.
const publicURL = "https://espalier.example.com"

// idpCertificate is what an identity provider signs with.
var idpCertificate = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp", Organization: []string{"Acme, Inc."}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
})

// newIDP is the body of a create; more replaces or adds members.
func newIDP(name string, more object) object {
	body := object{
		"name": name, "certificatePublicKey": idpCertificate(), "issuerUri": "https://idp.acme.example/metadata", "ssoUrl": "https://idp.acme.example/sso",
		"requestBinding": "HTTP-POST", "requestSignatureAlgorithm": "SHA-256", "responseSignatureAlgorithm": "SHA-256",
		"responseSignatureVerification": "response or assertion", "signAuthnRequests": "false",
	}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// idp makes an identity provider and returns its path and its id.
func (m *msp) idp(name string, more object) (path, id string) {
	m.t.Helper()
	a := m.do("POST", m.at("/iam/v1", "/idps"), newIDP(name, more)).want(201)
	var made struct{ ID string }
	a.into(&made)
	equal(m.t, "location", a.header.Get("Location"), m.at("/iam/v1", "/idps/%s", made.ID))
	return a.header.Get("Location"), made.ID
}

// register registers a domain and returns its code.
func (m *msp) register(idp, name string) string {
	m.t.Helper()
	var d struct{ VerificationCode string }
	m.do("POST", idp+"/domains/register", object{"name": name}).want(201).into(&d)
	return d.VerificationCode
}

// verify registers a domain and verifies it by the DNS.
func (m *msp) verify(idp, name string) {
	m.t.Helper()
	m.server.dns.put(name, "v=spf1 -all", m.register(idp, name))
	m.do("POST", idp+"/domains/"+name+"/verify", nil).want(200)
}

type idpShown struct {
	ID, Kind, Name, IssuerURI, ACSURL, AudienceURI, SignAuthnRequests, JITProvisioningEnabled, GroupSyncPolicy, DiscoveryHint string
	RequestSigningKeyID                                                                                                       string
	CertificateDetails                                                                                                        struct{ Subject, Fingerprint string }
	Domains                                                                                                                   []object
	RequestSigningKeys                                                                                                        []object
}

func testProviders(m *msp) {
	list := m.at("/iam/v1", "/idps")
	path, id := m.idp("Acme SSO", object{"discoveryHint": "providers: acme", "jitProvisioningEnabled": "true", "groupSyncPolicy": "SYNC"})
	var p idpShown
	m.do("GET", path, nil).want(200).into(&p)
	equal(m.t, "shown", fmt.Sprint(p.ID == id, p.Kind, p.Name, p.SignAuthnRequests, p.JITProvisioningEnabled, p.GroupSyncPolicy), "trueiam#saml2-idpAcme SSOfalsetrueSYNC")
	equal(m.t, "our side", p.ACSURL+" "+p.AudienceURI, publicURL+"/signin/saml/"+id+"/acs "+publicURL+"/signin/saml/"+id)
	equal(m.t, "subject", p.CertificateDetails.Subject, `CN=idp,O=Acme\, Inc.`)
	m.do("GET", list+"/"+strings.ToUpper(id), nil).want(200)
	m.do("GET", path+"?view=index", nil).want(200).into(&p)
	m.do("GET", path+"?view=extended", nil).want(200).into(&p)
	equal(m.t, "extended", fmt.Sprint(len(p.Domains), len(p.RequestSigningKeys)), "0 0")
	for _, view := range []string{"", "?view=index", "?view=default"} {
		var all []idpShown
		m.do("GET", list+view, nil).want(200).into(&all)
		equal(m.t, "listed", len(all), 1)
	}

	m.do("POST", list, newIDP("ACME sso", nil)).wantError(409, "conflict", "Acme SSO")
	m.do("POST", list, newIDP("Second", object{"discoveryHint": "PROVIDERS: ACME"})).wantError(409, "conflict", "discoveryHint")
	m.do("POST", list, newIDP("Second", object{"groupSyncPolicy": "APPEND"})).wantError(400, "bad_request", "groupSyncPolicy", "jitProvisioningEnabled")
	m.do("POST", list, newIDP("Second", object{"signAuthnRequests": true})).wantError(400, "bad_request", "signAuthnRequests") // text, by the contract
	m.do("POST", list, newIDP("Second", object{"ssoUrl": "javascript:alert(1)"})).wantError(400, "bad_request", "ssoUrl")
	other, _ := m.idp("Second", nil)
	m.do("PATCH", other, object{"name": "Acme SSO"}).wantError(409, "conflict", "Acme SSO")
	m.do("PATCH", other, object{"discoveryHint": "providers: acme"}).wantError(409, "conflict", "discoveryHint")
	m.do("PATCH", path, object{"jitProvisioningEnabled": "false"}).wantError(400, "bad_request", "groupSyncPolicy")
	m.do("PATCH", path, object{"name": "Acme", "groupSyncPolicy": "NONE", "discoveryHint": ""}).want(204)
	p = idpShown{}
	m.do("GET", path, nil).want(200).into(&p)
	equal(m.t, "changed", p.Name+" "+p.GroupSyncPolicy+" "+p.DiscoveryHint+" "+p.IssuerURI, "Acme NONE  https://idp.acme.example/metadata")

	meta := m.do("GET", path+"/metadata.xml", nil).want(200)
	if !strings.Contains(meta.body, p.ACSURL) || !strings.Contains(meta.header.Get("Content-Disposition"), "attachment") {
		m.t.Errorf("metadata: %v\n%s", meta.header, meta.body)
	}
	testSAMLOptions(m, id)
	m.do("DELETE", path, nil).want(204)
	for _, gone := range []string{path, path + "/metadata.xml", path + "/signing-keys", path + "/domains"} {
		m.do("GET", gone, nil).wantError(404, "not_found", id)
	}
	m.do("PATCH", path, object{"name": "x"}).wantError(404, "not_found")
	m.do("DELETE", path, nil).wantError(404, "not_found")
	m.do("POST", path+"/signing-keys/generate", object{"validityYears": 2}).wantError(404, "not_found")
	m.do("POST", path+"/domains/register", object{"name": "gone.example"}).wantError(404, "not_found")
}

func testSAMLOptions(m *msp, id string) {
	options := m.at("/espalier/v1", "/saml-providers/%s", id)
	var o struct{ AllowIDPInitiated bool }
	m.do("GET", options, nil).want(200).into(&o)
	equal(m.t, "sign-ins that the provider begins", o.AllowIDPInitiated, false)
	m.do("PUT", options, object{"allowIdpInitiated": true}).want(204)
	m.do("GET", options, nil).want(200).into(&o)
	equal(m.t, "sign-ins that the provider begins", o.AllowIDPInitiated, true)
	none := m.at("/espalier/v1", "/saml-providers/%s", strings.Repeat("0", 24))
	m.do("GET", none, nil).wantError(404, "not_found")
	m.do("PUT", none, object{"allowIdpInitiated": true}).wantError(404, "not_found")
}

// Private keys leave through no answer.
func testSigningKeys(m *msp) {
	path, _ := m.idp("Keys", nil)
	_, foreign := m.idp("Foreign", nil)
	for _, years := range []any{1, 11, "2", 2.5, nil} {
		m.do("POST", path+"/signing-keys/generate", object{"validityYears": years}).wantError(400, "bad_request", "validityYears")
	}
	type key struct{ ID, KeyData, IdentityProviderID string }
	var k key
	made := m.do("POST", path+"/signing-keys/generate", object{"validityYears": 10}).want(201)
	made.into(&k)
	equal(m.t, "location", made.header.Get("Location"), path+"/signing-keys/"+k.ID)
	block, rest := pem.Decode([]byte(k.KeyData))
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		m.t.Fatalf("key data: %s", k.KeyData)
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || cert.NotAfter.Before(time.Now().AddDate(9, 11, 0)) {
		m.t.Errorf("certificate: %v, %v", cert, err)
	}
	var p idpShown
	m.do("GET", path, nil).want(200).into(&p)
	equal(m.t, "no key before it was chosen", p.RequestSigningKeyID, "")
	m.do("PATCH", path, object{"requestSigningKeyId": k.ID, "signAuthnRequests": "true"}).want(204)
	m.do("GET", path, nil).want(200).into(&p)
	equal(m.t, "chosen", p.RequestSigningKeyID+p.SignAuthnRequests, k.ID+"true")
	m.do("PATCH", m.at("/iam/v1", "/idps/%s", foreign), object{"requestSigningKeyId": k.ID}).wantError(400, "bad_request", "requestSigningKeyId")
	m.do("GET", m.at("/iam/v1", "/idps/%s/signing-keys/%s", foreign, k.ID), nil).wantError(404, "not_found")
	m.do("GET", path+"/signing-keys/"+strings.Repeat("0", 24), nil).wantError(404, "not_found")
	for _, at := range []string{path + "/signing-keys", path + "/signing-keys/" + k.ID, path + "?view=extended", path + "/metadata.xml", m.at("/espalier/v1", "/audit")} {
		if a := m.do("GET", at, nil).want(200); strings.Contains(a.body, "PRIVATE") || strings.Contains(a.body, "private_sealed") {
			m.t.Errorf("%s shows a private key: %s", at, a.body)
		}
	}
}

func testDomains(m *msp) {
	path, id := m.idp("Domains", nil)
	one := m.at("/iam/v1", "/idp")
	anybody := m.server.nobody(m.t)
	anybody.do("GET", one, nil).wantError(404, "not_found")
	anybody.do("GET", "/iam/v1/orgs/999999/idp", nil).wantError(404, "not_found")

	code := m.register(path, "Contract.Example")
	at := path + "/domains/contract.example"
	m.do("POST", path+"/domains/register", object{"name": "contract.example"}).wantError(409, "conflict", "contract.example")
	m.do("POST", path+"/domains/register", object{"name": "no domain"}).wantError(400, "bad_request", "name")
	var d struct{ Name, VerificationCode, VerifiedAt, IdentityProviderID string }
	m.do("GET", at, nil).want(200).into(&d)
	equal(m.t, "registered", d.Name+d.VerificationCode+d.VerifiedAt+d.IdentityProviderID, "contract.example"+code+id)
	m.do("POST", at+"/verify", nil).wantError(422, "unprocessable_entity", code)
	m.server.dns.put("contract.example", code+"x")
	m.do("POST", at+"/verify", nil).wantError(422, "unprocessable_entity", "none of the 1")
	anybody.do("GET", one, nil).wantError(404, "not_found")
	m.server.dns.put("contract.example", "v=spf1", code)
	d.VerificationCode = ""
	m.do("POST", at+"/verify", nil).want(200).into(&d)
	if d.VerificationCode != "" || d.VerifiedAt == "" {
		m.t.Errorf("verified: %+v", d)
	}
	m.do("POST", at+"/verify", nil).want(200)
	var single struct{ ID string }
	anybody.do("GET", one, nil).want(200).into(&single)
	equal(m.t, "the one", single.ID, id)

	second, _ := m.idp("Second", nil)
	m.do("POST", second+"/domains/register", object{"name": "contract.example"}).wantError(409, "conflict", id)
	m.do("GET", second+"/domains/contract.example", nil).wantError(404, "not_found")
	m.verify(second, "second.contract.example")
	anybody.do("GET", one, nil).wantError(422, "unprocessable_entity", "several")

	stranger := newMSP(m.t, m.server, "Domain stranger")
	theirs, _ := stranger.idp("Theirs", nil)
	m.server.dns.put("contract.example", code, stranger.register(theirs, "contract.example"))
	stranger.do("POST", theirs+"/domains/contract.example/verify", nil).wantError(409, "conflict", "another organization")
	stranger.do("POST", at+"/verify", nil).wantError(404, "not_found")
	stranger.do("POST", strings.Replace(at, m.root.OrgID.String(), stranger.root.OrgID.String(), 1)+"/verify", nil).wantError(404, "not_found")

	var list []object
	m.do("GET", path+"/domains", nil).want(200).into(&list)
	equal(m.t, "listed", len(list), 1)
	m.do("DELETE", at, nil).want(204)
	m.do("DELETE", at, nil).wantError(404, "not_found")
	m.do("GET", at, nil).wantError(404, "not_found")
	m.do("POST", at+"/verify", nil).wantError(404, "not_found")
	stranger.do("POST", theirs+"/domains/contract.example/verify", nil).want(200) // what was given up is free
}

// A parent vouches for a customer's domain that is verified as its own.
func testVouching(m *msp) {
	ours, _ := m.idp("Parent SSO", nil)
	id := m.create("Vouched", object{"owners": []object{{"email": "own@vouched.example"}}})
	c := m.asOwnerOf(id, "own@vouched.example")
	path, idp := c.idp("Customer SSO", nil)
	verify := m.at("/msp/v1", "/customers/%d/idps/%s/domains/vouched.example/verify", id, idp)
	m.do("POST", verify, nil).wantError(404, "not_found")
	c.register(path, "vouched.example")
	m.do("POST", verify, nil).wantError(422, "unprocessable_entity", "has not verified")
	m.register(ours, "vouched.example")
	m.do("POST", verify, nil).wantError(422, "unprocessable_entity", "has not verified")
	m.do("DELETE", ours+"/domains/vouched.example", nil).want(204)
	m.verify(ours, "vouched.example")
	var d struct {
		OrgID      int64
		VerifiedAt string
	}
	m.do("POST", verify, nil).want(200).into(&d)
	equal(m.t, "verified", fmt.Sprint(d.OrgID == id, d.VerifiedAt != ""), "true true")
	m.do("POST", verify, nil).want(200)

	stranger := newMSP(m.t, m.server, "Vouching stranger")
	theirs, _ := stranger.idp("Theirs", nil)
	stranger.verify(theirs, "theirs.vouched.example")
	c.register(path, "theirs.vouched.example")
	m.do("POST", strings.Replace(verify, "vouched.example", "theirs.vouched.example", 1), nil).wantError(409, "conflict", "another organization")
	stranger.do("POST", strings.Replace(verify, m.root.OrgID.String(), stranger.root.OrgID.String(), 1), nil).wantError(404, "not_found", "no customer")
	m.do("DELETE", ours+"/domains/vouched.example", nil).want(204)
	c.do("GET", path+"/domains/vouched.example", nil).wantError(404, "not_found") // it went with the word of the parent
}

func testLoginPolicy(m *msp) {
	at, glass := m.at("/iam/v1", "/login-policy"), m.at("/espalier/v1", "/break-glass")
	type policy struct {
		EnforceSSO   bool
		DefaultIDPID string
	}
	var p policy
	m.do("GET", at, nil).want(200).into(&p)
	equal(m.t, "at first", p, policy{})
	path, id := m.idp("Policy SSO", nil)
	wrapped := func(o object) object { return object{"loginPolicy": o} }
	m.do("PATCH", at, wrapped(object{"enforceSso": true})).wantError(400, "bad_request", "verified domain")
	m.do("PATCH", at, wrapped(object{"defaultIdpId": strings.Repeat("0", 24)})).wantError(400, "bad_request", "defaultIdpId")
	m.do("PATCH", at, object{"enforceSso": true}).want(204) // it is written wrapped: this says nothing
	m.verify(path, "policy.example")
	m.do("PATCH", at, wrapped(object{"enforceSso": true, "defaultIdpId": id})).want(204)
	m.do("GET", at, nil).want(200).into(&p)
	equal(m.t, "enforced", p, policy{true, id})
	var named struct{ UserID int64 }
	m.do("GET", glass, nil).want(200).into(&named)
	equal(m.t, "the owner who enforced it", named.UserID, int64(m.root.UserID))
	m.do("PUT", glass, object{}).wantError(400, "bad_request", "userId")
	m.do("PUT", glass, object{"userId": 999999}).wantError(400, "bad_request", "no owner")
	m.do("DELETE", path, nil).wantError(400, "bad_request", "enforces SSO")
	m.do("DELETE", path+"/domains/policy.example", nil).wantError(400, "bad_request", "enforces SSO")
	m.do("PATCH", at, wrapped(object{"enforceSso": false})).want(204)
	m.do("PUT", glass, object{}).want(204)
	m.do("DELETE", path, nil).want(204)
	p = policy{}
	m.do("GET", at, nil).want(200).into(&p)
	equal(m.t, "with the provider gone", p, policy{})
}

func newOIDC(name string, more object) object {
	body := object{"name": name, "issuer": "https://login.acme.example", "clientId": "espalier", "clientSecret": "a secret of the client"}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func testOIDCProviders(m *msp) {
	list := m.at("/espalier/v1", "/oidc-providers")
	made := m.do("POST", list, newOIDC("Login", object{"discoveryHint": "openid acme", "scopes": []string{"groups"}})).want(201)
	path := made.header.Get("Location")
	type provider struct {
		ID, Name, Issuer, RedirectURL string
		HasClientSecret               bool
		Scopes                        []string
		Domains                       []object
	}
	var p provider
	made.into(&p)
	equal(m.t, "made", fmt.Sprint(p.Name, p.HasClientSecret, p.Scopes, p.RedirectURL), "Logintrue [groups]"+publicURL+"/signin/oidc/"+p.ID)
	for _, at := range []string{list, path, m.at("/espalier/v1", "/audit")} {
		if a := m.do("GET", at, nil).want(200); strings.Contains(a.body, "a secret of the client") {
			m.t.Errorf("%s shows the client secret: %s", at, a.body)
		}
	}
	m.do("POST", list, newOIDC("login", nil)).wantError(409, "conflict", "name")
	m.do("POST", list, newOIDC("Second", object{"issuer": "http://login.acme.example"})).wantError(400, "bad_request", "issuer")
	m.do("POST", list, newOIDC("Second", nil)).want(201)
	m.do("PATCH", path, object{"name": "SECOND"}).wantError(409, "conflict", "name")
	m.do("PATCH", path, object{"issuer": "https://elsewhere.example"}).wantError(400, "bad_request", "clientSecret")
	m.do("PATCH", path, object{"issuer": "https://elsewhere.example", "clientSecret": ""}).want(204)
	m.do("PATCH", path, object{"scopes": []string{}}).want(204)

	domains := m.at("/iam/v1", "/idps/%s", p.ID) // they are of either kind of provider
	m.verify(domains, "openid.example")
	m.do("GET", path, nil).want(200).into(&p)
	equal(m.t, "shown", fmt.Sprint(p.HasClientSecret, p.Scopes, len(p.Domains)), "false [] 1")
	m.do("GET", domains, nil).wantError(404, "not_found") // the contract's are SAML
	m.do("DELETE", domains, nil).wantError(404, "not_found")
	m.do("DELETE", path, nil).want(204)
	m.do("GET", path, nil).wantError(404, "not_found")
	m.do("PATCH", path, object{"name": "x"}).wantError(404, "not_found")
	m.do("DELETE", path, nil).wantError(404, "not_found")
}

// renewProviders makes an identity provider with a key, a domain, and one more of OpenID Connect; and for the parent's word a
// customer that has the same domain.
func renewProviders(w *world) {
	path, id := w.idp(fmt.Sprint("Walk ", w.n), nil)
	name := func(prefix string) string { return fmt.Sprintf("%s%d.walk.example", prefix, w.n) }
	w.verify(path, name("own"))
	w.server.dns.put(name("next"), w.register(path, name("next")))
	var key, oidc struct{ ID string }
	w.do("POST", path+"/signing-keys/generate", object{"validityYears": 2}).want(201).into(&key)
	w.do("POST", w.at("/espalier/v1", "/oidc-providers"), newOIDC(fmt.Sprint("Walk OpenID ", w.n), nil)).want(201).into(&oidc)
	customer := w.valid["customerId"].(int64)
	c := w.asOwnerOf(customer, "ann@acme.example")
	theirs, their := c.idp("Theirs", nil)
	c.register(theirs, name("own"))
	c.verify(theirs, name("single"))
	for name, value := range map[string]any{
		"id": id, "identityProviderId": id, "providerId": oidc.ID, "validityYears": 2,
		"discoveryHint": fmt.Sprint("walk ", w.n), "issuerUri": "https://idp.acme.example", "ssoUrl": "https://idp.acme.example/sso", "logoutRedirectUrl": "https://idp.acme.example/bye",
		"certificatePublicKey": idpCertificate(), "requestBinding": "HTTP-REDIRECT", "requestSignatureAlgorithm": "SHA-1", "responseSignatureAlgorithm": "SHA-1",
		"responseSignatureVerification": "assertion", "signAuthnRequests": "true", "jitProvisioningEnabled": "true", "groupSyncPolicy": "SYNC", "requestSigningKeyId": key.ID,
		"defaultIdpId": id, "enforceSso": false, "allowIdpInitiated": true, "userId": w.root.UserID,
		"issuer": "https://login.acme.example", "clientId": "x", "clientSecret": "x", "scopes": []any{"groups"}, "groupsClaim": "roles", "trustEmail": true,
	} {
		w.valid[name] = value
	}
	w.valid["name"] = fmt.Sprint("Mutant ", w.n)
	for op, value := range map[string]any{
		"iam SAML2 Identity Provider Signing Key#show id": key.ID, "iam SAML2 Single Identity Provider#show orgId": customer,
		"iam SAML2 Domain#show name": name("own"), "iam SAML2 Domain#delete name": name("own"), "iam SAML2 Domain#verify name": name("next"),
		"iam SAML2 Domain#register name": name("fresh"), "msp MSP Customer Domain#Verify name": name("own"), "msp MSP Customer Domain#Verify identityProviderId": their,
		"espalier OIDC Provider#create jitProvisioningEnabled": true, "espalier OIDC Provider#update jitProvisioningEnabled": true,
		"espalier SAML Options#show providerId": id, "espalier SAML Options#update providerId": id,
	} {
		w.valid[op] = value
	}
}
