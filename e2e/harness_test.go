package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"espalier.dev/api/doortest"
	"espalier.dev/ref"
	"espalier.dev/store/storetest"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if binary = os.Getenv("ESPALIER_E2E_BINARY"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "espalier-e2e-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "espalier")
	build := exec.Command("go", "build", "-o", binary, "../cmd/espalier")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the binary: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// engine is where data is kept.
type engine string

const (
	sqlite   engine = "sqlite"
	postgres engine = "postgres"
)

// eachEngine runs a test on SQLite, and on PostgreSQL if there is one.
func eachEngine(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	engines := []engine{sqlite}
	if os.Getenv(storetest.URLVariable) != "" {
		engines = append(engines, postgres)
	}
	for _, e := range engines {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// onPostgres runs a test that is about several servers on one database, if there is a PostgreSQL.
func onPostgres(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv(storetest.URLVariable) != "" {
		t.Run(string(postgres), test)
	}
}

// root is an organization without a parent, as init and org create print it.
type root struct {
	OrgID        ref.OrgID     `json:"orgId"`
	ProjectID    ref.ProjectID `json:"projectId"`
	UserID       ref.UserID    `json:"userId"`
	Email        string        `json:"email"`
	RefreshToken string        `json:"refreshToken"`
}

// place is initialized data on one engine. No server runs on it yet.
type place struct {
	root
	engine engine
	home   string   // HOME of the commands; the key file is in it, and the data folder
	url    string   // of the database; "" on SQLite
	flags  []string // that say where the data is
}

const ownerOfRoot = "olga@northwind.example"

// emptyPlace is data that was not initialized.
func emptyPlace(t *testing.T, e engine) place {
	t.Helper()
	p := place{engine: e, home: t.TempDir()}
	p.flags = []string{"--data", filepath.Join(p.home, "data")}
	if e == postgres {
		p.url = storetest.PostgresURL(t, nil)
		p.flags = []string{"--database-url", p.url, "--key-file", filepath.Join(p.home, "key")}
	}
	return p
}

// newPlace makes data with the root organization Northwind MSP.
func newPlace(t *testing.T, e engine, flags ...string) place {
	t.Helper()
	p := emptyPlace(t, e)
	p.init(t, flags...)
	return p
}

func (p *place) init(t *testing.T, flags ...string) {
	t.Helper()
	p.json(t, &p.root, append([]string{"init", "--org", "Northwind MSP", "--owner", ownerOfRoot}, flags...)...)
}

// run runs a command of the operator, with the flags that say where the data is.
func (p *place) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append(slices.Clone(args), p.flags...)...)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &wrong, p.env()
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("espalier %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), wrong.String(), cmd.ProcessState.ExitCode()
}

// json runs a command that has to succeed, and reads what it prints with --json.
func (p *place) json(t *testing.T, into any, args ...string) {
	t.Helper()
	stdout, stderr, code := p.run(t, append(slices.Clone(args), "--json")...)
	if code != 0 {
		t.Fatalf("espalier %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), into); err != nil {
		t.Fatalf("espalier %s: %v in %s", strings.Join(args, " "), err, stdout)
	}
}

// env is the whole environment of the program: nothing of the tester's own reaches it.
func (p *place) env() []string { return []string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")} }

// newRoot makes a further root with an owner of its own, beside the server if one runs.
func (p *place) newRoot(t *testing.T, name, owner string, flags ...string) root {
	t.Helper()
	var r root
	p.json(t, &r, append([]string{"org", "create", "--org", name, "--owner", owner}, flags...)...)
	return r
}

// token makes a refresh token for a user.
func (p *place) token(t *testing.T, email string) (id, text string) {
	t.Helper()
	var made struct{ ID, Token string }
	p.json(t, &made, "token", "create", "--user", email, "--name", "test")
	return made.ID, made.Token
}

// server is a running server.
type server struct {
	place
	t    *testing.T
	url  string // http://127.0.0.1:PORT
	cmd  *exec.Cmd
	log  logLines
	seen seen          // every answer
	dns  *nameServer   // what domains are verified by; nil: the machine's
	done chan struct{} // closed when the log has ended, after the process

	stopped sync.Once
}

// start makes data and runs a server on it.
func start(t *testing.T, e engine, flags ...string) *server {
	t.Helper()
	p := newPlace(t, e)
	return p.serve(t, flags...)
}

// serve runs a server on the data until the test ends, which fails if it wrote an error to its log, or does not stop cleanly.
func (p place) serve(t *testing.T, flags ...string) *server {
	t.Helper()
	s := p.launch(t, flags...)
	s.waitUntilServing()
	return s
}

// launch starts a server and does not wait for it.
func (p place) launch(t *testing.T, flags ...string) *server {
	t.Helper()
	s := &server{place: p, t: t, done: make(chan struct{})}
	args := slices.Concat([]string{"serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--rate-limit", "0"}, p.flags, flags)
	s.cmd = exec.Command(binary, args...)
	s.cmd.Env = p.env()
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return s
	}
	go func() {
		defer close(s.done)
		s.log.read(stderr)
	}()
	t.Cleanup(s.stop)
	return s
}

func (s *server) waitUntilServing() {
	s.t.Helper()
	s.url = "http://" + s.address()
	s.waitUntilReady()
}

// address waits for the line that says where the server listens.
func (s *server) address() string {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if line, ok := s.log.find("serving"); ok {
			return line["address"].(string)
		}
		select {
		case <-s.done:
			s.t.Fatalf("the server ended before it served:\n%s", s.log.text())
		default:
		}
	}
	s.t.Fatalf("the server does not say where it listens:\n%s", s.log.text())
	return ""
}

func (s *server) waitUntilReady() {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		res, err := http.Get(s.url + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	s.t.Fatalf("the server does not get ready:\n%s", s.log.text())
}

// stop asks the server to end, once.
func (s *server) stop() { s.stopped.Do(s.end) }

func (s *server) end() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("stop the server: %v\n%s", err, s.log.text())
	}
	kill := time.AfterFunc(20*time.Second, func() { s.cmd.Process.Kill() })
	defer kill.Stop()
	<-s.done
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended: %v\n%s", err, s.log.text())
	}
	for _, line := range s.log.errors() {
		s.t.Errorf("the server logged an error: %s", line)
	}
}

