package door

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"espalier.dev/access"
	"espalier.dev/contract"
	"espalier.dev/contract/check"
	"espalier.dev/contract/opgen"
	"espalier.dev/ref"
)

// defaultMaxBody is the cap of a request body in bytes where neither the document nor the configuration says otherwise.
const defaultMaxBody = 1 << 20

// Config is what a door needs to know.
type Config struct {
	// Authenticate tells who is asking, from the bearer token; its errors are of kind Unauthenticated when the token is
	// absent, expired, foreign or revoked. It is not asked for operations without security.
	Authenticate func(context.Context, *http.Request) (access.Caller, error)
	// Allow says whether the caller may ask now, and if not, after how long. The caller is the zero value on operations
	// without security; the request's address tells those apart. nil allows everything.
	Allow func(*http.Request, access.Caller) (retryAfter time.Duration, ok bool)
	// Enter is told of every request in an organization before its operation runs; an error refuses the request. nil lets all in.
	Enter func(ctx context.Context, by access.Caller, org ref.OrgID) error
	// Observe is told of every request when it is over, whatever became of it. nil tells nobody.
	Observe func(context.Context, Observation)
	// Record is given every request of an operation when it is over, for the record that organizations may see. nil keeps none.
	Record func(*http.Request, Observation)
	// MaxBody caps request bodies in bytes; 0 is 1 MiB. An operation's own x-max-bytes goes before it.
	MaxBody int64
}

// Observation is one request that is over, for the access log, metrics and traces.
type Observation struct {
	API       string // "" if no operation was met
	Operation string // operationId
	Pattern   string // path with its parameters' names; "" if no operation was met
	Method    string
	Status    int // 499: the client went away before there was an answer
	Duration  time.Duration
	Bytes     int64     // of the answer's body
	Org       ref.OrgID // of the path; 0 if it has none
	Caller    access.Caller
	RequestID string
	Err       error // what the handler or the door refused or failed with, cause included
}

// Handler answers one operation. An error it returns is written as the operation declares it.
type Handler func(http.ResponseWriter, *Request) error

// Door serves the operations that were mounted. Mount everything before serving.
type Door struct {
	config Config
	mux    *http.ServeMux
	served []Served
}

// Served is an operation that a door answers.
type Served struct {
	API       *contract.API
	Operation *contract.Operation
}

// route is a served operation with what its requests pass through.
type route struct {
	Served
	checker *check.Checker
	handler Handler
	maxBody int64
	json    bool // the body is JSON, or a form that is turned into it
	form    bool // declares the form type
	scim    bool // its errors are SCIM's
	org     int  // index of the path parameter that names the organization, -1 if there is none
}

// New checks the configuration and returns a door that serves nothing yet.
func New(c Config) (*Door, error) {
	if c.Authenticate == nil {
		return nil, errors.New("door: Authenticate is needed")
	}
	if c.Allow == nil {
		c.Allow = func(*http.Request, access.Caller) (time.Duration, bool) { return 0, true }
	}
	if c.Enter == nil {
		c.Enter = func(context.Context, access.Caller, ref.OrgID) error { return nil }
	}
	if c.Observe == nil {
		c.Observe = func(context.Context, Observation) {}
	}
	if c.Record == nil {
		c.Record = func(*http.Request, Observation) {}
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	return &Door{config: c, mux: http.NewServeMux()}, nil
}

// Mount serves an API of the contract. The handlers, by operationId, and the operations of its document have to match one
// to one; every mismatch is named at once.
func (d *Door) Mount(api string, handlers map[string]Handler) error {
	i := slices.Index(contract.Names(), api)
	if i < 0 {
		return fmt.Errorf("mount: the contract has no API %q", api)
	}
	table := opgen.All()[i]
	if err := match(table, handlers); err != nil {
		return fmt.Errorf("mount %s: %w", api, err)
	}
	checker := check.New(table)
	for i := range table.Operations {
		op := &table.Operations[i]
		rt := d.route(table, op, checker, handlers[op.ID])
		d.served = append(d.served, rt.Served)
		d.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
			w.(*exchange).serve(rt, r)
		})
	}
	return nil
}

func match(api *contract.API, handlers map[string]Handler) error {
	var problems []error
	known := map[string]bool{}
	for _, op := range api.Operations {
		known[op.ID] = true
		if handlers[op.ID] == nil {
			problems = append(problems, fmt.Errorf("operation %q has no handler", op.ID))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(handlers)) {
		if !known[id] {
			problems = append(problems, fmt.Errorf("there is no operation %q", id))
		}
	}
	return errors.Join(problems...)
}

func (d *Door) route(api *contract.API, op *contract.Operation, checker *check.Checker, h Handler) *route {
	rt := &route{Served: Served{api, op}, checker: checker, handler: h, maxBody: d.config.MaxBody}
	rt.org = slices.IndexFunc(op.Params, func(p contract.Param) bool {
		return p.In == contract.InPath && (p.Name == "orgId" || p.Name == "org_id")
	})
	rt.scim = slices.ContainsFunc(op.Responses, func(r contract.Response) bool { return r.Error == contract.SCIMError })
	if op.Body != nil {
		rt.json = slices.Contains(op.Body.Media, mediaJSON)
		rt.form = slices.Contains(op.Body.Media, mediaForm)
		if op.Body.MaxBytes > 0 {
			rt.maxBody = op.Body.MaxBytes
		}
	}
	return rt
}

// Served lists the operations that were mounted, so that a test can walk them all.
func (d *Door) Served() []Served { return slices.Clone(d.served) }

// ServeHTTP answers every path it is given, those of no operation with the documented error.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, door: d, start: time.Now(), id: requestID(r)}
	h := w.Header()
	h.Set("X-Request-Id", x.id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // answers are one caller's; handlers that know better say so
	d.mux.ServeHTTP(x, r)
	if x.route == nil {
		x.unrouted(r)
	}
	o := x.observation(r)
	d.config.Observe(r.Context(), o)
	if x.route != nil {
		d.config.Record(r, o)
	}
	if x.cut {
		panic(http.ErrAbortHandler) // half an answer is out: the client has to notice
	}
}
