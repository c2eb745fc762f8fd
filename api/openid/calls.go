package openid

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"espalier.dev/errs"
	provider "espalier.dev/openid"
)

// newCalls builds what applications call. Scripts of any site may call it: they show tokens and secrets, never a cookie.
func newCalls(cfg Config) http.Handler {
	return op.RegisterServer(&server{service: cfg.Service, log: cfg.Log}, op.Endpoints{
		Token: op.NewEndpoint(pathToken), Introspection: op.NewEndpoint(pathIntrospect),
		Userinfo: op.NewEndpoint(pathUserInfo), Revocation: op.NewEndpoint(pathRevoke),
	}, op.WithServerCORSOptions(&cors.Options{
		AllowedOrigins: []string{"*"}, AllowedMethods: []string{http.MethodGet, http.MethodPost}, AllowedHeaders: []string{"Authorization", "Content-Type"},
	}))
}

// challenges are what a refusal asks for, by path: RFC 6749, section 5.2, and RFC 6750, section 3.
var challenges = map[string]string{
	pathToken: `Basic realm="espalier"`, pathIntrospect: `Basic realm="espalier"`, pathRevoke: `Basic realm="espalier"`,
	pathUserInfo: `Bearer error="invalid_token"`,
}

// call is one of the endpoints that applications call, behind what the library takes and the standards do not: parameters in the
// address, where they come to stand in logs, and parameters that are given twice.
func (p *Provider) call(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Pragma", "no-cache") // RFC 6749, section 5.1
		if path == pathDiscovery {
			w.Header().Del("Pragma")
			w.Header().Set("Cache-Control", "public, max-age=300")
			r.URL.RawQuery = ""
		} else if refused := misplaced(r); refused != "" {
			op.WriteError(w, r, oidc.ErrInvalidRequest().WithDescription("%s", refused), nil)
			return
		}
		p.calls().ServeHTTP(&challenger{w, challenges[path]}, r)
	})
}

func misplaced(r *http.Request) string {
	if r.URL.RawQuery != "" {
		return "parameters belong into the body"
	}
	if err := r.ParseForm(); err != nil {
		return "the body cannot be read, or is too large"
	}
	for _, given := range r.PostForm {
		if len(given) > 1 {
			return "a parameter is given more than once"
		}
	}
	if r.PostForm.Has("access_token") && r.Header.Get("Authorization") != "" {
		return "the access token is given twice" // RFC 6750, section 2
	}
	return ""
}

// challenger adds to a 401 what it asks for.
type challenger struct {
	http.ResponseWriter
	challenge string
}

func (c *challenger) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", c.challenge)
	}
	c.ResponseWriter.WriteHeader(status)
}

// server is what the library asks.
type server struct {
	op.UnimplementedServer
	service *provider.Service
	log     *slog.Logger
}

// client is a client that has proved itself, as the library asks about it.
type client struct{ provider.Client }

func (c client) account() bool { return c.Account.ID != "" }

// GetID is the client_id.
func (c client) GetID() string {
	if c.account() {
		return string(c.Account.ID)
	}
	return string(c.Application.ID)
}

// AuthMethod tells public clients from others.
func (c client) AuthMethod() oidc.AuthMethod {
	if !c.account() && c.Application.Public() {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

// GrantTypes is what the client may use.
func (c client) GrantTypes() []oidc.GrantType {
	if c.account() {
		return []oidc.GrantType{oidc.GrantTypeClientCredentials}
	}
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

// The rest of op.Client is asked by parts of the library that are not used here.

// RedirectURIs is those that were registered.
func (c client) RedirectURIs() []string { return c.Application.RedirectURIs }

// PostLogoutRedirectURIs is those that were registered.
func (c client) PostLogoutRedirectURIs() []string { return c.Application.LogoutURIs }

// ApplicationType is web: addresses are compared byte by byte.
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }

// ResponseTypes is code alone.
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// LoginURL is where a request waits.
func (c client) LoginURL(id string) string { return pathAuthorize + "/" + id }

// AccessTokenType is JWT.
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// IDTokenLifetime is that of access tokens.
func (c client) IDTokenLifetime() time.Duration { return time.Hour }

// DevMode is never on.
func (c client) DevMode() bool { return false }

// RestrictAdditionalIdTokenScopes leaves none.
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func([]string) []string { return nil }
}

// RestrictAdditionalAccessTokenScopes leaves none.
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func([]string) []string { return nil }
}

// IsScopeAllowed knows the scopes of this server.
func (c client) IsScopeAllowed(scope string) bool { return slices.Contains(provider.Scopes, scope) }

// IDTokenUserinfoClaimsAssertion is off: an ID token says who, and userinfo the rest.
func (c client) IDTokenUserinfoClaimsAssertion() bool { return false }

// ClockSkew is none.
func (c client) ClockSkew() time.Duration { return 0 }

// refusals are the errors of the library by code.
var refusals = map[string]func() *oidc.Error{
	provider.InvalidRequest: oidc.ErrInvalidRequest, provider.InvalidGrant: oidc.ErrInvalidGrant, provider.InvalidScope: oidc.ErrInvalidScope,
	provider.InvalidClient: oidc.ErrInvalidClient,
	provider.InvalidToken:  func() *oidc.Error { return &oidc.Error{ErrorType: provider.InvalidToken} },
}

