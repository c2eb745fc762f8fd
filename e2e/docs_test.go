package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prologues is what a reader of a page has before its first command.
var prologues = map[string]string{
	"docs/cli.md": `
espalier init --data "$PWD/data" --org "Northwind MSP" --owner olivia@northwind.example --json > made.json
sed -n 's/.*"refreshToken": "\(.*\)".*/\1/p' made.json > token.txt
espalier serve --data "$PWD/data" --listen 127.0.0.1:8080 &
espalier login https://espalier.example.com --token-file token.txt
espalier customer import examples/northwind/customers.csv
espalier customer tag 1001 tier:gold
cp examples/northwind/customers.csv .
`,
}

// TestDocs runs what stands in the sh blocks of README.md and the handbook, in order, as a reader would who pastes them. Blocks
// marked text are not run: they need root, another machine, or a person.
func TestDocs(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(page, "../")
		blocks := shellBlocks(string(text))
		if blocks == "" {
			continue
		}
		run++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runDocs(t, prologues[name]+blocks)
		})
	}
	if run < 3 {
		t.Errorf("%d pages have commands to run; want README.md, docs/cli.md and docs/operations.md at least", run)
	}
}

// block is a fenced block of commands.
var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

func shellBlocks(page string) string {
	var script strings.Builder
	for _, at := range block.FindAllStringSubmatchIndex(page, -1) {
		fmt.Fprintf(&script, "# line %d\n%s", strings.Count(page[:at[2]], "\n")+1, page[at[2]:at[3]])
	}
	return script.String()
}

// runDocs runs a script in a folder that looks like a clone with the binary in it.
func runDocs(t *testing.T, script string) {
	dir := t.TempDir()
	lookLikeAClone(t, dir)
	address := freeAddress(t)
	script = standIns(dir, address).Replace(script)
	cmd := exec.Command("sh", "-eu")
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(background(script, address))
	out, err := runGroup(cmd)
	if err != nil {
		t.Errorf("%v\n%s\nThe script was\n%s", err, out, script)
	}
}

// standIns replaces what the pages call things by what is there.
func standIns(dir, address string) *strings.Replacer {
	return strings.NewReplacer(
		"127.0.0.1:8080", address, "127.0.0.1:8081", address, "https://espalier.example.com", "http://"+address,
		"/var/lib/espalier", filepath.Join(dir, "data"), "/srv/backup", dir,
		" 1001", " 11", " 1002", " 12", // ids of customers
	)
}

// serves is a line that runs a server, in the foreground or not.
var serves = regexp.MustCompile(`(?m)^((?:bin/)?espalier serve .*?) *&?$`)

// background keeps servers running beside what follows, waits until they are ready, and ends them at the end.
func background(script, address string) string {
	const prologue = "pids=\ntrap 'for p in $pids; do kill $p; done; wait' EXIT\nset -x\n"
	wait := "${1} --listen " + address + " &\npids=\"$$pids $$!\"\nuntil curl -sf http://" + address + "/readyz >/dev/null; do sleep 0.05; done"
	return prologue + serves.ReplaceAllString(script, wait)
}

func lookLikeAClone(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"bin/espalier": binary, "examples": filepath.Join(root, "examples")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	// The binary is built already: make only has to know its target.
	knows := fmt.Sprintf("#!/bin/sh\nPATH=${PATH#*:} exec make -C %s -n \"$@\" >/dev/null\n", root)
	if err := os.WriteFile(filepath.Join(dir, "bin", "make"), []byte(knows), 0o755); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runGroup runs a command of a shell, and ends whatever it has left behind.
func runGroup(cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	group := -cmd.Process.Pid
	stuck := time.AfterFunc(90*time.Second, func() { syscall.Kill(group, syscall.SIGKILL) })
	defer stuck.Stop()
	err := cmd.Wait()
	syscall.Kill(group, syscall.SIGKILL)
	return out.Bytes(), err
}

// TestDemo runs make demo, and pastes the curl that it prints.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, "make", "-C", "..", "demo", "LISTEN="+freeAddress(t), "DEMO="+filepath.Join(dir, "demo"), "BIN="+filepath.Join(dir, "espalier"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) } // Ctrl-C reaches all of them
	cmd.WaitDelay = 20 * time.Second
	var log logLines
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		log.read(out)
	}()
	curl := waitForCurl(t, &log, ended)
	listed, err := exec.Command("sh", "-c", curl).Output()
	if err != nil {
		t.Errorf("%s: %v", curl, err)
	}
	if n := bytes.Count(listed, []byte(`"kind":"msp#customer"`)); n != 250 {
		t.Errorf("the printed curl lists %d customers, want 250", n)
	}
	cancel()
	<-ended
	cmd.Wait() // make says that it was interrupted
}

func waitForCurl(t *testing.T, log *logLines, ended chan struct{}) string {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		for line := range strings.Lines(log.text()) {
			if strings.HasPrefix(line, "  curl ") && strings.Contains(log.text(), "Ctrl-C") {
				return strings.TrimSpace(line)
			}
		}
		select {
		case <-ended:
			t.Fatalf("make demo ended:\n%s", log.text())
		case <-deadline:
			t.Fatalf("make demo prints no curl:\n%s", log.text())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
