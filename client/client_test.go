package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/client"
	"espalier.dev/client/clienttest"
	"espalier.dev/contract/wire"
	"espalier.dev/errs"
	"espalier.dev/ref"
)

func TestNew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url, token string
		want       string // address, or a part of the error after "!"
	}{
		{"https://espalier.example.com/", "t", "https://espalier.example.com"},
		{"http://127.0.0.1:8080/base/", " t\n", "http://127.0.0.1:8080/base"},
		{"espalier.example.com", "t", "!want https://host"},
		{"ftp://espalier.example.com", "t", "!want https://host"},
		{"https://olga:secret@espalier.example.com", "t", "!does not belong"},
		{"https://espalier.example.com/?a=b", "t", "!leave out"},
		{"https://espalier.example.com", " ", "!refresh token is needed"},
	}
	for _, tt := range tests {
		c, err := client.New(client.Config{URL: tt.url, RefreshToken: tt.token})
		if part, refused := strings.CutPrefix(tt.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "secret") {
				t.Errorf("New(%q, %q): got %v, want an error with %q", tt.url, tt.token, err, part)
			}
		} else if err != nil || c.URL() != tt.want {
			t.Errorf("New(%q, %q): got %v, want %s", tt.url, tt.token, err, tt.want)
		}
	}
}

