package openid_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"espalier.dev/openid"
	"espalier.dev/store/sqldb"
	"espalier.dev/store/storetest"
)

// Two client libraries that know nothing of one another sign people in, as applications do.
func TestClientLibraries(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *sqldb.DB) {
		p := newIDP(t, db)
		t.Run("go-oidc", func(t *testing.T) { t.Parallel(); testGoOIDC(t, p) })
		t.Run("zitadel", func(t *testing.T) { t.Parallel(); testZitadel(t, p) })
	})
}

func testGoOIDC(t *testing.T, p *idp) {
	a := p.register(t, p.Parent, true, func(d *openid.Draft) { d.RedirectURIs = []string{"com.app.example:/back"} })
	provider, err := gooidc.NewProvider(t.Context(), p.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{ClientID: string(a.ID), RedirectURL: a.RedirectURIs[0], Endpoint: provider.Endpoint(), Scopes: []string{"openid", "profile", "email", "offline_access"}}
	verifier := oauth2.GenerateVerifier()
	at, err := url.Parse(config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), gooidc.Nonce("once")))
	if err != nil {
		t.Fatal(err)
	}
	code := p.person(t, grace).code(at.Query())
	granted, err := config.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := granted.Extra("id_token").(string)
	id, err := provider.Verifier(&gooidc.Config{ClientID: string(a.ID)}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "once" || id.VerifyAccessToken(granted.AccessToken) != nil {
		t.Errorf("nonce %q, at_hash %v", id.Nonce, id.VerifyAccessToken(granted.AccessToken))
	}
	var own openid.Place
	if err := id.Claims(&own); err != nil {
		t.Fatal(err)
	}
	want := openid.Place{Organization: openid.Organization{ID: p.Parent, Name: "Fabrikam 北風 𝄞"}, Capabilities: []string{"iam", "msp", "policy"}, Roles: []string{"org_owner"}}
	if diff := cmp.Diff(want, own); diff != "" {
		t.Errorf("claims of our own: %s", diff)
	}
	granted.Expiry = p.now().Add(-1)
	source := config.TokenSource(t.Context(), granted) // renews
	info, err := provider.UserInfo(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != id.Subject || info.Email != grace || info.EmailVerified {
		t.Errorf("user info: %+v", info)
	}
	again, err := source.Token()
	if err != nil || again.RefreshToken == granted.RefreshToken {
		t.Errorf("the refresh token stays the same, or: %v", err)
	}
}

func testZitadel(t *testing.T, p *idp) {
	a := p.register(t, p.Root, false, func(d *openid.Draft) { d.RedirectURIs = []string{"http://127.0.0.1:8765/back"} })
	party, err := rp.NewRelyingPartyOIDC(t.Context(), p.server.URL, string(a.ID), a.secret, a.RedirectURIs[0], []string{"openid", "profile", "offline_access"})
	if err != nil {
		t.Fatal(err)
	}
	verifier := strings.Repeat("v", 43)
	at, err := url.Parse(rp.AuthURL("state", party, rp.WithCodeChallenge(oidc.NewSHACodeChallenge(verifier))))
	if err != nil {
		t.Fatal(err)
	}
	b := p.person(t, ada)
	granted, err := rp.CodeExchange[*oidc.IDTokenClaims](t.Context(), b.code(at.Query()), party, rp.WithCodeVerifier(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(granted.IDTokenClaims.AuthenticationMethodsReferences, []string{"pwd"}) {
		t.Errorf("amr: %v", granted.IDTokenClaims.AuthenticationMethodsReferences)
	}
	info, err := rp.Userinfo[*oidc.UserInfo](t.Context(), granted.AccessToken, "Bearer", granted.IDTokenClaims.Subject, party)
	if err != nil || info.GivenName != "Ada" || info.PreferredUsername == "" || info.Email != "" {
		t.Errorf("user info: %+v, %v", info, err)
	}
	resources, err := rs.NewResourceServerClientCredentials(t.Context(), p.server.URL, string(a.ID), a.secret)
	if err != nil {
		t.Fatal(err)
	}
	state, err := rs.Introspect[*oidc.IntrospectionResponse](t.Context(), resources, granted.AccessToken)
	if err != nil || !state.Active || state.Subject != info.Subject || state.ClientID != string(a.ID) {
		t.Errorf("introspection: %+v, %v", state, err)
	}
	renewed, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), party, granted.RefreshToken, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := rp.RevokeToken(t.Context(), party, renewed.RefreshToken, "refresh_token"); err != nil {
		t.Fatal(err)
	}
	p.userInfo(t, renewed.AccessToken).want(t, 401, "invalid_token")

	b.enter()
	bye, err := url.Parse(party.GetEndSessionEndpoint())
	if err != nil {
		t.Fatal(err)
	}
	bye.RawQuery = url.Values{"id_token_hint": {renewed.IDToken}, "post_logout_redirect_uri": {a.LogoutURIs[0]}, "state": {"s"}}.Encode()
	if out, last := b.walk(b.do("GET", bye.String(), nil)); out != a.LogoutURIs[0]+"?state=s" {
		t.Errorf("after signing out the browser is at %q, %s", out, last.text)
	}
	if at := b.do("GET", "/account", nil); at.Header.Get("Location") == "" {
		t.Error("the browser is still signed in")
	}
}
