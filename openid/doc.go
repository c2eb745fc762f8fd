// Package openid makes Espalier an OpenID provider: other applications, registered by an organization, sign its people in here.
//
// Read [Application], [Request] and [Service] first. A sign-in goes through three steps:
//
//	step, err := s.Begin(ctx, request, session, visitor)       // sign in first; or consent; or a code
//	granted, err := s.Redeem(ctx, client, openid.Redemption{Code: code, ...})
//	claims, err := s.UserInfo(ctx, granted.AccessToken)
//
// Behind every code and token stands a session of the user in package signin, of the application's organization alone: where it
// ends, everything does. A code is good once and a refresh token is exchanged for another at each use; a second use of either
// means that somebody has a copy, and ends the session. Access tokens say who and through which session; what their bearer may
// do is asked of access at every call, as ever. An access token reaches the API only if the user consented to just that.
//
// Requests and answers are translated by package api/openid, keys are those of token, rows are kept by store/openiddb. The
// reasons are told in docs/adr/0023-openid-provider.md.
package openid
