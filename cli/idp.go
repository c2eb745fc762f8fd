package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// idpVerb is the verbs about where the people of an organization sign in.
type idpVerb struct {
	List        idpList        `cmd:"" help:"List the identity providers of both kinds."`
	Show        idpShow        `cmd:"" help:"Show one, with its domains and what it is to be given."`
	SAML        samlVerb       `cmd:"" name:"saml" help:"Identity providers that speak SAML 2.0."`
	OIDC        oidcVerb       `cmd:"" name:"oidc" help:"Identity providers that speak OpenID Connect."`
	Delete      idpDelete      `cmd:"" help:"End one, its domains and its keys."`
	Domain      domainVerb     `cmd:"" help:"Domains whose people sign in through an identity provider."`
	LoginPolicy loginPolicyIDP `cmd:"" name:"login-policy" help:"Whether people must sign in through an identity provider, and who need not."`
}

type samlVerb struct {
	Create   samlCreate   `cmd:"" help:"Make one."`
	Update   samlUpdate   `cmd:"" help:"Change one."`
	Metadata samlMetadata `cmd:"" help:"Write what is to be given to the identity provider."`
	Key      samlKey      `cmd:"" help:"Make a key that requests are signed with, and print its certificate."`
}

type oidcVerb struct {
	Create oidcCreate `cmd:"" help:"Make one."`
	Update oidcUpdate `cmd:"" help:"Change one."`
}

// foundIDP is an identity provider of either kind; the other is nil.
type foundIDP struct {
	SAML *wire.IdentityProvider
	OIDC *wire.OIDCProvider
}

func (f foundIDP) id() ref.ProviderID {
	if f.SAML != nil {
		return f.SAML.ID
	}
	return f.OIDC.ID
}

func (f foundIDP) name() string {
	if f.SAML != nil {
		return f.SAML.Name
	}
	return f.OIDC.Name
}

// identityProviders lists those of both kinds.
func identityProviders(ctx context.Context, c *client.Client, org ref.OrgID) ([]foundIDP, error) {
	saml, err := c.IdentityProviders(ctx, org)
	if err != nil {
		return nil, err
	}
	oidc, err := c.OIDCProviders(ctx, org)
	if err != nil {
		return nil, err
	}
	list := make([]foundIDP, 0, len(saml)+len(oidc))
	for i := range saml {
		list = append(list, foundIDP{SAML: &saml[i]})
	}
	for i := range oidc {
		list = append(list, foundIDP{OIDC: &oidc[i]})
	}
	return list, nil
}

// idpArg is an identity provider as an argument: by id or name.
type idpArg struct {
	IDP string `arg:"" name:"idp" help:"An identity provider, by id or name."`
}

func (a idpArg) find(ctx context.Context, c *client.Client, org ref.OrgID) (foundIDP, error) {
	list, err := identityProviders(ctx, c, org)
	if err != nil {
		return foundIDP{}, err
	}
	var names []string
	for _, f := range list {
		if strings.EqualFold(string(f.id()), a.IDP) || strings.EqualFold(f.name(), a.IDP) {
			return f, nil
		}
		names = append(names, f.name())
	}
	if len(names) == 0 {
		return foundIDP{}, errs.NotFoundf("organization %d has no identity provider", org)
	}
	return foundIDP{}, errs.NotFoundf("organization %d has no identity provider %q; there are: %s", org, a.IDP, strings.Join(names, ", "))
}

// findSAML finds one that speaks SAML.
func (a idpArg) findSAML(ctx context.Context, c *client.Client, org ref.OrgID) (ref.ProviderID, error) {
	f, err := a.find(ctx, c, org)
	switch {
	case err != nil:
		return "", err
	case f.SAML == nil:
		return "", usageOf(fmt.Errorf("identity provider %s speaks OpenID Connect; see espalier idp oidc", f.id()))
	}
	return f.SAML.ID, nil
}

