package sign

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// TokenError is a token or a session that was not given.
type TokenError struct {
	Host        string // who was asked
	Status      int    // HTTP status of the answer
	Code        string // error of the answer, as invalid_client or AccessDenied; "" if it has none
	Description string // error_description of the answer, shortened; or what the answer lacks
}

// Error says who answered what; nothing of the request.
func (e *TokenError) Error() string {
	s := fmt.Sprintf("signing failed: %s answered %d", e.Host, e.Status)
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Description != "" {
		s += ": " + e.Description
	}
	return s
}

// Temporary reports whether asking again later may help.
func (e *TokenError) Temporary() bool { return e.Status == 429 || e.Status >= 500 }

// maxDescription is how many runes of an endpoint's own words an error repeats.
const maxDescription = 300

// aJWT is a signed token within a text.
var aJWT = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)

// words are an endpoint's own, on one line, without control characters and without the assertion that it may repeat, shortened.
func words(s string) string {
	s = aJWT.ReplaceAllLiteralString(s, masked)
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))), " ")
	if r := []rune(s); len(r) > maxDescription {
		return string(r[:maxDescription]) + "…"
	}
	return s
}

// scrubbed is an error whose text held a secret.
type scrubbed struct {
	text string
	err  error
}

func (e *scrubbed) Error() string { return e.text }

// Unwrap returns the cause with its secrets, for errors.Is and errors.As.
func (e *scrubbed) Unwrap() error { return e.err }

// scrub removes secrets from an error: senders like to repeat the URL, endpoints what they were sent.
func (s *Signer) scrub(cred Credential, err error) error {
	secrets := s.Secrets(cred)
	if u, ok := errors.AsType[*url.Error](err); ok {
		u.URL = Redact(u.URL, secrets)
	}
	if t, ok := errors.AsType[*TokenError](err); ok {
		t.Code, t.Description = Redact(t.Code, secrets), Redact(t.Description, secrets)
	}
	if text := err.Error(); Redact(text, secrets) != text {
		return &scrubbed{text: Redact(text, secrets), err: err}
	}
	return err
}
