package openid

import "fmt"

// The codes of errors. Source: RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core 1.0, section 3.1.2.6.
const (
	InvalidRequest          = "invalid_request"
	InvalidClient           = "invalid_client"
	InvalidGrant            = "invalid_grant"
	InvalidScope            = "invalid_scope"
	InvalidToken            = "invalid_token" // RFC 6750, section 3.1
	AccessDenied            = "access_denied"
	UnsupportedResponseType = "unsupported_response_type"
	LoginRequired           = "login_required"
	ConsentRequired         = "consent_required"
	RequestNotSupported     = "request_not_supported"
	RequestURINotSupported  = "request_uri_not_supported"
	RegistrationUnsupported = "registration_not_supported"
)

// Error is a refusal that the application is told.
type Error struct {
	Code        string
	Description string // of printable ASCII without " and \
}

func (e *Error) Error() string { return e.Code + ": " + e.Description }

func refusal(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}
