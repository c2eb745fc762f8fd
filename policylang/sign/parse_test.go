package sign

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scheme Scheme
		in     map[string]any
		want   Credential
	}{
		{SchemeAPIKey, map[string]any{"key": "k"}, APIKey{"k", InHeader, "Authorization", "Bearer"}},
		{SchemeAPIKey, map[string]any{"key": "k", "location": "query", "field": "code", "type": nil}, APIKey{"k", InQuery, "code", "Bearer"}},
		{SchemeAPIKey, map[string]any{"key": "k", "type": ""}, APIKey{"k", InHeader, "Authorization", ""}},
		{SchemeAWS, map[string]any{"access_key": "a", "SecretKey": "s", "version": 4.0}, AWS{AWSKeys{AccessKey: "a", SecretKey: "s"}, AWSTarget{Inferred, Inferred}}},
		{SchemeAWS, map[string]any{"accessKey": "a", "secretKey": "s", "region": "eu-west-1", "service": "ec2", "version": uint64(4)}, AWS{AWSKeys{AccessKey: "a", SecretKey: "s"}, AWSTarget{"ec2", "eu-west-1"}}},
		{SchemeAWSSTS, map[string]any{"roleArn": "r", "roleSessionName": "n"}, AWSSTS{RoleARN: "r", RoleSessionName: "n", MaxMinutes: 60, AWSTarget: AWSTarget{Inferred, Inferred}}},
		{SchemeBasic, map[string]any{"scheme": "basic", "name": "N", "description": "d", "tags": []any{}, "username": "u", "password": "p"}, Basic{"u", "p"}},
		{SchemeDigest, map[string]any{"username": "u", "password": "p"}, Digest{"u", "p"}},
		{SchemeNTLM, map[string]any{"username": "u", "password": "p"}, NTLM{"u", "p"}},
		{SchemeJWT, map[string]any{"token_url": "https://t.test"}, JWT{TokenURL: "https://t.test"}},
		{SchemeOAuth2, map[string]any{"tokenUrl": "https://t.test", "grantType": "client_credentials", "clientCredentialsParams": map[string]any{"client_id": "id", "client_secret": "s"}},
			OAuth2{TokenURL: "https://t.test", Grant: ClientCredentials, ClientID: "id", ClientSecret: "s"}},
		{SchemeOAuth2, map[string]any{"tokenUrl": "https://t.test", "grantType": "jwt_bearer", "jwtBearerParams": map[string]any{"iss": "i", "signingKey": "k", "maxMinutes": json.Number("1440"), "additionalHeaders": map[string]any{"x-a": "b"}}},
			OAuth2{TokenURL: "https://t.test", Grant: JWTBearer, Bearer: &Assertion{Issuer: "i", SigningKey: "k", MaxMinutes: 1440}, AdditionalHeaders: http.Header{"X-A": {"b"}}}},
		{SchemeOracle, oracleMembers(publishedKey), Oracle{oracleMembers("")["tenancyOcid"].(string), oracleMembers("")["userOcid"].(string), oracleMembers("")["fingerprint"].(string), Secret(publishedKey), ""}},
	} {
		got, err := Parse(c.scheme, c.in)
		if err != nil {
			t.Errorf("Parse(%s, %v): %v", c.scheme, c.in, err)
			continue
		}
		if d := cmp.Diff(got, c.want); d != "" {
			t.Errorf("Parse(%s, %v) (-got +want):\n%s", c.scheme, c.in, d)
		}
		if got.Scheme() != c.scheme {
			t.Errorf("Scheme: got %s, want %s", got.Scheme(), c.scheme)
		}
	}
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		scheme Scheme
		in     map[string]any
		want   []string // Member Msg, beginning
	}{
		{"nothing", SchemeBasic, nil, []string{"username is missing", "password is missing"}},
		{"everything at once", SchemeAPIKey, map[string]any{"key": 1, "location": "body", "field": "a b", "type": "x\n", "kye": "hush"},
			[]string{"key must be a text", "location must be header or query", "field is no name that a header may have", "type holds characters", "kye is no member here; there are scheme, id, name, description, tags, key, location, field, type"}},
		{"given twice", SchemeBasic, map[string]any{"username": "u", "user_name": "v", "password": "p"}, []string{"username is given a second time, after user_name"}},
		{"aws", SchemeAWS, map[string]any{"accessKey": "a", "secretKey": "", "version": 3, "region": true}, []string{"secretKey is missing", "version must be 4", "region must be a text"}},
		{"aws_sts", SchemeAWSSTS, map[string]any{"accessKey": "a", "roleArn": "r", "maxMinutes": 721}, []string{"roleSessionName is missing", "maxMinutes must be a whole number from 30 to 720", "accessKey is of no use without secretKey"}},
		{"aws_sts, half a minute", SchemeAWSSTS, map[string]any{"roleArn": "r", "roleSessionName": "n", "maxMinutes": 30.5}, []string{"maxMinutes must be a whole number"}},
		{"oauth2 without grant", SchemeOAuth2, map[string]any{"tokenUrl": "https://t.test"}, []string{"grantType is missing: it is client_credentials, jwt_bearer or refresh_token", "clientCredentialsParams is missing"}},
		{"oauth2, the other's members", SchemeOAuth2, map[string]any{"tokenUrl": "https://t.test", "grantType": "refresh_token", "jwtBearerParams": map[string]any{}},
			[]string{"refreshTokenParams is missing", "jwtBearerParams does not belong to the grant refresh_token, whose member is refreshTokenParams"}},
		{"oauth2 client", SchemeOAuth2, oauth2Members("client_credentials", map[string]any{"clientSecret": "s", "clientPassword": "p", "scopes": "a", "includeJti": true, "additionalHeaders": map[string]any{"a b": []any{1}, "c": "d\r"}, "additionalParams": []any{},
			"clientAssertion": map[string]any{"assertionType": "saml", "jwtBearerParams": map[string]any{"alg": "none", "iss": "i", "includeJti": "yes", "jwtHeaders": map[string]any{"alg": "none", "kid": 1}, "maxMinutes": 29, "x": 1}}}),
			[]string{"clientCredentialsParams.clientSecret is of no use without clientId", "clientCredentialsParams.clientPassword is of no use without clientUser", "clientCredentialsParams.additionalParams must be an object",
				"clientCredentialsParams.clientAssertion.assertionType must be jwt_bearer", "clientCredentialsParams.clientAssertion.jwtBearerParams.alg must be RS256",
				"clientCredentialsParams.clientAssertion.jwtBearerParams.signingKey is missing", "clientCredentialsParams.clientAssertion.jwtBearerParams.maxMinutes must be a whole number from 30 to 1440",
				"clientCredentialsParams.clientAssertion.jwtBearerParams.includeJti must be true or false", "clientCredentialsParams.clientAssertion.jwtBearerParams.jwtHeaders.alg is not to be chosen",
				"clientCredentialsParams.clientAssertion.jwtBearerParams.jwtHeaders.kid must be a text", "clientCredentialsParams.clientAssertion.jwtBearerParams.x is no member here",
				"clientCredentialsParams.scopes must be a list of texts", "clientCredentialsParams.additionalHeaders.a b is no name", "clientCredentialsParams.additionalHeaders.a b must be a list of texts",
				"clientCredentialsParams.additionalHeaders.c holds characters", "clientCredentialsParams.includeJti is no member here"}},
		{"oauth2, what JSON has not", SchemeOAuth2, oauth2Members("jwt_bearer", map[string]any{"iss": "i", "signingKey": "k", "additionalClaims": map[string]any{"a": math.NaN()}}), []string{"jwtBearerParams.additionalClaims must be an object that JSON has"}},
		{"jwt by two means", SchemeJWT, map[string]any{"token_url": "https://t.test", "api_key": "k", "basic_auth_username": "u", "basic_auth_password": "p"}, []string{"apiKey and basicAuthUsername are two ways"}},
		{"oracle", SchemeOracle, map[string]any{"tenancyOcid": "ocid1.user.x", "userOcid": `ocid1.user.a"b`, "fingerprint": "20", "privateKey": "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n"},
			[]string{"tenancyOcid must read like ocid1.tenancy.", "userOcid must read like ocid1.user.", "fingerprint must read like 20:3b", "privateKey must read like a key in PEM that begins with -----BEGIN RSA PRIVATE KEY-----"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(c.scheme, c.in)
			wrong, ok := errors.AsType[*ParseError](err)
			if !ok || wrong.Scheme != c.scheme {
				t.Fatalf("got %v, want a ParseError", err)
			}
			noSecret(t, err.Error(), "hush")
			var got []string
			for i, p := range wrong.Problems {
				text := p.Member + " " + p.Msg
				if i < len(c.want) && strings.HasPrefix(text, c.want[i]) {
					text = c.want[i]
				}
				got = append(got, text)
			}
			if d := cmp.Diff(got, c.want); d != "" {
				t.Errorf("(-got +want):\n%s", d)
			}
		})
	}
}