// findOIDC finds one that speaks OpenID Connect.
func (a idpArg) findOIDC(ctx context.Context, c *client.Client, org ref.OrgID) (ref.ProviderID, error) {
	f, err := a.find(ctx, c, org)
	switch {
	case err != nil:
		return "", err
	case f.OIDC == nil:
		return "", usageOf(fmt.Errorf("identity provider %s speaks SAML; see espalier idp saml", f.id()))
	}
	return f.OIDC.ID, nil
}

type idpList struct {
	remote
	jsonOutput
}

// listedIDPs is what 'espalier idp list --json' prints.
type listedIDPs struct {
	SAML []wire.IdentityProvider `json:"saml"`
	OIDC []wire.OIDCProvider     `json:"oidc"`
}

// Run lists them.
func (v *idpList) Run(ctx context.Context, sh *Shell) error {
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	list, err := identityProviders(ctx, c, org)
	if err != nil {
		return err
	}
	out := listedIDPs{SAML: []wire.IdentityProvider{}, OIDC: []wire.OIDCProvider{}}
	t := table{head: []string{"ID", "NAME", "KIND", "ISSUER", "MAKES MEMBERS"}}
	for _, f := range list {
		if p := f.SAML; p != nil {
			out.SAML = append(out.SAML, *p)
			t.add(string(p.ID), p.Name, "SAML", p.IssuerURI, yesNo(p.JITProvisioningEnabled == "true"))
			continue
		}
		out.OIDC = append(out.OIDC, *f.OIDC)
		t.add(string(f.OIDC.ID), f.OIDC.Name, "OpenID Connect", f.OIDC.Issuer, yesNo(f.OIDC.JITProvisioningEnabled))
	}
	if v.JSON {
		return printJSON(sh.Out, out)
	}
	return t.print(sh.Out)
}

type idpShow struct {
	remote
	idpArg
	jsonOutput
}

// Run shows one.
func (v *idpShow) Run(ctx context.Context, sh *Shell) error {
	c, org, f, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	if f.SAML != nil {
		p, err := c.IdentityProvider(ctx, org, f.SAML.ID)
		if err != nil {
			return err
		}
		return v.showSAML(sh, p)
	}
	p, err := c.OIDCProvider(ctx, org, f.OIDC.ID)
	if err != nil {
		return err
	}
	return v.showOIDC(sh, p)
}

func (v *idpShow) showSAML(sh *Shell, p wire.IdentityProvider) error {
	if v.JSON {
		return printJSON(sh.Out, p)
	}
	facts := table{}
	facts.add("Id", string(p.ID))
	facts.add("Name", p.Name)
	facts.add("Kind", "SAML")
	facts.add("Hint", p.DiscoveryHint)
	facts.add("Issuer", p.IssuerURI)
	facts.add("Signs in at", p.SSOURL+" ("+p.RequestBinding+")")
	facts.add("Answers to", p.ACSURL)
	facts.add("Audience", p.AudienceURI)
	facts.add("Requests are signed", yesNo(p.SignAuthnRequests == "true"))
	facts.add("Must be signed", p.ResponseSignatureVerification)
	if d := p.CertificateDetails; d != nil {
		facts.add("Certificate", d.Fingerprint+", ends "+instant(d.ExpiresAt))
	}
	facts.add("Makes members", yesNo(p.JITProvisioningEnabled == "true"))
	facts.add("User groups", p.GroupSyncPolicy)
	keys := table{head: []string{"SIGNING KEY", "ENDS", "USED"}}
	for _, k := range p.RequestSigningKeys {
		keys.add(string(k.ID), instant(k.ExpiresAt), yesNo(k.ID == p.RequestSigningKeyID))
	}
	return printTables(sh.Out, facts, keys, domainTable(p.Domains))
}

