// Package token makes and judges the two credentials of the API: refresh tokens, which are kept, and access tokens, which
// are carried.
//
// Read [Service] first. A refresh token is a random secret that is shown once, stored as a hash, and lives a fixed 365 days
// unless it is revoked. It buys access tokens: JWTs of one hour, signed with Ed25519, that say who and through which refresh
// token, and nothing of what the bearer may do.
//
//	t, secret, err := tokens.Create(ctx, caller, "laptop")       // esp_k3v…_mfz…
//	grant, err := tokens.Exchange(ctx, token.Request{GrantType: token.GrantRefreshToken, RefreshToken: secret})
//	caller, err := tokens.Authenticate(ctx, grant.AccessToken)   // asks each time whether the refresh token is live
//
// [SigningKey] says how keys follow one another without a gap. What a caller may do is decided by package access, rows are
// kept by store, and OpenID for other applications is package openid. The reasons are told in docs/adr/0005-tokens.md.
package token
