package torture

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cluster is a PostgreSQL of our own, for the other tests would not like what is done to it.
type cluster struct {
	url     string
	program string // crashes it and starts it again
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	cmd := exec.Command("scripts/postgres.sh", "run", "sh", "-c", `echo "$ESPALIER_TEST_POSTGRES_URL"; echo "$ESPALIER_TEST_POSTGRES_RESTART"; cat`)
	cmd.Dir = ".."
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // ends cat, and the script removes everything
		if err := cmd.Wait(); err != nil {
			t.Errorf("scripts/postgres.sh: %v", err)
		}
	})
	lines := bufio.NewReader(out)
	var said [2]string
	for i := range said {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("scripts/postgres.sh did not start a PostgreSQL: %v", err)
		}
		said[i] = strings.TrimSpace(line)
	}
	return &cluster{said[0], said[1]}
}

// crash ends PostgreSQL in the middle of everything and starts it again after so many seconds.
func (c *cluster) crash(t *testing.T, after int) {
	t.Helper()
	if out, err := exec.Command(c.program, strconv.Itoa(after)).CombinedOutput(); err != nil {
		t.Fatalf("restart PostgreSQL: %v\n%s", err, out)
	}
}

// pauses is how long PostgreSQL stays away, in seconds, in turns: shorter than the server tries again, and longer.
var pauses = []int{0, 7, 1}

func TestPostgresRestarts(t *testing.T) {
	if !hasPostgres() {
		return
	}
	t.Parallel()
	c := startCluster(t)
	p := postgresAt(t, c.url)
	k := newChecker(t, p)
	s := p.start(t)
	for round := range max(2, *postgresRounds/5) {
		pause := pauses[round%len(pauses)]
		work(t, k, s, terms{temporary: true}, func() {
			k.underWay(t)
			time.Sleep(moment(k.chance))
			c.crash(t, pause)
			k.underWay(t)
		})
		if got := status(t, s.url+"/readyz"); got != http.StatusOK {
			t.Errorf("/readyz after the restart: got %d, want 200", got)
		}
		k.check(t, fmt.Sprintf("restart %d, away for %d s", round+1, pause), s)
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("stopped with %d", code)
	}
	t.Logf("one server over %d starts of PostgreSQL; %s", max(2, *postgresRounds/5)+1, k.sum())
}

func status(t *testing.T, url string) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}
