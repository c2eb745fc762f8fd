package iam

import (
	"maps"

	"espalier.dev/api/door"
	"espalier.dev/audit/trail"
	"espalier.dev/iam"
	"espalier.dev/org"
	"espalier.dev/signin"
	"espalier.dev/token"
)

// API is the name of the document that is served.
const API = "iam"

// Config is what the operations stand on.
type Config struct {
	Orgs   *org.Service
	People *iam.Service
	Tokens *token.Service
	Trail  *trail.Service
	// Providers is identity providers, their domains and who has to use them.
	Providers *signin.Providers
	// Catalog describes capabilities.
	Catalog org.Catalog
	// Zone is the server's part of references.
	Zone string
}

// Handlers is the operations of the API, noun by noun.
func Handlers(cfg Config) map[string]door.Handler {
	s := &server{cfg}
	all := make(map[string]door.Handler)
	for _, noun := range []map[string]door.Handler{
		s.organizations(),
		s.users(),
		s.groups(),
		s.roles(),
		s.accessRules(),
		s.userReports(),
		s.customizations(),
		s.contracts(),
		s.serviceAccounts(),
		s.accessPolicies(),
		s.refreshTokens(),
		s.events(),
		s.invitations(),
		s.identityProviders(),
		s.domains(),
	} {
		maps.Copy(all, noun)
	}
	return all
}

type server struct{ Config }