// TestCustomer walks a customer through its life, by every call that has a part in it.
func TestCustomer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := clienttest.New(t).Client(t)
	end := time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC)
	id, err := c.CreateCustomer(ctx, clienttest.Org, wire.CreateCustomer{Name: "Acme", Capabilities: []wire.CapabilityRequest{{Name: "iam"}, {Name: "policy", ExpiresAt: &end}},
		Owners: []wire.OwnerRequest{{Email: "ann@acme.example", FirstName: "Ann"}}})
	if err != nil || id != clienttest.FirstID {
		t.Fatalf("CreateCustomer: got %d, %v", id, err)
	}
	name := "Acme GmbH"
	if err := c.UpdateCustomer(ctx, clienttest.Org, id, wire.UpdateCustomer{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if err := c.AddCustomerTags(ctx, clienttest.Org, id, []string{"a/b", "region:emea"}); err != nil {
		t.Fatal(err)
	}
	if err := c.RemoveCustomerTag(ctx, clienttest.Org, id, "a/b"); err != nil {
		t.Fatal(err)
	}
	got, err := c.Customer(ctx, clienttest.Org, id)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Customer{ID: id, Name: name, CreatedAt: clienttest.Now, UpdatedAt: clienttest.Now, Tags: []string{"region:emea"},
		Capabilities: []wire.Capability{{Name: "iam", Active: true}, {Name: "policy", ExpiresAt: end, EffectiveExpiresAt: end, HasCustomExpiry: true, Active: true}},
		Owners:       []wire.Owner{{ID: 50, Email: "ann@acme.example", FirstName: "Ann"}}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("Customer (-got +want):\n%s", diff)
	}
	if err := c.DeleteCustomer(ctx, clienttest.Org, id); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteCustomer(ctx, clienttest.Org, id); kind(err) != errs.NotFound {
		t.Errorf("DeleteCustomer twice: got %v, want NotFound", err)
	}
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	var want []ref.OrgID
	for i := range 7 {
		s.Add(wire.Customer{Name: fmt.Sprintf("Acme %d", i)}, wire.Customer{Name: "Other"})
		want = append(want, clienttest.FirstID+ref.OrgID(2*i))
	}
	var got []ref.OrgID
	for customer, err := range s.Client(t).Customers(t.Context(), clienttest.Org, client.CustomerQuery{Filter: "name co 'Acme'", PageSize: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, customer.ID)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("Customers (-got +want):\n%s", diff)
	}
	for _, err := range s.Client(t).Customers(t.Context(), clienttest.Org, client.CustomerQuery{Filter: "nonsense"}) {
		if kind(err) != errs.Invalid {
			t.Errorf("Customers with a broken filter: got %v, want Invalid", err)
		}
	}
}

func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := clienttest.New(t).Client(t)
	made, err := c.CreateRefreshToken(ctx, "nightly")
	if err != nil || made.Token == "" {
		t.Fatalf("CreateRefreshToken: got %+v, %v", made, err)
	}
	list, err := c.RefreshTokens(ctx)
	if err != nil || len(list) != 1 || list[0].Name != "nightly" || list[0].ID != made.ID {
		t.Errorf("RefreshTokens: got %+v, %v", list, err)
	}
	if err := c.RevokeRefreshToken(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.RevokeRefreshToken(ctx, made.ID); kind(err) != errs.NotFound {
		t.Errorf("RevokeRefreshToken twice: got %v, want NotFound", err)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := clienttest.New(t)
	s.Add(wire.Customer{Name: "A", Tags: []string{"tier:gold"}}, wire.Customer{Name: "B", Tags: []string{"tier:gold", "x"}})
	c := s.Client(t)
	me, err := c.Me(ctx)
	if err != nil || me.Email != "olga@northwind.example" || me.Orgs[0].ID != clienttest.Org {
		t.Errorf("Me: got %+v, %v", me, err)
	}
	tags, err := c.Tags(ctx, clienttest.Org)
	if diff := cmp.Diff(tags, []wire.TagCount{{Tag: "tier:gold", Customers: 2}, {Tag: "x", Customers: 1}}); err != nil || diff != "" {
		t.Errorf("Tags: %v (-got +want):\n%s", err, diff)
	}
	held, err := c.Capabilities(ctx, clienttest.Org)
	if err != nil || len(held) != 2 || held[1].Name != "msp" || held[1].Terms.MaxDepth != 1 {
		t.Errorf("Capabilities: got %+v, %v", held, err)
	}
}

// TestAccessToken counts how often the refresh token is exchanged.
func TestAccessToken(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	now := clienttest.Now
	c, err := client.New(client.Config{URL: s.URL, RefreshToken: clienttest.RefreshToken, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		what  string
		do    func()
		fetch int // exchanges so far
	}{
		{"the first call fetches", func() {}, 1},
		{"the second does not", func() {}, 1},
		{"just before half of an hour it is kept", func() { now = now.Add(30*time.Minute - time.Second) }, 1},
		{"at half of an hour it is renewed", func() { now = now.Add(time.Second) }, 2},
		{"a refused one is renewed and the call repeated", s.Expire, 3},
	}
	for _, step := range steps {
		step.do()
		if _, err := c.Me(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if got := exchanges(s); got != step.fetch {
			t.Errorf("%s: got %d exchanges, want %d", step.what, got, step.fetch)
		}
	}
}

func TestAccessTokenRefusedForGood(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/oidc/token" {
			return false
		}
		clienttest.Refuse(w, http.StatusUnauthorized, "unauthorized", "the user is deactivated")
		return true
	}
	if _, err := s.Client(t).Me(t.Context()); kind(err) != errs.Unauthenticated {
		t.Errorf("Me: got %v, want Unauthenticated", err)
	}
	if got := exchanges(s); got != 2 {
		t.Errorf("got %d exchanges, want 2: one renewal and no more", got)
	}
}

func TestBadRefreshToken(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized} {
		s := clienttest.New(t)
		s.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
			clienttest.Refuse(w, status, "x", "the refresh token is revoked")
			return true
		}
		if _, err := s.Client(t).Me(t.Context()); kind(err) != errs.Unauthenticated {
			t.Errorf("Me after a %d of the token endpoint: got %v, want Unauthenticated", status, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		status     int
		retryAfter string
		times      int // how often the server says so
		maxWait    time.Duration
		want       errs.Kind // Internal stands for success
		calls      int
	}{
		{"once", 429, "0", 1, 0, errs.Internal, 2},
		{"a few times", 429, "0", 3, 0, errs.Internal, 4},
		{"a date that has come", 429, clienttest.Now.Format(http.TimeFormat), 1, 0, errs.Internal, 2},
		{"not now", 503, "0", 1, 0, errs.Internal, 2},
		{"without the header", 429, "", 1, 0, errs.TooMany, 1},
		{"longer than there is time", 429, "61", 1, 0, errs.TooMany, 1},
		{"no waiting wanted", 429, "0", 1, -1, errs.TooMany, 1},
		{"a header on another answer", 500, "0", 1, 0, errs.Internal, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := clienttest.New(t)
			var calls atomic.Int32
			s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPatch || int(calls.Add(1)) > tt.times {
					return false
				}
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				clienttest.Refuse(w, tt.status, "x", "not now")
				return true
			}
			s.Add(wire.Customer{Name: "A"})
			c, err := client.New(client.Config{URL: s.URL, RefreshToken: clienttest.RefreshToken, MaxWait: tt.maxWait})
			if err != nil {
				t.Fatal(err)
			}
			name := "B"
			err = c.UpdateCustomer(t.Context(), clienttest.Org, clienttest.FirstID, wire.UpdateCustomer{Name: &name})
			if tt.status != 500 && tt.want == errs.Internal && (err != nil || s.Customers()[0].Name != "B") {
				t.Errorf("got %v, want success and the body sent again", err)
			}
			if (tt.want != errs.Internal || tt.status == 500) && (err == nil || kind(err) != tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if int(calls.Load()) != tt.calls {
				t.Errorf("got %d calls, want %d", calls.Load(), tt.calls)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status            int
		contentType, body string
		kind              errs.Kind
		name, message     string // message: a part
	}{
		{422, "application/vnd.goa.error", `{"name":"msp_capability_validation_failed","id":"9","message":"depth 0","temporary":false,"timeout":false,"fault":false}`,
			errs.Unprocessable, "msp_capability_validation_failed", "depth 0"},
		{409, "application/json", `{"name":"capabilities_in_use","message":"held by 12, 15"}`, errs.Conflict, "capabilities_in_use", "held by 12, 15"},
		{403, "application/vnd.goa.error", `{"name":"forbidden","message":"no"}`, errs.Forbidden, "forbidden", "no"},
		{500, "application/vnd.goa.error", `{"name":"internal_error","message":"a fault"}`, errs.Internal, "internal_error", "a fault (request id "},
		{502, "text/html", `<h1>Bad Gateway</h1>`, errs.Unavailable, "", "502 Bad Gateway without saying why"},
		{404, "text/plain", ``, errs.NotFound, "", "is 127.0.0.1:"},
		{301, "text/html", ``, errs.Internal, "", `Location "https://elsewhere.example/"`},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			t.Parallel()
			s := clienttest.New(t)
			s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/oidc/token" {
					return false
				}
				w.Header().Set("Content-Type", tt.contentType)
				if tt.status == 301 {
					w.Header().Set("Location", "https://elsewhere.example/")
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
				return true
			}
			_, err := s.Client(t).Me(t.Context())
			e, ok := errors.AsType[*client.Error](err)
			if !ok {
				t.Fatalf("got %v, want a client.Error", err)
			}
			if e.Status != tt.status || e.Kind() != tt.kind || e.Name != tt.name || !strings.Contains(e.Error(), tt.message) || e.RequestID == "" {
				t.Errorf("got %+v (%v), want status %d, kind %v, name %q, message with %q", e, e.Kind(), tt.status, tt.kind, tt.name, tt.message)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{URL: "http://127.0.0.1:1", RefreshToken: "secret-token"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); !errors.Is(err, client.ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody listens: got %v, want ErrUnreachable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Me(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("the caller gave up: got %v, want context.Canceled alone", err)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	s.Answer = func(http.ResponseWriter, *http.Request) bool { <-end; return true }
	c, err := client.New(client.Config{URL: s.URL, RefreshToken: "t", Timeout: time.Millisecond, MaxWait: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	const file = "name,tags\nAcme,\nGamma,gold\nBeta,\n"
	tests := []struct {
		name   string
		body   io.Reader
		dryRun bool
		expire bool // the access token turns bad before the call
		want   string
		made   int
	}{
		{"file", strings.NewReader(file), false, false, "3 created, 0 failed, applied true", 3},
		{"file with a wrong row", strings.NewReader("name,tags\nAcme,\n,gold\nBeta,\n"), false, false, "2 created, 1 failed, applied false", 0},
		{"dry run", strings.NewReader(file), true, false, "3 created, 0 failed, applied false", 0},
		{"file, token refused once", strings.NewReader(file), false, true, "3 created, 0 failed, applied true", 3},
		{"pipe", iotest.OneByteReader(strings.NewReader(file)), false, false, "3 created, 0 failed, applied true", 3},
		{"pipe, token refused once", iotest.OneByteReader(strings.NewReader(file)), false, true, "unauthenticated", 0},
		{"no CSV", strings.NewReader("\""), false, false, "invalid", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := clienttest.New(t)
			c := s.Client(t)
			if tt.expire {
				if _, err := c.Me(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.Expire()
			}
			var seen []int
			result, err := c.ImportCustomers(t.Context(), clienttest.Org, tt.body, tt.dryRun, func(p wire.ImportProgress) { seen = append(seen, p.Done) })
			got := fmt.Sprintf("%d created, %d failed, applied %v", result.Created, result.Failed, result.Applied)
			if err != nil {
				got = kind(err).String()
			} else if !slices.Equal(seen, []int{1, 2, 3}) {
				t.Errorf("progress: got %v, want 1, 2, 3", seen)
			}
			if got != tt.want {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
			if made := len(s.Customers()); made != tt.made {
				t.Errorf("got %d customers, want %d", made, tt.made)
			}
		})
	}
}

func TestImportBrokenOff(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/oidc/token" {
			return false
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(w, `{"done":1,"total":3}`+"\n")
		return true
	}
	_, err := s.Client(t).ImportCustomers(t.Context(), clienttest.Org, strings.NewReader("name\nA\n"), false, nil)
	if !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), "before its result") {
		t.Errorf("got %v, want ErrUnreachable that says what to do", err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	s.Add(wire.Customer{Name: "Acme"}, wire.Customer{Name: "Beta"})
	body, err := s.Client(t).ExportCustomers(t.Context(), clienttest.Org, "csv", "name co 'Bet'")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if got, want := string(text), "id,name\n1002,Beta\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestExportBrokenOff(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/oidc/token" {
			return false
		}
		_, _ = io.WriteString(w, "id,name\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	body, err := s.Client(t).ExportCustomers(t.Context(), clienttest.Org, "csv", "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadAll(body); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}

func exchanges(s *clienttest.Server) int {
	n := 0
	for _, r := range s.Requests() {
		if r == "POST /oidc/token" {
			n++
		}
	}
	return n
}

func kind(err error) errs.Kind {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Kind()
	}
	return errs.Internal
}