func (v *idpShow) showOIDC(sh *Shell, p wire.OIDCProvider) error {
	if v.JSON {
		return printJSON(sh.Out, p)
	}
	facts := table{}
	facts.add("Id", string(p.ID))
	facts.add("Name", p.Name)
	facts.add("Kind", "OpenID Connect")
	facts.add("Hint", p.DiscoveryHint)
	facts.add("Issuer", p.Issuer)
	facts.add("Client id", p.ClientID)
	facts.add("Has a secret", yesNo(p.HasClientSecret))
	facts.add("Answers to", p.RedirectURL)
	facts.add("Scopes", strings.Join(p.Scopes, " "))
	facts.add("Claim of groups", p.GroupsClaim)
	facts.add("Its word for addresses is enough", yesNo(p.TrustEmail))
	facts.add("Makes members", yesNo(p.JITProvisioningEnabled))
	facts.add("User groups", p.GroupSyncPolicy)
	return printTables(sh.Out, facts, domainTable(p.Domains))
}

func domainTable(list []wire.Domain) table {
	t := table{head: []string{"DOMAIN", "VERIFIED", "TXT RECORD"}}
	for _, d := range list {
		t.add(d.Name, everInstant(d.VerifiedAt), d.VerificationCode)
	}
	return t
}

// idpFlags are what both kinds have; what is not given stays as it is.
type idpFlags struct {
	Hint      *string `key:"-" placeholder:"TEXT" help:"What people may name it by before they sign in; unique on the server."`
	JIT       *bool   `name:"jit" key:"-" negatable:"" help:"Whom it vouches for becomes a member at the first sign-in."`
	GroupSync *string `key:"-" enum:"NONE,APPEND,SYNC" placeholder:"HOW" help:"NONE; APPEND: users join the user groups that it names; SYNC: and leave the others. Needs --jit."`
}

// samlFlags are those of SAML.
type samlFlags struct {
	Issuer         *string `key:"-" placeholder:"URI" help:"Who the identity provider says it is."`
	SSOURL         *string `name:"sso-url" key:"-" placeholder:"URL" help:"Where people sign in."`
	LogoutURL      *string `name:"logout-url" key:"-" placeholder:"URL" help:"Where people go after signing out."`
	Binding        *string `key:"-" enum:"HTTP-POST,HTTP-REDIRECT" placeholder:"HOW" help:"HTTP-POST or HTTP-REDIRECT: how requests go to it."`
	Certificate    *string `key:"-" placeholder:"FILE" help:"PEM file with the certificate that it signs with."`
	RequiredSigned *string `name:"must-be-signed" key:"-" enum:"response,assertion,response or assertion" placeholder:"WHAT" help:"response, assertion, or \"response or assertion\": what it must have signed."`
	SignRequests   *bool   `key:"-" negatable:"" help:"Sign requests; needs a key, see 'espalier idp saml key'."`
	SigningKey     *string `key:"-" placeholder:"ID" help:"Key that requests are signed with."`
	RequestHash    *string `name:"request-hash" key:"-" enum:"SHA-1,SHA-256" placeholder:"HASH" help:"SHA-256, or SHA-1 for identity providers of old."`
	ResponseHash   *string `name:"response-hash" key:"-" enum:"SHA-1,SHA-256" placeholder:"HASH" help:"The weakest that its signatures may be made with."`
	idpFlags
}

func (f *samlFlags) body(name *string) (b wire.PutIdentityProvider, err error) {
	b = wire.PutIdentityProvider{
		Name: name, DiscoveryHint: f.Hint, IssuerURI: f.Issuer, SSOURL: f.SSOURL, LogoutRedirectURL: f.LogoutURL, RequestBinding: f.Binding,
		RequestSignatureAlgorithm: f.RequestHash, ResponseSignatureAlgorithm: f.ResponseHash, ResponseSignatureVerification: f.RequiredSigned,
		SignAuthnRequests: asText(f.SignRequests), JITProvisioningEnabled: asText(f.JIT), GroupSyncPolicy: f.GroupSync,
		RequestSigningKeyID: (*ref.SigningKeyID)(f.SigningKey),
	}
	if f.Certificate != nil {
		text, err := os.ReadFile(*f.Certificate)
		if err != nil {
			return b, usageOf(fmt.Errorf("--certificate: %w", err))
		}
		certificate := string(bytes.TrimSpace(text))
		b.CertificatePublicKey = &certificate
	}
	return b, nil
}

