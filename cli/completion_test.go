package cli

import (
	"strings"
	"testing"
)

func TestCompletion(t *testing.T) {
	t.Parallel()
	tests := []struct{ typed, want string }{
		{"cu", "customer"},
		{"customer ", "create delete export import list show tag update"},
		{"customer ex", "export"},
		{"customer export --fo", "--format"},
		{"customer export --format ", "csv xlsx"},
		{"customer export --format x", "xlsx"},
		{"customer export --format=", "--format=csv --format=xlsx"},
		{"customer export --format=x", "--format=xlsx"},
		{"customer export --format =", "csv xlsx"},
		{"customer export --format = x", "xlsx"},
		{"customer export --format csv --fi", "--filter"},
		{"customer list --json --al", "--all"},
		{"customer list --limit ", ""},
		{"completion ", "bash fish zsh"},
		{"completion zsh ", ""},
		{"--conf", "--config"},
		{"customer list --h", "--help"},
	}
	for _, tt := range tests {
		got := runCLI(t, nil, "", append([]string{"__complete"}, strings.Split(tt.typed, " ")...)...)
		if words := strings.Join(strings.Fields(got.out), " "); words != tt.want || got.code != ExitOK {
			t.Errorf("%q: got %q (exit %d), want %q", tt.typed, words, got.code, tt.want)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := runCLI(t, nil, "", "completion", shell); got.code != ExitOK || !strings.Contains(got.out, "__complete") {
			t.Errorf("completion %s: got %+v", shell, got)
		}
	}
	if got := runCLI(t, nil, "", "completion", "tcsh"); got.code != ExitUsage {
		t.Errorf("completion tcsh: got %+v, want exit %d", got, ExitUsage)
	}
}
