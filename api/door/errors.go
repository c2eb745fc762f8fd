package door

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"espalier.dev/contract"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
)

const mediaError = "application/vnd.goa.error"

// statuses says which status stands for a kind, the first that the operation declares. A thing that is not there is 404
// even where none is declared: product, section 2.
var statuses = map[errs.Kind][]int{
	errs.Invalid:         {400},
	errs.Unauthenticated: {401},
	errs.Forbidden:       {403},
	errs.NotFound:        {404},
	errs.Conflict:        {409, 422, 400},
	errs.Unprocessable:   {422, 409, 400},
	errs.TooMany:         {429},
	errs.Unavailable:     {500},
	errs.Internal:        {500},
}

// names are the wire names of statuses: README of the contract, section 1.7. 405 is ours.
var names = map[int]string{
	400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 409: "conflict",
	422: "unprocessable_entity", 429: "too_many_requests", 500: "internal_error", 502: "bad_gateway",
}

// writeError is the one place where an error of an operation becomes an answer.
func (x *exchange) writeError(r *http.Request, err error) {
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok { // a handler that reads the body itself met its cap
		err = tooLarge(big.Limit)
	}
	op := x.route.Operation
	kind := errs.KindOf(err)
	status := statusOf(op, kind)
	if status == http.StatusUnauthorized {
		x.Header().Set("WWW-Authenticate", "Bearer")
	}
	body := wire.Error{
		Name: errs.Code(err), ID: x.id, Message: x.message(kind, err),
		Timeout:   errors.Is(err, context.DeadlineExceeded),
		Temporary: kind == errs.TooMany || kind == errs.Unavailable || errors.Is(err, context.DeadlineExceeded),
		Fault:     kind == errs.Internal || kind == errs.Unavailable,
	}
	if body.Name == "" {
		body.Name = names[status]
	}
	declared, ok := op.Response(status)
	if !ok || len(declared.Media) == 0 {
		declared, _ = op.Response(http.StatusBadRequest) // its form is that of the operation's errors at large
	}
	x.send(status, declared, body)
}

// statusOf passes over a status whose form is the operation's own: only its handler can fill that.
func statusOf(op *contract.Operation, kind errs.Kind) int {
	ladder := statuses[kind]
	for _, status := range ladder {
		if r, ok := op.Response(status); ok && r.Error != contract.OtherError {
			return status
		}
	}
	return ladder[len(ladder)-1]
}

// message never shows what an unclassified error says: it may hold secrets, and it is of no use to the caller.
func (x *exchange) message(kind errs.Kind, err error) string {
	if kind == errs.Internal {
		return fmt.Sprintf("the server failed; its log holds the cause under request id %s", x.id)
	}
	if m := errs.Message(err); m != "" {
		return m
	}
	return kind.String()
}

// send writes the body in the form that is declared.
func (x *exchange) send(status int, declared contract.Response, body wire.Error) {
	h := x.Header()
	for _, of := range []string{"Content-Length", "Content-Disposition", "Content-Encoding", "ETag", "Last-Modified", "Location"} {
		h.Del(of) // said by the handler of an answer that will not come
	}
	media := mediaError
	if len(declared.Media) > 0 {
		media = declared.Media[0]
	}
	var v any = body
	switch declared.Error {
	case contract.NameMessage:
		v = wire.ShortError{Name: body.Name, Message: body.Message}
	case contract.SCIMError:
		media = x.json
		v = wire.SCIMError{Schemas: []string{wire.SCIMErrorURN}, Status: strconv.Itoa(status), Detail: body.Message}
	}
	if err := writeJSON(x, status, media, v); err != nil {
		panic(err) // strings and booleans can always be written
	}
}

// unrouted answers a request of no operation. The mux has said by then whether it is the path or the method.
func (x *exchange) unrouted(r *http.Request) {
	status, message := http.StatusNotFound, fmt.Sprintf("there is nothing at %q", r.URL.Path)
	if x.status == http.StatusMethodNotAllowed {
		status = x.status
		allow := x.refused.Get("Allow")
		x.w.Header().Set("Allow", allow)
		message = fmt.Sprintf("method %s is not known at %q, want one of %s", r.Method, r.URL.Path, allow)
	}
	x.status, x.open = 0, true
	x.send(status, contract.Response{}, wire.Error{Name: names[status], ID: x.id, Message: message})
}
