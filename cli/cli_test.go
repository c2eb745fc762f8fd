package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"espalier.dev/client/clienttest"
	"espalier.dev/contract/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// outcome is what a command line left behind.
type outcome struct {
	code     int
	out, err string
}

// runCLI runs a command line as main would.
func runCLI(t *testing.T, env []string, stdin string, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	code := run(t.Context(), args, newShell(env, strings.NewReader(stdin), &out, &err))
	return outcome{code, out.String(), err.String()}
}

// remoteEnv is the variables that lead to a server, without a profile.
func remoteEnv(t *testing.T, url string) []string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(clienttest.RefreshToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"ESPALIER_URL=" + url, "ESPALIER_TOKEN_FILE=" + token, "ESPALIER_ORG=" + clienttest.Org.String()}
}

// golden compares with testdata/NAME.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("%s (-got +want); -update rewrites it:\n%s", path, diff)
	}
}

// filled is a server with three customers.
func filled(t *testing.T) *clienttest.Server {
	t.Helper()
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	noon := clienttest.Now.AddDate(0, 2, 0)
	no, yes, width := false, true, int64(5)
	s := clienttest.New(t)
	s.Add(
		wire.Customer{Name: "Acme GmbH", ExternalID: "A-1", Description: "Pumps", Tags: []string{"region:emea", "tier:gold"}, NextExpiresAt: day(2027, 6, 30),
			NumberOfCustomers: 2, Owners: []wire.Owner{{ID: 9, Email: "ann@acme.example", FirstName: "Ann", LastName: "Lee"}, {ID: 10, Email: "bo@acme.example"}},
			Capabilities: []wire.Capability{{Name: "iam", Active: true, InUseByCustomers: &no},
				{Name: "msp", Active: true, InUseByCustomers: &yes, Terms: &wire.MSPTerms{MaxDepth: 0, MaxWidth: &width}},
				{Name: "policy", Active: true, HasCustomExpiry: true, ExpiresAt: day(2028, 1, 1), EffectiveExpiresAt: day(2027, 6, 30), InUseByCustomers: &no}}},
		wire.Customer{Name: "東京システム", NextExpiresAt: noon, Capabilities: []wire.Capability{{Name: "iam", Active: true}, {Name: "optima", EffectiveExpiresAt: day(2026, 1, 1)}}},
		wire.Customer{Name: "Red\x1b[31m\nline\u202e", ExternalID: "odd"},
	)
	return s
}

