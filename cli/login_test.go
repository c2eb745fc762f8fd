package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier.dev/client/clienttest"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	home := t.TempDir()
	env := []string{"HOME=" + home}
	got := runCLI(t, env, clienttest.RefreshToken, "login", s.URL+"/")
	want := "Signed in at " + s.URL + " as olga@northwind.example; profile \"default\".\nVerbs work in organization 7 (Northwind MSP).\n"
	if got.code != ExitOK || got.out != want || got.err != "" {
		t.Fatalf("login: got %+v, want %q", got, want)
	}
	path := filepath.Join(home, ".config", "espalier", "profiles.yaml")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("profiles: got %v, %v, want mode 0600", info, err)
	}

	// A second profile leaves the first.
	if got := runCLI(t, env, clienttest.RefreshToken+"\n", "login", s.URL, "--profile", "other", "--org", "7", "--json"); got.code != ExitOK ||
		!strings.Contains(got.out, `"orgId": 7`) || strings.Contains(got.out, clienttest.RefreshToken) {
		t.Errorf("login to a second profile: got %+v", got)
	}
	for _, name := range []string{"default", "other"} {
		if got := runCLI(t, env, "", "customer", "list", "--profile", name); got.code != ExitOK {
			t.Errorf("customer list with profile %s: got %+v", name, got)
		}
	}

	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := runCLI(t, env, "", "customer", "list"); got.code == ExitOK || !strings.Contains(got.err, "chmod 600") {
		t.Errorf("a profiles file that others may read: got %+v", got)
	}
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("two words"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, in string
		args     []string
		code     int
		say      string
	}{
		{"unknown token", "wrong-token\n", []string{s.URL}, ExitAccess, "unknown, expired or revoked"},
		{"no token", "", []string{s.URL}, ExitUsage, "--token-file"},
		{"foreign organization", clienttest.RefreshToken, []string{s.URL, "--org", "8"}, ExitNotFound, "7 (Northwind MSP)"},
		{"no address", clienttest.RefreshToken, []string{"northwind"}, ExitUsage, "want https://host"},
		{"odd token file", "", []string{s.URL, "--token-file", token}, ExitUsage, "one word"},
		{"no token file", "", []string{s.URL, "--token-file", token + "x"}, ExitUsage, "no such file"},
		{"nobody listens", clienttest.RefreshToken, []string{"http://127.0.0.1:1"}, ExitUnavailable, "no answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := t.TempDir()
			got := runCLI(t, []string{"XDG_CONFIG_HOME=" + config}, tt.in, append([]string{"login"}, tt.args...)...)
			if got.code != tt.code || !strings.Contains(got.err, tt.say) || strings.Contains(got.err, "two words") {
				t.Errorf("got %+v, want exit %d with %q", got, tt.code, tt.say)
			}
			if kept, _ := os.ReadDir(config); len(kept) != 0 {
				t.Errorf("a refused login left %v", kept)
			}
		})
	}
}

// TestProfileTokenStaysWithItsServer: --url alone must not send a profile's token elsewhere.
func TestProfileTokenStaysWithItsServer(t *testing.T) {
	t.Parallel()
	home, other, elsewhere := t.TempDir(), clienttest.New(t), clienttest.New(t)
	env := []string{"HOME=" + home}
	if got := runCLI(t, env, clienttest.RefreshToken, "login", other.URL); got.code != ExitOK {
		t.Fatal(got)
	}
	got := runCLI(t, env, "", "customer", "list", "--url", elsewhere.URL)
	if got.code != ExitUsage || len(elsewhere.Requests()) != 0 {
		t.Errorf("got %+v and %v, want exit %d and no request", got, elsewhere.Requests(), ExitUsage)
	}
}

func TestPlainHTTPWarning(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"http://127.0.0.1:8080": false, "http://[::1]:8080": false, "http://localhost": false,
		"https://espalier.example.com": false, "http://espalier.example.com": true, "http://192.0.2.1": true} {
		var out strings.Builder
		warnOfPlainHTTP(newShell(nil, strings.NewReader(""), &out, &out), address)
		if got := out.Len() > 0; got != want {
			t.Errorf("%s: got a warning %t, want %t", address, got, want)
		}
	}
}