func TestParseScheme(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Scheme{"aws-sts": SchemeAWSSTS, "aws_sts": SchemeAWSSTS, "api-key": SchemeAPIKey, "oauth2": SchemeOAuth2} {
		if got, err := ParseScheme(in); got != want || err != nil {
			t.Errorf("ParseScheme(%q): got %q %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "kerberos", "AWS"} {
		if _, err := Parse(Scheme(in), nil); err == nil || !strings.Contains(err.Error(), "is none of api_key, aws,") {
			t.Errorf("Parse(%q): got %v, want an error that lists the schemes", in, err)
		}
	}
}

// secretive is a credential of each scheme whose every secret holds the word hush.
func secretive(t *testing.T) []Credential {
	return []Credential{
		parse(t, SchemeAPIKey, map[string]any{"key": "hush+1"}),
		parse(t, SchemeAWS, map[string]any{"accessKey": "a", "secretKey": "hush"}),
		parse(t, SchemeAWSSTS, map[string]any{"accessKey": "a", "secretKey": "hush", "roleArn": "r", "roleSessionName": "n"}),
		Basic{"u", "hush"}, Digest{"u", "hush"}, NTLM{"u", "hush"},
		JWT{Basic: &Basic{"u", "hush"}, APIKey: &APIKey{Key: "hush"}},
		OAuth2{ClientSecret: "hush1", ClientPassword: "hush2", Token: "hush3", ClientAssertion: &Assertion{SigningKey: "hush4"}, Bearer: &Assertion{SigningKey: "hush5"}},
		Oracle{PrivateKey: "hush", Password: "hush more"},
	}
}

func TestPrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	for _, cred := range secretive(t) {
		var logged strings.Builder
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "cred", cred)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "cred", cred)
		marshalled, err := json.Marshal(cred)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprint(cred), fmt.Sprintf("%v %+v %#v %s %q", cred, cred, cred, cred, cred), string(marshalled), logged.String()} {
			noSecret(t, text, "hush")
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, cred := range secretive(t) {
		if len(cred.Secrets()) == 0 {
			t.Errorf("%s: no secrets", cred.Scheme())
		}
		noSecret(t, Redact(fmt.Sprintf("before %s after", strings.Join(cred.Secrets(), "|")), cred.Secrets()), "hush")
	}
	cred := APIKey{Key: "a b+c"}
	if got, want := Redact("?k=a%20b%2Bc&k=a+b%2Bc: a b+c", cred.Secrets()), "?k=[secret]&k=[secret]: [secret]"; got != want {
		t.Errorf("Redact: got %q, want %q", got, want)
	}
	if got := Redact("abc ab", []string{"ab", "", "abc"}); got != "[secret] [secret]" {
		t.Errorf("Redact, one within another: got %q", got)
	}
}

