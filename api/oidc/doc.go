// Package oidc serves the token operation of the contract, POST /oidc/token, and the keys that its tokens are signed with; and
// it finds the caller behind the bearer token of any other request.
//
// Read [Handlers] and [Authenticate] first. What a token is and when it is good is decided by package token. Source: the
// contract, section 6.
package oidc
