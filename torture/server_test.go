package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"espalier.dev/store/sqldb"
)

// place is where the data of a test is, and how a server on it is reached.
type place struct {
	dir      string       // for keys and logs; the data folder on SQLite
	at       []string     // flags that lead the binary to the data
	database sqldb.Config // the same for a look past the server
	open     func(*testing.T, sqldb.Config) *sqldb.DB
	org      int64  // the root
	refresh  string // its owner's refresh token
	starts   int
}

// server is one running espalier.
type server struct {
	cmd    *exec.Cmd
	log    *logFile
	url    string
	took   time.Duration // from its start until it was ready
	exited chan struct{} // closed when it has ended
}

// espalier runs the binary to its end and returns what it printed.
func (p *place) espalier(t *testing.T, verb string, args ...string) []byte {
	t.Helper()
	out, err := p.try(verb, args...)
	if err != nil {
		t.Fatalf("espalier %s: %v", verb, err)
	}
	return out
}

func (p *place) try(verb string, args ...string) ([]byte, error) {
	var out, stderr bytes.Buffer
	cmd := exec.Command(binary, append(append([]string{verb}, p.at...), args...)...)
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%w\n%s%s", err, out.Bytes(), stderr.Bytes())
	}
	return out.Bytes(), nil
}

// environment is that of the tests less what would configure espalier.
func environment() []string {
	return append(os.Environ(), "ESPALIER_CONFIG=", "ESPALIER_DATA=", "ESPALIER_DATABASE_URL=", "ESPALIER_KEY_FILE=", "ESPALIER_LISTEN=")
}

// init makes the data, with one organization.
func (p *place) init(t *testing.T) {
	t.Helper()
	var made struct {
		OrgID        int64
		RefreshToken string
	}
	if err := json.Unmarshal(p.espalier(t, "init", "--org", "Northwind MSP", "--owner", "olivia@northwind.example", "--json"), &made); err != nil {
		t.Fatal(err)
	}
	p.org, p.refresh = made.OrgID, made.RefreshToken
}

// start runs a server and waits until it is ready. It is killed at the end of the test if it still runs.
func (p *place) start(t *testing.T) *server {
	t.Helper()
	s, err := p.launch(t)
	if err == nil {
		err = s.wait()
	}
	if err != nil {
		t.Fatalf("start %d: %v; its log is %s", p.starts, err, s.log.file.Name())
	}
	return s
}

// launch runs a server and does not wait.
func (p *place) launch(t *testing.T) (*server, error) {
	p.starts++
	file, err := os.Create(filepath.Join(p.dir, fmt.Sprintf("server-%d.log", p.starts)))
	if err != nil {
		return nil, err
	}
	s := &server{log: &logFile{file: file, address: make(chan string, 1)}, exited: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json"}, p.at...)...)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = environment(), s.log, s.log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return s, err
	}
	s.took = time.Since(began)
	go func() {
		_ = s.cmd.Wait() // how it ended is in its state
		_ = file.Close()
		close(s.exited)
	}()
	t.Cleanup(s.kill)
	return s, nil
}

// wait waits until /readyz says yes.
func (s *server) wait() error {
	began := time.Now()
	select {
	case address := <-s.log.address:
		s.url = "http://" + address
	case <-s.exited:
		return fmt.Errorf("it ended: %s", s.cmd.ProcessState)
	case <-time.After(30 * time.Second):
		return errors.New("it does not listen after 30 s")
	}
	for time.Since(began) < 30*time.Second {
		res, err := http.Get(s.url + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				s.took += time.Since(began)
				return nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return errors.New("it is not ready after 30 s")
}

// kill ends the server as a power cut would, the disk aside.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // only refused if it has ended
	<-s.exited
}

// stop asks the server to end and returns its exit code, -1 if a signal ended it.
func (s *server) stop(t *testing.T) int {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(60 * time.Second):
		t.Fatal("the server runs on 60 s after SIGTERM")
	}
	return s.cmd.ProcessState.ExitCode()
}

// logFile keeps what a server says, and finds the address in it.
type logFile struct {
	file    *os.File
	address chan string

	mu    sync.Mutex
	line  []byte
	found bool
}

// Write is called with parts of lines.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.found {
		l.line = append(l.line, p...)
		l.look()
	}
	return l.file.Write(p)
}

func (l *logFile) look() {
	for {
		line, rest, whole := bytes.Cut(l.line, []byte("\n"))
		if !whole {
			return
		}
		l.line = rest
		var said struct{ Msg, Address string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "serving" && !l.found {
			l.found = true
			l.address <- said.Address
		}
	}
}