// logLines is what a server has written to its log so far.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) read(from io.Reader) {
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		if line != "" {
			l.mu.Lock()
			l.lines = append(l.lines, line)
			l.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (l *logLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// parsed returns the lines as JSON; what is none, as a panic of the runtime, becomes an error line.
func (l *logLines) parsed() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]map[string]any, len(l.lines))
	for i, line := range l.lines {
		if json.Unmarshal([]byte(line), &list[i]) != nil {
			list[i] = map[string]any{"level": "ERROR", "msg": line}
		}
	}
	return list
}

func (l *logLines) find(msg string) (map[string]any, bool) {
	for _, line := range l.parsed() {
		if line["msg"] == msg {
			return line, true
		}
	}
	return nil, false
}

func (l *logLines) errors() []string {
	var list []string
	for _, line := range l.parsed() {
		if line["level"] == "ERROR" {
			list = append(list, fmt.Sprint(line))
		}
	}
	return list
}

// caller asks a server as one user. Its answers are checked against the contract.
type caller struct {
	t      *testing.T
	url    string
	bearer string // access token; "" for nobody
	http   *http.Client
}

// nobody asks without a token.
func (s *server) nobody(t *testing.T) caller {
	return caller{t: t, url: s.url, http: &http.Client{Transport: doortest.Transport(t, s.seen.transport(http.DefaultTransport)), Timeout: time.Minute}}
}

// signIn asks as the user of a refresh token.
func (s *server) signIn(t *testing.T, refresh string) caller {
	t.Helper()
	c := s.nobody(t)
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	c.do("POST", "/oidc/token", map[string]string{"grant_type": "refresh_token", "refresh_token": refresh}).want(200).into(&granted)
	c.bearer = granted.AccessToken
	return c
}

// owner asks as the owner of the first root.
func (s *server) owner(t *testing.T) caller {
	t.Helper()
	return s.signIn(t, s.RefreshToken)
}

// user asks as any user, with a new refresh token.
func (s *server) user(t *testing.T, email string) caller {
	t.Helper()
	_, text := s.token(t, email)
	return s.signIn(t, text)
}

// do sends a request. The body is nothing if nil, as it stands if a string or an io.Reader, else JSON. Headers come in pairs; one
// with the value "" is not sent.
func (c caller) do(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	req, err := c.request(method, path, body, headers)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: read the answer: %v", method, path, err)
	}
	return answer{c.t, method + " " + path, res.StatusCode, res.Header, string(text)}
}

func (c caller) request(method, path string, body any, headers []string) (*http.Request, error) {
	var from io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		from = strings.NewReader(body)
	case io.Reader:
		from = body
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		from = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.url+path, from)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	return req, nil
}

// answer is an answer that was read whole.
type answer struct {
	t      *testing.T
	what   string // method and path, for messages
	status int
	header http.Header
	body   string
}

// want fails the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: got %d, want %d: %s", a.what, a.status, status, a.body)
	}
	return a
}

// into reads the JSON of the body.
func (a answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		a.t.Fatalf("%s: %v in %s", a.what, err, a.body)
	}
}

// refused is an error body; its id is the request's and not of interest.
type refused struct{ Name, Message string }

func (a answer) refusal() refused {
	a.t.Helper()
	var r struct {
		refused
		Status, Detail string // SCIM's form
	}
	a.into(&r)
	if r.Status != "" {
		equal(a.t, "status in the body", r.Status, fmt.Sprint(a.status))
		return refused{r.Status, r.Detail}
	}
	return r.refused
}

// wantError fails the test unless the answer is the named error, whose message holds all the parts.
func (a answer) wantError(status int, name string, parts ...string) {
	a.t.Helper()
	a.want(status)
	r := a.refusal()
	if r.Name != name {
		a.t.Errorf("%s: got the error %q, want %q: %s", a.what, r.Name, name, r.Message)
	}
	for _, part := range parts {
		if !strings.Contains(r.Message, part) {
			a.t.Errorf("%s: the message %q does not say %q", a.what, r.Message, part)
		}
	}
}