// told turns an error into one of the library's. What has no code says nothing and goes to the log.
func (s *server) told(ctx context.Context, err error) error {
	refused, ok := errors.AsType[*provider.Error](err)
	if !ok {
		s.log.ErrorContext(ctx, "OpenID provider", "err", err)
		status := http.StatusInternalServerError
		if errs.KindOf(err) == errs.Unavailable {
			status = http.StatusServiceUnavailable
		}
		return op.NewStatusError(oidc.ErrServerError().WithDescription("the server failed; its log holds the cause"), status)
	}
	e := refusals[refused.Code]().WithDescription("%s", refused.Description)
	if refused.Code == provider.InvalidClient || refused.Code == provider.InvalidToken {
		return op.NewStatusError(e, http.StatusUnauthorized)
	}
	return e
}

// VerifyClient finds the client behind a request.
func (s *server) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	c, err := s.authenticate(ctx, r.Data)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *server) authenticate(ctx context.Context, cc *op.ClientCredentials) (client, error) {
	if cc.ClientAssertion != "" {
		return client{}, s.told(ctx, &provider.Error{Code: provider.InvalidClient, Description: "clients prove themselves by their secret"})
	}
	c, err := s.service.Authenticate(ctx, cc.ClientID, cc.ClientSecret)
	if err != nil {
		return client{}, s.told(ctx, err)
	}
	return client{c}, nil
}

func (s *server) granted(ctx context.Context, g provider.Granted, err error) (*op.Response, error) {
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return op.NewResponse(&oidc.AccessTokenResponse{
		AccessToken: g.AccessToken, TokenType: oidc.BearerToken, ExpiresIn: uint64(g.ExpiresIn / time.Second),
		RefreshToken: g.RefreshToken, IDToken: g.IDToken, Scope: g.Scopes,
	}), nil
}

// CodeExchange gives tokens for a code.
func (s *server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	g, err := s.service.Redeem(ctx, r.Client.(client).Client, provider.Redemption{Code: r.Data.Code, RedirectURI: r.Data.RedirectURI, Verifier: r.Data.CodeVerifier})
	return s.granted(ctx, g, err)
}

// RefreshToken gives tokens for a refresh token.
func (s *server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	g, err := s.service.Refresh(ctx, r.Client.(client).Client, r.Data.RefreshToken, words(r.Data.Scopes))
	return s.granted(ctx, g, err)
}

// words drops the empty ones, which the library makes of extra spaces.
func words(list []string) []string { return strings.Fields(strings.Join(list, " ")) }

// ClientCredentialsExchange gives a service account an access token for the API.
func (s *server) ClientCredentialsExchange(ctx context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	g, err := s.service.ClientCredentials(ctx, r.Client.(client).Client, words(r.Data.Scope))
	return s.granted(ctx, g, err)
}

// Introspect tells a client about its tokens.
func (s *server) Introspect(ctx context.Context, r *op.Request[op.IntrospectionRequest]) (*op.Response, error) {
	c, err := s.authenticate(ctx, r.Data.ClientCredentials)
	if err != nil {
		return nil, err
	}
	state, err := s.service.Introspect(ctx, c.Client, r.Data.Token)
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return op.NewResponse(state), nil
}

// Revocation ends what is behind a token.
func (s *server) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	if err := s.service.Revoke(ctx, r.Client.(client).Client, r.Data.Token); err != nil {
		return nil, s.told(ctx, err)
	}
	return op.NewResponse(nil), nil
}

// UserInfo tells the claims about the user of an access token.
func (s *server) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	u, err := s.service.UserInfo(ctx, r.Data.AccessToken)
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return op.NewResponse(u), nil
}

// configuration is what discovery tells, with the member of RFC 9207 that the library lacks.
type configuration struct {
	oidc.DiscoveryConfiguration
	IssuerInAnswers bool `json:"authorization_response_iss_parameter_supported"`
}

// Discovery tells what there is and where, OpenID Connect Discovery 1.0, section 3.
func (s *server) Discovery(context.Context, *op.Request[struct{}]) (*op.Response, error) {
	issuer := s.service.Issuer()
	at := func(path string) string { return strings.TrimSuffix(issuer, "/") + path }
	secrets := []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost}
	return op.NewResponse(configuration{IssuerInAnswers: true, DiscoveryConfiguration: oidc.DiscoveryConfiguration{
		Issuer: issuer, AuthorizationEndpoint: at(pathAuthorize), TokenEndpoint: at(pathToken), UserinfoEndpoint: at(pathUserInfo),
		IntrospectionEndpoint: at(pathIntrospect), RevocationEndpoint: at(pathRevoke), EndSessionEndpoint: at(pathLogout), JwksURI: at(pathKeys),
		ScopesSupported: provider.Scopes, ResponseTypesSupported: []string{string(oidc.ResponseTypeCode)}, ResponseModesSupported: []string{string(oidc.ResponseModeQuery)},
		GrantTypesSupported: []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials},
		ACRValuesSupported:  []string{provider.ACRSingle, provider.ACRMulti}, SubjectTypesSupported: []string{"public"},
		IDTokenSigningAlgValuesSupported:          []string{"RS256"},
		TokenEndpointAuthMethodsSupported:         append(slices.Clone(secrets), oidc.AuthMethodNone),
		RevocationEndpointAuthMethodsSupported:    append(slices.Clone(secrets), oidc.AuthMethodNone),
		IntrospectionEndpointAuthMethodsSupported: secrets,
		DisplayValuesSupported:                    []oidc.Display{oidc.DisplayPage}, ClaimTypesSupported: []string{"normal"},
		ClaimsSupported: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "name", "given_name", "family_name",
			"preferred_username", "updated_at", "email", "email_verified", provider.ClaimOrganization, provider.ClaimCapabilities, provider.ClaimRoles},
		CodeChallengeMethodsSupported: []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
	}}), nil
}
