package child

import (
	"context"
	"encoding/gob"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"espalier.dev/policylang/script"
)

const (
	// startTime is how long a child may take to be ready.
	startTime = 20 * time.Second
	// grace is how long after its time a script is given to be stopped from inside, which leaves a child to use again.
	grace = 50 * time.Millisecond
	// watchEvery is how often a child's memory is looked at.
	watchEvery = 10 * time.Millisecond
	// idleMemory is how much more memory than at its start a child may have between two calls, in bytes.
	idleMemory = 128 << 20
)

// process is a child. It is used by one call at a time.
type process struct {
	cmd    *exec.Cmd
	stderr words
	send   *gob.Encoder
	read   *gob.Decoder
	memory int64 // bytes it had when it was ready
}

// start runs command and waits until it is ready.
func start(ctx context.Context, command []string) (*process, error) {
	p := &process{cmd: exec.Command(command[0], command[1:]...)}
	// Time zone and processors only: a secret that is not there can't be found.
	p.cmd.Env = []string{"TZ=UTC", "GOMAXPROCS=2"}
	p.cmd.Dir = "/"
	p.cmd.Stderr = &p.stderr
	apart(p.cmd)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process for scripts: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process for scripts: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process for scripts: %w", err)
	}
	p.send, p.read = gob.NewEncoder(in), gob.NewDecoder(out)
	if err := p.ready(ctx); err != nil {
		p.end()
		return nil, fmt.Errorf("start a process for scripts: %w%s", err, p.stderr.says())
	}
	p.memory = p.resident()
	return p, nil
}

func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	hello := make(chan error, 1)
	go func() { hello <- p.read.Decode(new(reply)) }()
	select {
	case err := <-hello:
		return err
	case <-ctx.Done():
		p.cmd.Process.Kill()
		<-hello
		return ctx.Err()
	}
}

// run gives the child a call and watches over it. keep is false if the child can't be used again and is to be ended.
func (p *process) run(ctx context.Context, c script.Call) (out script.Outcome, keep bool, err error) {
	var answer reply
	done := make(chan error, 1)
	go func() { done <- p.exchange(c, &answer) }()
	overdue := time.NewTimer(c.Limits.Time + grace)
	defer overdue.Stop()
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	ceiling := p.ceiling(c)
	for {
		select {
		case err := <-done:
			if err != nil {
				return script.Outcome{}, false, fmt.Errorf("the process for scripts failed: %w%s", err, p.stderr.says())
			}
			out, err = answer.result()
			return out, p.resident() <= p.memory+idleMemory, err
		case <-ctx.Done():
			err = ctx.Err()
		case <-overdue.C:
			err = &script.LimitError{Limit: script.Time, Limits: c.Limits}
		case <-look.C:
			if p.resident() <= ceiling {
				continue
			}
			err = &script.LimitError{Limit: script.Memory, Limits: c.Limits}
		}
		p.cmd.Process.Kill()
		<-done // its pipes are gone, so this is soon
		return script.Outcome{}, false, err
	}
}

func (p *process) exchange(c script.Call, answer *reply) error {
	if err := p.send.Encode(c); err != nil {
		return err
	}
	return p.read.Decode(answer)
}

// ceiling is the most memory that the limit explains: what the engine counts, a result on its way out beside it, and the
// arguments on their way in. The engine's own limit comes first, except where it does not count.
func (p *process) ceiling(c script.Call) int64 {
	size := int64(len(c.Source))
	for _, a := range c.Args {
		size += int64(len(a))
	}
	return p.memory + 2*c.Limits.Memory + 4*size
}

func (p *process) resident() int64 {
	return residentMemory(p.cmd.Process.Pid)
}

// end stops the child, whatever it does, and waits for it.
func (p *process) end() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// words keeps the start of what a child writes when it dies.
type words struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps what still has room.
func (t *words) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const room = 2 << 10
	t.text = append(t.text, p[:min(len(p), room-len(t.text))]...)
	return len(p), nil
}

// says is the text in brackets, "" if there is none.
func (t *words) says() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, _, _ := strings.Cut(strings.TrimSpace(string(t.text)), "\n")
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
