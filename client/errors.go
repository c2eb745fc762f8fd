package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/errs"
)

// ErrUnreachable marks an error where no server answered: the name does not resolve, nobody listens, the connection
// broke, the time is up. Whether a change was made is not known then.
var ErrUnreachable = errors.New("no answer from the server")

// Error is an answer that is not a success. Source of the members: contract/README.md, section 1.7.
type Error struct {
	Status    int    // HTTP status
	Name      string // "not_found", "customer_limit_reached"; "" when the answer is not of the documented form
	Message   string // for people; names what failed and what would help
	ID        string // of this very answer, in the server's log
	RequestID string // of the call, in the server's log
	Temporary bool   // the server says that the same call may succeed later
	Timeout   bool   // the server says that time ran out
	Fault     bool   // the server says that it is to blame
}

// Error is the server's message. For a server's own fault it adds the id that finds the line in its log.
func (e *Error) Error() string {
	if e.Status < http.StatusInternalServerError || e.RequestID == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (request id %s)", e.Message, e.RequestID)
}

// Kind returns what the caller can do about the error.
func (e *Error) Kind() errs.Kind {
	switch e.Status {
	case http.StatusUnauthorized:
		return errs.Unauthenticated
	case http.StatusForbidden:
		return errs.Forbidden
	case http.StatusNotFound:
		return errs.NotFound
	case http.StatusConflict:
		return errs.Conflict
	case http.StatusUnprocessableEntity:
		return errs.Unprocessable
	case http.StatusTooManyRequests:
		return errs.TooMany
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return errs.Unavailable
	}
	if e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError {
		return errs.Invalid
	}
	return errs.Internal
}

// maxErrorBody is how much of a refusal is read, in bytes.
const maxErrorBody = 64 << 10

// readError turns an answer that is not a success into an *Error and closes its body.
func readError(resp *http.Response) error {
	defer resp.Body.Close()
	e := &Error{Status: resp.StatusCode}
	if resp.Request != nil {
		e.RequestID = resp.Request.Header.Get(requestIDHeader)
	}
	if id := resp.Header.Get(requestIDHeader); id != "" {
		e.RequestID = id
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Message = fmt.Sprintf("the server is elsewhere: it answered %s, Location %q; use that address", resp.Status, resp.Header.Get("Location"))
		return e
	}
	var body wire.Error
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil || json.Unmarshal(text, &body) != nil || strings.TrimSpace(body.Message) == "" {
		e.Message = fmt.Sprintf("the server answered %s without saying why; is %s an Espalier server?", resp.Status, hostOf(resp))
		return e
	}
	e.Name, e.ID, e.Message = body.Name, body.ID, body.Message
	e.Temporary, e.Timeout, e.Fault = body.Temporary, body.Timeout, body.Fault
	return e
}

func hostOf(resp *http.Response) string {
	if resp.Request == nil {
		return "it"
	}
	return resp.Request.URL.Host
}
