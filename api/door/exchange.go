package door

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"espalier.dev/access"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

// exchange is one request and its answer. It is the ResponseWriter that handlers are given. Until the mux has found a
// route it swallows what the mux itself would answer, which is not in the contract's form.
type exchange struct {
	w      http.ResponseWriter
	door   *Door
	start  time.Time
	id     string
	route  *route // nil until one was found
	caller access.Caller
	org    ref.OrgID
	err    error
	json   string // the type that JSON is answered as
	open   bool   // what is written is sent: the mux has found a route, or has given up
	cut    bool   // failed after the answer had begun

	status  int
	bytes   int64
	refused http.Header // what the mux wrote while closed
}

// statusGone is noted, and never sent, when the client went away before there was an answer.
const statusGone = 499

// Header returns the answer's headers.
func (x *exchange) Header() http.Header {
	if !x.open {
		if x.refused == nil {
			x.refused = http.Header{}
		}
		return x.refused
	}
	return x.w.Header()
}

// WriteHeader begins the answer.
func (x *exchange) WriteHeader(status int) {
	if status >= 200 && x.status == 0 {
		x.status = status
	}
	if x.open {
		x.w.WriteHeader(status)
	}
}

// Write sends a part of the body.
func (x *exchange) Write(b []byte) (int, error) {
	if !x.open {
		return len(b), nil
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.w.Write(b)
	x.bytes += int64(n)
	return n, err
}

// FlushError sends what was written so far; http.ResponseController finds it.
func (x *exchange) FlushError() error {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(x.w).Flush()
}

// Unwrap gives http.ResponseController the deadlines of the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

// serve runs the handler of a route and writes its error, if any.
func (x *exchange) serve(rt *route, r *http.Request) {
	x.route, x.open, x.json = rt, true, rt.jsonType(r)
	x.err = x.handle(rt, r)
	switch {
	case x.err == nil && x.status == 0:
		x.err = fmt.Errorf("the handler of %s answered nothing", rt.Operation.ID)
		x.writeError(r, x.err)
	case x.err == nil:
	case x.status != 0 || errors.Is(x.err, http.ErrAbortHandler):
		x.cut = true
	case r.Context().Err() != nil && errors.Is(x.err, context.Canceled):
		x.status = statusGone
	default:
		x.writeError(r, x.err)
	}
}

// handle takes the request through the door in order. A panic is an error like another; its trace goes to the log.
func (x *exchange) handle(rt *route, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = http.ErrAbortHandler
		} else if p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if !rt.Operation.NoSecurity {
		if x.caller, err = x.door.config.Authenticate(r.Context(), r); err != nil {
			return err
		}
	}
	x.caller.RequestID = x.id
	if wait, ok := x.door.config.Allow(r, x.caller); !ok {
		return x.refuseRate(wait)
	}
	req := &Request{Request: r, api: rt.API, Operation: rt.Operation, caller: x.caller}
	if err := req.readParams(rt.checker); err != nil {
		return err
	}
	if rt.org >= 0 {
		x.org = ref.OrgID(req.values[rt.org].number)
	}
	if rt.Operation.Body != nil {
		if err := req.readBody(x.w, rt); err != nil {
			return err
		}
	}
	if x.org != 0 && !rt.Operation.NoSecurity {
		if err := x.door.config.Enter(r.Context(), x.caller, x.org); err != nil {
			return err
		}
	}
	return rt.handler(x, req)
}

func (x *exchange) refuseRate(wait time.Duration) error {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	x.Header().Set("Retry-After", fmt.Sprint(seconds))
	return &errs.Error{Kind: errs.TooMany, Msg: fmt.Sprintf("too many requests: ask again in %d s", seconds)}
}

func (x *exchange) observation(r *http.Request) Observation {
	o := Observation{
		Method: r.Method, Status: x.status, Duration: time.Since(x.start), Bytes: x.bytes,
		Org: x.org, Caller: x.caller, RequestID: x.id, Err: x.err,
	}
	if x.route != nil {
		o.API, o.Operation, o.Pattern = x.route.API.Name, x.route.Operation.ID, x.route.Operation.Path
	}
	return o
}

// requestID takes over an id that a proxy or a client gave, if it is fit for a log line, or makes one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if id == "" || len(id) > 64 {
		return rand.Text()
	}
	for _, b := range []byte(id) {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_', b == '.', b == ':':
		default:
			return rand.Text()
		}
	}
	return id
}
