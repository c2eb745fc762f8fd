package torture

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// small is the size of the disk that is filled, in MiB.
const small = 24

// smallDisk mounts a file system of its own in dir. Where that is not allowed the test says so and is skipped;
// TestFailingDisk runs everywhere.
func smallDisk(t *testing.T, dir string) string {
	t.Helper()
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("espalier-torture", disk, "tmpfs", 0, fmt.Sprintf("size=%dm", small)); err != nil {
		t.Skipf("a full disk needs a small one, and mounting a tmpfs is refused (%v): run this as root, in a container with the right CAP_SYS_ADMIN", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if err := os.CopyFS(filepath.Join(dir, "kept"), os.DirFS(disk)); err != nil {
				t.Logf("keep what was on the small disk: %v", err)
			}
		}
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// ballast fills a disk to the last byte.
type ballast string

func (b ballast) load(t *testing.T) {
	t.Helper()
	f, err := os.Create(string(b))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	piece := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(piece)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
}

func (b ballast) drop(t *testing.T) {
	t.Helper()
	if err := os.Remove(string(b)); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := keptDir(t)
	disk := smallDisk(t, dir)
	p := sqliteAt(t, dir, filepath.Join(disk, "data"))
	k := newChecker(t, p)
	s := p.start(t)
	full := ballast(filepath.Join(disk, "ballast"))
	for round := range max(1, *rounds/20) {
		work(t, k, s, terms{temporary: true, says: "the storage is full"}, func() {
			k.underWay(t)
			time.Sleep(time.Duration(k.chance.IntN(200)) * time.Millisecond)
			full.load(t)
			k.declined(t)
			k.reads(t, s)
			full.drop(t)
			k.underWay(t)
		})
		k.check(t, fmt.Sprintf("round %d", round+1), s)
	}
	t.Logf("%s", k.sum())
	if code := s.stop(t); code != 0 {
		t.Errorf("stopped with %d", code)
	}
	full.load(t)
	startOnFull(t, p)
	full.drop(t)
	k.check(t, "after a start on a full disk", p.start(t))
}

// startOnFull wants a server that finds the disk full to say so.
func startOnFull(t *testing.T, p *place) {
	t.Helper()
	s, err := p.launch(t)
	if err != nil {
		t.Fatal(err)
	}
	defer s.kill()
	if s.wait() == nil {
		return // it serves readers
	}
	said, err := os.ReadFile(s.log.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(said), "the storage is full") {
		t.Errorf("start on a full disk: got %q, want it to say that the storage is full", said)
	}
}

// A disk that refuses to write, by a limit of the size of files, is not full, but the rest is the same. No rights are needed.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	p := onSQLite(t)
	k := newChecker(t, p)
	s := p.start(t)
	for round := range max(1, *rounds/20) {
		work(t, k, s, terms{temporary: true, says: "the storage cannot be used now; nothing was changed"}, func() {
			k.underWay(t)
			limitFiles(t, s, 4096)
			k.declined(t)
			k.reads(t, s)
			limitFiles(t, s, unix.RLIM_INFINITY)
			k.underWay(t)
		})
		k.check(t, fmt.Sprintf("round %d", round+1), s)
	}
	work(t, k, s, terms{temporary: true, lost: true}, func() {
		k.underWay(t)
		limitFiles(t, s, 4096)
		k.declined(t)
		s.kill()
	})
	k.check(t, "after a kill", p.start(t)) // what was refused has not come back from half a log
	t.Logf("%s", k.sum())
}

// limitFiles bounds the files that a running server may write, in bytes. What is written already stays.
func limitFiles(t *testing.T, s *server, size uint64) {
	t.Helper()
	if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
}

// declined waits until each writer's requests are refused, so that no room is left for anything.
func (k *checker) declined(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for _, w := range k.writers {
		for from := w.declined.Load(); w.declined.Load() < from+3; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the disk is full, but requests of writer %d are not refused; %s", w.n, k.sum())
			}
		}
	}
}

// reads wants a full disk to harm no reader, not even one who signs in.
func (k *checker) reads(t *testing.T, s *server) {
	t.Helper()
	if _, err := k.list(t.Context(), s); err != nil {
		t.Errorf("list customers while the disk is full: %v", err)
	}
	if got := status(t, s.url+"/readyz"); got != http.StatusOK {
		t.Errorf("/readyz while the disk is full: got %d, want 200", got)
	}
}
