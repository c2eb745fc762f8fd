package torture

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The flags, after -args. The defaults are for make check; make torture asks for more.
var (
	rounds         = flag.Int("rounds", few, "how often the server is killed on SQLite, the disk is filled a twentieth as often")
	postgresRounds = flag.Int("postgres-rounds", 2, "how often the server is killed on PostgreSQL")
	readyWithin    = flag.Duration("ready", 4*time.Second, "how long a start after a kill may take; 1s on a machine with nothing else to do")
	seed           = flag.Uint64("seed", 0, "seed of all chances; 0: a new one")
	binaryFile     = flag.String("binary", "", "the espalier to torture; by default it is built")
)

// few is the rounds of make check.
const few = 4

// writers is how many clients write at once.
const writers = 16

// binary is the path of the espalier that is run.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if *seed == 0 {
		*seed = rand.Uint64() >> 11
	}
	if binary = *binaryFile; binary == "" {
		dir, err := os.MkdirTemp("", "espalier-torture-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "espalier")
		if out, err := exec.Command("go", "build", "-o", binary, "espalier.dev/cmd/espalier").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build espalier: %v\n%s", err, out)
			return 1
		}
	}
	fmt.Printf("the chances of this run: -args -seed=%d\n", *seed)
	return m.Run()
}

// chances are the random choices of one part of a test; the same seed and name make the same ones.
func chances(name string, n int) *rand.Rand {
	var hash uint64 = 14695981039346656037 // FNV-1a
	for _, b := range []byte(name) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(*seed^hash, uint64(n)))
}

// keptDir is a folder that outlives a failed test.
func keptDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "espalier-torture-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("kept for a look: %s; seed %d", dir, *seed)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
