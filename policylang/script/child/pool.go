package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"espalier.dev/policylang/script"
)

// Config says how a Pool starts its children.
type Config struct {
	// Command is the program and its arguments; empty means this executable and Argument.
	Command []string
	// Size is how many scripts run at once, each in a child of its own; 0 means one per processor. Further calls wait.
	Size int
}

// Pool keeps children and gives them calls. Children start with the first call that needs one and stay for the next.
type Pool struct {
	command []string
	// slots has an entry per child that may be: the child, or nil where none was started yet or the last one was ended.
	slots  chan *process
	size   int
	closed chan struct{}
	close  sync.Once
}

var _ script.Engine = (*Pool)(nil)

// New makes a pool. No child is started yet.
func New(cfg Config) (*Pool, error) {
	if len(cfg.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program, to run scripts in it: %w", err)
		}
		cfg.Command = []string{self, Argument}
	}
	if cfg.Size <= 0 {
		cfg.Size = runtime.GOMAXPROCS(0)
	}
	p := &Pool{command: cfg.Command, slots: make(chan *process, cfg.Size), size: cfg.Size, closed: make(chan struct{})}
	for range cfg.Size {
		p.slots <- nil
	}
	return p, nil
}

var errClosed = errors.New("scripts run no more: the program is ending")

// Run evaluates a script in a child. The time starts when the child has the call, not while it waits for one.
func (p *Pool) Run(ctx context.Context, c script.Call) (script.Outcome, error) {
	c.Limits = c.Limits.Filled()
	select {
	case <-p.closed:
		return script.Outcome{}, errClosed
	default:
	}
	var child *process
	select {
	case child = <-p.slots:
	case <-ctx.Done():
		return script.Outcome{}, ctx.Err()
	case <-p.closed:
		return script.Outcome{}, errClosed
	}
	defer func() { p.slots <- child }()
	if child == nil {
		var err error
		if child, err = start(ctx, p.command); err != nil {
			child = nil
			return script.Outcome{}, err
		}
	}
	out, keep, err := child.run(ctx, c)
	if !keep {
		child.end()
		child = nil
	}
	return out, err
}

// Close waits for the calls that are running and ends the children.
func (p *Pool) Close() error {
	p.close.Do(func() {
		close(p.closed)
		for range p.size {
			if child := <-p.slots; child != nil {
				child.end()
			}
		}
	})
	return nil
}
