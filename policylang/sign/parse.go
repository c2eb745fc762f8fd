package sign

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Problem is what is wrong with one member.
type Problem struct {
	Member string // as bearerParams.scopes; of a list, the list's
	Msg    string // what is wrong and what would be right
}

// ParseError lists everything that is wrong with a credential.
type ParseError struct {
	Scheme   Scheme
	Problems []Problem // at least one, in the order of the scheme's members
}

// Error lists the problems; it shows no value of a secret member.
func (e *ParseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "credential of scheme %s: ", e.Scheme)
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.Member + " " + p.Msg)
	}
	return b.String()
}

// Parse makes a credential from the members that its scheme has in the contract, as decoded from JSON or YAML. Names are matched
// without regard to case and underscores, so that those of a template's auth block (access_key) fit too. A member that is null is
// absent; scheme, id, name, description and tags, which every credential has, are passed over. The error is a *ParseError with
// everything that is wrong, unless the scheme is none.
//
// Keys in PEM are looked at when they are used.
func Parse(scheme Scheme, in map[string]any) (Credential, error) {
	parse, ok := parsers[scheme]
	if !ok {
		_, err := ParseScheme(string(scheme))
		return nil, err
	}
	m := newMembers(in)
	for _, common := range []string{"scheme", "id", "name", "description", "tags"} {
		m.take(common)
	}
	cred := parse(m)
	m.rest()
	if len(*m.problems) > 0 {
		return nil, &ParseError{Scheme: scheme, Problems: *m.problems}
	}
	return cred, nil
}

var parsers = map[Scheme]func(*members) Credential{
	SchemeAPIKey: func(m *members) Credential { return parseAPIKey(m, "key", required) },
	SchemeAWS:    func(m *members) Credential { return parseAWS(m) },
	SchemeAWSSTS: func(m *members) Credential { return parseAWSSTS(m) },
	SchemeBasic: func(m *members) Credential {
		return Basic{m.text("username", required), m.secret("password", required)}
	},
	SchemeDigest: func(m *members) Credential {
		return Digest{m.text("username", required), m.secret("password", required)}
	},
	SchemeJWT:    func(m *members) Credential { return parseJWT(m) },
	SchemeNTLM:   func(m *members) Credential { return NTLM{m.text("username", required), m.secret("password", required)} },
	SchemeOAuth2: func(m *members) Credential { return parseOAuth2(m) },
	SchemeOracle: func(m *members) Credential { return parseOracle(m) },
}

func parseAPIKey(m *members, name string, n need) APIKey {
	c := APIKey{Key: m.secret(name, n), Location: Location(m.word("location", "header", "query")), Field: m.or("field", "Authorization"), Type: "Bearer"}
	if m.has("type") {
		c.Type = m.text("type", optional) // "" is a type: none
	}
	if c.Location == InHeader {
		m.headerName("field", c.Field)
		m.headerValue("type", c.Type)
		m.headerValue(name, c.Key.Reveal())
	}
	return c
}

func parseTarget(m *members) AWSTarget {
	m.number("version", 4, 4, 4)
	return AWSTarget{Service: m.or("service", Inferred), Region: m.or("region", Inferred)}
}

func parseAWS(m *members) AWS {
	return AWS{AWSKeys{AccessKey: m.text("accessKey", required), SecretKey: m.secret("secretKey", required)}, parseTarget(m)}
}

func parseAWSSTS(m *members) AWSSTS {
	c := AWSSTS{
		AWSKeys:         AWSKeys{AccessKey: m.text("accessKey", optional), SecretKey: m.secret("secretKey", optional)},
		AWSTarget:       parseTarget(m),
		RoleARN:         m.text("roleArn", required),
		RoleSessionName: m.text("roleSessionName", required),
		ExternalID:      m.text("externalId", optional),
		PolicyJSON:      m.text("policyJson", optional),
		MaxMinutes:      m.number("maxMinutes", 60, 30, 720),
	}
	m.together("accessKey", c.AccessKey, "secretKey", c.SecretKey.Reveal())
	return c
}

func parseJWT(m *members) JWT {
	c := JWT{TokenURL: m.text("tokenUrl", required), AdditionalHeaders: m.headers("additionalHeaders")}
	if key := parseAPIKey(m, "apiKey", optional); key.Key != "" {
		c.APIKey = &key
	}
	user, password := m.text("basicAuthUsername", optional), m.secret("basicAuthPassword", optional)
	m.together("basicAuthUsername", user, "basicAuthPassword", password.Reveal())
	if user != "" {
		c.Basic = &Basic{user, password}
	}
	if c.APIKey != nil && c.Basic != nil {
		m.wrong("apiKey", "and basicAuthUsername are two ways to ask for one token: give one")
	}
	return c
}

