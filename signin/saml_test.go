package signin_test

import (
	"bytes"
	"compress/flate"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"espalier.dev/errs"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/migrations"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// requestID reads the id of a request that a browser is sent with.
func requestID(t *testing.T, d signin.Departure) string {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(requestOf(t, d)); err != nil {
		t.Fatal(err)
	}
	return doc.Root().SelectAttrValue("ID", "")
}

func requestOf(t *testing.T, d signin.Departure) []byte {
	t.Helper()
	if len(d.Fields) > 0 {
		raw, err := base64.StdEncoding.DecodeString(d.Fields[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	u, err := url.Parse(d.To)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func samlFederation(t *testing.T) (*federation, signin.Provider) {
	t.Helper()
	f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
	p := f.saml(acme, "Acme SSO", nil)
	f.own(p, "acme.example")
	return f, p
}

// evil is an assertion that nobody signed, about an owner.
func evil(of *etree.Element) *etree.Element {
	e := of.Copy()
	if sig := e.SelectElement("Signature"); sig != nil {
		e.RemoveChild(sig)
	}
	e.FindElement(".//NameID").SetText("amy@acme.example")
	return e
}

// What comes from an identity provider is believed only if it is whole, signed as the organization wants, for this server, for
// this browser, now, and once. Each line is one thing that is wrong, or the one that is right.
func TestWhatIsNotBelieved(t *testing.T) {
	t.Parallel()
	f, p := samlFederation(t)
	twin := f.saml(acme, "Twin", nil)
	wrap := func(change func(root, assertion, sig *etree.Element)) func(*saying) {
		return func(s *saying) {
			s.Response = false
			s.After = func(doc *etree.Document) {
				root := doc.Root()
				a := root.SelectElement("Assertion")
				change(root, a, a.SelectElement("Signature"))
			}
		}
	}
	tests := []struct {
		name   string
		policy func(*signin.SAMLSettings)
		change func(*saying)
		want   string // "" is believed
	}{
		{"all is well", nil, nil, ""},
		{"the response alone is signed", nil, func(s *saying) { s.Assertion = false }, ""},
		{"the assertion alone is signed", nil, func(s *saying) { s.Response = false }, ""},
		{"no key info", nil, func(s *saying) { s.NoKeyInfo = true }, ""},
		{"response wanted, both signed", verification(signin.SignResponse), nil, ""},
		{"assertion wanted, both signed", verification(signin.SignAssertion), nil, ""},
		{"response wanted, assertion signed", verification(signin.SignResponse), func(s *saying) { s.Response = false }, "response is not signed"},
		{"assertion wanted, response signed", verification(signin.SignAssertion), func(s *saying) { s.Assertion = false }, "assertion is not signed"},
		{"nothing is signed", nil, func(s *saying) { s.Response, s.Assertion = false, false }, "not signed"},
		{"somebody else's key", nil, func(s *saying) { s.Key = rogueKey() }, "verify certificate"},
		{"somebody else's key, unnamed", nil, func(s *saying) { s.Key, s.NoKeyInfo = rogueKey(), true }, "verification error"},
		{"SHA-1 where SHA-256 is wanted", nil, func(s *saying) { s.Method = dsig.RSASHA1SignatureMethod }, "rsa-sha1, which is not taken"},
		{"SHA-1 where it is taken", func(s *signin.SAMLSettings) { s.ResponseAlgorithm = signin.SHA1 }, func(s *saying) { s.Method = dsig.RSASHA1SignatureMethod }, ""},

		{"changed after it was signed", nil, func(s *saying) {
			s.Text = func(x string) string { return strings.Replace(x, "new@acme.example", "amy@acme.example", 1) }
		}, "could not be verified"},
		{"an assertion changed inside a signed response", nil, func(s *saying) {
			s.Assertion = false
			s.After = func(d *etree.Document) { d.FindElement("//NameID").SetText("amy@acme.example") }
		}, "could not be verified"},

		{"wrapped: a second assertion before", nil, wrap(func(root, a, _ *etree.Element) { root.InsertChildAt(a.Index(), evil(a)) }), "ID"},
		{"wrapped: a second assertion with an ID of its own", nil, wrap(func(root, a, _ *etree.Element) {
			e := evil(a)
			e.CreateAttr("ID", "_evil")
			root.InsertChildAt(a.Index(), e)
		}), "2 assertions"},
		{"wrapped: a second assertion after", nil, wrap(func(root, a, _ *etree.Element) {
			e := evil(a)
			e.CreateAttr("ID", "_evil")
			root.AddChild(e)
		}), "2 assertions"},
		{"wrapped: the signed one inside another", nil, wrap(func(root, a, _ *etree.Element) {
			e := evil(a)
			e.CreateAttr("ID", "_evil")
			root.RemoveChild(a)
			e.AddChild(a)
			root.AddChild(e)
		}), "2 assertions"},
		{"wrapped: the signature moved to another", nil, wrap(func(root, a, sig *etree.Element) {
			e := evil(a)
			e.CreateAttr("ID", "_evil")
			a.RemoveChild(sig)
			e.InsertChildAt(1, sig)
			root.RemoveChild(a)
			child(sig, "ds:Object", "").AddChild(a)
			root.AddChild(e)
		}), "2 assertions"},
		{"wrapped: the signed one in extensions", nil, wrap(func(root, a, _ *etree.Element) {
			e := evil(a)
			e.CreateAttr("ID", "_evil")
			root.RemoveChild(a)
			child(root, "samlp:Extensions", "").AddChild(a)
			root.AddChild(e)
		}), "2 assertions"},
		{"wrapped: the signed response inside another", nil, func(s *saying) {
			s.After = func(doc *etree.Document) {
				inner := doc.Root()
				outer := inner.Copy()
				outer.CreateAttr("ID", "_outer")
				outer.FindElement(".//Assertion").CreateAttr("ID", "_evil")
				outer.FindElement(".//NameID").SetText("amy@acme.example")
				doc.RemoveChild(inner)
				child(outer.SelectElement("Signature"), "ds:Object", "").AddChild(inner)
				doc.SetRoot(outer)
			}
		}, "response stands in another"},
		{"wrapped: the only assertion in a signature's object", nil, wrap(func(root, a, sig *etree.Element) {
			a.RemoveChild(sig)
			root.RemoveChild(a)
			root.AddChild(sig)
			child(sig, "ds:Object", "").AddChild(a)
		}), "1 assertions; want one, in the response itself"},
		{"a reference to nothing in particular", nil, wrap(func(_, _, sig *etree.Element) { sig.FindElement(".//Reference").CreateAttr("URI", "") }), "over something else"},
		{"a reference to something else", nil, wrap(func(root, _, sig *etree.Element) {
			sig.FindElement(".//Reference").CreateAttr("URI", "#"+root.SelectAttrValue("ID", ""))
		}), "over something else"},
		{"two references", nil, wrap(func(_, _, sig *etree.Element) {
			info := sig.SelectElement("SignedInfo")
			info.AddChild(info.SelectElement("Reference").Copy())
		}), "2 times Reference"},
		{"two signatures", nil, wrap(func(_, a, sig *etree.Element) { a.AddChild(sig.Copy()) }), "signed twice"},
		{"a transform that picks", nil, wrap(func(_, _, sig *etree.Element) {
			child(sig.FindElement(".//Transforms"), "ds:Transform", "", "Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")
		}), "xpath"},
		{"an algorithm that is a MAC", nil, wrap(func(_, _, sig *etree.Element) {
			sig.FindElement(".//SignatureMethod").CreateAttr("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")
		}), "hmac-sha1, which is not taken"},
		{"two subjects", nil, func(s *saying) {
			s.Before = func(r *etree.Element) {
				a := r.SelectElement("Assertion")
				a.AddChild(a.SelectElement("Subject").Copy())
			}
		}, "2 times Subject"},

		{"a comment in a name", nil, func(s *saying) {
			s.NameID = "amy@acme.example.evil.example"
			s.Text = func(x string) string { return strings.Replace(x, "acme.example.evil", "acme.example<!---->.evil", 1) }
		}, "comment"},
		{"a processing instruction", nil, func(s *saying) {
			s.Text = func(x string) string { return strings.Replace(x, "<saml:Subject>", "<?x y?><saml:Subject>", 1) }
		}, "processing instruction"},
		{"a document type", nil, func(s *saying) {
			s.Text = func(x string) string { return `<!DOCTYPE r [<!ENTITY e "amy">]>` + x }
		}, "document type"},
		{"encrypted", nil, func(s *saying) {
			s.After = func(d *etree.Document) { child(d.Root(), "saml:EncryptedAssertion", "") }
		}, "encrypted"},
		{"no XML", nil, func(s *saying) { s.Text = func(string) string { return "hello" } }, "not"},
		{"too large", nil, func(s *saying) { s.Text = func(x string) string { return x + strings.Repeat(" ", 300<<10) } }, "larger"},
		{"no response", nil, func(s *saying) {
			s.Text = func(x string) string { return strings.ReplaceAll(x, "samlp:Response", "samlp:LogoutResponse") }
		}, "no SAML response"},

		{"for somebody else", nil, func(s *saying) { s.Audience = "https://other.example" }, "for somebody else"},
		{"for another provider here", nil, func(s *saying) { s.Audience = f.Audience(twin.ID) }, "for somebody else"},
		{"for nobody in particular", nil, func(s *saying) { s.Audiences = func(*etree.Element) {} }, "whom it is for"},
		{"for us, and for another besides", nil, func(s *saying) {
			s.Audiences = func(c *etree.Element) {
				for _, a := range []string{s.Audience, "https://other.example"} {
					child(child(c, "saml:AudienceRestriction", ""), "saml:Audience", a)
				}
			}
		}, "for somebody else"},
		{"received elsewhere", nil, func(s *saying) { s.Recipient = f.ACSURL(twin.ID) }, "Recipient"},
		{"sent elsewhere", nil, func(s *saying) { s.Destination = "https://other.example/acs" }, "Destination"},
		{"from another issuer", nil, func(s *saying) { s.Issuer = "https://evil.example" }, "Issuer"},
		{"a refusal", nil, func(s *saying) { s.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }, "StatusCode"},
		{"an answer to another request", nil, func(s *saying) { s.InResponseTo = "_another" }, "another request"},
		{"a response to another request", nil, func(s *saying) { s.ResponseTo = "_another" }, "another request"},
		{"an answer to no request", nil, func(s *saying) { s.InResponseTo, s.ResponseTo = "", "" }, "nobody asked"},

		{"over", nil, func(s *saying) { s.To = f.clock.Now().Add(-3 * time.Minute) }, "Expired"},
		{"over by as much as clocks differ", nil, func(s *saying) { s.To = f.clock.Now().Add(-time.Minute) }, ""},
		{"not yet", nil, func(s *saying) { s.From = f.clock.Now().Add(3 * time.Minute) }, "not good now"},
		{"not yet, by as much as clocks differ", nil, func(s *saying) { s.From = f.clock.Now().Add(time.Minute) }, ""},
		{"made in the future", nil, func(s *saying) { s.Issued = f.clock.Now().Add(time.Hour) }, "later than now"},
		{"good for ever", nil, func(s *saying) { s.To = f.clock.Now().Add(100 * 24 * time.Hour) }, "too long"},
	}
	for _, tt := range tests {
		set := func(n *signin.Provider) {
			n.SAML.Verification, n.SAML.ResponseAlgorithm = signin.SignEither, signin.SHA256
			if tt.policy != nil {
				tt.policy(&n.SAML)
			}
		}
		if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolSAML, set, nil); err != nil {
			t.Fatal(err)
		}
		cookie, request := f.begin(p)
		s := f.says(p, request, "new@acme.example")
		if tt.change != nil {
			tt.change(&s)
		}
		a, err := f.TakeSAML(t.Context(), p.ID, s.encode(t), "", cookie)
		switch {
		case tt.want != "":
			wantErr(t, tt.name, err, errs.Unauthenticated, tt.want)
		case err != nil || a.Email != "new@acme.example" || a.Next != "/customers":
			t.Errorf("%s: got %+v, %v, want it believed", tt.name, a, err)
		}
	}
}

func verification(policy string) func(*signin.SAMLSettings) {
	return func(s *signin.SAMLSettings) { s.Verification = policy }
}

// An answer belongs to the browser that asked, at the provider it was sent to, for half an hour, once.
func TestAnAnswerBelongsToABrowser(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.JIT = true })
		twin := f.saml(acme, "Twin", nil)
		f.own(p, "acme.example")
		ctx := t.Context()
		cookie, request := f.begin(p)
		answer := f.says(p, request, "new@acme.example").encode(t)
		others, _ := f.begin(p)
		twins, _ := f.begin(twin)
		for what, value := range map[string]string{"no cookie": "", "nonsense": "abc", "another browser's": others, "of another provider": twins, "cut": cookie[:len(cookie)-2]} {
			_, err := f.TakeSAML(ctx, p.ID, answer, "", value)
			wantErr(t, what, err, errs.Unauthenticated, "")
		}
		_, err := f.TakeSAML(ctx, twin.ID, answer, "", twins)
		wantErr(t, "at another provider", err, errs.Unauthenticated, "")

		a, err := f.TakeSAML(ctx, p.ID, answer, "", cookie)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.SignInThrough(ctx, here, a); err != nil {
			t.Fatal(err)
		}
		again, err := f.TakeSAML(ctx, p.ID, answer, "", cookie)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.SignInThrough(ctx, here, again)
		wantErr(t, "the same answer again", err, errs.Unauthenticated, "used before")
		// Another answer to the same request, as a provider might be tricked into.
		second, err := f.TakeSAML(ctx, p.ID, f.says(p, request, "amy@acme.example").encode(t), "", cookie)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.SignInThrough(ctx, here, second)
		wantErr(t, "a second answer to one request", err, errs.Unauthenticated, "used before")

		cookie, request = f.begin(p)
		f.clock.advance(31 * time.Minute)
		_, err = f.TakeSAML(ctx, p.ID, f.says(p, request, "new@acme.example").encode(t), "", cookie)
		wantErr(t, "too late", err, errs.Unauthenticated, "too long")
		if err := f.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		var left int
		err = db.Read(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, `SELECT count(*) FROM provider_answer`, nil, &left) })
		if err != nil || left != 0 {
			t.Errorf("%d answers are remembered for nothing, %v", left, err)
		}
	})
}