// asText is a boolean as the contract has it in identity providers.
func asText(b *bool) *string {
	if b == nil {
		return nil
	}
	text := strconv.FormatBool(*b)
	return &text
}

type samlCreate struct {
	remote
	Name string `arg:"" help:"Name, unique in the organization."`
	samlFlags
	jsonOutput
}

// Validate is called by kong.
func (v *samlCreate) Validate() error {
	var missing []string
	for _, f := range []struct {
		name  string
		value *string
	}{{"--issuer", v.Issuer}, {"--sso-url", v.SSOURL}, {"--certificate", v.Certificate}} {
		if f.value == nil {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing flags: %s", strings.Join(missing, ", "))
	}
	return nil
}

// Run makes one; what most providers want is the default.
func (v *samlCreate) Run(ctx context.Context, sh *Shell) error {
	b, err := v.body(&v.Name)
	if err != nil {
		return err
	}
	for member, preset := range map[**string]string{
		&b.RequestBinding: "HTTP-REDIRECT", &b.RequestSignatureAlgorithm: "SHA-256", &b.ResponseSignatureAlgorithm: "SHA-256",
		&b.ResponseSignatureVerification: "assertion", &b.SignAuthnRequests: "false",
	} {
		if *member == nil {
			*member = &preset
		}
	}
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	id, err := c.CreateIdentityProvider(ctx, org, b)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, wire.ProviderID{ID: id})
	}
	_, err = fmt.Fprintf(sh.Out, "Identity provider %s is made. Give it 'espalier idp saml metadata %s', then name its domains: espalier idp domain add %s acme.example\n", id, id, id)
	return err
}

type samlUpdate struct {
	remote
	idpArg
	Name *string `key:"-" placeholder:"NAME" help:"Another name."`
	samlFlags
	jsonOutput
}

// Run changes one.
func (v *samlUpdate) Run(ctx context.Context, sh *Shell) error {
	b, err := v.body(v.Name)
	if err != nil {
		return err
	}
	if b == (wire.PutIdentityProvider{}) {
		return usageOf(errors.New("nothing to change: give a flag such as --sso-url"))
	}
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.findSAML)
	if err != nil {
		return err
	}
	if err := c.UpdateIdentityProvider(ctx, org, id, b); err != nil {
		return err
	}
	return changedIDP(sh, v.JSON, id, "changed")
}

// changedIDP says what became of one.
func changedIDP(sh *Shell, asJSON bool, id ref.ProviderID, how string) error {
	if asJSON {
		return printJSON(sh.Out, wire.ProviderID{ID: id})
	}
	_, err := fmt.Fprintf(sh.Out, "Identity provider %s is %s.\n", id, how)
	return err
}

type samlMetadata struct {
	remote
	idpArg
	File string `arg:"" optional:"" help:"File to write to; the screen if left out."`
}

// Run writes metadata.
func (v *samlMetadata) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.findSAML)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := c.IdentityProviderMetadata(ctx, org, id, &text); err != nil {
		return err
	}
	if v.File != "" {
		return os.WriteFile(v.File, text.Bytes(), 0o644)
	}
	_, err = fmt.Fprintln(sh.Out, strings.TrimRight(printable(text.String(), true), "\n"))
	return err
}

type samlKey struct {
	remote
	idpArg
	Years int `key:"-" default:"3" placeholder:"N" help:"How long its certificate is good for."`
	jsonOutput
}

// Run makes a key.
func (v *samlKey) Run(ctx context.Context, sh *Shell) error {
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.findSAML)
	if err != nil {
		return err
	}
	k, err := c.GenerateSigningKey(ctx, org, id, v.Years)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, k)
	}
	_, err = fmt.Fprintf(sh.Out, "%s\nKey %s ends %s. Once the identity provider has this certificate: espalier idp saml update %s --sign-requests --signing-key %s\n",
		strings.TrimSpace(printable(k.KeyData, true)), k.ID, instant(k.ExpiresAt), id, k.ID)
	return err
}

