package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	goodTemplate = `name "n"
rs_pt_ver 20180301
short_description "s"
datasource "ds" do
  request do
    host "widgets.example.com"
  end
end
policy "p" do
  validate $ds do
    summary_template "x"
    detail_template "x"
    check eq(size(data), 0)
  end
end
`
	unusedParameter = "parameter \"param\" do\n  type \"string\"\n  label \"l\"\nend\n"
)

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	bad := strings.Replace(goodTemplate, "host", "hots", 1)
	for _, tt := range []struct {
		name, in string
		args     []string
		code     int
	}{
		{"policy check good", goodTemplate, nil, ExitOK},
		{"policy check warning", goodTemplate + unusedParameter, nil, ExitOK},
		{"policy check bad", bad + unusedParameter, nil, ExitNo},
		{"policy check json", bad, []string{"--json"}, ExitNo},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, nil, tt.in, append([]string{"policy", "check", "-"}, tt.args...)...)
			if got.code != tt.code {
				t.Errorf("exit code: got %d, want %d", got.code, tt.code)
			}
			golden(t, tt.name, got.out+"-- messages --\n"+got.err)
		})
	}
}

func TestPolicyCheckPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	deep := write("in/a/deep.pt", "nonsense\n")
	write("in/good.pt", goodTemplate)
	write("in/readme.md", "no template")
	other := write("other.txt", goodTemplate)
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}

	got := runCLI(t, nil, "", "policy", "check", filepath.Join(dir, "in"), other)
	if got.code != ExitNo || !strings.HasPrefix(got.out, deep+":1:1: ") || !strings.HasPrefix(got.err, "3 files: 5 errors, 0 warnings") {
		t.Errorf("a folder and a file: got %+v", got)
	}
	if got := runCLI(t, nil, "", "policy", "check", empty); got.code != ExitUsage || !strings.Contains(got.err, "holds no .pt file") {
		t.Errorf("an empty folder: got %+v", got)
	}
	if got := runCLI(t, nil, "", "policy", "check", filepath.Join(dir, "absent.pt")); got.code != ExitUsage {
		t.Errorf("an absent file: got %+v", got)
	}
	if got := runCLI(t, nil, "", "policy", "check", other, "--json", "--sarif"); got.code != ExitUsage {
		t.Errorf("two forms: got %+v", got)
	}
	got = runCLI(t, nil, "", "policy", "check", deep, "--sarif")
	var log struct {
		Version string
		Runs    []struct{ Results []struct{ RuleID string } }
	}
	if err := json.Unmarshal([]byte(got.out), &log); err != nil || log.Version != "2.1.0" || len(log.Runs[0].Results) != 5 {
		t.Errorf("--sarif: got %v %+v", err, log)
	}
}
