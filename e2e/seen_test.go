package e2e_test

import (
	"net/http"
	"sync"

	"espalier.dev/contract"
	"espalier.dev/contract/opgen"
)

// operation is an operation of the contract.
type operation struct {
	api string
	*contract.Operation
}

func (o operation) String() string { return o.api + " " + o.ID }

// ServeHTTP is never called: an operation is in a mux to be found.
func (operation) ServeHTTP(http.ResponseWriter, *http.Request) {}

// operations finds the operation of a request.
var operations = sync.OnceValue(func() *http.ServeMux {
	mux := http.NewServeMux()
	for _, op := range allOperations() {
		mux.Handle(op.Method+" "+op.Path, op)
	}
	return mux
})

func allOperations() []operation {
	var list []operation
	for _, api := range opgen.All() {
		for i := range api.Operations {
			list = append(list, operation{api.Name, &api.Operations[i]})
		}
	}
	return list
}

// seen is which statuses the operations of a server have answered with.
type seen struct {
	mu sync.Mutex
	of map[string]map[int]bool // by operation
}

// transport notes every answer of base.
func (s *seen) transport(base http.RoundTripper) http.RoundTripper { return noting{s, base} }

type noting struct {
	seen *seen
	base http.RoundTripper
}

// RoundTrip sends the request and notes the answer.
func (n noting) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := n.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	h, _ := operations().Handler(req)
	if op, ok := h.(operation); ok && req.Method == op.Method { // HEAD is no operation of its own
		n.seen.note(op, res.StatusCode)
	}
	return res, nil
}

func (s *seen) note(op operation, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]map[int]bool{}
	}
	if s.of[op.String()] == nil {
		s.of[op.String()] = map[int]bool{}
	}
	s.of[op.String()][status] = true
}

// has reports whether an operation has answered with a status.
func (s *seen) has(op operation, status int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[op.String()][status]
}
