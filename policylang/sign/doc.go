// Package sign sends the requests of policy templates with the credentials of other systems: API keys, AWS, basic, digest, NTLM,
// OAuth 2 and Oracle.
//
// Read [Credential], [Parse] and [Signer] first. A credential is one of the typed structs here, made by Parse from the
// members that the contract gives its scheme. A signer sends a request with it:
//
//	cred, err := sign.Parse("basic", map[string]any{"username": "u", "password": "p"}) // *ParseError names every wrong member
//	signer, err := sign.New(sign.Config{Do: guard.RoundTrip})
//	answer, err := signer.Do(ctx, cred, request, body) // *TokenError if a token or a session was refused
//
// Everything goes out through the sender that the signer was given, requests for tokens and sessions too, so that one guard
// sees them all; what NTLM needs besides is at [Config]. The sender must not follow redirects: a signature is good for one
// address only, so who follows asks the signer anew, and a token request that is redirected fails.
//
// Secrets stand in no error of this package; what they are is told by [Signer.Secrets], for [Redact] over logs. When to try
// again, and how much of an answer to read, is left to the caller.
package sign