func TestGolden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		in   string
		code int
	}{
		{"list", []string{"customer", "list"}, "", ExitOK},
		{"list some", []string{"customer", "list", "--limit", "1"}, "", ExitOK},
		{"list json", []string{"customer", "list", "--filter", "name co 'Acme'", "--json"}, "", ExitOK},
		{"show", []string{"customer", "show", "1001"}, "", ExitOK},
		{"show json", []string{"customer", "show", "1001", "--json"}, "", ExitOK},
		{"import", []string{"customer", "import", "-"}, "name,tags\nAcme GmbH,\nNew,\n,lost\n", ExitNo},
		{"import dry run", []string{"customer", "import", "-", "--dry-run"}, "name\nNew\n", ExitOK},
		{"import json", []string{"customer", "import", "-", "--json"}, "name,tags\nNew,\n,lost\n", ExitNo},
		{"delete several", []string{"customer", "delete", "1002", "1001", "4711", "1002", "--yes"}, "", ExitNo},
		{"delete json", []string{"customer", "delete", "1002", "--yes", "--json"}, "", ExitOK},
		{"tag", []string{"customer", "tag", "1001", "new", "tier:gold", "--remove", "region:emea"}, "", ExitOK},
		{"tag json", []string{"customer", "tag", "1001", "--json"}, "", ExitOK},
		{"export", []string{"customer", "export"}, "", ExitOK},
		{"help customer import", []string{"help", "customer", "import"}, "", ExitOK},
		{"help exit-codes", []string{"help", "exit-codes"}, "", ExitOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, remoteEnv(t, filled(t).URL), tt.in, tt.args...)
			if got.code != tt.code {
				t.Errorf("exit code: got %d (%s), want %d", got.code, got.err, tt.code)
			}
			text := got.out
			if got.err != "" {
				text += "-- messages --\n" + got.err
			}
			golden(t, tt.name, text)
		})
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		code int
		say  string // part of the message
	}{
		{"done", []string{"customer", "show", "1001"}, ExitOK, ""},
		{"unknown verb", []string{"custommer"}, ExitUsage, "See: espalier --help"},
		{"unknown flag", []string{"customer", "list", "--fliter", "x"}, ExitUsage, "--filter"},
		{"half a verb", []string{"customer"}, ExitUsage, "list"},
		{"bad id", []string{"customer", "show", "-1"}, ExitUsage, ""},
		{"id 0", []string{"customer", "show", "0"}, ExitUsage, "want a positive number"},
		{"bad limit", []string{"customer", "list", "--limit", "0"}, ExitUsage, "--limit"},
		{"bad owner", []string{"customer", "create", "A", "--owner", "ann"}, ExitUsage, "ann@acme.example"},
		{"no owner", []string{"customer", "create", "A"}, ExitUsage, "--owner"},
		{"bad date", []string{"customer", "update", "1001", "--capability", "policy@soon"}, ExitUsage, "2027-06-30"},
		{"no change", []string{"customer", "update", "1001"}, ExitUsage, "nothing to change"},
		{"no file", []string{"customer", "import", "/does/not/exist"}, ExitUsage, "/does/not/exist"},
		{"nobody to ask", []string{"customer", "delete", "1001"}, ExitUsage, "--yes"},
		{"bad topic", []string{"help", "me"}, ExitUsage, "exit-codes"},
		{"filter refused by the server", []string{"customer", "list", "--filter", "x"}, ExitUsage, "filter: want"},
		{"no such profile", []string{"customer", "list", "--url", "", "--profile", "nobody"}, ExitAccess, "espalier login URL --profile nobody"},
		{"absent", []string{"customer", "show", "4711"}, ExitNotFound, "customer 4711 does not exist"},
		{"absent organization", []string{"customer", "list", "--org", "8"}, ExitNotFound, "organization 8"},
		{"has customers", []string{"customer", "delete", "1001", "--yes"}, ExitRefused, "delete them first"},
		{"nobody listens", []string{"customer", "list", "--url", "http://127.0.0.1:1"}, ExitUnavailable, "http://127.0.0.1:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := append(remoteEnv(t, filled(t).URL), "XDG_CONFIG_HOME="+t.TempDir())
			got := runCLI(t, env, "", tt.args...)
			if got.code != tt.code || !strings.Contains(got.err, tt.say) {
				t.Errorf("got exit %d, %q, want %d with %q", got.code, got.err, tt.code, tt.say)
			}
		})
	}
}

func TestExitCodesByAnswer(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{400: ExitUsage, 401: ExitAccess, 403: ExitAccess, 404: ExitNotFound, 409: ExitRefused,
		422: ExitRefused, 429: ExitUnavailable, 500: ExitUnavailable, 502: ExitUnavailable, 503: ExitUnavailable} {
		s := clienttest.New(t)
		s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/oidc/token" {
				return false
			}
			clienttest.Refuse(w, status, "x", "because")
			return true
		}
		if got := runCLI(t, remoteEnv(t, s.URL), "", "customer", "list"); got.code != want || !strings.Contains(got.err, "because") {
			t.Errorf("%d: got exit %d, %q, want %d", status, got.code, got.err, want)
		}
	}
}

func TestCreateAndUpdate(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	env := remoteEnv(t, s.URL)
	got := runCLI(t, env, "", "customer", "create", "Acme", "--owner", "Ann Maria Lee <ann@acme.example>", "--owner=bo@acme.example",
		"--capability", "iam,policy@2027-06-30", "--external-id", "A-1", "--tag", "tier:gold", "--json")
	if got.code != ExitOK {
		t.Fatalf("create: %+v", got)
	}
	var created wire.Customer
	if err := json.Unmarshal([]byte(got.out), &created); err != nil {
		t.Fatal(err)
	}
	end := time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC)
	want := wire.Customer{ID: clienttest.FirstID, Name: "Acme", ExternalID: "A-1", CreatedAt: clienttest.Now, UpdatedAt: clienttest.Now, Tags: []string{"tier:gold"},
		Capabilities: []wire.Capability{{Name: "iam", Active: true}, {Name: "policy", Active: true, HasCustomExpiry: true, ExpiresAt: end, EffectiveExpiresAt: end}},
		Owners:       []wire.Owner{{ID: 50, Email: "ann@acme.example", FirstName: "Ann", LastName: "Maria Lee"}, {ID: 51, Email: "bo@acme.example"}}}
	if diff := cmp.Diff(created, want); diff != "" {
		t.Errorf("create (-got +want):\n%s", diff)
	}

	if got := runCLI(t, env, "", "customer", "update", "1001", "--external-id", "", "--capability", "iam"); got.code != ExitOK || got.out != "Changed customer 1001.\n" {
		t.Fatalf("update: %+v", got)
	}
	want.ExternalID, want.Capabilities = "", want.Capabilities[:1]
	if diff := cmp.Diff(s.Customers(), []wire.Customer{want}); diff != "" {
		t.Errorf("update (-got +want):\n%s", diff)
	}
	if got := runCLI(t, env, "", "customer", "create", "Beta", "--owner", "b@beta.example"); got.out != "Created customer 1002.\n" {
		t.Errorf("create: %+v", got)
	}
}

