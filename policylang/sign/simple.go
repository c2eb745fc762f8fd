package sign

import (
	"net/http"
)

// Location is where an API key stands in a request.
type Location string

// The locations.
const (
	InHeader Location = "header"
	InQuery  Location = "query"
)

// APIKey sends a fixed key.
type APIKey struct {
	Key      Secret
	Location Location
	Field    string // name of the header or of the query's parameter
	Type     string // word before the key in a header; "" for none
}

// Scheme is api_key.
func (APIKey) Scheme() Scheme { return SchemeAPIKey }

// Secrets is the key.
func (c APIKey) Secrets() []string { return secretForms(c.Key) }

func (c APIKey) sign(r *http.Request) {
	switch {
	case c.Location == InQuery:
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += queryEscape(c.Field) + "=" + queryEscape(c.Key.Reveal())
	case c.Type == "":
		r.Header.Set(c.Field, c.Key.Reveal())
	default:
		r.Header.Set(c.Field, c.Type+" "+c.Key.Reveal())
	}
}

func (c APIKey) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	r := outgoing(req, body)
	c.sign(r)
	return s.do(r)
}

// Basic sends user and password with every request (RFC 7617).
type Basic struct {
	Username string
	Password Secret
}

// Scheme is basic.
func (Basic) Scheme() Scheme { return SchemeBasic }

// Secrets is the password, and the header's form of it.
func (c Basic) Secrets() []string {
	return append(secretForms(c.Password), basicAuth(c.Username, c.Password))
}

func (c Basic) sign(r *http.Request) {
	r.Header.Set("Authorization", "Basic "+basicAuth(c.Username, c.Password))
}

func (c Basic) send(s *Signer, req *http.Request, body []byte) (*http.Response, error) {
	r := outgoing(req, body)
	c.sign(r)
	return s.do(r)
}
