package clienttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// What every server begins with.
const (
	Org          = ref.OrgID(7) // "Northwind MSP"
	RefreshToken = "refresh-of-olga"
	FirstID      = ref.OrgID(1001) // of the first customer that is made
)

// Now is the instant at which everything happens.
var Now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// Server is a server in memory.
type Server struct {
	URL string

	// Answer, if set, sees each request first, and reports whether it has answered. Set it before the first call.
	Answer func(w http.ResponseWriter, r *http.Request) bool

	mu        sync.Mutex
	customers []wire.Customer // by id
	nextID    ref.OrgID
	issued    int             // access tokens made
	valid     map[string]bool // access tokens that are good
	tokens    []wire.RefreshToken
	requests  []string
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{nextID: FirstID, valid: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oidc/token", s.token)
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /espalier/v1/me":                                 s.me,
		"GET /espalier/v1/orgs/{org}/customers":               s.list,
		"GET /espalier/v1/orgs/{org}/customers/{id}":          s.show,
		"POST /espalier/v1/orgs/{org}/customers/import":       s.importCSV,
		"GET /espalier/v1/orgs/{org}/customers/export":        s.export,
		"GET /espalier/v1/orgs/{org}/capabilities":            s.capabilities,
		"GET /espalier/v1/orgs/{org}/tags":                    s.tags,
		"GET /espalier/v1/tokens":                             s.listTokens,
		"POST /espalier/v1/tokens":                            s.createToken,
		"DELETE /espalier/v1/tokens/{token}":                  s.revokeToken,
		"POST /msp/v2/orgs/{org}/customers":                   s.create,
		"PATCH /msp/v2/orgs/{org}/customers/{id}":             s.update,
		"DELETE /msp/v2/orgs/{org}/customers/{id}":            s.delete,
		"POST /msp/v2/orgs/{org}/customers/bulk-delete":       s.bulkDelete,
		"GET /msp/v1/orgs/{org}/customers/{id}/tags":          s.customerTags,
		"POST /msp/v1/orgs/{org}/customers/{id}/tags":         s.addTags,
		"DELETE /msp/v1/orgs/{org}/customers/{id}/tags/{tag}": s.removeTag,
	} {
		mux.HandleFunc(pattern, s.authenticated(handle))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		Refuse(w, http.StatusNotFound, "not_found", "no such path: "+r.URL.Path)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
		s.mu.Unlock()
		w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
		if s.Answer == nil || !s.Answer(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Client returns a client of the server.
func (s *Server) Client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: s.URL, RefreshToken: RefreshToken})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Add makes customers as they are, their ids set.
func (s *Server) Add(customers ...wire.Customer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range customers {
		s.insert(c)
	}
}

func (s *Server) insert(c wire.Customer) wire.Customer {
	c.ID, c.CreatedAt, c.UpdatedAt = s.nextID, Now, Now
	c.Tags, c.Capabilities = orEmpty(c.Tags), orEmpty(c.Capabilities)
	s.nextID++
	s.customers = append(s.customers, c)
	return c
}

// Customers returns what is there now.
func (s *Server) Customers() []wire.Customer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.customers)
}

// Requests returns method and target of every request so far, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Expire makes all access tokens bad, as a revocation does.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.valid)
}

// Refuse writes an error in the documented form.
func Refuse(w http.ResponseWriter, status int, name, message string) {
	w.Header().Set("Content-Type", "application/vnd.goa.error")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wire.Error{Name: name, ID: "e1", Message: message, Temporary: status == 429, Fault: status >= 500})
}

// token answers POST /oidc/token.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	var in wire.TokenRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.GrantType != "refresh_token" {
		Refuse(w, http.StatusBadRequest, "bad_request", "grant_type: want refresh_token")
		return
	}
	if in.RefreshToken != RefreshToken {
		Refuse(w, http.StatusUnauthorized, "unauthorized", "the refresh token is unknown, expired or revoked")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	access := fmt.Sprintf("access-%d", s.issued)
	s.valid[access] = true
	reply(w, http.StatusOK, wire.TokenResponse{AccessToken: access, ExpiresIn: 3600, TokenType: "Bearer", RefreshToken: RefreshToken})
}

// authenticated asks for a good access token and, in paths that have one, for the one organization there is.
func (s *Server) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.valid[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
			Refuse(w, http.StatusUnauthorized, "unauthorized", "the access token is missing, expired or revoked")
			return
		}
		if org := r.PathValue("org"); org != "" && org != Org.String() {
			Refuse(w, http.StatusNotFound, "not_found", "organization "+org+" does not exist")
			return
		}
		next(w, r)
	}
}

func (s *Server) me(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, wire.Me{UserID: 3, Email: "olga@northwind.example", FirstName: "Olga", LastName: "Ortiz",
		Orgs: []wire.Membership{{ID: Org, Name: "Northwind MSP", Roles: []string{"org_owner"}}}})
}

// find returns the place of the customer in the path, or answers 404.
func (s *Server) find(w http.ResponseWriter, r *http.Request) *wire.Customer {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	for i := range s.customers {
		if s.customers[i].ID == ref.OrgID(id) {
			return &s.customers[i]
		}
	}
	Refuse(w, http.StatusNotFound, "not_found", "customer "+r.PathValue("id")+" does not exist")
	return nil
}

func (s *Server) remove(id ref.OrgID) bool {
	before := len(s.customers)
	s.customers = slices.DeleteFunc(s.customers, func(c wire.Customer) bool { return c.ID == id })
	return len(s.customers) < before
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
