package prefault

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The first chunk of the heap is this program's own, and can be populated again.
func TestChunkIsMapped(t *testing.T) {
	t.Parallel()
	if _, _, errno := populate(); errno != 0 && errno != syscall.EINVAL {
		t.Errorf("madvise: %v; want 0, or EINVAL of a kernel before 5.14", errno)
	}
}

// It comes before the packages that fill the heap: those that are ordered behind it by name and need more than it does.
func TestComesEarly(t *testing.T) {
	t.Parallel()
	bin := t.TempDir() + "/espalier"
	if out, err := exec.Command("go", "build", "-o", bin, "espalier.dev/cmd/espalier").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before, _, found := strings.Cut(string(out), "init espalier.dev/cmd/espalier/prefault ")
	if n := strings.Count(before, "init "); !found || n > 40 {
		t.Errorf("%d packages were initialized before it; want a few of the standard library", n)
	}
}
