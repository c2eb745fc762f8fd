package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier.dev/egress"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/incident"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/sign"
	"espalier.dev/policylang/value"
	"espalier.dev/policylang/workflow"
)

// place is a host whose requests for api.example.com and other.example.com reach two servers.
type place struct {
	*Host
	api, other *http.ServeMux
}

func newPlace(t *testing.T, credentials map[string]sign.Credential) place {
	t.Helper()
	p := place{api: http.NewServeMux(), other: http.NewServeMux()}
	api, other := httptest.NewServer(p.api), httptest.NewServer(p.other)
	t.Cleanup(api.Close)
	t.Cleanup(other.Close)
	m, err := egress.ParseMap(fmt.Appendf(nil, "api.example.com: %s\nother.example.com: %s\n", api.URL, other.URL))
	if err != nil {
		t.Fatal(err)
	}
	guard, err := egress.New(egress.Config{Map: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(guard.Close)
	p.Host, err = NewHost(Config{
		Transport: guard, Engine: script.Local{},
		OwnConnection: func() (http.RoundTripper, func()) {
			own := guard.Single()
			return own, own.Close
		},
		Credential: func(_ context.Context, name string) (sign.Credential, error) {
			if c := credentials[name]; c != nil {
				return c, nil
			}
			return nil, errors.New("none was chosen")
		},
		Secret: func(_ context.Context, name string) (string, error) { return "stored " + name, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) send(t *testing.T, r eval.Request) (status int, body string, err error) {
	t.Helper()
	if r.Method == "" {
		r.Method = "GET"
	}
	answer, err := p.Send(t.Context(), r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.Status, string(text), err
}

// echo answers with what came.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s auth=%q key=%q type=%q body=%q", r.Method, r.Host, r.URL, r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.Header.Get("Content-Type"), body)
}

var basic = sign.Basic{Username: "ann", Password: "s3cret-word"}

func TestSend(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]sign.Credential{"auth_api": basic})
	p.api.HandleFunc("/", echo)
	status, body, err := p.send(t, eval.Request{Method: "POST", URL: "https://api.example.com/v1?a=b", Header: http.Header{"X-Key": {"k"}}, Body: []byte("text"), Auth: &eval.Auth{Name: "auth_api"}})
	want := `POST api.example.com /v1?a=b auth="Basic YW5uOnMzY3JldC13b3Jk" key="k" type="" body="text"`
	if status != 200 || body != want || err != nil {
		t.Errorf("got %d %s, %v; want %s", status, body, err, want)
	}
	if got := p.Mask("it said s3cret-word and YW5uOnMzY3JldC13b3Jk"); strings.Contains(got, "s3cret") || strings.Contains(got, "YW5u") {
		t.Errorf("masked: got %q", got)
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]sign.Credential{"auth_basic": basic})
	fields := value.New()
	fields.Set("username", "ann")
	for want, auth := range map[string]eval.Auth{
		"credentials auth_x: none was chosen":               {Name: "auth_x"},
		"aws_account_number is for the scheme aws_sts":      {Name: "auth_basic", AccountNumber: "123456789012"},
		"credentials auth_old: scheme \"magic\" is none of": {Name: "auth_old", Scheme: "magic"},
		"password is missing":                               {Name: "auth_old", Scheme: "basic", Fields: fields},
		"username is missing":                               {Name: "auth_old", Scheme: "basic"},
	} {
		if _, _, err := p.send(t, eval.Request{URL: "https://api.example.com/", Auth: &auth}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A redirect is followed and asked about anew; what signed does not go to another host.
func TestRedirects(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]sign.Credential{"auth_api": basic})
	p.api.HandleFunc("/there", echo)
	p.other.HandleFunc("/there", echo)
	for path, to := range map[string]string{
		"/here 302": "/there", "/here 307": "/there", "/away 302": "https://other.example.com/there", "/away 308": "https://other.example.com/there",
		"/inside 302": "http://127.0.0.1:1/", "/metadata 302": "https://169.254.169.254/", "/loop 302": "/loop 302", "/nowhere 304": "",
	} {
		p.api.HandleFunc("/"+strings.ReplaceAll(path[1:], " ", "/"), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", strings.ReplaceAll(to, " ", "/"))
			var code int
			fmt.Sscanf(path[strings.IndexByte(path, ' '):], "%d", &code)
			w.WriteHeader(code)
		})
	}
	const signed, unsigned = `auth="Basic YW5uOnMzY3JldC13b3Jk"`, `auth=""`
	for path, want := range map[string][]string{
		"/here/302":     {"GET api.example.com /there", signed, `body=""`},
		"/here/307":     {"POST api.example.com /there", signed, `body="text"`},
		"/away/302":     {"GET other.example.com /there", unsigned, `body=""`},
		"/away/308":     {"POST other.example.com /there", unsigned, `body="text"`},
		"/inside/302":   {"refused", "only https is spoken"},
		"/metadata/302": {"refused", "metadata"},
		"/loop/302":     {"redirects more than 10 times"},
	} {
		_, body, err := p.send(t, eval.Request{Method: "POST", URL: "https://api.example.com" + path, Body: []byte("text"), Auth: &eval.Auth{Name: "auth_api"}})
		if err != nil {
			body = err.Error()
		}
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%s: got %s, want %s in it", path, body, part)
			}
		}
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]sign.Credential{"auth_api": basic})
	p.api.HandleFunc("/there", echo)
	p.api.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) })
	a := Actions{Host: p}
	do := func(r workflow.Request) (workflow.Response, error) {
		return a.Do(t.Context(), incident.Request{Request: r, Auth: &eval.Auth{Name: "auth_api"}, Action: "esc"})
	}
	got, err := do(workflow.Request{Method: "GET", URL: "https://api.example.com/here"})
	if err != nil || got.Status != 200 || !strings.Contains(string(got.Body), "/there") {
		t.Errorf("got %d %s, %v", got.Status, got.Body, err)
	}
	if got, err = do(workflow.Request{Method: "GET", URL: "https://api.example.com/here", NoRedirect: true}); err != nil || got.Status != 302 {
		t.Errorf("without redirects: got %d, %v", got.Status, err)
	}
	if _, err = do(workflow.Request{Method: "GET", URL: "https://api.example.com/here", Insecure: true}); err == nil {
		t.Error("certificates were to be ignored, and nobody objected")
	}
	if err := a.Mail(t.Context(), incident.Mail{}); err == nil {
		t.Error("a mail was taken that nobody sends")
	}
	if err := a.Resolve(t.Context(), &incident.Run{}); err == nil {
		t.Error("an incident was resolved that nobody keeps")
	}
	if b, err := a.Random(16); err != nil || len(b) != 16 {
		t.Errorf("random: got %d bytes, %v", len(b), err)
	}
}

