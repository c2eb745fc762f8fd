// Package openid is the OpenID provider over HTTP: discovery, the sign-in of other applications' users with its pages, and the
// endpoints that applications call themselves.
//
// Read [Provider] first. Two kinds of callers come here, and errors are told in two ways:
//
//	browsers       /oauth2/authorize, /oauth2/logout                          pages, or a redirect to the application
//	applications   /oauth2/token, userinfo, introspect, revoke, discovery     JSON of RFC 6749, section 5.2
//
// The second kind is parsed and routed by zitadel/oidc, whose op.Server is implemented here; it is built when the first request
// comes. The pages look like those of api/signin and work without scripts. What is right is decided by package openid at the root.
package openid