// grantMembers says which member holds what belongs to a grant.
var grantMembers = map[Grant]string{ClientCredentials: "clientCredentialsParams", JWTBearer: "jwtBearerParams", RefreshToken: "refreshTokenParams"}

func parseOAuth2(m *members) OAuth2 {
	c := OAuth2{TokenURL: m.text("tokenUrl", required)}
	if !m.has("grantType") {
		m.wrong("grantType", "is missing: it is client_credentials, jwt_bearer or refresh_token")
	}
	c.Grant = Grant(m.word("grantType", string(ClientCredentials), string(JWTBearer), string(RefreshToken)))
	params := m.object(grantMembers[c.Grant], required)
	for _, name := range slices.Sorted(maps.Values(grantMembers)) {
		if name != grantMembers[c.Grant] && m.take(name) != nil {
			m.wrong(name, fmt.Sprintf("does not belong to the grant %s, whose member is %s", c.Grant, grantMembers[c.Grant]))
		}
	}
	if params == nil {
		return c
	}
	switch c.Grant {
	case ClientCredentials:
		parseClientCredentials(params, &c)
	case JWTBearer:
		c.Bearer = parseAssertion(params)
	case RefreshToken:
		c.Token = params.secret("token", required)
		parseClientBasic(params, &c)
	}
	c.Scopes, c.AdditionalHeaders = params.texts("scopes"), params.headers("additionalHeaders")
	params.rest()
	return c
}

func parseClientBasic(m *members, c *OAuth2) {
	c.ClientUser, c.ClientPassword = m.text("clientUser", optional), m.secret("clientPassword", optional)
	m.needs("clientPassword", c.ClientPassword.Reveal(), "clientUser", c.ClientUser)
}

func parseClientCredentials(m *members, c *OAuth2) {
	c.ClientID, c.ClientSecret = m.text("clientId", optional), m.secret("clientSecret", optional)
	m.needs("clientSecret", c.ClientSecret.Reveal(), "clientId", c.ClientID)
	parseClientBasic(m, c)
	c.AdditionalParams = m.params("additionalParams")
	if assertion := m.object("clientAssertion", optional); assertion != nil {
		assertion.word("assertionType", "jwt_bearer")
		if params := assertion.object("jwtBearerParams", required); params != nil {
			c.ClientAssertion = parseAssertion(params)
			c.ClientAssertion.IncludeJTI = params.flag("includeJti")
			c.ClientAssertion.Headers = params.jwtHeaders("jwtHeaders")
			if c.ClientAssertion.Subject == "" { // which names the client, as the issuer does (RFC 7523, section 3)
				c.ClientAssertion.Subject = c.ClientAssertion.Issuer
			}
			params.rest()
		}
		assertion.rest()
	}
}

func parseAssertion(m *members) *Assertion {
	m.word("alg", "RS256")
	return &Assertion{
		Issuer:           m.text("iss", required),
		SigningKey:       m.secret("signingKey", required),
		Subject:          m.text("sub", optional),
		Audience:         m.text("aud", optional),
		MaxMinutes:       m.number("maxMinutes", 60, 30, 1440),
		AdditionalClaims: m.claims("additionalClaims"),
	}
}

var (
	tenancyOCID = regexp.MustCompile(`^ocid1\.tenancy\.[^"/\s]+$`)
	userOCID    = regexp.MustCompile(`^ocid1\.user\.[^"/\s]+$`)
	fingerprint = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){15}$`)
	pkcs1PEM    = regexp.MustCompile(`^-----BEGIN RSA PRIVATE KEY-----\r?\n([ ,a-zA-Z0-9:=/+-]*\r?\n)+-----END RSA PRIVATE KEY-----\r?\n?$`)
)

func parseOracle(m *members) Oracle {
	return Oracle{
		TenancyOCID: m.matching("tenancyOcid", tenancyOCID, "ocid1.tenancy.oc1..aaaa"),
		UserOCID:    m.matching("userOcid", userOCID, "ocid1.user.oc1..aaaa"),
		Fingerprint: m.matching("fingerprint", fingerprint, "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"),
		PrivateKey:  Secret(m.matching("privateKey", pkcs1PEM, "a key in PEM that begins with -----BEGIN RSA PRIVATE KEY----- (PKCS #1)")),
		Password:    m.secret("password", optional),
	}
}