func TestStoredSecretsAreMasked(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	secret, err := p.Secret(t.Context(), "KEY")
	if err != nil || p.Mask("a "+secret+" b") == "a "+secret+" b" {
		t.Errorf("got %q, %v", secret, err)
	}
}

// A context that ends ends a request that hangs, and a pause.
func TestEnds(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	release := make(chan struct{})
	p.api.HandleFunc("/", func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Send(ctx, eval.Request{Method: "GET", URL: "https://api.example.com/"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("request: got %v", err)
	}
	if err := p.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pause: got %v", err)
	}
}

func TestNTLMHasItsOwnConnection(t *testing.T) {
	t.Parallel()
	p := newPlace(t, map[string]sign.Credential{"auth_win": sign.NTLM{Username: `CORP\ann`, Password: "pw"}})
	var mu sync.Mutex
	connections := map[string]bool{}
	p.api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr] = true
		w.Header().Set("WWW-Authenticate", "NTLM")
		w.WriteHeader(401)
	})
	_, _, err := p.send(t, eval.Request{URL: "https://api.example.com/", Auth: &eval.Auth{Name: "auth_win"}})
	if err == nil || !strings.Contains(err.Error(), "NTLM") {
		t.Errorf("got %v, want the end of a handshake without a challenge", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(connections) != 1 {
		t.Errorf("got %d connections, want 1", len(connections))
	}
}
