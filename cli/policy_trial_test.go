package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier.dev/policylang/script/child"
)

func TestMain(m *testing.M) {
	child.Enter(os.Args) // scripts of templates run in processes of this program
	os.Exit(m.Run())
}

const (
	widgetsTemplate = "../examples/policies/idle-widgets.pt"
	widgetsWorld    = "../examples/policies/idle-widgets-world"
)

func TestPolicyTrials(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.pt")
	write(t, bad, strings.Replace(goodTemplate, "host", "hots", 1))
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"run":               {[]string{"run", widgetsTemplate, "--replay", widgetsWorld}, ExitOK},
		"run json":          {[]string{"run", widgetsTemplate, "--replay", widgetsWorld, "--json", "--act", "--skip-approvals", "--param", "param_email=a@b.example,c@d.example"}, ExitOK},
		"run act":           {[]string{"run", widgetsTemplate, "--replay", widgetsWorld, "--act", "--param", "param_email=a@b.example"}, ExitOK},
		"run no incident":   {[]string{"run", widgetsTemplate, "--replay", widgetsWorld, "--param", "param_days=1000", "--log-detail", "error"}, ExitOK},
		"run without key":   {[]string{"run", widgetsTemplate}, ExitNo},
		"run wrong flags":   {[]string{"run", widgetsTemplate, "--param", "param_day=3", "--param", "param_days=x", "--param", "param_email", "--credential", "auth_widget=f", "--now", "soon", "--host", "rs_x=y", "--host", "rs_cm_host=https://x/"}, ExitUsage},
		"run bad template":  {[]string{"run", bad}, ExitNo},
		"retrieve":          {[]string{"retrieve", widgetsTemplate, "ds_idle", "--replay", widgetsWorld, "--log-detail", "full"}, ExitOK},
		"retrieve unknown":  {[]string{"retrieve", widgetsTemplate, "ds_idel", "ds_x"}, ExitUsage},
		"script":            {[]string{"script", widgetsTemplate, "js_idle", "--arg", `widgets=[{"id":"w","used":"2026-01-01T00:00:00Z"}]`, "--arg", "days=3", "--now", "2026-03-01T00:00:00Z"}, ExitOK},
		"script arguments":  {[]string{"script", widgetsTemplate, "js_idle", "--arg", "widget=1", "--arg", "days"}, ExitUsage},
		"script that fails": {[]string{"script", widgetsTemplate, "js_idle", "--arg", "widgets=[null]", "--arg", "days=3"}, ExitNo},
		"script at no time": {[]string{"script", widgetsTemplate, "js_idle", "--arg", "widgets=[]", "--arg", "days=3", "--now", "soon"}, ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, nil, "", append([]string{"policy"}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit code: got %d, want %d", got.code, tt.code)
			}
			text := strings.ReplaceAll(got.out+"-- messages --\n"+got.err, filepath.Dir(bad), "DIR")
			golden(t, "policy "+name, text)
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What is recorded on the network can be run without it, the same each time; what signs stands in no log.
func TestPolicyRecord(t *testing.T) {
	t.Parallel()
	const key = "k-3f9b2c7d1e"
	var signed []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed = append(signed, r.Method+" "+r.Host+" "+r.Header.Get("Authorization"))
		if r.Method == "DELETE" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprint(w, `{"items":[{"id":"w-9","name":"Belt `+key+`","owner":"x","lastUsedAt":"2020-01-01T00:00:00Z"}]}`)
	}))
	defer s.Close()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "map"), "widgets.example.com: "+s.URL+"\n")
	write(t, filepath.Join(dir, "key"), "scheme: api_key\nkey: "+key+"\n")
	world := filepath.Join(dir, "world")
	live := runCLI(t, nil, "", "policy", "run", widgetsTemplate, "--act", "--skip-approvals", "--json", "--egress-map", filepath.Join(dir, "map"),
		"--credential", "auth_widgets="+filepath.Join(dir, "key"), "--record", world, "--now", "2026-11-01T00:00:00Z", "--log-detail", "full")
	if live.code != ExitOK {
		t.Fatalf("exit code %d: %s%s", live.code, live.out, live.err)
	}
	if got := strings.Join(signed, "\n"); got != "GET widgets.example.com Bearer "+key+"\nDELETE widgets.example.com Bearer "+key {
		t.Errorf("requests: got %s", got)
	}
	var ran ranPolicy
	if err := json.Unmarshal([]byte(live.out), &ran); err != nil || ran.Actions[1].Status != "completed" {
		t.Errorf("actions: got %+v, %v", ran.Actions, err)
	}
	if strings.Contains(ran.Log, key) || strings.Contains(live.err, key) {
		t.Error("the log holds the key, which the server gave back")
	}
	again := runCLI(t, nil, "", "policy", "run", widgetsTemplate, "--act", "--skip-approvals", "--json", "--replay", world, "--log-detail", "context")
	second := runCLI(t, nil, "", "policy", "run", widgetsTemplate, "--act", "--skip-approvals", "--json", "--replay", world, "--log-detail", "context")
	if again.code != ExitOK || again.out != second.out {
		t.Errorf("replayed: exit code %d, and twice not the same: %s", again.code, again.err)
	}
	if refused := runCLI(t, nil, "", "policy", "run", widgetsTemplate, "--record", world); refused.code != ExitUsage || !strings.Contains(refused.err, "empty folder") {
		t.Errorf("recording over a world: got %d, %s", refused.code, refused.err)
	}
}

// An action that pauses goes on although the time of a recorded world stands still.
func TestPolicyRunPauses(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(widgetsTemplate)
	if err != nil {
		t.Fatal(err)
	}
	slow := filepath.Join(t.TempDir(), "slow.pt")
	write(t, slow, strings.Replace(string(text), "  $deleted = 0\n", "  $deleted = 0\n  sleep(3600)\n", 1))
	got := runCLI(t, nil, "", "policy", "run", slow, "--replay", widgetsWorld, "--act", "--skip-approvals")
	if got.code != ExitOK || !strings.Contains(got.out, "cloud_workflow    completed") || !strings.Contains(got.err, "action esc_delete goes on in 1h0m0s") {
		t.Errorf("got %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestPolicyRunOut(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	got := runCLI(t, nil, "", "policy", "run", widgetsTemplate, "--replay", widgetsWorld, "--out", dir, "--act", "--param", "param_email=a@b.example")
	if got.code != ExitOK {
		t.Fatalf("exit code %d: %s", got.code, got.err)
	}
	for name, want := range map[string]string{
		"incident-0.md": "# 2 widgets are idle", "incident-0.html": "<h1>", "incident-0.csv": "w-3,Spare belt,ann@acme.example,42", "log.md": "Total items failing checks: 2",
		"mail-1.txt": "To: a@b.example", "mail-1.html": "Spare belt", "result.json": `"status": "completed"`,
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: got %s, %v; want %s in it", name, text, err, want)
		}
	}
}