// Two of the same answer at once are one sign-in.
func TestAnAnswerIsGoodOnceHoweverManyComeAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		f := newFederation(t, db, nil)
		p := f.saml(acme, "Acme SSO", func(n *signin.Provider) { n.JIT = true })
		f.own(p, "acme.example")
		cookie, request := f.begin(p)
		a, err := f.TakeSAML(t.Context(), p.ID, f.says(p, request, "new@acme.example").encode(t), "", cookie)
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 8)
		for range cap(results) {
			go func() {
				_, err := f.SignInThrough(t.Context(), here, a)
				results <- err
			}()
		}
		opened := 0
		for range cap(results) {
			if err := <-results; err == nil {
				opened++
			} else if errs.KindOf(err) != errs.Unauthenticated {
				t.Error(err)
			}
		}
		if opened != 1 {
			t.Errorf("%d sessions were opened, want 1", opened)
		}
	})
}

func TestSignInsThatTheProviderBegins(t *testing.T) {
	t.Parallel()
	f, p := samlFederation(t)
	unasked := f.says(p, "", "amy@acme.example")
	unasked.InResponseTo, unasked.ResponseTo = "", ""
	_, err := f.TakeSAML(t.Context(), p.ID, unasked.encode(t), "/policies", "")
	wantErr(t, "not allowed", err, errs.Unauthenticated, "nobody asked")
	allow := func(n *signin.Provider) { n.SAML.Unsolicited = true }
	if err := f.UpdateProvider(t.Context(), operator, acme, p.ID, signin.ProtocolSAML, allow, nil); err != nil {
		t.Fatal(err)
	}
	a, err := f.TakeSAML(t.Context(), p.ID, unasked.encode(t), "/policies", "")
	if err != nil || a.Next != "/policies" {
		t.Fatalf("allowed: got %+v, %v", a, err)
	}
	if _, err := f.SignInThrough(t.Context(), here, a); err != nil {
		t.Fatal(err)
	}
	again, err := f.TakeSAML(t.Context(), p.ID, unasked.encode(t), "", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.SignInThrough(t.Context(), here, again)
	wantErr(t, "replayed", err, errs.Unauthenticated, "used before")
	// An answer to a question of somebody else's browser is not unasked.
	_, request := f.begin(p)
	_, err = f.TakeSAML(t.Context(), p.ID, f.says(p, request, "amy@acme.example").encode(t), "", "")
	wantErr(t, "a stolen answer", err, errs.Unauthenticated, "did not begin")
}

func TestWhatAnAssertionIsReadFor(t *testing.T) {
	t.Parallel()
	f, p := samlFederation(t)
	for name, tt := range map[string]struct {
		name  string
		attrs map[string][]string
		want  string
	}{
		"a name alone":    {"x@acme.example", nil, "x@acme.example|||[]|false"},
		"Okta":            {"00u1", map[string][]string{"email": {" x@acme.example "}, "firstName": {"Ann"}, "lastName": {"Lee"}, "groups": {"Ops", "Sales"}}, "x@acme.example|Ann|Lee|[Ops Sales]|false"},
		"Entra":           {"x@acme.example", map[string][]string{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname": {"Ann"}, "http://schemas.microsoft.com/claims/groups.link": {"https://graph"}}, "x@acme.example|Ann||[]|true"},
		"an opaque name":  {"abc", nil, "|||[]|false"},
		"markup as names": {"x@acme.example", map[string][]string{"firstName": {"<b>&amp;"}}, "x@acme.example|<b>&amp;||[]|false"},
	} {
		cookie, request := f.begin(p)
		s := f.says(p, request, tt.name)
		s.Attributes = tt.attrs
		a, err := f.TakeSAML(t.Context(), p.ID, s.encode(t), "", cookie)
		if got := fmt.Sprintf("%s|%s|%s|%v|%v", a.Email, a.FirstName, a.LastName, a.Groups, a.NoGroups); err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, tt.want)
		}
	}
}

// partner is an identity provider of another library, which checks our requests as strictly as it can.
type partner struct {
	saml.IdentityProvider
	metadata *saml.EntityDescriptor
}

func (p *partner) GetServiceProvider(_ *http.Request, id string) (*saml.EntityDescriptor, error) {
	if id != p.metadata.EntityID {
		return nil, os.ErrNotExist
	}
	return p.metadata, nil
}

func (p *partner) GetSession(http.ResponseWriter, *http.Request, *saml.IdpAuthnRequest) *saml.Session {
	return &saml.Session{ID: "s", Index: "i", NameID: "amy@acme.example", UserEmail: "amy@acme.example", UserGivenName: "Amy", UserSurname: "Lee", Groups: []string{"Ops"}}
}

// Another library's identity provider takes our metadata and our signed requests by both bindings, and we take its answers.
func TestAnotherLibrarysProvider(t *testing.T) {
	t.Parallel()
	for _, binding := range []string{signin.BindingRedirect, signin.BindingPost} {
		for _, algorithm := range []string{signin.SHA256, signin.SHA1} {
			t.Run(binding+" "+algorithm, func(t *testing.T) {
				t.Parallel()
				f := newFederation(t, storetest.SQLite(t, migrations.Files()), nil)
				f.clock.advance(time.Since(f.clock.Now())) // the other library asks the machine for the time
				sso, err := url.Parse("https://idp.acme.example/sso")
				if err != nil {
					t.Fatal(err)
				}
				p := f.saml(acme, "Acme SSO", func(n *signin.Provider) {
					n.SAML.Binding, n.SAML.RequestAlgorithm, n.SAML.SignRequests = binding, algorithm, true
				})
				f.own(p, "acme.example")
				_, err = f.Begin(t.Context(), p.ID, "")
				wantErr(t, "no key was chosen", err, errs.Conflict, "no key was chosen")
				f.chooseKey(p)

				them := &partner{metadata: new(saml.EntityDescriptor)}
				text, err := f.Metadata(t.Context(), operator, acme, p.ID)
				if err != nil {
					t.Fatal(err)
				}
				unmarshal(t, text, them.metadata)
				meta, _ := url.Parse(issuer)
				cert := certificate(t, idpKey())
				them.IdentityProvider = saml.IdentityProvider{Key: idpKey().key, Certificate: cert, MetadataURL: *meta, SSOURL: *sso,
					ServiceProviderProvider: them, SessionProvider: them, SignatureMethod: dsig.RSASHA256SignatureMethod}

				d, err := f.Begin(t.Context(), p.ID, "/customers")
				if err != nil {
					t.Fatal(err)
				}
				a, err := f.TakeSAML(t.Context(), p.ID, them.answer(t, d), "", d.Started)
				if err != nil {
					t.Fatalf("not believed: %v", err)
				}
				if a.Email != "amy@acme.example" || a.LastName != "Lee" {
					t.Errorf("got %+v", a)
				}
				if opened, err := f.SignInThrough(t.Context(), here, a); err != nil || opened.User != amy || opened.Only != 0 {
					t.Errorf("SignInThrough = %+v, %v", opened.Session, err)
				}
				checkSignature(t, d, f.keyOf(p), algorithm)
			})
		}
	}
}

// answer is what the other library's provider has a browser post.
func (p *partner) answer(t *testing.T, d signin.Departure) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, d.To, nil)
	if len(d.Fields) > 0 {
		form := url.Values{d.Fields[0].Name: {d.Fields[0].Value}}
		r = httptest.NewRequest(http.MethodPost, d.To, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	p.ServeSSO(w, r)
	_, rest, ok := strings.Cut(w.Body.String(), `name="SAMLResponse" value="`)
	if !ok {
		t.Fatalf("the provider answers %d: %s", w.Code, w.Body)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

func (f *federation) chooseKey(p signin.Provider) {
	f.t.Helper()
	k, err := f.GenerateKey(f.t.Context(), operator, p.Org, p.ID, 2)
	if err != nil {
		f.t.Fatal(err)
	}
	choose := func(n *signin.Provider) { n.SAML.SigningKey = ref.SigningKeyID(strings.ToUpper(string(k.ID))) }
	if err := f.UpdateProvider(f.t.Context(), operator, p.Org, p.ID, signin.ProtocolSAML, choose, nil); err != nil {
		f.t.Fatal(err)
	}
}

func (f *federation) keyOf(p signin.Provider) signin.SigningKey {
	f.t.Helper()
	keys, err := f.SigningKeys(f.t.Context(), operator, p.Org, p.ID)
	if err != nil || len(keys) != 1 {
		f.t.Fatalf("SigningKeys = %v, %v", keys, err)
	}
	return keys[0]
}

func certificate(t *testing.T, s signer) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(s.der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func unmarshal(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := xml.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// checkSignature verifies a request by the standard library alone, or its document by goxmldsig.
func checkSignature(t *testing.T, d signin.Departure, k signin.SigningKey, algorithm string) {
	t.Helper()
	block, _ := pem.Decode([]byte(k.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	suffix, method := "rsa-sha256", x509.SHA256WithRSA
	if algorithm == signin.SHA1 {
		suffix, method = "rsa-sha1", x509.SHA1WithRSA
	}
	if len(d.Fields) > 0 {
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(requestOf(t, d)); err != nil {
			t.Fatal(err)
		}
		if got := doc.FindElement("//SignatureMethod").SelectAttrValue("Algorithm", ""); !strings.HasSuffix(got, suffix) {
			t.Errorf("signed by %s, want %s", got, suffix)
		}
		if _, err := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}}).Validate(doc.Root()); err != nil {
			t.Errorf("the request's signature: %v", err)
		}
		return
	}
	u, _ := url.Parse(d.To)
	q := u.Query()
	signed := "SAMLRequest=" + url.QueryEscape(q.Get("SAMLRequest")) + "&SigAlg=" + url.QueryEscape(q.Get("SigAlg")) // SAML bindings, 3.4.4.1
	signature, err := base64.StdEncoding.DecodeString(q.Get("Signature"))
	if err == nil {
		err = cert.CheckSignature(method, []byte(signed), signature)
	}
	if err != nil || !strings.HasSuffix(q.Get("SigAlg"), suffix) {
		t.Errorf("the request's signature by %s: %v", q.Get("SigAlg"), err)
	}
}
