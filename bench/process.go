package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"espalier.dev/store/sqldb"
)

// process is the real binary, serving.
type process struct {
	cmd  *exec.Cmd
	base string
	log  chan error // the end of its log
}

// start runs `espalier serve` on a world and returns when it says that it is ready, with the time that took.
func (l *lab) start(ctx context.Context, w *world) (p *process, took float64, err error) {
	bin, err := l.program(ctx, "espalier.dev/cmd/espalier")
	if err != nil {
		return nil, 0, err
	}
	p = &process{cmd: exec.Command(bin, serveArgs(w)...), log: make(chan error, 1)}
	p.cmd.Env = []string{"GOMAXPROCS=" + strconv.Itoa(processors)}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, 0, err
	}
	if p.base, err = p.address(stderr); err == nil {
		c := newCaller(p.base, "", 1)
		err = c.get(ctx, "/readyz")
		took = time.Since(began).Seconds()
		err = errors.Join(err, c.close())
	}
	if err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	return p, took, nil
}

// address reads the log up to the line that tells it, and the rest in the background.
func (p *process) address(stderr io.Reader) (string, error) {
	var head bytes.Buffer
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if m := servingLine.FindSubmatch(lines.Bytes()); m != nil {
			go func() {
				_, err := io.Copy(io.Discard, stderr)
				p.log <- err
			}()
			return "http://" + string(m[1]), nil
		}
		fmt.Fprintln(&head, lines.Text())
	}
	p.log <- lines.Err()
	return "", fmt.Errorf("espalier serve ended: %s", strings.TrimSpace(head.String()))
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return errors.Join(<-p.log, p.cmd.Wait())
}

// status reads a line of /proc/PID/status that is in KiB, and returns bytes.
func (p *process) status(name string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc has no %s", name)
}

// resident is the memory that is resident now.
func (p *process) resident() (float64, error) { return p.status("VmRSS") }

// forgetPeak makes the peak of the resident memory what it is now.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

func (p *process) peak() (float64, error) { return p.status("VmHWM") }

func prepareStart(ctx context.Context, l *lab) ([]figure, error) {
	empty, err := l.sqliteWorld(ctx, 0)
	if err != nil {
		return nil, err
	}
	full, err := l.sqliteWorld(ctx, l.sizes.customers)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, what := range []struct {
		name  string
		world *world
		bar   float64 // s
	}{
		{"start to ready, empty", empty, 0.150},
		{"start to ready, " + count(l.sizes.customers) + " organizations", full, 0.300},
	} {
		take := func(ctx context.Context) (float64, error) { return l.starting(ctx, what.world) }
		figures = append(figures,
			figure{name: what.name, unit: seconds, take: take, bar: what.bar},
			figure{name: what.name, unit: seconds, take: take, floors: []floor{l.floorE(what.world)}, against: "E", bar: 3})
	}
	return figures, nil
}

// starting is the median of some starts.
func (l *lab) starting(ctx context.Context, w *world) (float64, error) {
	times := make([]float64, l.sizes.starts)
	for i := range times {
		p, took, err := l.start(ctx, w)
		if err != nil {
			return 0, err
		}
		if err := p.stop(); err != nil {
			return 0, err
		}
		times[i] = took
	}
	return median(times), nil
}

// floorE is the median of some runs of the empty program, from its start to its one line.
func (l *lab) floorE(w *world) floor {
	return floor{"E", func(ctx context.Context) (float64, error) {
		bin, err := l.program(ctx, "espalier.dev/bench/empty")
		if err != nil {
			return 0, err
		}
		return p50(l.sizes.starts, func(int) error {
			cmd := exec.CommandContext(ctx, bin, filepath.Join(w.dir, sqldb.FileName))
			cmd.Env = []string{"GOMAXPROCS=" + strconv.Itoa(processors)}
			cmd.Stderr = os.Stderr
			return cmd.Run()
		})
	}}
}

func prepareMemory(ctx context.Context, l *lab) ([]figure, error) {
	empty, err := l.sqliteWorld(ctx, 0)
	if err != nil {
		return nil, err
	}
	full, err := l.sqliteWorld(ctx, l.sizes.customers)
	if err != nil {
		return nil, err
	}
	made := &atomic.Int64{}
	n := count(l.sizes.customers)
	return []figure{
		{name: "resident memory, idle", unit: memory, bar: 60 * mebi, take: func(ctx context.Context) (float64, error) {
			return l.on(ctx, empty, func(p *process) (float64, error) { return p.resident() })
		}},
		{name: "growth of resident memory while " + n + " are streamed", unit: memory, bar: 16 * mebi, take: func(ctx context.Context) (float64, error) {
			return l.on(ctx, full, func(p *process) (float64, error) { return l.growth(ctx, p, full) })
		}},
		{name: "resident memory with " + n + " organizations, after the load", unit: memory, bar: 120 * mebi, take: func(ctx context.Context) (float64, error) {
			return l.on(ctx, full, func(p *process) (float64, error) {
				if err := l.load(ctx, p, full, made); err != nil {
					return 0, err
				}
				return p.resident()
			})
		}},
	}, nil
}

// on measures a server that is started for it.
func (l *lab) on(ctx context.Context, w *world, take func(*process) (float64, error)) (v float64, err error) {
	defer l.takeDown(len(l.closers), &err)
	p, _, err := l.start(ctx, w)
	if err != nil {
		return 0, err
	}
	l.later(p.stop)
	return take(p)
}

// growth is how far the resident memory rises while the whole list is sent, from where one request has left it.
func (l *lab) growth(ctx context.Context, p *process, w *world) (float64, error) {
	c, err := l.caller(ctx, p.base, w, 1)
	if err != nil {
		return 0, err
	}
	if err := c.get(ctx, unfiltered.path(w)); err != nil {
		return 0, err
	}
	if err := p.forgetPeak(); err != nil {
		return 0, err
	}
	before, err := p.resident()
	if err != nil {
		return 0, err
	}
	if err := c.get(ctx, listPath(w)); err != nil {
		return 0, err
	}
	after, err := p.peak()
	return after - before, err
}

// load gets, lists, filters, streams and creates on 16 connections, each kind for a while.
func (l *lab) load(ctx context.Context, p *process, w *world, made *atomic.Int64) error {
	c, err := l.caller(ctx, p.base, w, connections)
	if err != nil {
		return err
	}
	get, err := getter(ctx, c, w)
	if err != nil {
		return err
	}
	create := func(ctx context.Context) error {
		return c.do(ctx, http.MethodPost, listPath(w), "application/json", numbered("load-", int(made.Add(1))).body(), http.StatusCreated, nil)
	}
	at := func(path string) func(context.Context) error {
		return func(ctx context.Context) error { return c.get(ctx, path) }
	}
	for _, do := range []func(context.Context) error{get, at(unfiltered.path(w)), at(byTags.path(w)), at(listPath(w)), create} {
		if _, err := throughput(ctx, connections, l.sizes.busy, do); err != nil {
			return err
		}
	}
	return nil
}