// Two credentials that differ in anything must not share a token.
func TestContentKey(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	base := OAuth2{TokenURL: "u", Grant: ClientCredentials, ClientID: "id"}
	for name, change := range map[string]func(*OAuth2){
		"nothing":   func(*OAuth2) {},
		"secret":    func(c *OAuth2) { c.ClientSecret = "s" },
		"other":     func(c *OAuth2) { c.ClientSecret = "t" },
		"password":  func(c *OAuth2) { c.ClientPassword = "s" },
		"token":     func(c *OAuth2) { c.Token = "s" },
		"mask":      func(c *OAuth2) { c.ClientSecret = masked },
		"assertion": func(c *OAuth2) { c.ClientAssertion = &Assertion{SigningKey: "s"} },
		"bearer":    func(c *OAuth2) { c.Bearer = &Assertion{SigningKey: "s"} },
		"claims":    func(c *OAuth2) { c.Bearer = &Assertion{AdditionalClaims: map[string]any{"a": 1}} },
		"scopes":    func(c *OAuth2) { c.Scopes = []string{"a"} },
		"params":    func(c *OAuth2) { c.AdditionalParams = map[string][]string{"a": {"b"}} },
		"headers":   func(c *OAuth2) { c.AdditionalHeaders = http.Header{"A": {"b"}} },
	} {
		c := base
		change(&c)
		key := contentKey(c)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[key] = name
		if contentKey(c) != key {
			t.Errorf("%s: the key changes", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("basic", `{"username":"u","password":"p"}`)
	f.Add("oauth2", `{"tokenUrl":"https://t","grantType":"client_credentials","clientCredentialsParams":{"clientAssertion":{"jwtBearerParams":{"iss":"i","signingKey":"k","jwtHeaders":{"a":"b"}}},"additionalParams":{"a":[1]}}}`)
	f.Add("aws_sts", `{"roleArn":"r","roleSessionName":"n","maxMinutes":1e300}`)
	f.Fuzz(func(t *testing.T, scheme, text string) {
		var in map[string]any
		if json.Unmarshal([]byte(text), &in) != nil {
			return
		}
		cred, err := Parse(Scheme(scheme), in)
		if (cred == nil) == (err == nil) {
			t.Fatalf("got %v and %v", cred, err)
		}
		if cred != nil {
			contentKey(cred)
		}
	})
}