// TestListReadsPages counts the calls: a page is never larger than what is still wanted.
func TestListReadsPages(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	for i := range 2300 {
		s.Add(wire.Customer{Name: fmt.Sprint("C", i)})
	}
	tests := []struct {
		args []string
		rows int
		want string // limits asked for
	}{
		{[]string{}, 100, "100"},
		{[]string{"--limit", "1200"}, 1200, "1000 200"},
		{[]string{"--all"}, 2300, "1000 1000 1000"},
	}
	for _, tt := range tests {
		before := len(s.Requests())
		got := runCLI(t, remoteEnv(t, s.URL), "", append([]string{"customer", "list", "--json"}, tt.args...)...)
		var page wire.CustomerPage
		if err := json.Unmarshal([]byte(got.out), &page); err != nil {
			t.Fatalf("%v: %v, %s", tt.args, err, got.err)
		}
		var limits []string
		for _, r := range s.Requests()[before:] {
			if _, query, ok := strings.Cut(r, "limit="); ok {
				limit, _, _ := strings.Cut(query, "&")
				limits = append(limits, limit)
			}
		}
		if asked := strings.Join(limits, " "); len(page.Values) != tt.rows || page.Total != 2300 || asked != tt.want || (page.NextPage == "") != (tt.rows == 2300) {
			t.Errorf("%v: got %d of %d, asked for %s, next %q, want %d, asked for %s", tt.args, len(page.Values), page.Total, asked, page.NextPage, tt.rows, tt.want)
		}
	}
}

func TestExportToFile(t *testing.T) {
	t.Parallel()
	s := filled(t)
	path := filepath.Join(t.TempDir(), "customers.xlsx")
	if got := runCLI(t, remoteEnv(t, s.URL), "", "customer", "export", path, "--format", "xlsx", "--filter", "name co 'Acme'"); got.code != ExitOK || got.out != "" {
		t.Fatalf("export: %+v", got)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "PK, 1 customers" {
		t.Errorf("got %q, %v", text, err)
	}
	// A broken answer leaves the older file.
	s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/oidc/token" {
			return false
		}
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if got := runCLI(t, remoteEnv(t, s.URL), "", "customer", "export", path); got.code != ExitUnavailable {
		t.Errorf("a broken export: %+v, want exit %d", got, ExitUnavailable)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if text, _ := os.ReadFile(path); err != nil || len(left) != 1 || string(text) != "PK, 1 customers" {
		t.Errorf("after a broken export: got %v and %q, want the older file alone", left, text)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	got := runCLI(t, nil, "", "version", "--json")
	var v Version
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || v.Go == "" || v.Version == "" {
		t.Errorf("version --json: got %+v, %v", got, err)
	}
	if got := runCLI(t, nil, "", "version"); !strings.HasPrefix(got.out, "espalier ") {
		t.Errorf("version: got %+v", got)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := clienttest.New(t)
	s.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client hung up
		cancel()
		<-r.Context().Done()
		return true
	}
	var out, messages bytes.Buffer
	sh := newShell(remoteEnv(t, s.URL), strings.NewReader(""), &out, &messages)
	if code := run(ctx, []string{"customer", "list"}, sh); code != ExitInterrupted || messages.String() != "espalier: interrupted\n" {
		t.Errorf("got exit %d, %q, want %d", code, messages.String(), ExitInterrupted)
	}
}