// oidcFlags are those of OpenID Connect.
type oidcFlags struct {
	SecretFile  string   `key:"-" placeholder:"FILE" help:"File with the client secret; a newline at its end is no part of it."`
	Scope       []string `key:"-" placeholder:"SCOPE" help:"Scopes to ask for, in place of openid, email and profile."`
	GroupsClaim *string  `key:"-" placeholder:"NAME" help:"Claim that holds the names of user groups."`
	TrustEmail  *bool    `key:"-" negatable:"" help:"Its word for an address is enough, without email_verified."`
	idpFlags
}

func (f *oidcFlags) body() (wire.PutOIDCProvider, error) {
	b := wire.PutOIDCProvider{DiscoveryHint: f.Hint, Scopes: f.Scope, GroupsClaim: f.GroupsClaim, TrustEmail: f.TrustEmail,
		JITProvisioningEnabled: f.JIT, GroupSyncPolicy: f.GroupSync}
	if f.SecretFile == "" {
		return b, nil
	}
	secret, err := readSecret("--secret-file", f.SecretFile)
	b.ClientSecret = &secret
	return b, err
}

type oidcCreate struct {
	remote
	Name     string `arg:"" help:"Name, unique in the organization."`
	Issuer   string `key:"-" required:"" placeholder:"URL" help:"Its address; what it can do is read from /.well-known/openid-configuration below it."`
	ClientID string `key:"-" required:"" placeholder:"ID" help:"What it calls this server."`
	oidcFlags
	jsonOutput
}

// Run makes one.
func (v *oidcCreate) Run(ctx context.Context, sh *Shell) error {
	b, err := v.body()
	if err != nil {
		return err
	}
	b.Name, b.Issuer, b.ClientID = &v.Name, &v.Issuer, &v.ClientID
	c, org, err := v.dial(sh)
	if err != nil {
		return err
	}
	p, err := c.CreateOIDCProvider(ctx, org, b)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, p)
	}
	register := "Register " + p.RedirectURL + " with it"
	if p.RedirectURL == "" {
		register = "Nobody can use it before the server has a --public-url"
	}
	_, err = fmt.Fprintf(sh.Out, "Identity provider %s is made. %s. Then name its domains: espalier idp domain add %s acme.example\n", p.ID, printable(register, false), p.ID)
	return err
}

type oidcUpdate struct {
	remote
	idpArg
	Name     *string `key:"-" placeholder:"NAME" help:"Another name."`
	Issuer   *string `key:"-" placeholder:"URL" help:"Another address."`
	ClientID *string `key:"-" placeholder:"ID" help:"What it calls this server."`
	oidcFlags
	jsonOutput
}

// Run changes one.
func (v *oidcUpdate) Run(ctx context.Context, sh *Shell) error {
	if v.Name == nil && v.Issuer == nil && v.ClientID == nil && v.isZero() {
		return usageOf(errors.New("nothing to change: give a flag such as --secret-file"))
	}
	b, err := v.body()
	if err != nil {
		return err
	}
	b.Name, b.Issuer, b.ClientID = v.Name, v.Issuer, v.ClientID
	c, org, id, err := dialTo(ctx, sh, &v.remote, v.findOIDC)
	if err != nil {
		return err
	}
	if err := c.UpdateOIDCProvider(ctx, org, id, b); err != nil {
		return err
	}
	return changedIDP(sh, v.JSON, id, "changed")
}

func (f *oidcFlags) isZero() bool {
	return f.SecretFile == "" && f.Scope == nil && f.GroupsClaim == nil && f.TrustEmail == nil && f.idpFlags == idpFlags{}
}

type idpDelete struct {
	remote
	idpArg
	jsonOutput
}

// Run ends one.
func (v *idpDelete) Run(ctx context.Context, sh *Shell) error {
	c, org, f, err := dialTo(ctx, sh, &v.remote, v.find)
	if err != nil {
		return err
	}
	end := c.DeleteIdentityProvider
	if f.OIDC != nil {
		end = c.DeleteOIDCProvider
	}
	if err := end(ctx, org, f.id()); err != nil {
		return err
	}
	return changedIDP(sh, v.JSON, f.id(), "deleted")
}
