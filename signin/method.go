package signin

import (
	"slices"
	"time"

	"espalier.dev/ref"
)

// Method is a way to prove who one is.
type Method string

// The methods.
const (
	Password     Method = "password"
	TOTP         Method = "totp"          // a code of an authenticator app
	RecoveryCode Method = "recovery_code" // in place of one, once
	Passkey      Method = "passkey"       // with the person verified by the device
	SAML         Method = "saml"
	OIDC         Method = "oidc" // OpenID Connect, at an identity provider
)

// Proof is a method that was used, and when.
type Proof struct {
	Method   Method         `json:"method"`
	At       time.Time      `json:"at"`
	Provider ref.ProviderID `json:"provider,omitempty"` // that vouched for it
}

// references are the values of RFC 8176 for each method.
var references = map[Method][]string{
	Password:     {"pwd"},
	TOTP:         {"otp"},
	RecoveryCode: {"otp"},
	Passkey:      {"swk", "user"},
}

// AMR is the proofs as authentication method references, RFC 8176: sorted, with mfa where there is more than one factor. What
// an identity provider asked for is its own to tell and gives none.
func AMR(proofs []Proof) []string {
	var list []string
	factors := 0
	for _, p := range proofs {
		list = append(list, references[p.Method]...)
		switch p.Method {
		case Passkey:
			factors += 2 // the device, and what unlocks it
		case Password, TOTP, RecoveryCode:
			factors++
		}
	}
	if factors > 1 {
		list = append(list, "mfa")
	}
	slices.Sort(list)
	return slices.Compact(list)
}
