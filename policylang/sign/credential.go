package sign

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Scheme is how a credential signs, in the spelling of policy templates.
type Scheme string

// The schemes.
const (
	SchemeAPIKey Scheme = "api_key"
	SchemeAWS    Scheme = "aws"
	SchemeAWSSTS Scheme = "aws_sts"
	SchemeBasic  Scheme = "basic"
	SchemeDigest Scheme = "digest"
	SchemeJWT    Scheme = "jwt"
	SchemeNTLM   Scheme = "ntlm"
	SchemeOAuth2 Scheme = "oauth2"
	SchemeOracle Scheme = "oracle"
)

var schemes = []Scheme{SchemeAPIKey, SchemeAWS, SchemeAWSSTS, SchemeBasic, SchemeDigest, SchemeJWT, SchemeNTLM, SchemeOAuth2, SchemeOracle}

// ParseScheme reads a scheme, in the spelling of templates (aws_sts) or of the contract's paths (aws-sts).
func ParseScheme(s string) (Scheme, error) {
	if found := Scheme(strings.ReplaceAll(s, "-", "_")); slices.Contains(schemes, found) {
		return found, nil
	}
	return "", fmt.Errorf("scheme %q is none of %s", s, listed(schemes))
}

// String is the spelling of templates.
func (s Scheme) String() string { return string(s) }

// Credential is one of [APIKey], [AWS], [AWSSTS], [Basic], [Digest], [JWT], [NTLM], [OAuth2] and [Oracle]. Printing, logging or
// marshalling one shows none of its members that are secret by the contract.
type Credential interface {
	// Scheme says which it is.
	Scheme() Scheme
	// Secrets lists what must not stand in a log, in every form in which it travels.
	Secrets() []string

	send(s *Signer, req *http.Request, body []byte) (*http.Response, error)
}

// Secret is a text that shows itself only when asked: printed, logged or marshalled it reads [secret].
type Secret string

const masked = "[secret]"

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString hides the text.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// formatted prints a credential that holds others by pointers. Package fmt, given a verb that a pointer does not have, prints what it
// points to without asking its methods, secrets included.
func formatted(f fmt.State, c Credential, tokenURL string) {
	_, _ = fmt.Fprintf(f, "%s credential by %s", c.Scheme(), tokenURL) // where it goes is the printer's business
}

// Redact replaces every secret in text. Longer ones go first, so that one which holds another leaves no rest.
func Redact(text string, secrets []string) string {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return s == "" })
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, masked)
	}
	return text
}

// secretForms lists the secrets that are there, as they are and as they stand in a URL or a form.
func secretForms(secrets ...Secret) []string {
	var forms []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		plain := s.Reveal()
		forms = append(forms, plain)
		for _, form := range []string{url.QueryEscape(plain), queryEscape(plain)} {
			if !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// queryEscape escapes for a query with a blank as %20, which every server understands.
func queryEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// basicAuth is what follows "Basic " in a header.
func basicAuth(user string, password Secret) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password.Reveal()))
}

// contentKey names a credential by its whole content: two that differ in anything, a secret included, share nothing. The
// marshalled form says which secrets there are, Secrets what they are.
func contentKey(c Credential) string {
	shape, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("sign: credential of scheme %s does not marshal: %v", c.Scheme(), err)) // Parse lets in only what came from JSON or YAML
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s", c.Scheme(), len(shape), shape)
	for _, s := range c.Secrets() {
		fmt.Fprintf(h, " %d %s", len(s), s)
	}
	return string(h.Sum(nil))
}

func listed[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}
