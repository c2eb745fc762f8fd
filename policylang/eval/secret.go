package eval

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"espalier.dev/policylang/value"
)

// hidden stands where a secret was.
const hidden = "(hidden)"

// secretNames are members and headers whose values are no one's business, in lower case, without - and _.
var secretNames = []string{
	"authorization", "proxyauthorization", "cookie", "setcookie", "xapikey", "apikey", "xamzsecuritytoken", "xauthtoken",
	"accesstoken", "refreshtoken", "idtoken", "sessiontoken", "bearertoken", "clientsecret", "clientassertion", "assertion", "password", "passwd", "secret",
	"secretkey", "secretaccesskey", "privatekey", "signingkey",
}

// secretPairs are those names in a form or a query.
var secretPairs = regexp.MustCompile(`(?i)((?:^|[?&;])(?:access_token|refresh_token|id_token|client_secret|client_assertion|assertion|password|api_?key|secret)=)[^&\s]*`)

var plainName = strings.NewReplacer("-", "", "_", "")

// secretName reports whether a member or a header of that name carries a secret.
func secretName(name string) bool {
	return slices.Contains(secretNames, strings.ToLower(plainName.Replace(name)))
}

// shortSecret is the length of what is too short to be looked for in texts: it would be found everywhere.
const shortSecret = 4

// hide makes the log forget the values of parameters that are not to be shown, in the forms in which they travel.
func (r *run) hide() {
	var secrets []string
	for _, p := range r.parameters {
		if !p.NoEcho {
			continue
		}
		v, _ := r.params.Get(p.Name)
		for _, e := range elements(v) {
			text := value.Text(e)
			inJSON := strings.Trim(string(value.Encode(text)), `"`)
			secrets = append(secrets, text, inJSON, escape(text, unreserved), url.QueryEscape(text))
		}
	}
	// The longest first, so that of one that holds another nothing is left.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var pairs []string
	for _, s := range slices.Compact(secrets) {
		if len(s) >= shortSecret {
			pairs = append(pairs, s, hidden)
		}
	}
	r.mask = strings.NewReplacer(pairs...)
}

// masked is a text for the log without the secrets that are known.
func (r *run) masked(text string) string { return r.host.Mask(r.mask.Replace(text)) }
