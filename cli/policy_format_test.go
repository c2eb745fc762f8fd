package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicyFormat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loose, good, broken := filepath.Join(dir, "loose.pt"), filepath.Join(dir, "good.pt"), filepath.Join(dir, "broken.pt")
	write(t, loose, strings.ReplaceAll(goodTemplate, "  request do", "request   do # asks"))
	write(t, good, goodTemplate)
	run := func(args ...string) outcome {
		return runCLI(t, nil, "", append([]string{"policy", "format"}, args...)...)
	}

	printed := run(loose)
	if want := strings.Replace(goodTemplate, "request do", "request do # asks", 1); printed.code != ExitOK || printed.out != want {
		t.Errorf("printed: got %d\n%s%swant\n%s", printed.code, printed.out, printed.err, want)
	}
	if got := run("--check", dir); got.code != ExitNo || got.out != loose+"\n" {
		t.Errorf("--check: got %d %q, %s", got.code, got.out, got.err)
	}
	write(t, broken, "datasource \"ds\" do\n")
	got := run("--write", dir)
	if got.code != ExitNo || got.out != loose+"\n" || !strings.Contains(got.err, "broken.pt:") {
		t.Errorf("--write: got %d %q, %s", got.code, got.out, got.err)
	}
	for path, want := range map[string]string{loose: printed.out, broken: "datasource \"ds\" do\n"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: got %s, %v", path, text, err)
		}
	}
	if got := run("--check", loose, good); got.code != ExitOK || got.out != "" {
		t.Errorf("formatted: got %d %q", got.code, got.out)
	}
	if got := runCLI(t, nil, goodTemplate, "policy", "format", "-"); got.out != goodTemplate {
		t.Errorf("input: got %s", got.out)
	}
	if got := run("--check", "--write", good); got.code != ExitUsage {
		t.Errorf("both: got %d", got.code)
	}
	if got := run(filepath.Join(dir, "none.pt")); got.code != ExitUsage {
		t.Errorf("absent: got %d", got.code)
	}
}
